//! The queue from a session to its socket: bounded in frames and bytes, and measured by the bytes
//! that the kernel took for the peer, so that a reader that stalls is seen and costs no more than
//! the bound (`live.md` §2.4). Both ends live on one thread.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::Stream;

use crate::domain::{clock::Millis, close::Close};

/// Frames in the queue.
const FRAMES: usize = 1_024;
/// Above this the pieces of an answer are gathered for longer, so that more of them are joined.
const BEHIND: usize = 64 * 1024;
/// Above this the session stops reading for this client, the log and its socket; below
/// [`RELEASE`] it goes on.
const HOLD: usize = 256 * 1024;
const RELEASE: usize = 128 * 1024;
/// Above this the connection is cut.
const MOST: usize = 1024 * 1024;
/// When so many bytes have left the queue and not arrived, the next wait for them.
const OUT: usize = 64 * 1024;
/// Messages of the client that may be on their way to the session before no more are read.
const UNHEARD: usize = 8;
/// Room for so many frames is kept when the queue is empty.
const KEEP: usize = 8;

/// What the socket writes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outgoing {
    Text(String),
    Ping,
}

impl Outgoing {
    /// Bytes on the wire; a server's frames are not masked (RFC 6455 §5.2).
    pub(crate) const fn on_the_wire(&self) -> usize {
        match self {
            Self::Text(text) => frame(text.len()),
            Self::Ping => frame(0),
        }
    }
}

/// Bytes of a frame around a payload of so many.
const fn frame(payload: usize) -> usize {
    payload
        + match payload {
            0..=125 => 2,
            126..=0xFFFF => 4,
            _ => 10,
        }
}

/// A session's end of a new queue, and its socket's.
pub(crate) fn queue() -> (Outbox, Outlet) {
    let gauge = Rc::new(Gauge::default());
    (Outbox { gauge: Rc::clone(&gauge), seen: (0, None) }, Outlet(gauge))
}

/// What both ends and the connection beneath know of the queue.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    frames: RefCell<VecDeque<Outgoing>>,
    /// Bytes said that the kernel has not taken.
    queued: Cell<usize>,
    /// Those of them that have left this queue.
    out: Cell<usize>,
    /// Bytes taken, ever.
    taken: Cell<u64>,
    /// The session reads nothing for this client until it says so.
    held: Cell<bool>,
    busy: Cell<bool>,
    /// Messages read from the client that the session has not come to.
    unheard: Cell<usize>,
    closed: Cell<Option<Close>>,
    /// Words for the person, in place of the close's name.
    words: RefCell<Option<String>>,
    cut: Cell<bool>,
    transport: RefCell<Option<Waker>>,
    session: RefCell<Option<Waker>>,
}

impl Gauge {
    /// The kernel has taken so many bytes of frames.
    pub(crate) fn took(&self, bytes: usize) {
        let before = self.queued.get();
        let after = before.saturating_sub(bytes);
        self.queued.set(after);
        if self.out.replace(self.out.get().saturating_sub(bytes)) > OUT {
            wake(&self.transport);
        }
        let more = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.taken.set(self.taken.get().saturating_add(more));
        if before > HOLD && after <= HOLD {
            wake(&self.transport);
        }
        if before > RELEASE && after <= RELEASE {
            wake(&self.session);
        }
    }

    /// The socket says something by itself: a Pong, the Close frame.
    pub(crate) fn add(&self, payload: usize) {
        self.queued.set(self.queued.get() + frame(payload));
        self.out.set(self.out.get() + frame(payload));
    }

    /// Why the queue ended. The socket sends it as its Close frame.
    pub(crate) fn close(&self) -> Close {
        self.closed.get().unwrap_or(Close::Internal)
    }

    /// What the Close frame says beside the code.
    pub(crate) fn reason(&self) -> String {
        self.words.borrow().clone().unwrap_or_else(|| self.close().reason().to_owned())
    }

    /// Whether the connection is to be cut, whatever waits in it.
    pub(crate) const fn is_cut(&self) -> bool {
        self.cut.get()
    }

    const fn is_held(&self) -> bool {
        self.held.get() || self.queued.get() > HOLD
    }

    /// Whether nothing is to be read from this client just now.
    pub(crate) const fn is_deaf(&self) -> bool {
        self.is_held() || self.busy.get() || self.unheard.get() >= UNHEARD
    }

    /// A message of the client's is on its way to the session. Without this count one read of the
    /// socket could bring more requests than the session has room for before it can say so.
    pub(crate) fn hand_over(&self) {
        self.unheard.set(self.unheard.get() + 1);
    }

    /// The task that moves the bytes, woken when there is something to write, to read or to end.
    pub(crate) fn watch(&self, context: &Context<'_>) {
        register(&self.transport, context);
    }
}

