//! Sessions in which an admin acts as somebody else. Each hangs on the admin's own: whatever removes
//! that one removes it too, in the database itself.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    audit::note_audit,
    auth_events::note_event,
    changes::queue_up,
    db::write,
    schema::session,
    sessions::{Session, end_session},
    user_admin::{Records, note_records},
};
use crate::domain::ids::SessionId;

/// What ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The admin goes on as herself.
    Acting,
    /// Her own sign-in as well.
    Both,
}

impl Store {
    /// Begins one. [`StoreError::NotFound`] if the admin's own session has ended meanwhile.
    pub(crate) async fn begin_acting(
        &self,
        row: Session,
        parent: &SessionId,
        records: Records,
    ) -> Result<(), StoreError> {
        let parent = parent.clone();
        write!(self, |conn| {
            let parent: SessionId = session::table
                .filter(session::id.eq(&parent))
                .select(session::id)
                .get_result(conn)
                .await?;
            let id = row.id.clone();
            diesel::insert_into(session::table).values(row).execute(conn).await?;
            diesel::update(session::table.filter(session::id.eq(&id)))
                .set(session::parent_id.eq(Some(parent.as_str())))
                .execute(conn)
                .await?;
            note_records!(conn, records);
            Ok(())
        })
    }

    /// Ends one, and says which is the admin's own.
    pub(crate) async fn end_acting(
        &self,
        id: &SessionId,
        ending: Ending,
        records: Records,
    ) -> Result<SessionId, StoreError> {
        let (id, now) = (id.clone(), records.event.at());
        write!(self, |conn| {
            queue_up!(conn);
            let parent: Option<String> = session::table
                .filter(session::id.eq(&id))
                .select(session::parent_id)
                .get_result(conn)
                .await?;
            let parent = SessionId::new(parent.ok_or(StoreError::NotFound)?);
            let last = match ending {
                Ending::Acting => &id,
                Ending::Both => &parent,
            };
            end_session!(conn, last, now);
            note_records!(conn, records);
            Ok(parent)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{clock::Millis, ids::UserId, role::Role},
        store::{
            accounts::tests::login,
            auth_events::{AuthEventKind, tests::event},
            contract::on_both,
            sessions::tests::row,
            user_admin::tests::records,
            users::tests::person,
        },
    };

    async fn acting(store: &Store) {
        for (name, role) in [("ada", Role::Student), ("root", Role::Admin)] {
            store.insert_user(person(name, role), login(name), None).await.unwrap();
        }
        for (id, owner) in [("a1", "ada"), ("r1", "root")] {
            let begun = event(id, AuthEventKind::SignIn, 1);
            store.insert_session(row(id, owner), begun).await.unwrap();
        }
        begin(store, "x1").await.unwrap();
    }

    async fn begin(store: &Store, id: &str) -> Result<(), StoreError> {
        let by = Some("root".to_owned());
        let acting = Session { impersonated_by: by, ..row(id, "ada") };
        let begun = records(&format!("begin-{id}"), AuthEventKind::ImpersonationStarted);
        store.begin_acting(acting, &SessionId::new("r1"), begun).await
    }

    async fn live(store: &Store, owner: &str) -> Vec<String> {
        let rows = store.sessions_of(&UserId::new(owner), Millis(2)).await.unwrap();
        rows.into_iter().map(|row| row.id.as_str().to_owned()).collect()
    }

    /// Attack C10.
    #[tokio::test(flavor = "multi_thread")]
    async fn acting_as_somebody_ends_with_the_admins_own_session_however_that_ends() {
        on_both(async |store| {
            acting(&store).await;
            let root = UserId::new("root");

            let ended = event("out", AuthEventKind::SignOut, 5);
            store.revoke_session(&root, "r1", "", ended).await.unwrap();

            assert_eq!(live(&store, "ada").await, ["a1"]);
            assert!(matches!(begin(&store, "x2").await, Err(StoreError::NotFound)));
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn stopping_leaves_the_admins_own_session_and_signing_out_ends_both() {
        on_both(async |store| {
            acting(&store).await;
            let end = async |id: &str, ending| {
                let ended = records(&format!("end-{id}"), AuthEventKind::ImpersonationEnded);
                store.end_acting(&SessionId::new(id), ending, ended).await
            };

            assert_eq!(end("x1", Ending::Acting).await.unwrap().as_str(), "r1");
            assert_eq!(
                (live(&store, "ada").await, live(&store, "root").await.len()),
                (vec!["a1".to_owned()], 1)
            );
            assert!(matches!(end("a1", Ending::Acting).await, Err(StoreError::NotFound)));
            begin(&store, "x2").await.unwrap();
            end("x2", Ending::Both).await.unwrap();
            assert_eq!((live(&store, "ada").await.len(), live(&store, "root").await.len()), (1, 0));
            let told = store.changes_after(0).await.unwrap();
            let told: Vec<_> = told.iter().map(|change| change.subject.as_str()).collect();
            assert_eq!(told, ["x1", "x2", "r1"]);
        })
        .await;
    }
}
