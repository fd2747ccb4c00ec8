//! A client's copy of one thread: applies each event of its log once and in order, and proves at
//! the end of an answer that every piece of it arrived (`live.md` §2.1, §2.2).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::wire::{EndedTurn, LogLine, Resumed, RunningTurn, Snapshot};
use crate::domain::{
    event::{End, LogEvent, TurnNews, fingerprint},
    ids::{Epoch, ThreadId, TurnId},
    item::Source,
};

/// What an event changed for the person who reads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum News {
    /// A question stands in the thread; ours, or one asked elsewhere.
    Question(String),
    /// The answer waits for its turn.
    Queued,
    /// The answer goes on.
    Text(String),
    /// What was read of the answer so far does not stand: it begins anew.
    Restarted,
    Sources(Vec<Source>),
    Ended(Checked),
}

/// An answer that ended, and whether it arrived whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) turn: TurnId,
    pub(crate) status: String,
    pub(crate) length: i64,
    pub(crate) sha256: String,
    /// Length and hash of the text that arrived.
    pub(crate) arrived: (i64, String),
    /// They are those of `end`, and of its item.
    pub(crate) matches: bool,
    /// Why a failed answer failed.
    pub(crate) error: Option<String>,
}

/// The server broke its promise.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Broken {
    #[error("after event {have} of the thread came {first}")]
    NotContinuous { have: i64, first: i64 },
    #[error("{0} ended twice")]
    SecondEnd(TurnId),
    #[error("{0} went on after its end")]
    AfterEnd(TurnId),
    #[error("a client that has event {have} was resumed from {first}")]
    ResumedElsewhere { have: i64, first: i64 },
    #[error("a client that has epoch {have} was resumed in {epoch} without a reset")]
    OtherEpoch { have: Epoch, epoch: Epoch },
}

/// The copy. Empty until a thread is begun or opened.
#[derive(Debug, Default)]
pub(crate) struct Replica {
    thread: Option<ThreadId>,
    epoch: Option<Epoch>,
    seq: Option<i64>,
    answer: Option<Answer>,
    ended: BTreeSet<TurnId>,
}

#[derive(Debug)]
struct Answer {
    turn: TurnId,
    text: String,
}

impl Replica {
    /// A thread that will be read from a snapshot.
    pub(crate) fn of(thread: ThreadId) -> Self {
        Self { thread: Some(thread), ..Self::default() }
    }

    pub(crate) const fn thread(&self) -> Option<&ThreadId> {
        self.thread.as_ref()
    }

    /// It has the thread as it stands, or a new one.
    pub(crate) const fn is_current(&self) -> bool {
        self.seq.is_some()
    }

    pub(crate) const fn epoch(&self) -> Option<&Epoch> {
        self.epoch.as_ref()
    }

    pub(crate) const fn seq(&self) -> Option<i64> {
        self.seq
    }

    /// The turn that is being answered.
    pub(crate) fn running(&self) -> Option<&TurnId> {
        self.answer.as_ref().map(|answer| &answer.turn)
    }

    pub(crate) fn has_ended(&self, turn: &TurnId) -> bool {
        self.ended.contains(turn)
    }

    /// What `hello.resume` says of this thread.
    pub(crate) fn resume(&self) -> Option<Value> {
        let thread = self.thread.as_ref()?;
        Some(json!({ "thread": thread, "epoch": self.epoch, "seq": self.seq }))
    }

    /// A new thread, whose next event is `seq`.
    pub(crate) fn begin(&mut self, thread: ThreadId, epoch: Option<Epoch>, seq: i64) {
        *self = Self {
            thread: Some(thread),
            epoch,
            seq: Some(seq - 1),
            ended: std::mem::take(&mut self.ended),
            answer: None,
        };
    }

    /// Gives up what it has, but not the thread: the next hello gets a snapshot.
    pub(crate) fn forget(&mut self) {
        self.epoch = None;
        self.seq = None;
    }

    /// Checks what a server says it goes on from (`live.md` §2.1): without a snapshot it must be
    /// what this copy has.
    pub(crate) fn resumed(&self, resumed: &Resumed) -> Result<(), Broken> {
        let whole = !matches!(resumed.mode.as_str(), "current" | "replay");
        if whole || self.thread.as_ref() != Some(&resumed.thread) {
            return Ok(());
        }
        if let (Some(have), Some(epoch)) = (&self.epoch, &resumed.epoch)
            && have != epoch
        {
            return Err(Broken::OtherEpoch { have: have.clone(), epoch: epoch.clone() });
        }
        let next = resumed.first.or_else(|| resumed.seq.map(|seq| seq + 1));
        match (self.seq, next) {
            (Some(have), Some(first)) if have + 1 != first => {
                Err(Broken::ResumedElsewhere { have, first })
            }
            _ => Ok(()),
        }
    }

