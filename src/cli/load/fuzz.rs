//! `load fuzz`: malformed frames over many sockets, and whether the server goes on answering.

use std::{process::ExitCode, sync::Arc, time::Duration};

use serde_json::json;
use tokio::{task::JoinSet, time::Instant};

use super::{
    Common, Context, Failure,
    client::{Client, Gone},
    crew::{Crew, Phases, work},
    questions::Questions,
    report::{Report, list},
    seconds,
    setup::{Manner, Setup},
    tally::{Board, Tally, per_second},
};

mod malice;
mod shooter;

use malice::Malice;
use shooter::{Hits, Shooter};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  intellistack load fuzz --accounts a.jsonl --users 4 --rate 300 --seconds 60 --seed 7")]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// Frames a second, over all sockets.
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    #[arg(long, value_name = "S", default_value_t = 60)]
    seconds: u64,
    /// Sockets at a time; more than the rate a second that one of them may have is of no use.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    sockets: u32,
    /// Another seed makes other frames.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Between two questions of the honest learner.
const THINK: Duration = Duration::from_millis(200);

pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode, Failure> {
    let common = &args.common;
    let sockets = usize::try_from(args.sockets).unwrap_or(usize::MAX);
    // A socket that says no hello is open beside each.
    let manner = Manner { mode: "fuzz", sockets: 2 * sockets + 1, forgiving: false, repeat: 1 };
    let mut setup = Setup::new(context, common, manner).await?;
    let board = Arc::new(Board::default());
    let honest = setup.clients(1, &board).into_iter().map(|client| {
        let questions = Questions::new(common.question.as_ref());
        (client, work(move |client, phases| ask_on(client, phases, questions)))
    });
    let mut crew = Crew::new();
    crew.gather(honest.collect(), 1).await;
    let watcher = setup.watch()?;
    let began = Instant::now();
    crew.enter(1);
    let mut shooters = shooters(&setup, &args, began + seconds(args.seconds));
    let mut hits = Hits::default();
    crew.work_until(began + seconds(args.seconds), &board).await;
    while let Some(shot) = shooters.join_next().await {
        hits.merge(shot?);
    }
    let took = began.elapsed();
    crew.enter(2);
    crew.finish(&board).await?;
    let usage = watcher.map(|watcher| watcher.usage());
    setup.close().await?;
    let tally = board.take();
    let mut report = report(&hits, took, &tally);
    report.usage(usage, tally.tokens);
    report.print(common.json)
}

fn shooters(setup: &Setup, args: &Args, until: Instant) -> JoinSet<Hits> {
    let mut shooters = JoinSet::new();
    // The first person is the honest learner; a close or a revocation must not reach it.
    let others = setup.people.iter().skip(1).chain(setup.people.first());
    let people: Vec<_> = others.take(setup.people.len().saturating_sub(1).max(1)).collect();
    let every = Duration::from_secs(1) * args.sockets / args.rate;
    for (number, person) in (0..args.sockets).zip(people.iter().cycle()) {
        let shooter = Shooter {
            run: Arc::clone(&setup.run),
            person: Arc::clone(person),
            malice: Malice::new(args.seed.wrapping_add(u64::from(number) << 32)),
            every,
            until,
        };
        shooters.spawn(shooter.shoot());
    }
    shooters
}

/// The honest learner, who must not feel any of it.
async fn ask_on(mut client: Client, phases: Phases, questions: Questions) {
    // What was wrong is on the board.
    let _: Result<(), Gone> = async {
        let mut asked = 0;
        while *phases.borrow() < 2 {
            client.ask(questions.of(client.number(), asked), false);
            asked += 1;
            client.finish().await?;
            client.rest(Instant::now() + THINK).await?;
        }
        Ok(())
    }
    .await;
    client.leave().await;
}

fn report(hits: &Hits, took: Duration, honest: &Tally) -> Report {
    let mut report = Report::new("fuzz");
    let sent: u64 = hits.sent.values().sum();
    let words = format!("{sent}, {} a second: {}", per_second(sent, took), list(&hits.sent));
    report.fact("sent", json!({ "total": sent, "kinds": hits.sent }), ("malformed", words));
    report.silent("seconds", took.as_secs_f64().into());
    report.fact("fuzz_closes", json!(hits.closes), ("closed with", list(&hits.closes)));
    report.fact("fuzz_errors", json!(hits.errors), ("answered", list(&hits.errors)));
    let words = format!("{} opened, {} could not be", hits.opened, hits.unreachable);
    let sockets = json!({ "opened": hits.opened, "unreachable": hits.unreachable });
    report.fact("sockets", sockets, ("sockets", words));
    report.tally(honest, true);
    if hits.unreachable > 0 {
        report.fail("the server could not be reached");
    }
    if honest.all_ends() == 0 {
        report.fail("the honest learner got no answer");
    }
    report
}
