//! Beside the floors: the connection to Redis that the log and the bus share. It opens by itself,
//! now and whenever it was lost, and knows whether it is up: the first command that gets no answer
//! marks it down, and from then on all fail at once until a PING is answered in the background.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use redis::{Cmd, RedisError, Value, aio::AsyncPushSender};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::telemetry::RedisFigures;

mod conn;
mod script;
#[cfg(test)]
pub(crate) mod servers;
mod target;
#[cfg(test)]
mod tests;

pub(crate) use conn::Conn;
pub(crate) use script::Script;
pub(crate) use target::Target;

/// Redis that takes longer to answer counts as away.
pub(crate) const RESPONSE: Duration = Duration::from_secs(1);
/// An idle connection is asked so often whether it lives.
pub(crate) const PING_EVERY: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Commands that may wait for the pipeline in flight; more are refused.
const QUEUE: usize = 8_192;
/// Commands of one pipeline.
const BATCH: usize = 1_024;

/// Fills with random bytes.
pub(crate) type Chance = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// Why a command has no result. Whether Redis carried it out is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("Redis does not answer")]
    Down,
    #[error("too many commands wait for Redis")]
    Busy,
    #[error("Redis refused: {code} {text}")]
    Refused { code: String, text: String },
}

impl From<RedisError> for Fault {
    fn from(error: RedisError) -> Self {
        let code = error.code().unwrap_or("error").to_owned();
        let text = error.detail().map_or_else(|| error.to_string(), str::to_owned);
        Self::Refused { code, text }
    }
}

struct Job {
    command: Cmd,
    reply: oneshot::Sender<Result<Value, Fault>>,
}

#[derive(Clone)]
struct Live {
    conn: Conn,
    generation: u64,
}

struct Inner {
    target: Target,
    prefix: String,
    chance: Chance,
    figures: RedisFigures,
    runtime: Handle,
    live: watch::Sender<Option<Live>>,
    /// Why it went down, for the log.
    reason: Mutex<String>,
}

/// Whoever holds a clone keeps it open; with the last one its tasks end.
#[derive(Clone)]
pub(crate) struct Link {
    inner: Arc<Inner>,
    jobs: mpsc::Sender<Job>,
    _tasks: Arc<JoinSet<()>>,
}

impl Link {
    /// Opens the connection in the background, on `runtime`. What is said over it is named with
    /// `prefix` in front.
    pub(crate) fn start(
        target: Target,
        prefix: &str,
        chance: Chance,
        figures: RedisFigures,
        runtime: Handle,
    ) -> Self {
        let (live, reason) = (watch::Sender::new(None), Mutex::default());
        let prefix = prefix.to_owned();
        let inner = Arc::new(Inner { target, prefix, chance, figures, runtime, live, reason });
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let mut tasks = JoinSet::new();
        tasks.spawn_on(keep(Arc::clone(&inner)), &inner.runtime);
        tasks.spawn_on(carry(Arc::clone(&inner), waiting), &inner.runtime);
        Self { inner, jobs, _tasks: Arc::new(tasks) }
    }

    /// What the names of keys and channels begin with.
    pub(crate) fn prefix(&self) -> &str {
        &self.inner.prefix
    }

    pub(crate) fn figures(&self) -> &RedisFigures {
        &self.inner.figures
    }

    /// Where the tasks of those who use it run.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.inner.runtime
    }

    /// A name that nobody else has.
    pub(crate) fn token(&self) -> String {
        let mut bytes = [0; 8];
        (self.inner.chance)(&mut bytes);
        format!("{:016x}", u64::from_be_bytes(bytes))
    }

    pub(crate) fn is_up(&self) -> bool {
        self.inner.live.borrow().is_some()
    }

    /// Resolves as soon as it is up.
    pub(crate) async fn up(&self) {
        // It cannot end before us: we hold the sender.
        let _ = self.inner.live.subscribe().wait_for(Option::is_some).await;
    }

    /// Tells of each time that it goes down or comes back.
    pub(crate) fn changes(&self) -> Changes {
        Changes(self.inner.live.subscribe())
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.inner.target.is_cluster()
    }

    /// Sends a command with those that others send at the same time.
    pub(crate) async fn call(&self, command: Cmd) -> Result<Value, Fault> {
        if !self.is_up() {
            return Err(Fault::Down);
        }
        let (reply, result) = oneshot::channel();
        self.jobs.try_send(Job { command, reply }).map_err(|_| Fault::Busy)?;
        result.await.unwrap_or(Err(Fault::Down))
    }

    /// Sends many as one pipeline of their own.
    pub(crate) async fn all(&self, commands: Vec<Cmd>) -> Vec<Result<Value, Fault>> {
        self.inner.send(commands).await
    }

    /// A connection of its own for what is pushed.
    pub(crate) async fn open_for_pushes(
        &self,
        pushes: impl AsyncPushSender,
    ) -> Result<Conn, RedisError> {
        self.inner.target.open(Some(pushes)).await
    }

    /// A pause before trying again: longer each time, and never that of all others.
    pub(crate) async fn rest(&self, pause: &mut Pause) {
        pause.rest(&self.inner.chance).await;
    }
}