    /// Applies an event if it continues what it has. Events of other threads are no news.
    pub(crate) fn apply(&mut self, line: LogLine) -> Result<Vec<News>, Broken> {
        let LogLine { place, event } = line;
        if self.thread.as_ref() != Some(&place.thread) {
            return Ok(Vec::new());
        }
        let first = place.first.unwrap_or(place.seq);
        if let Some(have) = self.seq
            && have + 1 != first
        {
            return Err(Broken::NotContinuous { have, first });
        }
        self.seq = Some(place.seq);
        if place.epoch.is_some() {
            self.epoch = place.epoch;
        }
        self.news_of(event)
    }

    fn news_of(&mut self, event: LogEvent) -> Result<Vec<News>, Broken> {
        Ok(match event {
            LogEvent::Message { item, .. } => vec![News::Question(item.text())],
            LogEvent::Turn { turn, status, .. } => self.turn(turn, status),
            LogEvent::Citations { sources, .. } => vec![News::Sources(sources)],
            LogEvent::Delta { turn, .. } if self.ended.contains(&turn) => {
                return Err(Broken::AfterEnd(turn));
            }
            LogEvent::Delta { turn, text, .. } => {
                self.answer_of(turn).text.push_str(&text);
                vec![News::Text(text)]
            }
            LogEvent::End(end) => vec![News::Ended(self.end(*end)?)],
        })
    }

    fn turn(&mut self, turn: TurnId, status: TurnNews) -> Vec<News> {
        let answer = self.answer_of(turn);
        match status {
            TurnNews::Queued => vec![News::Queued],
            TurnNews::Running | TurnNews::Continued => Vec::new(),
            TurnNews::Restarted if answer.text.is_empty() => Vec::new(),
            TurnNews::Restarted => {
                answer.text.clear();
                vec![News::Restarted]
            }
        }
    }

    fn answer_of(&mut self, turn: TurnId) -> &mut Answer {
        if self.answer.as_ref().is_some_and(|answer| answer.turn != turn) {
            self.answer = None;
        }
        self.answer.get_or_insert_with(|| Answer { turn, text: String::new() })
    }

    fn end(&mut self, end: End) -> Result<Checked, Broken> {
        if !self.ended.insert(end.turn.clone()) {
            return Err(Broken::SecondEnd(end.turn));
        }
        let answer = self.answer.take().filter(|answer| answer.turn == end.turn);
        let arrived = fingerprint(&answer.map(|answer| answer.text).unwrap_or_default());
        // The item is said to hold the same text: a client that shows the item shows what it read.
        let item = end.item.as_ref().is_none_or(|item| fingerprint(&item.text()) == arrived);
        Ok(Checked {
            matches: item && arrived == (end.length, end.sha256.clone()),
            arrived,
            turn: end.turn,
            status: end.status.as_str().to_owned(),
            length: end.length,
            sha256: end.sha256,
            error: end.error.map(|error| error.message),
        })
    }

    /// Takes over a whole thread. The news are what the reader has not seen of the answer that was
    /// running, if `awaited` ended meanwhile also its end.
    pub(crate) fn restore(&mut self, whole: Snapshot, awaited: Option<&TurnId>) -> Vec<News> {
        if self.thread.as_ref() != Some(&whole.thread) {
            return Vec::new();
        }
        self.epoch = Some(whole.epoch.clone());
        self.seq = Some(whole.seq);
        let before = self.answer.take();
        let mut news = Vec::new();
        for ended in &whole.ended {
            let is_news = self.ended.insert(ended.turn.clone());
            if is_news && Some(&ended.turn) == awaited {
                news.extend(ended_meanwhile(ended, &whole, before.as_ref()));
            }
        }
        if let Some(RunningTurn { id, text, sources, .. }) = whole.turn {
            if !sources.is_empty() {
                news.push(News::Sources(sources));
            }
            let shown = before.filter(|answer| answer.turn == id);
            news.extend(unseen(shown.as_ref(), &text));
            self.answer = Some(Answer { turn: id, text });
        }
        news
    }
}

