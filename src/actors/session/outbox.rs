//! The queue from a session to its socket: bounded in frames and bytes, and counted at both ends,
//! so that a reader that stalls is seen and costs no more than the bound (`live.md` §2.4).

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::mpsc;

use crate::domain::{clock::Millis, close::Close};

/// Frames in the queue.
pub(crate) const FRAMES: usize = 1_024;
/// Above this the session stops reading the log for this client.
pub(super) const PAUSE: usize = 256 * 1024;
/// Above this the socket is closed.
const MOST: usize = 1024 * 1024;

/// What the socket writes.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Text(String),
    Ping,
}

/// What both ends know of the queue.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    queued: AtomicUsize,
    taken: AtomicU64,
    close: OnceLock<Close>,
    /// Words for the person, in place of the close's name.
    words: OnceLock<String>,
}

impl Gauge {
    /// The socket has taken a frame out of the queue.
    pub(crate) fn take(&self, bytes: usize) {
        self.queued.fetch_sub(bytes, Ordering::Relaxed);
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// Why the queue ended. The socket sends it as its Close frame.
    pub(crate) fn close(&self) -> Close {
        self.close.get().copied().unwrap_or(Close::Internal)
    }

    /// What the Close frame says beside the code.
    pub(crate) fn reason(&self) -> String {
        self.words.get().cloned().unwrap_or_else(|| self.close().reason().to_owned())
    }
}

pub(super) struct Outbox {
    /// Gone when closed: the socket drains what is queued, then closes.
    sender: Option<mpsc::Sender<Outgoing>>,
    gauge: Arc<Gauge>,
    /// Frames taken at the last look, and since when that has not changed.
    seen: (u64, Option<Millis>),
}

/// The queue is over its bound.
#[derive(Debug)]
pub(super) struct Full;

impl Outbox {
    pub(super) const fn new(sender: mpsc::Sender<Outgoing>, gauge: Arc<Gauge>) -> Self {
        Self { sender: Some(sender), gauge, seen: (0, None) }
    }

    pub(super) fn push(&self, text: String) -> Result<(), Full> {
        let Some(sender) = &self.sender else { return Ok(()) };
        let bytes = text.len();
        let before = self.gauge.queued.fetch_add(bytes, Ordering::Relaxed);
        // A single large frame to an idle reader is no sign of a slow one.
        if before > 0 && before + bytes > MOST {
            return Err(Full);
        }
        match sender.try_send(Outgoing::Text(text)) {
            Err(mpsc::error::TrySendError::Full(_)) => Err(Full),
            // The socket has gone; its end is on its way to us.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
        }
    }

    pub(super) fn ping(&self) {
        if let Some(sender) = &self.sender {
            // A full queue: the client has enough to answer to.
            let _ = sender.try_send(Outgoing::Ping);
        }
    }

    /// What the Close frame will say; at most 123 bytes.
    pub(super) fn explain(&self, words: String) {
        self.gauge.words.get_or_init(|| words);
    }

    /// The first reason holds.
    pub(super) fn close(&mut self, close: Close) {
        self.gauge.close.get_or_init(|| close);
        self.sender = None;
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.sender.is_none()
    }

    pub(super) fn closed_with(&self) -> Close {
        self.gauge.close()
    }

    pub(super) fn queued(&self) -> usize {
        self.gauge.queued.load(Ordering::Relaxed)
    }

    pub(super) fn is_paused(&self) -> bool {
        self.queued() > PAUSE
    }

    /// Whether the peer has taken nothing for so long although there is something to take.
    pub(super) fn is_stalled(&mut self, now: Millis, limit: Duration) -> bool {
        let taken = self.gauge.taken.load(Ordering::Relaxed);
        if self.queued() == 0 || taken != self.seen.0 {
            self.seen = (taken, None);
            return false;
        }
        let since = *self.seen.1.get_or_insert(now);
        now.since(since) >= i64::try_from(limit.as_millis()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(frames: usize) -> (Outbox, Arc<Gauge>, mpsc::Receiver<Outgoing>) {
        let (sender, receiver) = mpsc::channel(frames);
        let gauge = Arc::new(Gauge::default());
        (Outbox::new(sender, Arc::clone(&gauge)), gauge, receiver)
    }

    #[test]
    fn a_reader_that_takes_nothing_is_paused_then_cut() {
        let (mut outbox, gauge, _socket) = outbox(FRAMES);
        let kilobytes = "x".repeat(64 * 1024);
        for _ in 0..5 {
            outbox.push(kilobytes.clone()).unwrap();
        }
        assert!(outbox.is_paused());
        let limit = Duration::from_secs(15);
        assert!(!outbox.is_stalled(Millis(0), limit));
        assert!(!outbox.is_stalled(Millis(14_999), limit));
        assert!(outbox.is_stalled(Millis(15_000), limit));

        gauge.take(kilobytes.len());
        assert!(!outbox.is_stalled(Millis(15_001), limit), "it took something");
        for _ in 0..12 {
            outbox.push(kilobytes.clone()).unwrap();
        }
        assert!(outbox.push(kilobytes).is_err());
    }

    #[test]
    fn the_number_of_frames_is_bounded_too() {
        let (outbox, _gauge, _socket) = outbox(2);
        outbox.push("a".to_owned()).unwrap();
        outbox.push("b".to_owned()).unwrap();
        assert!(outbox.push("c".to_owned()).is_err());
    }

    #[test]
    fn the_first_reason_to_close_holds() {
        let (mut outbox, gauge, _socket) = outbox(2);
        outbox.close(Close::SlowConsumer);
        outbox.close(Close::Internal);
        assert_eq!(gauge.close(), Close::SlowConsumer);
    }
}
