//! Knows which stay is where, so that one stay has one socket, and who has several.
//!
//! A stay is a page's visit: it goes on over reconnects, on whichever node, and is not the sign-in.
//! **Owns** the stays that have a socket here, and what other nodes tell of theirs. **Takes**
//! [`Arrive`], [`Depart`], [`Others`], [`Observe`]. **Sends** [`CloseWith`](session::CloseWith) to
//! the older socket of a stay, `presence` frames to the sockets of a user when their number
//! changes, and to the other nodes, through [`Peers`](peers::Peers), where stays come and go.
//! **On restart** it goes on with what it has.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use actix::prelude::*;
use serde::Serialize;

use super::{Observe, peers, session};
use crate::{
    auth::Stays,
    domain::{
        clock::SharedClock,
        close::Close,
        ids::{ConnectionId, NodeId, SharedIds, StayId, UserId},
        live::frame::Frame,
    },
};

mod elsewhere;
#[cfg(test)]
mod tests;

use elsewhere::Elsewhere;

const MAILBOX: usize = 4_096;
const ANNOUNCE_AGAIN: Duration = Duration::from_secs(1);

pub(crate) struct Presence {
    clock: SharedClock,
    ids: SharedIds,
    names: Stays,
    /// None: there are no other nodes.
    peers: Option<Addr<peers::Peers>>,
    stays: HashMap<StayId, Stay>,
    /// The stays of each user that have a socket here.
    users: HashMap<UserId, HashSet<StayId>>,
    elsewhere: Elsewhere,
    /// What the exchange with other nodes had no room for.
    unannounced: HashSet<StayId>,
}

struct Stay {
    row: peers::StayRow,
    socket: Socket,
}

/// The way to a session.
#[derive(Clone)]
pub(crate) struct Socket {
    pub push: Recipient<session::Push>,
    pub close: Recipient<session::CloseWith>,
}

impl From<Addr<session::Session>> for Socket {
    fn from(session: Addr<session::Session>) -> Self {
        Self { push: session.clone().recipient(), close: session.recipient() }
    }
}

impl Presence {
    pub(crate) fn new(
        clock: SharedClock,
        ids: SharedIds,
        names: Stays,
        peers: Option<Addr<peers::Peers>>,
    ) -> Self {
        Self {
            clock,
            ids,
            names,
            peers,
            stays: HashMap::new(),
            users: HashMap::new(),
            elsewhere: Elsewhere::default(),
            unannounced: HashSet::new(),
        }
    }

    /// How many sockets a user has, on all nodes.
    fn count(&self, user: &UserId) -> usize {
        let here = self.users.get(user).map_or(0, HashSet::len);
        here + self.elsewhere.count(user, |stay| self.stays.contains_key(stay))
    }

    /// Tells the user's sockets here how many there are, if that has changed; not the one that
    /// gets the number as its answer.
    fn tell(&self, user: &UserId, before: usize, but: Option<&StayId>) {
        let sessions = self.count(user);
        if sessions == before {
            return;
        }
        let stays = self.users.get(user).into_iter().flatten().filter(|stay| Some(*stay) != but);
        for stay in stays.filter_map(|stay| self.stays.get(stay)) {
            let frame = Frame::Presence { user: user.clone(), sessions };
            // Ephemeral by definition.
            let _ = stay.socket.push.try_send(session::Push(frame));
        }
    }

    /// Other nodes learn that a stay is here, or is not any more.
    fn announce(&mut self, stay: &StayId) {
        let Some(peers) = &self.peers else { return };
        let row = self.stays.get(stay).map(|stay| stay.row.clone());
        if peers.try_send(peers::Moved { stay: stay.clone(), row }).is_err() {
            self.unannounced.insert(stay.clone());
        }
    }

    fn announce_again(&mut self) {
        for stay in std::mem::take(&mut self.unannounced) {
            self.announce(&stay);
        }
    }

    fn forget(&mut self, stay: &StayId) -> Option<Stay> {
        let gone = self.stays.remove(stay)?;
        if let Some(stays) = self.users.get_mut(&gone.row.user) {
            stays.remove(stay);
            if stays.is_empty() {
                self.users.remove(&gone.row.user);
            }
        }
        Some(gone)
    }