fn register(slot: &RefCell<Option<Waker>>, context: &Context<'_>) {
    match &mut *slot.borrow_mut() {
        Some(waker) => waker.clone_from(context.waker()),
        none => *none = Some(context.waker().clone()),
    }
}

fn wake(slot: &RefCell<Option<Waker>>) {
    if let Some(waker) = &*slot.borrow() {
        waker.wake_by_ref();
    }
}

/// The socket's end: the frames, until the session has ended and all of them are out.
pub(crate) struct Outlet(Rc<Gauge>);

impl Outlet {
    pub(crate) fn gauge(&self) -> Rc<Gauge> {
        Rc::clone(&self.0)
    }
}

impl Stream for Outlet {
    type Item = Outgoing;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Outgoing>> {
        let gauge = &*self.0;
        if gauge.out.get() > OUT {
            gauge.watch(context);
            return Poll::Pending;
        }
        let mut frames = gauge.frames.borrow_mut();
        if let Some(next) = frames.pop_front() {
            gauge.out.set(gauge.out.get() + next.on_the_wire());
            if frames.is_empty() && frames.capacity() > KEEP {
                frames.shrink_to(KEEP);
            }
            return Poll::Ready(Some(next));
        }
        if gauge.closed.get().is_some() {
            return Poll::Ready(None);
        }
        gauge.watch(context);
        Poll::Pending
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.0.transport.take();
    }
}

/// The session's end.
pub(crate) struct Outbox {
    gauge: Rc<Gauge>,
    /// Bytes taken at the last look, and since when that has not changed.
    seen: (u64, Option<Millis>),
}

/// The queue is over its bound.
#[derive(Debug)]
pub(super) struct Full;

impl Outbox {
    /// Whether this was the frame that made the queue too long to go on reading.
    pub(super) fn push(&self, text: String) -> Result<bool, Full> {
        self.enqueue(Outgoing::Text(text))
    }

    pub(super) fn ping(&self) {
        // A full queue: the client has enough to answer to.
        let _ = self.enqueue(Outgoing::Ping);
    }

    fn enqueue(&self, outgoing: Outgoing) -> Result<bool, Full> {
        let gauge = &*self.gauge;
        if self.is_closed() {
            return Ok(false);
        }
        let (before, bytes) = (gauge.queued.get(), outgoing.on_the_wire());
        // A single large frame to an idle reader is no sign of a slow one.
        let over = before > 0 && before + bytes > MOST;
        if over || gauge.frames.borrow().len() >= FRAMES {
            return Err(Full);
        }
        gauge.frames.borrow_mut().push_back(outgoing);
        gauge.queued.set(before + bytes);
        wake(&gauge.transport);
        Ok(before + bytes > HOLD && !gauge.held.replace(true))
    }

    /// What the Close frame will say; at most 123 bytes.
    pub(super) fn explain(&self, words: String) {
        self.gauge.words.borrow_mut().get_or_insert(words);
    }

    /// The first reason holds. What is queued is still written, but to a client that does not read:
    /// its connection is cut.
    pub(super) fn close(&self, close: Close) {
        if self.is_closed() {
            return;
        }
        self.gauge.closed.set(Some(close));
        self.gauge.cut.set(close == Close::SlowConsumer);
        wake(&self.gauge.transport);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.gauge.closed.get().is_some()
    }

    pub(super) fn closed_with(&self) -> Close {
        self.gauge.close()
    }

    pub(super) fn queued(&self) -> usize {
        self.gauge.queued.get()
    }

    pub(super) fn is_behind(&self) -> bool {
        self.queued() > BEHIND
    }

    pub(super) fn is_held(&self) -> bool {
        self.gauge.is_held()
    }

    /// The session reads on for this client.
    pub(super) fn release(&self) {
        self.gauge.held.set(false);
        wake(&self.gauge.transport);
    }

    pub(super) fn is_deaf(&self) -> bool {
        self.gauge.is_deaf()
    }

    /// Whether the session has as many requests as it can take; meanwhile none is read.
    pub(super) fn set_busy(&self, busy: bool) {
        if self.gauge.busy.replace(busy) && !busy {
            wake(&self.gauge.transport);
        }
    }

    /// The session has come to one more of the client's messages.
    pub(super) fn hear(&self) {
        let before = self.gauge.unheard.get();
        self.gauge.unheard.set(before.saturating_sub(1));
        if before == UNHEARD {
            wake(&self.gauge.transport);
        }
    }

