//! Ways to sign in: a password, and (later) accounts at other providers.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    db::{read, write},
    schema::{account, user},
    users::User,
};
use crate::domain::{clock::Millis, ids::UserId};

/// The provider's name for a password of our own.
pub(crate) const CREDENTIAL: &str = "credential";

/// One way in for one person.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = account)]
#[expect(clippy::struct_field_names, reason = "`account_id` is the column's name in the peer")]
pub(crate) struct Account {
    pub id: String,
    /// The person's name at the provider; with [`CREDENTIAL`] our own user id.
    pub account_id: String,
    pub provider_id: String,
    pub user_id: UserId,
    /// A PHC string, never a password.
    pub password: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

impl Store {
    /// Whose address this is, with the hash of her password if she has one.
    pub(crate) async fn login_by_email(
        &self,
        email: &str,
    ) -> Result<Option<(User, Option<String>)>, StoreError> {
        Ok(read!(self, |conn| user::table
            .left_join(
                account::table
                    .on(account::user_id.eq(user::id).and(account::provider_id.eq(CREDENTIAL)))
            )
            .filter(user::email.eq(email))
            .select((User::as_select(), account::password.nullable()))
            .first(conn)
            .await
            .optional()?))
    }

    /// Gives a person a new password.
    pub(crate) async fn set_password(
        &self,
        id: &UserId,
        hash: String,
        now: Millis,
    ) -> Result<(), StoreError> {
        let id = id.clone();
        write!(self, |conn| {
            let changed = diesel::update(
                account::table
                    .filter(account::user_id.eq(&id).and(account::provider_id.eq(CREDENTIAL))),
            )
            .set((account::password.eq(Some(hash)), account::updated_at.eq(now.0)))
            .execute(conn)
            .await?;
            if changed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        domain::role::Role,
        store::{contract::on_both, users::tests::person},
    };

    pub(crate) fn login(user: &str) -> Account {
        Account {
            id: format!("login-{user}"),
            account_id: user.to_owned(),
            provider_id: CREDENTIAL.to_owned(),
            user_id: UserId::new(user),
            password: Some("$argon2id$x".to_owned()),
            created_at: 1,
            updated_at: 1,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_login_is_found_by_address_with_its_hash() {
        on_both(async |store| {
            store.insert_user(person("ada", Role::Student), login("ada"), None).await.unwrap();

            let (user, hash) = store.login_by_email("ada@school.example").await.unwrap().unwrap();
            assert_eq!((user.id.as_str(), hash.as_deref()), ("ada", Some("$argon2id$x")));
            assert_eq!(store.login_by_email("eve@school.example").await.unwrap(), None);

            store.set_password(&UserId::new("ada"), "$new".to_owned(), Millis(2)).await.unwrap();
            let (_, hash) = store.login_by_email("ada@school.example").await.unwrap().unwrap();
            assert_eq!(hash.as_deref(), Some("$new"));
        })
        .await;
    }
}
