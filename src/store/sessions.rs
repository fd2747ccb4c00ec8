//! Sign-ins, as stored: only the SHA-256 of a session's token is kept, so that a copy of the
//! database signs nobody in. Each removal is noted for the other nodes in the same transaction.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    auth_events::{AuthEvent, note_event},
    changes::{note_change, queue_up},
    db::{look, read, write},
    schema::{oauth_client, session, user},
    users::User,
};
use crate::domain::{
    clock::{HOUR, Millis},
    ids::{ClientId, SessionId, UserId},
};

/// A revocation must be known for as long as the longest access token of the session lives.
pub(super) const REVOCATION_KEPT: i64 = 7 * HOUR;

/// Methods of proof (RFC 8176), as [`Session::amr`] has them.
pub(crate) const BY_PASSWORD: &str = "pwd";
pub(crate) const BY_CODE: &str = "otp mfa";
pub(crate) const BY_PASSKEY: &str = "swk user mfa";

/// A session and all that hangs on it, what is above first: an app's grant hangs on a sign-in,
/// which may itself hang on an admin's.
macro_rules! with_hanging {
    ($conn:expr, $id:expr) => {{
        use $crate::store::schema::session;
        let mut all: Vec<SessionId> = vec![$id.clone()];
        let mut above: Vec<String> = vec![$id.as_str().to_owned()];
        while !above.is_empty() {
            let below: Vec<SessionId> = session::table
                .filter(session::parent_id.eq_any(above))
                .select(session::id)
                .load($conn)
                .await?;
            above = below.iter().map(|id| id.as_str().to_owned()).collect();
            all.extend(below);
        }
        all
    }};
}
pub(super) use with_hanging;

/// Ends a session inside a transaction that has queued up, and what hangs on it: each is noted for
/// the other nodes, the apps that want to be told of it are to be, and no code of it counts again.
macro_rules! end_session {
    ($conn:expr, $id:expr, $now:expr) => {{
        use $crate::store::{
            changes::note_change, oauth_logouts::queue_logouts, schema::session,
            sessions::REVOCATION_KEPT,
        };
        let id: &SessionId = $id;
        let now: $crate::domain::clock::Millis = $now;
        // Whoever begins a grant in it holds its row meanwhile: so nothing hangs on it unseen.
        let owner: Option<$crate::domain::ids::UserId> =
            diesel::update(session::table.filter(session::id.eq(id)))
                .set(session::updated_at.eq(session::updated_at))
                .returning(session::user_id)
                .get_result($conn)
                .await
                .optional()?;
        let ended = $crate::store::sessions::with_hanging!($conn, id);
        let names: Vec<String> = ended.iter().map(|id| id.as_str().to_owned()).collect();
        if let Some(owner) = owner {
            queue_logouts!($conn, &owner, session::browser_sid.eq_any(names.clone()), now);
        }
        $crate::store::oauth_grants::note_ended_grants!($conn, names, now);
        // The database itself removes what hangs on it.
        diesel::delete(session::table.filter(session::id.eq(id))).execute($conn).await?;
        for id in ended.iter().rev() {
            note_change!($conn, "session", id.as_str(), now.plus(REVOCATION_KEPT).0, now.0);
        }
    }};
}
pub(super) use end_session;

/// Notes of a session that its holder has just proved to be its person, inside a transaction.
macro_rules! prove_session {
    ($conn:expr, $id:expr, $proof:expr, $now:expr) => {{
        use $crate::store::{changes, schema::session};
        let (id, now): (&SessionId, $crate::domain::clock::Millis) = ($id, $now);
        diesel::update(session::table.filter(session::id.eq(id)))
            .set($proof)
            .execute($conn)
            .await?;
        // It is in the memory of nodes as it was.
        changes::note_change!($conn, "session", id.as_str(), now.plus(changes::KEPT).0, now.0);
    }};
}
pub(super) use prove_session;

