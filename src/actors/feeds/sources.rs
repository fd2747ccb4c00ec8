//! Where the rows of each feed come from.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use actix::Recipient;

use crate::{
    actors::peers::{Elsewhere, Local, Topic},
    domain::{
        clock::{Millis, SharedClock},
        event::Running,
        ids::{Epoch, ThreadId, TurnId},
        live::feed::{AuthEventRow, EntryRow, Feed, NodeRow, Row, RunningTag, SessionRow, TurnRow},
    },
    store::{
        Store, StoreError, auth_events::AuthEvent, nodes::Node, threads::ThreadRow, turns::QUEUED,
    },
    turnlog::TurnLog,
};

/// The newest of what never ends.
const NEWEST: i64 = 200;
/// Unfinished turns of the whole school that are shown; a queue that long is one look's worth.
const TURNS: i64 = 2_000;

/// What is asked for rows.
pub(crate) struct Sources {
    pub store: Arc<Store>,
    pub log: Arc<dyn TurnLog>,
    pub clock: SharedClock,
    /// This node.
    pub local: Arc<Local>,
    /// The others.
    pub peers: Recipient<Elsewhere>,
}

/// The rows of a feed, all of them.
#[derive(Clone)]
pub(super) struct Gathered {
    pub rows: Arc<Vec<Row>>,
    mark: Option<Mark>,
}

/// Where a conversation stood: what has not moved is not read again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    epoch: Epoch,
    committed: i64,
    logged: i64,
}

impl Sources {
    /// `before` is what this gave for the same feed the last time, if that is known.
    pub(super) async fn gather(
        &self,
        feed: &Feed,
        before: Option<Gathered>,
    ) -> Result<Gathered, StoreError> {
        let rows = match feed {
            Feed::Sessions => self.sessions().await,
            Feed::Turns => self.turns().await?,
            Feed::Nodes => {
                let now = self.clock.now();
                self.store.nodes(now).await?.into_iter().map(node_row).collect()
            }
            Feed::AuthEvents => {
                let events = self.store.newest_auth_events(NEWEST).await?;
                events.into_iter().map(auth_event_row).collect()
            }
            Feed::Errors => self.errors().await,
            Feed::Thread(id) => return self.thread(id, before).await,
        };
        Ok(Gathered { rows: Arc::new(rows), mark: None })
    }

    /// What other nodes show. An exchange that is being restarted has nothing just now.
    async fn elsewhere(&self, topic: Topic) -> Vec<Row> {
        self.peers.send(Elsewhere(topic)).await.unwrap_or_default()
    }

    /// Those of all nodes. A stay that moves may be on two for a moment: where it came last it is.
    async fn sessions(&self) -> Vec<Row> {
        let mut rows = self.local.sessions().await;
        let elsewhere = self.elsewhere(Topic::Sessions).await;
        if elsewhere.is_empty() {
            return rows.into_iter().map(Row::Session).collect();
        }
        rows.extend(elsewhere.into_iter().filter_map(|row| match row {
            Row::Session(row) => Some(row),
            _ => None,
        }));
        let order = |row: &SessionRow| (row.since.clone(), row.connection.clone());
        rows.sort_by_cached_key(order);
        let latest: HashMap<_, _> =
            rows.iter().map(|row| (row.session.clone(), row.connection.clone())).collect();
        rows.retain(|row| latest.get(&row.session) == Some(&row.connection));
        rows.into_iter().map(Row::Session).collect()
    }

    /// Those that are being written tell how far they are; the store knows those that wait. It is
    /// asked first: a turn that begins here meanwhile is then seen twice, not never.
    async fn turns(&self) -> Result<Vec<Row>, StoreError> {
        let unfinished = self.store.unfinished_turns(TURNS).await?;
        let by_id = |row: TurnRow| (row.turn.clone(), row);
        let mut here: HashMap<TurnId, TurnRow> =
            self.local.turns().await.into_iter().map(by_id).collect();
        let elsewhere = self.elsewhere(Topic::Turns).await.into_iter();
        let elsewhere = elsewhere.filter_map(|row| match row {
            Row::Turn(row) => Some(row),
            _ => None,
        });
        // One that was taken over may be shown by the node that lost it, too.
        let mut elsewhere: HashMap<_, TurnRow> =
            elsewhere.map(|row| ((row.turn.clone(), row.node.clone()), row)).collect();
        let mut row = |turn: crate::store::turns::TurnRow| {
            let owner = (turn.id.clone(), turn.node.clone());
            let shown = here.remove(&turn.id).or_else(|| elsewhere.remove(&owner));
            Row::Turn(shown.unwrap_or_else(|| turn_row(turn)))
        };
        let mut rows: Vec<Row> = unfinished.into_iter().map(&mut row).collect();
        rows.extend(here.into_values().map(Row::Turn));
        Ok(rows)
    }

