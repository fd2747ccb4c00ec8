//! What learners think of answers: one opinion an answer, the latest one counts.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    db::write,
    schema::{feedback, item, thread},
};
use crate::domain::{clock::Millis, ids::UserId, live::request::Feedback};

impl Store {
    /// Notes an opinion about an answer in one of the user's own threads; else not found.
    pub(crate) async fn save_feedback(
        &self,
        user: &UserId,
        feedback: Feedback,
        now: Millis,
    ) -> Result<(), StoreError> {
        let (user, Feedback { item: about, kind: opinion, reason }) = (user.clone(), feedback);
        write!(self, |conn| {
            let answers: i64 = item::table
                .inner_join(thread::table)
                .filter(item::id.eq(&about).and(item::kind.eq("assistant_message")))
                .filter(thread::owner_id.eq(&user))
                .count()
                .get_result(conn)
                .await?;
            if answers == 0 {
                return Err(StoreError::NotFound);
            }
            diesel::insert_into(feedback::table)
                .values((
                    feedback::item_id.eq(&about),
                    feedback::user_id.eq(&user),
                    feedback::kind.eq(opinion.as_str()),
                    feedback::reason.eq(&reason),
                    feedback::updated_at.eq(now.0),
                ))
                .on_conflict(feedback::item_id)
                .do_update()
                .set((
                    feedback::kind.eq(opinion.as_str()),
                    feedback::reason.eq(&reason),
                    feedback::updated_at.eq(now.0),
                ))
                .execute(conn)
                .await?;
            Ok(())
        })
    }

    #[cfg(test)]
    pub(crate) async fn feedback_of(
        &self,
        about: &crate::domain::ids::ItemId,
    ) -> Result<(String, Option<String>), StoreError> {
        Ok(super::db::read!(self, |conn| feedback::table
            .filter(feedback::item_id.eq(about))
            .select((feedback::kind, feedback::reason))
            .first(conn)
            .await?))
    }
}
