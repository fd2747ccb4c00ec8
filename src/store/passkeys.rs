//! Passkeys: credentials of authenticators that prove both possession and their holder.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    auth_events::{AuthEvent, note_event},
    db::{read, write},
    dialect::Keeper,
    schema::{passkey, session},
    sessions::Session,
};
use crate::domain::{clock::Millis, ids::UserId};

/// One authenticator's credential for one person.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = passkey, treat_none_as_default_value = false)]
pub(crate) struct Passkey {
    pub id: String,
    pub user_id: UserId,
    pub name: Option<String>,
    /// Base64url, as browsers write it.
    pub credential_id: String,
    /// The public key and what belongs to it, as the `WebAuthn` library keeps it (JSON).
    pub credential: String,
    /// The last signature counter; 0 for authenticators that do not count.
    pub counter: i64,
    /// Comma-joined, such as `internal,hybrid`.
    pub transports: Option<String>,
    pub backed_up: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A passkey as it is after a sign-in with it.
#[derive(Debug, Clone)]
pub(crate) struct Used {
    pub id: String,
    pub counter_before: i64,
    pub counter: i64,
    pub credential: String,
    pub backed_up: bool,
}

impl Store {
    /// [`StoreError::Conflict`] if the credential is somebody's already.
    pub(crate) async fn add_passkey(
        &self,
        row: Passkey,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        write!(self, |conn| {
            diesel::insert_into(passkey::table).values(row).execute(conn).await?;
            note_event!(conn, event);
            Ok(())
        })
    }

    /// The passkeys of `owner`, oldest first.
    pub(crate) async fn passkeys_of(&self, owner: &UserId) -> Result<Vec<Passkey>, StoreError> {
        Ok(read!(self, |conn| passkey::table
            .filter(passkey::user_id.eq(owner))
            .order((passkey::created_at, passkey::id))
            .select(Passkey::as_select())
            .load(conn)
            .await?))
    }

    pub(crate) async fn passkey_by_credential(
        &self,
        credential_id: &str,
    ) -> Result<Passkey, StoreError> {
        Ok(read!(self, |conn| passkey::table
            .filter(passkey::credential_id.eq(credential_id))
            .select(Passkey::as_select())
            .get_result(conn)
            .await?))
    }

    /// Begins a session by a passkey. [`StoreError::Conflict`] if its counter has moved meanwhile:
    /// somebody else used a copy. [`StoreError::NotFound`] if the person is gone.
    pub(crate) async fn enter_by_passkey(
        &self,
        used: Used,
        begun: Session,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        let now = event.at();
        write!(self, |conn| {
            // She comes before what hangs on her, as in her removal.
            conn.keep_person(&begun.user_id).await?;
            let same = passkey::id.eq(&used.id).and(passkey::counter.eq(used.counter_before));
            let changed = diesel::update(passkey::table.filter(same))
                .set((
                    passkey::counter.eq(used.counter),
                    passkey::credential.eq(&used.credential),
                    passkey::backed_up.eq(used.backed_up),
                    passkey::updated_at.eq(now.0),
                ))
                .execute(conn)
                .await?;
            if changed == 0 {
                return Err(StoreError::Conflict("the passkey was used elsewhere".to_owned()));
            }
            diesel::insert_into(session::table).values(begun).execute(conn).await?;
            note_event!(conn, event);
            Ok(())
        })
    }

    /// Takes a passkey of `owner` away. [`StoreError::NotFound`] if she has none of this id.
    pub(crate) async fn remove_passkey(
        &self,
        owner: &UserId,
        id: &str,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        let (owner, id) = (owner.clone(), id.to_owned());
        write!(self, |conn| {
            let mine = passkey::id.eq(id).and(passkey::user_id.eq(owner));
            let gone = diesel::delete(passkey::table.filter(mine)).execute(conn).await?;
            if gone == 0 {
                return Err(StoreError::NotFound);
            }
            note_event!(conn, event);
            Ok(())
        })
    }

    /// Gives a passkey of `owner` another name. [`StoreError::NotFound`] if she has none of this id.
    pub(crate) async fn rename_passkey(
        &self,
        owner: &UserId,
        id: &str,
        name: &str,
        now: Millis,
    ) -> Result<Passkey, StoreError> {
        let (owner, id, name) = (owner.clone(), id.to_owned(), name.to_owned());
        write!(self, |conn| {
            let mine = passkey::id.eq(id).and(passkey::user_id.eq(owner));
            Ok(diesel::update(passkey::table.filter(mine))
                .set((passkey::name.eq(Some(name)), passkey::updated_at.eq(now.0)))
                .returning(Passkey::as_returning())
                .get_result(conn)
                .await?)
        })
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
            sessions::tests::row as session_row,
            users::tests::person,
        },
    };

    fn key(id: &str, owner: &str) -> Passkey {
        Passkey {
            id: id.to_owned(),
            user_id: UserId::new(owner),
            name: None,
            credential_id: format!("cred-{id}"),
            credential: "{}".to_owned(),
            counter: 4,
            transports: None,
            backed_up: false,
            created_at: 1,
            updated_at: 1,
        }
    }

    fn added(id: &str) -> AuthEvent {
        event(id, AuthEventKind::PasskeyAdded, 2)
    }

    async fn with_keys(store: &Store) {
        for name in ["ada", "bob"] {
            store.insert_user(person(name, Role::Student), login(name), None).await.unwrap();
            store.add_passkey(key(name, name), added(name)).await.unwrap();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nobody_touches_somebody_elses_passkey_and_no_credential_is_two_peoples() {
        on_both(async |store| {
            with_keys(&store).await;
            let ada = UserId::new("ada");

            let gone = store.remove_passkey(&ada, "bob", added("1")).await;
            assert!(matches!(gone, Err(StoreError::NotFound)));
            let named = store.rename_passkey(&ada, "bob", "mine", Millis(2)).await;
            assert!(matches!(named, Err(StoreError::NotFound)));
            let mut copy = key("copy", "ada");
            copy.credential_id = "cred-bob".to_owned();
            let taken = store.add_passkey(copy, added("2")).await;
            assert!(matches!(taken, Err(StoreError::Conflict(_))));
            assert_eq!(store.passkeys_of(&ada).await.unwrap(), [key("ada", "ada")]);
            assert_eq!(store.passkey_by_credential("cred-bob").await.unwrap(), key("bob", "bob"));
        })
        .await;
    }

    /// A cloned authenticator: two that sign with the same counter.
    #[tokio::test(flavor = "multi_thread")]
    async fn of_two_sign_ins_with_one_counter_at_once_one_succeeds() {
        on_both(async |store| {
            with_keys(&store).await;
            let used = Used {
                id: "ada".to_owned(),
                counter_before: 4,
                counter: 5,
                credential: "{}".to_owned(),
                backed_up: false,
            };

            let enter =
                |name| store.enter_by_passkey(used.clone(), session_row(name, "ada"), added(name));
            let (first, second) = futures_util::future::join(enter("s1"), enter("s2")).await;

            assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
            let ada = UserId::new("ada");
            assert_eq!(store.sessions_of(&ada, Millis(2)).await.unwrap().len(), 1);
        })
        .await;
    }
}
