//! One connected client: who it is, where it is, what it follows.
//!
//! **Owns** the verified identity, the page, a cursor an open thread, and the queue to the socket.
//! **Takes** [`Incoming`] and [`Hung`] from the socket, [`Wake`], [`Push`], [`Changed`],
//! [`Recheck`], [`Kicked`], [`CloseWith`], [`Observe`]. **Sends** work to the tutor, questions to the rate limiter, its row
//! to the registry. **On restart**: a session is not restarted; its socket closes, the client comes
//! back and resumes.
//!
//! It is a plain actor: the socket is a thin transport at the other end of two bounded queues, so
//! that a reader that stalls stops neither timers nor mailbox (`stack.md`, WebSocket).

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use actix::prelude::*;
use serde::Serialize;

use super::{Hub, Observe, limiter, presence, registry, relay};
use crate::{
    auth::Identity,
    domain::{
        bucket::Bucket,
        clock::Millis,
        close::Close,
        ids::{ConnectionId, CourseId, StayId, ThreadId, prefixed},
        live::{
            feed::SessionRow,
            frame::{Error, Frame},
            request::{Page, Request, Resume},
        },
    },
};

mod acting;
mod again;
mod asking;
mod beat;
mod cursor;
mod flow;
mod hello;
mod inbound;
mod outbox;
mod requests;
mod snapshot;
mod stopping;
mod threads;
mod watching;

pub(crate) use acting::Kicked;
pub(crate) use outbox::{Gauge, Outbox, Outgoing, Outlet, queue};
pub(crate) use watching::Changed;

use cursor::Cursor;

const MAILBOX: usize = 256;
#[cfg(not(test))]
const TICK: Duration = Duration::from_secs(1);
/// Tests own the clock: they say when to [`Look`].
#[cfg(test)]
const TICK: Duration = Duration::from_hours(1);

/// What a client may have proved when the socket opened.
#[derive(Debug)]
pub(crate) enum Proof {
    /// A ticket or a Bearer header.
    Known(Box<Identity>),
    /// The hello must carry a token.
    None,
    /// Nothing will do: closes at once.
    Refused(Close),
}

/// How frames reach the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    WebSocket,
    /// Server-sent events: one thread, one way.
    Sse,
}

impl Transport {
    const fn as_str(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
        }
    }
}

/// What an asynchronous part of the work does to the session when it is done.
type Step = Box<dyn FnOnce(&mut Session, &mut Context<Session>)>;

pub(crate) struct Session {
    hub: Arc<Hub>,
    connection: ConnectionId,
    address: Option<IpAddr>,
    transport: Transport,
    proof: Option<Proof>,
    /// Known from the hello on.
    member: Option<Member>,
    outbox: Outbox,
    cursors: HashMap<ThreadId, Cursor>,
    inbox: VecDeque<(u32, Request)>,
    /// Threads that the hello named and that are not brought up to date yet.
    resumes: VecDeque<Resume>,
    working: bool,
    inbound: Bucket,
    refusals: u32,
    opened_at: Millis,
    /// When the client last gave a sign of life, and we last said something.
    heard_at: Millis,
    said_at: Millis,
    /// Our latest heartbeat.
    beat_at: Option<Millis>,
    /// We have sent a heartbeat into the client's silence, and it lasts.
    asked: bool,
    /// Factor of the heartbeat's interval: sessions that came at once do not beat at once.
    rhythm: f64,
    typed_at: Option<Millis>,
    reported_at: Millis,
    reported: Option<SessionRow>,
}

/// Who the session belongs to.
struct Member {
    identity: Identity,
    stay: StayId,
    page: Option<Page>,
    stages: BTreeMap<CourseId, u8>,
    /// The client was asked for a new token.
    asked_for_token: bool,
}

impl Session {
    pub(crate) fn new(
        hub: Arc<Hub>,
        address: Option<IpAddr>,
        transport: Transport,
        proof: Proof,
        outbox: Outbox,
    ) -> Self {
        let now = hub.clock.now();
        let connection = ConnectionId::new(prefixed(&*hub.ids, hub.node.as_str(), now));
        let inbound = Bucket::full(inbound::inbound_rate(&hub), now);
        let mut chance = [0];
        hub.ids.fill(&mut chance);
        let [chance] = chance;
        let rhythm = 0.9 + 0.2 * f64::from(chance) / 255.0;
        Self {
            hub,
            connection,
            address,
            transport,
            proof: Some(proof),
            member: None,
            outbox,
            cursors: HashMap::new(),
            inbox: VecDeque::new(),
            resumes: VecDeque::new(),
            working: false,
            inbound,
            refusals: 0,
            opened_at: now,
            heard_at: now,
            said_at: now,
            beat_at: None,
            asked: false,
            rhythm,
            typed_at: None,
            reported_at: now,
            reported: None,
        }
    }

    fn now(&self) -> Millis {
        self.hub.clock.now()
    }

    fn send(&mut self, frame: &Frame, ctx: &mut Context<Self>) {
        self.said_at = self.now();
        match serde_json::to_string(frame) {
            Ok(text) => self.send_text(text, ctx),
            Err(error) => {
                tracing::error!(%error, "a frame cannot be written");
                self.close(Close::Internal, ctx);
            }
        }
    }

    fn send_text(&mut self, text: String, ctx: &mut Context<Self>) {
        self.said_at = self.now();
        self.enqueue(text, ctx);
    }

