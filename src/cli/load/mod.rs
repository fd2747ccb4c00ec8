//! `load`: many simulated learners at once, who check everything that they receive.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use url::Url;

use super::{Context, Failure};

mod chat;
mod client;
mod crew;
mod descriptors;
mod fuzz;
mod history;
mod idle;
mod people;
mod questions;
mod report;
mod server;
mod setup;
mod slow;
mod storm;
mod tally;
mod times;

/// Load a server with many simulated learners, each of whom checks what it receives.
///
/// Every event must continue the one before, every turn must end exactly once, and length and
/// SHA-256 of each `end` must be those of the text that arrived; lost connections come back and
/// resume. Signing in is not measured. Exit code 1 if anything was wrong.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  intellistack user create --count 500 --json > accounts.jsonl
  intellistack load chat --accounts accounts.jsonl --users 500 --seconds 60
  intellistack load idle --accounts accounts.jsonl --users 5000 --server-pid 4711
  intellistack load chat --accounts accounts.jsonl --users 20 --history run.jsonl --json")]
pub(super) struct Args {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Debug, clap::Subcommand)]
enum Mode {
    /// Learners who ask, one question after the other.
    Chat(chat::Args),
    /// Learners who are connected and say nothing; tells the server's memory for each.
    Idle(idle::Args),
    /// All connections are lost at the same moment, again and again.
    Storm(storm::Args),
    /// Readers that stop reading, beside others that must not feel it.
    Slow(slow::Args),
    /// Malformed frames, beside a learner who must not feel them.
    Fuzz(fuzz::Args),
}

/// What all modes take.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Common {
    /// The server's address. Given several times, they are nodes of one service: client n starts at
    /// node n mod k, and goes on at the next when its own is away or closes with 42xx or 43xx.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: Vec<Url>,
    /// Who signs in: what `user create --json` printed, a JSON list of {"email","password"}, or the
    /// ready file of a demo server. Fewer accounts than users are shared out.
    #[arg(long, value_name = "FILE")]
    accounts: PathBuf,
    /// How many learners.
    #[arg(long, default_value_t = 10)]
    users: usize,
    /// What everybody asks, such as "/ck tokens 500 20" with the scripted model. Without it: the
    /// test queries of the built-in course.
    #[arg(long, value_name = "TEXT")]
    question: Option<String>,
    /// The course that the questions are about; an empty one for none.
    #[arg(long, value_name = "ID", default_value = "agree")]
    course: String,
    /// Sign-ins at a time; each costs the server a password hash.
    #[arg(long, value_name = "N", default_value_t = 4)]
    sign_ins: usize,
    /// Sockets that are being opened at a time.
    #[arg(long, value_name = "N", default_value_t = 64)]
    opening: usize,
    /// Seconds after which an answer, or a way back, is given up.
    #[arg(long, value_name = "S", default_value_t = 120)]
    patience: u64,
    /// The server's process on this machine: tells its memory and processor time. Several times for
    /// several nodes: each, and the sum.
    #[arg(long, value_name = "PID")]
    server_pid: Vec<u32>,
    /// A database's process, such as redis=4711: its processor time a token is told beside the
    /// server's. May be given several times.
    #[arg(long, value_name = "NAME=PID", value_parser = server::named_pid)]
    also_pid: Vec<(String, u32)>,
    /// Record what each client saw, as JSON Lines (loadtest/HISTORY.md). A folder gets a file of
    /// this run.
    #[arg(long, value_name = "PATH")]
    history: Option<PathBuf>,
    /// Record the answers' texts too, not only lengths and hashes.
    #[arg(long, requires = "history")]
    texts: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode, Failure> {
    match args.mode {
        Mode::Chat(args) => Box::pin(chat::run(context, args)).await,
        Mode::Idle(args) => Box::pin(idle::run(context, args)).await,
        Mode::Storm(args) => Box::pin(storm::run(context, args)).await,
        Mode::Slow(args) => Box::pin(slow::run(context, args)).await,
        Mode::Fuzz(args) => Box::pin(fuzz::run(context, args)).await,
    }
}

/// Tells the person at the terminal how far it is; the report alone goes to standard output.
fn progress(line: &str) {
    // Nothing is left to tell it to when standard error is gone.
    let _ = writeln!(io::stderr(), "{line}");
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
