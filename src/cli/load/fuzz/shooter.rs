//! One socket after the other that sends malformed frames, and what the server makes of each.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout, timeout_at};

use super::malice::{Malice, Shot};
use crate::cli::{
    client::link::{Link, Lost},
    load::{client::Run, people::Person},
};

/// A socket that answers a bad first frame by nothing is left after this long.
const FIRST_ANSWER: Duration = Duration::from_secs(1);
const WRITE: Duration = Duration::from_secs(5);

/// What was sent and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Hits {
    pub(crate) sent: BTreeMap<&'static str, u64>,
    /// Codes of Close frames; 1006 is a connection that broke without one.
    pub(crate) closes: BTreeMap<u16, u64>,
    /// Codes of `error` frames.
    pub(crate) errors: BTreeMap<String, u64>,
    pub(crate) opened: u64,
    /// Sockets that could not be opened: the server is gone.
    pub(crate) unreachable: u64,
}

impl Hits {
    pub(crate) fn merge(&mut self, other: Self) {
        for (name, count) in other.sent {
            *self.sent.entry(name).or_default() += count;
        }
        for (code, count) in other.closes {
            *self.closes.entry(code).or_default() += count;
        }
        for (code, count) in other.errors {
            *self.errors.entry(code).or_default() += count;
        }
        self.opened += other.opened;
        self.unreachable += other.unreachable;
    }

    fn lost(&mut self, lost: &Lost) {
        *self.closes.entry(lost.code.unwrap_or(1006)).or_default() += 1;
    }

    /// Error frames in a message.
    fn hear(&mut self, text: &str) {
        #[derive(Deserialize)]
        struct Error {
            code: Option<String>,
        }
        for line in text.lines().filter(|line| line.contains("\"error\"")) {
            if let Ok(Error { code: Some(code) }) = serde_json::from_str(line) {
                *self.errors.entry(code).or_default() += 1;
            }
        }
    }
}

/// Who shoots, how often, until when.
pub(crate) struct Shooter {
    pub(crate) run: Arc<Run>,
    pub(crate) person: Arc<Person>,
    pub(crate) malice: Malice,
    pub(crate) every: Duration,
    pub(crate) until: Instant,
}

impl Shooter {
    pub(crate) async fn shoot(mut self) -> Hits {
        let mut hits = Hits::default();
        let mut ticks = interval_at(Instant::now() + self.malice.offset(self.every), self.every);
        // A shot that took long is made up for.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut link = None;
        loop {
            let next = ticks.tick().await;
            if next >= self.until {
                return hits;
            }
            let shot = self.malice.next();
            *hits.sent.entry(shot.name).or_default() += 1;
            if shot.first {
                self.first_frame(&shot, &mut hits).await;
            } else {
                self.later_frame(&shot, &mut link, next + self.every, &mut hits).await;
            }
        }
    }

    /// On a socket of its own that has not said hello.
    async fn first_frame(&self, shot: &Shot, hits: &mut Hits) {
        if let Some(mut link) = self.open(hits).await {
            send(&mut link, shot).await;
            listen(&mut link, Instant::now() + FIRST_ANSWER, hits).await;
        }
    }

    /// On the socket at hand, or another if that was closed.
    async fn later_frame(
        &self,
        shot: &Shot,
        link: &mut Option<Link>,
        until: Instant,
        hits: &mut Hits,
    ) {
        if link.is_none() {
            *link = self.welcomed(hits).await;
        }
        let Some(open) = link.as_mut() else { return };
        send(open, shot).await;
        if shot.cut || listen(open, until, hits).await {
            *link = None;
        }
    }

    async fn open(&self, hits: &mut Hits) -> Option<Link> {
        let link = Box::pin(Link::open(self.run.live.at(0))).await.ok();
        let count = if link.is_some() { &mut hits.opened } else { &mut hits.unreachable };
        *count += 1;
        link
    }

    async fn welcomed(&self, hits: &mut Hits) -> Option<Link> {
        let mut link = self.open(hits).await?;
        let token = self.person.token().await;
        let hello = json!({ "type": "hello", "id": 1, "token": token.reveal() });
        // What goes wrong is heard when the welcome is waited for.
        let _ = link.say(&hello).await;
        match timeout(WRITE, link.message()).await {
            Ok(Ok(_)) => Some(link),
            Ok(Err(lost)) => {
                hits.lost(&lost);
                None
            }
            Err(_) => {
                hits.unreachable += 1;
                None
            }
        }
    }
}

async fn send(link: &mut Link, shot: &Shot) {
    // A server that has closed does not take it all; why it closed is still to be read.
    let _ = timeout(WRITE, link.say_raw(&shot.bytes)).await;
}

/// Hears what the server says until then; whether it closed.
async fn listen(link: &mut Link, until: Instant, hits: &mut Hits) -> bool {
    loop {
        match timeout_at(until, link.message()).await {
            Ok(Ok(text)) => hits.hear(&text),
            Ok(Err(lost)) => {
                hits.lost(&lost);
                return true;
            }
            Err(_) => return false,
        }
    }
}
