//! What was seen at which seq of which epoch, to compare readers of one conversation.

use std::collections::HashMap;

use super::{finding::Spot, names::Name};

/// Marks that are held at a time, 100 to 200 MB. Over it the older half of each log is forgotten:
/// readers that lag so far behind are compared at the end of the answer only.
const MOST: usize = 1_000_000;

/// A thread and an epoch.
type Log = (Name, Option<Name>);

/// What one client saw up to a seq.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mark {
    pub(crate) seq: i64,
    pub(crate) first: i64,
    /// The event without its text: type, turn, attempt, status, item.
    pub(crate) event: u64,
    /// Of the event's own text.
    pub(crate) piece: u64,
    /// Characters of the answer up to here, and what they are if texts were recorded.
    pub(crate) length: Option<i64>,
    pub(crate) text: Option<u64>,
    pub(crate) spot: Spot,
}

impl Mark {
    /// Whether two clients that saw this seq can have read one log.
    fn agrees(&self, other: &Self) -> bool {
        let same = |a: Option<i64>, b: Option<i64>| a.is_none() || b.is_none() || a == b;
        let pieces = self.first != other.first || self.piece == other.piece;
        let texts = self.text.is_none() || other.text.is_none() || self.text == other.text;
        self.event == other.event && pieces && texts && same(self.length, other.length)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Logs {
    logs: HashMap<Log, Vec<Mark>>,
    count: usize,
}

impl Logs {
    /// The mark of another client at the same seq, and whether it agrees; none if this is the first.
    pub(crate) fn see(&mut self, log: Log, mark: Mark) -> Option<(Mark, bool)> {
        let marks = self.logs.entry(log).or_default();
        match marks.binary_search_by_key(&mark.seq, |known| known.seq) {
            Ok(at) => {
                let known = *marks.get(at)?;
                Some((known, known.agrees(&mark)))
            }
            // In the middle of what another has seen in one piece there is nothing to compare.
            Err(at) if at < marks.len() => None,
            Err(_) => {
                marks.push(mark);
                self.count += 1;
                self.forget_some();
                None
            }
        }
    }

    fn forget_some(&mut self) {
        if self.count <= MOST {
            return;
        }
        for marks in self.logs.values_mut() {
            marks.drain(..marks.len().div_ceil(2));
        }
        self.logs.retain(|_, marks| !marks.is_empty());
        self.count = self.logs.values().map(Vec::len).sum();
    }
}
