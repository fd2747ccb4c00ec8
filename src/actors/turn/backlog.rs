//! What a node has written and not checkpointed: bounded, whatever keeps the store.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::sync::Notify;

use crate::domain::event::{Entry, LogEvent};

/// Bytes of text that may wait for the store (`turns.md`, When something is away).
const MOST: usize = 1024 * 1024;
/// A writer that waits looks again at this interval, in case its wake was somebody else's.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Shared by all turns of a node.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    bytes: AtomicUsize,
    less: Notify,
}

impl Backlog {
    pub(super) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn remove(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.less.notify_waiters();
    }

    pub(in crate::actors) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the next checkpoint should not wait for its time.
    pub(in crate::actors) fn is_pressing(&self) -> bool {
        self.bytes() > MOST / 2
    }

    /// Waits until there is room for more.
    pub(super) async fn room(&self) {
        while self.bytes() > MOST {
            // No answer: nobody has made room in that time.
            let _ = tokio::time::timeout(LOOK_AGAIN, self.less.notified()).await;
        }
    }
}

/// Bytes of the text of an event; what else it holds is small beside it.
pub(super) fn weight(entry: &Entry) -> usize {
    match &entry.event {
        LogEvent::Delta { text, .. } => text.len(),
        _ => 0,
    }
}