/// Ends every session of a person but one and what apps were granted by that one, inside a
/// transaction that has queued up. Says how many.
macro_rules! end_other_sessions {
    ($conn:expr, $owner:expr, $kept:expr, $now:expr) => {{
        use $crate::store::{oauth_logouts::queue_logouts, schema::session};
        let kept: &SessionId = $kept;
        let not_of_it = session::parent_id.is_null().or(session::parent_id.ne(kept.as_str()));
        let others: Vec<SessionId> = session::table
            .filter(session::user_id.eq($owner).and(session::id.ne(kept)).and(not_of_it))
            .select(session::id)
            .load($conn)
            .await?;
        // Before any ends: a grant that does not hang on its sign-in may end first.
        let names: Vec<String> = others.iter().map(|id| id.as_str().to_owned()).collect();
        queue_logouts!($conn, $owner, session::browser_sid.eq_any(names), $now);
        for id in &others {
            $crate::store::sessions::end_session!($conn, id, $now);
        }
        others.len()
    }};
}
pub(super) use end_other_sessions;

/// Ends every session of a person inside a transaction that has queued up. That is still to be noted
/// for the other nodes. No code counts again either: it comes from one of them.
macro_rules! end_all_sessions {
    ($conn:expr, $owner:expr, $now:expr) => {{
        use $crate::store::{oauth_logouts::queue_logouts, schema::session};
        queue_logouts!($conn, $owner, session::browser_sid.is_not_null(), $now);
        diesel::delete(session::table.filter(session::user_id.eq($owner))).execute($conn).await?;
    }};
}
pub(super) use end_all_sessions;

/// One sign-in on one device.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = session, treat_none_as_default_value = false)]
pub(crate) struct Session {
    pub id: SessionId,
    /// SHA-256 of the token, lower-case hex.
    pub token_hash: String,
    pub user_id: UserId,
    pub expires_at: i64,
    /// `false`: the cookie ends with the browser, and the session is not prolonged.
    pub remember: bool,
    /// Empty if unknown.
    pub ip_address: String,
    pub user_agent: Option<String>,
    pub impersonated_by: Option<String>,
    /// The sign-in that it hangs on and ends with.
    pub parent_id: Option<SessionId>,
    /// The app that it was granted to; none: a sign-in of the person's own.
    pub client_id: Option<ClientId>,
    /// By which methods she did (RFC 8176), with spaces between; empty: nobody says.
    pub amr: String,
    /// When its holder last proved to be its person.
    pub proved_at: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

impl Store {
    /// A session that no password begins.
    pub(crate) async fn insert_session(
        &self,
        row: Session,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        write!(self, |conn| {
            diesel::insert_into(session::table).values(row).execute(conn).await?;
            note_event!(conn, event);
            Ok(())
        })
    }

    /// The session that a token opens, expired or not, with its person as she is now.
    pub(crate) async fn session_by_hash(&self, hash: &str) -> Result<(Session, User), StoreError> {
        Ok(look!(self, |conn| session::table
            .inner_join(user::table.on(session::user_id.eq(user::id)))
            .filter(session::token_hash.eq(hash))
            .select((Session::as_select(), User::as_select()))
            .get_result(conn)
            .await?))
    }

    pub(crate) async fn session(&self, id: &SessionId) -> Result<(Session, User), StoreError> {
        Ok(look!(self, |conn| session::table
            .inner_join(user::table.on(session::user_id.eq(user::id)))
            .filter(session::id.eq(id))
            .select((Session::as_select(), User::as_select()))
            .get_result(conn)
            .await?))
    }

    /// The live sessions of `owner`, newest first, each with the name of the app that it was granted
    /// to, if it was.
    pub(crate) async fn sessions_with_apps(
        &self,
        owner: &UserId,
        now: Millis,
    ) -> Result<Vec<(Session, Option<String>)>, StoreError> {
        let of_app = session::client_id.eq(oauth_client::id.nullable());
        Ok(read!(self, |conn| session::table
            .left_join(oauth_client::table.on(of_app))
            .filter(session::user_id.eq(owner).and(session::expires_at.gt(now.0)))
            .order((session::created_at.desc(), session::id))
            .select((Session::as_select(), oauth_client::name.nullable()))
            .load(conn)
            .await?))
    }

