//! Apps that registered themselves where anybody may, and that nobody has used yet. They go after a
//! while, so that registering fills no table for good.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Store, StoreError,
    auth_events::{AuthEvent, note_event},
    changes::{KEPT, note_change},
    db::{read, write},
    oauth_clients::ClientRow,
    schema::oauth_client,
};
use crate::domain::{clock::Millis, ids::ClientId};

impl Store {
    /// The app is used: from here on it is not removed for want of use.
    pub(crate) async fn keep_client(&self, id: &ClientId, now: Millis) -> Result<(), StoreError> {
        let id = id.clone();
        write!(self, |conn| {
            // Nodes have it in memory as it was.
            note_change!(conn, "client", id.as_str(), now.plus(KEPT).0, now.0);
            diesel::update(oauth_client::table.filter(oauth_client::id.eq(id)))
                .set(oauth_client::unused_since.eq(None::<i64>))
                .execute(conn)
                .await?;
            Ok(())
        })
    }

    /// At most `limit` apps that nobody has used since before `before`, the oldest first.
    pub(crate) async fn unused_clients(
        &self,
        before: Millis,
        limit: i64,
    ) -> Result<Vec<ClientRow>, StoreError> {
        Ok(read!(self, |conn| oauth_client::table
            .filter(oauth_client::unused_since.lt(before.0))
            .order((oauth_client::unused_since, oauth_client::id))
            .limit(limit)
            .select(ClientRow::as_select())
            .load(conn)
            .await?))
    }

    /// Removes those of these apps that are still unused, each with its event. Says how many. They
    /// hold nothing that would have to be ended.
    pub(crate) async fn remove_unused_clients(
        &self,
        apps: Vec<(ClientId, AuthEvent)>,
    ) -> Result<usize, StoreError> {
        write!(self, |conn| {
            let mut removed = 0;
            for (id, event) in apps {
                let unused = oauth_client::id.eq(&id).and(oauth_client::unused_since.is_not_null());
                let gone = diesel::delete(oauth_client::table.filter(unused)).execute(conn).await?;
                if gone == 1 {
                    let now = event.at();
                    note_change!(conn, "client", id.as_str(), now.plus(KEPT).0, now.0);
                    note_event!(conn, event);
                    removed += 1;
                }
            }
            Ok(removed)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        auth_events::{AuthEventKind, tests::event},
        contract::on_both,
        oauth_clients::tests::client,
    };

    fn removed(id: &str) -> (ClientId, AuthEvent) {
        (ClientId::new(id), event(&format!("gone-{id}"), AuthEventKind::ClientRemoved, 9))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_what_is_unused_for_long_enough_is_removed_once_and_told() {
        on_both(async |store| {
            for (id, unused_since) in
                [("kept", None), ("old", Some(1)), ("used", Some(2)), ("new", Some(5))]
            {
                store.have_app(ClientRow { unused_since, ..client(id) }).await;
            }
            let unused = async |limit| {
                let unused = store.unused_clients(Millis(5), limit).await.unwrap();
                unused.into_iter().map(|row| row.id.to_string()).collect::<Vec<_>>()
            };
            assert_eq!(unused(1).await, ["old"]);
            assert_eq!(unused(9).await, ["old", "used"]);

            // Somebody uses it between the look and the deed.
            store.keep_client(&ClientId::new("used"), Millis(5)).await.unwrap();
            let both = || vec![removed("old"), removed("used")];
            assert_eq!(store.remove_unused_clients(both()).await.unwrap(), 1);
            assert_eq!(store.remove_unused_clients(both()).await.unwrap(), 0, "by another node");

            assert!(unused(9).await.is_empty());
            let old = store.client(&ClientId::new("old")).await;
            assert!(matches!(old, Err(StoreError::NotFound)));
            let used = store.client(&ClientId::new("used")).await.unwrap();
            assert_eq!(used.unused_since, None);
            for id in ["kept", "new"] {
                assert!(store.client(&ClientId::new(id)).await.is_ok());
            }
            let told = store.changes_after(0).await.unwrap();
            let told: Vec<_> = told.iter().map(|c| (c.kind.as_str(), c.subject.as_str())).collect();
            assert_eq!(told, [("client", "used"), ("client", "old")]);
            let events = store.newest_auth_events(1).await.unwrap();
            assert_eq!(events[0].id, "gone-old");
        })
        .await;
    }
}
