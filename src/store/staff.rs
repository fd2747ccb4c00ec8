//! What staff may do to others' things: each effect, and the audit entry that tells of it, in one
//! transaction. Here alone a thread or a turn is found without its owner; who may ask is the
//! caller's to know.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    audit::{AuditEntry, note_audit},
    auth_events::{AuthEvent, note_event},
    changes::{KEPT, note_change, queue_up},
    db::{read, write},
    ownership::CancelFound,
    schema::{node, session, thread, turn, user},
    sessions::{REVOCATION_KEPT, end_all_sessions, end_session},
    threads::ThreadRow,
    turns::{TurnRow, UNFINISHED},
};
use crate::domain::{
    clock::Millis,
    ids::{NodeId, SessionId, ThreadId, TurnId, UserId},
};

/// Which sign-ins of a person end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SignIns {
    One(SessionId),
    All,
}

impl Store {
    /// Ends sign-ins of `owner`. [`StoreError::NotFound`] if the one that is named is none.
    pub(crate) async fn revoke_by_staff(
        &self,
        owner: &UserId,
        which: SignIns,
        event: AuthEvent,
        entry: AuditEntry,
    ) -> Result<(), StoreError> {
        let (owner, now) = (owner.clone(), event.at());
        let until = now.plus(REVOCATION_KEPT).0;
        write!(self, |conn| {
            queue_up!(conn);
            match &which {
                SignIns::One(id) => {
                    let of = session::id.eq(id).and(session::user_id.eq(&owner));
                    let id: SessionId =
                        session::table.filter(of).select(session::id).get_result(conn).await?;
                    end_session!(conn, &id, now);
                }
                SignIns::All => {
                    end_all_sessions!(conn, &owner, now);
                    note_change!(conn, "user_sessions", owner.as_str(), until, now.0);
                }
            }
            note_event!(conn, event);
            note_audit!(conn, entry);
            Ok(())
        })
    }

    /// Asks the owner of anybody's turn to stop.
    pub(crate) async fn cancel_by_staff(
        &self,
        id: &TurnId,
        entry: AuditEntry,
    ) -> Result<CancelFound, StoreError> {
        let id = id.clone();
        write!(self, |conn| {
            let unfinished = turn::id.eq(&id).and(turn::status.eq_any(UNFINISHED));
            let asked = diesel::update(turn::table.filter(unfinished))
                .set(turn::cancel_requested.eq(true))
                .execute(conn)
                .await?;
            let status =
                turn::table.filter(turn::id.eq(&id)).select(turn::status).get_result(conn).await?;
            note_audit!(conn, entry);
            let requested = asked == 1;
            Ok(if requested { CancelFound::Requested } else { CancelFound::Ended(status) })
        })
    }

    /// Tells a running node to go. Not found: no node of this name has a lease.
    pub(crate) async fn drain_by_staff(
        &self,
        id: &NodeId,
        entry: AuditEntry,
    ) -> Result<(), StoreError> {
        let (id, now) = (id.clone(), Millis(entry.at));
        write!(self, |conn| {
            let _: NodeId = node::table
                .filter(node::id.eq(&id).and(node::lease_until.gt(now.0)))
                .select(node::id)
                .get_result(conn)
                .await?;
            note_change!(conn, "drain", id.as_str(), now.plus(KEPT).0, now.0);
            note_audit!(conn, entry);
            Ok::<_, StoreError>(())
        })
    }

    /// Gives a person as many messages a day; none: as many as the role has.
    pub(crate) async fn set_quota_by_staff(
        &self,
        id: &UserId,
        limit: Option<i32>,
        entry: AuditEntry,
    ) -> Result<(), StoreError> {
        let (id, now) = (id.clone(), Millis(entry.at));
        write!(self, |conn| {
            queue_up!(conn);
            let changed = diesel::update(user::table.filter(user::id.eq(&id)))
                .set((
                    user::quota_limit.eq(limit),
                    user::version.eq(user::version + 1_i64),
                    user::updated_at.eq(now.0),
                ))
                .execute(conn)
                .await?;
            if changed == 0 {
                return Err(StoreError::NotFound);
            }
            note_change!(conn, "user", id.as_str(), now.plus(KEPT).0, now.0);
            note_audit!(conn, entry);
            Ok(())
        })
    }

    /// Writes down that somebody looks at a conversation, if there is one.
    pub(crate) async fn look_by_staff(
        &self,
        id: &ThreadId,
        entry: AuditEntry,
    ) -> Result<(), StoreError> {
        let id = id.clone();
        write!(self, |conn| {
            let _: ThreadId = thread::table
                .filter(thread::id.eq(&id))
                .select(thread::id)
                .get_result(conn)
                .await?;
            note_audit!(conn, entry);
            Ok::<_, StoreError>(())
        })
    }

    /// Anybody's thread.
    pub(crate) async fn thread_for_staff(&self, id: &ThreadId) -> Result<ThreadRow, StoreError> {
        Ok(read!(self, |conn| thread::table
            .filter(thread::id.eq(id))
            .select(ThreadRow::as_select())
            .get_result(conn)
            .await?))
    }

