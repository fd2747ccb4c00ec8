//! Keeps the index equal to what is stored.

use std::collections::BTreeMap;

use super::{CourseError, Courses};
use crate::{
    domain::{
        chunk::{Chunk, Size, chunks},
        course::{Block, Lesson, Source},
        ids::{CourseId, LessonId},
    },
    store::{Store, StoreError},
};

impl Courses {
    /// Puts every stored course into the index, which is then ready. A course after the other, so
    /// that memory holds one course's text at a time beside the index itself.
    pub(crate) async fn load_index(&self) -> Result<(), CourseError> {
        for course in self.store.courses().await? {
            self.reload(&course.id).await?;
        }
        self.index.loaded();
        Ok(())
    }

    /// Indexes `course` anew, or drops it from the index if it is stored no more. For whoever
    /// follows the change log, on a change of the kind "course".
    pub(crate) async fn reload(&self, course: &CourseId) -> Result<(), CourseError> {
        match passages(&self.store, course).await {
            Ok(chunks) => Ok(self.index.replace(course, chunks).await?),
            Err(StoreError::NotFound) => Ok(self.index.remove(course).await?),
            Err(error) => Err(error.into()),
        }
    }
}

/// The stored course, cut into passages.
pub(crate) async fn passages(store: &Store, course: &CourseId) -> Result<Vec<Chunk>, StoreError> {
    let row = store.course(course).await?;
    let size = match row.source.parse() {
        Ok(Source::Jsonl) => Size::DOCUMENT,
        _ => Size::PASSAGE,
    };
    let mut blocks: BTreeMap<LessonId, Vec<Block>> = BTreeMap::new();
    for block in store.blocks_of_course(course).await? {
        let lesson = block.lesson_id.clone();
        blocks.entry(lesson).or_default().push(block.into_block()?);
    }
    let mut passages = Vec::new();
    for row in store.lessons_of(course).await? {
        let (stage, blocks) = (row.stage()?, blocks.remove(&row.id).unwrap_or_default());
        let lesson = Lesson { id: row.id, stage, title: row.title, blocks };
        passages.extend(chunks(course, &lesson, size));
    }
    Ok(passages)
}
