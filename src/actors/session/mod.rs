//! One connected client: who it is, where it is, what it follows.
//!
//! **Owns** the verified identity, the page, a cursor an open thread, and the queue to the socket.
//! **Takes** [`Incoming`] and [`Hung`] from the socket, [`Wake`], [`Push`], [`Recheck`],
//! [`CloseWith`], [`Observe`]. **Sends** work to the tutor, questions to the rate limiter, its row
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
        bucket::{Bucket, Rate},
        clock::{Millis, SECOND},
        close::Close,
        code::Code,
        ids::{ConnectionId, CourseId, StayId, ThreadId, prefixed},
        live::{
            feed::{RowUser, SessionRow},
            frame::{Error, Frame},
            limits,
            parse::{self, Line},
            request::{Page, Request},
        },
    },
};

mod asking;
mod cursor;
mod hello;
mod outbox;
mod snapshot;
mod threads;

pub(crate) use outbox::{FRAMES, Gauge, Outgoing};

use cursor::Cursor;
use outbox::Outbox;

const MAILBOX: usize = 256;
const TICK: Duration = Duration::from_secs(1);
/// The registry and the relay hear from every session at this interval, for the case that they
/// were restarted.
const REPORT_EVERY: i64 = 10 * SECOND;
/// Requests that may wait for the one being answered.
const INBOX: usize = 64;
/// A refused request is answered; so many in a row close the socket.
const REFUSALS: u32 = 40;

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

/// What an asynchronous part of the work does to the session when it is done.
type Step = Box<dyn FnOnce(&mut Session, &mut Context<Session>)>;

