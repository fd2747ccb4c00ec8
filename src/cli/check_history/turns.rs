//! What all clients together saw of each turn, each item, each message and each user.

use std::collections::HashMap;

use super::{finding::Spot, names::Name};

/// A client: number of the file, number within it.
pub(crate) type ClientId = (usize, u32);

/// How a turn ended, as stated.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    /// None from a snapshot's `ended`.
    pub(crate) seq: Option<i64>,
    pub(crate) status: Box<str>,
    pub(crate) length: i64,
    pub(crate) sha256: Box<str>,
    pub(crate) item: Option<Name>,
    pub(crate) spot: Spot,
}

impl Ending {
    /// Two statements about one end; a snapshot does not tell the seq.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        let seqs = self.seq.is_none() || other.seq.is_none() || self.seq == other.seq;
        seqs && (&self.status, self.length, &self.sha256, self.item)
            == (&other.status, other.length, &other.sha256, other.item)
    }
}

/// The `ok` that accepted a question.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) by: ClientId,
    pub(crate) user: Option<Name>,
    pub(crate) message: Option<Name>,
    pub(crate) thread: Name,
    pub(crate) item: Option<Name>,
    pub(crate) seq: i64,
    pub(crate) spot: Spot,
}

#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub(crate) asked: Option<Asked>,
    pub(crate) end: Option<Ending>,
    /// Clients that have seen its end, as event or in a snapshot.
    pub(crate) ended_for: Vec<ClientId>,
    /// The first `ok` to a cancel.
    pub(crate) stopped: Option<Spot>,
    /// The last piece that came live, to anybody.
    pub(crate) last_piece: Option<Spot>,
    /// The first time that a draining server sent a reader away.
    pub(crate) drained: Option<Spot>,
    /// The last time that it began anew.
    pub(crate) restarted: Option<Spot>,
}

impl Turn {
    pub(crate) fn has_ended_for(&self, spot: Spot) -> bool {
        self.ended_for.contains(&(spot.file, spot.client))
    }
}

/// A message of a conversation.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) name: Name,
    pub(crate) seq: i64,
    /// Length and hash, once an event has shown it.
    pub(crate) text: Option<(i64, Box<str>)>,
    /// The answer of this turn.
    pub(crate) turn: Option<Name>,
    /// An `ok` has accepted it.
    pub(crate) accepted: bool,
    pub(crate) spot: Spot,
}

#[derive(Debug, Default)]
pub(crate) struct Thread {
    /// By seq.
    pub(crate) items: Vec<Item>,
    /// An edit has taken items out of it: a snapshot need not have them.
    pub(crate) branched: bool,
    /// The newest end that was seen, and where.
    pub(crate) last_end: Option<(i64, Spot)>,
}

impl Thread {
    /// Remembers an item, or returns what is known at its seq.
    pub(crate) fn item_at(&mut self, item: Item) -> Option<&mut Item> {
        match self.items.binary_search_by_key(&item.seq, |known| known.seq) {
            Ok(at) => self.items.get_mut(at),
            Err(at) => {
                self.items.insert(at, item);
                None
            }
        }
    }
}

/// The first `ok` of a message id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message {
    pub(crate) turn: Name,
    pub(crate) thread: Name,
    pub(crate) item: Option<Name>,
    pub(crate) seq: i64,
    /// An `ok` has said that it is no repeat.
    pub(crate) fresh: Option<Spot>,
    pub(crate) spot: Spot,
}

/// A socket that somebody had open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stay {
    pub(crate) file: usize,
    pub(crate) welcomed: Spot,
    /// The last event of a log that it received.
    pub(crate) last: Option<Spot>,
}

/// When somebody lost the right to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Revocation {
    /// The socket that was closed, if only its sign-in is revoked; without it the person is.
    pub(crate) sign_in: Option<Stay>,
    pub(crate) spot: Spot,
}

#[derive(Debug, Default)]
pub(crate) struct User {
    pub(crate) stays: Vec<Stay>,
    pub(crate) revocations: Vec<Revocation>,
    /// Closes after which a client of this user may have signed in anew.
    pub(crate) renewals: Vec<Spot>,
}

impl User {
    /// Whether a revocation is about what this socket was opened with. All sockets of one run and
    /// user share a sign-in, until one of them is told to get a new one.
    pub(crate) fn concerns(&self, revocation: &Revocation, stay: &Stay) -> bool {
        let open = stay.welcomed.at <= revocation.spot.at;
        open && revocation.sign_in.is_none_or(|closed| {
            let (one, other) = (closed.welcomed.at, stay.welcomed.at);
            let between = |spot: &Spot| {
                spot.file == stay.file && spot.at > one.min(other) && spot.at < one.max(other)
            };
            closed.file == stay.file && !self.renewals.iter().any(between)
        })
    }
}

#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) turns: HashMap<Name, Turn>,
    pub(crate) threads: HashMap<Name, Thread>,
    /// By user and message id.
    pub(crate) messages: HashMap<(Option<Name>, Name), Message>,
    pub(crate) users: HashMap<Name, User>,
}
