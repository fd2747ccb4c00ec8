//! What a run has counted so far. Clients write into one, the report reads it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};

use super::times::Times;

/// Examples of what went wrong that are kept: enough to see what it is.
const EXAMPLES: usize = 10;

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) questions: u64,
    /// Answers that ended, by status.
    pub(crate) ends: BTreeMap<String, u64>,
    /// By kind. What breaks the protocol's promise is counted in the three below as well.
    pub(crate) errors: BTreeMap<String, u64>,
    pub(crate) order_errors: u64,
    pub(crate) sha_errors: u64,
    pub(crate) missing_ends: u64,
    pub(crate) examples: Vec<String>,
    /// From a question to the first piece of its answer.
    pub(crate) first_delta: Times,
    /// From a question to the end of its answer.
    pub(crate) answers: Times,
    /// Between messages with pieces of one answer on one connection.
    pub(crate) gaps: Times,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// Pieces as the model made them: a merged delta counts as what it covers.
    pub(crate) tokens: u64,
    pub(crate) connects: u64,
    pub(crate) refused_connects: u64,
    /// Open sockets that were lost, by the code of the Close frame; 1006 without one.
    pub(crate) closes: BTreeMap<u16, u64>,
    /// From the start of a connect to `resumed`, by its mode.
    pub(crate) resumes: BTreeMap<String, Times>,
    /// From a loss amid an answer to its next piece.
    pub(crate) back: Times,
    /// Gaps of a second and more amid an answer, on a connection that stayed open.
    pub(crate) stalls: Times,
    /// From a hello that goes on with a conversation to the first frame of how it stands.
    pub(crate) resume: Times,
    /// News of another owner, each time that a client saw it.
    pub(crate) continued: u64,
    pub(crate) restarted: u64,
}

impl Tally {
    pub(crate) fn error(&mut self, kind: &str, example: impl FnOnce() -> String) {
        *self.errors.entry(kind.to_owned()).or_default() += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(format!("{kind}: {}", example()));
        }
    }

    /// What breaks the promise of `live.md`: never to be excused.
    pub(crate) const fn broken(&self) -> u64 {
        self.order_errors + self.sha_errors + self.missing_ends
    }

    pub(crate) fn all_errors(&self) -> u64 {
        self.errors.values().sum()
    }

    pub(crate) fn all_ends(&self) -> u64 {
        self.ends.values().sum()
    }

    pub(crate) fn losses(&self) -> u64 {
        self.closes.values().sum()
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.questions += other.questions;
        add(&mut self.ends, &other.ends);
        add(&mut self.errors, &other.errors);
        add(&mut self.closes, &other.closes);
        self.order_errors += other.order_errors;
        self.sha_errors += other.sha_errors;
        self.missing_ends += other.missing_ends;
        self.examples.extend(other.examples.iter().cloned());
        self.examples.truncate(EXAMPLES);
        self.first_delta.merge(&other.first_delta);
        self.answers.merge(&other.answers);
        self.gaps.merge(&other.gaps);
        self.back.merge(&other.back);
        self.stalls.merge(&other.stalls);
        self.resume.merge(&other.resume);
        self.continued += other.continued;
        self.restarted += other.restarted;
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.tokens += other.tokens;
        self.connects += other.connects;
        self.refused_connects += other.refused_connects;
        for (mode, times) in &other.resumes {
            self.resumes.entry(mode.clone()).or_default().merge(times);
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let resumes: BTreeMap<_, _> =
            self.resumes.iter().map(|(mode, times)| (mode, times.to_json())).collect();
        json!({
            "questions": self.questions,
            "ends": self.ends,
            "errors": { "total": self.all_errors(), "kinds": self.errors },
            "order_errors": self.order_errors,
            "sha_errors": self.sha_errors,
            "missing_ends": self.missing_ends,
            "first_delta_ms": self.first_delta.to_json(),
            "answer_ms": self.answers.to_json(),
            "gap_ms": self.gaps.to_json(),
            "messages": self.messages,
            "bytes": self.bytes,
            "tokens": self.tokens,
            "connects": self.connects,
            "refused_connects": self.refused_connects,
            "closes": self.closes,
            "losses": self.losses(),
            "resumes": resumes,
            "back_ms": self.back.to_json(),
            "stall_ms": self.stalls.to_json(),
            "resume_ms": self.resume.to_json(),
            "continued": self.continued,
            "restarted": self.restarted,
        })
    }
}

fn add<K: Ord + Clone>(mine: &mut BTreeMap<K, u64>, theirs: &BTreeMap<K, u64>) {
    for (kind, count) in theirs {
        *mine.entry(kind.clone()).or_default() += count;
    }
}

/// A tally that many clients share.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<Tally>);

impl Board {
    pub(crate) fn note<T>(&self, write: impl FnOnce(&mut Tally) -> T) -> T {
        write(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was counted so far; counting begins anew.
    pub(crate) fn take(&self) -> Tally {
        self.note(std::mem::take)
    }
}

/// A rate for people: how many a second.
pub(crate) fn per_second(count: u64, time: Duration) -> u64 {
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1_000) / ms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_two_phases_add_up_and_examples_stay_few() {
        let board = Board::default();
        for number in 0..20 {
            board.note(|tally| {
                tally.tokens += 2;
                tally.error("closed 1006", || format!("client {number}"));
                *tally.ends.entry("done".to_owned()).or_default() += 1;
            });
        }
        let mut all = board.take();
        board.note(|tally| {
            tally.tokens += 1;
            tally.sha_errors += 1;
            tally.error("wrong hash", || "client 20".to_owned());
            tally.resumes.entry("replay".to_owned()).or_default().add(Duration::from_millis(3));
        });
        all.merge(&board.take());

        assert_eq!((all.tokens, all.all_ends(), all.all_errors(), all.broken()), (41, 20, 21, 1));
        assert_eq!(all.examples.len(), EXAMPLES);
        assert_eq!(all.to_json()["resumes"]["replay"]["p50"], 3.0);
        assert_eq!(board.take().tokens, 0);
    }

    #[test]
    fn a_rate_is_of_whole_seconds_and_parts() {
        assert_eq!(per_second(30, Duration::from_millis(1_500)), 20);
        assert_eq!(per_second(5, Duration::ZERO), 5_000);
    }
}
