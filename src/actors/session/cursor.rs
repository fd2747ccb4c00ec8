//! How far a client has come in one thread, and the reading on from there.

use std::time::Duration;

use actix::prelude::*;

use super::Session;
use crate::{
    actors::reading,
    domain::{
        clock::Millis,
        event::{Entry, LogEvent, merge},
        ids::{Epoch, ThreadId},
        live::{
            frame::{Frame, LogFrame, Mode, Resumed},
            limits,
        },
    },
    store::StoreError,
    turnlog::Tail,
};

/// Events that are read at once.
const READ: usize = 512;
/// So long, in milliseconds, nothing may come of an answer before the store is asked about it.
const SILENCE: i64 = 2_000;

pub(super) struct Cursor {
    pub epoch: Epoch,
    pub seq: i64,
    /// Newest seq known to be in the log.
    head: i64,
    /// What the client says that it has; none if it never says so.
    acked: Option<i64>,
    reading: Reading,
    /// An answer that must precede the news is being made: read no further yet, and tell nothing that
    /// was read before.
    pub held: bool,
    read_at: Option<Millis>,
    /// A reading at the end of the coalescing window is planned.
    scheduled: bool,
    /// An answer is being written, as far as is known here.
    unfinished: Option<Unfinished>,
    /// Frames that must follow everything that is in the log by now.
    pub after: Vec<Frame>,
}

#[derive(Debug, Default)]
struct Unfinished {
    /// When something last came of it, or it was last doubted.
    news_at: Option<Millis>,
    /// The next reading looks into the store as well.
    doubted: bool,
}

/// Whether the log is being read, and whether it must be read once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Idle,
    /// There is news that could not be read when it came.
    Behind,
    Busy,
    BusyAndBehind,
}

impl Cursor {
    pub(super) fn at(epoch: Epoch, seq: i64) -> Self {
        Self {
            epoch,
            seq,
            head: seq,
            acked: None,
            reading: Reading::Idle,
            held: false,
            read_at: None,
            scheduled: false,
            // Until something else is known.
            unfinished: Some(Unfinished::default()),
            after: Vec::new(),
        }
    }

    /// Whether there is news that nobody is reading.
    pub(super) const fn is_behind(&self) -> bool {
        matches!(self.reading, Reading::Behind)
    }

    pub(super) fn lag(&self) -> i64 {
        self.head - self.acked.unwrap_or(self.seq)
    }

    /// The client has everything up to `seq`. It cannot have what was not sent, and what it had
    /// it has.
    pub(super) fn acknowledge(&mut self, seq: i64) {
        let acked = self.acked.map_or(seq, |before| before.max(seq));
        self.acked = Some(acked.min(self.seq));
    }
}

impl Session {
    /// Reads the news of a thread: at once if it has been quiet, otherwise when the coalescing
    /// window is over, since the cost of a token is its system call.
    pub(super) fn pump_soon(&mut self, thread: &ThreadId, ctx: &mut Context<Self>) {
        let (now, window) = (self.now(), self.window());
        let Some(cursor) = self.cursors.get_mut(thread) else { return };
        let quiet = cursor.read_at.map_or(i64::MAX, |at| now.since(at));
        let left = i64::try_from(window.as_millis()).unwrap_or(i64::MAX).saturating_sub(quiet);
        if left <= 0 {
            return self.pump(thread, ctx);
        }
        if !std::mem::replace(&mut cursor.scheduled, true) {
            let (thread, wait) = (thread.clone(), u64::try_from(left).unwrap_or_default());
            ctx.run_later(Duration::from_millis(wait), move |this, ctx| {
                if let Some(cursor) = this.cursors.get_mut(&thread) {
                    cursor.scheduled = false;
                }
                this.pump(&thread, ctx);
            });
        }
    }

    /// An answer of which nothing comes may have been ended by an owner that died before it could
    /// say so, or be written where the log cannot be reached from here: the store knows.
    pub(super) fn doubt(&mut self, ctx: &mut Context<Self>) {
        let now = self.now();
        let mut silent = Vec::new();
        for (thread, cursor) in &mut self.cursors {
            let Some(answer) = &mut cursor.unfinished else { continue };
            if now.since(*answer.news_at.get_or_insert(now)) >= SILENCE {
                *answer = Unfinished { news_at: Some(now), doubted: true };
                silent.push(thread.clone());
            }
        }
        for thread in silent {
            self.pump(&thread, ctx);
        }
    }

    /// Sends what the log has behind the cursor, unless the client's queue is full enough.
    pub(super) fn pump(&mut self, thread: &ThreadId, ctx: &mut Context<Self>) {
        let (now, paused) = (self.now(), self.outbox.is_held());
        let Some(cursor) = self.cursors.get_mut(thread) else { return };
        if matches!(cursor.reading, Reading::Busy | Reading::BusyAndBehind) {
            cursor.reading = Reading::BusyAndBehind;
            return;
        }
        if cursor.held || paused {
            cursor.reading = Reading::Behind;
            return;
        }
        cursor.reading = Reading::Busy;
        cursor.read_at = Some(now);
        let (hub, id) = (std::sync::Arc::clone(&self.hub), thread.clone());
        let (epoch, seq) = (cursor.epoch.clone(), cursor.seq);
        let unfinished = cursor.unfinished.as_mut();
        let doubted = unfinished.is_some_and(|answer| std::mem::take(&mut answer.doubted));
        let read = async move {
            let tail = if doubted {
                reading::tail_in_doubt(&hub, &id, (&epoch, seq), READ).await
            } else {
                reading::tail(&hub, &id, (&epoch, seq), READ).await
            };
            (id, (epoch, seq), tail)
        };
        ctx.spawn(read.into_actor(self).map(|(thread, from, tail), this, ctx| {
            this.deliver(&thread, &from, tail, ctx);
        }));
    }