    async fn errors(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.local.errors().into_iter().map(Row::Error).collect();
        let elsewhere = self.elsewhere(Topic::Errors).await;
        if !elsewhere.is_empty() {
            rows.extend(elsewhere);
            rows.sort_by_cached_key(|row| match row {
                Row::Error(row) => Reverse((row.at.clone(), row.id.clone())),
                _ => Reverse(Default::default()),
            });
            rows.truncate(usize::try_from(NEWEST).unwrap_or(usize::MAX));
        }
        rows
    }

    /// What stands in a conversation, and the answer that is being written. One that is gone has
    /// no rows.
    async fn thread(
        &self,
        id: &ThreadId,
        before: Option<Gathered>,
    ) -> Result<Gathered, StoreError> {
        let thread = match self.store.thread_for_staff(id).await {
            Err(StoreError::NotFound) => {
                return Ok(Gathered { rows: Arc::default(), mark: None });
            }
            found => found?,
        };
        let view = self.log.view(id).await.ok().flatten();
        let view = view.filter(|view| view.epoch == thread.epoch);
        let (running, mark) = match view {
            Some(view) => {
                let (epoch, committed) = (thread.epoch.clone(), thread.seq);
                (view.running, Some(Mark { epoch, committed, logged: view.seq }))
            }
            None => self.without_log(&thread).await?,
        };
        match before {
            Some(before) if before.mark.is_some() && before.mark == mark => return Ok(before),
            _ => {}
        }
        let rows = Arc::new(self.entries(id, running).await?);
        Ok(Gathered { rows, mark })
    }

    /// The log is idle, or another node's: the store tells how far the answer was checkpointed.
    async fn without_log(
        &self,
        thread: &ThreadRow,
    ) -> Result<(Option<Running>, Option<Mark>), StoreError> {
        let (epoch, committed) = (thread.epoch.clone(), thread.seq);
        let Some(turn) = self.store.unfinished_turn(&thread.id).await? else {
            return Ok((None, Some(Mark { epoch, committed, logged: committed })));
        };
        let entries = self.store.checkpoints(&turn.id).await?;
        let logged = entries.last().map_or(committed, |entry| entry.seq);
        let mut running = Running::new(turn.id, turn.attempt.max(1));
        for entry in &entries {
            running.apply(entry);
        }
        Ok((Some(running), Some(Mark { epoch, committed, logged })))
    }

    async fn entries(
        &self,
        id: &ThreadId,
        running: Option<Running>,
    ) -> Result<Vec<Row>, StoreError> {
        let items = self.store.items_before(id, i64::MAX, i64::MAX, NEWEST).await?;
        // The end is in the store a moment before it is in the log.
        let ended = |running: &Running| {
            let answers = |item: &crate::store::items::ItemRow| {
                item.turn_id.as_ref() == Some(&running.turn) && item.kind == "assistant_message"
            };
            items.iter().any(answers)
        };
        let running = running.filter(|running| !ended(running)).map(|running| EntryRow::Running {
            id: running.turn,
            r#type: RunningTag::RunningTurn,
            attempt: running.attempt,
            text: running.text,
        });
        let mut rows = Vec::with_capacity(items.len() + 1);
        for item in &items {
            rows.push(Row::Entry(EntryRow::Item(Box::new(item.item()?))));
        }
        rows.extend(running.map(Row::Entry));
        Ok(rows)
    }
}

fn turn_row(turn: crate::store::turns::TurnRow) -> TurnRow {
    TurnRow {
        status: if turn.status == QUEUED { "queued" } else { "running" }.into(),
        turn: turn.id,
        thread: turn.thread_id,
        user: turn.user_id,
        node: turn.node,
        attempt: turn.attempt,
        since: Millis(turn.created_at).to_rfc3339(),
        // The store learns it at the end.
        hint_level: None,
        tokens: 0,
        tokens_per_second: 0,
    }
}

fn node_row(node: Node) -> Row {
    let Node { id, alive, started_at, stats, .. } = node;
    Row::Node(NodeRow {
        node: id,
        version: stats.version,
        started: started_at.to_rfc3339(),
        alive,
        draining: alive && stats.draining,
        degraded: if alive { stats.degraded } else { Vec::new() },
        sessions: if alive { stats.sessions } else { 0 },
        turns: if alive { stats.turns } else { 0 },
        rss_bytes: if alive { stats.rss_bytes } else { 0 },
    })
}

fn auth_event_row(event: AuthEvent) -> Row {
    let at = event.at().to_rfc3339();
    let AuthEvent { id, kind, user_id, email, address, agent, .. } = event;
    Row::AuthEvent(AuthEventRow { id, at, kind, user: user_id, email, address, agent })
}