pub(crate) struct Session {
    hub: Arc<Hub>,
    connection: ConnectionId,
    address: Option<IpAddr>,
    transport: &'static str,
    proof: Option<Proof>,
    /// Known from the hello on.
    member: Option<Member>,
    outbox: Outbox,
    cursors: HashMap<ThreadId, Cursor>,
    inbox: VecDeque<(u32, Request)>,
    working: bool,
    inbound: Bucket,
    refusals: u32,
    opened_at: Millis,
    /// When the client last gave a sign of life, and we last said something.
    heard_at: Millis,
    said_at: Millis,
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
        transport: &'static str,
        proof: Proof,
        outbox: (tokio::sync::mpsc::Sender<Outgoing>, Arc<Gauge>),
    ) -> Self {
        let now = hub.clock.now();
        let connection = ConnectionId::new(prefixed(&*hub.ids, hub.node.as_str(), now));
        let inbound = Bucket::full(inbound_rate(&hub), now);
        Self {
            hub,
            connection,
            address,
            transport,
            proof: Some(proof),
            member: None,
            outbox: Outbox::new(outbox.0, outbox.1),
            cursors: HashMap::new(),
            inbox: VecDeque::new(),
            working: false,
            inbound,
            refusals: 0,
            opened_at: now,
            heard_at: now,
            said_at: now,
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
        if self.outbox.push(text).is_err() {
            self.close(Close::SlowConsumer, ctx);
        }
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

    fn receive(&mut self, text: &str, ctx: &mut Context<Self>) {
        if self.member.is_none() && !self.working && text.len() > limits::HELLO {
            return self.close(Close::BadFrame, ctx);
        }
        for line in text.split('\n').filter(|line| !line.trim().is_empty()) {
            if self.outbox.is_closed() {
                return;
            }
            match parse::parse(line) {
                Ok(Line::Sign(_)) if self.member.is_some() => {}
                Ok(Line::Ask(id, request)) => self.take(id, request, ctx),
                Ok(Line::Refused(refusal)) if self.member.is_some() => {
                    if self.admit(refusal.id, ctx) {
                        let error = Error::new(refusal.id, refusal.code, refusal.message);
                        self.refuse(error, ctx);
                    }
                }
                // Before the hello nothing else counts.
                Ok(Line::Sign(_) | Line::Refused(_)) | Err(parse::BadFrame) => {
                    return self.close(Close::BadFrame, ctx);
                }
            }
        }
    }

    fn take(&mut self, id: u32, request: Request, ctx: &mut Context<Self>) {
        let hello = matches!(request, Request::Hello(_));
        let greeted = self.proof.is_none();
        if hello == greeted {
            // The first frame is hello, and only the first.
            return self.close(Close::BadFrame, ctx);
        }
        if let Request::Hello(hello) = request {
            return self.greet(id, hello, ctx);
        }
        if !self.admit(Some(id), ctx) {
            return;
        }
        if self.inbox.len() >= INBOX {
            let message = "Too many requests wait for an answer. Send the next one later.";
            return self.refuse(Error::new(Some(id), Code::RateLimited, message), ctx);
        }
        self.inbox.push_back((id, request));
        self.work(ctx);
    }

    /// Holds the client to its rate: first an error, then the close.
    fn admit(&mut self, id: Option<u32>, ctx: &mut Context<Self>) -> bool {
        let (rate, now) = (inbound_rate(&self.hub), self.now());
        match self.inbound.take(rate, now) {
            Ok(()) => true,
            Err(wait) => {
                self.refusals += 1;
                if self.refusals > REFUSALS {
                    self.close(Close::RateLimited, ctx);
                } else {
                    let message = "Too many messages at once. Wait a moment.";
                    let error = Error::new(id, Code::RateLimited, message);
                    self.refuse(Error { retry_after_ms: Some(wait), ..error }, ctx);
                }
                false
            }
        }
    }

    /// Answers the waiting requests one after the other.
    fn work(&mut self, ctx: &mut Context<Self>) {
        if self.working {
            return;
        }
        let Some((id, request)) = self.inbox.pop_front() else { return };
        let Some(step) = self.begin(id, request, ctx) else { return self.work(ctx) };
        self.working = true;
        ctx.spawn(step.into_actor(self).map(|step, this, ctx| {
            this.working = false;
            step(this, ctx);
            this.work(ctx);
        }));
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        let now = self.now();
        let live = &self.hub.live;
        let after = |since: Millis, limit: Duration| {
            now.since(since) >= i64::try_from(limit.as_millis()).unwrap_or(i64::MAX)
        };
        if self.member.is_none() && after(self.opened_at, live.hello()) {
            return self.close(Close::AuthTimeout, ctx);
        }
        if after(self.heard_at, live.silence()) {
            return self.close(Close::NoHeartbeat, ctx);
        }
        if self.outbox.is_stalled(now, live.stall()) {
            return self.close(Close::SlowConsumer, ctx);
        }
        if after(self.heard_at, live.heartbeat()) && after(self.said_at, live.heartbeat() / 3) {
            self.send(&Frame::Heartbeat, ctx);
            self.outbox.ping();
        }
        self.watch_expiry(now, ctx);
        self.report(now, ctx);
        let behind = self.cursors.iter().filter(|(_, cursor)| cursor.is_behind());
        let behind: Vec<ThreadId> = behind.map(|(thread, _)| thread.clone()).collect();
        for thread in behind {
            self.pump(&thread, ctx);
        }
    }

    /// Tells the registry how this session stands, when that has changed or time is up.
    fn report(&mut self, now: Millis, ctx: &mut Context<Self>) {
        let Some(row) = self.row() else { return };
        let due = now.since(self.reported_at) >= REPORT_EVERY;
        if !due && self.reported.as_ref() == Some(&row) {
            return;
        }
        let Some(member) = &self.member else { return };
        let sign_in = member.identity.session.clone();
        let report = registry::Report { row: row.clone(), sign_in, address: ctx.address() };
        if self.hub.registry.try_send(report).is_ok() {
            (self.reported, self.reported_at) = (Some(row), now);
        }
        if due {
            for thread in self.cursors.keys() {
                self.follow(thread.clone(), ctx.address());
            }
        }
    }

    fn follow(&self, thread: ThreadId, session: Addr<Self>) {
        let follow = relay::Follow { thread, connection: self.connection.clone(), session };
        if self.hub.relay.try_send(follow).is_err() {
            tracing::warn!("the relay is full; a session follows again with its next report");
        }
    }

    fn row(&self) -> Option<SessionRow> {
        let member = self.member.as_ref()?;
        let user = &member.identity.user;
        let mut threads: Vec<ThreadId> = self.cursors.keys().cloned().collect();
        threads.sort();
        Some(SessionRow {
            session: member.stay.clone(),
            connection: self.connection.clone(),
            node: self.hub.node.clone(),
            user: RowUser { id: user.id.clone(), name: user.name.clone(), role: user.role },
            page: member.page.clone(),
            since: self.opened_at.to_rfc3339(),
            threads,
            transport: self.transport,
            queued_bytes: self.outbox.queued(),
            lag: self.cursors.values().map(Cursor::lag).max().unwrap_or_default(),
        })
    }
}

fn inbound_rate(hub: &Hub) -> Rate {
    Rate {
        burst: f64::from(hub.limits.frame_burst),
        per_second: f64::from(hub.limits.frames_per_second),
    }
}

impl Actor for Session {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.hub.metrics.sockets.inc();
        if let Some(Proof::Refused(close)) = self.proof {
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
        self.heard_at = self.now();
        self.receive(&text, ctx);
    }
}

/// Something else came over the socket: a Pong, or its end.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(crate) enum Hung {
    /// The client lives.
    Alive,
    /// It sent what the protocol has no place for, such as a binary message.
    BadFrame,
    /// It is gone.
    Up,
}

impl Handler<Hung> for Session {
    type Result = ();

    fn handle(&mut self, hung: Hung, ctx: &mut Self::Context) {
        match hung {
            Hung::Alive => self.heard_at = self.now(),
            Hung::BadFrame => self.close(Close::BadFrame, ctx),
            Hung::Up => self.close(Close::Normal, ctx),
        }
    }
}

/// A thread's log has grown.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Wake(pub ThreadId);

impl Handler<Wake> for Session {
    type Result = ();

    fn handle(&mut self, Wake(thread): Wake, ctx: &mut Self::Context) {
        self.pump_soon(&thread, ctx);
    }
}

/// An ephemeral frame for the client.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Push(pub Frame);

impl Handler<Push> for Session {
    type Result = ();

    fn handle(&mut self, Push(frame): Push, ctx: &mut Self::Context) {
        self.send(&frame, ctx);
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
