//! The end of an account: all of the person goes.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    auth_events::{AuthEvent, note_event},
    changes::note_change,
    db::write,
    oauth_clients::end_clients_of,
    oauth_logouts::queue_logouts,
    schema::{auth_event, feedback, outbox, quota_use, user, verification},
    sessions::REVOCATION_KEPT,
    user_admin::keep_an_admin,
    verifications::use_proof,
};
use crate::domain::{
    ids::{SessionId, UserId},
    role::Role,
};

impl Store {
    /// Removes a person with her sessions, logins, enrolments, conversations, apps (by foreign keys),
    /// quota, mails and proofs. What happened to the account stays in the events, without her
    /// address; `event` is the last of them. Every node is told, which closes her sockets.
    ///
    /// `proof`: the identifier of a proof that is used up, all or nothing. [`StoreError::Conflict`]
    /// if no admin would be left: of two who go at once one stays.
    pub(crate) async fn delete_user(
        &self,
        id: &UserId,
        proof: Option<String>,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        let (id, now) = (id.clone(), event.at());
        write!(self, |conn| {
            let until = now.plus(REVOCATION_KEPT).0;
            note_change!(conn, "user_sessions", id.as_str(), until, now.0);
            keep_an_admin!(conn, &id);
            if let Some(proof) = proof {
                let owner = use_proof!(conn, proof, now);
                if owner != id.as_str() {
                    return Err(StoreError::NotFound);
                }
            }
            queue_logouts!(conn, &id, session::browser_sid.is_not_null(), now);
            end_clients_of!(conn, id.as_str(), now);
            let email: String = diesel::delete(user::table.filter(user::id.eq(&id)))
                .returning(user::email)
                .get_result(conn)
                .await?;
            let value = verification::value.eq(id.as_str());
            diesel::delete(verification::table.filter(value)).execute(conn).await?;
            let used = quota_use::user_id.eq(&id);
            diesel::delete(quota_use::table.filter(used)).execute(conn).await?;
            let said = feedback::user_id.eq(&id);
            diesel::delete(feedback::table.filter(said)).execute(conn).await?;
            let mailed = outbox::recipient.eq(&email);
            diesel::delete(outbox::table.filter(mailed)).execute(conn).await?;
            let hers = auth_event::user_id.eq(&id).or(auth_event::email.eq(&email));
            diesel::update(auth_event::table.filter(hers))
                .set((
                    auth_event::email.eq(None::<String>),
                    auth_event::address.eq(None::<String>),
                    auth_event::agent.eq(None::<String>),
                ))
                .execute(conn)
                .await?;
            note_event!(conn, AuthEvent { user_id: Some(id), ..event });
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
