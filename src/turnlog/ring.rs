//! The embedded log: one ring a thread in this process's memory. While a turn runs nothing is
//! dropped; once it has ended, only what a replay may ask for is kept.

use std::{
    cmp::Ordering,
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{Head, LogError, Start, Tail, Take, TurnLog, View, pieces::Pieces};
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
    /// What an earlier owner had written of the turn before the oldest entry.
    base: Option<Running>,
    running: Option<Running>,
    ended_at: Option<Millis>,
}

/// What a log in the ring is, without its entries.
pub(super) struct Outline {
    pub(super) epoch: Epoch,
    pub(super) fence: i64,
    /// Seq before the oldest entry.
    pub(super) from: i64,
    pub(super) seq: i64,
    pub(super) base: Option<Running>,
}

impl Ring {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self { clock, threads: Mutex::new(HashMap::new()) }
    }

    pub(super) fn outline(&self, thread: &ThreadId) -> Option<Outline> {
        let threads = self.threads();
        let log = threads.get(thread)?;
        Some(Outline {
            epoch: log.epoch.clone(),
            fence: log.fence,
            from: log.oldest() - 1,
            seq: log.seq,
            base: log.base.clone(),
        })
    }

    pub(super) fn fence(&self, thread: &ThreadId) -> Option<i64> {
        self.threads().get(thread).map(|log| log.fence)
    }

    /// All entries behind `seq`, one a seq.
    pub(super) fn behind(&self, thread: &ThreadId, seq: i64) -> Vec<Entry> {
        let threads = self.threads();
        threads.get(thread).map(|log| log.entries.singles(seq)).unwrap_or_default()
    }

    /// Puts a log here as it is elsewhere, unless a later owner's is here already.
    pub(super) fn adopt(&self, thread: &ThreadId, start: Start, entries: Vec<Entry>) {
        let now = self.clock.now();
        let mut threads = self.threads();
        if threads.get(thread).is_some_and(|log| log.fence > start.fence) {
            return;
        }
        let mut log = Log::new(start);
        for entry in entries {
            log.push(entry, now);
        }
        threads.insert(thread.clone(), log);
    }

    /// Forgets a log, unless an owner later than `fence` has it.
    pub(super) fn release(&self, thread: &ThreadId, fence: i64) {
        let mut threads = self.threads();
        if threads.get(thread).is_some_and(|log| log.fence <= fence) {
            threads.remove(thread);
        }
    }

    /// A poisoned lock means a panic between two whole updates: the map is still sound.
    fn threads(&self) -> MutexGuard<'_, HashMap<ThreadId, Log>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn new(Start { epoch, fence, seq, running }: Start) -> Self {
        let base = running.clone();
        Self { epoch, fence, seq, entries: Pieces::default(), base, running, ended_at: None }
    }

    fn push(&mut self, entry: Entry, now: Millis) {
        self.seq = entry.seq;
        match (&entry.event, &mut self.running) {
            (LogEvent::End(_), running) => {
                *running = None;
                self.base = None;
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

    fn view(&self) -> View {
        View {
            epoch: self.epoch.clone(),
            seq: self.seq,
            oldest: self.oldest(),
            running: self.running.clone(),
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
            if log.epoch == start.epoch && log.seq >= start.seq {
                log.fence = start.fence;
                return Ok(Head { epoch: log.epoch.clone(), seq: log.seq });
            }
        }
        let head = Head { epoch: start.epoch.clone(), seq: start.seq };
        threads.insert(thread.clone(), Log::new(start));
        Ok(head)
    }

    async fn take(&self, thread: &ThreadId, take: Take) -> Result<Option<View>, LogError> {
        let mut threads = self.threads();
        let Some(log) = threads.get_mut(thread) else { return Ok(None) };
        if log.fence > take.fence {
            return Err(LogError::Fenced);
        }
        let known = [take.left_by, take.fence].contains(&log.fence);
        if !known || log.epoch != take.epoch || log.seq < take.seq {
            return Ok(None);
        }
        log.fence = take.fence;
        Ok(Some(log.view()))
    }

    async fn append(
        &self,
        thread: &ThreadId,
        fence: i64,
        entries: Vec<Entry>,
    ) -> Result<(), LogError> {
        let now = self.clock.now();
        let mut threads = self.threads();
        let Some(log) = threads.get_mut(thread) else { return Err(LogError::Gone) };
        match log.fence.cmp(&fence) {
            Ordering::Equal => {}
            Ordering::Less => return Err(LogError::Gone),
            Ordering::Greater => return Err(LogError::Fenced),
        }
        for entry in entries {
            if entry.seq <= log.seq {
                continue;
            }
            if entry.first != log.seq + 1 {
                return Err(LogError::NotNext(log.seq));
            }
            log.push(entry, now);
        }
        Ok(())
    }

    async fn admit(
        &self,
        thread: &ThreadId,
        fence: i64,
        entries: Vec<Entry>,
    ) -> Result<(), LogError> {
        self.append(thread, fence, entries).await
    }

    async fn read(
        &self,
        thread: &ThreadId,
        epoch: &Epoch,
        seq: i64,
        most: usize,
    ) -> Result<Tail, LogError> {
        let threads = self.threads();
        let Some(log) = threads.get(thread) else { return Ok(Tail::Gap) };
        if log.epoch != *epoch || seq > log.seq || seq + 1 < log.oldest() {
            return Ok(Tail::Gap);
        }
        Ok(Tail::Entries(log.entries.behind(seq, most)))
    }

    async fn view(&self, thread: &ThreadId) -> Result<Option<View>, LogError> {
        Ok(self.threads().get(thread).map(Log::view))
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
    use crate::{domain::clock::ManualClock, turnlog::contract};

    contract::suite!(async |clock: Arc<ManualClock>| Some((Ring::new(clock), ())));

    #[tokio::test]
    async fn the_log_of_an_ended_turn_goes_with_time() {
        let clock = Arc::new(ManualClock::default());
        let ring = Ring::new(Arc::<ManualClock>::clone(&clock));
        let thread = ThreadId::new("thr");
        let start = Start { epoch: Epoch::new("e"), fence: 1, seq: 0, running: None };
        ring.open(&thread, start).await.unwrap();
        assert_eq!(ring.trim(Millis(6)).await, 0, "a turn runs");

        clock.advance(5);
        ring.append(&thread, 1, vec![contract::end(1)]).await.unwrap();
        assert_eq!(ring.trim(Millis(5)).await, 0);
        assert_eq!(ring.trim(Millis(6)).await, 1);
        assert_eq!(ring.view(&thread).await, Ok(None));
    }
}
