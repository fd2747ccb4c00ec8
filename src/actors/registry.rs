//! Knows every session of this node: what the dashboard shows, and whom a change concerns.
//!
//! **Owns** a row and an address a session, and who watches. **Takes** [`Report`], [`Gone`],
//! [`Watch`], [`Unwatch`], [`Concern`], [`PushTo`], [`CloseAll`], [`Observe`]. **Sends** frames,
//! rechecks and closes to sessions. **On restart** it is empty until each session reports again,
//! which every session does at intervals; watchers ask again.

use std::{collections::HashMap, time::Duration};

use actix::prelude::*;
use serde::Serialize;

use super::{Observe, session};
use crate::domain::{
    close::Close,
    ids::{ConnectionId, SessionId, StayId, UserId},
    live::{
        feed::{Row, SessionRow},
        frame::Frame,
        request::Filter,
    },
};

const MAILBOX: usize = 8_192;
/// At most four diffs a second; the latest state of a row wins.
const DIFF_EVERY: Duration = Duration::from_millis(250);
pub(crate) const FEED: &str = "sessions";

#[derive(Default)]
pub(crate) struct Registry {
    sessions: HashMap<ConnectionId, Known>,
    watchers: HashMap<ConnectionId, Watcher>,
    /// Rows have changed since the last diff.
    dirty: bool,
}

struct Known {
    row: SessionRow,
    sign_in: SessionId,
    address: Addr<session::Session>,
}

struct Watcher {
    filter: Filter,
    address: Addr<session::Session>,
    /// What the watcher has.
    shown: HashMap<StayId, SessionRow>,
}

impl Registry {
    fn rows(&self, filter: &Filter) -> HashMap<StayId, SessionRow> {
        self.sessions
            .values()
            .filter(|known| passes(filter, &known.row))
            .map(|known| (known.row.session.clone(), known.row.clone()))
            .collect()
    }

    fn send_diffs(&mut self) {
        if !std::mem::take(&mut self.dirty) {
            return;
        }
        let mut watchers = std::mem::take(&mut self.watchers);
        for watcher in watchers.values_mut() {
            let now = self.rows(&watcher.filter);
            if let Some(frame) = diff(&watcher.shown, &now) {
                match watcher.address.try_send(session::Push(frame)) {
                    Ok(()) => watcher.shown = now,
                    // Tried again with whatever holds then.
                    Err(_) => self.dirty = true,
                }
            }
        }
        self.watchers = watchers;
    }
}

fn passes(filter: &Filter, row: &SessionRow) -> bool {
    let equal = |wanted: &Option<String>, is: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| Some(wanted) == is)
    };
    equal(&filter.role, Some(row.user.role.as_str()))
        && equal(&filter.user, Some(row.user.id.as_str()))
        && equal(&filter.course, row.page.as_ref().map(|page| page.course.as_str()))
}

fn diff(before: &HashMap<StayId, SessionRow>, now: &HashMap<StayId, SessionRow>) -> Option<Frame> {
    let (mut add, mut update) = (Vec::new(), Vec::new());
    for (id, row) in now {
        match before.get(id) {
            None => add.push(Row::Session(row.clone())),
            Some(old) if old != row => update.push(Row::Session(row.clone())),
            Some(_) => {}
        }
    }
    let remove: Vec<String> =
        before.keys().filter(|id| !now.contains_key(*id)).map(|id| id.to_string()).collect();
    let changed = !(add.is_empty() && update.is_empty() && remove.is_empty());
    changed.then_some(Frame::FeedDiff { feed: FEED.to_owned(), add, update, remove })
}

impl Actor for Registry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(DIFF_EVERY, |this, _| this.send_diffs());
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

    fn handle(&mut self, Report { row, sign_in, address }: Report, _: &mut Self::Context) {
        self.dirty = true;
        self.sessions.insert(row.connection.clone(), Known { row, sign_in, address });
    }
}

#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Gone(pub ConnectionId);

impl Handler<Gone> for Registry {
    type Result = ();

