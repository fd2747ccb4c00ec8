//! `send`: a message is checked, committed, and only then acknowledged (`live.md` §2.2).

use std::sync::Arc;

use actix::prelude::*;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    Hub, Session, Step,
    cursor::Cursor,
    hello::{limit_of, may_see},
    threads::{VERIFY, store_error},
};
use crate::{
    actors::{limiter, tutor},
    auth::Identity,
    bus::Wake,
    domain::{
        code::Code,
        event::hex,
        ids::{Epoch, ItemId, ThreadId, TurnId, prefixed},
        live::{
            frame::Error,
            request::{Page, Resume, Send},
        },
        title,
    },
    store::{
        StoreError,
        accept::{Accepted, NewMessage, Receipt, Target},
        quota::Used,
    },
};

impl Session {
    /// The message is committed: say so, then let the events follow.
    fn accepted(
        &mut self,
        id: u32,
        receipt: Receipt,
        body: serde_json::Value,
        ctx: &mut Context<Self>,
    ) {
        let Receipt { thread, epoch, turn, seq, duplicate, .. } = receipt;
        self.ok(id, body, ctx);
        // Where the limit is reached, the answer is written all the same; `open` is refused.
        let opens = !self.cursors.contains_key(&thread) && !self.is_full();
        if opens && duplicate {
            self.reopen(thread, ctx);
        } else if opens {
            self.cursors.insert(thread.clone(), Cursor::at(epoch, seq - 1));
            self.follow(thread, ctx.address());
        }
        if !duplicate && self.hub.tutor.try_send(tutor::Work(turn)).is_err() {
            tracing::info!("the tutor's mailbox is full; the next scan finds the turn");
        }
    }

    /// The `ok` to a message that began a thread was lost: the client has nothing of it yet. The next
    /// request waits, since it may be to open that thread: of two looks the older would take back what
    /// came with the newer.
    fn reopen(&mut self, thread: ThreadId, ctx: &mut Context<Self>) {
        let Some(member) = &self.member else { return };
        let (hub, owner) = (Arc::clone(&self.hub), member.identity.user.id.clone());
        let id = thread.clone();
        let load = async move { super::snapshot::load(&hub, &owner, &id).await };
        self.working = true;
        ctx.spawn(load.into_actor(self).map(move |loaded, this, ctx| {
            this.working = false;
            this.resume(Resume { thread, epoch: None, seq: None }, loaded, ctx);
            this.work(ctx);
        }));
    }

    /// Lets the news of these threads through again.
    pub(super) fn release(&mut self, threads: &[ThreadId], ctx: &mut Context<Self>) {
        for thread in threads {
            if let Some(cursor) = self.cursors.get_mut(thread) {
                cursor.held = false;
            }
            self.pump(thread, ctx);
        }
    }
}

pub(super) async fn ask(asked: Asked, send: Send, page: Option<Page>) -> Step {
    let outcome = accept(&asked, send, page).await;
    asked.tell(outcome)
}

/// A request that starts a turn, on its way.
pub(super) struct Asked {
    pub hub: Arc<Hub>,
    pub id: u32,
    pub who: Identity,
    /// Threads whose news waits until this is answered: `ok` comes before the first event.
    pub held: Vec<ThreadId>,
}

impl Asked {
    /// The answer: what was accepted, or why not.
    pub(super) fn tell(self, outcome: Result<(Receipt, Used), Box<Error>>) -> Step {
        let Self { id, who, held, .. } = self;
        Box::new(move |this, ctx| {
            match outcome {
                Ok((receipt, used)) => {
                    let body = json!({
                        "thread": receipt.thread, "epoch": receipt.epoch, "item": receipt.item,
                        "turn": receipt.turn, "seq": receipt.seq, "duplicate": receipt.duplicate,
                        "quota": used.quota(limit_of(&this.hub, &who)),
                    });
                    this.accepted(id, receipt, body, ctx);
                }
                Err(error) => this.refuse(*error, ctx),
            }
            this.release(&held, ctx);
        })
    }

    /// Holds one user with many sockets to a rate.
    pub(super) async fn admit(&self) -> Result<(), Box<Error>> {
        let admit = limiter::Admit(self.who.user.id.clone());
        let Err(wait) = self.hub.limiter.send(admit).await.unwrap_or(Ok(())) else { return Ok(()) };
        let message = "You are sending too fast. Wait a moment.";
        let error = Error::new(Some(self.id), Code::RateLimited, message);
        Err(Box::new(Error { retry_after_ms: Some(wait), ..error }))
    }

