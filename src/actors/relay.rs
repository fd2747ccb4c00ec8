//! Wakes the sessions that follow a thread when its log has grown.
//!
//! **Owns** who follows what on this node. **Takes** [`Follow`], [`Unfollow`], [`Observe`], and
//! what the bus says. **Sends** [`Wake`](super::session::Wake) and
//! [`Push`](super::session::Push) to sessions. **On restart** it knows no follower until each
//! session follows again, which every session does at intervals.
//!
//! It carries no text: a session reads the log from its own cursor. A session whose mailbox is
//! full is woken again until it could take the wake, so that none is lost.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use actix::prelude::*;
use serde::Serialize;
use tokio_stream::wrappers::{BroadcastStream, errors::BroadcastStreamRecvError};

use super::{Observe, registry, session};
use crate::{
    bus::{self, Bus},
    domain::{
        ids::{ConnectionId, ThreadId},
        live::frame::Frame,
    },
};

const MAILBOX: usize = 4_096;
const RETRY_EVERY: Duration = Duration::from_millis(50);
/// While other nodes cannot be heard, everybody looks at this interval.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(crate) struct Relay {
    bus: Bus,
    registry: Addr<registry::Registry>,
    followers: HashMap<ThreadId, HashMap<ConnectionId, Addr<session::Session>>>,
    unwoken: HashSet<(ThreadId, ConnectionId)>,
}

impl Relay {
    pub(crate) fn new(bus: Bus, registry: Addr<registry::Registry>) -> Self {
        Self { bus, registry, followers: HashMap::new(), unwoken: HashSet::new() }
    }

    fn wake(&mut self, thread: &ThreadId, at_once: bool) {
        let Some(followers) = self.followers.get(thread) else { return };
        for (connection, session) in followers {
            match session.try_send(session::Wake { thread: thread.clone(), at_once }) {
                Err(SendError::Full(_)) => {
                    self.unwoken.insert((thread.clone(), connection.clone()));
                }
                // A closed session unfollows by itself.
                Ok(()) | Err(SendError::Closed(_)) => {}
            }
        }
    }

    /// An ephemeral frame for all followers of a thread but the one that it came from.
    fn push(&self, by: &ConnectionId, thread: &ThreadId, frame: &Frame) {
        let Some(followers) = self.followers.get(thread) else { return };
        for (_, session) in followers.iter().filter(|(connection, _)| *connection != by) {
            // Ephemeral by definition.
            let _ = session.try_send(session::Push(frame.clone()));
        }
    }

    fn wake_the_unwoken(&mut self) {
        for (thread, connection) in std::mem::take(&mut self.unwoken) {
            let session = self.followers.get(&thread).and_then(|all| all.get(&connection));
            let full = session.is_some_and(|session| {
                let wake = session::Wake { thread: thread.clone(), at_once: true };
                matches!(session.try_send(wake), Err(SendError::Full(_)))
            });
            if full {
                self.unwoken.insert((thread, connection));
            }
        }
    }

    fn wake_all(&mut self) {
        let threads: Vec<ThreadId> = self.followers.keys().cloned().collect();
        for thread in threads {
            self.wake(&thread, false);
        }
    }
}

impl Actor for Relay {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.add_stream(BroadcastStream::new(self.bus.listen()));
        ctx.run_interval(RETRY_EVERY, |this, _| this.wake_the_unwoken());
        ctx.run_interval(LOOK_EVERY, |this, _| {
            if this.bus.is_cut() {
                this.wake_all();
            }
        });
    }
}

impl Supervised for Relay {}

impl StreamHandler<Result<bus::Wake, BroadcastStreamRecvError>> for Relay {
    fn handle(&mut self, wake: Result<bus::Wake, BroadcastStreamRecvError>, _: &mut Self::Context) {
        match wake {
            Ok(bus::Wake::Thread { thread }) => self.wake(&thread, false),
            Ok(bus::Wake::FirstWords { thread }) => self.wake(&thread, true),
            Ok(bus::Wake::Titled { owner, thread, title, updated }) => {
                let frame = Frame::Thread { thread, title, updated };
                let push = registry::PushTo { user: owner, frame };
                // Ephemeral: a client that misses a title reads it with the next list.
                let _ = self.registry.try_send(push);
            }
            Ok(bus::Wake::Typing { thread, user, name, on, by }) => {
                self.push(&by, &thread, &Frame::Typing { thread: thread.clone(), user, name, on });
            }
            // We fell behind, or the other nodes could not be heard: whatever was said, everybody
            // may look.
            Ok(bus::Wake::Gap) | Err(BroadcastStreamRecvError::Lagged(_)) => self.wake_all(),
            // Not said to those who listen for threads.
            Ok(_) => {}
        }
    }
}

/// `session` wants to know when `thread` grows. Doing it twice is doing it once. Answered when no
/// wake of another node is missed any more.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Follow {
    pub thread: ThreadId,
    pub connection: ConnectionId,
    pub session: Addr<session::Session>,
}

impl Handler<Follow> for Relay {
    type Result = ResponseFuture<()>;

    fn handle(
        &mut self,
        Follow { thread, connection, session }: Follow,
        _: &mut Self::Context,
    ) -> Self::Result {
        self.followers.entry(thread.clone()).or_default().insert(connection, session);
        let bus = self.bus.clone();
        Box::pin(async move { bus.follow(&thread).await })
    }
}

#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Unfollow {
    pub threads: Vec<ThreadId>,
    pub connection: ConnectionId,
}

impl Handler<Unfollow> for Relay {
    type Result = ();

    fn handle(&mut self, Unfollow { threads, connection }: Unfollow, _: &mut Self::Context) {
        for thread in threads {
            if let Some(followers) = self.followers.get_mut(&thread) {
                followers.remove(&connection);
                if followers.is_empty() {
                    self.followers.remove(&thread);
                    self.bus.unfollow(&thread);
                }
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq, Serialize, MessageResponse)]
pub(crate) struct View {
    pub threads: usize,
    pub followers: usize,
}

impl Handler<Observe<View>> for Relay {
    type Result = View;

    fn handle(&mut self, _: Observe<View>, _: &mut Self::Context) -> View {
        let followers = self.followers.values().map(HashMap::len).sum();
        View { threads: self.followers.len(), followers }
    }
}
