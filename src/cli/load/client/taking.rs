//! What a simulated learner makes of the server's frames: figures, its history, and faults.

use std::time::Duration;

use tokio::time::Instant;

use super::{Awaited, Client};
use crate::{
    cli::{
        client::{
            link::Lost,
            replica::{Broken, Checked, News},
            retry::{Advice, pause},
            wire::{Accepted, Incoming, LogLine, Refusal, Resumed, Snapshot, Welcome, read},
        },
        load::history::Entry,
    },
    domain::{
        event::{LogEvent, TurnNews},
        ids::TurnId,
    },
};

mod recording;

/// An answer that stands still so long on an open connection has lost its owner, or its model
/// stalls.
const STALL: Duration = Duration::from_secs(1);

/// Refusals that pass: the same question may be sent again after a pause.
const PASSING: [&str; 4] = ["overloaded", "store_unavailable", "rate_limited", "busy_turn"];

impl Client {
    /// Takes in a message of one or several lines.
    pub(super) fn take_in(&mut self, text: &str, at: Instant) -> Result<(), Lost> {
        let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.board.note(|tally| {
            tally.messages += 1;
            tally.bytes += bytes;
        });
        for line in text.lines() {
            match read(line) {
                Ok(incoming) => self.take(incoming, at)?,
                Err(error) => return Err(self.out_of_order(&format!("not understood: {error}"))),
            }
        }
        Ok(())
    }

    fn take(&mut self, incoming: Incoming, at: Instant) -> Result<(), Lost> {
        self.record(&incoming, at);
        match incoming {
            Incoming::Log(line) => self.log(*line, at)?,
            Incoming::Welcome(welcome) => self.welcome(welcome, at),
            Incoming::Ok(ok) => self.accepted(&ok)?,
            Incoming::Refused(refusal) => self.refused(&refusal, at)?,
            Incoming::Resumed(resumed) => self.resumed(&resumed, at)?,
            Incoming::Snapshot(whole) => self.restore(*whole, at),
            Incoming::Heartbeat => {
                self.outbox.push_back(serde_json::json!({ "type": "heartbeat" }));
            }
            Incoming::Auth => self.here.token_runs_out = true,
            Incoming::Other(other) if other.seq.is_some() => {
                return Err(self.out_of_order(&format!("a {} with a seq", other.kind)));
            }
            Incoming::Other(_) => {}
        }
        Ok(())
    }

    fn welcome(&mut self, welcome: Welcome, at: Instant) {
        self.here.welcomed = true;
        self.stay = Some(welcome.session);
        self.away.attempts = 0;
        self.away.advice = None;
        if !self.away.amid_answer {
            self.away.since = None;
        }
        if let Some(link) = &mut self.link {
            link.set_heartbeat(Duration::from_secs(welcome.heartbeat.max(1)));
        }
        tracing::trace!(client = self.number, after = ?(at - self.connected_at), "welcome");
    }

    fn accepted(&mut self, ok: &Accepted) -> Result<(), Lost> {
        if self.cancel.sent.take_if(|id| *id == ok.id).is_some() {
            self.cancel.confirmed = self.cancel.turn.clone();
            return Ok(());
        }
        if let Some(awaited) = &self.awaited
            && awaited.sent.contains(&ok.id)
            && ok.turn.as_ref() != Some(&awaited.turn)
        {
            return Err(self.out_of_order("a repeated send was answered by another turn"));
        }
        let Some(question) = self.question.take_if(|question| question.sent.contains(&ok.id))
        else {
            return Ok(());
        };
        if let (None, Some(thread)) = (self.replica.thread(), ok.thread.clone()) {
            self.memory.began(&thread);
            if ok.duplicate {
                // The first answer was lost with its socket: read the thread from the start.
                self.replica = crate::cli::client::replica::Replica::of(thread.clone());
                self.request("open", &serde_json::json!({ "thread": thread }));
            } else {
                self.replica.begin(thread, ok.epoch.clone(), ok.seq.unwrap_or(1));
                self.here.following = true;
            }
        }
        let (asked_at, sent, begun) = (question.asked_at, question.sent, false);
        match ok.turn.clone() {
            Some(turn) if !self.replica.has_ended(&turn) => {
                self.awaited = Some(Awaited { turn, asked_at, sent, begun });
            }
            Some(_) => {}
            None => return Err(self.out_of_order("a question was accepted without a turn")),
        }
        Ok(())
    }

