//! Small courses and people for tests.

use super::{Store, accounts::tests::login, users::tests::person};
use crate::domain::{
    course::{BlockKind, BlockList, Course, Lesson, Source, StageTitle},
    ids::{CourseId, LessonId},
    quiz::QuizItem,
    role::Role,
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
    let mut user = person(id, Role::Student);
    user.email_verified = true;
    store.insert_user(user, login(id), None).await.unwrap();
}
