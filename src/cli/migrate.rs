//! `migrate`: the database's schema, brought up to date on its own.

use std::process::ExitCode;

use super::{Context, Failure, say};
use crate::store::Store;

/// Applies the migrations that are missing, to SQLite in the data folder or to PostgreSQL.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  intellistack migrate
  intellistack --data-dir /srv/intellistack migrate
  INTELLISTACK__DATABASE__URL=postgres://ada@db/school intellistack migrate")]
pub(super) struct Args {}

pub(super) async fn run(context: &Context, _args: Args) -> Result<ExitCode, Failure> {
    context.config.check(crate::config::Purpose::default())?;
    let applied = Store::migrate(&context.place()?, &context.runtime).await?;
    for name in &applied {
        say(&format!("applied {name}"))?;
    }
    if applied.is_empty() {
        say("nothing to do: the schema is up to date")?;
    }
    Ok(ExitCode::SUCCESS)
}
