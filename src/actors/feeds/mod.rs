//! Shows staff what goes on: gathers the rows of each feed that somebody watches, and sends what
//! changed.
//!
//! **Owns** who watches what through which filter, and what each watcher has. **Takes** [`Watch`],
//! [`Shown`], [`Unwatch`], [`Forget`], [`Observe`]. **Sends** [`Changed`] to sessions, and asks the
//! registry, the tutor and the store for rows. **On restart** it goes on with the watchers it has;
//! what was being gathered is gathered anew.
//!
//! What nobody watches is not gathered. A watcher has at most one diff on its way: one that is slow
//! gets the latest state later, never a queue of old ones.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use actix::prelude::*;
use serde::Serialize;
use tokio::sync::oneshot;

use super::{Observe, session::Changed};
use crate::{
    domain::{
        ids::ConnectionId,
        live::{
            feed::{Feed, Row},
            request::Filter,
        },
    },
    store::StoreError,
};

mod diff;
mod sources;
#[cfg(test)]
mod tests;

pub(crate) use sources::Sources;

use diff::{Diff, Have};
use sources::Gathered;

const MAILBOX: usize = 1_024;
/// At most four diffs a second; the latest state of a row wins.
const ROUND: Duration = Duration::from_millis(250);
/// Feeds of the store that change seldom are read once in so many rounds.
const SELDOM: u64 = 4;
/// Feeds that one connection may watch at once.
const MOST: usize = 16;

pub(crate) struct Feeds {
    sources: Arc<Sources>,
    watchers: HashMap<ConnectionId, Watcher>,
    /// What was gathered last, of the feeds that are watched.
    gathered: HashMap<Feed, Gathered>,
    round: u64,
    gathering: bool,
    /// The last round failed, and that has been said.
    failing: bool,
    /// Names each watch, so that what is meant for an older one does not reach a newer.
    numbers: u64,
}

struct Watcher {
    session: Recipient<Changed>,
    feeds: HashMap<Feed, Watched>,
}

struct Watched {
    number: u64,
    filter: Filter,
    have: Have,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The snapshot is on its way to the client.
    Opening,
    /// The client is up to date with this round; only later ones concern it.
    Since(u64),
    /// A diff is on its way.
    Sending,
}

impl Feeds {
    pub(crate) fn new(sources: Sources) -> Self {
        Self {
            sources: Arc::new(sources),
            watchers: HashMap::new(),
            gathered: HashMap::new(),
            round: 0,
            gathering: false,
            failing: false,
            numbers: 0,
        }
    }

    /// The watch of this number, if it is not over.
    fn watched(
        &mut self,
        connection: &ConnectionId,
        feed: &Feed,
        number: u64,
    ) -> Option<&mut Watched> {
        let watched = self.watchers.get_mut(connection)?.feeds.get_mut(feed)?;
        (watched.number == number).then_some(watched)
    }

    /// Gathers what is watched and due.
    fn next_round(&mut self, ctx: &mut Context<Self>) {
        self.watchers.retain(|_, watcher| watcher.session.connected() && !watcher.feeds.is_empty());
        let watched: HashSet<Feed> =
            self.watchers.values().flat_map(|watcher| watcher.feeds.keys().cloned()).collect();
        self.gathered.retain(|feed, _| watched.contains(feed));
        if watched.is_empty() || std::mem::replace(&mut self.gathering, true) {
            return;
        }
        self.round += 1;
        let all = self.round.is_multiple_of(SELDOM);
        let due = watched.into_iter().filter(|feed| all || !changes_seldom(feed));
        let due: Vec<(Feed, Option<Gathered>)> =
            due.map(|feed| (feed.clone(), self.gathered.get(&feed).cloned())).collect();
        let sources = Arc::clone(&self.sources);
        let gather = async move {
            let mut news = Vec::with_capacity(due.len());
            for (feed, before) in due {
                let gathered = sources.gather(&feed, before).await;
                news.push((feed, gathered));
            }
            news
        };
        ctx.spawn(gather.into_actor(self).map(|news, this, ctx| {
            this.gathering = false;
            for (feed, gathered) in news {
                this.take(feed, gathered, ctx);
            }
        }));
    }

    fn take(
        &mut self,
        feed: Feed,
        gathered: Result<Gathered, StoreError>,
        ctx: &mut Context<Self>,
    ) {
        match gathered {
            Ok(gathered) => {
                self.failing = false;
                self.send_diffs(&feed, &gathered, ctx);
                self.gathered.insert(feed, gathered);
            }
            // Watchers keep what they have.
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(%feed, %error, "a feed cannot be gathered");
                }
            }
        }
    }

    fn send_diffs(&mut self, feed: &Feed, now: &Gathered, ctx: &mut Context<Self>) {
        let round = self.round;
        for (connection, watcher) in &mut self.watchers {
            let Some(watched) = watcher.feeds.get_mut(feed) else { continue };
            if !matches!(watched.state, State::Since(since) if since < round) {
                continue;
            }
            let Some(diff) = watched.have.against(&now.rows, &watched.filter) else { continue };
            let (taken, answer) = oneshot::channel();
            let changed = Changed { feed: feed.clone(), frame: diff.frame(feed), taken };
            // A full mailbox: tried again in the next round, with whatever holds then.
            if watcher.session.try_send(changed).is_err() {
                continue;
            }
            watched.state = State::Sending;
            let (connection, feed, number) = (connection.clone(), feed.clone(), watched.number);
            let answer = fut::wrap_future::<_, Self>(answer);
            ctx.spawn(answer.map(move |taken, this, _| {
                let (taken, round) = (taken.unwrap_or(false), this.round);
                if let Some(watched) = this.watched(&connection, &feed, number) {
                    watched.sent(diff, taken, round);
                }
            }));
        }
    }

    /// Makes place for a watch. Gives its number; none if the connection watches too much.
    fn admit(&mut self, watch: Watch) -> Option<u64> {
        let Watch { connection, feed, filter, session } = watch;
        let watcher = self
            .watchers
            .entry(connection)
            .or_insert_with(|| Watcher { session, feeds: HashMap::new() });
        if watcher.feeds.len() >= MOST && !watcher.feeds.contains_key(&feed) {
            return None;
        }
        self.numbers += 1;
        let number = self.numbers;
        let state = State::Opening;
        watcher.feeds.insert(feed, Watched { number, filter, have: Have::default(), state });
        Some(number)
    }

    fn end(&mut self, connection: &ConnectionId, over: impl Fn(&Feed) -> bool) {
        if let Some(watcher) = self.watchers.get_mut(connection) {
            watcher.feeds.retain(|feed, _| !over(feed));
            if watcher.feeds.is_empty() {
                self.watchers.remove(connection);
            }
        }
    }
}

