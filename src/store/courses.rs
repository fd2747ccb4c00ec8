//! Courses and their stages, as stored; and the one transaction that puts a course in.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    bulk::Bulk as _,
    changes::{KEPT, note_change},
    db::{read, write},
    lessons::{BlockRow, LessonRow},
    quiz::QuizRow,
    schema::{course, lesson, quiz_item, stage},
};
use crate::domain::{
    clock::Millis,
    course::{Course, Lesson},
    ids::{CourseId, LessonId},
};

/// A course without its content.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = course, treat_none_as_default_value = false)]
pub(crate) struct CourseRow {
    pub id: CourseId,
    pub title: String,
    pub description: String,
    pub source: String,
    /// Of everything in the course: equal means that there is nothing to import.
    pub content_hash: String,
    pub created_at: i64,
    pub updated_at: i64,
}

/// The name of one stage of a course.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = stage, treat_none_as_default_value = false)]
pub(crate) struct StageRow {
    pub course_id: CourseId,
    pub number: i32,
    pub title: String,
}

/// What an import did, in lessons.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Saved {
    pub new: usize,
    pub changed: usize,
    pub unchanged: usize,
    pub gone: usize,
    /// Anything at all was written; a title or a quiz item counts too.
    pub written: bool,
}

/// How the lessons of an import differ from those that are stored.
struct Difference {
    saved: Saved,
    /// Lessons whose rows go: changed ones and those that are gone.
    drop: Vec<LessonId>,
    lessons: Vec<LessonRow>,
    blocks: Vec<BlockRow>,
    /// Unchanged lessons that stand elsewhere now.
    moved: Vec<(LessonId, i32)>,
}

/// Rows named in one DELETE.
const NAMES: usize = 500;

impl Store {
    /// By title.
    pub(crate) async fn courses(&self) -> Result<Vec<CourseRow>, StoreError> {
        Ok(read!(self, |conn| course::table
            .order((course::title, course::id))
            .select(CourseRow::as_select())
            .load(conn)
            .await?))
    }

    pub(crate) async fn course(&self, id: &CourseId) -> Result<CourseRow, StoreError> {
        Ok(read!(self, |conn| course::table
            .find(id)
            .select(CourseRow::as_select())
            .get_result(conn)
            .await?))
    }

    /// The stages of every course, each course's in order.
    pub(crate) async fn stages(&self) -> Result<Vec<StageRow>, StoreError> {
        Ok(read!(self, |conn| stage::table
            .order((stage::course_id, stage::number))
            .select(StageRow::as_select())
            .load(conn)
            .await?))
    }

