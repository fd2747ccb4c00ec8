//! The entries of one log, packed: consecutive pieces of one answer share one text, so that a token
//! costs a few bytes instead of an entry of its own, and a reader gets what waits for it as one
//! merged delta without joining it.

use std::collections::VecDeque;

use crate::domain::{
    event::{Entry, LogEvent},
    ids::TurnId,
};

#[derive(Debug, Default)]
pub(super) struct Pieces(VecDeque<Piece>);

#[derive(Debug)]
enum Piece {
    Event(Entry),
    Run(Run),
}

/// Deltas of one attempt, one a seq.
#[derive(Debug)]
struct Run {
    turn: TurnId,
    attempt: i32,
    first: i64,
    text: String,
    /// Where the text of each seq ends, in bytes.
    ends: Vec<usize>,
}

impl Run {
    fn begin(entry: &Entry) -> Option<Self> {
        let LogEvent::Delta { turn, attempt, text } = &entry.event else { return None };
        (entry.first == entry.seq).then(|| Self {
            turn: turn.clone(),
            attempt: *attempt,
            first: entry.seq,
            text: text.clone(),
            ends: vec![text.len()],
        })
    }

    /// Takes the delta in, if it is of the same attempt. (The log has checked its seq.)
    fn take(&mut self, entry: &Entry) -> bool {
        match &entry.event {
            LogEvent::Delta { turn, attempt, text }
                if entry.first == entry.seq && (turn, *attempt) == (&self.turn, self.attempt) =>
            {
                self.text.push_str(text);
                self.ends.push(self.text.len());
                true
            }
            _ => false,
        }
    }

    fn last(&self) -> i64 {
        self.first + i64::try_from(self.ends.len()).unwrap_or(i64::MAX) - 1
    }

    /// Where the text behind `seq` begins.
    fn offset(&self, seq: i64) -> usize {
        let behind = usize::try_from(seq - self.first).ok();
        behind.and_then(|at| self.ends.get(at)).copied().unwrap_or(0)
    }

    /// The deltas `first..=last` as one.
    fn between(&self, first: i64, last: i64) -> Entry {
        let range = self.offset(first - 1)..self.offset(last);
        let text = self.text.get(range).unwrap_or_default().to_owned();
        let event = LogEvent::Delta { turn: self.turn.clone(), attempt: self.attempt, text };
        Entry { first, seq: last, event }
    }

    /// Forgets the deltas before `first`.
    fn cut(&mut self, first: i64) {
        let (from, surplus) = (self.offset(first - 1), first - self.first);
        self.text.drain(..from);
        self.ends.drain(..usize::try_from(surplus).unwrap_or(0).min(self.ends.len()));
        for end in &mut self.ends {
            *end -= from;
        }
        self.first = first;
    }
}

impl Piece {
    fn first(&self) -> i64 {
        match self {
            Self::Event(entry) => entry.first,
            Self::Run(run) => run.first,
        }
    }

    fn last(&self) -> i64 {
        match self {
            Self::Event(entry) => entry.seq,
            Self::Run(run) => run.last(),
        }
    }
}

impl Pieces {
    pub(super) fn push(&mut self, entry: Entry) {
        if let Some(Piece::Run(run)) = self.0.back_mut()
            && run.take(&entry)
        {
            return;
        }
        let piece = Run::begin(&entry).map_or(Piece::Event(entry), Piece::Run);
        self.0.push_back(piece);
    }

