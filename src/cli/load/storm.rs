//! `load storm`: all connections are lost at the same moment, again and again, and come back.

use std::{process::ExitCode, sync::Arc};

use serde_json::json;
use tokio::time::Instant;

use super::{
    Common, Context, Failure,
    client::{Client, Gone},
    crew::{Crew, Phases, work},
    progress,
    questions::Questions,
    report::Report,
    seconds,
    setup::{Manner, Setup},
    tally::Board,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  intellistack load storm --accounts a.jsonl --users 500 --every 5 --question '/ck tokens 500 20'")]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// Seconds from one loss to the next.
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// Seconds for which questions are asked; the last answers are waited for.
    #[arg(long, value_name = "S", default_value_t = 30)]
    seconds: u64,
    /// Come back without the pause that spreads clients over a second.
    #[arg(long)]
    no_pause: bool,
}

/// From here on nobody asks again. Every phase from 2 on up to it is a loss of all connections.
const LAST: u32 = u32::MAX;

struct Plan {
    questions: Questions,
    no_pause: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode, Failure> {
    let common = &args.common;
    let manner = Manner { mode: "storm", sockets: common.users, forgiving: true, repeat: 1 };
    let mut setup = Setup::new(context, common, manner).await?;
    let board = Arc::new(Board::default());
    let questions = Questions::new(common.question.as_ref());
    let plan = Arc::new(Plan { questions, no_pause: args.no_pause });
    let clients = setup.clients(common.users, &board).into_iter().map(|client| {
        let plan = Arc::clone(&plan);
        (client, work(move |client, phases| ride_out(client, phases, plan)))
    });
    let mut crew = Crew::new();
    crew.gather(clients.collect(), common.opening).await;
    let watcher = setup.watch()?;
    let began = Instant::now();
    crew.enter(1);
    let mut storms = 0;
    while began.elapsed() + seconds(args.every) <= seconds(args.seconds) {
        crew.work_until(Instant::now() + seconds(args.every), &board).await;
        storms += 1;
        progress(&format!("storm {storms}: {} connections are dropped", crew.count()));
        crew.enter(1 + storms);
    }
    crew.work_until(began + seconds(args.seconds), &board).await;
    crew.enter(LAST);
    crew.finish(&board).await?;
    let usage = watcher.map(|watcher| watcher.usage());
    setup.close().await?;
    let tally = board.take();
    let mut report = Report::new("storm");
    report.fact("users", common.users.into(), ("users", common.users.to_string()));
    report.fact("storms", json!(storms), ("storms", format!("{storms}, {} s apart", args.every)));
    report.tally(&tally, false);
    report.usage(usage, tally.tokens);
    report.print(common.json)
}

/// Asks one question after the other, and drops its connection at each new phase.
async fn ride_out(mut client: Client, mut phases: Phases, plan: Arc<Plan>) {
    // What was wrong is on the board.
    let _: Result<(), Gone> = ask_on(&mut client, &mut phases, &plan).await;
    client.leave().await;
}

async fn ask_on(client: &mut Client, phases: &mut Phases, plan: &Plan) -> Result<(), Gone> {
    let mut asked = 0;
    // Phase 1 is the start, not a storm.
    phases.borrow_and_update();
    while *phases.borrow() != LAST {
        client.ask(plan.questions.of(client.number(), asked), false);
        asked += 1;
        let deadline = client.deadline();
        while client.is_busy() {
            tokio::select! {
                biased;
                changed = phases.changed() => {
                    if changed.is_ok() && *phases.borrow_and_update() != LAST {
                        client.drop_connection(plan.no_pause);
                    } else {
                        // No more storms: the last answer may end in peace.
                        return client.finish().await;
                    }
                }
                step = client.go_on() => step?,
                () = tokio::time::sleep_until(deadline) => return client.finish_by(deadline).await,
            }
        }
    }
    Ok(())
}
