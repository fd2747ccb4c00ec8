//! The server's frames as lines of the history. Does nothing when no history is written.

use tokio::time::Instant;

use super::super::Client;
use crate::{
    cli::{
        client::{
            replica::{Checked, News},
            wire::{Accepted, Incoming, LogLine, Snapshot},
        },
        load::history::{End, EndedText, Entry, Event, ItemText, RunningText},
    },
    domain::{
        event::{self, LogEvent, TurnNews, fingerprint},
        ids::Epoch,
        item::{Item, ItemBody},
    },
};

/// What of an event is written before it is applied: afterwards it is gone.
pub(super) enum Pen {
    Event(Box<Event<'static>>),
    End { first: i64, seq: i64, end: Box<event::End> },
}

impl Client {
    /// Everything but the events of a log, which are written when they were applied.
    pub(super) fn record(&mut self, incoming: &Incoming, at: Instant) {
        if !self.trail.is_on() {
            return;
        }
        let texts = self.trail.has_texts();
        let entry = match incoming {
            Incoming::Log(_) => return,
            Incoming::Welcome(welcome) => Entry::Welcome {
                user: &welcome.user.id,
                session: &welcome.session,
                connection_id: &welcome.connection,
                node: &welcome.node,
            },
            Incoming::Ok(ok) => accepted(ok),
            Incoming::Refused(refusal) => Entry::Error {
                id: refusal.id,
                thread: refusal.thread.as_ref(),
                code: &refusal.code,
                message: &refusal.message,
            },
            Incoming::Resumed(resumed) => Entry::Resumed {
                thread: &resumed.thread,
                mode: &resumed.mode,
                epoch: resumed.epoch.as_ref(),
                first: resumed.first,
                seq: resumed.seq,
                reason: resumed.reason.as_deref(),
            },
            Incoming::Snapshot(whole) => snapshot(whole, texts),
            Incoming::Heartbeat => Entry::Ephemeral { r#type: "heartbeat", seq: None },
            Incoming::Auth => Entry::Ephemeral { r#type: "auth", seq: None },
            Incoming::Other(other) => {
                Entry::Ephemeral { r#type: &other.kind, seq: other.seq.as_ref() }
            }
        };
        self.trail.note(at, &entry);
    }

    /// Takes from an event what its line needs.
    pub(super) fn begin_record(&self, line: &LogLine) -> Option<Pen> {
        if !self.trail.is_on() {
            return None;
        }
        let seq = line.place.seq;
        let first = line.place.first.unwrap_or(seq);
        let event = Event { first, seq, ..Event::default() };
        Some(match &line.event {
            LogEvent::End(end) => Pen::End { first, seq, end: end.clone() },
            other => Pen::Event(Box::new(of_event(other, event, self.trail.has_texts()))),
        })
    }

    /// Writes the line. `news` are what the event changed; none if it was not applied.
    pub(super) fn end_record(&mut self, pen: Option<Pen>, news: Option<&Vec<News>>, at: Instant) {
        let Some(pen) = pen else { return };
        let (thread, epoch) = (self.replica.thread().cloned(), self.replica.epoch().cloned());
        let thread = thread.as_ref().map_or("", |thread| thread.as_str());
        let entry = match &pen {
            Pen::Event(event) => {
                let applied = news.is_some();
                Entry::Event(Event { thread, epoch: epoch.as_ref(), applied, ..(**event).clone() })
            }
            Pen::End { first, seq, end } => {
                let checked = news.into_iter().flatten().find_map(|news| match news {
                    News::Ended(checked) => Some(checked),
                    _ => None,
                });
                Entry::End(of_end(end, (*first, *seq), (thread, epoch.as_ref()), checked))
            }
        };
        self.trail.note(at, &entry);
    }
}

fn accepted(ok: &Accepted) -> Entry<'_> {
    Entry::Ok {
        id: ok.id,
        thread: ok.thread.as_ref(),
        epoch: ok.epoch.as_ref(),
        item: ok.item.as_ref(),
        turn: ok.turn.as_ref(),
        seq: ok.seq,
        duplicate: ok.duplicate,
        status: ok.status.as_deref(),
        quota_remaining: ok.quota.as_ref().and_then(|quota| quota.remaining),
    }
}

fn snapshot(whole: &Snapshot, texts: bool) -> Entry<'_> {
    let running = whole.turn.as_ref().map(|turn| {
        let (length, sha256) = fingerprint(&turn.text);
        let text = texts.then_some(turn.text.as_str());
        RunningText { turn: &turn.id, attempt: turn.attempt, length, sha256, text }
    });
    let ended = whole.ended.iter().map(|ended| EndedText {
        turn: &ended.turn,
        status: &ended.status,
        item: ended.item.as_ref(),
        length: ended.length,
        sha256: &ended.sha256,
    });
    Entry::Snapshot {
        thread: &whole.thread,
        epoch: &whole.epoch,
        seq: whole.seq,
        turn: running,
        ended: ended.collect(),
        items: whole.items.iter().map(item_text).collect(),
    }
}

fn item_text(item: &Item) -> ItemText<'_> {
    let (length, sha256) = fingerprint(&item.text());
    let role = match item.body {
        ItemBody::UserMessage { .. } => "user",
        ItemBody::AssistantMessage { .. } => "assistant",
    };
    ItemText { item: &item.id, role, length, sha256 }
}

fn of_event(event: &LogEvent, line: Event<'static>, texts: bool) -> Event<'static> {
    match event {
        LogEvent::Message { item, replaces } => {
            let (length, sha256) = fingerprint(&item.text());
            Event {
                r#type: "message",
                item: Some(item.id.clone()),
                replaces: replaces.clone(),
                length: Some(length),
                sha256: Some(sha256),
                ..line
            }
        }
        LogEvent::Turn { turn, attempt, status, drop_from, .. } => Event {
            r#type: "turn",
            turn: Some(turn.clone()),
            attempt: Some(*attempt),
            status: Some(match status {
                TurnNews::Queued => "queued",
                TurnNews::Running => "running",
                TurnNews::Continued => "continued",
                TurnNews::Restarted => "restarted",
            }),
            drop_from: *drop_from,
            ..line
        },
        LogEvent::Citations { turn, .. } => {
            Event { r#type: "citations", turn: Some(turn.clone()), ..line }
        }
        LogEvent::Delta { turn, attempt, text } => {
            let (length, sha256) = fingerprint(text);
            Event {
                r#type: "delta",
                turn: Some(turn.clone()),
                attempt: Some(*attempt),
                length: Some(length),
                sha256: Some(sha256),
                text: texts.then(|| text.clone()),
                ..line
            }
        }
        LogEvent::End(_) => line,
    }
}

fn of_end<'a>(
    end: &'a event::End,
    (first, seq): (i64, i64),
    (thread, epoch): (&'a str, Option<&'a Epoch>),
    checked: Option<&'a Checked>,
) -> End<'a> {
    let item = end.item.as_ref();
    let stored = item.map(|item| fingerprint(&item.text()));
    End {
        thread,
        epoch,
        first,
        seq,
        turn: &end.turn,
        attempt: end.attempt,
        status: end.status.as_str(),
        length: end.length,
        sha256: &end.sha256,
        item: item.map(|item| &item.id),
        item_length: stored.as_ref().map(|(length, _)| *length),
        item_sha256: stored.map(|(_, sha256)| sha256),
        applied: checked.is_some(),
        applied_length: checked.map(|checked| checked.arrived.0),
        applied_sha256: checked.map(|checked| checked.arrived.1.as_str()),
    }
}
