//! From the socket to the work: reading what the client sent, holding it to its rate, and answering
//! one request after the other.

use std::collections::BTreeMap;

use actix::prelude::*;

use super::{Hub, Session};
use crate::{
    bus::Wake,
    domain::{
        bucket::Rate,
        clock::SECOND,
        close::Close,
        code::Code,
        ids::ThreadId,
        live::{
            frame::Error,
            limits,
            parse::{BadFrame, Line, parse},
            request::{Request, Seqs, Sign, Typing},
        },
    },
};

/// Requests that may wait for the one being answered.
const INBOX: usize = 64;
/// A refused request is answered; so many in a row close the socket.
const REFUSALS: u32 = 40;
const TYPING_EVERY: i64 = 2 * SECOND;

impl Session {
    pub(super) fn receive(&mut self, text: &str, ctx: &mut Context<Self>) {
        if self.proof.is_some() && text.len() > limits::HELLO {
            return self.close(Close::BadFrame, ctx);
        }
        for line in text.split('\n').filter(|line| !line.trim().is_empty()) {
            if self.outbox.is_closed() {
                return;
            }
            let greeted = self.proof.is_none();
            match parse(line) {
                Ok(Line::Ask(id, request)) => self.take(id, request, ctx),
                Ok(Line::Sign(sign)) if greeted => {
                    if self.admit(None, ctx) {
                        self.heed(sign, ctx);
                    }
                }
                Ok(Line::Refused(refusal)) if greeted => {
                    if self.admit(refusal.id, ctx) {
                        let error = Error::new(refusal.id, refusal.code, refusal.message);
                        self.refuse(error, ctx);
                    }
                }
                // Before the hello nothing else counts.
                Ok(Line::Sign(_) | Line::Refused(_)) | Err(BadFrame) => {
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
        self.outbox.set_busy(self.inbox.len() >= INBOX / 2);
    }

    /// What wants no answer: how far the client has come, that it lives, that somebody types.
    fn heed(&mut self, sign: Sign, ctx: &mut Context<Self>) {
        match sign {
            Sign::Ack(Seqs { seqs }) => self.acknowledge(&seqs),
            Sign::Heartbeat(Seqs { seqs }) => {
                self.acknowledge(&seqs);
                self.answer_heartbeat(ctx);
            }
            Sign::Typing(typing) => self.type_along(typing),
        }
    }

    fn acknowledge(&mut self, seqs: &BTreeMap<ThreadId, i64>) {
        for (thread, seq) in seqs {
            if let Some(cursor) = self.cursors.get_mut(thread) {
                cursor.acknowledge(*seq);
            }
        }
    }

    /// Tells the other sockets that have the thread open. Ephemeral: what comes too often is
    /// dropped.
    fn type_along(&mut self, Typing { thread, on }: Typing) {
        let now = self.now();
        let lately = self.typed_at.is_some_and(|at| now.since(at) < TYPING_EVERY);
        let Some(member) = self.member.as_ref().filter(|_| !lately) else { return };
        if !self.cursors.contains_key(&thread) {
            return;
        }
        self.hub.bus.wake(Wake::Typing {
            thread,
            user: member.identity.user.id.clone(),
            name: member.identity.user.name.clone(),
            on,
            by: self.connection.clone(),
        });
        self.typed_at = Some(now);
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

    /// Answers the waiting requests one after the other, as the client takes the answers.
    pub(super) fn work(&mut self, ctx: &mut Context<Self>) {
        if self.working || self.outbox.is_held() || self.catch_up(ctx) {
            return;
        }
        let Some((id, request)) = self.inbox.pop_front() else { return };
        self.outbox.set_busy(self.inbox.len() >= INBOX / 2);
        let Some(step) = self.begin(id, request, ctx) else { return self.work(ctx) };
        self.working = true;
        ctx.spawn(step.into_actor(self).map(|step, this, ctx| {
            this.working = false;
            step(this, ctx);
            this.work(ctx);
        }));
    }
}

pub(super) fn inbound_rate(hub: &Hub) -> Rate {
    Rate {
        burst: f64::from(hub.limits.frame_burst),
        per_second: f64::from(hub.limits.frames_per_second),
    }
}
