//! Floor 1, the log of running turns: what sessions follow. Embedded, a ring in this process
//! ([`ring`]). The store is the truth; the log may be lost, and then a thread gets a new epoch.

use async_trait::async_trait;

use crate::domain::{
    event::{Entry, Running},
    ids::{Epoch, ThreadId},
};

mod pieces;
pub(crate) mod ring;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LogError {
    /// Somebody with a later fence writes this log now: write no more.
    #[error("another owner writes this log")]
    Fenced,
    /// The seq does not continue the log.
    #[error("the log stands at {0}")]
    NotNext(i64),
}

/// Where a new owner begins a log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Start {
    pub epoch: Epoch,
    pub fence: i64,
    /// Seq behind which it goes on.
    pub seq: i64,
    /// What an earlier owner wrote of the turn, which this log will not hold as events.
    pub running: Option<Running>,
}

/// Where a log stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub epoch: Epoch,
    pub seq: i64,
}

/// A log as a late reader needs it: all of it is of one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct View {
    pub epoch: Epoch,
    pub seq: i64,
    /// Seq of the oldest entry at hand; `seq + 1` if there is none.
    pub oldest: i64,
    pub running: Option<Running>,
}

/// What was read behind a cursor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tail {
    /// The entries behind the cursor, none if there is no news.
    Entries(Vec<Entry>),
    /// The log cannot continue this cursor: another epoch, or trimmed, or gone.
    Gap,
}

#[async_trait]
pub(crate) trait TurnLog: Send + Sync {
    /// Makes the fence the only one that may append, and begins the log as `start` says where
    /// there is none of this epoch. Gives where the log stands.
    async fn open(&self, thread: &ThreadId, start: Start) -> Result<Head, LogError>;

    /// Appends entries that continue the log.
    async fn append(
        &self,
        thread: &ThreadId,
        fence: i64,
        entries: Vec<Entry>,
    ) -> Result<(), LogError>;

    /// The entries of at most `most` seqs behind `seq`; deltas may come merged.
    async fn read(&self, thread: &ThreadId, epoch: &Epoch, seq: i64, most: usize) -> Tail;

    async fn view(&self, thread: &ThreadId) -> Option<View>;

    /// Forgets logs whose last turn ended before `before`, and those of deleted threads.
    async fn trim(&self, before: crate::domain::clock::Millis) -> usize;

    /// Drops the log of a thread that is gone.
    async fn forget(&self, thread: &ThreadId);
}