    /// What the store said, in the words of the protocol.
    pub(super) fn read(
        &self,
        accepted: Result<Accepted, StoreError>,
    ) -> Result<(Receipt, Used), Box<Error>> {
        let Accepted { outcome, used } =
            accepted.map_err(|error| Box::new(store_error(self.id, &error)))?;
        match outcome {
            Ok(receipt) => Ok((receipt, used)),
            Err(code) => Err(Box::new(refusal(&self.hub, self.id, code, used, &self.who))),
        }
    }
}

async fn accept(
    asked: &Asked,
    send: Send,
    page: Option<Page>,
) -> Result<(Receipt, Used), Box<Error>> {
    let Asked { hub, id, who, .. } = asked;
    asked.admit().await?;
    let gate = gate(hub, page.as_ref(), who).await;
    let new = new_message(hub, send, page.as_ref(), who, gate)
        .map_err(|error| Box::new(store_error(*id, &StoreError::from(error))))?;
    let (now, title, owner) = (new.now, new.title.clone(), new.owner.clone());
    let begins = matches!(new.target, Target::New { .. });
    let (receipt, used) = asked.read(hub.store.accept(new).await)?;
    if begins && !receipt.duplicate {
        let (thread, updated) = (receipt.thread.clone(), now.to_rfc3339());
        hub.bus.wake(Wake::Titled { owner, thread, title, updated });
    }
    Ok((receipt, used))
}

/// Why this person may not ask from this page, if so.
pub(super) async fn gate(hub: &Hub, page: Option<&Page>, who: &Identity) -> Option<Code> {
    if !who.user.email_verified {
        return Some(Code::EmailUnverified);
    }
    match page {
        Some(page) if !may_see(hub, who, page).await => Some(Code::StageLocked),
        _ => None,
    }
}

fn new_message(
    hub: &Hub,
    send: Send,
    page: Option<&Page>,
    who: &Identity,
    gate: Option<Code>,
) -> Result<NewMessage, serde_json::Error> {
    let now = hub.clock.now();
    let Send { thread, message_id, text, quote, .. } = send;
    let target = match thread {
        Some(id) => Target::Existing(id),
        None => Target::New {
            id: ThreadId::new(prefixed(&*hub.ids, "thr", now)),
            epoch: Epoch::new(hub.ids.token(8)),
        },
    };
    let fingerprint = fingerprint(&text, quote.as_deref())?;
    Ok(NewMessage {
        owner: who.user.id.clone(),
        target,
        message_id,
        fingerprint,
        item: ItemId::new(prefixed(&*hub.ids, "msg", now)),
        turn: TurnId::new(prefixed(&*hub.ids, "trn", now)),
        title: title::from_question(&text),
        course: page.map(|page| page.course.clone()),
        lesson: page.and_then(|page| page.lesson.clone()),
        page: page.map(serde_json::to_string).transpose()?,
        text,
        quote,
        gate,
        limit: limit_of(hub, who),
        now,
    })
}

fn refusal(hub: &Hub, id: u32, code: Code, used: Used, who: &Identity) -> Error {
    let quota = used.quota(limit_of(hub, who));
    let message = match code {
        Code::NotFound => "This conversation does not exist.".to_owned(),
        Code::Conflict => "This message id was used for another message.".to_owned(),
        Code::EmailUnverified => VERIFY.to_owned(),
        Code::StageLocked => "This lesson is not open to you yet.".to_owned(),
        Code::BusyTurn => {
            "An answer is still being written here. Stop it or wait for it.".to_owned()
        }
        Code::TurnEnded => {
            "The conversation has moved on: only its newest answer can be asked for again.".to_owned()
        }
        Code::Forbidden => {
            "That is as far as hints go. Say what you think first; a try of your own opens the next \
             step."
                .to_owned()
        }
        Code::QuotaExceeded => format!(
            "You have used your {} messages of the last 24 hours. The next one is free at {}.",
            quota.limit.unwrap_or_default(),
            quota.resets_at.as_deref().unwrap_or("a later time")
        ),
        _ => "The message was refused.".to_owned(),
    };
    let error = Error::new(Some(id), code, message);
    if code != Code::QuotaExceeded {
        return error;
    }
    let free = used.oldest.map(|oldest| oldest.plus(crate::domain::quota::WINDOW));
    let retry_after_ms = free.map(|free| free.since(hub.clock.now()).max(0));
    Error { retry_after_ms, quota: Some(quota), ..error }
}

/// Tells a repeated message from another under the same id.
pub(super) fn fingerprint(text: &str, quote: Option<&str>) -> Result<String, serde_json::Error> {
    Ok(hex(&Sha256::digest(&serde_json::to_vec(&(text, quote))?)))
}
