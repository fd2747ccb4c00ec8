//! People, as stored. What every node must know of a change is noted in the same transaction.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    accounts::Account,
    auth_events::{AuthEvent, note_event},
    changes::{KEPT, note_change, queue_up},
    db::{read, write},
    schema::{account, user},
    sessions::Session,
};
use crate::domain::{clock::Millis, ids::UserId, role::Role};

/// A person who can sign in.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = user, treat_none_as_default_value = false)]
pub(crate) struct User {
    pub id: UserId,
    pub name: String,
    /// In canonical form, see [`Email`](crate::domain::email::Email).
    pub email: String,
    pub email_verified: bool,
    pub image: Option<String>,
    pub role: Role,
    pub banned: bool,
    pub ban_reason: Option<String>,
    /// Epoch milliseconds; a ban without it has no end.
    pub ban_expires: Option<i64>,
    pub two_factor_enabled: bool,
    /// Messages a day, where it is not the role's.
    pub quota_limit: Option<i32>,
    /// Rises with each change that a session must see.
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

/// What a person changes of herself. Nothing for what stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Profile {
    pub name: Option<String>,
    pub image: Option<Image>,
}

/// A person's image, or that she wants none.
#[derive(Debug, Clone)]
pub(crate) enum Image {
    None,
    At(String),
}

impl User {
    pub(crate) fn is_banned(&self, now: Millis) -> bool {
        self.banned && self.ban_expires.is_none_or(|until| until > now.0)
    }
}

impl Store {
    /// Stores a person with her password and, if she is signed in by it, her session: all or
    /// nothing. [`StoreError::Conflict`] if the address is taken.
    pub(crate) async fn insert_user(
        &self,
        person: User,
        login: Account,
        session: Option<Session>,
    ) -> Result<(), StoreError> {
        self.sign_up(person, login, session, None).await
    }

    /// [`Self::insert_user`] for somebody who did it herself, with the event.
    pub(crate) async fn sign_up(
        &self,
        person: User,
        login: Account,
        session: Option<Session>,
        event: Option<AuthEvent>,
    ) -> Result<(), StoreError> {
        write!(self, |conn| {
            diesel::insert_into(user::table).values(person).execute(conn).await?;
            diesel::insert_into(account::table).values(login).execute(conn).await?;
            if let Some(session) = session {
                diesel::insert_into(super::schema::session::table)
                    .values(session)
                    .execute(conn)
                    .await?;
            }
            if let Some(event) = event {
                note_event!(conn, event);
            }
            Ok(())
        })
    }

    /// Stores many people at once: all or nothing.
    pub(crate) async fn insert_users(
        &self,
        people: Vec<(User, Account)>,
    ) -> Result<(), StoreError> {
        write!(self, |conn| {
            for (person, login) in people {
                diesel::insert_into(user::table).values(person).execute(conn).await?;
                diesel::insert_into(account::table).values(login).execute(conn).await?;
            }
            Ok(())
        })
    }

    pub(crate) async fn user(&self, id: &UserId) -> Result<User, StoreError> {
        Ok(read!(self, |conn| user::table
            .filter(user::id.eq(id))
            .select(User::as_select())
            .get_result(conn)
            .await?))
    }

    /// `email` in canonical form.
    pub(crate) async fn user_by_email(&self, email: &str) -> Result<User, StoreError> {
        Ok(read!(self, |conn| user::table
            .filter(user::email.eq(email))
            .select(User::as_select())
            .get_result(conn)
            .await?))
    }

    /// People by the time of their sign-up, at most `limit`, after the one that `after` names.
    pub(crate) async fn users_page(
        &self,
        after: Option<(i64, UserId)>,
        limit: i64,
    ) -> Result<Vec<User>, StoreError> {
        let (at, id) = after.unwrap_or((i64::MIN, UserId::new("")));
        Ok(read!(self, |conn| user::table
            .filter(user::created_at.gt(at).or(user::created_at.eq(at).and(user::id.gt(&id))))
            .order((user::created_at, user::id))
            .limit(limit)
            .select(User::as_select())
            .load(conn)
            .await?))
    }

