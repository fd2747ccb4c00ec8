//! Ways to sign in: a password, and (later) accounts at other providers.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    changes::{KEPT, note_change},
    db::{read, write},
    schema::{account, user},
    users::User,
};
use crate::domain::{clock::Millis, ids::UserId};

/// The provider's name for a password of our own.
pub(crate) const CREDENTIAL: &str = "credential";

/// One way in for one person.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = account, treat_none_as_default_value = false)]
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

/// A way in, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = account)]
pub(crate) struct Way {
    pub id: String,
    pub account_id: String,
    pub provider_id: String,
    pub user_id: UserId,
    pub scope: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// Which way in is meant. Older clients name the provider, and perhaps the person's name there.
#[derive(Debug, Clone)]
pub(crate) struct Which {
    /// The row's id, or the person's name at the provider.
    pub account: Option<String>,
    pub provider: Option<String>,
}

impl Which {
    fn is(&self, way: &Way) -> bool {
        let account =
            self.account.as_ref().is_none_or(|name| *name == way.id || *name == way.account_id);
        account && self.provider.as_ref().is_none_or(|name| *name == way.provider_id)
    }
}

/// What became of a wish to take a way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unlinked {
    Done,
    Unknown,
    /// It is the only one.
    Last,
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
            .get_result(conn)
            .await
            .optional()?))
    }

    /// Gives a person the hash `new` in place of `old`, of the same password. Leaves it alone if it
    /// was changed meanwhile.
    pub(crate) async fn replace_password(
        &self,
        id: &UserId,
        old: &str,
        new: String,
        now: Millis,
    ) -> Result<(), StoreError> {
        let (id, old) = (id.clone(), old.to_owned());
        write!(self, |conn| {
            let login = account::user_id.eq(id).and(account::provider_id.eq(CREDENTIAL));
            diesel::update(account::table.filter(login.and(account::password.eq(old))))
                .set((account::password.eq(Some(new)), account::updated_at.eq(now.0)))
                .execute(conn)
                .await?;
            Ok::<_, StoreError>(())
        })
    }

    /// The ways in which a person can sign in, the oldest first.
    pub(crate) async fn ways_of(&self, owner: &UserId) -> Result<Vec<Way>, StoreError> {
        Ok(read!(self, |conn| account::table
            .filter(account::user_id.eq(owner))
            .order((account::created_at, account::id))
            .select(Way::as_select())
            .load(conn)
            .await?))
    }

    /// Takes one way in from `owner`, never the last.
    pub(crate) async fn unlink(
        &self,
        owner: &UserId,
        which: Which,
        now: Millis,
    ) -> Result<Unlinked, StoreError> {
        let owner = owner.clone();
        write!(self, |conn| {
            // First, since it orders the writers: of two at once one sees what the other has left.
            note_change!(conn, "user", owner.as_str(), now.plus(KEPT).0, now.0);
            let ways: Vec<Way> = account::table
                .filter(account::user_id.eq(owner))
                .select(Way::as_select())
                .load(conn)
                .await?;
            let Some(way) = ways.iter().find(|way| which.is(way)) else {
                return Ok(Unlinked::Unknown);
            };
            if ways.len() == 1 {
                return Ok(Unlinked::Last);
            }
            diesel::delete(account::table.filter(account::id.eq(way.id.clone())))
                .execute(conn)
                .await?;
            Ok(Unlinked::Done)
        })
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

    impl Store {
        pub(crate) async fn link_google(&self, owner: &UserId) {
            let google = Account {
                id: "row".to_owned(),
                account_id: "1234".to_owned(),
                provider_id: "google".to_owned(),
                user_id: owner.clone(),
                password: None,
                created_at: i64::MAX,
                updated_at: 2,
            };
            let linked: Result<(), StoreError> = crate::store::db::write!(self, |conn| {
                diesel::insert_into(account::table).values(google).execute(conn).await?;
                Ok(())
            });
            linked.unwrap();
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

    #[tokio::test(flavor = "multi_thread")]
    async fn a_hash_is_renewed_only_while_it_is_the_one_that_was_checked() {
        on_both(async |store| {
            store.insert_user(person("ada", Role::Student), login("ada"), None).await.unwrap();
            let ada = UserId::new("ada");
            let renew = async |old: &str, new: &str| {
                store.replace_password(&ada, old, new.to_owned(), Millis(2)).await.unwrap();
                store.login_by_email("ada@school.example").await.unwrap().unwrap().1.unwrap()
            };

            assert_eq!(renew("$other", "$new").await, "$argon2id$x");
            assert_eq!(renew("$argon2id$x", "$new").await, "$new");
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_last_way_in_is_kept_even_if_two_are_taken_at_once() {
        on_both(async |store| {
            store.insert_user(person("ada", Role::Student), login("ada"), None).await.unwrap();
            store.insert_user(person("bob", Role::Student), login("bob"), None).await.unwrap();
            let ada = UserId::new("ada");
            store.link_google(&ada).await;
            let ways: Vec<_> = store.ways_of(&ada).await.unwrap();
            let ids: Vec<_> = ways.iter().map(|way| way.id.as_str()).collect();
            assert_eq!(ids, ["login-ada", "row"]);

            let named = |account: Option<&str>, provider: Option<&str>| Which {
                account: account.map(str::to_owned),
                provider: provider.map(str::to_owned),
            };
            let foreign = store.unlink(&ada, named(Some("login-bob"), None), Millis(3)).await;
            assert_eq!(foreign.unwrap(), Unlinked::Unknown);
            let (first, second) = tokio::join!(
                store.unlink(&ada, named(None, Some("google")), Millis(3)),
                store.unlink(&ada, named(Some("ada"), Some(CREDENTIAL)), Millis(3)),
            );
            let mut done = [first.unwrap(), second.unwrap()];
            done.sort_by_key(|it| *it != Unlinked::Done);
            assert_eq!(done, [Unlinked::Done, Unlinked::Last]);
            assert_eq!(store.ways_of(&ada).await.unwrap().len(), 1);
        })
        .await;
    }
}
