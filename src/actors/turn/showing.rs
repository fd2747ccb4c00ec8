//! How events reach readers: through the log, and while that cannot be reached through the store.
//!
//! An event is shown only once the log has it or the store does (I1). A log that is away costs no
//! turn: the checkpoints, which then come faster, are what is shown (`turns.md`, When something is
//! away).

use super::{Lost, Writer};
use crate::{
    bus::Wake,
    domain::event::{Entry, LogEvent, TurnNews},
    turnlog::LogError,
};

/// A log that refused is asked again after this time, in milliseconds, not for every word.
const ASK_AGAIN: i64 = 100;
/// A log that forgets its owner again and again is as good as away.
const OPENINGS: u32 = 3;

impl Writer {
    pub(super) async fn append(&mut self, event: LogEvent) -> Result<(), Lost> {
        // A model that never pauses must not keep the thread from the others' turns.
        tokio::task::coop::consume_budget().await;
        let is_first = self.running.text.is_empty() && matches!(event, LogEvent::Delta { .. });
        let entry = Entry::single(self.seq + 1, event);
        self.seq = entry.seq;
        self.running.apply(&entry);
        self.handle.wrote(entry, &self.bench.backlog);
        self.show(is_first).await?;
        self.bench.backlog.room().await;
        Ok(())
    }

    pub(super) async fn news(
        &mut self,
        status: TurnNews,
        hint_level: Option<u8>,
        drop_from: Option<i64>,
    ) -> Result<(), Lost> {
        self.handle.progress.heard(status, hint_level);
        let (turn, attempt) = (self.turn.id.clone(), self.turn.attempt);
        // An edited question has said already what it stands in for.
        let replaces = self.turn.replaces.clone().filter(|_| !self.turn.has_message());
        self.append(LogEvent::Turn { turn, attempt, status, hint_level, drop_from, replaces }).await
    }

    /// Gives the log all that it has not taken yet. What it cannot take now waits for the next
    /// event, or for the next checkpoint.
    pub(super) async fn show(&mut self, is_first: bool) -> Result<(), Lost> {
        let now = self.bench.clock.now();
        if self.refused_at.is_some_and(|at| now.since(at) < ASK_AGAIN) {
            return Ok(());
        }
        self.refused_at = None;
        for _ in 0..OPENINGS {
            let entries = self.handle.unshown();
            let Some(last) = entries.last().map(|entry| entry.seq) else { return Ok(()) };
            let thread = self.thread.id.clone();
            match self.bench.log.append(&thread, self.turn.fence, entries).await {
                Ok(()) => {
                    self.handle.shown(last);
                    let wake = if is_first {
                        Wake::FirstWords { thread }
                    } else {
                        Wake::Thread { thread }
                    };
                    self.bench.bus.wake(wake);
                    return Ok(());
                }
                Err(LogError::Gone) if self.open_again().await? => {}
                Err(LogError::Gone | LogError::Unavailable(_)) => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.handle.is_refused();
        self.refused_at = Some(now);
        Ok(())
    }

    /// The log has lost its data, or never heard of this owner. The store says whether it is still
    /// the owner; only then may it say so to the log. False: either is away.
    async fn open_again(&self) -> Result<bool, Lost> {
        match self.bench.store.is_owned(&self.turn.id, self.turn.fence).await {
            Ok(true) => {}
            // The end is in the store, which shows it. The log is the next owner's by now.
            Ok(false) if self.handle.has_ended() => return Ok(false),
            Ok(false) => return Err(Lost),
            Err(_) => return Ok(false),
        }
        match self.bench.log.open(&self.thread.id, self.start.clone()).await {
            Ok(_) => Ok(true),
            Err(LogError::Fenced) => Err(Lost),
            Err(_) => Ok(false),
        }
    }
}
