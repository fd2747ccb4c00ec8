//! The tutor actor's hold on a turn that is being written: it can stop the run, and it takes what
//! was written since the last checkpoint.

use std::cell::{Cell, RefCell};

use tokio::sync::{oneshot, watch};

use crate::{
    actors::{progress::Progress, tutor::Stopped},
    domain::{event::Entry, ids::TurnId},
    store::ownership::{Chunk, Claimed},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Go,
    Cancel,
    /// Somebody else owns the turn, or it is gone.
    FencedOff,
}

/// The actor's hold on a running turn.
pub(in crate::actors) struct Handle {
    turn: TurnId,
    fence: i64,
    signal: watch::Sender<Signal>,
    /// Written since the last checkpoint.
    pending: RefCell<Vec<Entry>>,
    waiting: RefCell<Vec<oneshot::Sender<Stopped>>>,
    over: Cell<bool>,
    /// For the dashboard.
    pub(in crate::actors) progress: Progress,
}

impl Handle {
    pub(in crate::actors) fn new(claimed: &Claimed) -> Self {
        Self {
            turn: claimed.turn.id.clone(),
            fence: claimed.turn.fence,
            signal: watch::Sender::new(Signal::Go),
            pending: RefCell::default(),
            waiting: RefCell::default(),
            over: Cell::new(false),
            progress: Progress::new(claimed),
        }
    }

    /// The run's end of it.
    pub(super) fn signal(&self) -> watch::Receiver<Signal> {
        self.signal.subscribe()
    }

    /// The run has appended this to the log.
    pub(super) fn wrote(&self, entry: Entry) {
        self.pending.borrow_mut().push(entry);
    }

    /// The end is in the store.
    pub(super) fn is_over(&self) {
        self.over.set(true);
    }

    pub(in crate::actors) fn cancel(&self) {
        self.signal.send_if_modified(|signal| {
            let first = *signal == Signal::Go;
            if first {
                *signal = Signal::Cancel;
            }
            first
        });
    }

    pub(in crate::actors) fn fence_off(&self) {
        self.signal.send_replace(Signal::FencedOff);
    }

    pub(in crate::actors) fn take_chunk(&self) -> Chunk {
        let entries = std::mem::take(&mut *self.pending.borrow_mut());
        let entries = crate::domain::event::merge(entries);
        Chunk { turn: self.turn.clone(), fence: self.fence, entries }
    }

    /// A checkpoint failed: its events go with the next one.
    pub(in crate::actors) fn put_back(&self, chunk: Chunk) {
        let mut pending = self.pending.borrow_mut();
        let newer = std::mem::replace(&mut *pending, chunk.entries);
        pending.extend(newer);
    }

    pub(in crate::actors) fn wait_for_end(&self, senders: Vec<oneshot::Sender<Stopped>>) {
        self.waiting.borrow_mut().extend(senders);
    }

    pub(in crate::actors) fn ended(&self) {
        let stopped = if self.over.get() { Stopped::Here } else { Stopped::NotHere };
        for sender in self.waiting.borrow_mut().drain(..) {
            // Whoever asked may be gone.
            let _ = sender.send(stopped);
        }
    }
}

/// Resolves when the run must stop.
pub(super) async fn stopped(signal: &mut watch::Receiver<Signal>) -> Signal {
    // An error: the handle is gone, and with it whoever could stop us.
    match signal.wait_for(|signal| *signal != Signal::Go).await {
        Ok(signal) => *signal,
        Err(_) => Signal::FencedOff,
    }
}
