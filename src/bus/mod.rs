//! Floor 1, the bus: wakes whoever waits, here and on other nodes. It may lose messages: what it
//! says can always be read elsewhere (the log, the store). Alone, a channel in this process; with
//! other nodes, the same channel and a [`Line`] to them.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use crate::domain::ids::{ConnectionId, NodeId, ThreadId, TurnId, UserId};

#[cfg(test)]
pub(crate) mod contract;
pub(crate) mod redis;

/// Messages that may wait for a slow listener; one that falls behind is told so and reads anew.
const QUEUE: usize = 4_096;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wake", rename_all = "snake_case")]
pub(crate) enum Wake {
    /// A thread's log has grown.
    Thread { thread: ThreadId },
    /// It has the first words of an answer, which nobody should wait for.
    FirstWords { thread: ThreadId },
    /// One of a user's threads is new or was renamed.
    Titled { owner: UserId, thread: ThreadId, title: String, updated: String },
    /// Somebody who has the thread open is writing.
    Typing { thread: ThreadId, user: UserId, name: String, on: bool, by: ConnectionId },
    /// A turn's cancellation is in the store.
    Cancelled { turn: TurnId },
    /// Turns were left to whoever looks first.
    HandedOver,
    /// The change log has grown.
    Changed,
    /// What one node tells the others, or one of them.
    Note(Note),
    /// Said by the line itself: messages of other nodes may have been lost. Look at everything
    /// again.
    Gap,
}

/// A word between nodes; what it means is the business of those who exchange it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub from: NodeId,
    /// None: all of them.
    pub to: Option<NodeId>,
    pub subject: String,
    pub body: String,
}

/// The way to other nodes.
#[async_trait]
pub(crate) trait Line: Send + Sync {
    /// Passes it on, as far as that can be done at once. Never waits.
    fn say(&self, wake: &Wake);

    /// From when this returns on, what other nodes say of the thread arrives.
    async fn follow(&self, thread: &ThreadId);

    fn unfollow(&self, thread: &ThreadId);

    /// Nothing arrives from other nodes just now.
    fn is_cut(&self) -> bool;
}

/// Where wakes are put for those who listen on this node: what concerns threads, which may be
/// thousands a second, apart from what concerns nodes and turns.
#[derive(Clone)]
pub(crate) struct Here {
    threads: broadcast::Sender<Wake>,
    nodes: broadcast::Sender<Wake>,
}

impl Here {
    fn new() -> Self {
        Self { threads: broadcast::channel(QUEUE).0, nodes: broadcast::channel(QUEUE).0 }
    }

    /// Nobody listening is no error.
    pub(crate) fn send(&self, wake: Wake) {
        let _ = match wake {
            Wake::Thread { .. }
            | Wake::FirstWords { .. }
            | Wake::Titled { .. }
            | Wake::Typing { .. } => self.threads.send(wake),
            Wake::Gap => {
                let _ = self.threads.send(Wake::Gap);
                self.nodes.send(Wake::Gap)
            }
            Wake::Cancelled { .. } | Wake::HandedOver | Wake::Changed | Wake::Note(_) => {
                self.nodes.send(wake)
            }
        };
    }
}

#[derive(Clone)]
pub(crate) struct Bus {
    here: Here,
    line: Option<Arc<dyn Line>>,
}

impl Bus {
    pub(crate) fn in_process() -> Self {
        Self { here: Here::new(), line: None }
    }

    /// `connect` gets where to put what arrives from other nodes.
    pub(crate) fn with_line(connect: impl FnOnce(Here) -> Arc<dyn Line>) -> Self {
        let here = Here::new();
        Self { line: Some(connect(here.clone())), here }
    }

    /// Wakes those who listen, here and on other nodes.
    pub(crate) fn wake(&self, wake: Wake) {
        if let Some(line) = &self.line {
            line.say(&wake);
        }
        self.here.send(wake);
    }

    /// What concerns threads, and gaps.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Wake> {
        self.here.threads.subscribe()
    }

    /// What concerns turns and nodes, and gaps.
    pub(crate) fn listen_to_nodes(&self) -> broadcast::Receiver<Wake> {
        self.here.nodes.subscribe()
    }

    /// Other nodes' words of a thread arrive only while it is followed. Following twice is
    /// following once.
    pub(crate) async fn follow(&self, thread: &ThreadId) {
        if let Some(line) = &self.line {
            line.follow(thread).await;
        }
    }

    pub(crate) fn unfollow(&self, thread: &ThreadId) {
        if let Some(line) = &self.line {
            line.unfollow(thread);
        }
    }

    /// There may be other nodes.
    pub(crate) const fn reaches_others(&self) -> bool {
        self.line.is_some()
    }

    /// There are other nodes, and they cannot be heard.
    pub(crate) fn is_cut(&self) -> bool {
        self.line.as_ref().is_some_and(|line| line.is_cut())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    contract::suite!(async || {
        let bus = Bus::in_process();
        Some((bus.clone(), bus, ()))
    });
}
