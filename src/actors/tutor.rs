//! Answers questions: claims turns, runs them side by side, checkpoints them, takes over those
//! whose owner died.
//!
//! **Owns** the turns that this node is writing. **Takes** [`Work`], [`Scan`], [`Cancel`], [`Drain`],
//! [`HandOver`], [`Rows`], [`Observe`], and from the bus what concerns turns. **Sends** wakes over
//! the bus. **On restart** its turns are orphans of a living
//! node: it claims them again and goes on from the log.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use actix::prelude::*;
use serde::Serialize;
use tokio::{
    sync::{Semaphore, oneshot},
    task::JoinSet,
};
use tokio_stream::wrappers::{BroadcastStream, errors::BroadcastStreamRecvError};

use super::{
    Observe,
    turn::{Bench, Handle},
};
use crate::{
    bus::Wake,
    domain::{
        ids::{TurnId, UserId},
        live::feed::TurnRow,
    },
    store::ownership::{Chunk, Claimed, Standing},
    telemetry::Counted,
};

const MAILBOX: usize = 8_192;
const SCAN_EVERY: Duration = Duration::from_millis(500);
/// Twice as long while the log takes everything.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(250);
/// Turns that one node writes at once; further ones wait in the store.
const MOST: usize = 5_000;

pub(crate) struct TutorActor {
    bench: Arc<Bench>,
    running: HashMap<TurnId, Rc<Handle>>,
    /// Each turn is a task of its own. In the actor's context all of them would be polled for each
    /// word of any.
    runs: JoinSet<()>,
    /// Being claimed just now, with those who wait to hear of it.
    claiming: HashMap<TurnId, Vec<oneshot::Sender<Stopped>>>,
    /// How many of a user's turns may run at once.
    fair: HashMap<UserId, Arc<Semaphore>>,
    checkpoint: Checkpoint,
    scanning: bool,
    draining: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checkpoint {
    Due,
    /// The last time was passed over.
    Rested,
    Running,
}

/// What became of a request to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The turn has ended.
    Here,
    /// Another node writes it, or it had ended before.
    NotHere,
}

impl TutorActor {
    pub(crate) fn new(bench: Arc<Bench>) -> Self {
        Self {
            bench,
            running: HashMap::new(),
            runs: JoinSet::new(),
            claiming: HashMap::new(),
            fair: HashMap::new(),
            checkpoint: Checkpoint::Due,
            scanning: false,
            draining: false,
        }
    }

    /// For a node that serves no chat: it never claims a turn.
    pub(crate) fn idle(bench: Arc<Bench>) -> Self {
        Self { draining: true, ..Self::new(bench) }
    }

    fn claim(&mut self, turn: TurnId, ctx: &mut Context<Self>) {
        let known = self.running.contains_key(&turn) || self.claiming.contains_key(&turn);
        if self.draining || known || self.running.len() + self.claiming.len() >= MOST {
            return;
        }
        self.claiming.insert(turn.clone(), Vec::new());
        let (bench, id) = (Arc::clone(&self.bench), turn.clone());
        let claim = async move {
            let now = bench.clock.now();
            let claimed =
                bench.store.claim(&id, &bench.me, bench.lease.may_judge(now), now).await?;
            match claimed {
                None => Ok(None),
                Some(claimed) => {
                    let slots = bench.slots(&claimed.turn.user_id).await?;
                    Ok::<_, crate::store::StoreError>(Some((claimed, slots)))
                }
            }
        };
        ctx.spawn(claim.into_actor(self).map(move |claimed, this, ctx| {
            let waiting = this.claiming.remove(&turn).unwrap_or_default();
            match claimed {
                Ok(Some((claimed, slots))) => this.run(claimed, slots, waiting, ctx),
                Ok(None) => answer(waiting, Stopped::NotHere),
                Err(error) => {
                    // The scan finds it again.
                    tracing::warn!(%turn, %error, "a turn cannot be claimed");
                    answer(waiting, Stopped::NotHere);
                }
            }
        }));
    }

    fn run(
        &mut self,
        claimed: Claimed,
        slots: usize,
        waiting: Vec<oneshot::Sender<Stopped>>,
        ctx: &mut Context<Self>,
    ) {
        if let Some(from) = &claimed.from {
            self.bench.metrics.takeovers.inc();
            let (turn, at) = (&claimed.turn.id, self.bench.clock.now().0);
            tracing::info!(%turn, %from, at, "goes on with the answer of a node whose lease is over");
        }
        let user = claimed.turn.user_id.clone();
        let fair = self.fair.entry(user).or_insert_with(|| Arc::new(Semaphore::new(slots)));
        let handle = Rc::new(Handle::new(&claimed));
        if !waiting.is_empty() {
            handle.cancel();
        }
        handle.wait_for_end(waiting);
        let id = claimed.turn.id.clone();
        self.running.insert(id.clone(), Rc::clone(&handle));
        let run = super::turn::run(
            Arc::clone(&self.bench),
            claimed,
            Rc::clone(&handle),
            Arc::clone(fair),
        );
        let counted = Counted::new(self.bench.metrics.turns_running.clone());
        let (actor, bench) = (ctx.address(), Arc::clone(&self.bench));
        self.runs.spawn_local(async move {
            run.await;
            drop(counted);
            handle.ended(&bench.backlog);
            // An actor that is gone has no turns.
            let _ = actor.send(Ended(id)).await;
        });
    }

