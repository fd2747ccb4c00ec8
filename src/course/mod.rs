//! Floor 2, courses: what a learner may see of them, quizzes that open the next stage, and the
//! index that follows what is stored.
//!
//! **Nothing of a locked stage ever reaches a learner: no passage, title, link or count.** Every
//! way in asks [`Courses::allowed`]; a lesson that does not exist is answered as one that is
//! locked, so that nobody can probe for names.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    domain::{
        clock::SharedClock,
        course::Course,
        ids::{BlockId, CourseId, LessonId, UserId},
        role::Role,
        stage::{Allowed, Stage},
    },
    rag::{Index, IndexError},
    store::{Store, StoreError, courses::Saved},
};

mod catalogue;
mod index;
mod quizzes;
mod views;

pub(crate) use index::passages;
pub(crate) use views::{CourseView, LessonView, QuizResult, QuizView};

/// Courses as their readers see them.
pub(crate) struct Courses {
    store: Arc<Store>,
    index: Arc<dyn Index>,
    clock: SharedClock,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum CourseError {
    /// Not open to this reader yet, or not there at all.
    #[error("this part of the course is locked")]
    StageLocked,
    #[error("not found")]
    NotFound,
    #[error(transparent)]
    Store(StoreError),
    #[error(transparent)]
    Index(#[from] IndexError),
}

impl From<StoreError> for CourseError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

/// The page that a question is asked from, read from the store: the browser only names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    pub lesson_title: String,
    pub stage: Stage,
    /// What the asker may see of the course.
    pub allowed: Allowed,
    /// The words of the block in view; `None` if none was named or it is not in the lesson.
    pub block_text: Option<String>,
}

impl Courses {
    pub(crate) fn new(store: Arc<Store>, index: Arc<dyn Index>, clock: SharedClock) -> Self {
        Self { store, index, clock }
    }

    /// Whether every stored course can be searched.
    pub(crate) fn is_ready(&self) -> bool {
        self.index.ready()
    }

    /// Stores `course` if it differs from what is stored, and indexes it. Other nodes learn of it
    /// from the change log.
    pub(crate) async fn save(&self, course: Course) -> Result<Saved, CourseError> {
        let id = course.id.clone();
        let saved = self.store.save_course(course, self.clock.now()).await?;
        if saved.written {
            self.reload(&id).await?;
        }
        Ok(saved)
    }

    /// The stages of `course` that are open to `user`. Every course is free: who is not enrolled
    /// yet may see the first stage, and is enrolled by opening a lesson of it.
    pub(crate) async fn allowed(
        &self,
        user: &UserId,
        role: Role,
        course: &CourseId,
    ) -> Result<Allowed, CourseError> {
        if role.is_staff() {
            return Ok(Allowed::ALL);
        }
        match self.store.enrolment(user, course).await? {
            Some(enrolment) => Ok(Allowed::up_to(enrolment.unlocked())),
            None => match self.store.course(course).await {
                Ok(_) => Ok(Allowed::up_to(Stage::FIRST)),
                Err(StoreError::NotFound) => Ok(Allowed::NONE),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// The last open stage of every course that `user` is enrolled in; staff have all of all.
    pub(crate) async fn stages_of(
        &self,
        user: &UserId,
        role: Role,
    ) -> Result<BTreeMap<CourseId, u8>, CourseError> {
        if role.is_staff() {
            let stages = self.store.stages().await?;
            let number = |number: i32| u8::try_from(number).unwrap_or_default();
            // In order, so that the last of each course stays.
            return Ok(stages.into_iter().map(|s| (s.course_id, number(s.number))).collect());
        }
        let enrolments = self.store.enrolments_of(user).await?;
        Ok(enrolments.into_iter().map(|e| (e.course_id.clone(), e.unlocked().number())).collect())
    }

    /// What a question from this page needs to know of it.
    pub(crate) async fn page(
        &self,
        user: &UserId,
        role: Role,
        (course, lesson): (&CourseId, &LessonId),
        block: Option<&BlockId>,
    ) -> Result<Page, CourseError> {
        let allowed = self.allowed(user, role, course).await?;
        let row = match self.store.lesson(course, lesson).await {
            Err(StoreError::NotFound) => return Err(CourseError::StageLocked),
            row => row?,
        };
        let stage = row.stage()?;
        if !allowed.contains(stage) {
            return Err(CourseError::StageLocked);
        }
        let block_text = match block {
            Some(block) => match self.store.block(course, lesson, block).await {
                Err(StoreError::NotFound) => None,
                row => Some(row?.body),
            },
            None => None,
        };
        Ok(Page { lesson_title: row.title, stage, allowed, block_text })
    }
}

#[cfg(test)]
pub(crate) mod tests;
