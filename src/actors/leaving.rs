//! How a node goes: it takes no new turn and no new socket, and sends its clients elsewhere. What
//! runs here goes on. Begun by a signal to the process, or by an admin through the change log.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix::Addr;

use super::{Observe, registry, tutor};
use crate::domain::close::Close;

/// Clones are one and the same.
#[derive(Clone)]
pub(crate) struct Leaving {
    begun: Arc<AtomicBool>,
    tutor: Addr<tutor::TutorActor>,
    registry: Addr<registry::Registry>,
}

impl Leaving {
    pub(crate) fn new(tutor: Addr<tutor::TutorActor>, registry: Addr<registry::Registry>) -> Self {
        Self { begun: Arc::default(), tutor, registry }
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Sends the clients away within `limit`. Gives how many answers are still being written.
    /// Doing it twice is doing it once.
    pub(crate) async fn begin(&self, limit: Duration) -> usize {
        self.begun.store(true, Ordering::Relaxed);
        let running = self.tutor.send(tutor::Drain).await.unwrap_or(0);
        let close_all = registry::CloseAll { close: Close::GoingAway, limit };
        if let Err(error) = self.registry.send(close_all).await {
            tracing::warn!(%error, "the clients could not be told");
        }
        running
    }

    /// Gives the answers that are still being written to other nodes. Answers how many.
    pub(crate) async fn hand_over(&self) -> usize {
        self.tutor.send(tutor::HandOver).await.unwrap_or(0)
    }

    /// How many clients are to be sent away still, and how many answers are being written.
    pub(crate) async fn left(&self) -> (usize, usize) {
        let sessions = self.registry.send(Observe::<registry::View>::default()).await;
        let turns = self.tutor.send(Observe::<tutor::View>::default()).await;
        (sessions.map_or(0, |view| view.to_close), turns.map_or(0, |view| view.running))
    }
}
