//! Quizzes: shown without their answers, marked here, and the way to the next stage.

use std::collections::BTreeMap;

use super::{
    CourseError, Courses,
    views::{ItemResult, QuestionView, QuizResult, QuizView},
};
use crate::domain::{
    ids::{CourseId, UserId},
    quiz::{QuizItem, mark},
    role::Role,
    stage::{Allowed, Stage},
};

impl Courses {
    /// The questions of all open quizzes of a course: what is graded, and so not for the tutor to
    /// solve.
    pub(crate) async fn open_items(
        &self,
        course: &CourseId,
        allowed: Allowed,
    ) -> Result<Vec<QuizItem>, CourseError> {
        let mut open = Vec::new();
        for (of, stage) in self.store.quiz_stages().await? {
            let open_stage = Stage::new(stage).filter(|stage| allowed.contains(*stage));
            if let Some(stage) = open_stage.filter(|_| of == *course) {
                open.extend(self.items(course, stage).await?);
            }
        }
        Ok(open)
    }

    /// The quiz of an open stage. A stage without one is not found.
    pub(crate) async fn quiz(
        &self,
        user: &UserId,
        role: Role,
        course: &CourseId,
        stage: i32,
    ) -> Result<QuizView, CourseError> {
        let (stage, _) = self.open_stage(user, role, course, stage).await?;
        let questions = self.items(course, stage).await?.into_iter().map(|item| QuestionView {
            id: item.id,
            prompt: item.prompt,
            options: item.options,
        });
        let (course, stage) = (course.clone(), stage.number());
        Ok(QuizView { course, stage, questions: questions.collect() })
    }

    /// Marks `answers`. Passing opens the next stage, for good.
    pub(crate) async fn submit(
        &self,
        user: &UserId,
        role: Role,
        (course, stage): (&CourseId, i32),
        answers: &BTreeMap<String, u32>,
    ) -> Result<QuizResult, CourseError> {
        let (stage, allowed) = self.open_stage(user, role, course, stage).await?;
        let items = self.items(course, stage).await?;
        let marks = mark(&items, answers);
        let last = self.last_stage(course).await?;
        let mut open = last_open(allowed, last);
        let next = stage.next().filter(|next| *next <= last && *next > open);
        if let Some(next) = next.filter(|_| marks.passed() && !role.is_staff()) {
            self.store.unlock(user, course, next, self.clock.now()).await?;
            open = next;
        }
        let result = |item: QuizItem| {
            let correct = marks.right.get(&item.id).copied().unwrap_or_default();
            (item.id, ItemResult { correct, explanation: item.explanation })
        };
        Ok(QuizResult {
            passed: marks.passed(),
            correct: marks.correct,
            total: marks.total,
            needed: marks.needed,
            unlocked: open.number(),
            results: items.into_iter().map(result).collect(),
        })
    }

    async fn open_stage(
        &self,
        user: &UserId,
        role: Role,
        course: &CourseId,
        stage: i32,
    ) -> Result<(Stage, Allowed), CourseError> {
        let allowed = self.allowed(user, role, course).await?;
        let open = Stage::new(stage).filter(|stage| allowed.contains(*stage));
        open.map(|stage| (stage, allowed)).ok_or(CourseError::StageLocked)
    }

    async fn items(&self, course: &CourseId, stage: Stage) -> Result<Vec<QuizItem>, CourseError> {
        let items = self.store.quiz(course, stage).await?;
        if items.is_empty() { Err(CourseError::NotFound) } else { Ok(items) }
    }

    async fn last_stage(&self, course: &CourseId) -> Result<Stage, CourseError> {
        let stages = self.store.stages().await?;
        let of_course = stages.iter().filter(|row| row.course_id == *course);
        let last = of_course.filter_map(|row| Stage::new(row.number)).max();
        last.ok_or(CourseError::NotFound)
    }
}

fn last_open(allowed: Allowed, last: Stage) -> Stage {
    let numbers = (1..=i32::from(last.number())).rev().filter_map(Stage::new);
    numbers.into_iter().find(|stage| allowed.contains(*stage)).unwrap_or(Stage::FIRST)
}