    pub(crate) async fn count_users(&self) -> Result<i64, StoreError> {
        Ok(read!(self, |conn| user::table.count().get_result(conn).await?))
    }

    pub(crate) async fn set_role(
        &self,
        id: &UserId,
        role: Role,
        event: AuthEvent,
    ) -> Result<User, StoreError> {
        let (id, now) = (id.clone(), event.at());
        write!(self, |conn| {
            queue_up!(conn);
            let changed = diesel::update(user::table.filter(user::id.eq(&id)))
                .set((
                    user::role.eq(role),
                    user::version.eq(user::version + 1_i64),
                    user::updated_at.eq(now.0),
                ))
                .returning(User::as_returning())
                .get_result(conn)
                .await?;
            note_change!(conn, "user", id.as_str(), now.plus(KEPT).0, now.0);
            note_event!(conn, event);
            Ok(changed)
        })
    }

    /// What a person says of herself.
    pub(crate) async fn set_profile(
        &self,
        id: &UserId,
        changes: Profile,
        now: Millis,
    ) -> Result<(), StoreError> {
        let (id, Profile { name, image }) = (id.clone(), changes);
        let image = image.map(|image| match image {
            Image::None => None,
            Image::At(place) => Some(place),
        });
        write!(self, |conn| {
            queue_up!(conn);
            let named = user::table.filter(user::id.eq(&id));
            diesel::update(named)
                .set((
                    name.map(|name| user::name.eq(name)),
                    image.map(|image| user::image.eq(image)),
                    user::version.eq(user::version + 1_i64),
                    user::updated_at.eq(now.0),
                ))
                .execute(conn)
                .await?;
            note_change!(conn, "user", id.as_str(), now.plus(KEPT).0, now.0);
            Ok::<_, StoreError>(())
        })
    }

