//! Lessons and their blocks, as stored.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    db::read,
    schema::{block, lesson},
};
use crate::domain::{
    course::{Block, Lesson},
    ids::{BlockId, CourseId, LessonId},
    stage::Stage,
};

/// A lesson without its blocks.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = lesson, treat_none_as_default_value = false)]
pub(crate) struct LessonRow {
    pub course_id: CourseId,
    pub id: LessonId,
    pub stage: i32,
    /// Its place in the course, from 0.
    pub position: i32,
    pub title: String,
    pub content_hash: String,
}

impl LessonRow {
    pub(super) fn new(course: &CourseId, position: i32, lesson: &Lesson) -> Self {
        Self {
            course_id: course.clone(),
            id: lesson.id.clone(),
            stage: i32::from(lesson.stage.number()),
            position,
            title: lesson.title.clone(),
            content_hash: lesson.content_hash(),
        }
    }

    /// A stage that cannot be is a defect of the data.
    pub(crate) fn stage(&self) -> Result<Stage, StoreError> {
        Stage::new(self.stage).ok_or_else(|| {
            StoreError::Broken(format!("lesson {} stands in stage {}", self.id, self.stage))
        })
    }
}

/// One block of a lesson.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = block, treat_none_as_default_value = false)]
pub(crate) struct BlockRow {
    pub course_id: CourseId,
    pub lesson_id: LessonId,
    pub id: BlockId,
    /// Its place in the lesson, from 0.
    pub position: i32,
    pub kind: String,
    pub heading: String,
    pub html: String,
    pub body: String,
}

impl BlockRow {
    pub(super) fn new(course: &CourseId, lesson: &LessonId, position: i32, block: &Block) -> Self {
        Self {
            course_id: course.clone(),
            lesson_id: lesson.clone(),
            id: block.id.clone(),
            position,
            kind: block.kind.as_str().to_owned(),
            heading: block.heading.clone(),
            html: block.html.clone(),
            body: block.body.clone(),
        }
    }

    pub(crate) fn into_block(self) -> Result<Block, StoreError> {
        let kind = self.kind.parse();
        Ok(Block {
            id: self.id,
            kind: kind.map_err(|error| StoreError::Broken(format!("{error}")))?,
            heading: self.heading,
            html: self.html,
            body: self.body,
        })
    }
}

impl Store {
    /// In reading order, the lessons of all courses.
    pub(crate) async fn lessons(&self) -> Result<Vec<LessonRow>, StoreError> {
        Ok(read!(self, |conn| lesson::table
            .order((lesson::course_id, lesson::position))
            .select(LessonRow::as_select())
            .load(conn)
            .await?))
    }

    /// In reading order.
    pub(crate) async fn lessons_of(&self, course: &CourseId) -> Result<Vec<LessonRow>, StoreError> {
        Ok(read!(self, |conn| lesson::table
            .filter(lesson::course_id.eq(course))
            .order(lesson::position)
            .select(LessonRow::as_select())
            .load(conn)
            .await?))
    }

    pub(crate) async fn lesson(
        &self,
        course: &CourseId,
        id: &LessonId,
    ) -> Result<LessonRow, StoreError> {
        Ok(read!(self, |conn| lesson::table
            .find((course, id))
            .select(LessonRow::as_select())
            .get_result(conn)
            .await?))
    }

    /// In reading order; none for an unknown lesson.
    pub(crate) async fn blocks_of(
        &self,
        course: &CourseId,
        lesson: &LessonId,
    ) -> Result<Vec<BlockRow>, StoreError> {
        Ok(read!(self, |conn| block::table
            .filter(block::course_id.eq(course).and(block::lesson_id.eq(lesson)))
            .order(block::position)
            .select(BlockRow::as_select())
            .load(conn)
            .await?))
    }

    /// Every block of a course, lesson by lesson (by id), each in reading order.
    pub(crate) async fn blocks_of_course(
        &self,
        course: &CourseId,
    ) -> Result<Vec<BlockRow>, StoreError> {
        Ok(read!(self, |conn| block::table
            .filter(block::course_id.eq(course))
            .order((block::lesson_id, block::position))
            .select(BlockRow::as_select())
            .load(conn)
            .await?))
    }

    pub(crate) async fn block(
        &self,
        course: &CourseId,
        lesson: &LessonId,
        id: &BlockId,
    ) -> Result<BlockRow, StoreError> {
        Ok(read!(self, |conn| block::table
            .find((course, lesson, id))
            .select(BlockRow::as_select())
            .get_result(conn)
            .await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::clock::Millis,
        store::{contract::on_both, sample::course},
    };

    #[tokio::test(flavor = "multi_thread")]
    async fn lessons_and_blocks_come_in_reading_order() {
        on_both(async |store| {
            let id = CourseId::new("c");
            store.save_course(course("c", &["b", "a"]), Millis(1)).await.unwrap();

            let lessons = store.lessons_of(&id).await.unwrap();
            assert_eq!(lessons.iter().map(|l| l.id.as_str()).collect::<Vec<_>>(), ["b", "a"]);
            assert_eq!(store.lessons().await.unwrap(), lessons);
            let blocks = store.blocks_of(&id, &LessonId::new("a")).await.unwrap();
            assert_eq!(
                blocks.iter().map(|b| b.body.as_str()).collect::<Vec<_>>(),
                ["About a", "The lesson a says so."]
            );
            let one = store.block(&id, &LessonId::new("a"), &blocks[1].id).await.unwrap();
            assert_eq!(one.into_block().unwrap().heading, "About a");
            assert_eq!(store.blocks_of_course(&id).await.unwrap().len(), 4);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_block_is_found_in_its_own_lesson_only() {
        on_both(async |store| {
            let id = CourseId::new("c");
            store.save_course(course("c", &["a", "b"]), Millis(1)).await.unwrap();
            let blocks = store.blocks_of(&id, &LessonId::new("a")).await.unwrap();

            let found = store.block(&id, &LessonId::new("b"), &blocks[1].id).await;
            assert!(matches!(found, Err(StoreError::NotFound)));
            let found = store.lesson(&CourseId::new("other"), &LessonId::new("a")).await;
            assert!(matches!(found, Err(StoreError::NotFound)));
        })
        .await;
    }
}
