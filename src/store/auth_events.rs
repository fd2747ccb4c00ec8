//! What happened to accounts: who signed in, from where, who failed to. Written in the transaction
//! that makes it so, where there is one. Never a password, never a token.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    db::{read, write},
    schema::auth_event,
};
use crate::domain::{clock::Millis, ids::UserId};

/// The kinds of events, as stored and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthEventKind {
    SignUp,
    SignIn,
    SignInFailed,
    SignOut,
    SessionRevoked,
    EmailVerified,
    PasswordResetRequested,
    PasswordReset,
    RoleChanged,
    /// Too many wrong passwords: none is looked at for a while.
    AccountLocked,
}

impl AuthEventKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SignUp => "sign_up",
            Self::SignIn => "sign_in",
            Self::SignInFailed => "sign_in_failed",
            Self::SignOut => "sign_out",
            Self::SessionRevoked => "session_revoked",
            Self::EmailVerified => "email_verified",
            Self::PasswordResetRequested => "password_reset_requested",
            Self::PasswordReset => "password_reset",
            Self::RoleChanged => "role_changed",
            Self::AccountLocked => "account_locked",
        }
    }
}

/// One event. Addresses are personal data: the janitor removes events after a while.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = auth_event)]
pub(crate) struct AuthEvent {
    pub id: String,
    pub at: i64,
    pub kind: String,
    /// Whose account; none if the address tried has none.
    pub user_id: Option<UserId>,
    /// The account's address, or the one that was tried.
    pub email: Option<String>,
    /// Where the request came from; none on the command line.
    pub address: Option<String>,
    pub agent: Option<String>,
}

impl AuthEvent {
    pub(crate) const fn at(&self) -> Millis {
        Millis(self.at)
    }

    /// Names the account that it happened to.
    #[must_use]
    pub(crate) fn of(self, user: &UserId, email: &str) -> Self {
        Self { user_id: Some(user.clone()), email: Some(email.to_owned()), ..self }
    }
}

/// Writes an event inside a transaction.
macro_rules! note_event {
    ($conn:expr, $event:expr) => {
        diesel_async::RunQueryDsl::execute(
            diesel::insert_into($crate::store::schema::auth_event::table).values($event),
            $conn,
        )
        .await?
    };
}
pub(crate) use note_event;

impl Store {
    /// For what changes nothing else, such as a wrong password.
    pub(crate) async fn insert_auth_event(&self, event: AuthEvent) -> Result<(), StoreError> {
        write!(self, |conn| {
            note_event!(conn, event);
            Ok::<_, StoreError>(())
        })
    }

    /// The newest `limit` events, newest first.
    pub(crate) async fn newest_auth_events(
        &self,
        limit: i64,
    ) -> Result<Vec<AuthEvent>, StoreError> {
        Ok(read!(self, |conn| auth_event::table
            .order((auth_event::at.desc(), auth_event::id.desc()))
            .limit(limit)
            .select(AuthEvent::as_select())
            .load(conn)
            .await?))
    }

    /// Removes events from before `before`.
    pub(crate) async fn forget_auth_events(&self, before: Millis) -> Result<usize, StoreError> {
        write!(self, |conn| Ok(diesel::delete(
            auth_event::table.filter(auth_event::at.lt(before.0))
        )
        .execute(conn)
        .await?))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::store::contract::on_both;

    pub(crate) fn event(id: &str, kind: AuthEventKind, at: i64) -> AuthEvent {
        AuthEvent {
            id: id.to_owned(),
            at,
            kind: kind.as_str().to_owned(),
            user_id: None,
            email: None,
            address: None,
            agent: None,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_newest_events_are_read_first_and_old_ones_go() {
        on_both(async |store| {
            for (id, at) in [("a", 1), ("b", 2), ("c", 2)] {
                let event = event(id, AuthEventKind::SignInFailed, at);
                store.insert_auth_event(event).await.unwrap();
            }
            let ids = async |limit| {
                let events = store.newest_auth_events(limit).await.unwrap();
                events.into_iter().map(|event| event.id).collect::<Vec<_>>()
            };

            assert_eq!(ids(2).await, ["c", "b"]);
            assert_eq!(store.forget_auth_events(Millis(2)).await.unwrap(), 1);
            assert_eq!(ids(9).await, ["c", "b"]);
        })
        .await;
    }
}
