//! The embedded log: one ring a thread in this process's memory. While a turn runs nothing is
//! dropped; once it has ended, only what a replay may ask for is kept.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{Head, LogError, Start, Tail, TurnLog, View, pieces::Pieces};
use crate::domain::{
    clock::{Millis, SharedClock},
    event::{Entry, LogEvent, Running},
    ids::{Epoch, ThreadId},
    live::limits::REPLAY,
};

pub(crate) struct Ring {
    clock: SharedClock,
    threads: Mutex<HashMap<ThreadId, Log>>,
}

struct Log {
    epoch: Epoch,
    fence: i64,
    seq: i64,
    entries: Pieces,
    running: Option<Running>,
    ended_at: Option<Millis>,
}

impl Ring {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self { clock, threads: Mutex::new(HashMap::new()) }
    }

    /// A poisoned lock means a panic between two whole updates: the map is still sound.
    fn threads(&self) -> MutexGuard<'_, HashMap<ThreadId, Log>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn new(Start { epoch, fence, seq, running }: Start) -> Self {
        Self { epoch, fence, seq, entries: Pieces::default(), running, ended_at: None }
    }

    fn push(&mut self, entry: Entry, now: Millis) {
        self.seq = entry.seq;
        match (&entry.event, &mut self.running) {
            (LogEvent::End(_), running) => {
                *running = None;
                self.ended_at = Some(now);
            }
            (event, running) => {
                if let Some(turn) = event.turn() {
                    let running = running.get_or_insert_with(|| Running::new(turn.clone(), 1));
                    running.apply(&entry);
                }
                self.ended_at = None;
            }
        }
        self.entries.push(entry);
        if self.running.is_none() {
            self.entries.trim(self.seq + 1 - REPLAY);
        }
    }

    fn oldest(&self) -> i64 {
        self.entries.oldest().unwrap_or(self.seq + 1)
    }
}

#[async_trait]
impl TurnLog for Ring {
    async fn open(&self, thread: &ThreadId, start: Start) -> Result<Head, LogError> {
        let mut threads = self.threads();
        if let Some(log) = threads.get_mut(thread) {
            if start.fence < log.fence {
                return Err(LogError::Fenced);
            }
            if log.epoch == start.epoch {
                log.fence = start.fence;
                return Ok(Head { epoch: log.epoch.clone(), seq: log.seq });
            }
        }
        let head = Head { epoch: start.epoch.clone(), seq: start.seq };
        threads.insert(thread.clone(), Log::new(start));
        Ok(head)
    }

    async fn append(
        &self,
        thread: &ThreadId,
        fence: i64,
        entries: Vec<Entry>,
    ) -> Result<(), LogError> {
        let now = self.clock.now();
        let mut threads = self.threads();
        let Some(log) = threads.get_mut(thread) else { return Err(LogError::Fenced) };
        if log.fence != fence {
            return Err(LogError::Fenced);
        }
        for entry in entries {
            if entry.first != log.seq + 1 {
                return Err(LogError::NotNext(log.seq));
            }
            log.push(entry, now);
        }
        Ok(())
    }

    async fn read(&self, thread: &ThreadId, epoch: &Epoch, seq: i64, most: usize) -> Tail {
        let threads = self.threads();
        let Some(log) = threads.get(thread) else { return Tail::Gap };
        if log.epoch != *epoch || seq > log.seq || seq + 1 < log.oldest() {
            return Tail::Gap;
        }
        Tail::Entries(log.entries.behind(seq, most))
    }

    async fn view(&self, thread: &ThreadId) -> Option<View> {
        self.threads().get(thread).map(|log| View {
            epoch: log.epoch.clone(),
            seq: log.seq,
            oldest: log.oldest(),
            running: log.running.clone(),
        })
    }

    async fn trim(&self, before: Millis) -> usize {
        let mut threads = self.threads();
        let all = threads.len();
        threads.retain(|_, log| log.ended_at.is_none_or(|ended| ended >= before));
        threads.shrink_to_fit();
        all - threads.len()
    }

