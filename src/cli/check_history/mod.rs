//! `check-history`: judges a server by what clients saw of it (`loadtest/HISTORY.md`).

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use super::{Context, Failure};

mod accepting;
mod checker;
mod closing;
mod copy;
mod finding;
mod input;
mod invariant;
mod line;
mod logs;
mod machines;
mod names;
mod reading;
mod report;
mod snapshots;
mod stored;
#[cfg(test)]
mod tests;
mod turns;

use checker::Checker;

/// Prove from recorded histories that a server kept its promises, or show the first it broke.
///
/// Reads what `load --history` wrote: files, or folders of `.jsonl` files. Runs of one machine are
/// laid side by side by their start. Exit code 0: nothing broken; 1: something was; 2: the input
/// cannot be read. An invariant without material is told as such and never passes in silence.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  intellistack load chat --accounts a.jsonl --reread --history runs/
  intellistack check-history runs/
  intellistack --data-dir data check-history run.jsonl --database --json")]
pub(super) struct Args {
    /// Histories, or folders of them.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Also look into the database that the settings name: what was accepted and ended must be
    /// stored so.
    #[arg(long)]
    database: bool,
    /// KiB of memory that a process may take for each connection (I13).
    #[arg(long, value_name = "KIB", default_value_t = 320)]
    memory_bound: u64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

const UNREADABLE: u8 = 2;

pub(super) async fn run(context: &Context, args: Args) -> Result<ExitCode, Failure> {
    match check(context, &args).await {
        Ok(code) => Ok(code),
        Err(failure) => {
            // Nothing is left to tell it to when standard error is gone.
            let _ = writeln!(io::stderr(), "intellistack: {failure}");
            Ok(ExitCode::from(UNREADABLE))
        }
    }
}

async fn check(context: &Context, args: &Args) -> Result<ExitCode, Failure> {
    let files = input::expand(&args.files)?;
    let mut checker = Checker::new(args.memory_bound);
    let mut lines = 0;
    for (number, file) in files.iter().enumerate() {
        lines += input::read(number, file, &mut checker)?;
    }
    checker.close();
    if args.database {
        let store = context.open_store().await?;
        let limit = i64::from(context.config.limits.messages_per_day);
        stored::check(&mut checker, &store, limit).await?;
    }
    report::print(&checker, &files, lines, args.json)
}
