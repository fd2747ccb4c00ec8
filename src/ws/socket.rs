//! The one file that knows the WebSocket crate: a thin transport between the wire and the session.
//!
//! **Owns** nothing but the end of two bounded queues. Frames to write come only through the
//! session's queue, which the crate polls when the peer takes bytes, so a peer that stalls leaves
//! them there, where they are counted (ADR 0003). **Takes** frames from the wire and from the
//! session. **Sends** [`Incoming`] and [`Hung`] to the session. **On restart**: never; the peer
//! reconnects.

use std::{pin::Pin, rc::Rc};

use actix::prelude::{Actor, ActorContext, Addr, AsyncContext, SendError, StreamHandler};
use actix_web::{Error, HttpRequest, HttpResponse, error::PayloadError, http::header};
use actix_web_actors::ws::{self, CloseCode, CloseReason, ProtocolError, WebsocketContext};
use bytes::Bytes;
use futures_util::{Stream, stream};

use super::{
    connection::Inbound,
    frames::{Fault, Message},
    upgrade::Accepted,
};
use crate::{
    actors::session::{Gauge, Hung, Incoming, Outgoing, Outlet, Session},
    domain::{close::Close, live::limits},
};

/// Encoded frames, as many at once as there are.
pub(super) type Frames = Pin<Box<dyn Stream<Item = Result<Bytes, Error>>>>;

pub(super) struct Socket {
    session: Addr<Session>,
    gauge: Rc<Gauge>,
    /// What it moves between, until it starts.
    ends: Option<(Outlet, Inbound)>,
    end: Option<End>,
}

/// How the client ended, which is how we answer.
enum End {
    /// With a Close frame: its code is sent back.
    Goodbye(u16),
    Fault(Fault),
}

/// The answer to a sound request for the upgrade. Of the subprotocols that the client offers only
/// ours is echoed, and no extension is agreed on.
pub(super) fn handshake(request: &HttpRequest, speaks_ours: bool) -> Result<HttpResponse, Error> {
    let mut answer = ws::handshake(request)?;
    if speaks_ours {
        answer.insert_header((header::SEC_WEBSOCKET_PROTOCOL, limits::SUBPROTOCOL));
    }
    Ok(answer.finish())
}

impl Socket {
    pub(super) fn start(Accepted { session, outlet }: Accepted, inbound: Inbound) -> Frames {
        let gauge = outlet.gauge();
        let socket = Self { session, gauge, ends: Some((outlet, inbound)), end: None };
        // The crate's own reader gets nothing: it would take a frame of any length into memory
        // before it refuses it.
        let nothing = stream::pending::<Result<Bytes, PayloadError>>();
        Box::pin(WebsocketContext::create(socket, nothing))
    }

    /// Tells the session, behind all that the client said before. It ends then, and with it its
    /// queue; so what it had to say still comes before the Close frame.
    fn hung(&self, hung: Hung) -> Result<(), SendError<Hung>> {
        self.session.try_send(hung)
    }

    /// The last frame; then the connection ends.
    fn close(&self, code: u16, reason: String, ctx: &mut WebsocketContext<Self>) {
        self.gauge.add(2 + reason.len());
        let description = Some(reason).filter(|reason| !reason.is_empty());
        ctx.close(Some(CloseReason { code: CloseCode::from(code), description }));
        ctx.stop();
    }

    /// The session takes nothing more and will not end by itself in time.
    fn give_up(&self, close: Close, ctx: &mut WebsocketContext<Self>) {
        self.close(close.code(), close.reason().to_owned(), ctx);
    }

    /// The client has said its last word.
    fn end(&mut self, end: End, hung: Hung, ctx: &mut WebsocketContext<Self>) {
        self.end = Some(end);
        if let Err(SendError::Full(_)) = self.hung(hung) {
            self.give_up(Close::RateLimited, ctx);
        }
    }
}

impl Actor for Socket {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some((outlet, inbound)) = self.ends.take() {
            ctx.add_stream(outlet);
            ctx.add_stream(inbound);
        }
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        // A session that is full finds out when nothing is taken any more.
        let _ = self.hung(Hung::Up);
    }
}

/// From the session to the wire.
impl StreamHandler<Outgoing> for Socket {
    fn handle(&mut self, outgoing: Outgoing, ctx: &mut Self::Context) {
        match outgoing {
            Outgoing::Text(text) => ctx.text(text),
            Outgoing::Ping => ctx.ping(b""),
        }
    }

    /// The session has ended; everything it said is written.
    fn finished(&mut self, ctx: &mut Self::Context) {
        let (code, reason) = match self.end.take() {
            Some(End::Goodbye(code)) => (code, String::new()),
            Some(End::Fault(fault)) => (fault.close().code(), fault.reason().to_owned()),
            None => (self.gauge.close().code(), self.gauge.reason()),
        };
        self.close(code, reason, ctx);
    }
}

/// From the wire to the session.
impl StreamHandler<Result<Message, Fault>> for Socket {
    fn handle(&mut self, message: Result<Message, Fault>, ctx: &mut Self::Context) {
        match message {
            Ok(Message::Text(text)) => {
                self.gauge.hand_over();
                // A closed session says why through its queue.
                if let Err(SendError::Full(_)) = self.session.try_send(Incoming(text)) {
                    self.give_up(Close::RateLimited, ctx);
                }
            }
            Ok(Message::Ping(payload)) => {
                ctx.pong(&payload);
                self.gauge.add(payload.len());
                // A session that is full hears the client's next sign of life.
                let _ = self.hung(Hung::Alive);
            }
            Ok(Message::Pong) => {
                let _ = self.hung(Hung::Alive);
            }
            Ok(Message::Binary) => {
                if let Err(SendError::Full(_)) = self.hung(Hung::Broken(Close::BadFrame)) {
                    self.give_up(Close::BadFrame, ctx);
                }
            }
            Ok(Message::Close(code)) => {
                self.end(End::Goodbye(code.unwrap_or(1000)), Hung::Up, ctx);
            }
            Err(fault) => self.end(End::Fault(fault), Hung::Broken(fault.close()), ctx),
        }
    }

    /// The client's side has ended. The session's queue decides when this one does.
    fn finished(&mut self, ctx: &mut Self::Context) {
        if let Err(SendError::Full(_)) = self.hung(Hung::Up) {
            ctx.stop();
        }
    }
}

/// The crate asks for it; its reader has nothing to read, see [`Socket::start`].
impl StreamHandler<Result<ws::Message, ProtocolError>> for Socket {
    fn handle(&mut self, _: Result<ws::Message, ProtocolError>, _: &mut Self::Context) {}
}
