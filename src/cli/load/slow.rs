//! `load slow`: readers that stop reading amid a long answer, and what the others feel of it.

use std::{process::ExitCode, sync::Arc};

use serde_json::json;
use tokio::time::Instant;

use super::{
    Common, Context, Failure,
    client::{Client, Gone},
    crew::{Crew, Phases, Work, work},
    progress,
    questions::Questions,
    report::Report,
    seconds,
    server::Watcher,
    setup::{Manner, Setup},
    tally::{Board, Tally},
    times::milliseconds,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  intellistack load slow --accounts a.jsonl --users 50 --slow 50 --question '/ck tokens 500 20'")]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// How many readers stop; they are beside --users.
    #[arg(long, value_name = "M", default_value_t = 50)]
    slow: usize,
    /// What those ask.
    #[arg(long, value_name = "TEXT", default_value = "/ck tokens 100000 0")]
    slow_question: String,
    /// Seconds that the others are watched without the slow ones.
    #[arg(long, value_name = "S", default_value_t = 15)]
    before: u64,
    /// Seconds that the slow ones do not read. At most 30: a client gives a server up by itself that
    /// it has not heard for 35, and would pass for one that was cut off.
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=30))]
    hold: u64,
}

const ALONE: u32 = 1;
const STALL: u32 = 2;
const READ_ON: u32 = 3;
const LAST: u32 = 4;

/// Bytes of the receive buffer of those who stop: what the kernel takes for them is soon full.
const NARROW: u32 = 8 * 1024;

pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode, Failure> {
    let common = Common { users: args.common.users + args.slow, ..args.common.clone() };
    let manner = Manner { mode: "slow", sockets: common.users, forgiving: true, repeat: 1 };
    let mut setup = Setup::new(context, &common, manner).await?;
    let (normal, slow) = (Arc::new(Board::default()), Arc::new(Board::default()));
    let seats = seats(&mut setup, &args, &normal, &slow);
    let mut crew = Crew::new();
    crew.gather(seats, common.opening).await;
    let watcher = setup.watch()?;
    crew.enter(ALONE);
    crew.work_until(Instant::now() + seconds(args.before), &normal).await;
    let alone = normal.take();
    progress(&format!("{} readers ask, and stop reading", args.slow));
    crew.enter(STALL);
    crew.work_until(Instant::now() + seconds(args.hold), &normal).await;
    let beside = normal.take();
    progress("they read on");
    crew.enter(READ_ON);
    let deadline = Instant::now() + seconds(common.patience);
    while slow.note(|tally| tally.all_ends()) < count(args.slow) && Instant::now() < deadline {
        crew.work_until(Instant::now() + seconds(1), &normal).await;
    }
    crew.enter(LAST);
    crew.finish(&normal).await?;
    setup.close().await?;
    let phases = Phased { alone, beside, after: normal.take(), slow: slow.take() };
    report(&args, &phases, watcher).print(args.common.json)
}

fn seats(
    setup: &mut Setup,
    args: &Args,
    normal: &Arc<Board>,
    slow: &Arc<Board>,
) -> Vec<(Client, Work)> {
    let questions = Arc::new(Questions::new(args.common.question.as_ref()));
    let long = Questions::new(Some(&args.slow_question));
    let people = setup.people.clone();
    let mut seats = Vec::new();
    for (place, person) in people.iter().cycle().take(args.common.users + args.slow).enumerate() {
        if place < args.common.users {
            let (client, questions) = (setup.client(person, normal), Arc::clone(&questions));
            seats.push((client, work(|client, phases| ask_on(client, phases, questions))));
        } else {
            let mut client = setup.client(person, slow);
            client.narrow(NARROW);
            let question = long.of(client.number(), 0);
            seats.push((client, work(|client, phases| stall(client, phases, question))));
        }
    }
    seats
}

/// A normal reader: one question after the other until the end.
async fn ask_on(mut client: Client, phases: Phases, questions: Arc<Questions>) {
    let mut asked = 0;
    while *phases.borrow() < LAST {
        client.ask(questions.of(client.number(), asked), false);
        asked += 1;
        if client.finish().await.is_err() {
            break;
        }
    }
    client.leave().await;
}

/// A slow reader: asks, sees the answer begin, and takes no byte until it is told to read on.
async fn stall(mut client: Client, mut phases: Phases, question: String) {
    // What was wrong is on the board.
    let _ = read_late(&mut client, &mut phases, question).await;
    client.leave().await;
}

async fn read_late(client: &mut Client, phases: &mut Phases, question: String) -> Result<(), Gone> {
    super::crew::wait_for(STALL, client, phases).await?;
    client.ask(question, false);
    client.until_begun().await?;
    // The socket is not touched meanwhile: the kernel's buffer fills, then the server's.
    client.stops_reading();
    if phases.wait_for(|phase| *phase >= READ_ON).await.is_err() {
        return Err(Gone);
    }
    client.reads_on();
    client.finish().await
}

/// The figures of the normal readers before, beside and after the slow ones, and of those.
struct Phased {
    alone: Tally,
    beside: Tally,
    after: Tally,
    slow: Tally,
}

fn report(args: &Args, phases: &Phased, watcher: Option<Watcher>) -> Report {
    let mut report = Report::new("slow");
    let Phased { alone, beside, after, slow } = phases;
    let normal = args.common.users;
    let words = format!("{normal} who read, {} who stop for {} s", args.slow, args.hold);
    report.fact("users", json!({ "normal": normal, "slow": args.slow }), ("users", words));
    let mut all = Tally::default();
    for tally in [alone, beside, after] {
        all.merge(tally);
    }
    report.tally(&all, false);
    for (key, name, tally) in
        [("gap_alone_ms", "gaps without", alone), ("gap_beside_ms", "gaps beside", beside)]
    {
        report.fact(key, tally.gaps.to_json(), (name, tally.gaps.in_words()));
    }
    let cut = slow.losses();
    let words = format!(
        "{} of {} answers whole, {} wrong, {} out of order; {cut} cut off ({:?}); {} tokens, p99 {} ms",
        slow.all_ends(),
        args.slow,
        slow.sha_errors + slow.missing_ends,
        slow.order_errors,
        slow.closes,
        slow.tokens,
        milliseconds(slow.answers.percentile(99)),
    );
    report.fact("slow", slow.to_json(), ("slow readers", words));
    if slow.broken() > 0 || slow.all_ends() < count(args.slow) {
        report.fail("a slow reader did not get its answer whole");
    }
    if slow.closes.keys().any(|code| ![1006, 4301].contains(code)) {
        report.fail("a slow reader was closed with another code than 4301");
    }
    if cut < count(args.slow) {
        report.fail("a slow reader was not cut off");
    }
    let tokens = all.tokens + slow.tokens;
    report.usage(watcher.map(|watcher| watcher.usage()), tokens);
    report
}

fn count(clients: usize) -> u64 {
    u64::try_from(clients).unwrap_or(u64::MAX)
}
