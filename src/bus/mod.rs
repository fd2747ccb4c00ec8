//! Floor 1, the bus: wakes whoever waits, here and on other nodes. It may lose messages: what it
//! says can always be read elsewhere (the log, the store). Embedded, a channel in this process.

use tokio::sync::broadcast;

use crate::domain::ids::{ConnectionId, ThreadId, UserId};

/// Messages that may wait for a slow listener; one that falls behind is told so and reads anew.
const QUEUE: usize = 4_096;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wake {
    /// A thread's log has grown.
    Thread(ThreadId),
    /// It has the first words of an answer, which nobody should wait for.
    FirstWords(ThreadId),
    /// One of a user's threads is new or was renamed.
    Titled { owner: UserId, thread: ThreadId, title: String, updated: String },
    /// Somebody who has the thread open is writing.
    Typing { thread: ThreadId, user: UserId, name: String, on: bool, by: ConnectionId },
}

/// The in-process bus.
#[derive(Debug, Clone)]
pub(crate) struct Bus(broadcast::Sender<Wake>);

impl Bus {
    pub(crate) fn in_process() -> Self {
        Self(broadcast::channel(QUEUE).0)
    }

    /// Nobody listening is no error.
    pub(crate) fn wake(&self, wake: Wake) {
        let _ = self.0.send(wake);
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Wake> {
        self.0.subscribe()
    }
}
