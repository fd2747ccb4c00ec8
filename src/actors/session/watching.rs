//! What staff watch (`live.md` §2.7): beginning and ending a watch, and letting its diffs through
//! for as long as the right to them lasts.

use std::sync::Arc;

use actix::prelude::*;
use serde_json::json;
use tokio::sync::oneshot;

use super::{Hub, Session, Step, acting::entry, requests::refused, threads::store_error};
use crate::{
    actors::feeds::{self, Denied, Forget, Opened, Shown},
    auth::Identity,
    domain::{
        code::Code,
        ids::ConnectionId,
        live::{
            feed::Feed,
            frame::{Error, Frame},
            request::{Unwatch, Watch},
        },
    },
};

/// What an audit entry calls a look at a conversation.
const LOOK: &str = "watch";

impl Session {
    /// Answers `ok` and the feed's snapshot; its diffs follow.
    pub(super) async fn watch(
        (hub, connection, session): (Arc<Hub>, ConnectionId, Addr<Self>),
        id: u32,
        watch: Watch,
        who: Identity,
    ) -> Step {
        let feed = match wanted(&who, &watch.feed) {
            Ok(feed) => feed,
            Err((code, message)) => return refused(Error::new(Some(id), code, message)),
        };
        if let Feed::Thread(thread) = &feed {
            let entry = entry(&hub, &who, LOOK, feed.to_string(), &json!({}));
            if let Err(error) = hub.store.look_by_staff(thread, entry).await {
                return refused(store_error(id, &error));
            }
        }
        let watch = feeds::Watch {
            connection,
            feed: feed.clone(),
            filter: watch.filter,
            session: session.recipient(),
        };
        let opened = hub.feeds.send(watch).await;
        Box::new(move |this, ctx| match opened {
            Ok(Ok(opened)) => this.show(id, feed, opened, ctx),
            Ok(Err(denied)) => this.refuse(denial(id, denied), ctx),
            Err(error) => {
                tracing::error!(%error, "the feeds do not answer");
                this.refuse(Error::new(Some(id), Code::Overloaded, AWAY), ctx);
            }
        })
    }

    fn show(&mut self, id: u32, feed: Feed, opened: Opened, ctx: &mut Context<Self>) {
        if !self.may_watch(&feed) {
            // The role was lost while the snapshot was made.
            self.check_watches(ctx);
            return self.refuse(Error::new(Some(id), Code::Forbidden, FORBIDDEN), ctx);
        }
        let Opened { number, rows } = opened;
        let name = feed.to_string();
        self.ok(id, json!({ "feed": name }), ctx);
        self.send(&Frame::FeedSnapshot { feed: name, rows }, ctx);
        let connection = self.connection.clone();
        let shown = self.hub.feeds.send(Shown { connection, feed, number }).into_actor(self);
        ctx.spawn(shown.map(|told, _, _| {
            if let Err(error) = told {
                tracing::error!(%error, "the feeds do not answer");
            }
        }));
    }

    /// Idempotent. What was not watched is not watched afterwards.
    pub(super) async fn unwatch(
        (hub, connection): (Arc<Hub>, ConnectionId),
        id: u32,
        unwatch: Unwatch,
        who: Identity,
    ) -> Step {
        let feed = match wanted(&who, &unwatch.feed) {
            Ok(feed) => feed,
            Err((code, message)) => return refused(Error::new(Some(id), code, message)),
        };
        let body = json!({ "feed": feed.to_string() });
        let ended = hub.feeds.send(feeds::Unwatch { connection, feed }).await;
        Box::new(move |this, ctx| match ended {
            Ok(()) => this.ok(id, body, ctx),
            Err(_) => this.refuse(Error::new(Some(id), Code::Overloaded, AWAY), ctx),
        })
    }

    /// Ends the watches that this person has no right to any more.
    pub(super) fn check_watches(&self, ctx: &mut Context<Self>) {
        let Some(identity) = self.member.as_ref().map(|member| &member.identity) else { return };
        if identity.is_admin() {
            return;
        }
        let (connection, only_for_admins) = (self.connection.clone(), identity.is_staff());
        let forget = self.hub.feeds.send(Forget { connection, only_for_admins });
        ctx.spawn(forget.into_actor(self).map(|_, _, _| ()));
    }

    fn may_watch(&self, feed: &Feed) -> bool {
        self.member.as_ref().is_some_and(|member| may_watch(&member.identity, feed))
    }
}

const AWAY: &str = "The feeds are away just now. Try again.";
const FORBIDDEN: &str = "Only instructors and admins may watch, some feeds admins alone.";

fn may_watch(who: &Identity, feed: &Feed) -> bool {
    if feed.is_for_admins() { who.is_admin() } else { who.is_staff() }
}

/// The feed of this name, if the person may watch it. Nobody else learns what there is.
fn wanted(who: &Identity, name: &str) -> Result<Feed, (Code, String)> {
    if !who.is_staff() {
        return Err((Code::Forbidden, FORBIDDEN.to_owned()));
    }
    let feed: Feed = name.parse().map_err(|error: crate::domain::live::feed::UnknownFeed| {
        (Code::BadRequest, error.to_string())
    })?;
    if may_watch(who, &feed) { Ok(feed) } else { Err((Code::Forbidden, FORBIDDEN.to_owned())) }
}

fn denial(id: u32, denied: Denied) -> Error {
    match denied {
        Denied::TooMany => {
            let message = "Too many feeds are watched here. Unwatch one first.";
            Error::new(Some(id), Code::BadRequest, message)
        }
        Denied::Over => Error::new(Some(id), Code::Forbidden, FORBIDDEN),
        Denied::Store(error) => store_error(id, &error),
    }
}

/// What has changed in a watched feed. `taken` says whether the client will get it: not if its
/// queue is full enough, or the right to watch is gone.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Changed {
    pub feed: Feed,
    pub frame: Frame,
    pub taken: oneshot::Sender<bool>,
}

impl Handler<Changed> for Session {
    type Result = ();

    fn handle(&mut self, changed: Changed, ctx: &mut Self::Context) {
        let Changed { feed, frame, taken } = changed;
        let (allowed, room) = (self.may_watch(&feed), !self.outbox.is_held());
        if allowed && room {
            self.send(&frame, ctx);
        } else if !allowed {
            self.check_watches(ctx);
        }
        // The feeds may have been restarted: then nobody waits for the answer.
        let _ = taken.send(allowed && room);
    }
}
