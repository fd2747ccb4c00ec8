//! Servers and their leases. A node's turns may be taken over once its lease is over; a restarted
//! process is a new incarnation, so that it never passes for the one that died.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};

use super::{
    Store, StoreError,
    db::{read, write},
    dialect::lease_time,
    schema::node,
};
use crate::domain::{clock::Millis, ids::NodeId};

/// How long a lease lasts, and how often it is renewed (`turns.md`, The parts, 2).
pub(crate) const LEASE: i64 = 6_000;

/// The process that owns turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub node: NodeId,
    pub incarnation: String,
}

/// What a process tells about itself with each renewal, for the dashboards of all nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Stats {
    pub version: String,
    /// It takes no new traffic.
    pub draining: bool,
    /// Sockets that have said hello.
    pub sessions: i64,
    /// Answers being written.
    pub turns: i64,
    /// Resident memory.
    pub rss_bytes: i64,
    /// What it has to do without.
    pub degraded: Vec<String>,
}

/// A server as it last told, running or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub id: NodeId,
    pub lease_until: Millis,
    /// By the time of the database, its lease holds.
    pub alive: bool,
    pub started_at: Millis,
    /// All zero until its first renewal.
    pub stats: Stats,
}

impl Store {
    /// Takes the node's name for this process: whatever an earlier incarnation owned is free.
    pub(crate) async fn register_node(&self, me: &Owner, now: Millis) -> Result<(), StoreError> {
        let (id, incarnation) = (me.node.clone(), me.incarnation.clone());
        let database_time = self.database_time;
        write!(self, |conn| {
            let until = lease_time!(database_time, conn, now).plus(LEASE);
            diesel::insert_into(node::table)
                .values((
                    node::id.eq(id),
                    node::incarnation.eq(incarnation.clone()),
                    node::lease_until.eq(until.0),
                    node::started_at.eq(now.0),
                ))
                .on_conflict(node::id)
                .do_update()
                .set((
                    node::incarnation.eq(incarnation),
                    node::lease_until.eq(until.0),
                    node::started_at.eq(now.0),
                    node::stats.eq("{}"),
                ))
                .execute(conn)
                .await?;
            Ok::<_, StoreError>(())
        })
    }

    /// Whether the lease could be renewed; not, if another process took the node's name.
    pub(crate) async fn renew_lease(
        &self,
        me: &Owner,
        stats: &Stats,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let Owner { node: id, incarnation } = me.clone();
        let stats = serde_json::to_string(stats)?;
        let database_time = self.database_time;
        let renewed: usize = write!(self, |conn| {
            let until = lease_time!(database_time, conn, now).plus(LEASE);
            Ok::<_, StoreError>(
                diesel::update(
                    node::table.filter(node::id.eq(id).and(node::incarnation.eq(incarnation))),
                )
                .set((node::lease_until.eq(until.0), node::stats.eq(stats)))
                .execute(conn)
                .await?,
            )
        })?;
        Ok(renewed == 1)
    }

    /// Gives the lease up, so that others need not wait for its end.
    pub(crate) async fn release_lease(&self, me: &Owner) -> Result<(), StoreError> {
        let Owner { node: id, incarnation } = me.clone();
        write!(self, |conn| {
            diesel::update(
                node::table.filter(node::id.eq(id).and(node::incarnation.eq(incarnation))),
            )
            .set(node::lease_until.eq(0))
            .execute(conn)
            .await?;
            Ok::<_, StoreError>(())
        })
    }

    /// Every node there ever was, by name.
    pub(crate) async fn nodes(&self, now: Millis) -> Result<Vec<Node>, StoreError> {
        type Rows = Vec<(NodeId, i64, i64, String)>;
        let database_time = self.database_time;
        let (now, rows): (Millis, Rows) = read!(self, |conn| {
            let now = lease_time!(database_time, conn, now);
            let rows = node::table
                .order(node::id)
                .select((node::id, node::lease_until, node::started_at, node::stats))
                .load(conn)
                .await?;
            (now, rows)
        });
        let node = |(id, until, started, stats): (NodeId, i64, i64, String)| Node {
            id,
            lease_until: Millis(until),
            alive: until > now.0,
            started_at: Millis(started),
            // Another version may tell other things: what is missing is zero.
            stats: serde_json::from_str(&stats).unwrap_or_default(),
        };
        Ok(rows.into_iter().map(node).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::on_both;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_restarted_process_ends_the_lease_of_the_one_that_died() {
        on_both(async |store| {
            let owner = |incarnation: &str| Owner {
                node: NodeId::new("n1"),
                incarnation: incarnation.to_owned(),
            };
            store.register_node(&owner("a"), Millis(0)).await.unwrap();
            store.register_node(&owner("b"), Millis(10)).await.unwrap();

            let stats = Stats { sessions: 3, ..Stats::default() };
            assert!(!store.renew_lease(&owner("a"), &stats, Millis(20)).await.unwrap());
            assert_eq!(store.nodes(Millis(25)).await.unwrap()[0].stats, Stats::default());
            assert!(store.renew_lease(&owner("b"), &stats, Millis(20)).await.unwrap());
            assert_eq!(store.nodes(Millis(25)).await.unwrap()[0].stats, stats);
            assert_eq!(store.nodes(Millis(25)).await.unwrap()[0].lease_until, Millis(20 + LEASE));
            assert!(store.nodes(Millis(25)).await.unwrap()[0].alive);
            assert!(!store.nodes(Millis(20 + LEASE)).await.unwrap()[0].alive);
        })
        .await;
    }
}
