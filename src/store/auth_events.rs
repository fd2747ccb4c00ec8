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
    /// A code was mailed, to prove the second factor with.
    MfaCodeMailed = "mfa_code_mailed",
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
    /// A code or a refresh token of an app was used twice: what it had been granted has ended.
    TokenReused = "token_reused",
    /// An app gave back what it had been granted.
    TokenRevoked = "token_revoked",
    /// By the operator: other keys sign our tokens.
    KeysRotated = "keys_rotated",
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
#[diesel(table_name = auth_event, treat_none_as_default_value = false)]
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

/// Which events are meant: all that agree with each field that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct EventQuery {
    pub kind: Option<AuthEventKind>,
    pub user: Option<UserId>,
    /// In canonical form.
    pub email: Option<String>,
    pub address: Option<String>,
    pub from: Option<Millis>,
    /// The first moment that is not meant.
    pub to: Option<Millis>,
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

    /// At most `limit` events that `wanted` names, newest first. `before`: time and id of the last
    /// one that the caller has.
    pub(crate) async fn auth_events(
        &self,
        wanted: &EventQuery,
        before: Option<(i64, String)>,
        limit: i64,
    ) -> Result<Vec<AuthEvent>, StoreError> {
        use auth_event::dsl;
        let EventQuery { kind, user, email, address, from, to } = wanted;
        Ok(read!(self, |conn| {
            let mut query = auth_event::table
                .order((dsl::at.desc(), dsl::id.desc()))
                .limit(limit)
                .select(AuthEvent::as_select())
                .into_boxed();
            if let Some(kind) = kind {
                query = query.filter(dsl::kind.eq(kind.as_str()));
            }
            if let Some(user) = user {
                query = query.filter(dsl::user_id.eq(user));
            }
            if let Some(email) = email {
                query = query.filter(dsl::email.eq(email));
            }
            if let Some(address) = address {
                query = query.filter(dsl::address.eq(address));
            }
            if let Some(from) = from {
                query = query.filter(dsl::at.ge(from.0));
            }
            if let Some(to) = to {
                query = query.filter(dsl::at.lt(to.0));
            }
            if let Some((at, id)) = &before {
                query = query.filter(dsl::at.lt(at).or(dsl::at.eq(at).and(dsl::id.lt(id))));
            }
            query.load(conn).await?
        }))
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

    #[tokio::test(flavor = "multi_thread")]
    async fn events_are_found_by_each_of_their_sides_and_paged_without_gap() {
        on_both(async |store| {
            let ada = UserId::new("ada");
            for (id, kind, at) in [
                ("a", AuthEventKind::SignIn, 1),
                ("b", AuthEventKind::SignInFailed, 2),
                ("c", AuthEventKind::SignInFailed, 2),
                ("d", AuthEventKind::Banned, 3),
            ] {
                let event = event(id, kind, at).of(&ada, "ada@school.example");
                let address = Some(format!("192.0.2.{at}"));
                store.insert_auth_event(AuthEvent { address, ..event }).await.unwrap();
            }
            let found = async |query: EventQuery, before, limit| {
                let events = store.auth_events(&query, before, limit).await.unwrap();
                events.into_iter().map(|event| event.id).collect::<Vec<_>>()
            };
            let all = EventQuery::default;

            let failed = EventQuery { kind: Some(AuthEventKind::SignInFailed), ..all() };
            assert_eq!(found(failed, None, 9).await, ["c", "b"]);
            let user = EventQuery { user: Some(UserId::new("eve")), ..all() };
            assert!(found(user, None, 9).await.is_empty());
            let email = EventQuery { email: Some("ada@school.example".into()), ..all() };
            assert_eq!(found(email, None, 9).await.len(), 4);
            let address = EventQuery { address: Some("192.0.2.3".into()), ..all() };
            assert_eq!(found(address, None, 9).await, ["d"]);
            let time = EventQuery { from: Some(Millis(2)), to: Some(Millis(3)), ..all() };
            assert_eq!(found(time, None, 9).await, ["c", "b"]);
            assert_eq!(found(all(), Some((2, "c".to_owned())), 1).await, ["b"]);
        })
        .await;
    }
}