    pub(crate) async fn extend_session(
        &self,
        id: &SessionId,
        expires_at: Millis,
        now: Millis,
    ) -> Result<(), StoreError> {
        let id = id.clone();
        write!(self, |conn| {
            diesel::update(session::table.filter(session::id.eq(id)))
                .set((session::expires_at.eq(expires_at.0), session::updated_at.eq(now.0)))
                .execute(conn)
                .await?;
            Ok(())
        })
    }

    /// Ends the session of `owner` that has this id or this token hash. Says whether there was one;
    /// the event is written only then.
    pub(crate) async fn revoke_session(
        &self,
        owner: &UserId,
        handle: &str,
        hash: &str,
        event: AuthEvent,
    ) -> Result<bool, StoreError> {
        let (owner, handle, hash) = (owner.clone(), handle.to_owned(), hash.to_owned());
        let now = event.at();
        write!(self, |conn| {
            queue_up!(conn);
            let named = session::id.eq(SessionId::new(handle)).or(session::token_hash.eq(hash));
            let gone: Option<SessionId> = session::table
                .filter(session::user_id.eq(owner).and(named))
                .select(session::id)
                .first(conn)
                .await
                .optional()?;
            if let Some(id) = &gone {
                end_session!(conn, id, now);
                note_event!(conn, event);
            }
            Ok(gone.is_some())
        })
    }

    /// Ends every session of `owner`.
    pub(crate) async fn revoke_sessions(
        &self,
        owner: &UserId,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        let (owner, now) = (owner.clone(), event.at());
        write!(self, |conn| {
            queue_up!(conn);
            end_all_sessions!(conn, &owner, now);
            note_change!(conn, "user_sessions", owner.as_str(), now.plus(REVOCATION_KEPT).0, now.0);
            note_event!(conn, event);
            Ok(())
        })
    }

    /// Ends every session of `owner` but `kept`.
    pub(crate) async fn revoke_other_sessions(
        &self,
        owner: &UserId,
        kept: &SessionId,
        event: AuthEvent,
    ) -> Result<(), StoreError> {
        let (owner, kept, now) = (owner.clone(), kept.clone(), event.at());
        write!(self, |conn| {
            queue_up!(conn);
            if end_other_sessions!(conn, &owner, &kept, now) > 0 {
                note_event!(conn, event);
            }
            Ok(())
        })
    }