    fn refused(&mut self, refusal: &Refusal, at: Instant) -> Result<(), Lost> {
        let ours = match (&self.question, refusal.id) {
            (Some(question), Some(id)) => question.sent.contains(&id),
            // A thread of the hello that could not be resumed.
            (_, None) => {
                refusal.thread.is_some() && refusal.thread.as_ref() == self.replica.thread()
            }
            (None, Some(_)) => self.is_rereading(),
        };
        let passing = PASSING.contains(&refusal.code.as_str());
        let (number, forgiving) = (self.number, self.run.forgiving && passing);
        if !forgiving {
            self.board.note(|tally| {
                tally.error(&refusal.code, || format!("client {number}: {}", refusal.message));
            });
        }
        if !ours {
            return Ok(());
        }
        match &mut self.question {
            // The server follows the thread for this connection no more. The next may have it.
            asked if passing && (refusal.id.is_none() || asked.is_none()) => {
                let reason = format!("left: {}", refusal.code);
                return Err(Lost { advice: Advice::BackOff, code: None, reason });
            }
            Some(question) if passing => {
                question.sent.clear();
                question.held_until = Some(at + pause(Advice::BackOff, 1, &*self.run.ids));
            }
            _ => self.refused = Some(refusal.code.clone()),
        }
        Ok(())
    }

    fn resumed(&mut self, resumed: &Resumed, at: Instant) -> Result<(), Lost> {
        if Some(&resumed.thread) != self.replica.thread() {
            return Ok(());
        }
        self.here.following = true;
        self.here.replay_to = resumed.seq.unwrap_or_default();
        if self.is_rereading() {
            return Ok(());
        }
        if resumed.mode == "current" {
            self.resumed_at(at);
        }
        let took = at.saturating_duration_since(self.connected_at);
        self.board.note(|tally| {
            tally.resumes.entry(resumed.mode.clone()).or_default().add(took);
        });
        self.replica.resumed(resumed).map_err(|broken| self.disbelieve(&broken))
    }

    fn restore(&mut self, whole: Snapshot, at: Instant) {
        let awaited = self.awaited.as_ref().map(|awaited| awaited.turn.clone());
        self.resumed_at(at);
        self.compare(&whole);
        let news = self.replica.restore(whole, awaited.as_ref());
        self.hear(news, at);
    }

    fn log(&mut self, line: LogLine, at: Instant) -> Result<(), Lost> {
        if Some(&line.place.thread) != self.replica.thread() {
            return Ok(());
        }
        if !self.here.following {
            return Err(self.out_of_order("an event before the server said where it goes on"));
        }
        self.resumed_at(at);
        self.count_news(&line.event);
        if let LogEvent::Delta { turn, .. } = &line.event {
            let repeated = line.place.seq <= self.here.replay_to;
            if !repeated && self.cancel.confirmed.as_ref() == Some(turn) {
                return Err(self.out_of_order("a piece of a turn after the ok to its cancel"));
            }
            let tokens = line.place.seq - line.place.first.unwrap_or(line.place.seq) + 1;
            self.count_piece(&turn.clone(), u64::try_from(tokens).unwrap_or_default(), at);
        }
        let pen = self.begin_record(&line);
        let applied = self.replica.apply(line);
        self.end_record(pen, applied.as_ref().ok(), at);
        let news = applied.map_err(|broken| self.disbelieve(&broken))?;
        self.hear(news, at);
        Ok(())
    }

    /// The first frame that shows how the conversation stands, on a connection that goes on with it.
    fn resumed_at(&mut self, at: Instant) {
        if let Some(since) = self.here.resuming_since.take() {
            let took = at.saturating_duration_since(since);
            self.board.note(|tally| tally.resume.add(took));
        }
    }

    /// Stops the answer that is to be stopped; again on another connection, if its `ok` was lost.
    pub(super) fn send_cancel(&mut self) {
        let open = self.here.welcomed && self.cancel.sent.is_none();
        let due = open && self.cancel.confirmed.is_none();
        let awaited = self.awaited.as_ref().map(|awaited| &awaited.turn);
        let turn = self.cancel.turn.clone().filter(|turn| due && awaited == Some(turn));
        if let Some(turn) = turn {
            let id = self.request("cancel", &serde_json::json!({ "turn": turn }));
            self.cancel.sent = Some(id);
        }
    }

