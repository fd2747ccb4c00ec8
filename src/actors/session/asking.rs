//! Requests, one by one: sending a message, stopping an answer, and the small ones.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use actix::prelude::*;
use serde_json::json;

use super::{
    Hub, Session, Step,
    cursor::Cursor,
    hello::{limit_of, may_see},
    threads::{VERIFY, store_error},
};
use crate::{
    actors::{limiter, registry, tutor},
    auth::Identity,
    bus::Wake,
    domain::{
        code::Code,
        event::hex,
        ids::{ConnectionId, Epoch, ItemId, ThreadId, TurnId, prefixed},
        live::{
            feed::Row,
            frame::{Error, Frame},
            request::{Context as NewPage, OfThread, Page, Request, Resume, Send, Watch},
        },
        title,
    },
    store::{
        StoreError,
        accept::{Accepted, NewMessage, Receipt, Target},
        ownership::CancelFound,
        quota::Used,
    },
};

/// How long a cancelled turn of another node may take to stop.
const CANCEL_POLL: Duration = Duration::from_millis(50);
const CANCEL_POLLS: u32 = 200;

type Working = Pin<Box<dyn Future<Output = Step>>>;

pub(super) fn refused(error: Error) -> Step {
    Box::new(move |this, ctx| this.refuse(error, ctx))
}

impl Session {
    /// Starts the answer to a request; None if it is answered already.
    pub(super) fn begin(
        &mut self,
        id: u32,
        request: Request,
        ctx: &mut Context<Self>,
    ) -> Option<Working> {
        let member = self.member.as_ref()?;
        let (hub, who) = (Arc::clone(&self.hub), member.identity.clone());
        Some(match request {
            // A second hello was refused before.
            Request::Hello(_) => return None,
            Request::Send(send) => {
                let page = send.page.clone().or_else(|| member.page.clone());
                if let Some(cursor) = send.thread.as_ref().and_then(|id| self.cursors.get_mut(id)) {
                    cursor.held = true;
                }
                Box::pin(ask(hub, id, send, page, who))
            }
            Request::Cancel(cancel) => Box::pin(stop(hub, id, cancel.turn, who)),
            Request::Open(OfThread { thread }) => {
                let reader = (hub, self.connection.clone(), ctx.address());
                Box::pin(Self::open(reader, id, thread, who))
            }
            Request::History(history) => Box::pin(Self::history(hub, id, history, who)),
            Request::Auth(auth) => Box::pin(Self::new_token(hub, id, auth, who)),
            Request::Context(NewPage { page }) => Box::pin(turn_to(hub, id, page, who)),
            Request::Watch(watch) => {
                let watcher = (hub, self.connection.clone(), ctx.address());
                Box::pin(observe(watcher, id, watch, who))
            }
            Request::Edit(_)
            | Request::Regenerate(_)
            | Request::Hint(_)
            | Request::Feedback(_)
            | Request::Act(_) => {
                let message = "not yet";
                self.refuse(Error::new(Some(id), Code::UnknownType, message), ctx);
                return None;
            }
            Request::Close(OfThread { thread }) => {
                self.cursors.remove(&thread);
                self.unfollow(&thread);
                self.ok(id, json!({}), ctx);
                return None;
            }
            Request::Unwatch(_) => {
                let unwatch = registry::Unwatch(self.connection.clone());
                // A diff that still comes is ignored by the client.
                let _ = self.hub.registry.try_send(unwatch);
                self.ok(id, json!({}), ctx);
                return None;
            }
        })
    }

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
        let is_open = self.cursors.contains_key(&thread);
        if !is_open && duplicate {
            self.reopen(thread, ctx);
        } else if !is_open {
            self.cursors.insert(thread.clone(), Cursor::at(epoch, seq - 1));
            self.follow(thread, ctx.address());
        }
        if !duplicate && self.hub.tutor.try_send(tutor::Work(turn)).is_err() {
            tracing::info!("the tutor's mailbox is full; the next scan finds the turn");
        }
    }

    /// The `ok` to a message that began a thread was lost: the client has nothing of it yet.
    fn reopen(&mut self, thread: ThreadId, ctx: &mut Context<Self>) {
        let Some(member) = &self.member else { return };
        let (hub, owner) = (Arc::clone(&self.hub), member.identity.user.id.clone());
        let id = thread.clone();
        let load = async move { super::snapshot::load(&hub, &owner, &id).await };
        ctx.spawn(load.into_actor(self).map(move |loaded, this, ctx| {
            this.resume(Resume { thread, epoch: None, seq: None }, loaded, ctx);
        }));
    }

    fn release(&mut self, thread: Option<&ThreadId>, ctx: &mut Context<Self>) {
        let Some(thread) = thread else { return };
        if let Some(cursor) = self.cursors.get_mut(thread) {
            cursor.held = false;
        }
        self.pump(thread, ctx);
    }
}

async fn ask(hub: Arc<Hub>, id: u32, send: Send, page: Option<Page>, who: Identity) -> Step {
    let named = send.thread.clone();
    let outcome = accept(&hub, id, send, page, &who).await;
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
        this.release(named.as_ref(), ctx);
    })
}

