//! The log that nodes share: a Redis stream a thread (`common.lua` says how it stands there). What
//! this node writes goes to Redis first and then into a ring of its own, which serves this node's
//! readers without a round trip, goes on alone while Redis is away, and fills Redis up again when
//! it has lost something.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use redis::Value;
use tokio::{sync::Notify, task::JoinSet, time::sleep};

use super::{Head, LogError, Start, Tail, Take, TurnLog, View, ring::Ring};
use crate::{
    domain::{
        clock::{Millis, SharedClock},
        event::{Entry, LogEvent, Running},
        ids::{Epoch, ThreadId},
    },
    link::{Fault, Link},
    telemetry::RedisFigures,
};

#[cfg(test)]
mod bench_tests;
mod codec;
#[cfg(test)]
mod faults_tests;
mod stored;
#[cfg(test)]
mod tests;

use stored::{Said, Shelf};

/// A log that nobody here has written for so long may be another node's by now: ask before
/// answering that it has no news.
const SURE_MS: i64 = 500;
/// Entries of one call, where many are pushed.
const PORTION: usize = 256;
const RETRY: Duration = Duration::from_secs(1);

/// Its tasks end with it.
pub(crate) struct RedisLog {
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    /// The logs that this node writes.
    ring: Ring,
    held: Mutex<HashMap<ThreadId, Held>>,
    shelf: Shelf,
    clock: SharedClock,
    figures: RedisFigures,
    is_late: Notify,
}

/// What is known of a log in the ring.
#[derive(Debug, Clone, Copy)]
struct Held {
    fence: i64,
    /// When it was last written here, or found to be ours.
    sure_at: Millis,
    /// It has ended while Redis was away.
    late: bool,
}