impl Watched {
    /// The session has taken a diff, or had no room for it.
    fn sent(&mut self, diff: Diff, taken: bool, round: u64) {
        self.state = if taken { State::Since(round) } else { State::Since(0) };
        if taken {
            self.have.apply(diff);
        }
    }
}

const fn changes_seldom(feed: &Feed) -> bool {
    matches!(feed, Feed::Nodes | Feed::AuthEvents)
}

impl Actor for Feeds {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(ROUND, Self::next_round);
    }
}

impl Supervised for Feeds {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.gathering = false;
        for watched in self.watchers.values_mut().flat_map(|watcher| watcher.feeds.values_mut()) {
            // Whether the last diff arrived is not known: what it held is told once more.
            if watched.state == State::Sending {
                watched.state = State::Since(0);
            }
        }
    }
}

/// Watches a feed. Diffs begin when the session says [`Shown`].
#[derive(Message)]
#[rtype(result = "Result<Opened, Denied>")]
pub(crate) struct Watch {
    pub connection: ConnectionId,
    pub feed: Feed,
    pub filter: Filter,
    pub session: Recipient<Changed>,
}

/// A watch and its snapshot. What has no room in one frame comes with the first diffs.
#[derive(Debug)]
pub(crate) struct Opened {
    pub number: u64,
    pub rows: Vec<Row>,
}

#[derive(Debug)]
pub(crate) enum Denied {
    /// The connection watches too many feeds.
    TooMany,
    /// The watch was ended before it began.
    Over,
    Store(StoreError),
}

impl Handler<Watch> for Feeds {
    type Result = ResponseActFuture<Self, Result<Opened, Denied>>;

    fn handle(&mut self, watch: Watch, _: &mut Self::Context) -> Self::Result {
        let (connection, feed) = (watch.connection.clone(), watch.feed.clone());
        let Some(number) = self.admit(watch) else {
            return Box::pin(fut::ready(Err(Denied::TooMany)));
        };
        let (sources, wanted) = (Arc::clone(&self.sources), feed.clone());
        let gather = async move { sources.gather(&wanted, None).await };
        Box::pin(gather.into_actor(self).map(move |gathered, this, _| {
            let gathered = match gathered {
                Ok(gathered) => gathered,
                Err(error) => {
                    this.end(&connection, |other| *other == feed);
                    return Err(Denied::Store(error));
                }
            };
            let watched = this.watched(&connection, &feed, number).ok_or(Denied::Over)?;
            let first = watched.have.against(&gathered.rows, &watched.filter).unwrap_or_default();
            let rows = first.add.clone();
            watched.have.apply(first);
            Ok(Opened { number, rows })
        }))
    }
}

/// The snapshot is written to the client's queue: diffs may follow.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Shown {
    pub connection: ConnectionId,
    pub feed: Feed,
    pub number: u64,
}

impl Handler<Shown> for Feeds {
    type Result = ();

    fn handle(&mut self, Shown { connection, feed, number }: Shown, _: &mut Self::Context) {
        let round = self.round;
        if let Some(watched) = self.watched(&connection, &feed, number) {
            // What is being gathered just now may be older than the snapshot.
            watched.state = State::Since(round);
        }
    }
}

#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Unwatch {
    pub connection: ConnectionId,
    pub feed: Feed,
}

impl Handler<Unwatch> for Feeds {
    type Result = ();

    fn handle(&mut self, Unwatch { connection, feed }: Unwatch, _: &mut Self::Context) {
        self.end(&connection, |other| *other == feed);
    }
}

/// A connection has lost rights: its watches end. (One that is closed is forgotten without.)
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Forget {
    pub connection: ConnectionId,
    /// Only the feeds that are for admins.
    pub only_for_admins: bool,
}

impl Handler<Forget> for Feeds {
    type Result = ();

    fn handle(&mut self, forget: Forget, _: &mut Self::Context) {
        let Forget { connection, only_for_admins } = forget;
        self.end(&connection, |feed| feed.is_for_admins() || !only_for_admins);
    }
}

#[derive(Debug, PartialEq, Eq, Serialize, MessageResponse)]
pub(crate) struct View {
    pub watchers: usize,
    pub watches: usize,
    pub round: u64,
}

impl Handler<Observe<View>> for Feeds {
    type Result = View;

    fn handle(&mut self, _: Observe<View>, _: &mut Self::Context) -> View {
        let watches = self.watchers.values().map(|watcher| watcher.feeds.len()).sum();
        View { watchers: self.watchers.len(), watches, round: self.round }
    }
}