    async fn has_just_this(&self, row: &CourseRow) -> Result<bool, StoreError> {
        match self.course(&row.id).await {
            Ok(stored) => Ok(stored.content_hash == row.content_hash),
            Err(StoreError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes the stored course equal to `course` in one transaction, writing only what differs,
    /// and tells every node. Where nothing differs, nothing is written and nobody is told.
    pub(crate) async fn save_course(
        &self,
        course: Course,
        now: Millis,
    ) -> Result<Saved, StoreError> {
        let (row, stages, quiz) = rows_of(&course, now);
        if self.has_just_this(&row).await? {
            return Ok(Saved { unchanged: course.lessons.len(), ..Saved::default() });
        }
        write!(self, |conn| {
            let id = row.id.clone();
            // Two nodes may begin at once on an empty database. The course's row lets one wait for
            // the other, who then finds nothing left to do.
            diesel::insert_into(course::table)
                .values(CourseRow { content_hash: String::new(), ..row.clone() })
                .on_conflict(course::id)
                .do_nothing()
                .execute(conn)
                .await?;
            let stored: String = diesel::update(course::table.find(&id))
                .set(course::created_at.eq(course::created_at))
                .returning(course::content_hash)
                .get_result(conn)
                .await?;
            let lessons: Vec<LessonRow> = lesson::table
                .filter(lesson::course_id.eq(&id))
                .select(LessonRow::as_select())
                .load(conn)
                .await?;
            let difference = compare(&course, &lessons);
            if stored == row.content_hash {
                return Ok(difference.saved);
            }
            diesel::update(course::table.find(&id))
                .set((
                    course::title.eq(&row.title),
                    course::description.eq(&row.description),
                    course::source.eq(&row.source),
                    course::content_hash.eq(&row.content_hash),
                    course::updated_at.eq(now.0),
                ))
                .execute(conn)
                .await?;
            diesel::delete(stage::table.filter(stage::course_id.eq(&id))).execute(conn).await?;
            conn.insert_stages(stages).await?;
            diesel::delete(quiz_item::table.filter(quiz_item::course_id.eq(&id)))
                .execute(conn)
                .await?;
            conn.insert_quiz(quiz).await?;
            for names in difference.drop.chunks(NAMES) {
                let gone = lesson::course_id.eq(&id).and(lesson::id.eq_any(names));
                diesel::delete(lesson::table.filter(gone)).execute(conn).await?;
            }
            for (moved, position) in &difference.moved {
                diesel::update(lesson::table.find((&id, moved)))
                    .set(lesson::position.eq(position))
                    .execute(conn)
                    .await?;
            }
            conn.insert_lessons(difference.lessons).await?;
            conn.insert_blocks(difference.blocks).await?;
            note_change!(conn, "course", id.as_str(), now.plus(KEPT).0, now.0);
            Ok(Saved { written: true, ..difference.saved })
        })
    }
}

fn rows_of(course: &Course, now: Millis) -> (CourseRow, Vec<StageRow>, Vec<QuizRow>) {
    let row = CourseRow {
        id: course.id.clone(),
        title: course.title.clone(),
        description: course.description.clone(),
        source: course.source.as_str().to_owned(),
        content_hash: course.content_hash(),
        created_at: now.0,
        updated_at: now.0,
    };
    let stage = |stage: &crate::domain::course::StageTitle| StageRow {
        course_id: course.id.clone(),
        number: i32::from(stage.number.number()),
        title: stage.title.clone(),
    };
    let quiz = (0..).zip(&course.quiz).map(|(at, item)| QuizRow::new(&course.id, at, item));
    (row, course.stages.iter().map(stage).collect(), quiz.collect())
}

fn compare(course: &Course, stored: &[LessonRow]) -> Difference {
    let old: BTreeMap<&LessonId, &LessonRow> = stored.iter().map(|row| (&row.id, row)).collect();
    let kept: BTreeSet<&LessonId> = course.lessons.iter().map(|lesson| &lesson.id).collect();
    let gone = stored.iter().filter(|row| !kept.contains(&row.id)).map(|row| row.id.clone());
    let drop: Vec<LessonId> = gone.collect();
    let saved = Saved { gone: drop.len(), ..Saved::default() };
    let mut difference = Difference { saved, drop, lessons: vec![], blocks: vec![], moved: vec![] };
    for (position, lesson) in (0..).zip(&course.lessons) {
        difference.add(&course.id, position, lesson, old.get(&lesson.id).copied());
    }
    difference
}

impl Difference {
    fn add(&mut self, course: &CourseId, position: i32, lesson: &Lesson, old: Option<&LessonRow>) {
        let row = LessonRow::new(course, position, lesson);
        match old {
            Some(old) if old.content_hash == row.content_hash => {
                self.saved.unchanged += 1;
                if old.position != position {
                    self.moved.push((lesson.id.clone(), position));
                }
                return;
            }
            Some(_) => {
                self.saved.changed += 1;
                self.drop.push(lesson.id.clone());
            }
            None => self.saved.new += 1,
        }
        self.lessons.push(row);
        let blocks = (0..).zip(&lesson.blocks);
        self.blocks.extend(blocks.map(|(at, block)| BlockRow::new(course, &lesson.id, at, block)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::stage::Stage,
        store::{contract::on_both, sample::course},
    };

    #[tokio::test(flavor = "multi_thread")]
    async fn two_that_put_the_same_course_in_at_once_are_both_content() {
        let test = async |store: Store| {
            for now in 1..6 {
                let lessons: Vec<String> = (0..30).map(|n| format!("{now}-{n}")).collect();
                let lessons: Vec<&str> = lessons.iter().map(String::as_str).collect();
                let save = || store.save_course(course("c", &lessons), Millis(now));
                let (a, b, c) = tokio::join!(save(), save(), save());
                let written = [a, b, c].map(|saved| saved.unwrap().written);
                assert_eq!(written.iter().filter(|written| **written).count(), 1);
            }
        };
        Box::pin(on_both(test)).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_course_comes_back_as_it_was_put_in_and_every_node_is_told() {
        on_both(async |store| {
            let saved = store.save_course(course("c", &["a", "b"]), Millis(7)).await.unwrap();

            assert_eq!((saved.new, saved.written), (2, true));
            let row = store.course(&CourseId::new("c")).await.unwrap();
            assert_eq!((row.title.as_str(), row.created_at), ("Course c", 7));
            assert_eq!(store.courses().await.unwrap(), [row]);
            assert_eq!(store.stages().await.unwrap().len(), 2);
            let changes = store.changes_after(0).await.unwrap();
            assert_eq!((changes[0].kind.as_str(), changes[0].subject.as_str()), ("course", "c"));
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_same_import_again_writes_nothing_and_tells_nobody() {
        on_both(async |store| {
            store.save_course(course("c", &["a", "b"]), Millis(7)).await.unwrap();
            let again = store.save_course(course("c", &["a", "b"]), Millis(9)).await.unwrap();

            assert_eq!(again, Saved { unchanged: 2, ..Saved::default() });
            assert_eq!(store.changes_after(0).await.unwrap().len(), 1);
            assert_eq!(store.course(&CourseId::new("c")).await.unwrap().updated_at, 7);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_import_writes_only_the_lessons_that_differ() {
        on_both(async |store| {
            let id = CourseId::new("c");
            let in_one_stage = |lessons: &[&str]| {
                let mut course = course("c", lessons);
                course.lessons.iter_mut().for_each(|lesson| lesson.stage = Stage::FIRST);
                course
            };
            store.save_course(in_one_stage(&["a", "b", "c"]), Millis(7)).await.unwrap();
            let mut next = in_one_stage(&["new", "c", "b"]);
            "Edited".clone_into(&mut next.lessons[2].title);
            let saved = store.save_course(next, Millis(9)).await.unwrap();

            let wanted = Saved { new: 1, changed: 1, unchanged: 1, gone: 1, written: true };
            assert_eq!(saved, wanted);
            let lessons = store.lessons_of(&id).await.unwrap();
            let told: Vec<_> = lessons.iter().map(|l| (l.id.as_str(), l.title.as_str())).collect();
            assert_eq!(told, [("new", "Lesson new"), ("c", "Lesson c"), ("b", "Edited")]);
            assert!(store.blocks_of(&id, &LessonId::new("a")).await.unwrap().is_empty());
            assert_eq!(store.blocks_of(&id, &LessonId::new("b")).await.unwrap().len(), 2);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_unknown_course_is_not_found() {
        on_both(async |store| {
            let found = store.course(&CourseId::new("none")).await;

            assert!(matches!(found, Err(StoreError::NotFound)));
        })
        .await;
    }
}
