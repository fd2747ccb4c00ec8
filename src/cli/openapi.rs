//! `openapi`: the HTTP API for machines.

use std::process::ExitCode;

use super::{Failure, say};

/// Print the description of the HTTP API as an `OpenAPI` 3.1 document, in JSON.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  intellistack openapi > openapi.json")]
pub(super) struct Args {}

pub(super) fn run(Args {}: Args) -> Result<ExitCode, Failure> {
    say(&crate::http::openapi::document().to_pretty_json()?)?;
    Ok(ExitCode::SUCCESS)
}
