//! Knows every session of this node: what the dashboard shows, and whom a change concerns.
//!
//! **Owns** a row and an address a session. **Takes** [`Report`], [`Gone`], [`Concern`],
//! [`PushTo`], [`Say`], [`Find`], [`Act`], [`Rows`], [`CloseAll`], [`Observe`]. **Sends** frames,
//! rechecks and closes to sessions. **On restart** it is empty until each session reports again,
//! which every session does at intervals.

use std::{collections::HashMap, time::Duration};

use actix::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Observe, session};
use crate::domain::{
    close::Close,
    ids::{ConnectionId, SessionId, StayId, UserId},
    live::{feed::SessionRow, frame::Frame},
};

const MAILBOX: usize = 8_192;
/// A change that a busy session could not take is told again after this.
const TELL_AGAIN: Duration = Duration::from_millis(250);
/// Clients are sent away so far apart, and all of them within the time below, so that they do not
/// come back in the same instant.
const APART: Duration = Duration::from_millis(5);
const SPREAD: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(crate) struct Registry {
    sessions: HashMap<ConnectionId, Known>,
    /// The node is going: whoever comes is sent away with this.
    going: Option<Close>,
    /// To be sent away still, so many at a time.
    to_close: Vec<ConnectionId>,
    at_once: usize,
}

struct Known {
    row: SessionRow,
    sign_in: SessionId,
    address: Addr<session::Session>,
}

impl Registry {
    fn known(&self, stay: &StayId) -> Option<&Known> {
        self.sessions.values().find(|known| known.row.session == *stay)
    }

    /// Sends the next few away. One whose mailbox is full is tried again.
    fn send_away(&mut self, ctx: &mut Context<Self>) {
        let Some(close) = self.going else { return };
        let left = self.to_close.len().saturating_sub(self.at_once);
        for connection in self.to_close.split_off(left) {
            let Some(known) = self.sessions.get(&connection) else { continue };
            let sent = known.address.try_send(session::CloseWith(close));
            if matches!(sent, Err(SendError::Full(_))) {
                self.to_close.push(connection);
            }
        }
        if !self.to_close.is_empty() {
            ctx.run_later(APART, Self::send_away);
        }
    }
}

/// How many of `sessions` must go at a time, so that all are gone within `limit`.
fn at_once(sessions: usize, limit: Duration) -> usize {
    let steps = limit.min(SPREAD).as_millis() / APART.as_millis();
    sessions.div_ceil(usize::try_from(steps).unwrap_or(usize::MAX).max(1)).max(1)
}

impl Actor for Registry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Supervised for Registry {}

/// How a session stands. The first one makes it known; each replaces the one before.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Report {
    pub row: SessionRow,
    pub sign_in: SessionId,
    pub address: Addr<session::Session>,
}

impl Handler<Report> for Registry {
    type Result = ();

    fn handle(&mut self, Report { row, sign_in, address }: Report, ctx: &mut Self::Context) {
        let connection = row.connection.clone();
        let known = self.sessions.insert(connection.clone(), Known { row, sign_in, address });
        if known.is_none() && self.going.is_some() {
            // It said hello while the others were being sent away.
            self.to_close.push(connection);
            if self.to_close.len() == 1 {
                self.send_away(ctx);
            }
        }
    }
}

#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Gone(pub ConnectionId);

impl Handler<Gone> for Registry {
    type Result = ();

    fn handle(&mut self, Gone(connection): Gone, _: &mut Self::Context) {
        self.sessions.remove(&connection);
    }
}

/// Something changed about a user or a sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub(crate) enum Concern {
    /// This sign-in was revoked.
    SignIn(SessionId),
    /// All sign-ins of this user were revoked, or her role, stages or standing changed: each of
    /// her sessions looks for itself.
    User(UserId),
}

impl Handler<Concern> for Registry {
    type Result = ();

    fn handle(&mut self, concern: Concern, ctx: &mut Self::Context) {
        let mut full = false;
        for known in self.sessions.values() {
            let meant = match &concern {
                // An ended sign-in may be the one that an admin acts from; those who act are few.
                Concern::SignIn(sign_in) => {
                    known.sign_in == *sign_in || known.row.impersonated_by.is_some()
                }
                Concern::User(user) => {
                    known.row.user.id == *user || known.row.impersonated_by.as_ref() == Some(user)
                }
            };
            if meant {
                let sent = known.address.try_send(session::Recheck);
                full |= matches!(sent, Err(SendError::Full(_)));
            }
        }
        if full {
            // A revocation must arrive: a busy session is told again.
            ctx.notify_later(concern, TELL_AGAIN);
        }
    }
}

/// An ephemeral frame for all sockets of a user.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct PushTo {
    pub user: UserId,
    pub frame: Frame,
}

impl Handler<PushTo> for Registry {
    type Result = ();