    /// Ends when the client has caught up.
    pub(super) fn room(&self) -> impl Future<Output = ()> + 'static {
        let gauge = Rc::clone(&self.gauge);
        poll_fn(move |context| {
            if gauge.queued.get() <= RELEASE {
                return Poll::Ready(());
            }
            register(&gauge.session, context);
            Poll::Pending
        })
    }

    /// Whether the peer has taken nothing for so long although there is something to take.
    pub(super) fn is_stalled(&mut self, now: Millis, limit: Duration) -> bool {
        let taken = self.gauge.taken.get();
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
    use futures_util::{FutureExt, StreamExt};

    use super::*;

    fn kilobytes(many: usize) -> String {
        "x".repeat(many * 1024)
    }

    #[test]
    fn no_more_is_read_than_the_session_comes_to() {
        let (outbox, outlet) = queue();
        let gauge = outlet.gauge();
        for _ in 0..UNHEARD {
            assert!(!outbox.is_deaf());
            gauge.hand_over();
        }
        assert!(outbox.is_deaf());
        outbox.hear();
        assert!(!outbox.is_deaf());
    }

    #[test]
    fn a_reader_that_takes_nothing_is_held_then_cut() {
        let (mut outbox, outlet) = queue();
        for _ in 0..4 {
            assert!(!outbox.push(kilobytes(60)).unwrap());
        }
        assert!(outbox.is_behind() && !outbox.is_held());
        assert!(outbox.push(kilobytes(60)).unwrap(), "this one is too much");
        assert!(!outbox.push(kilobytes(60)).unwrap(), "it is told once");
        let limit = Duration::from_secs(15);
        assert!(!outbox.is_stalled(Millis(0), limit));
        assert!(!outbox.is_stalled(Millis(14_999), limit));
        assert!(outbox.is_stalled(Millis(15_000), limit));

        outlet.gauge().took(1);
        assert!(!outbox.is_stalled(Millis(15_001), limit), "it took something");
        for _ in 0..11 {
            outbox.push(kilobytes(60)).unwrap();
        }
        assert!(outbox.push(kilobytes(60)).is_err());
        outbox.close(Close::SlowConsumer);
        assert!(outlet.gauge().is_cut());
    }

    #[test]
    fn what_the_framework_has_taken_out_still_counts_until_the_kernel_has_it() {
        let (outbox, mut outlet) = queue();
        for _ in 0..5 {
            outbox.push(kilobytes(60)).unwrap();
        }
        let mut room = Box::pin(outbox.room());
        let out = std::iter::from_fn(|| outlet.next().now_or_never().flatten()).count();
        assert_eq!(out, 2, "the others wait for these to arrive");
        assert!(outbox.is_held() && outlet.gauge().is_deaf());
        assert!(room.as_mut().now_or_never().is_none());

        let gauge = outlet.gauge();
        gauge.took(outbox.queued() - RELEASE - 1);
        assert!(room.as_mut().now_or_never().is_none());
        gauge.took(1);
        assert!(room.now_or_never().is_some());
        assert!(gauge.is_deaf(), "until the session has heard of it");
        outbox.release();
        assert!(!outbox.is_held() && !gauge.is_deaf());
        gauge.took(RELEASE);
        assert_eq!(outbox.queued(), 0, "every byte of every frame is counted once");
    }

    #[test]
    fn a_frame_is_as_long_as_its_head_says() {
        for (payload, whole) in
            [(0, 2), (125, 127), (126, 130), (0xFFFF, 0xFFFF + 4), (0x1_0000, 0x1_0000 + 10)]
        {
            assert_eq!(frame(payload), whole);
        }
    }

    #[test]
    fn one_large_frame_is_no_sign_of_a_slow_reader() {
        let (outbox, _outlet) = queue();
        assert!(outbox.push(kilobytes(2_000)).is_ok());
        assert!(outbox.push("x".to_owned()).is_err());
    }

    #[test]
    fn the_number_of_frames_is_bounded_too() {
        let (outbox, _outlet) = queue();
        for _ in 0..FRAMES {
            outbox.push("a".to_owned()).unwrap();
        }
        assert!(outbox.push("b".to_owned()).is_err());
    }

    #[test]
    fn the_queue_ends_behind_what_was_said_and_the_first_reason_to_close_holds() {
        let (outbox, mut outlet) = queue();
        outbox.push("a".to_owned()).unwrap();
        outbox.close(Close::Kicked);
        outbox.close(Close::Internal);
        outbox.push("too late".to_owned()).unwrap();

        assert_eq!(outlet.next().now_or_never(), Some(Some(Outgoing::Text("a".to_owned()))));
        assert_eq!(outlet.next().now_or_never(), Some(None));
        assert_eq!(outlet.gauge().close(), Close::Kicked);
        assert!(!outlet.gauge().is_cut());
    }
}