    /// Everybody's turns that have not ended, oldest first.
    pub(crate) async fn unfinished_turns(&self, limit: i64) -> Result<Vec<TurnRow>, StoreError> {
        Ok(read!(self, |conn| turn::table
            .filter(turn::status.eq_any(UNFINISHED))
            .order((turn::created_at, turn::id))
            .limit(limit)
            .select(TurnRow::as_select())
            .load(conn)
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
            audit::tests::entry,
            auth_events::{AuthEventKind, tests::event},
            contract::on_both,
            nodes::{LEASE, Owner},
            sessions::tests::row,
            users::tests::person,
        },
    };

    async fn audited(store: &Store) -> Vec<String> {
        let page = store.audit_page(None).await.unwrap();
        page.into_iter().map(|(entry, _)| entry.id).collect()
    }

    async fn told(store: &Store) -> Vec<(String, String)> {
        let changes = store.changes_after(0).await.unwrap();
        changes.into_iter().map(|change| (change.kind, change.subject)).collect()
    }

    fn revoked() -> AuthEvent {
        event("evt", AuthEventKind::SessionRevoked, 7)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn ended_sign_ins_are_told_noted_and_audited_at_once_or_not_at_all() {
        on_both(async |store| {
            store.insert_user(person("ada", Role::Student), login("ada"), None).await.unwrap();
            for id in ["a1", "a2"] {
                let event = event(id, AuthEventKind::SignIn, 1);
                store.insert_session(row(id, "ada"), event).await.unwrap();
            }
            let ada = UserId::new("ada");
            let one = |id: &str| SignIns::One(SessionId::new(id));

            let unknown =
                store.revoke_by_staff(&ada, one("b1"), revoked(), entry("1", "revoke", "s")).await;
            assert!(matches!(unknown, Err(StoreError::NotFound)));
            assert!(audited(&store).await.is_empty() && told(&store).await.is_empty());

            store
                .revoke_by_staff(&ada, one("a1"), revoked(), entry("2", "revoke", "s"))
                .await
                .unwrap();
            assert_eq!(told(&store).await, [("session".to_owned(), "a1".to_owned())]);
            let again = AuthEvent { id: "evt2".to_owned(), ..revoked() };
            store
                .revoke_by_staff(&ada, SignIns::All, again, entry("3", "revoke", "ada"))
                .await
                .unwrap();
            assert_eq!(store.sessions_of(&ada, Millis(2)).await.unwrap(), []);
            assert_eq!(told(&store).await[1], ("user_sessions".to_owned(), "ada".to_owned()));
            assert_eq!(audited(&store).await, ["3", "2"]);
            let newest = store.newest_auth_events(9).await.unwrap().remove(0);
            assert_eq!(newest.kind, "session_revoked");
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_a_running_node_is_told_to_go() {
        on_both(async |store| {
            let me = Owner { node: NodeId::new("n1"), incarnation: "a".to_owned() };
            store.register_node(&me, Millis(0)).await.unwrap();

            store.drain_by_staff(&me.node, entry("1", "drain_node", "n1")).await.unwrap();
            assert_eq!(told(&store).await, [("drain".to_owned(), "n1".to_owned())]);
            let late = AuditEntry { at: LEASE + 1, ..entry("2", "drain_node", "n1") };
            for (id, entry) in [("n1", late), ("n9", entry("3", "drain_node", "n9"))] {
                let refused = store.drain_by_staff(&NodeId::new(id), entry).await;
                assert!(matches!(refused, Err(StoreError::NotFound)), "{id}");
            }
            assert_eq!(audited(&store).await, ["1"]);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn another_quota_is_told_to_every_node() {
        on_both(async |store| {
            store.insert_user(person("ada", Role::Student), login("ada"), None).await.unwrap();
            let ada = UserId::new("ada");

            store.set_quota_by_staff(&ada, Some(3), entry("1", "set_quota", "ada")).await.unwrap();
            let user = store.user(&ada).await.unwrap();
            assert_eq!((user.quota_limit, user.version), (Some(3), 2));
            assert_eq!(told(&store).await, [("user".to_owned(), "ada".to_owned())]);
            store.set_quota_by_staff(&ada, None, entry("2", "set_quota", "ada")).await.unwrap();
            assert_eq!(store.user(&ada).await.unwrap().quota_limit, None);
            let eve = UserId::new("eve");
            let unknown = store.set_quota_by_staff(&eve, None, entry("3", "set_quota", "e")).await;
            assert!(matches!(unknown, Err(StoreError::NotFound)));
            assert_eq!(audited(&store).await, ["2", "1"]);
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_does_not_exist_leaves_no_entry() {
        on_both(async |store| {
            let (thread, turn) = (ThreadId::new("t"), TurnId::new("t"));
            let look = store.look_by_staff(&thread, entry("1", "watch", "t")).await;
            let cancel = store.cancel_by_staff(&turn, entry("2", "cancel_turn", "t")).await;

            assert!(matches!(look, Err(StoreError::NotFound)));
            assert!(matches!(cancel, Err(StoreError::NotFound)));
            assert!(audited(&store).await.is_empty());
        })
        .await;
    }
}
