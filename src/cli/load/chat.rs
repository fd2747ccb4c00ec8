//! `load chat`: learners who ask, paced or one question right after the other.

use std::{process::ExitCode, sync::Arc};

use tokio::{sync::watch, time::Instant};

use super::{
    Common, Context, Failure,
    client::{Client, Cuts},
    crew::{Crew, Work, work},
    questions::Questions,
    report::{Report, examples},
    seconds,
    setup::{Manner, Setup},
    tally::Board,
};

mod learner;

use learner::Plan;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  intellistack load chat --accounts accounts.jsonl --users 100 --asks 3
  intellistack load chat --accounts a.jsonl --users 500 --seconds 60 --question '/ck tokens 500 20'
  intellistack load chat --accounts a.jsonl --users 20 --seconds 60 --think 3000 --history runs/")]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// Questions of each learner.
    #[arg(long, default_value_t = 3, conflicts_with = "seconds")]
    asks: u32,
    /// Ask for so long instead; the last answers are waited for.
    #[arg(long, value_name = "S")]
    seconds: Option<u64>,
    /// Milliseconds from an answer to the next question, half less to half more; 0 asks at once.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    think: u64,
    /// Seconds over which the learners begin, after all are connected.
    #[arg(long, value_name = "S", default_value_t = 2)]
    ramp: u64,
    /// Questions after which a learner begins another conversation; 0 keeps to one.
    #[arg(long, value_name = "N", default_value_t = 0)]
    per_conversation: u32,
    /// Further sockets of each learner that read along.
    #[arg(long, value_name = "N", default_value_t = 0)]
    readers: usize,
    /// A second socket of each learner at the next --url, which opens the conversation as soon as
    /// its question is taken and follows the same answer there.
    #[arg(long)]
    cross: bool,
    /// Each client cuts its connection at random, on average every so many seconds.
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..))]
    drop_every: Option<u64>,
    /// Another seed makes other cuts.
    #[arg(long, default_value_t = 1, requires = "drop_every")]
    seed: u64,
    /// Send each question so often, with one message id: one turn must come of it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeat: u32,
    /// Stop every so manieth answer at its first words; 0 stops none.
    #[arg(long, value_name = "N", default_value_t = 0)]
    cancel: u32,
    /// At the end read each conversation again: what is stored must be what was seen.
    #[arg(long)]
    reread: bool,
    /// The server may be killed and started again meanwhile: lost connections are no errors.
    #[arg(long)]
    survive: bool,
}

impl Args {
    /// Sockets of each learner that read along.
    fn along(&self) -> usize {
        self.readers + usize::from(self.cross)
    }

    fn cut(&self, client: &mut Client) {
        if let Some(every) = self.drop_every {
            client.cut_at_random(Cuts::new(seconds(every), self.seed, client.number()));
        }
    }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode, Failure> {
    let common = &args.common;
    let manner = Manner {
        mode: "chat",
        sockets: common.users * (1 + args.along()),
        forgiving: args.survive,
        repeat: args.repeat,
    };
    let mut setup = Setup::new(context, common, manner).await?;
    let (board, aside) = (Arc::new(Board::default()), Arc::new(Board::default()));
    let seats = seats(&mut setup, &args, &board, &aside, &Arc::new(plan(context, &args)));
    let mut crew = Crew::new();
    crew.gather(seats, common.opening).await;
    let watcher = setup.watch()?;
    let began = Instant::now();
    crew.enter(1);
    crew.finish(&board).await?;
    let took = began.elapsed();
    let usage = watcher.map(|watcher| watcher.usage());
    setup.close().await?;
    let (tally, aside) = (board.take(), aside.take());
    let mut report = Report::new("chat");
    let words = format!("{} for {:.1} s", common.users, took.as_secs_f64());
    report.fact("users", common.users.into(), ("users", words));
    report.silent("seconds", took.as_secs_f64().into());
    report.tally(&tally, !args.survive);
    if args.along() > 0 {
        let (ends, errors, back) = (aside.all_ends(), aside.all_errors(), aside.back.in_words());
        let words = format!("{ends} answers, {errors} errors; loss to words {back}");
        report.fact("readers", aside.to_json(), ("read along", words));
        examples("error of one who reads along", &aside);
        if aside.broken() > 0 || (!args.survive && aside.all_errors() > 0) {
            report.fail("those who read along found errors");
        }
    }
    report.usage(usage, tally.tokens + aside.tokens);
    report.print(common.json)
}

fn plan(context: &Context, args: &Args) -> Plan {
    Plan {
        questions: Questions::new(args.common.question.as_ref()),
        asks: args.asks,
        lasting: args.seconds.map(seconds),
        think: args.think,
        ramp: seconds(args.ramp),
        users: u32::try_from(args.common.users).unwrap_or(u32::MAX),
        per_conversation: args.per_conversation,
        cancel: args.cancel,
        reread: args.reread,
        ids: Arc::clone(&context.ids),
    }
}

/// The learners, and beside each those who read along.
fn seats(
    setup: &mut Setup,
    args: &Args,
    board: &Arc<Board>,
    aside: &Arc<Board>,
    plan: &Arc<Plan>,
) -> Vec<(Client, Work)> {
    let mut seats = Vec::new();
    let people = setup.people.clone();
    for (place, person) in (0..).zip(people.iter().cycle().take(args.common.users)) {
        let (told, current) = watch::channel(None);
        let mut asker = setup.client(person, board);
        args.cut(&mut asker);
        for number in 0..args.along() {
            let current = current.clone();
            let mut reader = setup.client(person, aside);
            args.cut(&mut reader);
            if args.cross && number == 0 {
                reader.start_at(asker.place() + 1);
            }
            seats.push((reader, work(move |client, _| learner::read_along(client, current))));
        }
        let plan = Arc::clone(plan);
        seats.push((asker, work(move |client, _| learner::learn(client, plan, place, told))));
    }
    seats
}
