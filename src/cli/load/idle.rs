//! `load idle`: sockets that are open and say nothing but heartbeats, and what each costs the
//! server in memory.

use std::{process::ExitCode, sync::Arc};

use serde_json::{Value, json};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};

use super::{
    Common, Context, Failure,
    client::{Client, Gone},
    crew::{Crew, Phases, wait_for, work},
    progress,
    questions::Questions,
    report::Report,
    seconds,
    server::{Sample, Watcher, mib},
    setup::{Manner, Setup},
    tally::Board,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  intellistack load idle --accounts accounts.jsonl --users 5000 --server-pid 4711 --answer")]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// Seconds for which the sockets are held.
    #[arg(long, value_name = "S", default_value_t = 10)]
    hold: u64,
    /// Then let each ask one question, and look again.
    #[arg(long)]
    answer: bool,
    /// Answers at a time.
    #[arg(long, value_name = "N", default_value_t = 100)]
    answering: usize,
    /// Seconds without work before a look at the server's memory.
    #[arg(long, value_name = "S", default_value_t = 3)]
    settle: u64,
}

const HOLD: u32 = 1;
const ANSWER: u32 = 2;
const HOLD_ON: u32 = 3;
const LEAVE: u32 = 4;

pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode, Failure> {
    let common = &args.common;
    let manner = Manner { mode: "idle", sockets: common.users, forgiving: false, repeat: 1 };
    let mut setup = Setup::new(context, common, manner).await?;
    let board = Arc::new(Board::default());
    let mut looks = Looks::start(&setup, &args).await?;
    let (questions, gate) =
        (Questions::new(common.question.as_ref()), Arc::new(Semaphore::new(args.answering.max(1))));
    let clients = setup.clients(common.users, &board).into_iter().map(|client| {
        let (gate, question) = (Arc::clone(&gate), questions.of(client.number(), 0));
        (client, work(move |client, phases| sit(client, phases, question, gate)))
    });
    let mut crew = Crew::new();
    crew.gather(clients.collect(), common.opening).await;
    crew.enter(HOLD);
    looks.look("connected").await?;
    progress(&format!("holding {} sockets for {} s", common.users, args.hold));
    crew.work_until(Instant::now() + seconds(args.hold), &board).await;
    looks.look("held").await?;
    if args.answer {
        crew.enter(ANSWER);
        let all = u64::try_from(crew.count()).unwrap_or(u64::MAX);
        let deadline = Instant::now() + seconds(common.patience);
        while board.note(|tally| tally.all_ends()) < all && Instant::now() < deadline {
            crew.work_until(Instant::now() + seconds(1), &board).await;
        }
        crew.enter(HOLD_ON);
        looks.look("answered").await?;
    }
    crew.enter(LEAVE);
    crew.finish(&board).await?;
    looks.look("left").await?;
    setup.close().await?;
    let tally = board.take();
    let mut report = Report::new("idle");
    report.fact("users", common.users.into(), ("users", common.users.to_string()));
    report.tally(&tally, true);
    looks.report(&mut report, common.users);
    report.print(common.json)
}

/// Holds the socket until all leave; in between it may ask one question.
async fn sit(mut client: Client, mut phases: Phases, question: String, gate: Arc<Semaphore>) {
    // What was wrong is on the board.
    let _ = stay(&mut client, &mut phases, question, &gate).await;
    client.leave().await;
}

async fn stay(
    client: &mut Client,
    phases: &mut Phases,
    question: String,
    gate: &Semaphore,
) -> Result<(), Gone> {
    wait_for(ANSWER, client, phases).await?;
    if *phases.borrow() == ANSWER {
        let _place = loop {
            tokio::select! {
                place = gate.acquire() => break place,
                step = client.go_on() => step?,
            }
        };
        client.ask(question, false);
        client.finish().await?;
    }
    wait_for(LEAVE, client, phases).await
}

/// The server's memory at each step.
struct Looks {
    watcher: Option<Watcher>,
    settle: u64,
    seen: Vec<(&'static str, Sample)>,
}

impl Looks {
    async fn start(setup: &Setup, args: &Args) -> Result<Self, Failure> {
        let mut looks = Self { watcher: setup.watch()?, settle: args.settle, seen: Vec::new() };
        looks.look("before").await?;
        Ok(looks)
    }

    async fn look(&mut self, name: &'static str) -> Result<(), Failure> {
        if let Some(watcher) = &self.watcher {
            sleep(seconds(self.settle)).await;
            let sample = watcher.now();
            progress(&format!("{name}: the server has {}", mib(sample.rss_kib)));
            self.seen.push((name, sample));
        }
        Ok(())
    }

    fn report(&self, report: &mut Report, sockets: usize) {
        let Some((_, before)) = self.seen.first() else { return };
        let mut all = serde_json::Map::new();
        let mut words = Vec::new();
        for (name, sample) in &self.seen {
            let each = each(sample.rss_kib.saturating_sub(before.rss_kib), sockets);
            all.insert((*name).to_owned(), entry(sample, each));
            words.push(format!("{name} {} ({each} KiB a session)", mib(sample.rss_kib)));
        }
        report.fact("rss", Value::Object(all), ("memory", words.join(", ")));
        if let (Some((_, held)), Some((_, connected))) = (self.seen.get(2), self.seen.get(1)) {
            let cpu = held.cpu.saturating_sub(connected.cpu).as_secs_f64();
            let words = format!("{cpu:.2} s of processor time while they were held");
            report.fact("held_cpu_s", cpu.into(), ("idle work", words));
        }
    }
}

fn entry(sample: &Sample, each: f64) -> Value {
    json!({ "rss_kib": sample.rss_kib, "kib_per_session": each })
}

/// KiB of memory for each socket, with one digit behind the point.
fn each(kib: u64, sockets: usize) -> f64 {
    let tenths = kib * 10 / u64::try_from(sockets.max(1)).unwrap_or(u64::MAX);
    f64::from(u32::try_from(tenths).unwrap_or(u32::MAX)) / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_shared_out_over_the_sockets() {
        assert!((each(150_000, 5_000) - 30.0).abs() < 1e-9);
        assert!((each(1_049, 100) - 10.4).abs() < 1e-9);
        assert!(each(7, 0) > 6.9);
    }
}