impl RedisLog {
    pub(crate) fn start(link: &Link, clock: SharedClock) -> Self {
        let shared = Arc::new(Shared {
            ring: Ring::new(Arc::clone(&clock)),
            held: Mutex::default(),
            shelf: Shelf::new(link.clone()),
            clock,
            figures: link.figures().clone(),
            is_late: Notify::new(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn_on(Arc::clone(&shared).catch_up(), link.runtime());
        Self { shared, _tasks: tasks }
    }
}

impl Shared {
    /// A poisoned lock means a panic between two whole updates: the map is still sound.
    fn held(&self) -> MutexGuard<'_, HashMap<ThreadId, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self, thread: &ThreadId, fence: i64, late: bool) {
        let new = Held { fence, sure_at: self.clock.now(), late };
        let mut all = self.held();
        if let Some(held) = all.get_mut(thread) {
            *held = new;
        } else {
            all.insert(thread.clone(), new);
        }
    }

    /// The log is read from Redis from now on, unless an owner here later than `fence` has it.
    fn release(&self, thread: &ThreadId, fence: i64) {
        self.ring.release(thread, fence);
        let mut held = self.held();
        if held.get(thread).is_some_and(|held| held.fence <= fence) {
            held.remove(thread);
        }
    }

    /// Whether the ring may answer for the log: it has it, and no other node has taken it over.
    async fn is_ours(&self, thread: &ThreadId) -> bool {
        let Some(fence) = self.ring.fence(thread) else { return false };
        let now = self.clock.now();
        if self.held().get(thread).is_some_and(|held| now.since(held.sure_at) < SURE_MS) {
            return true;
        }
        match self.shelf.fence(thread).await {
            Ok(Some(other)) if other > fence => {
                self.release(thread, fence);
                false
            }
            // It is ours as far as anybody can tell.
            Ok(_) | Err(_) => {
                if let Some(held) = self.held().get_mut(thread) {
                    held.sure_at = now;
                }
                true
            }
        }
    }

    /// Appends to Redis. If that has lost its tail, it gets that first.
    async fn append(
        &self,
        thread: &ThreadId,
        fence: i64,
        entries: &[Entry],
    ) -> Result<(), LogError> {
        let at = match self.shelf.append(thread, fence, entries).await? {
            Said::Taken => return Ok(()),
            Said::NotNext(at) => at,
        };
        let next = entries.first().map_or(i64::MAX, |entry| entry.first);
        let lost = self.ring.behind(thread, at).into_iter().take_while(|entry| entry.seq < next);
        let mut all: Vec<Entry> = lost.collect();
        if all.first().is_none_or(|first| first.first > at + 1)
            || self.ring.fence(thread) != Some(fence)
        {
            return Err(LogError::NotNext(at));
        }
        all.extend_from_slice(entries);
        self.push(thread, fence, &all).await
    }

    async fn push(&self, thread: &ThreadId, fence: i64, entries: &[Entry]) -> Result<(), LogError> {
        for portion in entries.chunks(PORTION) {
            if let Said::NotNext(at) = self.shelf.append(thread, fence, portion).await? {
                return Err(LogError::NotNext(at));
            }
        }
        Ok(())
    }

    /// Makes the log in Redis what it is here. Gives the seq that both stand at.
    async fn bring(&self, thread: &ThreadId, fence: i64) -> Result<i64, LogError> {
        let Some(own) = self.ring.outline(thread) else { return Err(LogError::Gone) };
        let begin = Start { epoch: own.epoch, fence, seq: own.from, running: own.base };
        let stored = self.shelf.open(thread, &begin, own.seq).await?;
        if stored.seq < own.seq {
            self.push(thread, fence, &self.ring.behind(thread, stored.seq)).await?;
            return Ok(own.seq);
        }
        // It has taken what it did not confirm.
        self.ring.append(thread, fence, stored.entries).await?;
        Ok(stored.seq)
    }

    /// Takes the log over from Redis, as far as that has it.
    async fn take_over(&self, thread: &ThreadId, start: &Start) -> Result<i64, LogError> {
        let stored = self.shelf.open(thread, start, -1).await?;
        let begin = Start {
            epoch: start.epoch.clone(),
            fence: start.fence,
            seq: stored.oldest - 1,
            running: stored.base,
        };
        self.ring.adopt(thread, begin, stored.entries);
        Ok(stored.seq)
    }

    async fn open(&self, thread: &ThreadId, start: Start) -> Result<Head, LogError> {
        let own = self.ring.outline(thread);
        if own.as_ref().is_some_and(|own| own.fence > start.fence) {
            return Err(LogError::Fenced);
        }
        // Between two fences that follow each other, nobody else has written.
        let whole = own.is_some_and(|own| {
            own.epoch == start.epoch && own.seq >= start.seq && start.fence - own.fence <= 1
        });
        let opened = if whole {
            self.ring.open(thread, start.clone()).await?;
            self.bring(thread, start.fence).await
        } else {
            self.take_over(thread, &start).await
        };
        let head = match opened {
            Ok(seq) => Head { epoch: start.epoch.clone(), seq },
            Err(LogError::Fenced) => {
                self.release(thread, start.fence);
                return Err(LogError::Fenced);
            }
            // In the ring alone, for now.
            Err(error) => {
                tracing::debug!(%thread, %error, "a log is opened on this node alone");
                if !whole {
                    self.ring.adopt(thread, start.clone(), Vec::new());
                }
                self.ring.open(thread, start.clone()).await?
            }
        };
        self.hold(thread, start.fence, false);
        Ok(head)
    }

    async fn take(&self, thread: &ThreadId, take: Take) -> Result<Option<View>, LogError> {
        let own = self.ring.outline(thread);
        // The last owner was this process: nobody else has written since.
        let last_was_here = own.is_some_and(|own| {
            own.epoch == take.epoch && own.fence == take.left_by && own.seq >= take.seq
        });
        let fence = take.fence;
        let taken = if last_was_here {
            self.ring.take(thread, take).await?;
            match self.bring(thread, fence).await {
                Err(LogError::Fenced) => Err(LogError::Fenced),
                // What Redis lacks, it gets with the next append.
                Ok(_) | Err(_) => self.ring.view(thread).await,
            }
        } else {
            self.take_as_left(thread, take).await
        };
        match &taken {
            Ok(Some(_)) => self.hold(thread, fence, false),
            Err(LogError::Fenced) => self.release(thread, fence),
            Ok(None) | Err(_) => {}
        }
        taken
    }

    async fn take_as_left(&self, thread: &ThreadId, take: Take) -> Result<Option<View>, LogError> {
        let Some(stored) = self.shelf.take(thread, &take).await? else { return Ok(None) };
        let Take { epoch, fence, .. } = take;
        let begin = Start { epoch, fence, seq: stored.oldest - 1, running: stored.base };
        self.ring.adopt(thread, begin, stored.entries);
        self.ring.view(thread).await
    }

    /// Gives Redis the ends that it missed, as soon as it is up.
    async fn catch_up(self: Arc<Self>) {
        loop {
            let late = self.late();
            if late.is_empty() {
                self.is_late.notified().await;
                continue;
            }
            self.shelf.up().await;
            for (thread, fence) in late {
                match self.bring(&thread, fence).await {
                    Ok(_) | Err(LogError::Fenced | LogError::Gone) => self.release(&thread, fence),
                    Err(error) => tracing::debug!(%thread, %error, "an end waits for Redis"),
                }
            }
            if !self.late().is_empty() {
                sleep(RETRY).await;
            }
        }
    }

    fn late(&self) -> Vec<(ThreadId, i64)> {
        let held = self.held();
        let late = held.iter().filter(|(_, held)| held.late);
        late.map(|(thread, held)| (thread.clone(), held.fence)).collect()
    }
}

fn ends(entries: &[Entry]) -> bool {
    matches!(entries.last(), Some(Entry { event: LogEvent::End(_), .. }))
}

#[async_trait]
impl TurnLog for RedisLog {
    async fn open(&self, thread: &ThreadId, start: Start) -> Result<Head, LogError> {
        self.shared.open(thread, start).await
    }

    async fn take(&self, thread: &ThreadId, take: Take) -> Result<Option<View>, LogError> {
        self.shared.take(thread, take).await
    }

    async fn append(
        &self,
        thread: &ThreadId,
        fence: i64,
        entries: Vec<Entry>,
    ) -> Result<(), LogError> {
        let (shared, began) = (&self.shared, Instant::now());
        let appended = shared.append(thread, fence, &entries).await;
        shared.figures.appends.inc();
        shared.figures.append_seconds.observe(began.elapsed().as_secs_f64());
        if appended == Err(LogError::Fenced) {
            shared.figures.fenced.inc();
            shared.release(thread, fence);
        }
        appended?;
        let over = ends(&entries);
        // A ring that does not have the log, or has a hole, is not asked for it.
        if over || shared.ring.append(thread, fence, entries).await.is_err() {
            shared.release(thread, fence);
        } else {
            shared.hold(thread, fence, false);
        }
        Ok(())
    }

    async fn admit(
        &self,
        thread: &ThreadId,
        fence: i64,
        entries: Vec<Entry>,
    ) -> Result<(), LogError> {
        let late = ends(&entries);
        self.shared.ring.append(thread, fence, entries).await?;
        self.shared.hold(thread, fence, late);
        if late {
            self.shared.is_late.notify_one();
        }
        Ok(())
    }

    async fn read(
        &self,
        thread: &ThreadId,
        epoch: &Epoch,
        seq: i64,
        most: usize,
    ) -> Result<Tail, LogError> {
        let shared = &self.shared;
        let here = shared.ring.read(thread, epoch, seq, most).await?;
        let has_news = matches!(&here, Tail::Entries(entries) if !entries.is_empty());
        if has_news || shared.is_ours(thread).await {
            return Ok(here);
        }
        shared.shelf.read(thread, epoch, seq, most).await
    }

    async fn view(&self, thread: &ThreadId) -> Result<Option<View>, LogError> {
        if self.shared.is_ours(thread).await
            && let Some(view) = self.shared.ring.view(thread).await?
        {
            return Ok(Some(view));
        }
        self.shared.shelf.view(thread).await
    }

    async fn trim(&self, before: Millis) -> usize {
        let shared = &self.shared;
        let ended = shared.ring.trim(before).await;
        let abandoned: Vec<(ThreadId, i64)> = {
            let mut held = shared.held();
            held.retain(|thread, _| shared.ring.fence(thread).is_some());
            let old = held.iter().filter(|(_, held)| held.sure_at < before);
            old.map(|(thread, held)| (thread.clone(), held.fence)).collect()
        };
        for (thread, fence) in &abandoned {
            shared.release(thread, *fence);
        }
        ended + abandoned.len()
    }

    async fn forget(&self, thread: &ThreadId) {
        self.shared.release(thread, i64::MAX);
        self.shared.shelf.forget(thread).await;
    }
}

impl From<Fault> for LogError {
    fn from(fault: Fault) -> Self {
        Self::Unavailable(fault.to_string())
    }
}

/// What is running after `entries` that stand behind `base`.
fn running(base: Option<Running>, entries: &[Entry]) -> Option<Running> {
    let mut running = base;
    for entry in entries {
        match (&entry.event, entry.event.turn()) {
            (LogEvent::End(_), _) => running = None,
            (_, Some(turn)) => {
                running.get_or_insert_with(|| Running::new(turn.clone(), 1)).apply(entry);
            }
            (_, None) => {}
        }
    }
    running
}

/// What Redis answers in place of a list.
const fn refusal(value: &Value) -> Option<i64> {
    match value {
        Value::Int(code) => Some(*code),
        _ => None,
    }
}
