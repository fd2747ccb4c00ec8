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

/// Declares the kinds, their names as stored and shown, and the list of all.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal),* $(,)?) => {
        /// What can happen to an account.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum AuthEventKind {
            $($(#[$doc])* $kind),*
        }

        impl AuthEventKind {
            pub(crate) const ALL: &[Self] = &[$(Self::$kind),*];

            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name),*
                }
            }
        }
    };
}

kinds! {
    SignUp = "sign_up",
    SignIn = "sign_in",
    SignInFailed = "sign_in_failed",
    /// Too many wrong passwords: none is looked at for a while.
    AccountLocked = "account_locked",
    SignOut = "sign_out",
    SessionRevoked = "session_revoked",
    EmailVerified = "email_verified",
    EmailChangeRequested = "email_change_requested",
    EmailChanged = "email_changed",
    PasswordResetRequested = "password_reset_requested",
    PasswordReset = "password_reset",
    /// By herself.
    PasswordChanged = "password_changed",
    /// By an admin.
    PasswordSet = "password_set",
    /// A wrong password where one is asked for again.
    ProofFailed = "proof_failed",
    SocialLinked = "social_linked",
    SocialUnlinked = "social_unlinked",
    SocialFailed = "social_failed",
    MfaEnabled = "mfa_enabled",
    MfaDisabled = "mfa_disabled",
    MfaFailed = "mfa_failed",
    /// Somebody signed in has proved once more to be herself.
    MfaProved = "mfa_proved",
    /// New recovery codes, which void the old ones.
    MfaCodesMade = "mfa_codes_made",
    /// A recovery code.
    MfaCodeUsed = "mfa_code_used",
    /// The owner of the address showed up by way of a provider: whoever had signed up with it
    /// unverified has lost all ways in.
    UnprovedWiped = "unproved_wiped",
    PasskeyAdded = "passkey_added",
    PasskeyRemoved = "passkey_removed",
    ProfileChanged = "profile_changed",
    RoleChanged = "role_changed",
    Banned = "banned",
    Unbanned = "unbanned",
    ImpersonationStarted = "impersonation_started",
    ImpersonationEnded = "impersonation_ended",
    /// By herself: a link was mailed.
    DeletionRequested = "deletion_requested",
    /// By herself.
    UserDeleted = "user_deleted",
    /// By an admin or the operator.
    UserCreated = "user_created",
    UserRemoved = "user_removed",
    /// An app that people sign in to with their account here.
    ClientCreated = "client_created",
    ClientChanged = "client_changed",
    ClientRemoved = "client_removed",
    ConsentGiven = "consent_given",
    ConsentWithdrawn = "consent_withdrawn",
}

impl AuthEventKind {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

/// The longest address that is kept: longer ones were tried, but nobody has one.
const MAX_EMAIL: usize = 320;

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
    /// What else there is to say, as a JSON object; see [`AuthEvent::with`].
    pub detail: String,
}

impl AuthEvent {
    pub(crate) const fn at(&self) -> Millis {
        Millis(self.at)
    }

    /// Names the account that it happened to.
    #[must_use]
    pub(crate) fn of(self, user: &UserId, email: &str) -> Self {
        Self { user_id: Some(user.clone()), ..self.tried(email) }
    }

    /// Names the address that was tried, whether or not it has an account.
    #[must_use]
    pub(crate) fn tried(self, email: &str) -> Self {
        Self { email: Some(email.chars().take(MAX_EMAIL).collect()), ..self }
    }

    /// Adds a detail. Never a password, a token or a code.
    #[must_use]
    pub(crate) fn with(self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        let mut detail = self.detail();
        detail.insert(name.to_owned(), value.into());
        Self { detail: serde_json::Value::Object(detail).to_string(), ..self }
    }

    pub(crate) fn detail(&self) -> serde_json::Map<String, serde_json::Value> {
        serde_json::from_str(&self.detail).unwrap_or_default()
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
            detail: "{}".to_owned(),
        }
    }

    #[test]
    fn details_gather_and_names_of_kinds_are_read_back() {
        let event = event("a", AuthEventKind::Banned, 1).with("by", "root").with("until", 7);

        assert_eq!(event.detail, r#"{"by":"root","until":7}"#);
        for kind in AuthEventKind::ALL {
            assert_eq!(AuthEventKind::parse(kind.as_str()), Some(*kind));
        }
        assert_eq!(AuthEventKind::parse("nonsense"), None);
    }

    #[test]
    fn an_address_that_was_tried_is_kept_at_a_bounded_length() {
        let event = event("a", AuthEventKind::SignInFailed, 1).tried(&"ü".repeat(5_000));

        assert_eq!(event.email.unwrap().chars().count(), MAX_EMAIL);
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
