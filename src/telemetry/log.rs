//! Structured logs on standard error, as text or JSON.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Log, LogFormat};

#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    #[error("log.filter {0:?} cannot be read: {1}")]
    Filter(String, String),
    #[error("the log is already set up: {0}")]
    Twice(String),
}

/// Sets up the process's log. Called once, by the command line.
pub(crate) fn init(settings: &Log) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(&settings.filter)
        .map_err(|error| LogError::Filter(settings.filter.clone(), error.to_string()))?;
    let colours = io::stderr().is_terminal();
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(colours);
    let registry = tracing_subscriber::registry().with(filter);
    let outcome = match settings.format {
        LogFormat::Text => registry.with(lines).try_init(),
        LogFormat::Json => {
            registry.with(lines.json().flatten_event(true).with_current_span(true)).try_init()
        }
    };
    outcome.map_err(|error| LogError::Twice(error.to_string()))
}