    /// Forgets runs that are over, those too that broke off: the next scan finds their turns.
    fn reap(&mut self) {
        while let Some(ended) = self.runs.try_join_next() {
            if let Err(error) = ended {
                tracing::error!(%error, "the writing of an answer broke off");
            }
        }
        self.running.retain(|_, handle| Rc::strong_count(handle) > 1);
    }

    /// Finds turns that nobody living owns: those of dead nodes, and those that were left.
    fn scan(&mut self, ctx: &mut Context<Self>) {
        if self.draining || std::mem::replace(&mut self.scanning, true) {
            return;
        }
        let bench = Arc::clone(&self.bench);
        let orphans = async move {
            let now = bench.clock.now();
            bench.store.unowned_turns(&bench.me, bench.lease.may_judge(now), now, MOST).await
        };
        ctx.spawn(orphans.into_actor(self).map(|orphans, this, ctx| {
            this.scanning = false;
            match orphans {
                Ok(turns) => turns.into_iter().for_each(|turn| this.claim(turn, ctx)),
                Err(error) => tracing::warn!(%error, "cannot look for turns without an owner"),
            }
        }));
        self.reap();
        self.fair.retain(|_, fair| Arc::strong_count(fair) > 1);
    }

    /// At its time: each time while the log is away or much waits, else every other time.
    fn checkpoint_soon(&mut self, ctx: &mut Context<Self>) {
        let presses = || {
            self.bench.backlog.is_pressing()
                || self.running.values().any(|handle| handle.is_degraded())
        };
        if self.checkpoint == Checkpoint::Due && !presses() {
            self.checkpoint = Checkpoint::Rested;
        } else {
            self.checkpoint(ctx);
        }
    }

    fn checkpoint(&mut self, ctx: &mut Context<Self>) {
        if self.running.is_empty() || self.checkpoint == Checkpoint::Running {
            return;
        }
        self.checkpoint = Checkpoint::Running;
        let chunks = self.take_chunks();
        let write = write_chunks(Arc::clone(&self.bench), chunks);
        ctx.spawn(write.into_actor(self).map(move |standings, this, ctx| {
            this.checkpoint = Checkpoint::Due;
            for standing in &standings {
                this.heed(standing);
            }
            if !standings.is_empty() && this.bench.backlog.is_pressing() {
                this.checkpoint(ctx);
            }
        }));
    }

    fn take_chunks(&self) -> Vec<(Rc<Handle>, Chunk)> {
        let handles = self.running.values();
        handles.map(|handle| (Rc::clone(handle), handle.take_chunk())).collect()
    }

    fn heed(&self, standing: &Standing) {
        let Some(handle) = self.running.get(&standing.turn) else { return };
        if !standing.mine {
            handle.fence_off();
        } else if standing.cancel_requested {
            handle.cancel();
        }
    }
}

/// Puts what was written into the store, and then before readers what only the store could take.
/// No standings: the store is away, and all of it goes with the next checkpoint.
async fn write_chunks(bench: Arc<Bench>, chunks: Vec<(Rc<Handle>, Chunk)>) -> Vec<Standing> {
    let written = chunks.iter().map(|(_, chunk)| chunk.clone()).collect();
    match bench.store.checkpoint(written).await {
        Ok(standings) => {
            let mine: HashSet<&TurnId> =
                standings.iter().filter(|it| it.mine).map(|it| &it.turn).collect();
            for (handle, chunk) in &chunks {
                if mine.contains(&chunk.turn) {
                    handle.checkpointed(chunk, &bench).await;
                }
            }
            standings
        }
        Err(error) => {
            tracing::warn!(%error, "running answers cannot be checkpointed");
            for (handle, chunk) in chunks {
                handle.put_back(chunk);
            }
            Vec::new()
        }
    }
}

fn answer(waiting: Vec<oneshot::Sender<Stopped>>, stopped: Stopped) {
    for sender in waiting {
        // Whoever asked may be gone.
        let _ = sender.send(stopped);
    }
}

impl Actor for TutorActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.scan(ctx);
        ctx.run_interval(SCAN_EVERY, Self::scan);
        ctx.run_interval(CHECKPOINT_EVERY, Self::checkpoint_soon);
        ctx.add_stream(BroadcastStream::new(self.bench.bus.listen_to_nodes()));
    }
}