    fn deliver(
        &mut self,
        thread: &ThreadId,
        (epoch, seq): &(Epoch, i64),
        tail: Tail,
        ctx: &mut Context<Self>,
    ) {
        let Some(cursor) = self.cursors.get_mut(thread) else { return };
        if (&cursor.epoch, cursor.seq) != (epoch, *seq) {
            // The thread was opened anew meanwhile: another reading goes on from there.
            return;
        }
        if cursor.held {
            cursor.reading = Reading::Behind;
            return;
        }
        let again = cursor.reading == Reading::BusyAndBehind;
        cursor.reading = Reading::Idle;
        let entries = match tail {
            Tail::Entries(entries) => entries,
            Tail::Gap => return self.check_gap(thread, ctx),
        };
        let mut more = again;
        if let Some(last) = entries.last() {
            let answer = Unfinished { news_at: Some(self.hub.clock.now()), doubted: false };
            cursor.unfinished = (!matches!(last.event, LogEvent::End(_))).then_some(answer);
            more |= usize::try_from(last.seq - cursor.seq).is_ok_and(|read| read >= READ);
            cursor.seq = last.seq;
            cursor.head = cursor.head.max(last.seq);
        }
        let epoch = cursor.epoch.clone();
        let after = if more { Vec::new() } else { std::mem::take(&mut cursor.after) };
        let (batches, merged) = batches(thread, &epoch, entries);
        self.hub.metrics.flow.merged.inc_by(merged);
        for batch in batches {
            self.send_text(batch, ctx);
        }
        for frame in after {
            self.send(&frame, ctx);
        }
        if more {
            self.pump(thread, ctx);
        }
    }

    /// The log does not continue this cursor. An idle thread has no log at all; only where the
    /// store has moved on must the client start afresh.
    fn check_gap(&mut self, thread: &ThreadId, ctx: &mut Context<Self>) {
        let Some(cursor) = self.cursors.get_mut(thread) else { return };
        let Some(member) = &self.member else { return };
        cursor.reading = Reading::Busy;
        let (hub, owner) = (std::sync::Arc::clone(&self.hub), member.identity.user.id.clone());
        let id = thread.clone();
        let load = async move {
            let loaded = super::snapshot::load(&hub, &owner, &id).await;
            (id, loaded)
        };
        ctx.spawn(load.into_actor(self).map(|(thread, loaded), this, ctx| {
            let Some(cursor) = this.cursors.get_mut(&thread) else { return };
            if cursor.held {
                cursor.reading = Reading::Behind;
                return;
            }
            let again = cursor.reading == Reading::BusyAndBehind;
            cursor.reading = Reading::Idle;
            let loaded = match loaded {
                Ok(loaded) => loaded,
                Err(error @ (StoreError::Unavailable(_) | StoreError::Overloaded)) => {
                    tracing::debug!(%thread, %error, "a gap waits for the store");
                    cursor.unfinished = Some(Unfinished::default());
                    return;
                }
                Err(error) => return this.lose(&thread, &error, ctx),
            };
            cursor.unfinished = loaded.snapshot.turn.as_ref().map(|_| Unfinished::default());
            let known = loaded.epoch == cursor.epoch && loaded.seq <= cursor.seq;
            let after = std::mem::take(&mut cursor.after);
            if !known {
                let reason = if loaded.epoch == cursor.epoch { "trimmed" } else { "epoch" };
                let (epoch, seq) = (loaded.epoch.clone(), loaded.seq);
                *cursor = Cursor::at(epoch.clone(), seq);
                let thread = thread.clone();
                let resumed = Resumed {
                    thread,
                    epoch,
                    mode: Mode::Reset,
                    first: None,
                    seq: None,
                    reason: Some(reason),
                };
                this.send(&Frame::Resumed(resumed), ctx);
                this.send(&Frame::Snapshot(Box::new(loaded.snapshot)), ctx);
            }
            for frame in after {
                this.send(&frame, ctx);
            }
            if !known || again {
                this.pump(&thread, ctx);
            }
        }));
    }
}

/// Log frames, joined by newlines into messages of at most the protocol's size where they fit, and
/// how many of the events went into another.
fn batches(thread: &ThreadId, epoch: &Epoch, entries: Vec<Entry>) -> (Vec<String>, u64) {
    let mut batches: Vec<String> = Vec::new();
    let mut merged = 0;
    for entry in merge(entries) {
        merged += u64::try_from(entry.seq - entry.first).unwrap_or_default();
        let line = match serde_json::to_string(&LogFrame::new(thread, epoch, &entry)) {
            Ok(line) => line,
            Err(error) => {
                tracing::error!(%error, "an event cannot be written");
                continue;
            }
        };
        match batches.last_mut() {
            Some(batch) if batch.len() + line.len() < limits::MESSAGE => {
                batch.push('\n');
                batch.push_str(&line);
            }
            _ => batches.push(line),
        }
    }
    (batches, merged)
}
