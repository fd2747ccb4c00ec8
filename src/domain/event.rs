//! The log of a thread: numbered events that a client applies in order (`live.md` §2).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    code::Code,
    ids::{ItemId, TurnId},
    item::{Item, Source},
};

/// An event and the seqs that it covers; only a merged delta covers more than one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub first: i64,
    pub seq: i64,
    #[serde(flatten)]
    pub event: LogEvent,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub enum LogEvent {
    /// A question was accepted.
    Message {
        item: Item,
        /// With an edited question: the one that it stands in for. That item and all behind it
        /// have left the conversation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<ItemId>,
    },
    /// An attempt at an answer has begun, goes on, or waits.
    Turn {
        turn: TurnId,
        attempt: i32,
        status: TurnNews,
        #[serde(skip_serializing_if = "Option::is_none")]
        hint_level: Option<u8>,
        /// With `restarted`: forget the text of this turn from this seq on.
        #[serde(skip_serializing_if = "Option::is_none")]
        drop_from: Option<i64>,
        /// With a regenerated answer: the one that has left the conversation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<ItemId>,
    },
    Citations {
        turn: TurnId,
        sources: Vec<Source>,
    },
    Delta {
        turn: TurnId,
        attempt: i32,
        text: String,
    },
    /// Exactly one a turn.
    End(Box<End>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum TurnNews {
    Queued,
    Running,
    /// Another owner goes on behind the text that stands.
    Continued,
    /// Another owner begins anew.
    Restarted,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct End {
    pub turn: TurnId,
    pub attempt: i32,
    pub status: Ending,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<Item>,
    /// Unicode scalar values of the text that stands.
    pub length: i64,
    /// Lower-case hex over its UTF-8 bytes.
    pub sha256: String,
    pub usage: Usage,
    pub timing_ms: Timing,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// What the answer had to do without, such as `retrieval`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(as = "Option<Vec<String>>", optional))]
    pub degraded: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Ending {
    Done,
    Cancelled,
    Failed,
    Refused,
}

impl Ending {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Usage {
    pub input: i64,
    pub output: i64,
}

/// Milliseconds from the accepted question to the first text and to the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Timing {
    pub first: Option<i64>,
    pub total: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Failure {
    pub code: Code,
    pub message: String,
}

impl LogEvent {
    pub fn turn(&self) -> Option<&TurnId> {
        match self {
            Self::Message { .. } => None,
            Self::Turn { turn, .. } | Self::Citations { turn, .. } | Self::Delta { turn, .. } => {
                Some(turn)
            }
            Self::End(end) => Some(&end.turn),
        }
    }
}

impl Entry {
    pub const fn single(seq: i64, event: LogEvent) -> Self {
        Self { first: seq, seq, event }
    }
}

/// Joins each run of deltas of one attempt: text joins, `first..seq` widens, nothing is lost.
pub fn merge(entries: impl IntoIterator<Item = Entry>) -> Vec<Entry> {
    let mut merged: Vec<Entry> = Vec::new();
    for entry in entries {
        if let Some(last) = merged.last_mut()
            && let LogEvent::Delta { turn, attempt, text } = &mut last.event
            && let LogEvent::Delta { turn: next, attempt: again, text: more } = &entry.event
            && (&*turn, *attempt) == (next, *again)
            && last.seq + 1 == entry.first
        {
            text.push_str(more);
            last.seq = entry.seq;
        } else {
            merged.push(entry);
        }
    }
    merged
}

/// `length` and `sha256` of an answer, as `end` states them.
pub fn fingerprint(text: &str) -> (i64, String) {
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    (length, hex(&Sha256::digest(text.as_bytes())))
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;

    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// What the log says of a turn that has not ended: where a late reader starts, and what another
/// owner goes on from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Running {
    pub turn: TurnId,
    pub attempt: i32,
    pub text: String,
    pub hint_level: Option<u8>,
    pub sources: Vec<Source>,
    /// Seq of the first delta of the text that stands.
    pub first_delta: Option<i64>,
}

impl Running {
    pub const fn new(turn: TurnId, attempt: i32) -> Self {
        Self {
            turn,
            attempt,
            text: String::new(),
            hint_level: None,
            sources: Vec::new(),
            first_delta: None,
        }
    }

    /// Takes in the next event of the same turn.
    pub fn apply(&mut self, entry: &Entry) {
        match &entry.event {
            LogEvent::Turn { attempt, status, hint_level, .. } => {
                self.attempt = *attempt;
                self.hint_level = hint_level.or(self.hint_level);
                if *status == TurnNews::Restarted {
                    self.text.clear();
                    self.first_delta = None;
                }
            }
            LogEvent::Citations { sources, .. } => self.sources.clone_from(sources),
            LogEvent::Delta { text, .. } => {
                self.text.push_str(text);
                self.first_delta.get_or_insert(entry.first);
            }
            LogEvent::Message { .. } | LogEvent::End(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn delta(seq: i64, turn: &str, text: &str) -> Entry {
        let event = LogEvent::Delta { turn: TurnId::new(turn), attempt: 1, text: text.to_owned() };
        Entry::single(seq, event)
    }

    proptest! {
        #[test]
        fn merging_loses_no_text_and_leaves_no_gap(
            texts in proptest::collection::vec(("[ab]", ".{0,4}"), 0..40)
        ) {
            let entries: Vec<_> =
                (1..).zip(&texts).map(|(seq, (turn, text))| delta(seq, turn, text)).collect();
            let merged = merge(entries.clone());

            let joined = |entries: &[Entry]| -> String {
                entries
                    .iter()
                    .map(|entry| match &entry.event {
                        LogEvent::Delta { text, .. } => text.clone(),
                        _ => String::new(),
                    })
                    .collect()
            };
            prop_assert_eq!(joined(&merged), joined(&entries));
            let mut next = 1;
            for entry in &merged {
                prop_assert_eq!(entry.first, next);
                next = entry.seq + 1;
            }
            prop_assert_eq!(next, i64::try_from(entries.len()).unwrap() + 1);
        }
    }

    #[test]
    fn deltas_of_another_turn_or_attempt_stay_apart() {
        let mut other = delta(2, "a", "y");
        if let LogEvent::Delta { attempt, .. } = &mut other.event {
            *attempt = 2;
        }
        assert_eq!(merge([delta(1, "a", "x"), other, delta(3, "b", "z")]).len(), 3);
    }

    #[test]
    fn length_counts_scalar_values_and_the_hash_is_over_utf8() {
        let (length, sha) = fingerprint("é👍");
        assert_eq!(length, 2);
        assert_eq!(sha, hex(&Sha256::digest([0xc3, 0xa9, 0xf0, 0x9f, 0x91, 0x8d])));
        assert!(fingerprint("").1.starts_with("e3b0c44298fc1c14"));
    }

    #[test]
    fn a_restart_drops_the_text_of_earlier_attempts() {
        let mut running = Running::new(TurnId::new("a"), 1);
        running.apply(&delta(5, "a", "old"));
        assert_eq!(running.first_delta, Some(5));
        let event = LogEvent::Turn {
            turn: TurnId::new("a"),
            attempt: 2,
            status: TurnNews::Restarted,
            hint_level: None,
            drop_from: Some(5),
            replaces: None,
        };
        running.apply(&Entry::single(6, event));
        running.apply(&delta(7, "a", "new"));

        assert_eq!((running.text.as_str(), running.attempt), ("new", 2));
        assert_eq!(running.first_delta, Some(7));
    }
}