impl Inner {
    async fn send(&self, commands: Vec<Cmd>) -> Vec<Result<Value, Fault>> {
        let count = commands.len();
        let down = || vec![Err(Fault::Down); count];
        let Some(Live { mut conn, generation }) = self.live.borrow().clone() else {
            return down();
        };
        let sent = tokio::select! {
            sent = timeout(RESPONSE, conn.send(commands)) => sent,
            () = self.gone(generation) => return down(),
        };
        match sent {
            Ok(Ok(results)) => {
                if let Some(error) =
                    results.iter().find_map(|one| one.as_ref().err().filter(|e| conn::is_lost(e)))
                {
                    self.mark_down(generation, error.to_string());
                }
                results.into_iter().map(|one| one.map_err(Fault::from)).collect()
            }
            Ok(Err(error)) => {
                self.mark_down(generation, error.to_string());
                down()
            }
            Err(_) => {
                self.mark_down(generation, "no answer in time".to_owned());
                down()
            }
        }
    }

    /// Resolves when the connection of this generation is no longer the one in use.
    async fn gone(&self, generation: u64) {
        let in_use =
            |live: &Option<Live>| live.as_ref().is_some_and(|live| live.generation == generation);
        let _ = self.live.subscribe().wait_for(|live| !in_use(live)).await;
    }

    fn mark_down(&self, generation: u64, why: String) {
        self.live.send_if_modified(|live| {
            let ours = live.as_ref().is_some_and(|live| live.generation == generation);
            if ours {
                *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = why;
                *live = None;
            }
            ours
        });
    }

    async fn connect(&self) -> Result<Conn, String> {
        let opening = async {
            let mut conn = self.target.open(None::<fn(redis::PushInfo) -> Result<(), ()>>).await?;
            conn.check().await.map(|()| conn)
        };
        match timeout(2 * RESPONSE, opening).await {
            Ok(opened) => opened.map_err(|error| error.to_string()),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }

    /// Asks now and then, until the connection is lost.
    async fn watch_over(&self, live: &Live) {
        loop {
            tokio::select! {
                () = self.gone(live.generation) => return,
                () = sleep(PING_EVERY) => {}
            }
            let mut conn = live.conn.clone();
            match timeout(RESPONSE, conn.check()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => self.mark_down(live.generation, error.to_string()),
                Err(_) => self.mark_down(live.generation, "no answer in time".to_owned()),
            }
        }
    }
}

/// Keeps a connection open.
async fn keep(inner: Arc<Inner>) {
    let (mut generation, mut pause, mut told) = (0, Pause::default(), false);
    loop {
        match inner.connect().await {
            Ok(conn) => {
                tracing::info!("Redis is there");
                (told, pause) = (false, Pause::default());
                generation += 1;
                if generation > 1 {
                    inner.figures.reconnects.inc();
                }
                let live = Live { conn, generation };
                inner.live.send_replace(Some(live.clone()));
                inner.figures.up.set(1);
                inner.watch_over(&live).await;
                inner.figures.up.set(0);
                let why = std::mem::take(
                    &mut *inner.reason.lock().unwrap_or_else(PoisonError::into_inner),
                );
                told = tell(told, &why);
            }
            Err(why) => told = tell(told, &why),
        }
        pause.rest(&inner.chance).await;
    }
}

/// Once, until it is back.
fn tell(told: bool, why: &str) -> bool {
    if !told {
        tracing::warn!(why, "Redis is away; answers go on through the store until it is back");
    }
    true
}

/// Carries what callers send: what comes while one pipeline is in flight goes with the next.
async fn carry(inner: Arc<Inner>, mut waiting: mpsc::Receiver<Job>) {
    let mut jobs = Vec::new();
    while waiting.recv_many(&mut jobs, BATCH).await > 0 {
        let (commands, replies): (Vec<_>, Vec<_>) =
            jobs.drain(..).map(|Job { command, reply }| (command, reply)).unzip();
        for (reply, result) in replies.into_iter().zip(inner.send(commands).await) {
            // Whoever asked may be gone.
            let _ = reply.send(result);
        }
    }
}

/// The ups and downs from now on.
pub(crate) struct Changes(watch::Receiver<Option<Live>>);

impl Changes {
    pub(crate) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // The link is gone: nothing changes any more.
            std::future::pending::<()>().await;
        }
    }
}

/// Grows up to a second.
pub(crate) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pause {
    async fn rest(&mut self, chance: &Chance) {
        let mut byte = [0];
        chance(&mut byte);
        let [byte] = byte;
        let half = self.0 / 2;
        sleep(half + half * u32::from(byte) / 255).await;
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
    }
}