fn ended_meanwhile(ended: &EndedTurn, whole: &Snapshot, before: Option<&Answer>) -> Vec<News> {
    let item = whole.items.iter().find(|item| Some(&item.id) == ended.item.as_ref());
    let text = item.map(crate::domain::item::Item::text).unwrap_or_default();
    let shown = before.filter(|answer| answer.turn == ended.turn);
    let mut news = unseen(shown, &text);
    let arrived = fingerprint(&text);
    news.push(News::Ended(Checked {
        turn: ended.turn.clone(),
        status: ended.status.clone(),
        length: ended.length,
        sha256: ended.sha256.clone(),
        matches: arrived == (ended.length, ended.sha256.clone()),
        arrived,
        error: None,
    }));
    news
}

/// What of `text` the reader has not seen; all of it if what was seen does not stand.
fn unseen(shown: Option<&Answer>, text: &str) -> Vec<News> {
    let shown = shown.map_or("", |answer| &answer.text);
    let (mut news, rest) = text
        .strip_prefix(shown)
        .map_or_else(|| (vec![News::Restarted], text), |rest| (Vec::new(), rest));
    if !rest.is_empty() {
        news.push(News::Text(rest.to_owned()));
    }
    news
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::client::wire::{Incoming, read};

    fn apply(replica: &mut Replica, line: &Value) -> Result<Vec<News>, Broken> {
        match read(&line.to_string()).unwrap() {
            Incoming::Log(log) => replica.apply(*log),
            Incoming::Snapshot(whole) => Ok(replica.restore(*whole, Some(&TurnId::new("trn_1")))),
            other => panic!("no part of a log: {other:?}"),
        }
    }

    fn delta(first: i64, seq: i64, text: &str) -> Value {
        json!({"type": "delta", "thread": "thr_1", "first": first, "seq": seq, "turn": "trn_1",
            "attempt": 1, "text": text})
    }

    fn turn(seq: i64, status: &str) -> Value {
        json!({"type": "turn", "thread": "thr_1", "seq": seq, "turn": "trn_1", "attempt": 2,
            "status": status, "drop_from": 1})
    }

    fn end(seq: i64, text: &str) -> Value {
        let (length, sha256) = fingerprint(text);
        json!({"type": "end", "thread": "thr_1", "seq": seq, "turn": "trn_1", "attempt": 1,
            "status": "done", "length": length, "sha256": sha256,
            "usage": {"input": 0, "output": 0}, "timing_ms": {"first": 1, "total": 2}})
    }

    fn begun() -> Replica {
        let mut replica = Replica::default();
        replica.begin(ThreadId::new("thr_1"), Some(Epoch::new("e")), 1);
        replica
    }

    fn snapshot(seq: i64, text: &str) -> Value {
        json!({"type": "snapshot", "thread": "thr_1", "epoch": "f", "seq": seq, "items": [],
            "turn": {"id": "trn_1", "attempt": 1, "status": "running", "text": text}})
    }

    fn ended_snapshot(text: &str) -> Value {
        let (length, sha256) = fingerprint(text);
        json!({"type": "snapshot", "thread": "thr_1", "epoch": "f", "seq": 9,
            "items": [{"id": "msg_2", "thread_id": "thr_1", "created_at": "",
                "type": "assistant_message",
                "content": [{"type": "output_text", "text": text, "annotations": []}]}],
            "ended": [{"turn": "trn_1", "status": "done", "item": "msg_2", "length": length,
                "sha256": sha256}]})
    }

    fn matches(news: &[News]) -> Option<bool> {
        news.iter().find_map(|news| match news {
            News::Ended(checked) => Some(checked.matches),
            _ => None,
        })
    }

    #[test]
    fn pieces_that_continue_each_other_make_the_answer() {
        let mut replica = begun();

        apply(&mut replica, &delta(1, 3, "What ")).unwrap();
        apply(&mut replica, &delta(4, 4, "changes?")).unwrap();

        assert_eq!(matches(&apply(&mut replica, &end(5, "What changes?")).unwrap()), Some(true));
        assert!(replica.has_ended(&TurnId::new("trn_1")));
        assert_eq!(replica.resume().unwrap(), json!({"thread": "thr_1", "epoch": "e", "seq": 5}));
    }

    #[test]
    fn a_gap_and_a_repeat_are_not_applied() {
        for first in [1, 2, 5] {
            let mut replica = begun();
            apply(&mut replica, &delta(1, 2, "a")).unwrap();
            apply(&mut replica, &delta(3, 3, "b")).unwrap();

            let broken = apply(&mut replica, &delta(first, 6, "c"));

            assert_eq!(broken, Err(Broken::NotContinuous { have: 3, first }));
        }
    }

    #[test]
    fn words_of_a_turn_that_has_ended_are_found_out() {
        let mut replica = begun();
        apply(&mut replica, &end(1, "")).unwrap();

        let late = apply(&mut replica, &delta(2, 2, "more"));

        assert_eq!(late, Err(Broken::AfterEnd(TurnId::new("trn_1"))));
    }

    #[test]
    fn a_replay_must_begin_where_the_copy_ends_and_stay_in_its_epoch() {
        let mut replica = begun();
        apply(&mut replica, &delta(1, 4, "What ")).unwrap();
        let resumed = |line: Value| match read(&line.to_string()).unwrap() {
            Incoming::Resumed(resumed) => replica.resumed(&resumed),
            other => panic!("not resumed: {other:?}"),
        };
        let mode = |mode: &str, epoch: &str, first: Option<i64>, seq: i64| {
            resumed(json!({"type": "resumed", "thread": "thr_1", "epoch": epoch, "mode": mode,
                "first": first, "seq": seq}))
        };

        assert_eq!(mode("replay", "e", Some(5), 9), Ok(()));
        assert_eq!(mode("current", "e", None, 4), Ok(()));
        assert_eq!(mode("reset", "f", None, 2), Ok(()));
        let skipped = Broken::ResumedElsewhere { have: 4, first: 6 };
        assert_eq!(mode("replay", "e", Some(6), 9), Err(skipped));
        let behind = Broken::ResumedElsewhere { have: 4, first: 8 };
        assert_eq!(mode("current", "e", None, 7), Err(behind));
        let (have, epoch) = (Epoch::new("e"), Epoch::new("f"));
        assert_eq!(mode("replay", "f", Some(5), 9), Err(Broken::OtherEpoch { have, epoch }));
    }

    #[test]
    fn a_text_that_is_not_what_the_end_says_is_found_out() {
        let mut replica = begun();
        apply(&mut replica, &delta(1, 1, "What changed?")).unwrap();

        assert_eq!(matches(&apply(&mut replica, &end(2, "What changes?")).unwrap()), Some(false));
    }

    #[test]
    fn a_second_end_is_found_out() {
        let mut replica = begun();
        apply(&mut replica, &end(1, "")).unwrap();

        let again = apply(&mut replica, &end(2, ""));

        assert_eq!(again, Err(Broken::SecondEnd(TurnId::new("trn_1"))));
    }

    #[test]
    fn a_restarted_answer_drops_what_was_read() {
        let mut replica = begun();
        apply(&mut replica, &delta(1, 1, "Old")).unwrap();

        assert_eq!(apply(&mut replica, &turn(2, "restarted")).unwrap(), [News::Restarted]);
        apply(&mut replica, &delta(3, 3, "New")).unwrap();

        assert_eq!(matches(&apply(&mut replica, &end(4, "New")).unwrap()), Some(true));
    }

    #[test]
    fn a_snapshot_in_the_middle_shows_only_what_is_new() {
        let mut replica = begun();
        apply(&mut replica, &delta(1, 1, "What ")).unwrap();

        let news = apply(&mut replica, &snapshot(5, "What changes ")).unwrap();
        assert_eq!(news, [News::Text("changes ".into())]);
        apply(&mut replica, &delta(6, 6, "here?")).unwrap();

        assert_eq!(
            matches(&apply(&mut replica, &end(7, "What changes here?")).unwrap()),
            Some(true)
        );
    }

    #[test]
    fn an_answer_that_ended_while_away_is_shown_to_its_end_once() {
        let mut replica = begun();
        apply(&mut replica, &delta(1, 1, "What ")).unwrap();

        let news = apply(&mut replica, &ended_snapshot("What changes?")).unwrap();

        assert_eq!(news.first(), Some(&News::Text("changes?".into())));
        assert_eq!(matches(&news), Some(true));
        assert_eq!(apply(&mut replica, &ended_snapshot("What changes?")).unwrap(), []);
    }

    #[test]
    fn what_does_not_stand_any_more_is_taken_back() {
        let mut replica = begun();
        apply(&mut replica, &delta(1, 1, "Old ")).unwrap();

        let news = apply(&mut replica, &snapshot(5, "New ")).unwrap();

        assert_eq!(news, [News::Restarted, News::Text("New ".into())]);
    }
}
