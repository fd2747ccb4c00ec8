//! Exchange with the other nodes: shows them what this one has, keeps what they show, asks them,
//! and answers.
//!
//! **Owns** a mirror a node and topic, what this node shows, and the questions that wait for an
//! answer. **Takes** [`Elsewhere`], [`Find`], [`Do`], [`Say`](registry::Say), [`Join`], [`Moved`], [`Goodbye`],
//! [`Observe`], and notes from the bus. **Sends** notes; asks the registry and the tutor for rows,
//! and has the registry do what others ask for; tells presence who is elsewhere. **On restart** it
//! goes on with what it has.
//!
//! The bus may lose notes. Each change of a topic is numbered and each node tells its number again
//! and again, so that whoever missed one asks for all of it. What nobody wants is not told, and
//! without other nodes nothing is.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use actix::prelude::*;
use serde::Serialize;
use tokio_stream::wrappers::{BroadcastStream, errors::BroadcastStreamRecvError};

use super::{Lease, Observe, presence, registry};
use crate::{
    bus::{Bus, Note, Wake},
    domain::{
        clock::SharedClock,
        ids::{NodeId, SharedIds, StayId},
        live::feed::Row,
    },
    store::Store,
};

mod asking;
mod hearing;
mod local;
mod mirror;
mod published;
mod words;

#[cfg(test)]
mod law_tests;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod wire;

pub(crate) use asking::{Do, Find, FoundAt};
pub(crate) use local::Local;
pub(crate) use words::{StayRow, Told, Topic};

use asking::{Asked, Done};
use mirror::Mirror;
use published::Published;
use words::{SUBJECT, Word};

const MAILBOX: usize = 4_096;
/// Changes are told at most four times a second, as to any watcher.
#[cfg(not(test))]
const ROUND: Duration = Duration::from_millis(250);
#[cfg(test)]
const ROUND: Duration = Duration::from_millis(10);
/// Rounds from one word of what is wanted to the next: two seconds.
const SAY_AGAIN: u64 = 8;
/// Rounds after which a wish that was not repeated is over.
const FORGET: u64 = 20;
/// Rounds after which a topic that no watcher here has asked for is not wanted any more.
const UNUSED: u64 = 12;
/// Other nodes whose rows are kept.
const MOST_PEERS: usize = 64;

/// What the exchange is made with.
pub(crate) struct Ways {
    pub bus: Bus,
    pub store: Arc<Store>,
    pub lease: Arc<Lease>,
    pub clock: SharedClock,
    pub ids: SharedIds,
    pub local: Arc<Local>,
    pub find: Recipient<registry::Find>,
    pub act: Recipient<registry::Act>,
    pub say: Recipient<registry::Say>,
}

pub(crate) struct Peers {
    ways: Ways,
    round: u64,
    /// What watchers here want to see, with the round in which one last asked.
    wanted: HashMap<Topic, u64>,
    mirrors: HashMap<(NodeId, Topic), Mirror>,
    /// Who wants what from here, with the round in which it last said so.
    readers: HashMap<Topic, HashMap<NodeId, u64>>,
    /// Those of them who have nothing yet.
    fresh: HashMap<Topic, HashSet<NodeId>>,
    published: HashMap<Topic, Published>,
    /// Where stays have come or gone since presence was last told of to others.
    moved: HashMap<StayId, Option<StayRow>>,
    presence: Option<Recipient<presence::Others>>,
    asked: HashMap<String, Asked>,
    done: VecDeque<Done>,
    gathering: bool,
    judging: bool,
    /// Goodbye was said.
    gone: bool,
}

impl Peers {
    pub(crate) fn new(ways: Ways) -> Self {
        Self {
            ways,
            round: 0,
            wanted: HashMap::new(),
            mirrors: HashMap::new(),
            readers: HashMap::new(),
            fresh: HashMap::new(),
            published: HashMap::new(),
            moved: HashMap::new(),
            presence: None,
            asked: HashMap::new(),
            done: VecDeque::new(),
            gathering: false,
            judging: false,
            gone: false,
        }
    }

    fn is_alone(&self) -> bool {
        self.gone || !self.ways.bus.reaches_others()
    }

    fn tell(&self, to: Option<&NodeId>, word: &Word) {
        match serde_json::to_string(word) {
            Ok(body) => self.ways.bus.wake(Wake::Note(Note {
                from: self.ways.local.node.clone(),
                to: to.cloned(),
                subject: SUBJECT.to_owned(),
                body,
            })),
            Err(error) => tracing::error!(%error, "a note cannot be written"),
        }
    }

    /// The nodes that have spoken, of those that live.
    fn known(&self) -> Vec<NodeId> {
        let stays = self.mirrors.keys().filter(|(_, topic)| *topic == Topic::Stays);
        stays.map(|(node, _)| node.clone()).collect()
    }