    /// Of two sockets of one stay the later one stays, on whichever node: both nodes see the same
    /// two.
    fn give_way(&mut self, other: &peers::StayRow) {
        let later = |mine: &Stay| {
            (other.at, &other.connection) > (mine.row.at, &mine.row.connection)
                && other.user == mine.row.user
        };
        if self.stays.get(&other.stay).is_some_and(later)
            && let Some(Stay { socket, .. }) = self.forget(&other.stay)
        {
            replace(&socket);
            self.announce(&other.stay);
        }
    }
}

fn replace(older: &Socket) {
    // A session that is full or closed goes by its own time-outs.
    let _ = older.close.try_send(session::CloseWith(Close::Replaced));
}

impl Actor for Presence {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        let Some(peers) = &self.peers else { return };
        let stays = self.stays.values().map(|stay| stay.row.clone()).collect();
        let presence = ctx.address().recipient();
        let joined = peers.send(peers::Join { presence, stays }).into_actor(self);
        ctx.spawn(joined.map(|joined, _, _| {
            if joined.is_err() {
                tracing::error!("presence does not hear of other nodes");
            }
        }));
        ctx.run_interval(ANNOUNCE_AGAIN, |this, _| this.announce_again());
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
    pub socket: Socket,
}

impl Handler<Arrive> for Presence {
    type Result = MessageResult<Arrive>;

    fn handle(&mut self, arrive: Arrive, _: &mut Self::Context) -> Self::Result {
        let Arrive { stay, user, connection, socket } = arrive;
        let now = self.clock.now();
        let stay = stay
            .filter(|stay| self.names.is_of(stay, &user))
            .unwrap_or_else(|| self.names.name(&user, &*self.ids, now));
        let before = self.count(&user);
        let older = self.forget(&stay);
        if let Some(older) = &older {
            replace(&older.socket);
        }
        // Later than what is known of it, however the nodes' clocks go.
        let latest = self.elsewhere.latest(&user, &stay).map(|row| row.at);
        let latest = latest.max(older.map(|older| older.row.at));
        let at = latest.map_or(now, |latest| now.max(latest.plus(1)));
        let row = peers::StayRow { stay: stay.clone(), user: user.clone(), connection, at };
        self.stays.insert(stay.clone(), Stay { row, socket });
        self.users.entry(user.clone()).or_default().insert(stay.clone());
        self.announce(&stay);
        self.tell(&user, before, Some(&stay));
        MessageResult((stay, self.count(&user)))
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
        let Some(user) = self
            .stays
            .get(&stay)
            .and_then(|it| (it.row.connection == connection).then(|| it.row.user.clone()))
        else {
            return;
        };
        let before = self.count(&user);
        self.forget(&stay);
        self.announce(&stay);
        self.tell(&user, before, None);
    }
}

/// What another node tells of its stays. `whole`: others are not there, or not any more.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Others {
    pub node: NodeId,
    pub whole: bool,
    pub set: Vec<peers::StayRow>,
    pub gone: Vec<StayId>,
}

impl Handler<Others> for Presence {
    type Result = ();

    fn handle(&mut self, Others { node, whole, set, mut gone }: Others, _: &mut Self::Context) {
        if whole {
            let stand: HashSet<&StayId> = set.iter().map(|row| &row.stay).collect();
            let known = self.elsewhere.stays_on(&node).into_iter();
            gone.extend(known.filter(|stay| !stand.contains(stay)));
        }
        let before: HashMap<UserId, usize> = gone
            .iter()
            .filter_map(|stay| self.elsewhere.user_on(&node, stay))
            .chain(set.iter().map(|row| &row.user))
            .filter(|user| self.users.contains_key(*user))
            .map(|user| (user.clone(), self.count(user)))
            .collect();
        for stay in &gone {
            self.elsewhere.remove(&node, stay);
        }
        for row in set {
            self.give_way(&row);
            self.elsewhere.set(&node, row);
        }
        for (user, before) in before {
            self.tell(&user, before, None);
        }
    }
}

#[derive(Debug, PartialEq, Eq, Serialize, MessageResponse)]
pub(crate) struct View {
    /// Stays that have a socket on this node.
    pub here: usize,
    /// And on others.
    pub elsewhere: usize,
}

impl Handler<Observe<View>> for Presence {
    type Result = View;

    fn handle(&mut self, _: Observe<View>, _: &mut Self::Context) -> View {
        View { here: self.stays.len(), elsewhere: self.elsewhere.len() }
    }
}