    /// Believes that `id` reads mail at `email`. [`StoreError::NotFound`] if that is no longer the
    /// person's address. Says whether it was news; the event is written only then.
    pub(crate) async fn set_verified(
        &self,
        id: &UserId,
        email: &str,
        event: AuthEvent,
    ) -> Result<bool, StoreError> {
        let (id, email, now) = (id.clone(), email.to_owned(), event.at());
        write!(self, |conn| {
            queue_up!(conn);
            let before: bool = user::table
                .filter(user::id.eq(&id).and(user::email.eq(&email)))
                .select(user::email_verified)
                .get_result(conn)
                .await?;
            if before {
                return Ok(false);
            }
            diesel::update(user::table.filter(user::id.eq(&id)))
                .set((
                    user::email_verified.eq(true),
                    user::version.eq(user::version + 1_i64),
                    user::updated_at.eq(now.0),
                ))
                .execute(conn)
                .await?;
            note_change!(conn, "user", id.as_str(), now.plus(KEPT).0, now.0);
            note_event!(conn, event);
            Ok(true)
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::store::{
        accounts::tests::login,
        auth_events::{AuthEventKind, tests::event},
        contract::on_both,
    };

    pub(crate) fn person(id: &str, role: Role) -> User {
        User {
            id: UserId::new(id),
            name: id.to_owned(),
            email: format!("{id}@school.example"),
            email_verified: false,
            image: None,
            role,
            banned: false,
            ban_reason: None,
            ban_expires: None,
            two_factor_enabled: false,
            quota_limit: None,
            version: 1,
            created_at: 1,
            updated_at: 1,
        }
    }

    pub(crate) async fn ban(store: &Store, id: &UserId) -> Result<usize, StoreError> {
        let id = id.clone();
        crate::store::db::write!(store, |conn| Ok(diesel::update(
            user::table.filter(user::id.eq(id))
        )
        .set(user::banned.eq(true))
        .execute(conn)
        .await?))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_address_belongs_to_one_person() {
        on_both(async |store| {
            store.insert_user(person("ada", Role::Student), login("ada"), None).await.unwrap();
            let mut second = person("eve", Role::Student);
            second.email = "ada@school.example".to_owned();

            let result = store.insert_user(second, login("eve"), None).await;

            assert!(matches!(result, Err(StoreError::Conflict(_))));
            assert_eq!(store.count_users().await.unwrap(), 1);
            let found = store.user_by_email("ada@school.example").await.unwrap();
            assert_eq!(found, person("ada", Role::Student));
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_role_is_told_to_every_node() {
        on_both(async |store| {
            store.insert_user(person("ada", Role::Student), login("ada"), None).await.unwrap();

            let changed = |id: &str| event(id, AuthEventKind::RoleChanged, 5);
            let now_admin =
                store.set_role(&UserId::new("ada"), Role::Admin, changed("1")).await.unwrap();

            assert_eq!((now_admin.role, now_admin.version), (Role::Admin, 2));
            let told = store.changes_after(0).await.unwrap();
            assert_eq!((told[0].kind.as_str(), told[0].subject.as_str()), ("user", "ada"));
            let unknown = store.set_role(&UserId::new("eve"), Role::Admin, changed("2")).await;
            assert!(matches!(unknown, Err(StoreError::NotFound)));
            assert_eq!(store.newest_auth_events(9).await.unwrap(), [changed("1")]);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_profile_changes_in_what_is_said_and_every_node_is_told() {
        on_both(async |store| {
            store.insert_user(person("ada", Role::Student), login("ada"), None).await.unwrap();
            let ada = UserId::new("ada");
            let image = Some(Image::At("/ada.png".to_owned()));
            let changes = Profile { name: Some("Ada L.".to_owned()), image };

            store.set_profile(&ada, changes, Millis(5)).await.unwrap();
            store.set_profile(&ada, Profile::default(), Millis(6)).await.unwrap();
            let now = store.user(&ada).await.unwrap();
            assert_eq!((now.name.as_str(), now.image.as_deref()), ("Ada L.", Some("/ada.png")));
            let none = Profile { image: Some(Image::None), ..Profile::default() };
            store.set_profile(&ada, none, Millis(7)).await.unwrap();

            let now = store.user(&ada).await.unwrap();
            assert_eq!((now.image, now.version, now.updated_at), (None, 4, 7));
            assert_eq!(store.last_change().await.unwrap(), 3);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn verification_is_for_the_address_that_the_mail_went_to() {
        on_both(async |store| {
            store.insert_user(person("ada", Role::Student), login("ada"), None).await.unwrap();
            let (ada, address) = (UserId::new("ada"), "ada@school.example");
            let verified = |id: &str| event(id, AuthEventKind::EmailVerified, 5);

            let other = store.set_verified(&ada, "old@school.example", verified("1")).await;
            assert!(matches!(other, Err(StoreError::NotFound)));
            assert!(store.set_verified(&ada, address, verified("2")).await.unwrap());
            assert!(!store.set_verified(&ada, address, verified("3")).await.unwrap());
            assert_eq!(store.newest_auth_events(9).await.unwrap(), [verified("2")]);
            assert!(store.user(&ada).await.unwrap().email_verified);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn pages_of_people_have_no_gap_where_times_are_equal() {
        on_both(async |store| {
            let people: Vec<_> = ["a", "b", "c", "d", "e"]
                .iter()
                .map(|id| (person(id, Role::Student), login(id)))
                .collect();
            store.insert_users(people).await.unwrap();

            let first = store.users_page(None, 2).await.unwrap();
            let last = first.last().map(|user| (user.created_at, user.id.clone()));
            let rest = store.users_page(last, 10).await.unwrap();

            let ids: Vec<_> = first.iter().chain(&rest).map(|user| user.id.as_str()).collect();
            assert_eq!(ids, ["a", "b", "c", "d", "e"]);
        })
        .await;
    }
}