    fn wanted_topics(&self) -> Vec<Topic> {
        let feeds = self.wanted.keys().copied();
        feeds.chain([Topic::Stays]).collect()
    }

    fn next_round(&mut self, ctx: &mut Context<Self>) {
        if self.gone {
            return;
        }
        self.round += 1;
        self.forget_the_unused();
        self.tell_stays();
        self.tell_rows(ctx);
        if self.round.is_multiple_of(SAY_AGAIN) {
            for topic in self.wanted_topics() {
                self.tell(None, &Word::Want { topic, anew: false });
            }
            self.judge(ctx);
        }
        self.ask_for_the_lost();
        self.ask_again();
    }

    fn forget_the_unused(&mut self) {
        let round = self.round;
        self.wanted.retain(|_, last| round - *last < UNUSED);
        let wanted = &self.wanted;
        self.mirrors.retain(|(_, topic), _| *topic == Topic::Stays || wanted.contains_key(topic));
        for readers in self.readers.values_mut() {
            readers.retain(|_, last| round - *last < FORGET);
        }
        self.readers.retain(|_, readers| !readers.is_empty());
        let readers = &self.readers;
        self.published.retain(|topic, _| *topic == Topic::Stays || readers.contains_key(topic));
    }

    fn ask_for_the_lost(&mut self) {
        let round = self.round;
        let lost = self.mirrors.iter_mut().filter_map(|((node, topic), mirror)| {
            mirror.must_ask(round).then(|| (node.clone(), *topic))
        });
        for (node, topic) in lost.collect::<Vec<_>>() {
            self.tell(Some(&node), &Word::Want { topic, anew: true });
        }
    }

    /// Stays are told as they move, not gathered: most of the time nothing does.
    fn tell_stays(&mut self) {
        let moved = std::mem::take(&mut self.moved);
        let (mut set, mut gone) = (Vec::new(), Vec::new());
        for (stay, row) in moved {
            match row {
                Some(row) => set.push(Told::Stay(row)),
                None => gone.push(stay.as_str().to_owned()),
            }
        }
        let run = || self.ways.ids.token(8);
        let published = self
            .published
            .entry(Topic::Stays)
            .or_insert_with(|| Published::new(Topic::Stays, run(), Vec::new()));
        for word in published.change(set, gone) {
            self.tell(None, &word);
        }
        self.show_the_fresh(Topic::Stays);
    }

    /// Gathers what others want to see of the feeds.
    fn tell_rows(&mut self, ctx: &mut Context<Self>) {
        let topics: Vec<Topic> =
            self.readers.keys().copied().filter(|topic| *topic != Topic::Stays).collect();
        if topics.is_empty() || std::mem::replace(&mut self.gathering, true) {
            return;
        }
        let local = Arc::clone(&self.ways.local);
        let gather = async move {
            let mut news = Vec::with_capacity(topics.len());
            for topic in topics {
                news.push((topic, local.rows(topic).await));
            }
            news
        };
        ctx.spawn(gather.into_actor(self).map(|news, this, _| {
            this.gathering = false;
            for (topic, rows) in news {
                this.publish(topic, rows);
            }
        }));
    }

    fn publish(&mut self, topic: Topic, rows: Vec<Told>) {
        if self.gone || !self.readers.contains_key(&topic) {
            return;
        }
        if let Some(published) = self.published.get_mut(&topic) {
            for word in published.become_all(rows) {
                self.tell(None, &word);
            }
        } else {
            let run = self.ways.ids.token(8);
            self.published.insert(topic, Published::new(topic, run, rows));
        }
        self.show_the_fresh(topic);
    }

    fn show_the_fresh(&mut self, topic: Topic) {
        let Some(fresh) = self.fresh.remove(&topic) else { return };
        let Some(published) = self.published.get(&topic) else { return };
        let all = published.all();
        for node in fresh {
            for word in &all {
                self.tell(Some(&node), word);
            }
        }
    }

    /// Lets go of nodes whose lease is over.
    fn judge(&mut self, ctx: &mut Context<Self>) {
        let now = self.ways.clock.now();
        let may = self.ways.lease.may_judge(now);
        if self.mirrors.is_empty() || !may || std::mem::replace(&mut self.judging, true) {
            return;
        }
        let store = Arc::clone(&self.ways.store);
        let nodes = async move { store.nodes(now).await };
        ctx.spawn(nodes.into_actor(self).map(|nodes, this, _| {
            this.judging = false;
            match nodes {
                Ok(nodes) => {
                    let alive = nodes.into_iter().filter(|node| node.alive).map(|node| node.id);
                    let alive: HashSet<NodeId> = alive.collect();
                    let known = this.known().into_iter();
                    for node in known.filter(|node| !alive.contains(node)) {
                        this.let_go(&node);
                    }
                }
                Err(error) => tracing::warn!(%error, "whether other nodes live is not known"),
            }
        }));
    }

