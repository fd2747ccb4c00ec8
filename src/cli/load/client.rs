//! One simulated learner: asks, applies what comes, and comes back by the rules of `live.md` §2.5
//! when its connection is lost.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout_at};

use super::{
    history::{Entry, Request, Trail, sha256},
    people::Person,
    tally::Board,
};
use crate::{
    cli::client::{
        link::{Link, Lost},
        nodes::Nodes,
        replica::Replica,
        retry::Advice,
    },
    domain::{
        clock::SharedClock,
        ids::{SharedIds, StayId, ThreadId, TurnId},
    },
};

mod coming_back;
mod cuts;
mod rereading;
mod taking;

use coming_back::shut_out;
pub(crate) use cuts::Cuts;
use rereading::Memory;

/// What the clients of a run share.
pub(crate) struct Run {
    /// The addresses of the live sockets.
    pub(crate) live: Nodes,
    pub(crate) clock: SharedClock,
    pub(crate) ids: SharedIds,
    /// The page that every question is about.
    pub(crate) page: Option<Value>,
    /// A turn, or a way back, that takes longer is given up.
    pub(crate) patience: Duration,
    /// Lost connections are expected: they are counted, but are no errors.
    pub(crate) forgiving: bool,
    /// How often each question is sent, with one and the same message id.
    pub(crate) repeat: u32,
}

pub(crate) struct Client {
    run: Arc<Run>,
    board: Arc<Board>,
    person: Arc<Person>,
    trail: Trail,
    number: u32,
    /// The node that it is at, or tries next.
    place: usize,
    link: Option<Link>,
    replica: Replica,
    stay: Option<StayId>,
    last_id: u32,
    /// Frames to send before the next one is read.
    outbox: VecDeque<Value>,
    question: Option<Question>,
    /// The turn whose end is waited for.
    awaited: Option<Awaited>,
    cancel: Cancel,
    here: Here,
    connected_at: Instant,
    away: Away,
    /// Kernel bytes of the first connection's receive buffer.
    receive: Option<u32>,
    /// The server will not take the question, now or later.
    refused: Option<String>,
    /// It reads what another socket has asked.
    reads_along: bool,
    memory: Memory,
    cuts: Option<Cuts>,
}

/// How far it is on this connection.
#[derive(Default)]
struct Here {
    welcomed: bool,
    /// The server has said from where it goes on.
    following: bool,
    /// Up to here it repeats what its log had before this connection.
    replay_to: i64,
    token_runs_out: bool,
    last_piece: Option<(TurnId, Instant)>,
    /// When hello asked to go on with a conversation; until the first frame that does.
    resuming_since: Option<Instant>,
}

/// A question on its way; its `message_id` makes sending it again harmless.
struct Question {
    text: String,
    message_id: String,
    asked_at: Instant,
    /// Its numbers on this connection.
    sent: Vec<u32>,
    /// The server would not take it just now: it is sent again then.
    held_until: Option<Instant>,
}

struct Awaited {
    turn: TurnId,
    asked_at: Instant,
    /// Its numbers on this connection; a repeat's answer must name the same turn.
    sent: Vec<u32>,
    begun: bool,
}

/// Stopping an answer, for those that do.
#[derive(Default)]
struct Cancel {
    /// The next answer is to be stopped at its first piece.
    wanted: bool,
    /// The turn to stop.
    turn: Option<TurnId>,
    /// The request's number on this connection.
    sent: Option<u32>,
    /// The server has said ok: no piece of this turn may follow.
    confirmed: Option<TurnId>,
}

#[derive(Default)]
struct Away {
    attempts: u32,
    advice: Option<Advice>,
    /// When the connection was lost; until the first piece (amid an answer) or welcome after it.
    since: Option<Instant>,
    amid_answer: bool,
}

/// Why a client takes no further part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

impl Client {
    pub(crate) fn new(
        run: Arc<Run>,
        board: Arc<Board>,
        person: Arc<Person>,
        (number, trail): (u32, Trail),
    ) -> Self {
        Self {
            run,
            board,
            person,
            trail,
            number,
            place: usize::try_from(number).unwrap_or_default(),
            link: None,
            replica: Replica::default(),
            stay: None,
            last_id: 0,
            outbox: VecDeque::new(),
            question: None,
            awaited: None,
            cancel: Cancel::default(),
            here: Here::default(),
            connected_at: Instant::now(),
            away: Away::default(),
            receive: None,
            refused: None,
            reads_along: false,
            memory: Memory::default(),
            cuts: None,
        }
    }