    /// Removes sessions that ended before `before`. Nobody needs to be told: they open nothing.
    ///
    /// What an app was granted within a sign-in stays as long as that: the app is to be told when
    /// the person signs out. One that outlives it lives longer than any code, so none counts again.
    pub(crate) async fn forget_sessions(&self, before: Millis) -> Result<usize, StoreError> {
        write!(self, |conn| {
            let of_nothing = session::client_id.is_null().or(session::parent_id.is_null());
            let over = session::expires_at.lt(before.0).and(of_nothing);
            Ok(diesel::delete(session::table.filter(over)).execute(conn).await?)
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
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

    impl Store {
        /// The live sessions of `owner`, newest first.
        pub(crate) async fn sessions_of(
            &self,
            owner: &UserId,
            now: Millis,
        ) -> Result<Vec<Session>, StoreError> {
            let all = self.sessions_with_apps(owner, now).await?;
            Ok(all.into_iter().map(|(session, _)| session).collect())
        }

        /// From here on nobody can say who is signed in.
        pub(crate) async fn lose_sessions(&self) {
            let lost: Result<(), StoreError> = crate::store::db::write!(self, |conn| {
                diesel::sql_query("ALTER TABLE session RENAME TO lost").execute(conn).await?;
                Ok(())
            });
            lost.unwrap();
        }
    }

    fn revoked(id: &str) -> AuthEvent {
        event(id, AuthEventKind::SessionRevoked, 2)
    }

    pub(crate) fn row(id: &str, owner: &str) -> Session {
        Session {
            id: SessionId::new(id),
            token_hash: format!("hash-{id}"),
            user_id: UserId::new(owner),
            expires_at: 100,
            remember: true,
            ip_address: String::new(),
            user_agent: None,
            impersonated_by: None,
            parent_id: None,
            client_id: None,
            amr: String::new(),
            proved_at: 0,
            created_at: 1,
            updated_at: 1,
        }
    }

    async fn with_sessions(store: &Store) {
        for name in ["ada", "bob"] {
            store.insert_user(person(name, Role::Student), login(name), None).await.unwrap();
        }
        for (id, owner) in [("a1", "ada"), ("a2", "ada"), ("b1", "bob")] {
            let event = event(id, AuthEventKind::SignIn, 1);
            store.insert_session(row(id, owner), event).await.unwrap();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_session_is_found_by_the_hash_of_its_token_with_its_person() {
        on_both(async |store| {
            with_sessions(&store).await;

            let (session, user) = store.session_by_hash("hash-b1").await.unwrap();

            assert_eq!((session, user.id.as_str()), (row("b1", "bob"), "bob"));
            assert!(matches!(store.session_by_hash("b1").await, Err(StoreError::NotFound)));
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_list_names_the_app_of_a_grant() {
        on_both(async |store| {
            with_sessions(&store).await;
            store.have_app(crate::store::oauth_clients::tests::client("cards")).await;
            store.have_grant("grant", "cards", ("ada", "a1"), false).await;

            let all = store.sessions_with_apps(&UserId::new("ada"), Millis(2)).await.unwrap();

            let all: Vec<_> =
                all.iter().map(|(session, app)| (session.id.as_str(), app.as_deref())).collect();
            assert_eq!(all, [("a1", None), ("a2", None), ("grant", Some("App cards"))]);
            let late = store.sessions_with_apps(&UserId::new("ada"), Millis(100)).await.unwrap();
            assert_eq!(late, []);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nobody_ends_somebody_elses_session() {
        on_both(async |store| {
            with_sessions(&store).await;
            let ada = UserId::new("ada");

            assert!(!store.revoke_session(&ada, "b1", "hash-b1", revoked("1")).await.unwrap());
            assert!(store.revoke_session(&ada, "a1", "", revoked("2")).await.unwrap());
            assert!(store.revoke_session(&ada, "", "hash-a2", revoked("3")).await.unwrap());

            let events = store.newest_auth_events(9).await.unwrap();
            let ids: Vec<_> = events.iter().map(|event| event.id.as_str()).collect();
            assert_eq!(ids[..2], ["3", "2"], "what ended nothing is no event");

            assert_eq!(store.sessions_of(&ada, Millis(2)).await.unwrap(), []);
            assert!(store.session(&SessionId::new("b1")).await.is_ok());
            let told: Vec<_> = store.changes_after(0).await.unwrap();
            let told: Vec<_> = told.iter().map(|c| (c.kind.as_str(), c.subject.as_str())).collect();
            assert_eq!(told, [("session", "a1"), ("session", "a2")]);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn all_or_all_other_sessions_end_at_once_and_every_node_is_told() {
        on_both(async |store| {
            with_sessions(&store).await;
            let ada = UserId::new("ada");

            store.revoke_other_sessions(&ada, &SessionId::new("a2"), revoked("1")).await.unwrap();
            let left = store.sessions_of(&ada, Millis(2)).await.unwrap();
            assert_eq!(left, [row("a2", "ada")]);

            store.revoke_sessions(&ada, revoked("2")).await.unwrap();
            assert_eq!(store.sessions_of(&ada, Millis(3)).await.unwrap(), []);
            let told = store.changes_after(0).await.unwrap();
            let told: Vec<_> = told.iter().map(|c| (c.kind.as_str(), c.subject.as_str())).collect();
            assert_eq!(told, [("session", "a1"), ("user_sessions", "ada")]);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_expired_session_is_not_listed_and_goes() {
        on_both(async |store| {
            with_sessions(&store).await;
            let ada = UserId::new("ada");

            store.extend_session(&SessionId::new("a2"), Millis(500), Millis(2)).await.unwrap();

            let live = store.sessions_of(&ada, Millis(101)).await.unwrap();
            assert_eq!(live.len(), 1);
            assert_eq!(live[0].id.as_str(), "a2");
            assert_eq!(store.forget_sessions(Millis(101)).await.unwrap(), 2);
        })
        .await;
    }
}
