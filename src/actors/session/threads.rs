//! Opening, closing and reading back conversations.

use std::sync::Arc;

use actix::Addr;
use serde_json::json;

use super::{Hub, Session, Step, hello::follow, requests::refused, snapshot};
use crate::{
    auth::Identity,
    domain::{
        code::Code,
        ids::{ConnectionId, ThreadId},
        live::{
            frame::Error,
            limits,
            request::{History, Resume},
        },
    },
    store::{StoreError, items::ItemRow},
};

impl Session {
    /// No further thread can be opened here.
    pub(super) fn is_full(&self) -> bool {
        self.cursors.len() >= self.hub.limits.open_threads
    }

    pub(super) async fn open(
        (hub, connection, address): (Arc<Hub>, ConnectionId, Addr<Self>),
        id: u32,
        thread: ThreadId,
        who: Identity,
    ) -> Step {
        if !who.user.email_verified {
            return Box::new(move |this, ctx| {
                this.refuse(Error::new(Some(id), Code::EmailUnverified, VERIFY), ctx);
                this.release(&[thread], ctx);
            });
        }
        follow(&hub, &connection, &thread, &address).await;
        let loaded = snapshot::load(&hub, &who.user.id, &thread).await;
        Box::new(move |this, ctx| match loaded {
            Ok(loaded) => {
                if this.is_full() && !this.cursors.contains_key(&thread) {
                    this.unfollow(&thread);
                    return this.refuse(Error::new(Some(id), Code::BadRequest, FULL), ctx);
                }
                if this.is_ahead(&thread, &loaded) {
                    this.refuse(store_error(id, &StoreError::Overloaded), ctx);
                    return this.release(&[thread], ctx);
                }
                let body = json!({
                    "thread": thread, "epoch": loaded.epoch, "seq": loaded.seq
                });
                this.ok(id, body, ctx);
                let have = Resume { thread, epoch: None, seq: None };
                this.resume(have, Ok(loaded), ctx);
            }
            Err(error) => {
                if !this.cursors.contains_key(&thread) {
                    this.unfollow(&thread);
                }
                this.refuse(store_error(id, &error), ctx);
                this.release(&[thread], ctx);
            }
        })
    }

    /// The client was told more of a thread than this says, which would take that back (I10): the log
    /// was lost, and the store has not caught up yet.
    fn is_ahead(&self, thread: &ThreadId, loaded: &snapshot::Loaded) -> bool {
        let cursor = self.cursors.get(thread);
        cursor.is_some_and(|cursor| cursor.epoch == loaded.epoch && cursor.seq > loaded.seq)
    }

    pub(super) async fn history(hub: Arc<Hub>, id: u32, asked: History, who: Identity) -> Step {
        if !who.user.email_verified {
            return refused(Error::new(Some(id), Code::EmailUnverified, VERIFY));
        }
        let before = match asked.before.as_deref().map(str::parse::<i64>) {
            None => i64::MAX,
            Some(Ok(position)) if position > 0 => position,
            Some(_) => {
                let message = "`before` is not a cursor of ours";
                return refused(Error::new(Some(id), Code::BadRequest, message));
            }
        };
        let limit = asked.limit.unwrap_or(limits::HISTORY_PAGE);
        let page = page(&hub, &who, &asked.thread, before, limit).await;
        let thread = asked.thread;
        Box::new(move |this, ctx| match page {
            Ok((items, before)) => {
                let mut body = json!({ "thread": thread, "items": items });
                if let (Some(before), Some(body)) = (before, body.as_object_mut()) {
                    body.insert("before".to_owned(), before.into());
                }
                this.ok(id, body, ctx);
            }
            Err(error) => this.refuse(store_error(id, &error), ctx),
        })
    }
}

pub(super) const FULL: &str = "Too many conversations are open here. Close one first.";
pub(super) const VERIFY: &str =
    "Confirm your e-mail address first: open the link that we sent you.";

async fn page(
    hub: &Hub,
    who: &Identity,
    thread: &ThreadId,
    before: i64,
    limit: i64,
) -> Result<(Vec<crate::domain::item::Item>, Option<String>), StoreError> {
    let at = hub.store.thread_of(&who.user.id, thread).await?.seq;
    let rows = hub.store.items_before(thread, before, at, limit + 1).await?;
    let surplus = rows.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
    let shown = rows.get(surplus..).unwrap_or_default();
    let next = shown.first().filter(|_| surplus > 0).map(|row| row.position.to_string());
    let items = shown.iter().map(ItemRow::item).collect::<Result<_, _>>()?;
    Ok((items, next))
}

pub(super) fn store_error(id: u32, error: &StoreError) -> Error {
    match error {
        StoreError::NotFound => {
            Error::new(Some(id), Code::NotFound, "There is no such thing of yours.")
        }
        StoreError::Overloaded => {
            let error = Error::new(Some(id), Code::Overloaded, "The server is busy. Try again.");
            Error { retry_after_ms: Some(1_000), ..error }
        }
        error => {
            tracing::error!(%error, "a request could not be answered from the store");
            let message = "Your data cannot be reached just now. Nothing is lost; try again.";
            let error = Error::new(Some(id), Code::StoreUnavailable, message);
            Error { retry_after_ms: Some(2_000), ..error }
        }
    }
}
