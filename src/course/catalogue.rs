//! The list of courses, and a lesson of one.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CourseError, Courses,
    views::{BlockView, CourseView, LessonLine, LessonView, Neighbour, StageLine},
};
use crate::{
    domain::{
        ids::{CourseId, LessonId, UserId},
        role::Role,
        stage::{Allowed, Stage},
    },
    store::{courses::StageRow, lessons::LessonRow},
};

impl Courses {
    /// The courses with their open stages and lessons; nothing tells how much is still locked.
    pub(crate) async fn list(
        &self,
        user: &UserId,
        role: Role,
    ) -> Result<Vec<CourseView>, CourseError> {
        let unlocked = self.stages_of(user, role).await?;
        let mut stages = by_course(self.store.stages().await?, |row| row.course_id.clone());
        let mut lessons = by_course(self.store.lessons().await?, |row| row.course_id.clone());
        let with_quiz: BTreeSet<_> = self.store.quiz_stages().await?.into_iter().collect();
        let courses = self.store.courses().await?.into_iter().map(|course| {
            let last = unlocked.get(&course.id).copied().unwrap_or(Stage::FIRST.number());
            let allowed = Stage::new(i32::from(last)).map_or(Allowed::NONE, Allowed::up_to);
            let stages = stages.remove(&course.id).unwrap_or_default();
            let lessons = lessons.remove(&course.id).unwrap_or_default();
            CourseView {
                stages: stages
                    .into_iter()
                    .filter_map(|row| stage_line(row, allowed, &with_quiz))
                    .collect(),
                lessons: lessons.into_iter().filter_map(|row| lesson_line(row, allowed)).collect(),
                id: course.id,
                title: course.title,
                description: course.description,
                unlocked: last,
            }
        });
        Ok(courses.collect())
    }

    /// A lesson that is open to `user`, who is enrolled by reading it.
    pub(crate) async fn lesson(
        &self,
        user: &UserId,
        role: Role,
        course: &CourseId,
        lesson: &LessonId,
    ) -> Result<LessonView, CourseError> {
        let allowed = self.allowed(user, role, course).await?;
        let rows = self.store.lessons_of(course).await?;
        let open: Vec<&LessonRow> = rows.iter().filter(|row| is_open(row, allowed)).collect();
        let at = open.iter().position(|row| row.id == *lesson).ok_or(CourseError::StageLocked)?;
        let row = open.get(at).ok_or(CourseError::StageLocked)?;
        let neighbour = |at: Option<usize>| {
            let row = open.get(at?)?;
            Some(Neighbour { id: row.id.clone(), title: row.title.clone() })
        };
        self.enrol_reader(user, role, course).await?;
        let blocks = self.store.blocks_of(course, lesson).await?;
        let view = |row: crate::store::lessons::BlockRow| BlockView {
            id: row.id,
            kind: row.kind,
            html: row.html,
        };
        Ok(LessonView {
            id: row.id.clone(),
            course: course.clone(),
            title: row.title.clone(),
            stage: row.stage()?.number(),
            blocks: blocks.into_iter().map(view).collect(),
            previous: neighbour(at.checked_sub(1)),
            next: neighbour(at.checked_add(1)),
        })
    }

    /// Staff teach; everybody else learns from the first lesson that she opens.
    async fn enrol_reader(
        &self,
        user: &UserId,
        role: Role,
        course: &CourseId,
    ) -> Result<(), CourseError> {
        if role.is_staff() {
            return Ok(());
        }
        let enrolment = self.store.enrolment(user, course).await?;
        if enrolment.is_none_or(|enrolment| enrolment.ended_at.is_some()) {
            self.store.enrol(user, course, self.clock.now()).await?;
        }
        Ok(())
    }
}

fn by_course<T>(rows: Vec<T>, course: impl Fn(&T) -> CourseId) -> BTreeMap<CourseId, Vec<T>> {
    let mut map: BTreeMap<CourseId, Vec<T>> = BTreeMap::new();
    for row in rows {
        map.entry(course(&row)).or_default().push(row);
    }
    map
}

fn is_open(row: &LessonRow, allowed: Allowed) -> bool {
    Stage::new(row.stage).is_some_and(|stage| allowed.contains(stage))
}

fn stage_line(
    row: StageRow,
    allowed: Allowed,
    with_quiz: &BTreeSet<(CourseId, i32)>,
) -> Option<StageLine> {
    let stage = Stage::new(row.number).filter(|stage| allowed.contains(*stage))?;
    let has_quiz = with_quiz.contains(&(row.course_id, row.number));
    Some(StageLine { number: stage.number(), title: row.title, has_quiz })
}

fn lesson_line(row: LessonRow, allowed: Allowed) -> Option<LessonLine> {
    let stage = Stage::new(row.stage).filter(|stage| allowed.contains(*stage))?;
    Some(LessonLine { id: row.id, title: row.title, stage: stage.number() })
}
