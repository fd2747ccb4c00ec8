//! A TCP connection that has left HTTP behind: bytes in, bytes out, and how it ends.
//!
//! What a slow reader takes is seen only here, below every buffer (`live.md` §2.4). HTTP's own
//! buffers, 16 kB a connection, went with HTTP (ADR 0003).

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_rt::net::TcpStream;
use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::{
    frames::{Decoder, Fault, Message},
    socket::{Frames, Socket},
    upgrade::Accepted,
};
use crate::actors::session::Gauge;

/// Bytes that are read at once.
const READ: usize = 4 * 1024;
/// Time for the client to end its side behind our Close frame.
const GOODBYE: Duration = Duration::from_secs(1);

/// One task holds both ends, so no borrow outlives a poll.
type Shared = Rc<RefCell<TcpStream>>;

pub(super) struct Connection {
    io: Shared,
    gauge: Rc<Gauge>,
    frames: Frames,
    /// Encoded, and not taken by the kernel.
    out: VecDeque<Bytes>,
    /// No more frames will come.
    ended: bool,
}

impl Connection {
    /// `early`: what the client said without waiting for the answer to its upgrade.
    pub(super) fn new(io: TcpStream, early: &[u8], accepted: Accepted) -> Self {
        let (io, gauge) = (Rc::new(RefCell::new(io)), accepted.outlet.gauge());
        let inbound = Inbound {
            io: Rc::clone(&io),
            gauge: Rc::clone(&gauge),
            rest: Bytes::copy_from_slice(early),
            decoder: Decoder::default(),
            ended: false,
        };
        let frames = Socket::start(accepted, inbound);
        Self { io, gauge, frames, out: VecDeque::new(), ended: false }
    }

    /// Moves frames until there will be no more, then says goodbye as TCP does: our side ends, and
    /// what the client still sends is read, since closing over unread bytes would reset the
    /// connection and could destroy the Close frame on its way.
    pub(super) async fn run(mut self) {
        let ended = poll_fn(|context| self.poll_frames(context)).await;
        let Self { io, frames, .. } = self;
        // The session learns of the end now, not when the client has said goodbye.
        drop(frames);
        let Some(mut io) = Rc::into_inner(io).map(RefCell::into_inner) else { return };
        if ended.is_ok() && io.shutdown().await.is_ok() {
            // In a box: the connection does not keep the place for it while it lives.
            let rest = Box::pin(async move {
                let mut rest = [0; READ];
                while matches!(io.read(&mut rest).await, Ok(1..)) {}
            });
            // Whoever does not end is left alone.
            let _ = tokio::time::timeout(GOODBYE, rest).await;
        }
    }

    /// Asks for frames and writes them, until neither goes on. The queue behind `frames` stops
    /// giving when too much waits here; the client is read meanwhile, as part of the same stream.
    fn poll_frames(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.gauge.is_cut() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
            self.gauge.watch(context);
            let next =
                if self.ended { Poll::Ready(None) } else { self.frames.poll_next_unpin(context) };
            let waiting = next.is_pending();
            match next {
                Poll::Ready(Some(Ok(bytes))) => self.out.push_back(bytes),
                Poll::Ready(Some(Err(_)) | None) => self.ended = true,
                Poll::Pending => {}
            }
            let written = self.poll_write(context)?;
            if self.ended {
                return written.map(Ok);
            }
            if waiting {
                return Poll::Pending;
            }
        }
    }

    /// Writes what waits.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(bytes) = self.out.front_mut() {
            let mut io = self.io.borrow_mut();
            let taken = ready!(Pin::new(&mut *io).poll_write(context, bytes))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.gauge.took(taken);
            bytes.advance(taken);
            if bytes.is_empty() {
                self.out.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The client's messages, one at a time and none while the session does not listen: what the
/// client sends then waits in the kernel, and in the end with the client.
pub(super) struct Inbound {
    io: Shared,
    gauge: Rc<Gauge>,
    /// Read, and not decoded yet.
    rest: Bytes,
    decoder: Decoder,
    ended: bool,
}

impl Inbound {
    /// Reads what there is into `rest`. Nothing read: the client's side has ended.
    fn read(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; READ];
        let mut buffer = ReadBuf::new(&mut space);
        let mut io = self.io.borrow_mut();
        let read = ready!(Pin::new(&mut *io).poll_read(context, &mut buffer));
        self.ended = read.is_err() || buffer.filled().is_empty();
        self.rest = Bytes::copy_from_slice(buffer.filled());
        Poll::Ready(())
    }
}

impl Stream for Inbound {
    type Item = Result<Message, Fault>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        while !this.ended {
            if this.gauge.is_deaf() {
                this.gauge.watch(context);
                return Poll::Pending;
            }
            match this.decoder.next(&mut this.rest) {
                Ok(Some(message)) => {
                    // Nothing follows a goodbye (RFC 6455 §5.5.1).
                    this.ended = matches!(message, Message::Close(_));
                    return Poll::Ready(Some(Ok(message)));
                }
                Ok(None) => ready!(this.read(context)),
                Err(fault) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(fault)));
                }
            }
        }
        Poll::Ready(None)
    }
}
