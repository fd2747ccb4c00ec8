//! `check-config`: what holds, before a server is started with it.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use super::{Context, Failure, say};
use crate::config::Purpose;

/// Prints the settings that hold as a TOML file, secrets masked, and fails if they do not fit
/// together. Unknown keys and unreadable values fail before anything is printed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  intellistack check-config
  intellistack --config /etc/intellistack.toml check-config
  INTELLISTACK__SERVER__LISTEN=0.0.0.0:80 intellistack check-config   # tells what is missing")]
pub(super) struct Args {
    /// Check for `serve --demo`.
    #[arg(long)]
    demo: bool,
    /// Check for `serve --test-model`.
    #[arg(long)]
    test_model: bool,
}

#[expect(clippy::needless_pass_by_value, reason = "every command's run has this form")]
pub(super) fn run(context: &Context, args: Args) -> Result<ExitCode, Failure> {
    say(context.config.to_masked_toml()?.trim_end())?;
    for note in context.config.notes() {
        writeln!(io::stderr(), "note: {note}")?;
    }
    context.config.check(Purpose { demo: args.demo, test_model: args.test_model })?;
    Ok(ExitCode::SUCCESS)
}
