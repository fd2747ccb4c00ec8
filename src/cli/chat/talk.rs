//! One person's conversation over a socket that may break: sends each question once, follows the
//! answer, reconnects and resumes.

use std::{collections::VecDeque, time::Duration};

use serde_json::{Value, json};

use crate::{
    cli::{
        Failure,
        client::{
            door::{Door, DoorError},
            link::{Link, Lost},
            replica::{Broken, News, Replica},
            retry::{Advice, pause},
            wire::{Accepted, Incoming, Refusal, Welcome, read},
        },
    },
    domain::{
        clock::SharedClock,
        ids::{SharedIds, StayId, ThreadId, TurnId},
    },
};

/// Attempts to come back in a row before the person is told that the server is gone.
const GIVE_UP: u32 = 12;
const CLIENT: &str = concat!("intellistack-chat/", env!("CARGO_PKG_VERSION"));

/// What a conversation tells the one who shows it.
#[derive(Debug)]
pub(crate) enum Told {
    /// A frame, as it came.
    Frame(String),
    News(News),
    Welcome(Welcome),
    /// The socket broke; it will try again.
    Lost(String),
    Resumed(String),
    /// The question was refused.
    Refused(Refusal),
}

pub(crate) struct Talk {
    door: Door,
    clock: SharedClock,
    ids: SharedIds,
    page: Option<Value>,
    replica: Replica,
    link: Option<Link>,
    stay: Option<StayId>,
    last_id: u32,
    question: Option<Question>,
    /// The turn whose end is waited for.
    awaited: Option<TurnId>,
    told: VecDeque<Told>,
    /// Frames to send before the next one is read.
    outbox: VecDeque<Value>,
    token_runs_out: bool,
    /// The server has said welcome on this socket.
    welcomed: bool,
    attempts: u32,
    lost: Option<Advice>,
}

/// A question on its way; its `message_id` makes sending it again harmless.
struct Question {
    body: Value,
    /// Its number on this connection, once it was sent there.
    request: Option<u32>,
}

impl Talk {
    pub(crate) fn new(door: Door, clock: SharedClock, ids: SharedIds, page: Option<Value>) -> Self {
        Self {
            door,
            clock,
            ids,
            page,
            replica: Replica::default(),
            link: None,
            stay: None,
            last_id: 0,
            question: None,
            awaited: None,
            told: VecDeque::new(),
            outbox: VecDeque::new(),
            token_runs_out: false,
            welcomed: false,
            attempts: 0,
            lost: None,
        }
    }

    /// Goes on with a thread of old instead of a new one.
    pub(crate) fn go_on_with(&mut self, thread: ThreadId) {
        self.replica = Replica::of(thread);
    }

    pub(crate) const fn thread(&self) -> Option<&ThreadId> {
        self.replica.thread()
    }

    /// The thread is here as it stands on the server.
    pub(crate) const fn is_current(&self) -> bool {
        self.replica.is_current()
    }

    /// A question is on its way, an answer is being written, or something is still to be told.
    pub(crate) fn is_busy(&self) -> bool {
        self.question.is_some()
            || self.awaited.is_some()
            || self.replica.running().is_some()
            || !self.told.is_empty()
    }

    /// Asks. What becomes of it is told by [`Talk::next`].
    pub(crate) fn ask(&mut self, text: &str) {
        let message_id = self.ids.uuid(self.clock.now()).to_string();
        let body = json!({ "message_id": message_id, "text": text,
            "thread": self.replica.thread(), "page": self.page });
        self.question = Some(Question { body, request: None });
    }

    /// Asks the server to stop writing.
    pub(crate) fn cancel(&mut self) {
        if let Some(turn) = self.awaited.as_ref().or_else(|| self.replica.running()).cloned() {
            self.request("cancel", json!({ "turn": turn }));
        }
    }

    /// The next thing worth showing. May be dropped while it waits: nothing is lost.
    pub(crate) async fn next(&mut self) -> Result<Told, Failure> {
        loop {
            if let Some(told) = self.told.pop_front() {
                return Ok(told);
            }
            if self.link.is_none() {
                self.connect().await?;
            }
            if let Err(lost) = Box::pin(self.step()).await {
                self.lose(lost)?;
            }
        }
    }

    /// Sends what is to be sent and takes in one frame. Dropped while it waits, it sends again or
    /// reads again; taking in does not wait.
    async fn step(&mut self) -> Result<(), Lost> {
        if self.token_runs_out {
            let token = self.door.token().await.map_err(|error| shut_out(&error))?;
            self.token_runs_out = false;
            self.request("auth", json!({ "token": token.reveal() }));
        }
        self.send_question();
        let Some(link) = self.link.as_mut() else { return Ok(()) };
        while let Some(frame) = self.outbox.front() {
            link.say(frame).await?;
            self.outbox.pop_front();
        }
        let text = link.next().await?;
        let incoming = read(&text).map_err(|error| Lost::broken(&error))?;
        self.told.push_back(Told::Frame(text));
        self.take_in(incoming)
    }

    fn send_question(&mut self) {
        let Some(question) = &self.question else { return };
        if self.welcomed && question.request.is_none() {
            let id = self.request("send", question.body.clone());
            if let Some(question) = &mut self.question {
                question.request = Some(id);
            }
        }
    }