    fn let_go(&mut self, node: &NodeId) {
        tracing::info!(%node, "a node is gone");
        self.mirrors.retain(|(other, _), _| other != node);
        for readers in self.readers.values_mut() {
            readers.remove(node);
        }
        let (set, gone) = (Vec::new(), Vec::new());
        let others = presence::Others { node: node.clone(), whole: true, set, gone };
        if !self.tell_presence(others) {
            tracing::warn!(%node, "presence is full; it counts a node that is gone");
        }
    }

    /// Whether presence has it.
    fn tell_presence(&self, others: presence::Others) -> bool {
        self.presence.as_ref().is_none_or(|presence| presence.try_send(others).is_ok())
    }
}

impl Actor for Peers {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        if self.is_alone() {
            return;
        }
        (self.gathering, self.judging) = (false, false);
        ctx.add_stream(BroadcastStream::new(self.ways.bus.listen_to_nodes()));
        ctx.run_interval(ROUND, Self::next_round);
        // Whoever hears it asks for ours, and answers with how far it has come.
        self.tell(None, &Word::Want { topic: Topic::Stays, anew: false });
    }
}

impl Supervised for Peers {}

impl StreamHandler<Result<Wake, BroadcastStreamRecvError>> for Peers {
    fn handle(&mut self, wake: Result<Wake, BroadcastStreamRecvError>, ctx: &mut Self::Context) {
        match wake {
            Ok(Wake::Note(note)) => self.hear(note, ctx),
            // Notes may be lost, in both directions.
            Ok(Wake::Gap) | Err(BroadcastStreamRecvError::Lagged(_)) => self.begin_anew(),
            Ok(_) => {}
        }
    }
}

/// The rows of other nodes, for a feed that somebody here watches. The first time they are only
/// asked for; they come soon.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Row>")]
pub(crate) struct Elsewhere(pub Topic);

impl Handler<Elsewhere> for Peers {
    type Result = Vec<Row>;

    fn handle(&mut self, Elsewhere(topic): Elsewhere, _: &mut Self::Context) -> Vec<Row> {
        if self.is_alone() {
            return Vec::new();
        }
        if self.wanted.insert(topic, self.round).is_none() {
            self.known().iter().for_each(|node| self.get_to_know(node));
        }
        let of_it = self.mirrors.iter().filter(|((_, other), _)| *other == topic);
        of_it.flat_map(|(_, mirror)| mirror.rows()).cloned().filter_map(Told::into_row).collect()
    }
}

/// Presence tells all of its stays, and wants to hear of those on other nodes.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Join {
    pub presence: Recipient<presence::Others>,
    pub stays: Vec<StayRow>,
}

impl Handler<Join> for Peers {
    type Result = ();

    fn handle(&mut self, Join { presence, stays }: Join, _: &mut Self::Context) {
        if self.is_alone() {
            return;
        }
        self.presence = Some(presence);
        self.moved.clear();
        let run = self.ways.ids.token(8);
        let stays = stays.into_iter().map(Told::Stay).collect();
        let published = Published::new(Topic::Stays, run, stays);
        self.tell(None, &published.at());
        self.published.insert(Topic::Stays, published);
        // It gets all of every other node.
        let mirrors = self.mirrors.iter_mut().filter(|((_, topic), _)| *topic == Topic::Stays);
        mirrors.for_each(|(_, mirror)| mirror.lose());
        self.ask_for_the_lost();
    }
}

/// A stay has a socket here, or has none here any more.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Moved {
    pub stay: StayId,
    pub row: Option<StayRow>,
}

impl Handler<Moved> for Peers {
    type Result = ();

    fn handle(&mut self, Moved { stay, row }: Moved, _: &mut Self::Context) {
        if !self.is_alone() {
            self.moved.insert(stay, row);
        }
    }
}

/// The node is going; the others need not wait for the end of its lease.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Goodbye;

impl Handler<Goodbye> for Peers {
    type Result = ();

    fn handle(&mut self, Goodbye: Goodbye, _: &mut Self::Context) {
        if !self.is_alone() {
            self.tell(None, &Word::Goodbye);
            self.gone = true;
        }
    }
}

#[derive(Debug, PartialEq, Eq, Serialize, MessageResponse)]
pub(crate) struct View {
    /// Mirrors of other nodes' topics.
    pub mirrors: usize,
    /// Topics that this node shows to others, stays included.
    pub shown: usize,
    /// Questions that wait for an answer.
    pub asked: usize,
}

impl Handler<Observe<View>> for Peers {
    type Result = View;

    fn handle(&mut self, _: Observe<View>, _: &mut Self::Context) -> View {
        let (mirrors, shown) = (self.mirrors.len(), self.published.len());
        View { mirrors, shown, asked: self.asked.len() }
    }
}
