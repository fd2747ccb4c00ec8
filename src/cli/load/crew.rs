//! Many clients at once: they connect a few at a time, wait until all are there, and work.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval_at},
};

use super::{
    Failure,
    client::{Client, Gone},
    progress,
    tally::{Board, per_second},
};

const TELL_EVERY: Duration = Duration::from_secs(5);

/// What the clients are at, told to all of them: 0 while they gather, then as a mode has it.
pub(crate) type Phases = watch::Receiver<u32>;

/// What a client does from phase 1 on.
pub(crate) type Work =
    Box<dyn FnOnce(Client, Phases) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

pub(crate) fn work<W, F>(work: W) -> Work
where
    W: FnOnce(Client, Phases) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    Box::new(move |client, phases| Box::pin(work(client, phases)))
}

pub(crate) struct Crew {
    tasks: JoinSet<()>,
    phase: watch::Sender<u32>,
}

impl Crew {
    pub(crate) fn new() -> Self {
        Self { tasks: JoinSet::new(), phase: watch::channel(0).0 }
    }

    /// Connects the clients, `opening` at a time, and returns when all are welcome (or have given
    /// up). Each goes on with its work from phase 1 on.
    pub(crate) async fn gather(&mut self, clients: Vec<(Client, Work)>, opening: usize) {
        let gate = Arc::new(Semaphore::new(opening.max(1)));
        let (ready, mut arrivals) = mpsc::channel(opening.max(1));
        let count = clients.len();
        for (mut client, work) in clients {
            let (gate, ready) = (Arc::clone(&gate), ready.clone());
            let mut phases = self.phase.subscribe();
            self.tasks.spawn(async move {
                let settled = {
                    let _place = gate.acquire().await;
                    client.settle().await
                };
                // Nobody counts any more once the crew is gone.
                let _ = ready.send(settled).await;
                // The last one to drop it ends the gathering.
                drop(ready);
                let waited = match settled {
                    Ok(()) => wait_for(1, &mut client, &mut phases).await,
                    Err(gone) => Err(gone),
                };
                match waited {
                    Ok(()) => work(client, phases).await,
                    Err(Gone) => client.leave().await,
                }
            });
        }
        drop(ready);
        let mut there = 0_u64;
        while let Some(settled) = arrivals.recv().await {
            there += u64::from(settled.is_ok());
        }
        progress(&format!("{there} of {count} are connected"));
    }

    pub(crate) fn enter(&self, phase: u32) {
        self.phase.send_replace(phase);
    }

    pub(crate) fn count(&self) -> usize {
        self.tasks.len()
    }

    /// Until then, telling from time to time how it goes.
    pub(crate) async fn work_until(&mut self, until: Instant, board: &Board) {
        let mut teller = Teller::new();
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return,
                () = teller.wait() => teller.tell(board, self.tasks.len()),
            }
        }
    }

    /// Until the last client has left.
    pub(crate) async fn finish(mut self, board: &Board) -> Result<(), Failure> {
        let mut teller = Teller::new();
        loop {
            tokio::select! {
                left = self.tasks.join_next() => match left {
                    Some(left) => left?,
                    None => return Ok(()),
                },
                () = teller.wait() => teller.tell(board, self.tasks.len()),
            }
        }
    }
}

/// Keeps the connection alive until this phase has begun.
pub(crate) async fn wait_for(
    phase: u32,
    client: &mut Client,
    phases: &mut Phases,
) -> Result<(), Gone> {
    loop {
        if *phases.borrow_and_update() >= phase {
            return Ok(());
        }
        tokio::select! {
            // The crew is gone: so is the reason to wait.
            changed = phases.changed() => if changed.is_err() { return Err(Gone) },
            step = client.go_on() => step?,
        }
    }
}

/// A line on standard error every few seconds.
struct Teller {
    ticks: tokio::time::Interval,
    began: Instant,
    last: (Instant, u64),
}

impl Teller {
    fn new() -> Self {
        let now = Instant::now();
        let mut ticks = interval_at(now + TELL_EVERY, TELL_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks, began: now, last: (now, 0) }
    }

    async fn wait(&mut self) {
        self.ticks.tick().await;
    }

    fn tell(&mut self, board: &Board, clients: usize) {
        let (tokens, ends, errors) =
            board.note(|tally| (tally.tokens, tally.all_ends(), tally.all_errors()));
        let now = Instant::now();
        let (before, had) = std::mem::replace(&mut self.last, (now, tokens));
        let rate = per_second(tokens.saturating_sub(had), now - before);
        let s = self.began.elapsed().as_secs();
        progress(&format!(
            "{s:>4} s: {clients} clients, {ends} answers, {rate} tokens/s, {errors} errors"
        ));
    }
}
