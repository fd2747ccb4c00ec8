//! A new password for somebody who is signed in, and the proof that she is who she is.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    accounts::CREDENTIAL,
    auth_events::{AuthEvent, note_event},
    changes::queue_up,
    db::write,
    outbox::{OutboxMail, note_mail},
    schema::{account, session},
    sessions::{Session, end_other_sessions, prove_session},
    two_factors::forget_trusted,
    verifications::end_proofs,
};
use crate::domain::{
    clock::Millis,
    ids::{SessionId, UserId},
};

#[derive(Debug, Clone)]
pub(crate) struct ChangePassword {
    pub user: UserId,
    pub hash: String,
    /// The sign-in that asked for it. All others end.
    pub kept: SessionId,
    /// What begins in its place; then it ends too.
    pub instead: Option<Session>,
    pub notice: Option<OutboxMail>,
}

impl Store {
    /// All or nothing. Mailed proofs of the person are worth nothing from now on, and no device is
    /// trusted; the sign-in that
    /// stays has just been proved. [`StoreError::NotFound`] if she has no password.
    pub(crate) async fn change_password(
        &self,
        change: ChangePassword,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        let now = event.at();
        write!(self, |conn| {
            queue_up!(conn);
            let ChangePassword { user, hash, kept, instead, notice } = change;
            let login = account::user_id.eq(&user).and(account::provider_id.eq(CREDENTIAL));
            let known = diesel::update(account::table.filter(login))
                .set((account::password.eq(Some(hash)), account::updated_at.eq(now.0)))
                .execute(conn)
                .await?;
            if known == 0 {
                return Err(StoreError::NotFound);
            }
            end_proofs!(conn, user);
            forget_trusted!(conn, &user);
            let kept = if instead.is_some() { SessionId::new("") } else { kept };
            end_other_sessions!(conn, &user, &kept, now);
            if let Some(session) = instead {
                diesel::insert_into(session::table).values(session).execute(conn).await?;
            } else {
                prove_session!(conn, &kept, session::proved_at.eq(now.0), now);
            }
            note_event!(conn, event);
            note_mail!(conn, notice);
            Ok(())
        })
    }

    /// The holder of this session has just proved to be its person.
    pub(crate) async fn prove_session(
        &self,
        id: &SessionId,
        now: Millis,
    ) -> Result<(), StoreError> {
        let id = id.clone();
        write!(self, |conn| {
            prove_session!(conn, &id, session::proved_at.eq(now.0), now);
            Ok::<_, StoreError>(())
        })
    }
}

#[cfg(test)]
mod tests;