    async fn forget(&self, thread: &ThreadId) {
        self.threads().remove(thread);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{
        clock::ManualClock,
        event::{End, Ending, Timing, Usage, fingerprint},
        ids::TurnId,
    };

    fn delta(seq: i64, text: &str) -> Entry {
        let turn = TurnId::new("t");
        Entry::single(seq, LogEvent::Delta { turn, attempt: 1, text: text.to_owned() })
    }

    fn end(seq: i64) -> Entry {
        let (length, sha256) = fingerprint("");
        Entry::single(
            seq,
            LogEvent::End(Box::new(End {
                turn: TurnId::new("t"),
                attempt: 1,
                status: Ending::Done,
                item: None,
                length,
                sha256,
                usage: Usage::default(),
                timing_ms: Timing::default(),
                error: None,
                degraded: Vec::new(),
            })),
        )
    }

    fn start(epoch: &Epoch, fence: i64, seq: i64) -> Start {
        Start { epoch: epoch.clone(), fence, seq, running: None }
    }

    fn names() -> (ThreadId, Epoch, Arc<ManualClock>) {
        (ThreadId::new("thr"), Epoch::new("e"), Arc::new(ManualClock::default()))
    }

    #[tokio::test]
    async fn a_reader_gets_what_is_behind_its_cursor_and_a_gap_where_it_cannot_continue() {
        let (thread, epoch, clock) = names();
        let ring = Ring::new(clock);
        ring.open(&thread, start(&epoch, 1, 10)).await.unwrap();
        ring.append(&thread, 1, vec![delta(11, "a"), delta(12, "b")]).await.unwrap();

        let read = |seq| ring.read(&thread, &epoch, seq, 10);
        assert_eq!(read(10).await, Tail::Entries(vec![Entry { first: 11, ..delta(12, "ab") }]));
        assert_eq!(read(11).await, Tail::Entries(vec![delta(12, "b")]));
        assert_eq!(read(12).await, Tail::Entries(vec![]));
        assert_eq!(read(13).await, Tail::Gap);
        assert_eq!(read(9).await, Tail::Gap);
        assert_eq!(ring.read(&thread, &Epoch::new("x"), 12, 10).await, Tail::Gap);
        assert_eq!(ring.view(&thread).await.unwrap().running.unwrap().text, "ab");
    }

    /// I6, I17.
    #[tokio::test]
    async fn only_the_holder_of_the_fence_appends_and_only_the_next_seq() {
        let (thread, epoch, clock) = names();
        let ring = Ring::new(clock);
        assert_eq!(ring.append(&thread, 1, vec![delta(1, "a")]).await, Err(LogError::Fenced));
        ring.open(&thread, start(&epoch, 1, 0)).await.unwrap();
        ring.append(&thread, 1, vec![delta(1, "a")]).await.unwrap();
        assert_eq!(ring.append(&thread, 1, vec![delta(1, "a")]).await, Err(LogError::NotNext(1)));

        let head = ring.open(&thread, start(&epoch, 2, 7)).await.unwrap();
        assert_eq!(head.seq, 1, "an open log keeps its place");
        assert_eq!(ring.append(&thread, 1, vec![delta(2, "b")]).await, Err(LogError::Fenced));
        assert_eq!(ring.open(&thread, start(&epoch, 1, 0)).await, Err(LogError::Fenced));
        ring.append(&thread, 2, vec![delta(2, "b")]).await.unwrap();
    }

    /// I5: a reader that comes late gets the text of the owner that died, too.
    #[tokio::test]
    async fn what_an_earlier_owner_wrote_stands_before_what_is_appended() {
        let (thread, epoch, clock) = names();
        let ring = Ring::new(clock);
        let mut running = Running::new(TurnId::new("t"), 2);
        running.apply(&delta(3, "before "));
        let start = Start { running: Some(running), ..start(&epoch, 2, 3) };
        ring.open(&thread, start).await.unwrap();
        ring.append(&thread, 2, vec![delta(4, "after")]).await.unwrap();

        assert_eq!(ring.view(&thread).await.unwrap().running.unwrap().text, "before after");
    }

    #[tokio::test]
    async fn nothing_is_dropped_while_a_turn_runs_and_afterwards_a_replay_is_kept() {
        let (thread, epoch, clock) = names();
        let ring = Ring::new(Arc::<ManualClock>::clone(&clock));
        ring.open(&thread, start(&epoch, 1, 0)).await.unwrap();
        for seq in 1..=600 {
            ring.append(&thread, 1, vec![delta(seq, "x")]).await.unwrap();
        }
        assert_eq!(ring.view(&thread).await.unwrap().oldest, 1);

        clock.advance(5);
        ring.append(&thread, 1, vec![end(601)]).await.unwrap();
        let view = ring.view(&thread).await.unwrap();
        assert_eq!((view.oldest, view.running), (602 - REPLAY, None));
        assert_eq!(ring.trim(Millis(5)).await, 0);
        assert_eq!(ring.trim(Millis(6)).await, 1);
        assert!(ring.view(&thread).await.is_none());
    }
}
