//! How far an answer is, as the dashboard shows it: counted by whoever writes it, read by whoever
//! watches.

use std::cell::Cell;

use crate::{
    domain::{
        clock::{Millis, SECOND},
        event::TurnNews,
        live::feed::TurnRow,
    },
    store::ownership::Claimed,
};

/// One running turn. Shared by the turn and the tutor actor, which live on one thread.
pub(super) struct Progress {
    /// What does not change.
    row: TurnRow,
    waits: Cell<bool>,
    hint_level: Cell<Option<u8>>,
    tokens: Cell<u64>,
    pace: Cell<Pace>,
}

/// Pieces in the second that `from` begins, and in the second before it.
#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    from: Millis,
    now: u64,
    before: u64,
}

impl Pace {
    /// Moved on to the second that `now` is in.
    const fn at(self, now: Millis) -> Self {
        let gone = now.since(self.from);
        if gone < SECOND {
            return self;
        }
        let before = if gone < 2 * SECOND { self.now } else { 0 };
        Self { from: Millis(now.0 - now.0.rem_euclid(SECOND)), now: 0, before }
    }

    /// Pieces in the second up to `now`, as if those of the second before had come evenly.
    fn rate(self, now: Millis) -> u64 {
        let pace = self.at(now);
        let left = u64::try_from(SECOND - now.since(pace.from)).unwrap_or_default();
        pace.now + pace.before * left / 1_000
    }
}

impl Progress {
    pub(super) fn new(claimed: &Claimed) -> Self {
        let turn = &claimed.turn;
        let row = TurnRow {
            turn: turn.id.clone(),
            thread: turn.thread_id.clone(),
            user: turn.user_id.clone(),
            status: "running".into(),
            node: turn.node.clone(),
            attempt: turn.attempt,
            since: Millis(turn.created_at).to_rfc3339(),
            hint_level: None,
            tokens: 0,
            tokens_per_second: 0,
        };
        Self {
            row,
            waits: Cell::new(false),
            hint_level: Cell::new(None),
            tokens: Cell::new(0),
            pace: Cell::default(),
        }
    }

    /// The turn waits, begins or goes on.
    pub(super) fn heard(&self, news: TurnNews, hint_level: Option<u8>) {
        self.waits.set(news == TurnNews::Queued);
        self.hint_level.set(hint_level.or(self.hint_level.get()));
    }

    /// One piece of text more.
    pub(super) fn wrote(&self, now: Millis) {
        self.tokens.set(self.tokens.get() + 1);
        let pace = self.pace.get().at(now);
        self.pace.set(Pace { now: pace.now + 1, ..pace });
    }

    pub(super) fn row(&self, now: Millis) -> TurnRow {
        TurnRow {
            status: if self.waits.get() { "queued" } else { "running" }.into(),
            hint_level: self.hint_level.get(),
            tokens: self.tokens.get(),
            tokens_per_second: self.pace.get().rate(now),
            ..self.row.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrote(times: &[i64]) -> Pace {
        times.iter().fold(Pace::default(), |pace, time| {
            let pace = pace.at(Millis(*time));
            Pace { now: pace.now + 1, ..pace }
        })
    }

    #[test]
    fn the_rate_is_that_of_the_last_second() {
        let steady: Vec<i64> = (0..100).map(|n| n * 20).collect();
        assert_eq!(wrote(&steady).rate(Millis(1_999)), 50);
        assert_eq!(wrote(&steady).rate(Millis(2_500)), 25, "it paused half a second ago");
        assert_eq!(wrote(&steady).rate(Millis(3_000)), 0);
        assert_eq!(wrote(&[]).rate(Millis(9_000)), 0);
        assert_eq!(wrote(&[70_000]).rate(Millis(70_000)), 1);
    }
}
