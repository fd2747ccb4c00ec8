//! What another node has shown of one topic.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    published::MOST,
    words::{Stand, Told, Topic},
};

/// Rounds between two requests to begin anew: the answer takes its time.
const PATIENCE: u64 = 2;

pub(super) struct Mirror {
    topic: Topic,
    stand: Stand,
    rows: HashMap<String, Told>,
    /// All of it, as far as it has come.
    coming: Option<Coming>,
    /// Something was missed: the rows are those of before, until all of it comes again.
    lost: bool,
    /// The round of the last request to begin anew.
    asked: Option<u64>,
}

struct Coming {
    stand: Stand,
    next: u32,
    rows: HashMap<String, Told>,
}

/// What has changed in a mirror. `whole`: whatever it does not hold is gone.
#[derive(Debug, Default, PartialEq)]
pub(super) struct News {
    pub whole: bool,
    pub set: Vec<Told>,
    pub gone: Vec<String>,
}

impl Mirror {
    pub(super) fn new(topic: Topic) -> Self {
        let (stand, rows) = (Stand::default(), HashMap::new());
        Self { topic, stand, rows, coming: None, lost: true, asked: None }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &Told> {
        self.rows.values()
    }

    pub(super) const fn lose(&mut self) {
        self.lost = true;
        self.asked = None;
    }

    /// Whether it is to be asked for anew, now.
    pub(super) fn must_ask(&mut self, round: u64) -> bool {
        let due = self.lost && self.asked.is_none_or(|asked| round >= asked + PATIENCE);
        if due {
            self.asked = Some(round);
        }
        due
    }

    /// Its node says how far it has come. What it said before arrived before, if it arrived.
    pub(super) fn at(&mut self, stand: &Stand) {
        let behind = stand.n > self.stand.n;
        if !self.lost && (stand.run != self.stand.run || behind) {
            self.lose();
        }
    }

    pub(super) fn diff(&mut self, to: Stand, set: Vec<Value>, gone: Vec<String>) -> Option<News> {
        if self.lost {
            // What comes behind all of it must not be missing then.
            if self.coming.as_ref().is_some_and(|it| it.stand.run != to.run || it.stand.n < to.n) {
                self.coming = None;
            }
            return None;
        }
        if to.run == self.stand.run && to.n <= self.stand.n {
            return None;
        }
        if to.run != self.stand.run || to.n != self.stand.n + 1 {
            self.lose();
            return None;
        }
        self.stand = to;
        let set = read(self.topic, set);
        for id in &gone {
            self.rows.remove(id);
        }
        keep(&mut self.rows, &set);
        Some(News { whole: false, set, gone })
    }

    pub(super) fn part(
        &mut self,
        stand: &Stand,
        (part, last): (u32, bool),
        rows: Vec<Value>,
    ) -> Option<News> {
        if part == 0 {
            self.coming = Some(Coming { stand: stand.clone(), next: 0, rows: HashMap::new() });
        }
        let coming = self.coming.as_mut().filter(|it| it.stand == *stand && it.next == part);
        let Some(coming) = coming else {
            // A part is missing: another request brings all of them.
            self.coming = None;
            return None;
        };
        keep(&mut coming.rows, &read(self.topic, rows));
        coming.next = coming.next.saturating_add(1);
        if !last {
            return None;
        }
        let Coming { stand, rows, .. } = self.coming.take()?;
        let older = stand.run == self.stand.run && stand.n < self.stand.n;
        if !self.lost && older {
            return None;
        }
        (self.stand, self.rows) = (stand, rows);
        (self.lost, self.asked) = (false, None);
        Some(News { whole: true, set: self.rows.values().cloned().collect(), gone: Vec::new() })
    }
}

fn read(topic: Topic, rows: Vec<Value>) -> Vec<Told> {
    rows.into_iter().filter_map(|row| Told::read(topic, row)).collect()
}

fn keep(rows: &mut HashMap<String, Told>, set: &[Told]) {
    for row in set {
        if rows.len() < MOST || rows.contains_key(row.id()) {
            rows.insert(row.id().to_owned(), row.clone());
        }
    }
}

#[cfg(test)]
impl Mirror {
    /// How far it believes to have come, if it does.
    pub(super) fn believes(&self) -> Option<&Stand> {
        (!self.lost).then_some(&self.stand)
    }
}
