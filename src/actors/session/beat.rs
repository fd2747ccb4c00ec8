//! What happens by the clock: time-outs, heartbeats, and the report of how the session stands.

use std::{sync::Arc, time::Duration};

use actix::prelude::*;

use super::{Session, Transport, cursor::Cursor};
use crate::{
    actors::{registry, relay},
    domain::{
        clock::{Millis, SECOND},
        close::Close,
        ids::ThreadId,
        live::{
            feed::{RowUser, SessionRow},
            frame::Frame,
        },
    },
};

/// The registry and the relay hear from every session at this interval, for the case that they
/// were restarted.
const REPORT_EVERY: i64 = 10 * SECOND;
/// A heartbeat that comes so soon after ours is the answer to it.
const ANSWERS: i64 = 5 * SECOND;

impl Session {
    pub(super) fn tick(&mut self, ctx: &mut Context<Self>) {
        let now = self.now();
        let hub = Arc::clone(&self.hub);
        let live = &hub.live;
        let after = |since: Millis, limit: Duration| {
            now.since(since) >= i64::try_from(limit.as_millis()).unwrap_or(i64::MAX)
        };
        if self.member.is_none() && after(self.opened_at, live.hello()) {
            return self.close(Close::AuthTimeout, ctx);
        }
        if self.outbox.is_deaf() {
            // Nobody listens to this client: its silence is ours.
            self.hear(now);
        }
        if self.transport == Transport::WebSocket && after(self.heard_at, live.silence()) {
            return self.close(Close::NoHeartbeat, ctx);
        }
        if self.outbox.is_stalled(now, live.stall()) {
            return self.cut(ctx);
        }
        let (quiet, asked) = match self.transport {
            Transport::WebSocket => (self.heard_at, self.asked),
            // Nothing can be heard of it: it is the client that must hear something.
            Transport::Sse => (self.said_at, false),
        };
        if !asked && after(quiet, live.heartbeat().mul_f64(self.rhythm)) {
            self.beat(ctx);
            self.outbox.ping();
            self.asked = true;
        }
        self.watch_expiry(now, ctx);
        self.report(now, ctx);
        self.pump_behind(ctx);
        self.doubt(ctx);
    }

    /// The client has given a sign of life.
    pub(super) const fn hear(&mut self, now: Millis) {
        self.heard_at = now;
        self.asked = false;
    }

    /// A sign of life, which the client answers with one.
    fn beat(&mut self, ctx: &mut Context<Self>) {
        self.send(&Frame::Heartbeat, ctx);
        self.beat_at = Some(self.now());
    }

    /// Each side answers the other's heartbeat, but not the answer to its own.
    pub(super) fn answer_heartbeat(&mut self, ctx: &mut Context<Self>) {
        let now = self.now();
        if self.beat_at.is_none_or(|at| now.since(at) >= ANSWERS) {
            self.beat(ctx);
        }
    }

    /// Tells the registry how this session stands, when that has changed or time is up.
    pub(super) fn report(&mut self, now: Millis, ctx: &mut Context<Self>) {
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

    pub(super) fn follow(&self, thread: ThreadId, session: Addr<Self>) {
        let follow = relay::Follow { thread, connection: self.connection.clone(), session };
        if self.hub.relay.try_send(follow).is_err() {
            tracing::warn!("the relay is full; a session follows again with its next report");
        }
    }

    pub(super) fn row(&self) -> Option<SessionRow> {
        let member = self.member.as_ref()?;
        let user = &member.identity.user;
        let mut threads: Vec<ThreadId> = self.cursors.keys().cloned().collect();
        threads.sort();
        Some(SessionRow {
            session: member.stay.clone(),
            connection: self.connection.clone(),
            node: self.hub.node.clone(),
            user: RowUser { id: user.id.clone(), name: user.name.clone(), role: user.role },
            impersonated_by: member.identity.impersonated_by.clone(),
            page: member.page.clone(),
            since: self.opened_at.to_rfc3339(),
            threads,
            transport: self.transport.as_str().into(),
            queued_bytes: self.outbox.queued(),
            lag: self.cursors.values().map(Cursor::lag).max().unwrap_or_default(),
        })
    }
}
