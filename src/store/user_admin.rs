//! What admins and the operator do to accounts: each effect with the event that tells of it, what
//! every node must know, and (where a person did it) the audit entry, in one transaction.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    accounts::{Account, CREDENTIAL},
    audit::{AuditEntry, note_audit},
    auth_events::{AuthEvent, note_event},
    changes::{KEPT, note_change},
    db::write,
    oauth_clients::end_clients_of,
    oauth_logouts::queue_logouts,
    schema::{account, user},
    sessions::{REVOCATION_KEPT, end_all_sessions},
    two_factors::forget_trusted,
    users::User,
};
use crate::domain::{
    clock::Millis,
    ids::{SessionId, UserId},
    role::Role,
};

/// What a deed leaves behind.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    pub event: AuthEvent,
    /// None: the operator did it, on the command line.
    pub entry: Option<AuditEntry>,
}

impl From<AuthEvent> for Records {
    fn from(event: AuthEvent) -> Self {
        Self { event, entry: None }
    }
}

/// What of a person is changed; what is none stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = user)]
#[expect(clippy::option_option, reason = "Diesel's way to tell \"as it is\" from \"none\"")]
pub(crate) struct UserEdit {
    pub name: Option<String>,
    pub email: Option<String>,
    pub email_verified: Option<bool>,
    /// `Some(None)` takes the picture away.
    pub image: Option<Option<String>>,
}

macro_rules! note_records {
    ($conn:expr, $records:expr) => {
        note_event!($conn, $records.event);
        if let Some(entry) = $records.entry {
            note_audit!($conn, entry);
        }
    };
}
pub(super) use note_records;

/// Refuses ([`StoreError::Conflict`]) what would leave no admin who can sign in. The change must
/// be noted before: its row orders those who do this at once.
macro_rules! keep_an_admin {
    ($conn:expr, $id:expr) => {{
        use $crate::store::schema::user;
        let others = user::id.ne($id).and(user::role.eq(Role::Admin)).and(user::banned.eq(false));
        let left: i64 =
            diesel_async::RunQueryDsl::get_result(user::table.filter(others).count(), $conn)
                .await?;
        let meant: Role =
            user::table.filter(user::id.eq($id)).select(user::role).get_result($conn).await?;
        if left == 0 && meant == Role::Admin {
            return Err(StoreError::Conflict("no admin would be left".to_owned()));
        }
    }};
}
pub(super) use keep_an_admin;

impl Store {
    /// An account that somebody else makes. Without a login the person gets in by another provider,
    /// or once an admin sets a password. [`StoreError::Conflict`] if the address is taken.
    pub(crate) async fn create_by_admin(
        &self,
        person: User,
        login: Option<Account>,
        records: Records,
    ) -> Result<(), StoreError> {
        write!(self, |conn| {
            diesel::insert_into(user::table).values(person).execute(conn).await?;
            if let Some(login) = login {
                diesel::insert_into(account::table).values(login).execute(conn).await?;
            }
            note_records!(conn, records);
            Ok(())
        })
    }

    /// [`StoreError::Conflict`] if the address is taken.
    pub(crate) async fn edit_by_admin(
        &self,
        id: &UserId,
        edit: UserEdit,
        records: Records,
    ) -> Result<User, StoreError> {
        let (id, now) = (id.clone(), records.event.at());
        write!(self, |conn| {
            note_change!(conn, "user", id.as_str(), now.plus(KEPT).0, now.0);
            let rest = (user::version.eq(user::version + 1_i64), user::updated_at.eq(now.0));
            let changed = diesel::update(user::table.filter(user::id.eq(&id)))
                .set((edit, rest))
                .returning(User::as_returning())
                .get_result(conn)
                .await?;
            note_records!(conn, records);
            Ok(changed)
        })
    }

    /// [`StoreError::Conflict`] if no admin would be left.
    pub(crate) async fn set_role_by_admin(
        &self,
        id: &UserId,
        role: Role,
        records: Records,
    ) -> Result<User, StoreError> {
        let (id, now) = (id.clone(), records.event.at());
        write!(self, |conn| {
            note_change!(conn, "user", id.as_str(), now.plus(KEPT).0, now.0);
            if role != Role::Admin {
                keep_an_admin!(conn, &id);
            }
            let changed = diesel::update(user::table.filter(user::id.eq(&id)))
                .set((
                    user::role.eq(role),
                    user::version.eq(user::version + 1_i64),
                    user::updated_at.eq(now.0),
                ))
                .returning(User::as_returning())
                .get_result(conn)
                .await?;
            note_records!(conn, records);
            Ok(changed)
        })
    }