    fn ok(&mut self, id: u32, body: serde_json::Value, ctx: &mut Context<Self>) {
        let body = match body {
            serde_json::Value::Object(body) => body,
            _ => serde_json::Map::new(),
        };
        self.refusals = 0;
        self.send(&Frame::Ok { id, body }, ctx);
    }

    fn refuse(&mut self, error: Error, ctx: &mut Context<Self>) {
        let code = serde_json::to_value(error.code).unwrap_or_default();
        self.hub.metrics.refused(code.as_str().unwrap_or_default());
        self.send(&Frame::Error(error), ctx);
    }

    fn close(&mut self, close: Close, ctx: &mut Context<Self>) {
        self.outbox.close(close);
        ctx.stop();
    }
}

impl Actor for Session {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.hub.metrics.sockets.inc();
        let refused = match self.proof {
            Some(Proof::Refused(close)) => Some(close),
            _ => self.hub.is_draining().then_some(Close::GoingAway),
        };
        if let Some(close) = refused {
            // It was not counted among the silent.
            self.address = None;
            return self.close(close, ctx);
        }
        if let Some(address) = self.address {
            let entered = self.hub.limiter.send(limiter::Enter(address)).into_actor(self);
            ctx.spawn(entered.map(|entered, this, ctx| {
                if !entered.unwrap_or(false) {
                    this.address = None;
                    this.close(Close::ConnectionLimit, ctx);
                }
            }));
        }
        ctx.run_interval(TICK, Self::tick);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.outbox.close(Close::Internal);
        self.hub.metrics.sockets.dec();
        self.hub.metrics.socket_closed(self.outbox.closed_with().code());
        self.leave_the_silent();
        let (threads, connection) =
            (self.cursors.drain().map(|(thread, _)| thread).collect(), self.connection.clone());
        // A full mailbox: the entry goes when its session's address proves closed.
        let _ = self.hub.relay.try_send(relay::Unfollow { threads, connection });
        let _ = self.hub.registry.try_send(registry::Gone(self.connection.clone()));
        if let Some(Member { stay, .. }) = self.member.take() {
            self.hub.metrics.session_ended(self.transport.as_str());
            let connection = self.connection.clone();
            let _ = self.hub.presence.try_send(presence::Depart { stay, connection });
        }
    }
}

impl Session {
    fn leave_the_silent(&mut self) {
        if let Some(address) = self.address.take() {
            let _ = self.hub.limiter.try_send(limiter::Leave(address));
        }
    }
}

/// A text message from the client, fragments joined.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Incoming(pub String);

impl Handler<Incoming> for Session {
    type Result = ();

    fn handle(&mut self, Incoming(text): Incoming, ctx: &mut Self::Context) {
        self.outbox.hear();
        self.hear(self.now());
        self.count_in(&text);
        self.receive(&text, ctx);
    }
}

/// Something else came over the socket: a Pong, or its end.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(crate) enum Hung {
    /// The client lives.
    Alive,
    /// It broke a rule: of this protocol, with a binary message, or of WebSocket.
    Broken(Close),
    /// It is gone, or said goodbye.
    Up,
}

impl Handler<Hung> for Session {
    type Result = ();

    fn handle(&mut self, hung: Hung, ctx: &mut Self::Context) {
        match hung {
            Hung::Alive => self.hear(self.now()),
            Hung::Broken(close) => self.close(close, ctx),
            Hung::Up => self.close(Close::Normal, ctx),
        }
    }
}

/// A thread's log has grown.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Wake {
    pub thread: ThreadId,
    /// Not to be gathered with what may follow.
    pub at_once: bool,
}

impl Handler<Wake> for Session {
    type Result = ();

    fn handle(&mut self, Wake { thread, at_once }: Wake, ctx: &mut Self::Context) {
        if at_once {
            self.pump(&thread, ctx);
        } else {
            self.pump_soon(&thread, ctx);
        }
    }
}

/// An ephemeral frame for the client.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Push(pub Frame);

impl Handler<Push> for Session {
    type Result = ();

    fn handle(&mut self, Push(frame): Push, ctx: &mut Self::Context) {
        // The welcome comes first, and says how things stand.
        if self.member.is_some() {
            self.send(&frame, ctx);
        }
    }
}

/// Something changed about this person or this sign-in: look again.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Recheck;

impl Handler<Recheck> for Session {
    type Result = ();

    fn handle(&mut self, Recheck: Recheck, ctx: &mut Self::Context) {
        self.recheck(ctx);
    }
}

#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct CloseWith(pub Close);

impl Handler<CloseWith> for Session {
    type Result = ();

    fn handle(&mut self, CloseWith(close): CloseWith, ctx: &mut Self::Context) {
        self.close(close, ctx);
    }
}

/// What the session would do at its next second: for tests that own the clock.
#[cfg(test)]
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Look;

#[cfg(test)]
impl Handler<Look> for Session {
    type Result = ();

    fn handle(&mut self, Look: Look, ctx: &mut Self::Context) {
        self.tick(ctx);
    }
}

#[derive(Debug, Serialize, MessageResponse)]
pub(crate) struct View {
    /// None before the hello.
    pub row: Option<SessionRow>,
}

impl Handler<Observe<View>> for Session {
    type Result = View;

    fn handle(&mut self, _: Observe<View>, _: &mut Self::Context) -> View {
        View { row: self.row() }
    }
}
