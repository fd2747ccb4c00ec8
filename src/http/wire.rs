//! The connection under HTTP, which is patient and reads on for so long alone: a head that does not
//! become whole in time or that grows too large is answered 408 or 431 here, and the connection ends
//! (attack E4). actix watches the first head of a connection and lets a head grow to 128 KiB.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use actix_rt::net::TcpStream;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::{Instant, Sleep},
};

const TOO_SLOW: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
const TOO_LARGE: &[u8] =
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
/// Time for a client to end its side behind our last words.
const GOODBYE: Duration = Duration::from_secs(1);

/// What a client may take until its request's head is whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub head: Duration,
    pub head_bytes: usize,
}

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// What comes is a head.
    Head,
    /// A request is being answered.
    Answering,
    /// It was answered before all of its body had been read: what comes may be the rest of it.
    Rest,
    /// Nothing more is read.
    Over,
}

/// What a connection and those who answer its requests tell each other.
pub(crate) struct Watch {
    phase: Cell<Phase>,
    /// Rises with each request.
    requests: Cell<u64>,
    reader: Cell<Option<Waker>>,
    /// What HTTP has left, to part in good order.
    left: Cell<Option<TcpStream>>,
}

impl Watch {
    /// A request's head is whole.
    pub(super) fn begin(&self) {
        self.phase.set(Phase::Answering);
        self.requests.set(self.requests.get().wrapping_add(1));
    }

    /// Its answer has been given. `whole`: its body was read to the end, or there was none.
    /// `close`: nothing more is to be read.
    pub(super) fn end(&self, whole: bool, close: bool) {
        let phase = match (close, whole) {
            (true, _) => Phase::Over,
            (false, true) => Phase::Head,
            (false, false) => Phase::Rest,
        };
        self.phase.set(phase);
        if close && let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Parts from a client that has not ended its side: closing over unread bytes would reset the
    /// connection and could destroy the last answer on its way.
    pub(crate) async fn part(watch: Rc<Self>) {
        let Some(mut io) = watch.left.take() else { return };
        if io.shutdown().await.is_ok() {
            let rest = Box::pin(async move {
                let mut rest = [0; 4 * 1024];
                while matches!(io.read(&mut rest).await, Ok(1..)) {}
            });
            // Whoever does not end is left alone.
            let _ = tokio::time::timeout(GOODBYE, rest).await;
        }
    }
}

pub(crate) struct Wire {
    /// None once it has left HTTP.
    io: Option<TcpStream>,
    watch: Rc<Watch>,
    patience: Patience,
    /// Of which request the next two speak.
    requests: u64,
    /// Bytes that came since the answer before.
    head: usize,
    /// Whoever parses has been given the chance to look at them.
    shown: bool,
    deadline: Pin<Box<Sleep>>,
    /// All that was to be written has been.
    flushed: bool,
    ended: bool,
}

impl Wire {
    pub(crate) fn new(io: TcpStream, patience: Patience) -> Self {
        let watch = Watch {
            phase: Cell::new(Phase::Head),
            requests: Cell::new(0),
            reader: Cell::new(None),
            left: Cell::new(None),
        };
        Self {
            io: Some(io),
            watch: Rc::new(watch),
            patience,
            requests: 0,
            head: 0,
            shown: false,
            deadline: Box::pin(tokio::time::sleep(patience.head)),
            flushed: true,
            ended: false,
        }
    }

    pub(crate) fn watch(&self) -> Rc<Watch> {
        Rc::clone(&self.watch)
    }

    /// Whether there was too much of a head, or too slowly.
    fn fault(&mut self, context: &mut Context<'_>) -> Poll<Option<&'static [u8]>> {
        if self.head > 0 && self.deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(TOO_SLOW));
        }
        if self.head < self.patience.head_bytes {
            return Poll::Ready(None);
        }
        if self.shown {
            return Poll::Ready(Some(TOO_LARGE));
        }
        // It may be whole, with a body behind it. If it is, a request begins before we are back.
        self.shown = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Bytes came: the first begin a head, which now has its time.
    fn count(&mut self, bytes: usize, context: &mut Context<'_>) {
        if self.head == 0 {
            self.deadline.as_mut().reset(Instant::now() + self.patience.head);
            // Asked for its waking; it cannot be over yet.
            let _ = self.deadline.as_mut().poll(context);
        }
        self.head += bytes;
    }

    fn refuse(&mut self, answer: &[u8]) {
        self.watch.phase.set(Phase::Over);
        tracing::debug!(bytes = self.head, "a request's head was too slow or too large");
        if let Some(io) = self.io.as_ref().filter(|_| self.flushed) {
            // What the kernel does not take at once need not be said.
            let _ = io.try_write(answer);
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.requests != this.watch.requests.get() {
            (this.requests, this.head, this.shown) = (this.watch.requests.get(), 0, false);
        }
        let phase = this.watch.phase.get();
        if phase == Phase::Over {
            return Poll::Ready(Ok(()));
        }
        let listens = phase != Phase::Answering;
        if listens && let Some(answer) = ready!(this.fault(context)) {
            this.refuse(if phase == Phase::Head { answer } else { b"" });
            return Poll::Ready(Ok(()));
        }
        let Some(io) = this.io.as_mut() else { return Poll::Ready(Ok(())) };
        let before = buffer.filled().len();
        let read = Pin::new(io).poll_read(context, buffer);
        match &read {
            Poll::Ready(result) => {
                let bytes = buffer.filled().len() - before;
                this.ended |= result.is_err() || bytes == 0;
                if listens && bytes > 0 {
                    this.count(bytes, context);
                }
            }
            Poll::Pending => this.watch.reader.set(Some(context.waker().clone())),
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(io) = this.io.as_mut() else { return Poll::Ready(Ok(0)) };
        this.flushed = false;
        let written = ready!(Pin::new(io).poll_write(context, bytes));
        this.flushed = matches!(written, Ok(taken) if taken == bytes.len());
        Poll::Ready(written)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A TCP stream keeps nothing back.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut().io.as_mut() {
            Some(io) => Pin::new(io).poll_shutdown(context),
            None => Poll::Ready(Ok(())),
        }
    }
}

/// The connection leaves HTTP, and patience is somebody else's.
impl From<Wire> for Option<TcpStream> {
    fn from(mut wire: Wire) -> Self {
        wire.io.take()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.watch.left.set(self.io.take().filter(|_| !self.ended));
    }
}