    /// Shuts a person out, until `until` or for good, and ends her sessions.
    /// [`StoreError::Conflict`] if no admin would be left.
    pub(crate) async fn ban(
        &self,
        id: &UserId,
        reason: String,
        until: Option<Millis>,
        records: Records,
    ) -> Result<User, StoreError> {
        let (id, now) = (id.clone(), records.event.at());
        write!(self, |conn| {
            note_change!(conn, "user_sessions", id.as_str(), now.plus(REVOCATION_KEPT).0, now.0);
            keep_an_admin!(conn, &id);
            let banned = diesel::update(user::table.filter(user::id.eq(&id)))
                .set((
                    user::banned.eq(true),
                    user::ban_reason.eq(Some(reason)),
                    user::ban_expires.eq(until.map(|until| until.0)),
                    user::version.eq(user::version + 1_i64),
                    user::updated_at.eq(now.0),
                ))
                .returning(User::as_returning())
                .get_result(conn)
                .await?;
            end_all_sessions!(conn, &id, now);
            note_records!(conn, records);
            Ok(banned)
        })
    }

    pub(crate) async fn unban(&self, id: &UserId, records: Records) -> Result<User, StoreError> {
        let (id, now) = (id.clone(), records.event.at());
        write!(self, |conn| {
            note_change!(conn, "user", id.as_str(), now.plus(KEPT).0, now.0);
            let free = diesel::update(user::table.filter(user::id.eq(&id)))
                .set((
                    user::banned.eq(false),
                    user::ban_reason.eq(None::<String>),
                    user::ban_expires.eq(None::<i64>),
                    user::version.eq(user::version + 1_i64),
                    user::updated_at.eq(now.0),
                ))
                .returning(User::as_returning())
                .get_result(conn)
                .await?;
            note_records!(conn, records);
            Ok(free)
        })
    }

    /// Takes a ban away that is over. It shuts nobody out any more; now nothing shows it either.
    pub(crate) async fn clear_ban(&self, id: &UserId, now: Millis) -> Result<User, StoreError> {
        let id = id.clone();
        write!(self, |conn| Ok(diesel::update(
            user::table.filter(user::id.eq(&id).and(user::ban_expires.le(now.0)))
        )
        .set((
            user::banned.eq(false),
            user::ban_reason.eq(None::<String>),
            user::ban_expires.eq(None::<i64>),
        ))
        .returning(User::as_returning())
        .get_result(conn)
        .await?))
    }

    /// Another password, a first one too, in the words of `login`; ends all sessions and the trust in
    /// devices.
    pub(crate) async fn set_password_by_admin(
        &self,
        login: Account,
        records: Records,
    ) -> Result<(), StoreError> {
        let (id, now) = (login.user_id.clone(), records.event.at());
        write!(self, |conn| {
            note_change!(conn, "user_sessions", id.as_str(), now.plus(REVOCATION_KEPT).0, now.0);
            let own = account::user_id.eq(&id).and(account::provider_id.eq(CREDENTIAL));
            let changed = diesel::update(account::table.filter(own))
                .set((account::password.eq(login.password.clone()), account::updated_at.eq(now.0)))
                .execute(conn)
                .await?;
            if changed == 0 {
                diesel::insert_into(account::table).values(login).execute(conn).await?;
            }
            forget_trusted!(conn, &id);
            end_all_sessions!(conn, &id, now);
            note_records!(conn, records);
            Ok(())
        })
    }

