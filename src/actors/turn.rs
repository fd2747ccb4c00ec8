//! The writing of one turn, from the claim to its end: what the tutor says becomes numbered events
//! in the thread's log (`turns.md`, The parts, 3 to 7).

use std::{rc::Rc, sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use super::Lease;
use crate::{
    bus::Bus,
    course::Courses,
    domain::{
        clock::{Millis, SharedClock},
        code::Code,
        event::{End, Ending, Failure, LogEvent, Running, Timing, TurnNews, Usage, fingerprint},
        ids::{ItemId, SharedIds, UserId, prefixed},
        item::Item,
    },
    store::{
        Store, StoreError,
        nodes::Owner,
        ownership::{Claimed, Finish},
        threads::ThreadRow,
        turns::TurnRow,
    },
    telemetry::{Counted, Metrics},
    turnlog::{LogError, Start, TurnLog},
    tutor::Tutor,
};

mod answering;
mod backlog;
mod handle;
mod opening;
mod showing;
mod upstream;

pub(crate) use backlog::Backlog;
pub(super) use handle::Handle;

use handle::{Signal, stopped};

/// After so many owners that wrote nothing, the turn itself is at fault.
const BARREN_OWNERS: i32 = 3;
const RETRY_STORE: Duration = Duration::from_millis(250);

/// What every turn of a node is written with.
pub(crate) struct Bench {
    pub store: Arc<Store>,
    pub log: Arc<dyn TurnLog>,
    pub bus: Bus,
    pub tutor: Arc<Tutor>,
    pub courses: Arc<Courses>,
    pub clock: SharedClock,
    pub ids: SharedIds,
    pub metrics: Arc<Metrics>,
    pub me: Owner,
    pub lease: Arc<Lease>,
    pub backlog: Backlog,
    /// Turns that a student, or one of the staff, may have running at once.
    pub slots_student: usize,
    pub slots_staff: usize,
}

impl Bench {
    pub(super) async fn slots(&self, user: &UserId) -> Result<usize, StoreError> {
        let staff = self.store.user(user).await?.role.is_staff();
        Ok(if staff { self.slots_staff } else { self.slots_student })
    }
}

/// Why a run stops without an `end`: somebody else will write it.
struct Lost;

impl From<LogError> for Lost {
    fn from(error: LogError) -> Self {
        if error != LogError::Fenced {
            tracing::error!(%error, "an owner disagreed with its log");
        }
        Self
    }
}

/// Writes the turn to its end, unless it is lost to another owner or left to a later scan.
pub(super) async fn run(
    bench: Arc<Bench>,
    claimed: Claimed,
    handle: Rc<Handle>,
    fair: Arc<Semaphore>,
) {
    let turn = claimed.turn.id.clone();
    let mut writer = match Writer::open(bench, claimed, handle).await {
        Ok(Ok(writer)) => writer,
        Ok(Err(Lost)) => return,
        Err(error) => {
            tracing::warn!(%turn, %error, "a turn cannot be begun; the next scan tries again");
            return;
        }
    };
    if writer.write(fair).await.is_err() {
        tracing::info!(%turn, "a turn was lost to another owner, or its thread is gone");
    }
}

struct Writer {
    bench: Arc<Bench>,
    handle: Rc<Handle>,
    turn: TurnRow,
    thread: ThreadRow,
    seq: i64,
    /// The text that stands, and what an earlier owner said.
    running: Running,
    /// As the log was opened, for the case that it must be once more.
    start: Start,
    first_text: Option<Millis>,
    latest_text: Option<Millis>,
    /// When the log could not take what was written.
    refused_at: Option<Millis>,
}

/// How an answer ended, before it is written down.
struct Outcome {
    status: Ending,
    usage: Usage,
    error: Option<Failure>,
    hint: Option<String>,
    degraded: Vec<String>,
}

impl Outcome {
    fn plain(status: Ending) -> Self {
        let (usage, degraded) = (Usage::default(), Vec::new());
        Self { status, usage, error: None, hint: None, degraded }
    }

    fn failed(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { error: Some(Failure { code, message }), ..Self::plain(Ending::Failed) }
    }
}

impl Writer {
    async fn write(&mut self, fair: Arc<Semaphore>) -> Result<(), Lost> {
        if self.turn.barren >= BARREN_OWNERS {
            let message = "This answer could not be written. Please ask again.";
            return self.finish(Outcome::failed(Code::Internal, message)).await;
        }
        if self.turn.cancel_requested {
            self.handle.cancel();
        }
        let mut signal = self.handle.signal();
        // A user's turns beyond the limit wait here, in order.
        let slot = if let Ok(slot) = Arc::clone(&fair).try_acquire_owned() {
            slot
        } else {
            self.news(TurnNews::Queued, None, None).await?;
            let _waits = Counted::new(self.bench.metrics.turns_queued.clone());
            tokio::select! {
                biased;
                signal = stopped(&mut signal) => return self.stop(signal).await,
                slot = fair.acquire_owned() => slot.map_err(|_| Lost)?,
            }
        };
        let outcome = self.answer(&mut signal).await?;
        drop(slot);
        if let Some(outcome) = outcome {
            return self.finish(outcome).await;
        }
        let signal = *signal.borrow();
        self.stop(signal).await
    }

    async fn stop(&mut self, signal: Signal) -> Result<(), Lost> {
        match signal {
            Signal::FencedOff => Err(Lost),
            Signal::Go | Signal::Cancel => {
                self.cancel_upstream();
                self.finish(Outcome::plain(Ending::Cancelled)).await
            }
        }
    }

    /// Everything into the store at once, then the `end` into the log.
    async fn finish(&mut self, outcome: Outcome) -> Result<(), Lost> {
        let Outcome { status, usage, error, hint, degraded } = outcome;
        let now = self.bench.clock.now();
        let asked = Millis(self.turn.created_at);
        let (length, sha256) = fingerprint(&self.running.text);
        let end = End {
            turn: self.turn.id.clone(),
            attempt: self.turn.attempt,
            status,
            item: self.item(now),
            length,
            sha256,
            usage,
            timing_ms: Timing {
                first: self.first_text.map(|first| first.since(asked)),
                total: now.since(asked),
            },
            error,
            degraded,
        };
        let (fence, seq) = (self.turn.fence, self.seq + 1);
        let finish = Finish { fence, seq, end: end.clone(), hint };
        loop {
            match self.bench.store.finish(finish.clone(), now).await {
                Ok(true) => break,
                Ok(false) => return Err(Lost),
                Err(error) => {
                    tracing::warn!(turn = %self.turn.id, %error, "an end waits for the store");
                    tokio::time::sleep(RETRY_STORE).await;
                }
            }
        }
        self.handle.is_over();
        self.bench.metrics.turn_ended(status.as_str());
        self.append(LogEvent::End(Box::new(end))).await?;
        // All of it is in the store: it need not wait for the log.
        self.handle.committed(self.seq, &self.bench).await;
        Ok(())
    }

    fn item(&self, now: Millis) -> Option<Item> {
        let Running { text, sources, .. } = &self.running;
        if text.is_empty() {
            return None;
        }
        let id = ItemId::new(prefixed(&*self.bench.ids, "msg", now));
        Some(Item::answer(id, self.thread.id.clone(), now, text, sources))
    }
}