    pub(crate) const fn place(&self) -> usize {
        self.place
    }

    /// Starts at this node.
    pub(crate) const fn start_at(&mut self, place: usize) {
        self.place = place;
    }

    /// Cuts its own connection again and again, at random.
    pub(crate) fn cut_at_random(&mut self, cuts: Cuts) {
        self.cuts = Some(cuts);
    }

    /// From here on it takes no byte from its socket.
    pub(crate) fn stops_reading(&mut self) {
        self.trail.note(Instant::now(), &Entry::Stopped);
    }

    pub(crate) fn reads_on(&mut self) {
        self.trail.note(Instant::now(), &Entry::ReadsOn);
    }

    /// Makes the first connection's receive buffer this small.
    pub(crate) const fn narrow(&mut self, bytes: u32) {
        self.receive = Some(bytes);
    }

    pub(crate) const fn number(&self) -> u32 {
        self.number
    }

    pub(crate) const fn is_busy(&self) -> bool {
        self.question.is_some() || self.awaited.is_some()
    }

    /// The conversation and the turn that is being answered.
    pub(crate) fn following(&self) -> Option<(ThreadId, TurnId)> {
        Some((self.replica.thread()?.clone(), self.awaited.as_ref()?.turn.clone()))
    }

    /// Asks; [`Self::finish`] sees to the answer. With `stop` the answer is cancelled when it begins.
    pub(crate) fn ask(&mut self, text: String, stop: bool) {
        let message_id = self.run.ids.uuid(self.run.clock.now()).to_string();
        let asked_at = Instant::now();
        self.cancel = Cancel { wanted: stop, ..Cancel::default() };
        self.question =
            Some(Question { text, message_id, asked_at, sent: Vec::new(), held_until: None });
        self.board.note(|tally| tally.questions += 1);
    }

    /// Leaves the conversation; the next question begins another.
    pub(crate) fn begin_anew(&mut self) {
        if let Some(thread) = self.replica.thread().cloned() {
            self.request("close", &json!({ "thread": thread }));
        }
        self.replica = Replica::default();
    }

    /// Reads along in a conversation of the same person, to the end of this turn.
    pub(crate) fn read_along(&mut self, thread: &ThreadId, turn: TurnId) {
        let asked_at = Instant::now();
        self.reads_along = true;
        if !self.replica.has_ended(&turn) {
            self.awaited = Some(Awaited { turn, asked_at, sent: Vec::new(), begun: true });
        }
        if self.replica.thread() != Some(thread) {
            self.begin_anew();
            self.replica = Replica::of(thread.clone());
            self.here.following = false;
            if self.link.is_some() {
                self.request("open", &json!({ "thread": thread }));
            }
        }
    }

    /// Connects for the first time, to the welcome.
    pub(crate) async fn settle(&mut self) -> Result<(), Gone> {
        self.until(self.deadline(), "no welcome", |client| client.here.welcomed).await
    }

    /// Until the server has taken the question.
    pub(crate) async fn until_accepted(&mut self) -> Result<(), Gone> {
        self.until(self.deadline(), "no answer", |client| client.question.is_none()).await
    }

    /// Until the answer has begun to arrive.
    pub(crate) async fn until_begun(&mut self) -> Result<(), Gone> {
        let begun = |awaited: &Awaited| awaited.begun;
        self.until(self.deadline(), "no answer", |client| {
            client.question.is_none() && client.awaited.as_ref().is_none_or(begun)
        })
        .await
    }

    /// Until the question is answered.
    pub(crate) async fn finish(&mut self) -> Result<(), Gone> {
        self.finish_by(self.deadline()).await
    }

