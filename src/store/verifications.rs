//! Short-lived proofs (reset links, sign-in states): kept under a hashed name, used once.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    accounts::CREDENTIAL,
    auth_events::{AuthEvent, note_event},
    changes::note_change,
    db::{read, write},
    schema::{account, session, user, verification},
    sessions::REVOCATION_KEPT,
};
use crate::domain::{clock::Millis, ids::UserId};

/// A proof that somebody may do one thing once.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = verification)]
pub(crate) struct Verification {
    pub id: String,
    /// What it is for and the SHA-256 of its secret, such as `reset-password:9f2c…`.
    pub identifier: String,
    pub value: String,
    pub expires_at: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

impl Store {
    /// Stores a proof; what `owner` (its value) had of the same kind, which is what stands before
    /// the colon, is worth nothing from now on.
    pub(crate) async fn insert_verification(
        &self,
        row: Verification,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        write!(self, |conn| {
            let kind = row.identifier.split(':').next().unwrap_or_default();
            let same = verification::value
                .eq(row.value.clone())
                .and(verification::identifier.like(format!("{kind}:%")));
            diesel::delete(verification::table.filter(same)).execute(conn).await?;
            diesel::insert_into(verification::table).values(row).execute(conn).await?;
            note_event!(conn, event);
            Ok(())
        })
    }

    /// Whom the proof belongs to, if it is good still. It stays good.
    pub(crate) async fn verification(
        &self,
        identifier: &str,
        now: Millis,
    ) -> Result<String, StoreError> {
        Ok(read!(self, |conn| verification::table
            .filter(verification::identifier.eq(identifier).and(verification::expires_at.gt(now.0)))
            .select(verification::value)
            .first(conn)
            .await?))
    }

    /// Uses the proof up, gives its owner a new password and ends all her sessions: all or nothing;
    /// of many at once one wins. [`StoreError::NotFound`] if it is unknown, used or expired.
    pub(crate) async fn reset_password(
        &self,
        identifier: &str,
        hash: String,
        event: AuthEvent,
    ) -> Result<UserId, StoreError> {
        let (identifier, now) = (identifier.to_owned(), event.at());
        write!(self, |conn| {
            let owner: UserId = diesel::delete(verification::table.filter(
                verification::identifier.eq(identifier).and(verification::expires_at.gt(now.0)),
            ))
            .returning(verification::value)
            .get_result(conn)
            .await?;
            let login = account::user_id.eq(&owner).and(account::provider_id.eq(CREDENTIAL));
            diesel::update(account::table.filter(login))
                .set((account::password.eq(Some(hash)), account::updated_at.eq(now.0)))
                .execute(conn)
                .await?;
            diesel::delete(session::table.filter(session::user_id.eq(&owner)))
                .execute(conn)
                .await?;
            let until = now.plus(REVOCATION_KEPT).0;
            note_change!(conn, "user_sessions", owner.as_str(), until, now.0);
            let email: String =
                user::table.filter(user::id.eq(&owner)).select(user::email).first(conn).await?;
            note_event!(conn, event.of(&owner, &email));
            Ok(owner)
        })
    }

    pub(crate) async fn forget_verifications(&self, now: Millis) -> Result<usize, StoreError> {
        write!(self, |conn| Ok(diesel::delete(
            verification::table.filter(verification::expires_at.lt(now.0))
        )
        .execute(conn)
        .await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::role::Role,
        store::{
            accounts::tests::login,
            auth_events::{AuthEventKind, tests::event},
            contract::on_both,
            users::tests::person,
        },
    };

    async fn insert(store: &Store, identifier: &str) {
        let event = event(identifier, AuthEventKind::PasswordResetRequested, 1);
        store.insert_verification(proof(identifier), event).await.unwrap();
    }

    async fn reset(store: &Store, hash: String, at: i64) -> Result<UserId, StoreError> {
        let event = event(&hash, AuthEventKind::PasswordReset, at);
        store.reset_password("reset:1", hash, event).await
    }

    fn proof(identifier: &str) -> Verification {
        Verification {
            id: identifier.to_owned(),
            identifier: identifier.to_owned(),
            value: "ada".to_owned(),
            expires_at: 100,
            created_at: 1,
            updated_at: 1,
        }
    }

    async fn with_ada(store: &Store) {
        store.insert_user(person("ada", Role::Student), login("ada"), None).await.unwrap();
        insert(store, "reset:1").await;
    }

    /// Attack B3: a link used twice at the same moment.
    #[tokio::test(flavor = "multi_thread")]
    async fn of_eight_uses_of_one_proof_at_once_one_wins() {
        on_both(async |store| {
            with_ada(&store).await;

            let uses = (0..8).map(|n| reset(&store, format!("$hash{n}"), 2));
            let won = futures_util::future::join_all(uses).await.into_iter().flatten().count();

            assert_eq!(won, 1);
            let (_, hash) = store.login_by_email("ada@school.example").await.unwrap().unwrap();
            assert!(hash.unwrap().starts_with("$hash"));
            let told = store.changes_after(0).await.unwrap();
            assert_eq!((told[0].kind.as_str(), told.len()), ("user_sessions", 1));
            let events = store.newest_auth_events(9).await.unwrap();
            assert_eq!((events[0].kind.as_str(), events.len()), ("password_reset", 2));
            assert_eq!(events[0].email.as_deref(), Some("ada@school.example"));
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_newer_proof_of_the_same_kind_ends_the_older() {
        on_both(async |store| {
            with_ada(&store).await;
            insert(&store, "other:1").await;
            insert(&store, "reset:2").await;

            let old = store.verification("reset:1", Millis(2)).await;
            assert!(matches!(old, Err(StoreError::NotFound)));
            assert_eq!(store.verification("reset:2", Millis(2)).await.unwrap(), "ada");
            assert_eq!(store.verification("other:1", Millis(2)).await.unwrap(), "ada");
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_expired_proof_is_worth_nothing() {
        on_both(async |store| {
            with_ada(&store).await;

            let late = reset(&store, "$x".to_owned(), 100).await;

            assert!(matches!(late, Err(StoreError::NotFound)));
            let (_, hash) = store.login_by_email("ada@school.example").await.unwrap().unwrap();
            assert_eq!(hash.as_deref(), Some("$argon2id$x"));
            assert_eq!(store.forget_verifications(Millis(101)).await.unwrap(), 1);
        })
        .await;
    }
}
