//! An account moves to another address.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    auth_events::{AuthEvent, note_event},
    changes::{KEPT, note_change, queue_up},
    db::write,
    outbox::{OutboxMail, note_mail},
    schema::user,
    sessions::end_other_sessions,
    verifications::{end_proofs, use_proof},
};
use crate::domain::ids::{SessionId, UserId};

/// A move that both addresses have agreed to.
#[derive(Debug, Clone)]
pub(crate) struct MoveEmail {
    pub user: UserId,
    pub from: String,
    pub to: String,
    /// The identifier of the proof that is used up.
    pub proof: String,
    /// The sign-in that asked for it. All others end.
    pub kept: SessionId,
    pub notice: Option<OutboxMail>,
}

impl Store {
    /// All or nothing. [`StoreError::NotFound`] if the proof or the old address no longer holds,
    /// [`StoreError::Conflict`] if the new one is taken.
    pub(crate) async fn move_email(
        &self,
        change: MoveEmail,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        let now = event.at();
        write!(self, |conn| {
            queue_up!(conn);
            let MoveEmail { user: id, from, to, proof, kept, notice } = change;
            let owner = use_proof!(conn, proof, now);
            if owner != id.as_str() {
                return Err(StoreError::NotFound);
            }
            let moved =
                diesel::update(user::table.filter(user::id.eq(&id).and(user::email.eq(from))))
                    .set((
                        user::email.eq(to),
                        user::email_verified.eq(true),
                        user::version.eq(user::version + 1_i64),
                        user::updated_at.eq(now.0),
                    ))
                    .execute(conn)
                    .await?;
            if moved == 0 {
                return Err(StoreError::NotFound);
            }
            end_proofs!(conn, id);
            end_other_sessions!(conn, &id, &kept, now);
            note_change!(conn, "user", id.as_str(), now.plus(KEPT).0, now.0);
            note_event!(conn, event);
            note_mail!(conn, notice);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