    /// When an answer that is asked for now is given up.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.run.patience
    }

    pub(crate) async fn finish_by(&mut self, deadline: Instant) -> Result<(), Gone> {
        self.until(deadline, "no end", |client| !client.is_busy()).await
    }

    async fn until(
        &mut self,
        deadline: Instant,
        missing: &str,
        done: impl Fn(&Self) -> bool,
    ) -> Result<(), Gone> {
        while !done(self) {
            match timeout_at(deadline, self.go_on()).await {
                Ok(step) => step?,
                Err(_) => return Err(self.give_up(missing)),
            }
        }
        Ok(())
    }

    /// Answers heartbeats until then.
    pub(crate) async fn rest(&mut self, until: Instant) -> Result<(), Gone> {
        while Instant::now() < until {
            if let Ok(step) = timeout_at(until, self.go_on()).await {
                step?;
            }
        }
        Ok(())
    }

    /// Whatever is next: connects, or sends and reads once. May be dropped while it waits.
    pub(crate) async fn go_on(&mut self) -> Result<(), Gone> {
        if let Some(code) = self.refused.take() {
            return Err(self.give_up(&code));
        }
        if self.link.is_none() {
            return Box::pin(self.come_back()).await;
        }
        let held_until = self.question.as_ref().and_then(|question| question.held_until);
        let cut_at = self.cuts.as_mut().map(Cuts::next);
        let wake = held_until.into_iter().chain(cut_at).min();
        let stepped = match wake {
            Some(until) => timeout_at(until, self.step()).await,
            None => Ok(self.step().await),
        };
        match stepped {
            Ok(Ok(())) => {}
            Ok(Err(lost)) => return self.lose(&lost),
            Err(_) => {
                let now = Instant::now();
                if let Some(question) = &mut self.question {
                    question.held_until = question.held_until.filter(|until| *until > now);
                }
            }
        }
        if self.cuts.as_mut().is_some_and(Cuts::is_due) {
            self.drop_connection(false);
        }
        Ok(())
    }

    async fn step(&mut self) -> Result<(), Lost> {
        if std::mem::take(&mut self.here.token_runs_out) {
            let token = self.person.renew().await.map_err(|error| shut_out(&error))?;
            self.request("auth", &json!({ "token": token.reveal() }));
        }
        self.send_question();
        self.send_cancel();
        let Some(link) = self.link.as_mut() else { return Ok(()) };
        while let Some(frame) = self.outbox.front() {
            link.say(frame).await?;
            self.outbox.pop_front();
        }
        let text = link.message().await?;
        let at = link.heard();
        self.take_in(&text, at)?;
        self.trail.flush_if_full().await;
        Ok(())
    }

    fn send_question(&mut self) {
        let Some(question) = &self.question else { return };
        if !self.here.welcomed || !question.sent.is_empty() || question.held_until.is_some() {
            return;
        }
        let body = json!({ "message_id": question.message_id, "text": question.text,
            "thread": self.replica.thread(), "page": self.run.page });
        let sent = (0..self.run.repeat.max(1)).map(|_| self.request("send", &body)).collect();
        if let Some(question) = &mut self.question {
            question.sent = sent;
        }
    }

    /// Puts a request into the outbox and returns its number on this connection.
    fn request(&mut self, kind: &str, body: &Value) -> u32 {
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        let id = self.last_id;
        let mut frame = Map::new();
        frame.insert("type".into(), kind.into());
        frame.insert("id".into(), id.into());
        frame.extend(body.as_object().cloned().unwrap_or_default());
        if self.trail.is_on() && kind != "hello" && kind != "auth" {
            let field = |name: &str| body.get(name).and_then(Value::as_str);
            let text = field("text");
            self.trail.note(
                Instant::now(),
                &Entry::Request(Request {
                    id,
                    r#type: kind,
                    message_id: field("message_id"),
                    thread: field("thread").map(ThreadId::new).as_ref(),
                    turn: field("turn").map(TurnId::new).as_ref(),
                    length: text.map(|text| text.chars().count()),
                    sha256: text.map(sha256),
                }),
            );
        }
        self.outbox.push_back(Value::Object(frame));
        id
    }

    fn give_up(&mut self, why: &str) -> Gone {
        self.trail.note(Instant::now(), &Entry::Fault { what: why });
        let (number, asked, awaited) =
            (self.number, self.question.take().is_some(), self.awaited.take());
        let after = self.run.patience.as_secs();
        self.board.note(|tally| match awaited {
            Some(awaited) => {
                tally.missing_ends += 1;
                tally.error("no end", || format!("client {number}, {}: {why}", awaited.turn));
            }
            None if asked || why.starts_with("no ") => {
                tally.error("no answer", || format!("client {number}: {why} in {after} s"));
            }
            None => {}
        });
        Gone
    }

    pub(crate) async fn leave(mut self) {
        if let Some(link) = self.link.take() {
            link.close().await;
        }
        self.trail.note(Instant::now(), &Entry::Left);
        self.trail.flush().await;
    }
}
