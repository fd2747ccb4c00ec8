//! Quiz items, as stored.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Store, StoreError, db::read, schema::quiz_item};
use crate::domain::{
    ids::{CourseId, LessonId},
    quiz::QuizItem,
    stage::Stage,
};

/// One question; `options` and `forms` are JSON lists.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = quiz_item, treat_none_as_default_value = false)]
pub(crate) struct QuizRow {
    pub course_id: CourseId,
    pub id: String,
    pub stage: i32,
    pub position: i32,
    pub lesson_id: LessonId,
    pub section: String,
    pub prompt: String,
    pub options: String,
    pub answer: i32,
    pub forms: String,
    pub explanation: String,
}

impl QuizRow {
    pub(super) fn new(course: &CourseId, position: i32, item: &QuizItem) -> Self {
        let list = |texts: &[String]| serde_json::Value::from(texts.to_vec()).to_string();
        Self {
            course_id: course.clone(),
            id: item.id.clone(),
            stage: i32::from(item.stage.number()),
            position,
            lesson_id: item.lesson.clone(),
            section: item.section.clone(),
            prompt: item.prompt.clone(),
            options: list(&item.options),
            answer: i32::try_from(item.answer).unwrap_or(i32::MAX),
            forms: list(&item.forms),
            explanation: item.explanation.clone(),
        }
    }

    fn into_item(self) -> Result<QuizItem, StoreError> {
        let broken = || StoreError::Broken(format!("quiz item {} cannot be read", self.id));
        Ok(QuizItem {
            stage: Stage::new(self.stage).ok_or_else(broken)?,
            answer: u32::try_from(self.answer).map_err(|_| broken())?,
            options: serde_json::from_str(&self.options)?,
            forms: serde_json::from_str(&self.forms)?,
            id: self.id,
            lesson: self.lesson_id,
            section: self.section,
            prompt: self.prompt,
            explanation: self.explanation,
        })
    }
}

impl Store {
    /// The quiz of one stage, in order; empty where there is none.
    pub(crate) async fn quiz(
        &self,
        course: &CourseId,
        stage: Stage,
    ) -> Result<Vec<QuizItem>, StoreError> {
        let rows: Vec<QuizRow> = read!(self, |conn| quiz_item::table
            .filter(quiz_item::course_id.eq(course))
            .filter(quiz_item::stage.eq(i32::from(stage.number())))
            .order(quiz_item::position)
            .select(QuizRow::as_select())
            .load(conn)
            .await?);
        rows.into_iter().map(QuizRow::into_item).collect()
    }

    /// Which stages of which courses have a quiz.
    pub(crate) async fn quiz_stages(&self) -> Result<Vec<(CourseId, i32)>, StoreError> {
        Ok(read!(self, |conn| quiz_item::table
            .select((quiz_item::course_id, quiz_item::stage))
            .distinct()
            .load(conn)
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
    async fn a_stages_quiz_comes_back_as_it_was_put_in() {
        on_both(async |store| {
            let (id, sample) = (CourseId::new("c"), course("c", &["a", "b"]));
            store.save_course(sample.clone(), Millis(1)).await.unwrap();

            let quiz = store.quiz(&id, Stage::FIRST).await.unwrap();

            assert_eq!(quiz, sample.quiz);
            assert!(store.quiz(&id, Stage::new(2).unwrap()).await.unwrap().is_empty());
            assert_eq!(store.quiz_stages().await.unwrap(), [(id, 1)]);
        })
        .await;
    }
}
