//! Floor 1, the bus: wakes whoever waits, here and on other nodes. It may lose messages: what it
//! says can always be read elsewhere (the log, the store). Alone, a channel in this process; with
//! other nodes, the same channel and a [`Line`] to them.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use crate::domain::ids::{ConnectionId, NodeId, ThreadId, UserId};

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

#[derive(Clone)]
pub(crate) struct Bus {
    here: broadcast::Sender<Wake>,
    line: Option<Arc<dyn Line>>,
}

impl Bus {
    pub(crate) fn in_process() -> Self {
        Self { here: broadcast::channel(QUEUE).0, line: None }
    }

    /// `connect` gets where to put what arrives from other nodes.
    pub(crate) fn with_line(
        connect: impl FnOnce(broadcast::Sender<Wake>) -> Arc<dyn Line>,
    ) -> Self {
        let Self { here, .. } = Self::in_process();
        Self { line: Some(connect(here.clone())), here }
    }

    /// Wakes those who listen, here and on other nodes. Nobody listening is no error.
    pub(crate) fn wake(&self, wake: Wake) {
        if let Some(line) = &self.line {
            line.say(&wake);
        }
        let _ = self.here.send(wake);
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Wake> {
        self.here.subscribe()
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

    /// There are other nodes, and they cannot be heard.
    pub(crate) fn is_cut(&self) -> bool {
        self.line.as_ref().is_some_and(|line| line.is_cut())
    }
}