    fn take_in(&mut self, incoming: Incoming) -> Result<(), Lost> {
        match incoming {
            Incoming::Welcome(welcome) => self.welcome(welcome),
            Incoming::Ok(ok) => self.accepted(ok),
            Incoming::Refused(refusal) => self.refused(refusal)?,
            Incoming::Resumed(resumed) if Some(&resumed.thread) == self.replica.thread() => {
                self.replica.resumed(&resumed).map_err(|broken| self.disbelieve(&broken))?;
                self.told.push_back(Told::Resumed(resumed.mode));
            }
            Incoming::Snapshot(whole) => {
                let news = self.replica.restore(*whole, self.awaited.as_ref());
                self.tell(news);
            }
            Incoming::Log(event) => {
                let news = self.replica.apply(*event).map_err(|broken| self.disbelieve(&broken))?;
                self.tell(news);
            }
            Incoming::Heartbeat => self.outbox.push_back(json!({ "type": "heartbeat" })),
            Incoming::Auth => self.token_runs_out = true,
            Incoming::Resumed(_) | Incoming::Other(_) => {}
        }
        Ok(())
    }

    /// What came does not fit what is here: the next socket gets a snapshot.
    fn disbelieve(&mut self, broken: &Broken) -> Lost {
        self.replica.forget();
        Lost::broken(broken)
    }

    fn tell(&mut self, news: Vec<News>) {
        for one in news {
            if let News::Ended(checked) = &one
                && self.awaited.as_ref() == Some(&checked.turn)
            {
                self.awaited = None;
            }
            self.told.push_back(Told::News(one));
        }
    }

    fn welcome(&mut self, welcome: Welcome) {
        self.attempts = 0;
        self.lost = None;
        self.welcomed = true;
        self.stay = Some(welcome.session.clone());
        if let Some(link) = &mut self.link {
            link.set_heartbeat(Duration::from_secs(welcome.heartbeat.max(1)));
        }
        self.told.push_back(Told::Welcome(welcome));
    }

    fn accepted(&mut self, ok: Accepted) {
        if self.question.as_ref().is_none_or(|question| question.request != Some(ok.id)) {
            return;
        }
        self.question = None;
        self.awaited = ok.turn.filter(|turn| !self.replica.has_ended(turn));
        if let (None, Some(thread)) = (self.replica.thread(), ok.thread) {
            if ok.duplicate {
                // The first answer was lost with its socket: read the thread from the start.
                self.replica = Replica::of(thread.clone());
                self.request("open", json!({ "thread": thread }));
            } else {
                self.replica.begin(thread, ok.epoch, ok.seq.unwrap_or(1));
            }
        }
    }

    fn refused(&mut self, refusal: Refusal) -> Result<(), Lost> {
        if refusal.id.is_none() && refusal.thread.as_ref() == self.replica.thread() {
            let reason = format!("{}: {}", refusal.code, refusal.message);
            return Err(Lost { advice: Advice::Stop, code: None, reason });
        }
        if self.question.as_ref().is_some_and(|question| question.request == refusal.id) {
            self.question = None;
            self.told.push_back(Told::Refused(refusal));
        }
        Ok(())
    }

    /// Puts a request into the outbox and returns its number on this connection.
    fn request(&mut self, kind: &str, mut body: Value) -> u32 {
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        if let Some(fields) = body.as_object_mut() {
            fields.insert("type".into(), kind.into());
            fields.insert("id".into(), self.last_id.into());
        }
        self.outbox.push_back(body);
        self.last_id
    }

    /// Connects, after the pause that the last loss asks for, and says hello.
    async fn connect(&mut self) -> Result<(), Failure> {
        if let Some(advice) = self.lost {
            tokio::time::sleep(pause(advice, self.attempts, &*self.ids)).await;
        }
        if let Err(lost) = Box::pin(self.open()).await {
            self.lose(lost)?;
        }
        Ok(())
    }

    async fn open(&mut self) -> Result<(), Lost> {
        let url = self.door.live_url().map_err(|error| shut_out(&error))?;
        let token = self.door.token().await.map_err(|error| shut_out(&error))?;
        self.link = Some(Link::open(&url).await?);
        // What was meant for the last socket is void; the question is sent again after the hello.
        self.outbox.clear();
        self.token_runs_out = false;
        self.welcomed = false;
        let resume: Vec<Value> = self.replica.resume().into_iter().collect();
        let hello = json!({ "client": CLIENT, "session": self.stay, "token": token.reveal(),
            "page": self.page, "resume": resume });
        self.request("hello", hello);
        Ok(())
    }

    /// Decides by the close code whether to come back.
    fn lose(&mut self, lost: Lost) -> Result<(), Failure> {
        self.link = None;
        if let Some(question) = &mut self.question {
            question.request = None;
        }
        self.attempts += 1;
        if lost.advice == Advice::Stop {
            return Err(Failure::new(lost.reason));
        }
        if self.attempts > GIVE_UP {
            return Err(Failure::new(format!("gave up after {GIVE_UP} tries: {}", lost.reason)));
        }
        self.lost = Some(lost.advice);
        self.told.push_back(Told::Lost(lost.reason));
        Ok(())
    }

    pub(crate) async fn leave(mut self) {
        if let Some(link) = self.link.take() {
            link.close().await;
        }
    }
}

fn shut_out(error: &DoorError) -> Lost {
    match error {
        DoorError::Refused(reason) => {
            Lost { advice: Advice::Stop, code: None, reason: reason.clone() }
        }
        DoorError::Away(reason) => Lost::broken(reason),
    }
}
