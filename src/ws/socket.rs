//! The one file that knows the WebSocket crate: a thin transport between the wire and the session.
//!
//! **Owns** nothing but the end of two bounded queues. Frames to write come only through the
//! stream of the session's channel, which the crate polls when the peer takes bytes, so a peer
//! that stalls leaves them in the channel, where they are counted (ADR 0003). **Takes** frames from
//! the wire and from the session. **Sends** [`Incoming`] and [`Hung`] to the session. **On
//! restart**: never; the peer reconnects.

use std::sync::Arc;

use actix::prelude::*;
use actix_http::ws::{Codec, Item};
use actix_web::{HttpRequest, HttpResponse, web::Payload};
use actix_web_actors::ws::{self, CloseCode, CloseReason, ProtocolError, WebsocketContext};
use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    actors::session::{Gauge, Hung, Incoming, Outgoing, Session},
    domain::live::limits,
};

pub(super) struct Socket {
    session: Addr<Session>,
    gauge: Arc<Gauge>,
    outgoing: Option<mpsc::Receiver<Outgoing>>,
    /// Of a message that comes in fragments.
    fragments: Option<BytesMut>,
    closing: bool,
}

impl Socket {
    pub(super) const fn new(
        session: Addr<Session>,
        gauge: Arc<Gauge>,
        outgoing: mpsc::Receiver<Outgoing>,
    ) -> Self {
        Self { session, gauge, outgoing: Some(outgoing), fragments: None, closing: false }
    }

    /// Answers the upgrade. Of the subprotocols that the client offers only ours is echoed.
    pub(super) fn upgrade(
        self,
        request: &HttpRequest,
        body: Payload,
    ) -> Result<HttpResponse, actix_web::Error> {
        ws::WsResponseBuilder::new(self, request, body)
            .protocols(&[limits::SUBPROTOCOL])
            .codec(Codec::new().max_size(limits::MESSAGE))
            .start()
    }

    /// Sends the Close frame once, then ends the connection.
    fn close(&mut self, code: CloseCode, why: &str, ctx: &mut WebsocketContext<Self>) {
        if !std::mem::replace(&mut self.closing, true) {
            let description = (!why.is_empty()).then(|| why.to_owned());
            ctx.close(Some(CloseReason { code, description }));
        }
        ctx.stop();
    }

    fn text(&mut self, text: &[u8], ctx: &mut WebsocketContext<Self>) {
        let Ok(text) = std::str::from_utf8(text) else {
            return self.close(CloseCode::Invalid, "not UTF-8", ctx);
        };
        match self.session.try_send(Incoming(text.to_owned())) {
            // A closed session says why through its queue.
            Ok(()) | Err(SendError::Closed(_)) => {}
            Err(SendError::Full(_)) => {
                self.close(CloseCode::Other(4201), "rate_limited", ctx);
            }
        }
    }

    fn hung(&self, hung: Hung) {
        // A session that is full hears the client's next sign of life.
        let _ = self.session.try_send(hung);
    }

    /// Joins the fragments of a message; the crate has checked their order.
    fn continuation(&mut self, item: Item, ctx: &mut WebsocketContext<Self>) {
        match item {
            Item::FirstText(first) => self.fragments = Some(BytesMut::from(&*first)),
            Item::FirstBinary(_) => self.hung(Hung::BadFrame),
            Item::Continue(next) => self.join(&next, ctx),
            Item::Last(last) => {
                self.join(&last, ctx);
                if let Some(whole) = self.fragments.take() {
                    self.text(&whole, ctx);
                }
            }
        }
    }

    fn join(&mut self, next: &Bytes, ctx: &mut WebsocketContext<Self>) {
        let Some(fragments) = &mut self.fragments else { return };
        if fragments.len() + next.len() > limits::MESSAGE {
            self.fragments = None;
            return self.close(CloseCode::Size, "a message may hold 64 KiB", ctx);
        }
        fragments.extend_from_slice(next);
    }
}

impl Actor for Socket {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(outgoing) = self.outgoing.take() {
            ctx.add_stream(ReceiverStream::new(outgoing));
        }
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.hung(Hung::Up);
    }
}

/// From the session to the wire.
impl StreamHandler<Outgoing> for Socket {
    fn handle(&mut self, outgoing: Outgoing, ctx: &mut Self::Context) {
        match outgoing {
            Outgoing::Text(text) => {
                self.gauge.take(text.len());
                if !self.closing {
                    ctx.text(text);
                }
            }
            Outgoing::Ping if self.closing => {}
            Outgoing::Ping => ctx.ping(b""),
        }
    }

    /// The session has ended; everything it said is written.
    fn finished(&mut self, ctx: &mut Self::Context) {
        let (close, reason) = (self.gauge.close(), self.gauge.reason());
        self.close(CloseCode::from(close.code()), &reason, ctx);
    }
}

/// From the wire to the session.
impl StreamHandler<Result<ws::Message, ProtocolError>> for Socket {
    fn handle(&mut self, message: Result<ws::Message, ProtocolError>, ctx: &mut Self::Context) {
        match message {
            Ok(ws::Message::Text(text)) => self.text(text.as_bytes(), ctx),
            Ok(ws::Message::Continuation(item)) => self.continuation(item, ctx),
            Ok(ws::Message::Binary(_)) => self.hung(Hung::BadFrame),
            Ok(ws::Message::Ping(payload)) => {
                ctx.pong(&payload);
                self.hung(Hung::Alive);
            }
            Ok(ws::Message::Pong(_)) => self.hung(Hung::Alive),
            Ok(ws::Message::Nop) => {}
            Ok(ws::Message::Close(reason)) => {
                self.hung(Hung::Up);
                let code = reason.map_or(CloseCode::Normal, |reason| reason.code);
                self.close(code, "", ctx);
            }
            Err(ProtocolError::Overflow) => {
                self.close(CloseCode::Size, "a message may hold 64 KiB", ctx);
            }
            Err(error) => self.close(CloseCode::Protocol, &error.to_string(), ctx),
        }
    }

    /// The peer hung up. The session's queue decides when this ends.
    fn finished(&mut self, ctx: &mut Self::Context) {
        self.hung(Hung::Up);
        ctx.stop();
    }
}