async fn accept(
    hub: &Hub,
    id: u32,
    send: Send,
    page: Option<Page>,
    who: &Identity,
) -> Result<(Receipt, Used), Box<Error>> {
    if let Err(wait) = hub.limiter.send(limiter::Admit(who.user.id.clone())).await.unwrap_or(Ok(()))
    {
        let message = "You are sending too fast. Wait a moment.";
        let error = Error::new(Some(id), Code::RateLimited, message);
        return Err(Box::new(Error { retry_after_ms: Some(wait), ..error }));
    }
    let gate = gate(hub, page.as_ref(), who).await;
    let new = new_message(hub, send, page.as_ref(), who, gate)
        .map_err(|error| Box::new(store_error(id, &StoreError::from(error))))?;
    let (now, title, owner) = (new.now, new.title.clone(), new.owner.clone());
    let begins = matches!(new.target, Target::New { .. });
    let accepted = hub.store.accept(new).await;
    let Accepted { outcome, used } = accepted.map_err(|error| Box::new(store_error(id, &error)))?;
    let receipt = outcome.map_err(|code| Box::new(refusal(hub, id, code, used, who)))?;
    if begins && !receipt.duplicate {
        let (thread, updated) = (receipt.thread.clone(), now.to_rfc3339());
        hub.bus.wake(Wake::Titled { owner, thread, title, updated });
    }
    Ok((receipt, used))
}

/// Why this person may not ask from this page, if so.
async fn gate(hub: &Hub, page: Option<&Page>, who: &Identity) -> Option<Code> {
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
    use sha2::{Digest, Sha256};
    let now = hub.clock.now();
    let Send { thread, message_id, text, quote, .. } = send;
    let target = match thread {
        Some(id) => Target::Existing(id),
        None => Target::New {
            id: ThreadId::new(prefixed(&*hub.ids, "thr", now)),
            epoch: Epoch::new(hub.ids.token(8)),
        },
    };
    let asked = serde_json::to_vec(&(&text, &quote))?;
    Ok(NewMessage {
        owner: who.user.id.clone(),
        target,
        message_id,
        fingerprint: hex(&Sha256::digest(&asked)),
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

async fn stop(hub: Arc<Hub>, id: u32, turn: TurnId, who: Identity) -> Step {
    let user = who.user.id;
    let outcome = async {
        if let CancelFound::Ended(status) = hub.store.request_cancel(&user, &turn).await? {
            return Ok((status, None));
        }
        let here = hub.tutor.send(tutor::Cancel(turn.clone())).await;
        let mut row = hub.store.turn_of(&user, &turn).await?;
        if !matches!(here, Ok(tutor::Stopped::Here)) {
            for _ in 0..CANCEL_POLLS {
                if !row.is_unfinished() {
                    break;
                }
                actix_rt::time::sleep(CANCEL_POLL).await;
                row = hub.store.turn_of(&user, &turn).await?;
            }
        }
        Ok::<_, StoreError>((row.status, Some(row.thread_id)))
    };
    let outcome = outcome.await;
    Box::new(move |this, ctx| match outcome {
        Ok((status, thread)) => {
            let body = json!({ "turn": turn, "status": status });
            // No delta may follow the ok: it goes behind what the log has.
            match thread.and_then(|id| this.cursors.get_mut(&id).map(|cursor| (id, cursor))) {
                Some((thread, cursor)) => {
                    let body = body.as_object().cloned().unwrap_or_default();
                    cursor.after.push(Frame::Ok { id, body });
                    this.pump(&thread, ctx);
                }
                None => this.ok(id, body, ctx),
            }
        }
        Err(error) => this.refuse(store_error(id, &error), ctx),
    })
}

async fn turn_to(hub: Arc<Hub>, id: u32, page: Page, who: Identity) -> Step {
    if !may_see(&hub, &who, &page).await {
        let message = "This page is not open to you.";
        return refused(Error::new(Some(id), Code::StageLocked, message));
    }
    Box::new(move |this, ctx| {
        if let Some(member) = &mut this.member {
            member.page = Some(page);
        }
        this.ok(id, json!({}), ctx);
        let now = this.now();
        this.report(now, ctx);
    })
}

async fn observe(
    (hub, connection, address): (Arc<Hub>, ConnectionId, Addr<Session>),
    id: u32,
    watch: Watch,
    who: Identity,
) -> Step {
    if !who.is_staff() {
        let message = "Only instructors and admins may watch.";
        return refused(Error::new(Some(id), Code::Forbidden, message));
    }
    if watch.feed != registry::FEED {
        let message = format!("unknown feed {:?}: use \"sessions\"", watch.feed);
        return refused(Error::new(Some(id), Code::BadRequest, message));
    }
    let request = registry::Watch { connection, filter: watch.filter, address };
    let rows = hub.registry.send(request).await;
    Box::new(move |this, ctx| match rows {
        Ok(rows) => {
            this.ok(id, json!({ "feed": registry::FEED }), ctx);
            let (feed, rows) =
                (registry::FEED.to_owned(), rows.into_iter().map(Row::Session).collect());
            this.send(&Frame::FeedSnapshot { feed, rows }, ctx);
        }
        Err(error) => {
            tracing::error!(%error, "the registry does not answer");
            let message = "The list of sessions is away just now. Try again.";
            this.refuse(Error::new(Some(id), Code::Overloaded, message), ctx);
        }
    })
}
