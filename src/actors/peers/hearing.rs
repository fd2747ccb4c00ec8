//! What other nodes say.

use actix::prelude::*;

use super::{
    MOST_PEERS, Peers, Told, Topic,
    mirror::{Mirror, News},
    words::{SUBJECT, Word},
};
use crate::{
    actors::{presence, registry},
    bus::Note,
    domain::ids::{NodeId, StayId},
};

impl Peers {
    pub(super) fn hear(&mut self, note: Note, ctx: &mut Context<Self>) {
        let me = &self.ways.local.node;
        let Note { from, to, subject, body } = note;
        if self.gone || subject != SUBJECT || from == *me || to.is_some_and(|to| to != *me) {
            return;
        }
        match serde_json::from_str(&body) {
            Ok(Word::Goodbye) => self.let_go(&from),
            Ok(word) => {
                self.get_to_know(&from);
                self.heed(&from, word, ctx);
            }
            Err(error) => tracing::debug!(%from, %error, "a note that this version cannot read"),
        }
    }

    /// A node that says anything is there: what is wanted is wanted from it too.
    pub(super) fn get_to_know(&mut self, node: &NodeId) {
        let others = self.known().len();
        for topic in self.wanted_topics() {
            let key = (node.clone(), topic);
            if self.mirrors.contains_key(&key) {
                continue;
            }
            if topic == Topic::Stays && others >= MOST_PEERS {
                tracing::warn!(%node, "too many nodes: this one is not shown");
                return;
            }
            let mut mirror = Mirror::new(topic);
            if mirror.must_ask(self.round) {
                self.tell(Some(node), &Word::Want { topic, anew: true });
            }
            self.mirrors.insert(key, mirror);
        }
    }

    fn heed(&mut self, from: &NodeId, word: Word, ctx: &mut Context<Self>) {
        match word {
            Word::Want { topic, anew } => self.serve(from, topic, anew),
            Word::At { topic, stand } => {
                if let Some(mirror) = self.mirror(from, topic) {
                    mirror.at(&stand);
                }
                self.ask_for_the_lost();
            }
            Word::Part { topic, stand, part, last, rows } => {
                let mirror = self.mirror(from, topic);
                let news = mirror.and_then(|mirror| mirror.part(&stand, (part, last), rows));
                self.pass_on(from, topic, news);
            }
            Word::Diff { topic, stand, set, gone } => {
                let mirror = self.mirror(from, topic);
                let news = mirror.and_then(|mirror| mirror.diff(stand, set, gone));
                self.pass_on(from, topic, news);
                self.ask_for_the_lost();
            }
            Word::Ask { id, question } => self.answer(from, id, question, ctx),
            Word::Answer { id, reply } => self.take_answer(from, &id, reply),
            Word::Notice { user, text, at } => {
                // Ephemeral by definition.
                let _ = self.ways.say.try_send(registry::Say { user, text, at });
            }
            Word::Goodbye => {}
        }
    }

    fn mirror(&mut self, from: &NodeId, topic: Topic) -> Option<&mut Mirror> {
        self.mirrors.get_mut(&(from.clone(), topic))
    }

    fn serve(&mut self, to: &NodeId, topic: Topic, anew: bool) {
        let round = self.round;
        let readers = self.readers.entry(topic).or_default();
        if readers.len() >= MOST_PEERS && !readers.contains_key(to) {
            return;
        }
        readers.insert(to.clone(), round);
        if anew {
            // Told at the next round, when it is known what there is to tell.
            self.fresh.entry(topic).or_default().insert(to.clone());
        } else if let Some(published) = self.published.get(&topic) {
            self.tell(Some(to), &published.at());
        }
    }

    fn pass_on(&mut self, from: &NodeId, topic: Topic, news: Option<News>) {
        let Some(News { whole, set, gone }) = news.filter(|_| topic == Topic::Stays) else {
            return;
        };
        let set = set.into_iter().filter_map(Told::into_stay).collect();
        let gone = gone.into_iter().map(StayId::new).collect();
        let told = self.tell_presence(presence::Others { node: from.clone(), whole, set, gone });
        if !told && let Some(mirror) = self.mirror(from, topic) {
            // Presence is full: it gets all of it later.
            mirror.lose();
        }
    }

    /// What was said meanwhile is not known: everything is asked for, and told, again.
    pub(super) fn begin_anew(&mut self) {
        self.mirrors.values_mut().for_each(Mirror::lose);
        for topic in self.wanted_topics() {
            self.tell(None, &Word::Want { topic, anew: false });
        }
        self.published.values().for_each(|published| self.tell(None, &published.at()));
        self.ask_for_the_lost();
    }
}
