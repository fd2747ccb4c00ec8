//! Flow control (`live.md` §2.4): a client that takes little is read for less, and one that takes
//! nothing is cut off. The log is the buffer; no client slows a generator.

use std::{sync::Arc, time::Duration};

use actix::prelude::*;

use super::{Session, hello::follow, inbound::inbound_rate, snapshot};
use crate::{
    domain::{clock::Millis, close::Close, ids::ThreadId},
    store::StoreError,
};

/// So many times longer the pieces of an answer are gathered for a client that is behind.
const PATIENCE: u32 = 10;

impl Session {
    /// Hands a message to the socket.
    pub(super) fn enqueue(&mut self, text: String, ctx: &mut Context<Self>) {
        let flow = &self.hub.metrics.flow;
        flow.frames_out.inc();
        flow.bytes_out.inc_by(u64::try_from(text.len()).unwrap_or_default());
        match self.outbox.push(text) {
            Ok(false) => {}
            Ok(true) => self.pause(ctx),
            Err(_) => self.cut(ctx),
        }
    }

    pub(super) fn count_in(&self, text: &str) {
        let flow = &self.hub.metrics.flow;
        flow.frames_in.inc();
        flow.bytes_in.inc_by(u64::try_from(text.len()).unwrap_or_default());
    }

    /// The client does not read: nothing that is queued will reach it in time.
    pub(super) fn cut(&mut self, ctx: &mut Context<Self>) {
        if !self.outbox.is_closed() {
            self.hub.metrics.flow.slow_readers.inc();
        }
        self.close(Close::SlowConsumer, ctx);
    }

    /// Stops reading for this client, its threads and its socket, until it has caught up.
    fn pause(&mut self, ctx: &mut Context<Self>) {
        self.hub.metrics.flow.held.inc();
        let since = self.now();
        let room = self.outbox.room().into_actor(self);
        ctx.spawn(room.map(move |(), this, ctx| this.go_on(since, ctx)));
    }

    /// What we held back does not count against the client: neither its silence nor its rate.
    fn go_on(&mut self, since: Millis, ctx: &mut Context<Self>) {
        let now = self.now();
        self.hear(now);
        self.outbox.release();
        self.inbound.excuse(inbound_rate(&self.hub), since, now);
        self.work(ctx);
        self.pump_behind(ctx);
    }

    /// How long pieces of an answer are gathered before they are sent.
    pub(super) fn window(&self) -> Duration {
        let window = self.hub.live.coalesce();
        if self.outbox.is_behind() { window * PATIENCE } else { window }
    }

    /// Reads on in the threads that have news which could not be read when it came.
    pub(super) fn pump_behind(&mut self, ctx: &mut Context<Self>) {
        let behind = self.cursors.iter().filter(|(_, cursor)| cursor.is_behind());
        let behind: Vec<ThreadId> = behind.map(|(thread, _)| thread.clone()).collect();
        for thread in behind {
            self.pump(&thread, ctx);
        }
    }

    /// Brings the next of the threads up to date that the hello names, one at a time, since each
    /// may need a snapshot. False: none is left.
    pub(super) fn catch_up(&mut self, ctx: &mut Context<Self>) -> bool {
        let Some(member) = &self.member else { return false };
        let Some(have) = self.resumes.pop_front() else { return false };
        let (hub, user) = (Arc::clone(&self.hub), &member.identity.user);
        let (id, verified) = (user.id.clone(), user.email_verified);
        let (connection, address) = (self.connection.clone(), ctx.address());
        self.working = true;
        let load = async move {
            // Subscribed first, read afterwards: nothing falls between.
            follow(&hub, &connection, &have.thread, &address).await;
            let loaded = if verified {
                snapshot::load(&hub, &id, &have.thread).await
            } else {
                Err(StoreError::NotFound)
            };
            (have, loaded)
        };
        ctx.spawn(load.into_actor(self).map(|(have, loaded), this, ctx| {
            this.working = false;
            this.resume(have, loaded, ctx);
            if this.resumes.is_empty() {
                let now = this.now();
                this.report(now, ctx);
            }
            this.work(ctx);
        }));
        true
    }
}
