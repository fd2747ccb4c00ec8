//! How a simulated learner connects, loses its connection, and comes back (`live.md` §2.5).

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Client, Gone, Here};
use crate::cli::{
    client::{
        door::DoorError,
        link::{Link, Lost},
        retry::{Advice, pause},
    },
    load::history::{By, Entry},
};

const CLIENT: &str = concat!("intellistack-load/", env!("CARGO_PKG_VERSION"));
/// A connection that broke without a Close frame.
const ABNORMAL: u16 = 1006;

impl Client {
    pub(super) async fn come_back(&mut self) -> Result<(), Gone> {
        if let Some(advice) = self.away.advice {
            let wait = pause(advice, self.away.attempts, &*self.run.ids);
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            let attempt = self.away.attempts;
            self.trail.note(Instant::now(), &Entry::Reconnect { attempt, wait_ms });
            tokio::time::sleep(wait).await;
        }
        match self.connect().await {
            Ok(()) => Ok(()),
            Err(lost) => self.lose(&lost),
        }
    }

    /// Opens a socket and says hello.
    async fn connect(&mut self) -> Result<(), Lost> {
        let token = if self.away.advice == Some(Advice::Renew) {
            self.person.renew().await.map_err(|error| shut_out(&error))?
        } else {
            self.person.token().await
        };
        self.connected_at = Instant::now();
        self.trail.next_connection();
        let run = Arc::clone(&self.run);
        let url = run.live.at(self.place);
        self.trail.note(self.connected_at, &Entry::Connect { url: url.as_str() });
        let link = Link::open_narrow(url, self.receive.take()).await?;
        self.link = Some(link);
        self.board.note(|tally| tally.connects += 1);
        // What was meant for the last socket is void; the question is sent again after the hello.
        self.outbox.clear();
        let resume: Vec<Value> = self.replica.resume().into_iter().collect();
        let hello = json!({ "client": CLIENT, "session": self.stay, "token": token.reveal(),
            "page": self.run.page, "resume": resume });
        let id = self.request("hello", &hello);
        self.here.resuming_since = self.replica.thread().map(|_| Instant::now());
        self.trail.note(
            Instant::now(),
            &Entry::Hello {
                id,
                session: self.stay.as_ref(),
                thread: self.replica.thread(),
                epoch: self.replica.epoch(),
                seq: self.replica.seq(),
            },
        );
        Ok(())
    }

    /// Decides by the close code whether to come back.
    pub(super) fn lose(&mut self, lost: &Lost) -> Result<(), Gone> {
        let now = Instant::now();
        let forgiving = self.run.forgiving;
        let short = lost.reason.lines().next().unwrap_or_default();
        // A balancer sends those who lost their node to another one.
        if self.link.is_none() || lost.code.is_some_and(|code| (4200..4400).contains(&code)) {
            self.place += 1;
        }
        if self.link.is_some() {
            let by = if lost.code.is_some() { By::Server } else { By::Network };
            self.trail.note(now, &Entry::Closed { by, code: lost.code, reason: short });
            let code = lost.code.unwrap_or(ABNORMAL);
            self.board.note(|tally| {
                *tally.closes.entry(code).or_default() += 1;
                if !forgiving {
                    tally.error(&format!("closed {code}"), || short.to_owned());
                }
            });
        } else {
            self.trail.note(now, &Entry::Unreachable { reason: short });
            self.board.note(|tally| {
                tally.refused_connects += 1;
                if !forgiving {
                    tally.error("no connection", || short.to_owned());
                }
            });
        }
        self.hang_up(lost.advice, now);
        if lost.advice == Advice::Stop {
            self.board.note(|tally| tally.error("sent away", || short.to_owned()));
            return Err(self.give_up("sent away"));
        }
        Ok(())
    }

    /// Drops the connection without a word, as a network does that breaks.
    pub(crate) fn drop_connection(&mut self, no_pause: bool) {
        if self.link.is_some() {
            let now = Instant::now();
            let reason = "dropped on purpose";
            self.trail.note(now, &Entry::Closed { by: By::Client, code: None, reason });
            self.hang_up(Advice::BackOff, now);
            if no_pause {
                self.away.advice = None;
            }
        }
    }

    fn hang_up(&mut self, advice: Advice, now: Instant) {
        self.link = None;
        self.here = Here::default();
        self.cancel.sent = None;
        if let Some(question) = &mut self.question {
            question.sent.clear();
        }
        if let Some(awaited) = &mut self.awaited {
            awaited.sent.clear();
        }
        self.away.attempts += 1;
        self.away.advice = Some(advice);
        if self.away.since.is_none() {
            self.away.since = Some(now);
            self.away.amid_answer = self.awaited.is_some();
        }
    }
}

pub(super) fn shut_out(error: &DoorError) -> Lost {
    match error {
        DoorError::Refused(reason) => {
            Lost { advice: Advice::Stop, code: None, reason: reason.clone() }
        }
        DoorError::Away(reason) => Lost::broken(reason),
    }
}