impl Supervised for TutorActor {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.runs = JoinSet::new();
        self.running.clear();
        self.claiming.clear();
        (self.checkpoint, self.scanning) = (Checkpoint::Due, false);
    }
}

/// A turn was accepted. One that is lost here is found by the next scan.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Work(pub TurnId);

impl Handler<Work> for TutorActor {
    type Result = ();

    fn handle(&mut self, Work(turn): Work, ctx: &mut Self::Context) {
        self.claim(turn, ctx);
    }
}

/// Look for turns without an owner before it is time to.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Scan;

impl Handler<Scan> for TutorActor {
    type Result = ();

    fn handle(&mut self, Scan: Scan, ctx: &mut Self::Context) {
        self.scan(ctx);
    }
}

/// A run is over.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct Ended(TurnId);

impl Handler<Ended> for TutorActor {
    type Result = ();

    fn handle(&mut self, Ended(turn): Ended, _: &mut Self::Context) {
        self.running.remove(&turn);
    }
}

/// Stops a turn whose cancellation is in the store. Answers when it has ended, if it is ours.
#[derive(Debug, Message)]
#[rtype(result = "Stopped")]
pub(crate) struct Cancel(pub TurnId);

impl Handler<Cancel> for TutorActor {
    type Result = ResponseFuture<Stopped>;

    fn handle(&mut self, Cancel(turn): Cancel, ctx: &mut Self::Context) -> Self::Result {
        let (sender, ended) = oneshot::channel();
        if let Some(handle) = self.running.get(&turn) {
            handle.cancel();
            handle.wait_for_end(vec![sender]);
        } else {
            self.claim(turn.clone(), ctx);
            if let Some(waiting) = self.claiming.get_mut(&turn) {
                waiting.push(sender);
            }
        }
        // A sender that was dropped: the turn is not ours.
        Box::pin(async move { ended.await.unwrap_or(Stopped::NotHere) })
    }
}

/// What other nodes say of turns. Whatever is missed here the next scan or checkpoint finds.
impl StreamHandler<Result<Wake, BroadcastStreamRecvError>> for TutorActor {
    fn handle(&mut self, wake: Result<Wake, BroadcastStreamRecvError>, ctx: &mut Self::Context) {
        match wake {
            Ok(Wake::Cancelled { turn }) => {
                if let Some(handle) = self.running.get(&turn) {
                    handle.cancel();
                }
            }
            Ok(Wake::HandedOver) => self.scan(ctx),
            _ => {}
        }
    }
}

/// Take no new turn. Answers how many are still being written.
#[derive(Debug, Message)]
#[rtype(result = "usize")]
pub(crate) struct Drain;

impl Handler<Drain> for TutorActor {
    type Result = usize;

    fn handle(&mut self, Drain: Drain, _: &mut Self::Context) -> usize {
        self.draining = true;
        self.running.len()
    }
}

/// Stop writing: what is not finished by now others finish. Answers how many turns that are.
#[derive(Debug, Message)]
#[rtype(result = "usize")]
pub(crate) struct HandOver;

impl Handler<HandOver> for TutorActor {
    type Result = ResponseFuture<usize>;

    fn handle(&mut self, HandOver: HandOver, _: &mut Self::Context) -> Self::Result {
        self.draining = true;
        let chunks = self.take_chunks();
        self.running.values().for_each(|handle| handle.fence_off());
        let bench = Arc::clone(&self.bench);
        Box::pin(async move {
            write_chunks(Arc::clone(&bench), chunks).await;
            match bench.store.hand_over(&bench.me).await {
                Ok(turns) => {
                    bench.bus.wake(Wake::HandedOver);
                    turns
                }
                Err(error) => {
                    tracing::warn!(%error, "turns wait for the end of the lease");
                    0
                }
            }
        })
    }
}

/// The turns that this node is writing, as the dashboard shows them.
#[derive(Debug, Message)]
#[rtype(result = "Vec<TurnRow>")]
pub(crate) struct Rows;

impl Handler<Rows> for TutorActor {
    type Result = Vec<TurnRow>;

    fn handle(&mut self, Rows: Rows, _: &mut Self::Context) -> Self::Result {
        let now = self.bench.clock.now();
        self.running.values().map(|handle| handle.progress.row(now)).collect()
    }
}

#[derive(Debug, PartialEq, Eq, Serialize, MessageResponse)]
pub(crate) struct View {
    pub running: usize,
    pub claiming: usize,
    pub draining: bool,
}

impl Handler<Observe<View>> for TutorActor {
    type Result = View;

    fn handle(&mut self, _: Observe<View>, _: &mut Self::Context) -> View {
        View { running: self.running.len(), claiming: self.claiming.len(), draining: self.draining }
    }
}
