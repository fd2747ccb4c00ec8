//! `check-health`: what a container's health check runs, since its image has no curl.

use std::{process::ExitCode, time::Duration};

use url::Url;

use super::{Failure, say};

/// Asks a running server whether it is ready, and fails if it is not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  intellistack check-health http://127.0.0.1:8080")]
pub(super) struct Args {
    /// The server's address.
    #[arg(default_value = "http://127.0.0.1:8080")]
    url: Url,
    /// Seconds to wait for the answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 4)]
    time_out: u64,
}

pub(super) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(args.time_out)).build()?;
    let status = http.get(args.url.join("readyz")?).send().await?.status();
    say(&format!("{}: {status}", args.url))?;
    Ok(if status.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