    /// Removes a person with all that is hers. [`StoreError::Conflict`] if no admin would be left.
    pub(crate) async fn remove_by_admin(
        &self,
        id: &UserId,
        records: Records,
    ) -> Result<(), StoreError> {
        let (id, now) = (id.clone(), records.event.at());
        write!(self, |conn| {
            note_change!(conn, "user_sessions", id.as_str(), now.plus(REVOCATION_KEPT).0, now.0);
            keep_an_admin!(conn, &id);
            queue_logouts!(conn, &id, session::browser_sid.is_not_null(), now);
            end_clients_of!(conn, id.as_str(), now);
            let gone = diesel::delete(user::table.filter(user::id.eq(&id))).execute(conn).await?;
            if gone == 0 {
                return Err(StoreError::NotFound);
            }
            note_records!(conn, records);
            Ok(())
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::store::{
        accounts::tests::login,
        audit::tests::entry,
        auth_events::{AuthEventKind, tests::event},
        contract::on_both,
        sessions::tests::row,
        users::tests::person,
    };

    pub(crate) fn records(id: &str, kind: AuthEventKind) -> Records {
        Records { event: event(id, kind, 5), entry: Some(entry(id, kind.as_str(), "x")) }
    }

    async fn school(store: &Store) {
        for (name, role) in [("ada", Role::Student), ("root", Role::Admin), ("eve", Role::Admin)] {
            store.insert_user(person(name, role), login(name), None).await.unwrap();
        }
        let begun = event("in", AuthEventKind::SignIn, 1);
        store.insert_session(row("a1", "ada"), begun).await.unwrap();
    }

    async fn left_behind(store: &Store) -> (Vec<String>, usize, Vec<String>) {
        let events = store.newest_auth_events(9).await.unwrap();
        let kinds = events.into_iter().map(|event| event.kind).filter(|kind| kind != "sign_in");
        let audited = store.audit_page(None).await.unwrap().len();
        let told = store.changes_after(0).await.unwrap();
        (kinds.collect(), audited, told.into_iter().map(|change| change.kind).collect())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_ban_ends_sessions_and_is_told_noted_and_audited_at_once() {
        on_both(async |store| {
            school(&store).await;
            let ada = UserId::new("ada");

            let banned = store
                .ban(&ada, "rude".into(), Some(Millis(9)), records("1", AuthEventKind::Banned))
                .await
                .unwrap();

            assert_eq!((banned.banned, banned.version), (true, 2));
            assert_eq!(store.sessions_of(&ada, Millis(2)).await.unwrap(), []);
            let expected = (vec!["banned".to_owned()], 1, vec!["user_sessions".to_owned()]);
            assert_eq!(left_behind(&store).await, expected);
            assert!(store.clear_ban(&ada, Millis(8)).await.is_err(), "it is not over");
            assert!(!store.clear_ban(&ada, Millis(9)).await.unwrap().banned);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_last_admin_stays_an_admin() {
        on_both(async |store| {
            school(&store).await;
            let (root, eve) = (UserId::new("root"), UserId::new("eve"));
            let demote = async |id: &UserId, n: &str| {
                store
                    .set_role_by_admin(id, Role::Student, records(n, AuthEventKind::RoleChanged))
                    .await
            };

            let (one, two) = tokio::join!(demote(&root, "1"), demote(&eve, "2"));
            assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "one of them wins");
            let last = if one.is_ok() { eve } else { root };
            for (name, refused) in [
                ("demote", demote(&last, "3").await.map(|_| ())),
                ("ban", {
                    let records = records("4", AuthEventKind::Banned);
                    store.ban(&last, String::new(), None, records).await.map(|_| ())
                }),
                ("remove", {
                    store.remove_by_admin(&last, records("5", AuthEventKind::UserRemoved)).await
                }),
            ] {
                assert!(matches!(refused, Err(StoreError::Conflict(_))), "{name}: {refused:?}");
            }
            assert_eq!(store.user(&last).await.unwrap().role, Role::Admin);
            assert_eq!(left_behind(&store).await.1, 1, "what was refused leaves no entry");
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_removed_person_leaves_nothing_but_the_event() {
        on_both(async |store| {
            school(&store).await;
            let ada = UserId::new("ada");

            store.remove_by_admin(&ada, records("1", AuthEventKind::UserRemoved)).await.unwrap();

            assert!(matches!(store.user(&ada).await, Err(StoreError::NotFound)));
            assert!(store.login_by_email("ada@school.example").await.unwrap().is_none());
            let again = store.remove_by_admin(&ada, records("2", AuthEventKind::UserRemoved)).await;
            assert!(matches!(again, Err(StoreError::NotFound)));
            assert_eq!(left_behind(&store).await.0, ["user_removed"]);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_edit_changes_what_it_names_and_a_taken_address_changes_nothing() {
        on_both(async |store| {
            school(&store).await;
            let ada = UserId::new("ada");
            let edit = UserEdit { name: Some("Ada L".to_owned()), ..UserEdit::default() };
            let changed = store
                .edit_by_admin(&ada, edit, records("1", AuthEventKind::ProfileChanged))
                .await
                .unwrap();
            assert_eq!(
                (changed.name.as_str(), changed.email.as_str()),
                ("Ada L", "ada@school.example")
            );
            let taken =
                UserEdit { email: Some("root@school.example".to_owned()), ..UserEdit::default() };
            let refused =
                store.edit_by_admin(&ada, taken, records("2", AuthEventKind::EmailChanged)).await;
            assert!(matches!(refused, Err(StoreError::Conflict(_))));
            assert_eq!(store.user(&ada).await.unwrap(), changed);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_person_without_a_password_gets_one_and_her_sessions_end() {
        on_both(async |store| {
            school(&store).await;
            let made = records("1", AuthEventKind::UserCreated);
            store.create_by_admin(person("bob", Role::Student), None, made).await.unwrap();
            for id in ["ada", "bob"] {
                let mut login = login(id);
                login.id = format!("new-{id}");
                login.password = Some("$new".to_owned());
                let set = records(&format!("set-{id}"), AuthEventKind::PasswordSet);
                store.set_password_by_admin(login, set).await.unwrap();
                let email = format!("{id}@school.example");
                let (_, hash) = store.login_by_email(&email).await.unwrap().unwrap();
                assert_eq!(hash.as_deref(), Some("$new"), "{id}");
            }
            assert_eq!(store.sessions_of(&UserId::new("ada"), Millis(2)).await.unwrap(), []);
        })
        .await;
    }
}
