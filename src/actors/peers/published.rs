//! What this node shows to others of one topic: all of it once, then numbered changes. Whoever
//! misses a number asks for all of it again.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::Value;

use super::words::{Stand, Told, Topic, Word};

/// They are quoted on their way, and a note is to stay below 64 KiB.
const PORTION: usize = 40 * 1024;
/// Rows of one topic that are shown; a node holds no more sockets than that.
pub(super) const MOST: usize = 50_000;

pub(super) struct Published {
    topic: Topic,
    stand: Stand,
    rows: HashMap<String, Told>,
    /// Bytes of the rows in one note.
    portion: usize,
}

impl Published {
    /// `run` names this beginning, and no other.
    pub(super) fn new(topic: Topic, run: String, rows: Vec<Told>) -> Self {
        let rows = rows.into_iter().take(MOST).map(|row| (row.id().to_owned(), row)).collect();
        Self { topic, stand: Stand { run, n: 0 }, rows, portion: PORTION }
    }

    pub(super) fn at(&self) -> Word {
        Word::At { topic: self.topic, stand: self.stand.clone() }
    }

    /// Takes over what there is now, and says what has changed.
    pub(super) fn become_all(&mut self, now: Vec<Told>) -> Vec<Word> {
        let stand: HashSet<&str> = now.iter().map(Told::id).collect();
        let gone = self.rows.keys().filter(|id| !stand.contains(id.as_str())).cloned().collect();
        let news = now.into_iter().filter(|row| self.rows.get(row.id()) != Some(row)).collect();
        self.change(news, gone)
    }

    /// Takes changes over, and says them.
    pub(super) fn change(&mut self, set: Vec<Told>, mut gone: Vec<String>) -> Vec<Word> {
        gone.retain(|id| self.rows.remove(id).is_some());
        let mut shown = Vec::with_capacity(set.len());
        for row in set {
            if self.rows.len() < MOST || self.rows.contains_key(row.id()) {
                self.rows.insert(row.id().to_owned(), row.clone());
                shown.push(row);
            }
        }
        let mut words: Vec<Word> = portions(gone, self.portion)
            .into_iter()
            .map(|gone| self.diff(Vec::new(), gone))
            .collect();
        for rows in portions(shown, self.portion) {
            let rows = values(&rows);
            words.push(self.diff(rows, Vec::new()));
        }
        words
    }

    fn diff(&mut self, set: Vec<Value>, gone: Vec<String>) -> Word {
        self.stand.n += 1;
        Word::Diff { topic: self.topic, stand: self.stand.clone(), set, gone }
    }

    /// All of it, for one who has nothing.
    pub(super) fn all(&self) -> Vec<Word> {
        let mut parts = portions(self.rows.values().collect(), self.portion);
        if parts.is_empty() {
            parts.push(Vec::new());
        }
        let last = parts.len() - 1;
        let word = |(at, rows): (usize, Vec<&Told>)| Word::Part {
            topic: self.topic,
            stand: self.stand.clone(),
            part: u32::try_from(at).unwrap_or(u32::MAX),
            last: at == last,
            rows: values(rows),
        };
        parts.into_iter().enumerate().map(word).collect()
    }
}

fn values(rows: impl IntoIterator<Item = impl Serialize>) -> Vec<Value> {
    rows.into_iter().filter_map(|row| serde_json::to_value(row).ok()).collect()
}

/// In pieces that have room in a note. One that has none alone goes alone.
fn portions<T: Serialize>(all: Vec<T>, size: usize) -> Vec<Vec<T>> {
    let (mut portions, mut room) = (Vec::<Vec<T>>::new(), 0);
    for one in all {
        let bytes = serde_json::to_vec(&one).map_or(0, |json| json.len() + 1);
        match portions.last_mut() {
            Some(portion) if bytes <= room => {
                room -= bytes;
                portion.push(one);
            }
            _ => {
                room = size.saturating_sub(bytes);
                portions.push(vec![one]);
            }
        }
    }
    portions
}

#[cfg(test)]
impl Published {
    pub(super) const fn in_portions_of(mut self, bytes: usize) -> Self {
        self.portion = bytes;
        self
    }

    pub(super) const fn stand(&self) -> &Stand {
        &self.stand
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &Told> {
        self.rows.values()
    }
}
