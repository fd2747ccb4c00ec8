//! Accounts at other providers that open an account here. A person is found by provider and
//! subject, never by an address (attack D9). The provider's tokens are sealed by whoever hands them
//! in.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    accounts::CREDENTIAL,
    auth_events::{AuthEvent, note_event},
    changes::{KEPT, note_change, queue_up},
    db::{read, write},
    schema::{account, passkey, two_factor, user},
    sessions::{REVOCATION_KEPT, end_all_sessions},
    two_factors::forget_factors,
    users::User,
};
use crate::domain::ids::UserId;

/// One person's account at one provider.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = account, treat_none_as_default_value = false)]
pub(crate) struct ProviderAccount {
    pub id: String,
    /// The subject at the provider.
    pub account_id: String,
    pub provider_id: String,
    pub user_id: UserId,
    pub access_token: Option<String>,
    pub refresh_token: Option<String>,
    pub id_token: Option<String>,
    pub access_token_expires_at: Option<i64>,
    pub refresh_token_expires_at: Option<i64>,
    /// Comma-joined.
    pub scope: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// What a provider gave with its last answer, sealed.
#[derive(Debug, Clone, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = account, treat_none_as_null = false)]
pub(crate) struct ProviderTokens {
    pub access_token: Option<String>,
    pub refresh_token: Option<String>,
    pub id_token: Option<String>,
    pub access_token_expires_at: Option<i64>,
    pub refresh_token_expires_at: Option<i64>,
    pub scope: Option<String>,
    pub updated_at: i64,
}

impl Store {
    /// Whose account at the provider this is.
    pub(crate) async fn user_by_subject(
        &self,
        provider: &str,
        subject: &str,
    ) -> Result<(User, ProviderAccount), StoreError> {
        let this = account::provider_id.eq(provider).and(account::account_id.eq(subject));
        Ok(read!(self, |conn| account::table
            .inner_join(user::table)
            .filter(this)
            .select((User::as_select(), ProviderAccount::as_select()))
            .get_result(conn)
            .await?))
    }

    /// The accounts of `owner` at providers.
    pub(crate) async fn provider_accounts(
        &self,
        owner: &UserId,
    ) -> Result<Vec<ProviderAccount>, StoreError> {
        let theirs = account::user_id.eq(owner).and(account::provider_id.ne(CREDENTIAL));
        Ok(read!(self, |conn| account::table
            .filter(theirs)
            .order((account::created_at, account::id))
            .select(ProviderAccount::as_select())
            .load(conn)
            .await?))
    }

    /// A new person whom a provider vouches for. [`StoreError::Conflict`] if the address or the
    /// account at the provider is taken.
    pub(crate) async fn sign_up_by_provider(
        &self,
        person: User,
        login: ProviderAccount,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        write!(self, |conn| {
            diesel::insert_into(user::table).values(person).execute(conn).await?;
            diesel::insert_into(account::table).values(login).execute(conn).await?;
            note_event!(conn, event);
            Ok(())
        })
    }

    /// Joins an account at a provider to a person. [`StoreError::Conflict`] if it is somebody's.
    pub(crate) async fn link_account(
        &self,
        login: ProviderAccount,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        write!(self, |conn| {
            diesel::insert_into(account::table).values(login).execute(conn).await?;
            note_event!(conn, event);
            Ok(())
        })
    }

    /// Keeps what the provider gave; what it did not give anew stays.
    pub(crate) async fn keep_provider_tokens(
        &self,
        id: &str,
        tokens: ProviderTokens,
    ) -> Result<(), StoreError> {
        let id = id.to_owned();
        write!(self, |conn| {
            diesel::update(account::table.filter(account::id.eq(id)))
                .set(&tokens)
                .execute(conn)
                .await?;
            Ok(())
        })
    }

