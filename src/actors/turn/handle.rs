//! The tutor actor's hold on a turn that is being written: it can stop the run, it takes what was
//! written since the last checkpoint, and it shows what only the store could take.

use std::cell::{Cell, RefCell};

use tokio::sync::{oneshot, watch};

use super::{
    Bench,
    backlog::{Backlog, weight},
};
use crate::{
    actors::{progress::Progress, tutor::Stopped},
    bus::Wake,
    domain::{
        event::Entry,
        ids::{ThreadId, TurnId},
    },
    store::ownership::{Chunk, Claimed},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Go,
    Cancel,
    /// Somebody else owns the turn, or is to, or it is gone.
    FencedOff,
}

/// The actor's hold on a running turn.
pub(in crate::actors) struct Handle {
    turn: TurnId,
    thread: ThreadId,
    fence: i64,
    signal: watch::Sender<Signal>,
    /// Written since the last checkpoint.
    pending: RefCell<Vec<Entry>>,
    /// Where a checkpoint began of which it is not known whether it was stored.
    unsure: Cell<Option<i64>>,
    /// Bytes of it, and of what is being checkpointed.
    weight: Cell<usize>,
    /// Written, and in no log: no reader has seen it.
    unshown: RefCell<Vec<Entry>>,
    /// The log could not take it.
    refused: Cell<bool>,
    waiting: RefCell<Vec<oneshot::Sender<Stopped>>>,
    over: Cell<bool>,
    /// For the dashboard.
    pub(in crate::actors) progress: Progress,
}

impl Handle {
    pub(in crate::actors) fn new(claimed: &Claimed) -> Self {
        Self {
            turn: claimed.turn.id.clone(),
            thread: claimed.thread.id.clone(),
            fence: claimed.turn.fence,
            signal: watch::Sender::new(Signal::Go),
            pending: RefCell::default(),
            unsure: Cell::new(None),
            weight: Cell::new(0),
            unshown: RefCell::default(),
            refused: Cell::new(false),
            waiting: RefCell::default(),
            over: Cell::new(false),
            progress: Progress::new(claimed),
        }
    }

    /// The run's end of it.
    pub(super) fn signal(&self) -> watch::Receiver<Signal> {
        self.signal.subscribe()
    }

    /// The run goes on with this. It is neither checkpointed nor shown yet.
    pub(super) fn wrote(&self, entry: Entry, backlog: &Backlog) {
        let weight = weight(&entry);
        backlog.add(weight);
        self.weight.set(self.weight.get() + weight);
        self.unshown.borrow_mut().push(entry.clone());
        self.pending.borrow_mut().push(entry);
    }

    /// An earlier owner showed this and did not checkpoint it.
    pub(super) fn owes(&self, entries: Vec<Entry>, backlog: &Backlog) {
        let weight = entries.iter().map(weight).sum();
        backlog.add(weight);
        self.weight.set(self.weight.get() + weight);
        self.pending.borrow_mut().splice(0..0, entries);
    }

    /// What no reader has seen, in order.
    pub(super) fn unshown(&self) -> Vec<Entry> {
        self.unshown.borrow().clone()
    }

    /// Readers can have all up to `seq`.
    pub(super) fn shown(&self, seq: i64) {
        let mut unshown = self.unshown.borrow_mut();
        unshown.retain(|entry| entry.seq > seq);
        if unshown.is_empty() {
            self.refused.set(false);
        }
    }

    /// The log cannot take what was written: the store has to show it.
    pub(super) fn is_refused(&self) {
        self.refused.set(true);
    }

    pub(in crate::actors) fn is_degraded(&self) -> bool {
        self.refused.get()
    }

    /// The end is in the store.
    pub(super) fn is_over(&self) {
        self.over.set(true);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.over.get()
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

    /// What is on its way into the log is left for the next time. Otherwise the store could have
    /// more than the log when this node dies, as if the log had lost its tail.
    pub(in crate::actors) fn take_chunk(&self) -> Chunk {
        let mut pending = self.pending.borrow_mut();
        let unshown = self.unshown.borrow();
        let on_its_way = unshown.first().filter(|_| !self.refused.get()).map(|entry| entry.seq);
        let settled = on_its_way
            .and_then(|seq| pending.iter().position(|entry| entry.seq >= seq))
            .unwrap_or(pending.len());
        let entries: Vec<Entry> = pending.drain(..settled).collect();
        let entries = crate::domain::event::merge(entries);
        let again = self.unsure.get();
        Chunk { turn: self.turn.clone(), fence: self.fence, entries, again }
    }

    /// A checkpoint failed: its events go with the next one.
    pub(in crate::actors) fn put_back(&self, chunk: Chunk) {
        let first = chunk.entries.first().map(|entry| entry.first);
        self.unsure.set(self.unsure.get().or(first));
        let mut pending = self.pending.borrow_mut();
        let newer = std::mem::replace(&mut *pending, chunk.entries);
        pending.extend(newer);
    }

    /// A checkpoint has succeeded: makes room for more, and shows what the log could not take.
    pub(in crate::actors) async fn checkpointed(&self, chunk: &Chunk, bench: &Bench) {
        self.unsure.set(None);
        self.forget(chunk.entries.iter().map(weight).sum(), &bench.backlog);
        if let Some(last) = chunk.entries.last() {
            self.committed(last.seq, bench).await;
        }
    }

    /// The store has everything up to `seq`, so it may be shown.
    pub(super) async fn committed(&self, seq: i64, bench: &Bench) {
        let entries = {
            let unshown = self.unshown.borrow();
            unshown.iter().take_while(|entry| entry.seq <= seq).cloned().collect::<Vec<_>>()
        };
        if entries.is_empty() {
            return;
        }
        let (thread, turn) = (self.thread.clone(), &self.turn);
        match bench.log.admit(&thread, self.fence, entries).await {
            Ok(()) => {
                self.shown(seq);
                bench.bus.wake(Wake::Thread { thread });
            }
            Err(error) => tracing::debug!(%turn, %error, "committed events wait for the log"),
        }
    }

    fn forget(&self, bytes: usize, backlog: &Backlog) {
        let bytes = bytes.min(self.weight.get());
        self.weight.set(self.weight.get() - bytes);
        backlog.remove(bytes);
    }

    pub(in crate::actors) fn wait_for_end(&self, senders: Vec<oneshot::Sender<Stopped>>) {
        self.waiting.borrow_mut().extend(senders);
    }

    pub(in crate::actors) fn ended(&self, backlog: &Backlog) {
        self.forget(usize::MAX, backlog);
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
