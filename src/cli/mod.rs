//! Root: the command line. Each command is a file with its arguments and its `run`.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Handle};

use crate::{
    config::{self, Config, Overrides},
    domain::{
        clock::{SharedClock, SystemClock},
        ids::{SharedIds, SystemIds},
    },
    store::{Place, Store, StoreError},
    telemetry,
};

mod chat;
mod check_config;
mod check_health;
mod check_history;
mod client;
mod course;
mod eval;
mod failure;
mod keys;
mod load;
mod migrate;
mod oauth_client;
mod openapi;
mod search;
mod serve;
mod user;

pub(crate) use failure::Failure;

/// A school's chat server: sign-in, a tutor that asks before it tells, and a live view for those
/// who run it.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
struct Cli {
    /// A settings file; `config.default.toml` in the source explains every key.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of the database and the secret, instead of the setting `data.dir`.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    /// Print the settings that hold, with secrets masked, and whether they fit together.
    CheckConfig(check_config::Args),
    /// Bring the database's schema up to date. (`serve` does so by itself.)
    Migrate(migrate::Args),
    /// Tell whether a running server is ready, by the exit code.
    CheckHealth(check_health::Args),
    /// Talk to the tutor from a terminal.
    Chat(Box<chat::Args>),
    Load(Box<load::Args>),
    CheckHistory(check_history::Args),
    /// Import courses, list them, open stages to a learner.
    Course(course::Args),
    /// Find the passages of a course that fit a question, with their scores.
    Search(search::Args),
    /// Measure how good the answers are, on judged data.
    Eval(eval::Args),
    /// Make accounts, list them, change their roles.
    User(user::Args),
    /// List the keys that sign tokens, and make new ones.
    Keys(keys::Args),
    /// Make apps that people sign in to with their account here, list them, change them.
    Client(oauth_client::Args),
    Openapi(openapi::Args),
}

/// What every command works with.
pub(crate) struct Context {
    pub(crate) config: Config,
    pub(crate) clock: SharedClock,
    pub(crate) ids: SharedIds,
    /// The multi-thread runtime of the process; it outlives the store.
    pub(crate) runtime: Handle,
    /// What the log has warned of.
    pub(crate) problems: telemetry::Problems,
}

impl Context {
    /// Where the settings put the database. Makes the data folder if that is the place.
    pub(crate) fn place(&self) -> io::Result<Place> {
        let (dir, database) = (&self.config.data.dir, &self.config.database);
        if database.url.is_empty() {
            make_private_dir(dir)?;
            Ok(Place::File(dir.join("intellistack.db")))
        } else {
            Ok(Place::Postgres { url: database.url.reveal().to_owned(), pool: database.pool })
        }
    }

    /// Opens the store, brought up to date. Works beside a running server.
    pub(crate) async fn open_store(&self) -> Result<Arc<Store>, StoreError> {
        let place = self.place().map_err(|error| {
            let dir = self.config.data.dir.display();
            StoreError::Unavailable(format!("the data folder {dir} cannot be made: {error}"))
        })?;
        Ok(Arc::new(Store::open(&place, &self.runtime).await?))
    }
}

/// Reads the command line and runs it. A failure prints one line (and its causes) and exits with 1.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    run(cli).unwrap_or_else(|failure| {
        // Nothing is left to tell it to when standard error is gone.
        let _ = writeln!(io::stderr(), "intellistack: {failure}");
        ExitCode::FAILURE
    })
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let overrides = Overrides { data_dir: cli.data_dir };
    // A variable that is no text is not one of ours.
    let environment = std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
    let config = config::load(cli.config.as_deref(), environment, &overrides)?;
    let clock: SharedClock = Arc::new(SystemClock);
    let said_at = Arc::clone(&clock);
    let problems = telemetry::Problems::new(move || said_at.now().0);
    telemetry::init(&config.log, problems.clone())?;
    let runtime = Builder::new_multi_thread().enable_all().thread_name("runtime").build()?;
    let context = Context {
        config,
        clock,
        ids: Arc::new(SystemIds),
        runtime: runtime.handle().clone(),
        problems,
    };
    match cli.command {
        Command::Serve(args) => serve::run(context, args),
        Command::CheckConfig(args) => check_config::run(&context, args),
        Command::Migrate(args) => runtime.block_on(migrate::run(&context, args)),
        Command::CheckHealth(args) => runtime.block_on(check_health::run(args)),
        Command::Chat(args) => runtime.block_on(Box::pin(chat::run(&context, *args))),
        Command::Load(args) => runtime.block_on(Box::pin(load::run(&context, *args))),
        Command::CheckHistory(args) => runtime.block_on(check_history::run(&context, args)),
        Command::Course(args) => runtime.block_on(course::run(&context, args)),
        Command::Search(args) => runtime.block_on(search::run(&context, args)),
        Command::Eval(args) => runtime.block_on(eval::run(&context, args)),
        Command::Keys(args) => runtime.block_on(Box::pin(keys::run(&context, args))),
        Command::Openapi(args) => openapi::run(args),
        Command::Client(args) => runtime.block_on(Box::pin(oauth_client::run(&context, args))),
        Command::User(args) => runtime.block_on(Box::pin(user::run(&context, args))),
    }
}

/// Prints a line for people or scripts. A reader that closed the pipe (`| head`) is no failure.
pub(crate) fn say(line: &str) -> io::Result<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Only the server's own user may read what is in there.
fn make_private_dir(dir: &std::path::Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_every_command_explains_itself() {
        let mut command = Cli::command();
        command.build();
        command.clone().debug_assert();

        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            assert!(sub.get_about().is_some(), "{} has no explanation", sub.get_name());
        }
    }
}
