//! Structured logs on standard error, as text or JSON.

use std::io::{self, IsTerminal};

use tracing_subscriber::{
    EnvFilter, Layer, filter::LevelFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

use super::Problems;
use crate::config::{Log, LogFormat};

#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    #[error("log.filter {0:?} cannot be read: {1}")]
    Filter(String, String),
    #[error("the log is already set up: {0}")]
    Twice(String),
}

/// Sets up the process's log. Called once, by the command line. `problems` hears warnings and
/// errors whatever the filter leaves out.
pub(crate) fn init(settings: &Log, problems: Problems) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(&settings.filter)
        .map_err(|error| LogError::Filter(settings.filter.clone(), error.to_string()))?;
    let colours = io::stderr().is_terminal();
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(colours);
    let registry = tracing_subscriber::registry().with(problems.with_filter(LevelFilter::WARN));
    let outcome = match settings.format {
        LogFormat::Text => registry.with(lines.with_filter(filter)).try_init(),
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(true);
            registry.with(lines.with_filter(filter)).try_init()
        }
    };
    outcome.map_err(|error| LogError::Twice(error.to_string()))
}
