//! The newest warnings and errors of this process, kept for the dashboard. Only what was said and
//! by which part: the other fields of a line may name people, and stay in the log.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

/// How many are kept; the oldest goes first.
const KEPT: usize = 200;
/// Characters of a message that are kept.
const MESSAGE: usize = 500;

/// A line of the log at level warning or error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Counts from 1 since the process began.
    pub number: u64,
    /// Epoch milliseconds.
    pub at: i64,
    /// `warn` or `error`.
    pub level: &'static str,
    pub target: String,
    pub message: String,
}

/// A layer of the log, and the window through which it is read. Clones are one and the same.
#[derive(Clone)]
pub(crate) struct Problems {
    now: Arc<dyn Fn() -> i64 + Send + Sync>,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    said: u64,
    newest: VecDeque<Problem>,
}

impl Problems {
    /// `now` gives epoch milliseconds.
    pub(crate) fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self { now: Arc::new(now), kept: Arc::default() }
    }

    /// What is kept, newest first.
    pub(crate) fn newest(&self) -> Vec<Problem> {
        self.kept().newest.iter().rev().cloned().collect()
    }

    fn keep(&self, level: &'static str, target: &str, message: &str) {
        let at = (self.now)();
        let mut kept = self.kept();
        kept.said += 1;
        let problem = Problem {
            number: kept.said,
            at,
            level,
            target: target.to_owned(),
            message: message.chars().take(MESSAGE).collect(),
        };
        if kept.newest.len() >= KEPT {
            kept.newest.pop_front();
        }
        kept.newest.push_back(problem);
    }

    /// A poisoned lock means a panic between two whole updates: what is kept is still sound.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Layer<S> for Problems {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            _ => return,
        };
        let mut message = Message::default();
        event.record(&mut message);
        self.keep(level, event.metadata().target(), &message.0);
    }
}

/// Reads the message of an event and passes over its other fields.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    fn heard(say: impl FnOnce()) -> Vec<Problem> {
        let problems = Problems::new(|| 7);
        let subscriber = tracing_subscriber::registry().with(problems.clone());
        tracing::subscriber::with_default(subscriber, say);
        problems.newest()
    }

    #[test]
    fn warnings_and_errors_are_kept_without_what_else_their_lines_say() {
        let newest = heard(|| {
            tracing::info!("nothing to see");
            tracing::warn!(user = "ada", count = 3, "the disk is {}", "full");
            tracing::error!(target: "elsewhere", secret = "hush", "it broke");
        });

        let shown: Vec<_> =
            newest.iter().map(|it| (it.number, it.level, it.message.as_str())).collect();
        assert_eq!(shown, [(2, "error", "it broke"), (1, "warn", "the disk is full")]);
        assert_eq!((newest[0].target.as_str(), newest[0].at), ("elsewhere", 7));
        assert!(newest[1].target.contains("telemetry"));
    }

    #[test]
    fn only_the_newest_are_kept_and_long_ones_are_cut() {
        let newest = heard(|| {
            for _ in 0..KEPT {
                tracing::warn!("again");
            }
            tracing::warn!("{}", "é".repeat(5_000));
        });

        assert_eq!((newest.len(), newest[0].number, newest[KEPT - 1].number), (KEPT, 201, 2));
        assert_eq!(newest[0].message.chars().count(), MESSAGE);
    }
}
