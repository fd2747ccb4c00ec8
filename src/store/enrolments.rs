//! Who learns which course, and how far it is unlocked.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    changes::{KEPT, note_change, queue_up},
    db::{read, write},
    schema::enrolment,
};
use crate::domain::{
    clock::Millis,
    ids::{CourseId, UserId},
    stage::Stage,
};

/// A learner's place in a course.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = enrolment, treat_none_as_default_value = false)]
pub(crate) struct Enrolment {
    pub user_id: UserId,
    pub course_id: CourseId,
    /// The last stage that is open.
    pub unlocked_stage: i32,
    pub started_at: i64,
    pub ended_at: Option<i64>,
}

impl Enrolment {
    pub(crate) fn unlocked(&self) -> Stage {
        Stage::new(self.unlocked_stage).unwrap_or(Stage::FIRST)
    }
}

impl Store {
    pub(crate) async fn enrolments_of(&self, user: &UserId) -> Result<Vec<Enrolment>, StoreError> {
        Ok(read!(self, |conn| enrolment::table
            .filter(enrolment::user_id.eq(user))
            .order(enrolment::course_id)
            .select(Enrolment::as_select())
            .load(conn)
            .await?))
    }

    pub(crate) async fn enrolment(
        &self,
        user: &UserId,
        course: &CourseId,
    ) -> Result<Option<Enrolment>, StoreError> {
        Ok(read!(self, |conn| enrolment::table
            .find((user, course))
            .select(Enrolment::as_select())
            .get_result(conn)
            .await
            .optional()?))
    }

    /// Starts `user` at the first stage; who learns the course already stays where she is, and
    /// whose time in it had ended goes on.
    pub(crate) async fn enrol(
        &self,
        user: &UserId,
        course: &CourseId,
        now: Millis,
    ) -> Result<(), StoreError> {
        let row = Enrolment {
            user_id: user.clone(),
            course_id: course.clone(),
            unlocked_stage: i32::from(Stage::FIRST.number()),
            started_at: now.0,
            ended_at: None,
        };
        write!(self, |conn| {
            queue_up!(conn);
            diesel::insert_into(enrolment::table)
                .values(&row)
                .on_conflict((enrolment::user_id, enrolment::course_id))
                .do_update()
                .set(enrolment::ended_at.eq(None::<i64>))
                .execute(conn)
                .await?;
            note_change!(conn, "user", row.user_id.as_str(), now.plus(KEPT).0, now.0);
            Ok(())
        })
    }

    /// Opens the stages up to `stage` for `user`, and tells every node. What was open stays open.
    pub(crate) async fn unlock(
        &self,
        user: &UserId,
        course: &CourseId,
        stage: Stage,
        now: Millis,
    ) -> Result<(), StoreError> {
        let row = Enrolment {
            user_id: user.clone(),
            course_id: course.clone(),
            unlocked_stage: i32::from(stage.number()),
            started_at: now.0,
            ended_at: None,
        };
        write!(self, |conn| {
            queue_up!(conn);
            diesel::insert_into(enrolment::table)
                .values(&row)
                .on_conflict((enrolment::user_id, enrolment::course_id))
                .do_nothing()
                .execute(conn)
                .await?;
            let lower = enrolment::table
                .find((&row.user_id, &row.course_id))
                .filter(enrolment::unlocked_stage.lt(row.unlocked_stage));
            diesel::update(lower)
                .set(enrolment::unlocked_stage.eq(row.unlocked_stage))
                .execute(conn)
                .await?;
            note_change!(conn, "user", row.user_id.as_str(), now.plus(KEPT).0, now.0);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        contract::on_both,
        sample::{course, insert_user},
    };

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stage_that_was_unlocked_stays_unlocked() {
        on_both(async |store| {
            let (ada, id) = (UserId::new("ada"), CourseId::new("c"));
            insert_user(&store, "ada").await;
            store.save_course(course("c", &["a", "b"]), Millis(1)).await.unwrap();

            assert_eq!(store.enrolment(&ada, &id).await.unwrap(), None);
            store.enrol(&ada, &id, Millis(2)).await.unwrap();
            let place = async || store.enrolment(&ada, &id).await.unwrap().unwrap();
            assert_eq!((place().await.unlocked(), place().await.started_at), (Stage::FIRST, 2));

            store.unlock(&ada, &id, Stage::new(3).unwrap(), Millis(3)).await.unwrap();
            store.unlock(&ada, &id, Stage::new(2).unwrap(), Millis(4)).await.unwrap();
            store.enrol(&ada, &id, Millis(5)).await.unwrap();
            assert_eq!((place().await.unlocked_stage, place().await.started_at), (3, 2));
            assert_eq!(store.enrolments_of(&ada).await.unwrap(), [place().await]);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_node_is_told_of_an_unlocked_stage() {
        on_both(async |store| {
            insert_user(&store, "ada").await;
            store.save_course(course("c", &["a"]), Millis(1)).await.unwrap();
            let before = store.last_change().await.unwrap();

            let (ada, id) = (UserId::new("ada"), CourseId::new("c"));
            store.unlock(&ada, &id, Stage::new(2).unwrap(), Millis(3)).await.unwrap();

            let changes = store.changes_after(before).await.unwrap();
            let told: Vec<_> = changes.iter().map(|c| (c.kind.as_str(), &*c.subject)).collect();
            assert_eq!(told, [("user", "ada")]);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_enrolment_outlives_an_import_of_its_course() {
        on_both(async |store| {
            let (ada, id) = (UserId::new("ada"), CourseId::new("c"));
            insert_user(&store, "ada").await;
            store.save_course(course("c", &["a"]), Millis(1)).await.unwrap();
            store.unlock(&ada, &id, Stage::new(2).unwrap(), Millis(3)).await.unwrap();
            store.save_course(course("c", &["a", "b"]), Millis(4)).await.unwrap();

            assert_eq!(store.enrolment(&ada, &id).await.unwrap().unwrap().unlocked_stage, 2);
        })
        .await;
    }
}