    fn handle(&mut self, Gone(connection): Gone, _: &mut Self::Context) {
        self.dirty |= self.sessions.remove(&connection).is_some();
        self.watchers.remove(&connection);
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
                Concern::SignIn(sign_in) => known.sign_in == *sign_in,
                Concern::User(user) => known.row.user.id == *user,
            };
            if meant {
                let sent = known.address.try_send(session::Recheck);
                full |= matches!(sent, Err(SendError::Full(_)));
            }
        }
        if full {
            // A revocation must arrive: a busy session is told again.
            ctx.notify_later(concern, DIFF_EVERY);
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

/// Watches the sessions; answers the rows as they are now.
#[derive(Message)]
#[rtype(result = "Vec<SessionRow>")]
pub(crate) struct Watch {
    pub connection: ConnectionId,
    pub filter: Filter,
    pub address: Addr<session::Session>,
}

impl Handler<Watch> for Registry {
    type Result = Vec<SessionRow>;

    fn handle(&mut self, watch: Watch, _: &mut Self::Context) -> Self::Result {
        let Watch { connection, filter, address } = watch;
        let shown = self.rows(&filter);
        let rows = shown.values().cloned().collect();
        self.watchers.insert(connection, Watcher { filter, address, shown });
        rows
    }
}

#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Unwatch(pub ConnectionId);

impl Handler<Unwatch> for Registry {
    type Result = ();

    fn handle(&mut self, Unwatch(connection): Unwatch, _: &mut Self::Context) {
        self.watchers.remove(&connection);
    }
}

/// The node is going: every session closes.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct CloseAll(pub Close);

impl Handler<CloseAll> for Registry {
    type Result = ();

    fn handle(&mut self, CloseAll(close): CloseAll, _: &mut Self::Context) {
        for known in self.sessions.values() {
            // One that is full is cut by the end of the process.
            let _ = known.address.try_send(session::CloseWith(close));
        }
    }
}

#[derive(Debug, PartialEq, Eq, Serialize, MessageResponse)]
pub(crate) struct View {
    pub sessions: usize,
    pub watchers: usize,
}

impl Handler<Observe<View>> for Registry {
    type Result = View;

    fn handle(&mut self, _: Observe<View>, _: &mut Self::Context) -> View {
        View { sessions: self.sessions.len(), watchers: self.watchers.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ids::NodeId, live::feed::RowUser, role::Role};

    fn row(stay: &str, role: Role, lag: i64) -> SessionRow {
        SessionRow {
            session: StayId::new(stay),
            connection: ConnectionId::new(stay),
            node: NodeId::new("n1"),
            user: RowUser { id: UserId::new("u"), name: "Ada".to_owned(), role },
            page: None,
            since: String::new(),
            threads: Vec::new(),
            transport: "websocket",
            queued_bytes: 0,
            lag,
        }
    }

    fn map(rows: &[SessionRow]) -> HashMap<StayId, SessionRow> {
        rows.iter().map(|row| (row.session.clone(), row.clone())).collect()
    }

    #[test]
    fn a_diff_names_what_came_changed_and_went() {
        let before = map(&[row("a", Role::Student, 0), row("b", Role::Student, 0)]);
        let now = map(&[row("b", Role::Student, 3), row("c", Role::Student, 0)]);

        let Some(Frame::FeedDiff { add, update, remove, .. }) = diff(&before, &now) else {
            panic!("there is news");
        };
        assert_eq!(add, [Row::Session(row("c", Role::Student, 0))]);
        assert_eq!(update, [Row::Session(row("b", Role::Student, 3))]);
        assert_eq!(remove, ["a"]);
        assert!(diff(&now, &now).is_none());
    }

    #[test]
    fn the_filter_applies_to_every_row() {
        let filter = Filter { role: Some("student".to_owned()), ..Filter::default() };

        assert!(passes(&filter, &row("a", Role::Student, 0)));
        assert!(!passes(&filter, &row("a", Role::Admin, 0)));
        assert!(!passes(
            &Filter { course: Some("rust".to_owned()), ..Filter::default() },
            &row("a", Role::Student, 0)
        ));
    }
}
