//! Which request goes where, and the small ones.

use std::{future::Future, pin::Pin, sync::Arc};

use actix::prelude::*;
use serde_json::json;

use super::{
    Hub, Session, Step,
    acting::entry,
    again,
    asking::{self, Asked},
    hello::may_see,
    stopping,
    threads::{FULL, VERIFY, store_error},
};
use crate::{
    auth::Identity,
    domain::{
        close::Close,
        code::Code,
        ids::ThreadId,
        live::{
            frame::Error,
            request::{Context as NewPage, Feedback, OfThread, Page, Request, Send},
        },
    },
    store::audit::AuditEntry,
};

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
        let who = self.member.as_ref()?.identity.clone();
        let hub = Arc::clone(&self.hub);
        let hand = Hand::of(&hub, &who, &request);
        let working = self.start(id, request, who, ctx)?;
        Some(match hand {
            Some(hand) => Box::pin(hand.then(working)),
            None => working,
        })
    }

    fn start(
        &mut self,
        id: u32,
        request: Request,
        who: Identity,
        ctx: &mut Context<Self>,
    ) -> Option<Working> {
        let hub = Arc::clone(&self.hub);
        Some(match request {
            // A second hello was refused before.
            Request::Hello(_) => return None,
            Request::Send(Send { thread: None, .. }) if self.is_full() => {
                self.refuse(Error::new(Some(id), Code::BadRequest, FULL), ctx);
                return None;
            }
            Request::Send(send) => self.begin_asking(id, send, who),
            Request::Edit(edit) => Box::pin(again::edit(self.asked(id, who), edit)),
            Request::Regenerate(request) => {
                Box::pin(again::regenerate(self.asked(id, who), request))
            }
            Request::Hint(hint) => Box::pin(again::hint(self.asked(id, who), hint)),
            Request::Cancel(cancel) => Box::pin(stopping::stop(hub, id, cancel.turn, who)),
            Request::Open(OfThread { thread }) => {
                // Where it is open already, nothing comes of it until it is told how it stands.
                self.hold(vec![thread.clone()]);
                let reader = (hub, self.connection.clone(), ctx.address());
                Box::pin(Self::open(reader, id, thread, who))
            }
            Request::History(history) => Box::pin(Self::history(hub, id, history, who)),
            Request::Auth(auth) => Box::pin(Self::new_token(hub, id, auth, who)),
            Request::Context(NewPage { page }) => Box::pin(turn_to(hub, id, page, who)),
            Request::Feedback(feedback) => Box::pin(note(hub, id, feedback, who)),
            Request::Watch(watch) => {
                let watcher = (hub, self.connection.clone(), ctx.address());
                Box::pin(Self::watch(watcher, id, watch, who))
            }
            Request::Unwatch(unwatch) => {
                Box::pin(Self::unwatch((hub, self.connection.clone()), id, unwatch, who))
            }
            Request::Act(action) => Box::pin(Self::act(hub, id, action, who)),
            Request::Close(OfThread { thread }) => {
                self.cursors.remove(&thread);
                self.unfollow(&thread);
                self.ok(id, json!({}), ctx);
                return None;
            }
        })
    }

    fn begin_asking(&mut self, id: u32, send: Send, who: Identity) -> Working {
        let page = send.page.clone().or_else(|| self.member.as_ref()?.page.clone());
        let named: Vec<ThreadId> = send.thread.iter().cloned().collect();
        let asked = Asked { hub: Arc::clone(&self.hub), id, who, held: self.hold(named) };
        Box::pin(asking::ask(asked, send, page))
    }

    /// A request that names a thing of some thread: which one is not known yet.
    fn asked(&mut self, id: u32, who: Identity) -> Asked {
        let open = self.cursors.keys().cloned().collect();
        Asked { hub: Arc::clone(&self.hub), id, who, held: self.hold(open) }
    }

    fn hold(&mut self, threads: Vec<ThreadId>) -> Vec<ThreadId> {
        for thread in &threads {
            if let Some(cursor) = self.cursors.get_mut(thread) {
                cursor.held = true;
            }
        }
        threads
    }
}

/// What an admin is about to do by somebody else's hand: it is written down before it is done, and
/// not done if it cannot be (attack C10).
struct Hand {
    hub: Arc<Hub>,
    entry: AuditEntry,
}

impl Hand {
    /// None: the person acts herself, or only looks.
    fn of(hub: &Arc<Hub>, who: &Identity, request: &Request) -> Option<Self> {
        who.impersonated_by.as_ref()?;
        let (name, target, message) = match request {
            Request::Send(send) => {
                let thread = send.thread.as_ref().map_or("", |thread| thread.as_str());
                ("send", thread, Some(&send.message_id))
            }
            Request::Edit(edit) => ("edit", edit.item.as_str(), edit.message_id.as_ref()),
            Request::Regenerate(again) => {
                ("regenerate", again.item.as_str(), again.message_id.as_ref())
            }
            Request::Hint(hint) => ("hint", hint.turn.as_str(), hint.message_id.as_ref()),
            Request::Cancel(cancel) => ("cancel", cancel.turn.as_str(), None),
            Request::Feedback(feedback) => ("feedback", feedback.item.as_str(), None),
            _ => return None,
        };
        let mut detail = json!({});
        if let (Some(message), Some(detail)) = (message, detail.as_object_mut()) {
            detail.insert("message_id".to_owned(), json!(message));
        }
        let entry = entry(hub, who, name, target.to_owned(), &detail);
        Some(Self { hub: Arc::clone(hub), entry })
    }

    async fn then(self, working: Working) -> Step {
        match self.hub.store.insert_audit(self.entry).await {
            Ok(()) => working.await,
            Err(error) => {
                tracing::warn!(%error, "what an admin does as somebody cannot be written down");
                Box::new(|this, ctx| this.close(Close::StoreUnavailable, ctx))
            }
        }
    }
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

/// Notes what the learner thinks of an answer.
async fn note(hub: Arc<Hub>, id: u32, feedback: Feedback, who: Identity) -> Step {
    if !who.user.email_verified {
        return refused(Error::new(Some(id), Code::EmailUnverified, VERIFY));
    }
    let item = feedback.item.clone();
    let saved = hub.store.save_feedback(&who.user.id, feedback, hub.clock.now()).await;
    Box::new(move |this, ctx| match saved {
        Ok(()) => this.ok(id, json!({ "item": item }), ctx),
        Err(error) => this.refuse(store_error(id, &error), ctx),
    })
}
