//! Reads the change log and tells those whom it concerns, within a second of the commit, whoever
//! made it: this server, another, or the command line.
//!
//! **Owns** the seq up to which it has read. **Takes** [`Observe`] and wakes from the bus.
//! **Sends** [`Concern`](super::registry::Concern) to the registry; reloads courses and keys; lets
//! the node go.
//! **On restart** it reads again from the seq at its start, which repeats what may be repeated.

use std::{sync::Arc, time::Duration};

use actix::prelude::*;
use serde::Serialize;
use tokio_stream::wrappers::{BroadcastStream, errors::BroadcastStreamRecvError};

use super::{
    Observe,
    leaving::Leaving,
    registry::{Concern, Registry},
};
use crate::{
    auth::Auth,
    bus::{Bus, Wake},
    course::Courses,
    domain::ids::{CourseId, NodeId, SessionId, UserId},
    store::{Change, Store, StoreError},
};

const POLL_EVERY: Duration = Duration::from_millis(250);
/// Clients of a node that an admin drains are sent away within this time.
const SEND_AWAY: Duration = Duration::from_secs(5);

/// Whom changes may concern.
pub(crate) struct Concerned {
    pub node: NodeId,
    pub auth: Arc<Auth>,
    pub courses: Arc<Courses>,
    pub registry: Addr<Registry>,
    pub leaving: Leaving,
    pub bus: Bus,
}

pub(crate) struct ChangeWatcher {
    store: Arc<Store>,
    concerned: Concerned,
    seq: i64,
    reading: bool,
}

impl ChangeWatcher {
    /// `seq`: everything up to it was known before the caches were filled.
    pub(crate) const fn new(store: Arc<Store>, concerned: Concerned, seq: i64) -> Self {
        Self { store, concerned, seq, reading: false }
    }

    fn poll(&mut self, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.reading, true) {
            return;
        }
        let (store, seq) = (Arc::clone(&self.store), self.seq);
        let asked_at = self.concerned.auth.now();
        let news = async move {
            if store.last_change().await? == seq {
                return Ok(Vec::new());
            }
            store.changes_after(seq).await
        };
        let read =
            news.into_actor(self).map(move |news: Result<Vec<Change>, StoreError>, this, ctx| {
                this.reading = false;
                match news {
                    Ok(changes) => {
                        if !changes.is_empty() {
                            // Whoever made them may not have a bus: the command line has none.
                            this.concerned.bus.wake(Wake::Changed);
                        }
                        // Before the registry hears of it: a session that it does not know yet looks
                        // again, and finds no more in memory what was.
                        this.concerned.auth.heard(&changes, seq, asked_at);
                        for change in changes {
                            this.tell(change, ctx);
                        }
                    }
                    Err(error) => tracing::warn!(%error, "the change log cannot be read"),
                }
            });
        ctx.spawn(read);
    }

    fn tell(&mut self, change: Change, ctx: &mut Context<Self>) {
        let Change { seq, kind, subject, .. } = change;
        match kind.as_str() {
            "session" => self.concern(Concern::SignIn(SessionId::new(subject)), ctx),
            "user" | "user_sessions" => self.concern(Concern::User(UserId::new(subject)), ctx),
            "course" => {
                let courses = Arc::clone(&self.concerned.courses);
                let reload = async move {
                    if let Err(error) = courses.reload(&CourseId::new(subject)).await {
                        tracing::error!(%error, "a changed course cannot be read");
                    }
                };
                ctx.spawn(reload.into_actor(self));
            }
            "key" => {
                let auth = Arc::clone(&self.concerned.auth);
                let reload = async move {
                    if let Err(error) = auth.reload_keys().await {
                        tracing::error!(%error, "the changed signing keys cannot be read");
                    }
                };
                ctx.spawn(reload.into_actor(self));
            }
            "drain" if subject == self.concerned.node.as_str() => {
                tracing::info!("an admin drains this node");
                let leaving = self.concerned.leaving.clone();
                let begin = async move { leaving.begin(SEND_AWAY).await };
                ctx.spawn(begin.into_actor(self).map(|_, _, _| ()));
            }
            // The memory of accounts has heard of it above.
            "client" | "consent" | "drain" => {}
            other => tracing::debug!(kind = other, "a change that this version does not know"),
        }
        self.seq = seq;
    }

    fn concern(&self, concern: Concern, ctx: &mut Context<Self>) {
        let told = self.concerned.registry.send(concern).into_actor(self).map(|told, _, _| {
            if told.is_err() {
                tracing::error!("the registry did not take a change");
            }
        });
        ctx.spawn(told);
    }
}

impl Actor for ChangeWatcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.reading = false;
        ctx.run_interval(POLL_EVERY, Self::poll);
        ctx.add_stream(BroadcastStream::new(self.concerned.bus.listen_to_nodes()));
    }
}

impl Supervised for ChangeWatcher {}

/// Another node has found news before our time to look had come.
impl StreamHandler<Result<Wake, BroadcastStreamRecvError>> for ChangeWatcher {
    fn handle(&mut self, wake: Result<Wake, BroadcastStreamRecvError>, ctx: &mut Self::Context) {
        if matches!(wake, Ok(Wake::Changed)) {
            self.poll(ctx);
        }
    }
}

#[derive(Debug, PartialEq, Eq, Serialize, MessageResponse)]
pub(crate) struct View {
    pub seq: i64,
}

impl Handler<Observe<View>> for ChangeWatcher {
    type Result = View;

    fn handle(&mut self, _: Observe<View>, _: &mut Self::Context) -> View {
        View { seq: self.seq }
    }
}