    fn count_news(&self, event: &LogEvent) {
        match event {
            LogEvent::Turn { status: TurnNews::Continued, .. } => {
                self.board.note(|tally| tally.continued += 1);
            }
            LogEvent::Turn { status: TurnNews::Restarted, .. } => {
                self.board.note(|tally| tally.restarted += 1);
            }
            _ => {}
        }
    }

    fn count_piece(&mut self, turn: &TurnId, tokens: u64, at: Instant) {
        let mut first = None;
        if let Some(awaited) = self.awaited.as_mut().filter(|awaited| awaited.turn == *turn)
            && !std::mem::replace(&mut awaited.begun, true)
        {
            first = Some(at.saturating_duration_since(awaited.asked_at));
            if std::mem::take(&mut self.cancel.wanted) {
                self.cancel.turn = Some(turn.clone());
            }
        }
        let gap = match &mut self.here.last_piece {
            Some((last, before)) if last == turn => {
                let gap = at.saturating_duration_since(*before);
                *before = at;
                // Of one message all pieces arrive together.
                (!gap.is_zero()).then_some(gap)
            }
            last => {
                *last = Some((turn.clone(), at));
                None
            }
        };
        let back = self.back(at);
        self.board.note(|tally| {
            tally.tokens += tokens;
            tally.first_delta.add_any(first);
            tally.gaps.add_any(gap);
            tally.stalls.add_any(gap.filter(|gap| *gap >= STALL));
            tally.back.add_any(back);
        });
    }

    /// How long an answer stood still because of a loss; told once.
    fn back(&mut self, at: Instant) -> Option<Duration> {
        let since = self.away.since.filter(|_| self.away.amid_answer)?;
        self.away.since = None;
        self.away.amid_answer = false;
        Some(at.saturating_duration_since(since))
    }

    fn hear(&mut self, news: Vec<News>, at: Instant) {
        for one in news {
            if let News::Ended(checked) = one {
                self.ended(&checked, at);
            }
        }
    }

    fn ended(&mut self, checked: &Checked, at: Instant) {
        if let Some(thread) = self.replica.thread() {
            self.memory.ended(thread, checked);
        }
        let ours = self.awaited.take_if(|awaited| awaited.turn == checked.turn);
        let stopped = self.cancel.turn.as_ref() == Some(&checked.turn);
        let expected = checked.status == "done"
            || (checked.status == "cancelled" && (stopped || self.reads_along));
        let back = ours.is_some().then(|| self.back(at)).flatten();
        let number = self.number;
        self.board.note(|tally| {
            *tally.ends.entry(checked.status.clone()).or_default() += 1;
            tally.back.add_any(back);
            if let Some(awaited) = &ours {
                tally.answers.add(at.saturating_duration_since(awaited.asked_at));
            }
            if !checked.matches {
                let (length, sha256) = &checked.arrived;
                tally.sha_errors += 1;
                tally.error("wrong text", || {
                    format!(
                        "client {number}, {}: {length} characters {sha256} arrived, {} {} stated",
                        checked.turn, checked.length, checked.sha256
                    )
                });
            }
            if !expected {
                let why = checked.error.clone().unwrap_or_default();
                let kind = format!("ended {}", checked.status);
                tally.error(&kind, || format!("client {number}, {}: {why}", checked.turn));
            }
        });
        if !checked.matches {
            self.trail.note(at, &Entry::Fault { what: "the end does not fit the text" });
        }
    }

    fn disbelieve(&mut self, broken: &Broken) -> Lost {
        self.out_of_order(&broken.to_string())
    }

    /// The server broke its promise: counted, and the next connection starts from a snapshot.
    fn out_of_order(&mut self, what: &str) -> Lost {
        let (number, turn) = (self.number, self.awaited.as_ref().map(|awaited| &awaited.turn));
        let turn = turn.map(ToString::to_string).unwrap_or_default();
        self.board.note(|tally| {
            tally.order_errors += 1;
            tally.error("out of order", || format!("client {number} {turn}: {what}"));
        });
        self.trail.note(Instant::now(), &Entry::Fault { what });
        self.replica.forget();
        Lost { advice: Advice::AtOnce, code: None, reason: format!("left: {what}") }
    }
}
