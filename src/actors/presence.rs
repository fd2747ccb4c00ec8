//! Knows which stay is where, so that one stay has one socket, and who has several.
//!
//! A stay is a page's visit: it goes on over reconnects and is not the sign-in. **Owns** the stays
//! of this node. **Takes** [`Arrive`], [`Depart`], [`Observe`]. **Sends**
//! [`CloseWith`](super::session::CloseWith) to the older socket of a stay, and `presence` frames to
//! the sockets of a user when their number changes. **On restart** every reconnect gets a new stay.

use std::{collections::HashMap, time::Duration};

use actix::prelude::*;
use serde::Serialize;

use super::{Observe, session};
use crate::domain::{
    clock::{MINUTE, Millis, SharedClock},
    close::Close,
    ids::{ConnectionId, SharedIds, StayId, UserId, prefixed},
    live::frame::Frame,
};

const MAILBOX: usize = 4_096;
const SWEEP_EVERY: Duration = Duration::from_mins(1);
/// How long a stay without a socket may be gone on with.
const KEPT: i64 = 10 * MINUTE;

pub(crate) struct Presence {
    clock: SharedClock,
    ids: SharedIds,
    stays: HashMap<StayId, Stay>,
    sockets: HashMap<UserId, HashMap<ConnectionId, Addr<session::Session>>>,
}

struct Stay {
    user: UserId,
    socket: Option<(ConnectionId, Addr<session::Session>)>,
    left_at: Millis,
}

impl Presence {
    pub(crate) fn new(clock: SharedClock, ids: SharedIds) -> Self {
        Self { clock, ids, stays: HashMap::new(), sockets: HashMap::new() }
    }

    /// Tells the others, and answers how many there are now.
    fn enter(
        &mut self,
        user: &UserId,
        connection: ConnectionId,
        socket: Addr<session::Session>,
    ) -> usize {
        let sessions = 1 + self.sockets.get(user).map_or(0, HashMap::len);
        self.tell(user, sessions);
        self.sockets.entry(user.clone()).or_default().insert(connection, socket);
        sessions
    }

    fn leave(&mut self, user: &UserId, connection: &ConnectionId) {
        let Some(sockets) = self.sockets.get_mut(user) else { return };
        let left = sockets.remove(connection).is_some();
        if sockets.is_empty() {
            self.sockets.remove(user);
        } else if left {
            let sessions = sockets.len();
            self.tell(user, sessions);
        }
    }

    fn tell(&self, user: &UserId, sessions: usize) {
        let Some(sockets) = self.sockets.get(user) else { return };
        for socket in sockets.values() {
            let frame = Frame::Presence { user: user.clone(), sessions };
            // Ephemeral by definition.
            let _ = socket.try_send(session::Push(frame));
        }
    }

    fn sweep(&mut self) {
        let now = self.clock.now();
        self.stays.retain(|_, stay| stay.socket.is_some() || now.since(stay.left_at) < KEPT);
    }
}

impl Actor for Presence {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(SWEEP_EVERY, |this, _| this.sweep());
    }
}

impl Supervised for Presence {}

/// A socket has said hello. `stay` is what the client was given before; one that was not given to
/// this user is ignored. Answers the stay's name, and how many sockets the user has now.
#[derive(Message)]
#[rtype(result = "(StayId, usize)")]
pub(crate) struct Arrive {
    pub stay: Option<StayId>,
    pub user: UserId,
    pub connection: ConnectionId,
    pub session: Addr<session::Session>,
}

impl Handler<Arrive> for Presence {
    type Result = MessageResult<Arrive>;

    fn handle(&mut self, arrive: Arrive, _: &mut Self::Context) -> Self::Result {
        let Arrive { stay, user, connection, session } = arrive;
        let now = self.clock.now();
        let known = stay.filter(|id| self.stays.get(id).is_some_and(|stay| stay.user == user));
        let id = known.unwrap_or_else(|| StayId::new(prefixed(&*self.ids, "s", now)));
        let socket = Some((connection.clone(), session.clone()));
        let stay = Stay { user: user.clone(), socket, left_at: now };
        if let Some(Stay { socket: Some((replaced, older)), .. }) =
            self.stays.insert(id.clone(), stay)
        {
            // A session that is full or closed goes by its own time-outs.
            let _ = older.try_send(session::CloseWith(Close::Replaced));
            self.leave(&user, &replaced);
        }
        let sessions = self.enter(&user, connection, session);
        MessageResult((id, sessions))
    }
}

/// A socket of a stay is gone.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Depart {
    pub stay: StayId,
    pub connection: ConnectionId,
}

impl Handler<Depart> for Presence {
    type Result = ();

    fn handle(&mut self, Depart { stay, connection }: Depart, _: &mut Self::Context) {
        let now = self.clock.now();
        if let Some(stay) = self.stays.get_mut(&stay)
            && stay.socket.as_ref().is_some_and(|(held, _)| *held == connection)
        {
            stay.socket = None;
            stay.left_at = now;
            let user = stay.user.clone();
            self.leave(&user, &connection);
        }
    }
}

#[derive(Debug, PartialEq, Eq, Serialize, MessageResponse)]
pub(crate) struct View {
    pub stays: usize,
    pub with_socket: usize,
}

impl Handler<Observe<View>> for Presence {
    type Result = View;

    fn handle(&mut self, _: Observe<View>, _: &mut Self::Context) -> View {
        let with_socket = self.stays.values().filter(|stay| stay.socket.is_some()).count();
        View { stays: self.stays.len(), with_socket }
    }
}