    /// Takes all ways in from somebody who never proved that the address is hers: her password
    /// becomes `hash`, which is nobody's; sessions, factors, passkeys and accounts at providers go
    /// (attack D8). [`StoreError::NotFound`] if the address is verified.
    pub(crate) async fn wipe_unproved(
        &self,
        owner: &UserId,
        hash: String,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        let (owner, now) = (owner.clone(), event.at());
        write!(self, |conn| {
            queue_up!(conn);
            let unproved = user::id.eq(&owner).and(user::email_verified.eq(false));
            let changed = diesel::update(user::table.filter(unproved))
                .set((
                    user::two_factor_enabled.eq(false),
                    user::version.eq(user::version + 1_i64),
                    user::updated_at.eq(now.0),
                ))
                .execute(conn)
                .await?;
            if changed == 0 {
                return Err(StoreError::NotFound);
            }
            let theirs = account::user_id.eq(&owner);
            diesel::delete(account::table.filter(theirs.and(account::provider_id.ne(CREDENTIAL))))
                .execute(conn)
                .await?;
            diesel::update(account::table.filter(theirs))
                .set((account::password.eq(Some(hash)), account::updated_at.eq(now.0)))
                .execute(conn)
                .await?;
            diesel::delete(passkey::table.filter(passkey::user_id.eq(&owner)))
                .execute(conn)
                .await?;
            diesel::delete(two_factor::table.filter(two_factor::user_id.eq(&owner)))
                .execute(conn)
                .await?;
            forget_factors!(conn, &owner);
            end_all_sessions!(conn, &owner, now);
            note_change!(conn, "user", owner.as_str(), now.plus(KEPT).0, now.0);
            let until = now.plus(REVOCATION_KEPT).0;
            note_change!(conn, "user_sessions", owner.as_str(), until, now.0);
            note_event!(conn, event);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{clock::Millis, role::Role},
        store::{
            accounts::tests::login,
            auth_events::{AuthEventKind, tests::event},
            contract::on_both,
            sessions::tests::row as session_row,
            users::tests::person,
        },
    };

    fn at_google(owner: &str, subject: &str) -> ProviderAccount {
        ProviderAccount {
            id: format!("{owner}-{subject}"),
            account_id: subject.to_owned(),
            provider_id: "google".to_owned(),
            user_id: UserId::new(owner),
            access_token: Some("sealed".to_owned()),
            refresh_token: Some("sealed too".to_owned()),
            id_token: None,
            access_token_expires_at: Some(9),
            refresh_token_expires_at: None,
            scope: Some("openid,email".to_owned()),
            created_at: 1,
            updated_at: 1,
        }
    }

    fn linked(id: &str) -> AuthEvent {
        event(id, AuthEventKind::SocialLinked, 2)
    }

    async fn with_people(store: &Store) {
        for name in ["ada", "bob"] {
            store.insert_user(person(name, Role::Student), login(name), None).await.unwrap();
        }
        store.link_account(at_google("ada", "g1"), linked("1")).await.unwrap();
    }

    /// Attack D9.
    #[tokio::test(flavor = "multi_thread")]
    async fn an_account_at_a_provider_is_one_persons_and_found_by_its_subject() {
        on_both(async |store| {
            with_people(&store).await;

            let (user, account) = store.user_by_subject("google", "g1").await.unwrap();
            assert_eq!((user.id.as_str(), account), ("ada", at_google("ada", "g1")));
            let other = store.user_by_subject("github", "g1").await;
            assert!(matches!(other, Err(StoreError::NotFound)));
            let taken = store.link_account(at_google("bob", "g1"), linked("2")).await;
            assert!(matches!(taken, Err(StoreError::Conflict(_))));
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_refresh_token_stays_where_the_provider_gives_no_new_one() {
        on_both(async |store| {
            with_people(&store).await;
            let tokens = ProviderTokens {
                access_token: Some("new".to_owned()),
                refresh_token: None,
                id_token: None,
                access_token_expires_at: Some(20),
                refresh_token_expires_at: None,
                scope: None,
                updated_at: 2,
            };

            store.keep_provider_tokens("ada-g1", tokens).await.unwrap();

            let kept = store.provider_accounts(&UserId::new("ada")).await.unwrap().remove(0);
            assert_eq!(kept.access_token.as_deref(), Some("new"));
            assert_eq!(kept.refresh_token.as_deref(), Some("sealed too"));
            assert_eq!(kept.scope.as_deref(), Some("openid,email"));
        })
        .await;
    }

    /// Attack D8.
    #[tokio::test(flavor = "multi_thread")]
    async fn wiping_takes_every_way_in_from_the_unproved_and_none_from_the_proved() {
        on_both(async |store| {
            with_people(&store).await;
            let ada = UserId::new("ada");
            store.insert_session(session_row("s", "ada"), linked("3")).await.unwrap();

            store.wipe_unproved(&ada, "$nobody".to_owned(), linked("4")).await.unwrap();

            assert_eq!(store.sessions_of(&ada, Millis(2)).await.unwrap(), []);
            assert_eq!(store.provider_accounts(&ada).await.unwrap(), []);
            let (_, hash) = store.login_by_email("ada@school.example").await.unwrap().unwrap();
            assert_eq!(hash.as_deref(), Some("$nobody"));
            let verified = event("5", AuthEventKind::EmailVerified, 3);
            store.set_verified(&ada, "ada@school.example", verified).await.unwrap();
            let proved = store.wipe_unproved(&ada, "$x".to_owned(), linked("6")).await;
            assert!(matches!(proved, Err(StoreError::NotFound)));
        })
        .await;
    }
}
