//! At the end a learner reads its conversations again: what is stored must be what it saw.

use serde_json::json;

use super::{Client, Gone};
use crate::{
    cli::{
        client::{
            replica::{Checked, Replica},
            wire::Snapshot,
        },
        load::history::Entry,
    },
    domain::ids::{ThreadId, TurnId},
};

/// Answers of a conversation that a snapshot surely holds: its newest 50 items hold 25 questions
/// with their answers.
const HELD: usize = 20;

/// The conversations that a learner began, and how each answer ended.
#[derive(Debug, Default)]
pub(super) struct Memory {
    threads: Vec<(ThreadId, Vec<Seen>)>,
    /// The conversation that is being read again.
    rereading: Option<Vec<Seen>>,
}

#[derive(Debug)]
struct Seen {
    turn: TurnId,
    status: String,
    /// Length and hash.
    text: (i64, String),
}

impl Memory {
    pub(super) fn began(&mut self, thread: &ThreadId) {
        if self.threads.iter().all(|(known, _)| known != thread) {
            self.threads.push((thread.clone(), Vec::new()));
        }
    }

    pub(super) fn ended(&mut self, thread: &ThreadId, checked: &Checked) {
        let Some((_, seen)) = self.threads.iter_mut().find(|(known, _)| known == thread) else {
            return;
        };
        if seen.len() == HELD {
            seen.remove(0);
        }
        let (turn, status) = (checked.turn.clone(), checked.status.clone());
        seen.push(Seen { turn, status, text: checked.arrived.clone() });
    }

    /// What of a whole conversation is not as it was seen.
    fn differences(seen: &[Seen], whole: &Snapshot) -> Vec<String> {
        let difference = |seen: &Seen| {
            let Some(stored) = whole.ended.iter().find(|stored| stored.turn == seen.turn) else {
                return Some(format!("{} is not stored as ended", seen.turn));
            };
            let same = stored.status == seen.status
                && (stored.length, stored.sha256.as_str()) == (seen.text.0, &seen.text.1);
            (!same).then(|| {
                let (length, status) = (stored.length, &stored.status);
                format!("{} is stored as {status} with {length} characters", seen.turn)
            })
        };
        seen.iter().filter_map(difference).collect()
    }
}

impl Client {
    /// Opens every conversation again and compares.
    pub(crate) async fn reread(&mut self) -> Result<(), Gone> {
        for (thread, seen) in std::mem::take(&mut self.memory.threads) {
            self.begin_anew();
            self.replica = Replica::of(thread.clone());
            self.here.following = false;
            self.memory.rereading = Some(seen);
            if self.link.is_some() {
                self.request("open", &json!({ "thread": thread }));
            }
            let done = |client: &Self| client.memory.rereading.is_none();
            self.until(self.deadline(), "no snapshot", done).await?;
        }
        Ok(())
    }

    /// This resumption was asked for by [`Self::reread`], not by a lost connection.
    pub(super) const fn is_rereading(&self) -> bool {
        self.memory.rereading.is_some()
    }

    pub(super) fn compare(&mut self, whole: &Snapshot) {
        if Some(&whole.thread) != self.replica.thread() {
            return;
        }
        let Some(seen) = self.memory.rereading.take() else { return };
        for difference in Memory::differences(&seen, whole) {
            let number = self.number;
            self.board.note(|tally| {
                tally.sha_errors += 1;
                tally.error("stored otherwise", || format!("client {number}: {difference}"));
            });
            self.trail.note(tokio::time::Instant::now(), &Entry::Fault { what: &difference });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::client::wire::{Incoming, read};

    fn checked(turn: &str, status: &str, length: i64) -> Checked {
        Checked {
            turn: TurnId::new(turn),
            status: status.to_owned(),
            length,
            sha256: "ab".to_owned(),
            arrived: (length, "ab".to_owned()),
            matches: true,
            error: None,
        }
    }

    fn whole() -> Snapshot {
        let line = json!({"type": "snapshot", "thread": "thr_1", "epoch": "e", "seq": 9, "items": [],
        "ended": [
            {"turn": "trn_1", "status": "done", "length": 4, "sha256": "ab"},
            {"turn": "trn_2", "status": "failed", "length": 4, "sha256": "ab"},
            {"turn": "trn_3", "status": "done", "length": 5, "sha256": "ab"},
        ]});
        match read(&line.to_string()).unwrap() {
            Incoming::Snapshot(whole) => *whole,
            other => panic!("no snapshot: {other:?}"),
        }
    }

    #[test]
    fn an_answer_that_is_not_stored_as_it_was_seen_is_found_out() {
        let thread = ThreadId::new("thr_1");
        let mut memory = Memory::default();
        memory.began(&thread);
        memory.began(&thread);
        for turn in ["trn_1", "trn_2", "trn_3", "trn_4"] {
            memory.ended(&thread, &checked(turn, "done", 4));
        }
        memory.ended(&ThreadId::new("thr_2"), &checked("trn_5", "done", 4));

        let (_, seen) = &memory.threads[0];
        let differences = Memory::differences(seen, &whole());

        assert_eq!(memory.threads.len(), 1);
        assert_eq!(differences.len(), 3, "{differences:?}");
        assert!(differences[0].contains("trn_2") && differences[0].contains("failed"));
        assert!(differences[1].contains("trn_3") && differences[2].contains("not stored"));
    }

    #[test]
    fn only_answers_that_a_snapshot_holds_are_compared() {
        let thread = ThreadId::new("thr_1");
        let mut memory = Memory::default();
        memory.began(&thread);
        for number in 0..50 {
            memory.ended(&thread, &checked(&format!("trn_{number}"), "done", 1));
        }

        let (_, seen) = &memory.threads[0];
        assert_eq!((seen.len(), seen[0].turn.as_str()), (HELD, "trn_30"));
    }
}