    /// Seq of the oldest entry.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.0.front().map(Piece::first)
    }

    /// The entries of at most `most` seqs behind `seq`, deltas merged.
    pub(super) fn behind(&self, seq: i64, most: usize) -> Vec<Entry> {
        let upto = seq.saturating_add(i64::try_from(most).unwrap_or(i64::MAX));
        let start = self.0.partition_point(|piece| piece.last() <= seq);
        let pieces = self.0.iter().skip(start).take_while(|piece| piece.first() <= upto);
        let read = pieces.map(|piece| match piece {
            Piece::Event(entry) => entry.clone(),
            Piece::Run(run) => run.between(run.first.max(seq + 1), run.last().min(upto)),
        });
        read.collect()
    }

    /// The entries behind `seq`, as they were pushed.
    pub(super) fn singles(&self, seq: i64) -> Vec<Entry> {
        let start = self.0.partition_point(|piece| piece.last() <= seq);
        let mut singles = Vec::new();
        for piece in self.0.iter().skip(start) {
            match piece {
                Piece::Event(entry) => singles.push(entry.clone()),
                Piece::Run(run) => {
                    let wanted = run.first.max(seq + 1)..=run.last();
                    singles.extend(wanted.map(|seq| run.between(seq, seq)));
                }
            }
        }
        singles
    }

    /// Forgets what stands before `first`, and what was set aside to grow.
    pub(super) fn trim(&mut self, first: i64) {
        let gone = self.0.partition_point(|piece| piece.last() < first);
        self.0.drain(..gone);
        if let Some(Piece::Run(run)) = self.0.front_mut()
            && run.first < first
        {
            run.cut(first);
        }
        for piece in &mut self.0 {
            if let Piece::Run(run) = piece {
                run.text.shrink_to_fit();
                run.ends.shrink_to_fit();
            }
        }
        self.0.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{event::merge, live::limits::REPLAY};

    fn delta(seq: i64, turn: &str, attempt: i32, text: &str) -> Entry {
        let (turn, text) = (TurnId::new(turn), text.to_owned());
        Entry::single(seq, LogEvent::Delta { turn, attempt, text })
    }

    fn cited(seq: i64) -> Entry {
        let turn = TurnId::new("a");
        Entry::single(seq, LogEvent::Citations { turn, sources: Vec::new() })
    }

    /// Single entries with seqs from 1 on.
    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let kind = prop_oneof![
            8 => ("[ab]", 1..3_i32, ".{0,3}").prop_map(Some),
            1 => Just(None),
        ];
        proptest::collection::vec(kind, 0..60).prop_map(|kinds| {
            let entry = |(seq, kind): (i64, Option<(String, i32, String)>)| match kind {
                Some((turn, attempt, text)) => delta(seq, &turn, attempt, &text),
                None => cited(seq),
            };
            (1..).zip(kinds).map(entry).collect()
        })
    }

    proptest! {
        /// Whatever is read from wherever is what was pushed, merged.
        #[test]
        fn what_is_read_is_what_was_written(
            entries in entries(), seq in 0_i64..60, most in 1_usize..40, kept in 0_i64..60
        ) {
            let mut pieces = Pieces::default();
            for entry in entries.clone() {
                pieces.push(entry);
            }
            pieces.trim(kept);
            let (head, seq) = (i64::try_from(entries.len()).unwrap(), seq.max(kept - 1));
            let behind: Vec<_> = entries.into_iter().filter(|entry| entry.seq > seq).collect();
            let wanted = behind.iter().take(most).cloned();
            prop_assert_eq!(merge(pieces.behind(seq, most)), merge(wanted));
            prop_assert_eq!(pieces.singles(seq), behind);
            if kept <= head {
                prop_assert_eq!(pieces.oldest(), (head > 0).then_some(kept.max(1)));
            }
        }
    }

    #[test]
    fn a_token_costs_a_few_bytes() {
        let mut pieces = Pieces::default();
        for seq in 1..=REPLAY {
            pieces.push(delta(seq, "trn_0192f3a0c0de7abc8def0123456789ab", 1, "word "));
        }
        pieces.trim(1);
        let Some(Piece::Run(run)) = pieces.0.front() else { panic!("one run") };
        let bytes = run.text.capacity() + run.ends.capacity() * size_of::<usize>();
        assert_eq!((pieces.0.len(), bytes), (1, 256 * (5 + 8)));
    }
}
