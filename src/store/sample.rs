//! Small courses and people for tests.

use diesel::ExpressionMethods as _;
use diesel_async::RunQueryDsl;

use super::{Store, StoreError, db::write, schema::user};
use crate::domain::{
    course::{BlockKind, BlockList, Course, Lesson, Source, StageTitle},
    ids::{CourseId, LessonId},
    quiz::QuizItem,
    stage::Stage,
};

/// A course with a heading and a paragraph in each of `lessons`, the first in stage 1, the second
/// in stage 2 and so on, and four questions in stage 1 whose answer is always option 1.
pub(crate) fn course(id: &str, lessons: &[&str]) -> Course {
    let stage = |number: usize| Stage::new(i32::try_from(number).unwrap()).unwrap();
    let question = |number: usize| QuizItem {
        id: format!("{id}-1-{number}"),
        stage: Stage::FIRST,
        lesson: LessonId::new(lessons[0]),
        section: format!("About {}", lessons[0]),
        prompt: format!("Question {number}?"),
        options: ["no", "yes", "perhaps", "never"].map(str::to_owned).to_vec(),
        answer: 1,
        forms: vec!["yes".to_owned()],
        explanation: format!("It is yes, for the reason {number}."),
    };
    Course {
        id: CourseId::new(id),
        title: format!("Course {id}"),
        description: "For tests.".to_owned(),
        source: Source::Builtin,
        stages: (1..=lessons.len())
            .map(|n| StageTitle { number: stage(n), title: format!("Stage {n}") })
            .collect(),
        lessons: lessons.iter().enumerate().map(|(n, name)| lesson(name, stage(n + 1))).collect(),
        quiz: (1..=4).map(question).collect(),
    }
}

fn lesson(name: &str, stage: Stage) -> Lesson {
    let mut blocks = BlockList::default();
    for (kind, tag, text) in [
        (BlockKind::Heading, "h2", format!("About {name}")),
        (BlockKind::Paragraph, "p", format!("The lesson {name} says so.")),
    ] {
        blocks.push(kind, format!("<{tag}>{text}</{tag}>"), text);
    }
    let (id, title) = (LessonId::new(name), format!("Lesson {name}"));
    Lesson { id, stage, title, blocks: blocks.finish() }
}

/// A verified student who can be enrolled.
pub(crate) async fn insert_user(store: &Store, id: &str) {
    try_insert_user(store, id.to_owned()).await.unwrap();
}

async fn try_insert_user(store: &Store, id: String) -> Result<usize, StoreError> {
    write!(store, |conn| {
        Ok(diesel::insert_into(user::table)
            .values((
                user::id.eq(&id),
                user::name.eq(&id),
                user::email.eq(format!("{id}@example.org")),
                user::email_verified.eq(true),
                user::role.eq("student"),
                user::banned.eq(false),
                user::two_factor_enabled.eq(false),
                user::version.eq(1_i64),
                user::created_at.eq(1_i64),
                user::updated_at.eq(1_i64),
            ))
            .execute(conn)
            .await?)
    })
}