    fn handle(&mut self, PushTo { user, frame }: PushTo, _: &mut Self::Context) {
        for known in self.sessions.values().filter(|known| known.row.user.id == user) {
            // Ephemeral by definition.
            let _ = known.address.try_send(session::Push(frame.clone()));
        }
    }
}

/// Staff say something to all sockets of a user, or to everybody.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub(crate) struct Say {
    pub user: Option<UserId>,
    pub text: String,
    pub at: String,
}

impl Handler<Say> for Registry {
    type Result = ();

    fn handle(&mut self, Say { user, text, at }: Say, _: &mut Self::Context) {
        let meant = |known: &&Known| user.as_ref().is_none_or(|user| known.row.user.id == *user);
        for known in self.sessions.values().filter(meant) {
            let frame = Frame::Notice { text: text.clone(), at: at.clone() };
            // Ephemeral by definition.
            let _ = known.address.try_send(session::Push(frame));
        }
    }
}

/// Who is behind a stay, if it has a socket here.
#[derive(Debug, Message)]
#[rtype(result = "Option<Found>")]
pub(crate) struct Find(pub StayId);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub user: UserId,
    pub sign_in: SessionId,
}

impl Handler<Find> for Registry {
    type Result = Option<Found>;

    fn handle(&mut self, Find(stay): Find, _: &mut Self::Context) -> Option<Found> {
        let Known { row, sign_in, .. } = self.known(&stay)?;
        Some(Found { user: row.user.id.clone(), sign_in: sign_in.clone() })
    }
}

/// What staff do to a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "deed", rename_all = "snake_case")]
pub(crate) enum Deed {
    Kick { reason: Option<String> },
    Notice { text: String, at: String },
}

/// Does something to a stay. Answers whether it has a socket here.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub(crate) struct Act {
    pub stay: StayId,
    pub deed: Deed,
}

impl Handler<Act> for Registry {
    type Result = ResponseFuture<bool>;

    fn handle(&mut self, Act { stay, deed }: Act, _: &mut Self::Context) -> Self::Result {
        let Some(address) = self.known(&stay).map(|known| known.address.clone()) else {
            return Box::pin(std::future::ready(false));
        };
        Box::pin(async move {
            // One that is closing meanwhile is not there any more.
            let done = match deed {
                Deed::Kick { reason } => address.send(session::Kicked { reason }).await,
                Deed::Notice { text, at } => {
                    address.send(session::Push(Frame::Notice { text, at })).await
                }
            };
            done.is_ok()
        })
    }
}

/// The rows of all sessions, those that came first before the others.
#[derive(Debug, Message)]
#[rtype(result = "Vec<SessionRow>")]
pub(crate) struct Rows;

impl Handler<Rows> for Registry {
    type Result = Vec<SessionRow>;

    fn handle(&mut self, Rows: Rows, _: &mut Self::Context) -> Self::Result {
        let mut rows: Vec<_> = self.sessions.values().map(|known| known.row.clone()).collect();
        rows.sort_by(|a, b| (&a.since, &a.connection).cmp(&(&b.since, &b.connection)));
        rows
    }
}

/// The node is going: every session closes, within `limit`, and so does whoever comes later.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct CloseAll {
    pub close: Close,
    pub limit: Duration,
}

impl Handler<CloseAll> for Registry {
    type Result = ();

    fn handle(&mut self, CloseAll { close, limit }: CloseAll, ctx: &mut Self::Context) {
        let idle = self.to_close.is_empty();
        self.going = Some(close);
        self.to_close = self.sessions.keys().cloned().collect();
        self.at_once = at_once(self.to_close.len(), limit);
        if idle {
            self.send_away(ctx);
        }
    }
}

#[derive(Debug, PartialEq, Eq, Serialize, MessageResponse)]
pub(crate) struct View {
    pub sessions: usize,
    /// How many wait to be sent away.
    pub to_close: usize,
}

impl Handler<Observe<View>> for Registry {
    type Result = View;

    fn handle(&mut self, _: Observe<View>, _: &mut Self::Context) -> View {
        View { sessions: self.sessions.len(), to_close: self.to_close.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_thousand_clients_are_sent_away_over_five_seconds_and_one_at_once() {
        let long = Duration::from_secs(20);

        assert_eq!(at_once(1, long), 1);
        assert_eq!(at_once(1_000, long), 1);
        assert_eq!(at_once(5_000, long), 5);
        assert_eq!(at_once(5_001, long), 6);
    }

    #[test]
    fn a_short_deadline_holds_whatever_the_spread() {
        assert_eq!(at_once(1_000, Duration::from_secs(1)), 5);
        assert_eq!(at_once(1_000, Duration::ZERO), 1_000);
        assert_eq!(at_once(0, Duration::ZERO), 1);
    }
}
