//! Floor 1, the log of running turns: what sessions follow. Embedded, a ring in this process
//! ([`ring`]); with other nodes, streams in Redis ([`redis`]). The store is the truth; the log may be lost, and then a thread gets a new epoch.

use async_trait::async_trait;

use crate::domain::{
    event::{Entry, Running},
    ids::{Epoch, ThreadId},
};

#[cfg(test)]
pub(crate) mod contract;
mod pieces;
pub(crate) mod redis;
pub(crate) mod ring;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LogError {
    /// Somebody with a later fence writes this log now: write no more.
    #[error("another owner writes this log")]
    Fenced,
    /// The seq does not continue the log.
    #[error("the log stands at {0}")]
    NotNext(i64),
    /// The log is not there, or knows only of an earlier owner: it has lost what it held, or could
    /// not be reached when this owner began. Whoever still owns the turn in the store opens it again.
    #[error("the log does not know of this owner")]
    Gone,
    /// It cannot be reached just now. Whether it took what was said is not known; saying it again
    /// does no harm.
    #[error("the log cannot be reached: {0}")]
    Unavailable(String),
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

/// What a new owner asks of the log that the last one left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Take {
    pub epoch: Epoch,
    pub fence: i64,
    /// The last owner's fence. A log with another one was made since that owner's was lost.
    pub left_by: i64,
    /// Seq up to which readers may have seen it: one that ends earlier has lost its tail.
    pub seq: i64,
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
    /// there is none of this epoch, or one that ends before `start` does. Gives where the log
    /// stands. A log that cannot be reached is opened on this node alone: what is appended is
    /// [`LogError::Gone`] when it can be reached again.
    async fn open(&self, thread: &ThreadId, start: Start) -> Result<Head, LogError>;

    /// Takes the log over as the last owner left it, in one step: nobody else appends from here on,
    /// and what is given is all that was appended. None: it is not as that owner left it, and stays
    /// as it is.
    async fn take(&self, thread: &ThreadId, take: Take) -> Result<Option<View>, LogError>;

    /// Appends entries that continue the log. Those that this fence has appended before are
    /// passed over.
    async fn append(
        &self,
        thread: &ThreadId,
        fence: i64,
        entries: Vec<Entry>,
    ) -> Result<(), LogError>;

    /// Shows entries to this node's readers that are in the store, while the log cannot be
    /// reached. The log gets them when it can.
    async fn admit(
        &self,
        thread: &ThreadId,
        fence: i64,
        entries: Vec<Entry>,
    ) -> Result<(), LogError>;

    /// The entries of at most `most` seqs behind `seq`; deltas may come merged.
    async fn read(
        &self,
        thread: &ThreadId,
        epoch: &Epoch,
        seq: i64,
        most: usize,
    ) -> Result<Tail, LogError>;

    /// None: there is no log of this thread.
    async fn view(&self, thread: &ThreadId) -> Result<Option<View>, LogError>;

    /// Forgets logs whose last turn ended before `before`, and those of deleted threads.
    async fn trim(&self, before: crate::domain::clock::Millis) -> usize;

    /// Drops the log of a thread that is gone.
    async fn forget(&self, thread: &ThreadId);
}
