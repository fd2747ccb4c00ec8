//! How a command tells that it failed: one line, then its causes.

use std::{error::Error, fmt};

/// A command's failure, in words for the person at the terminal. Any error turns into one by `?`.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let message = inner.to_string();
            // Many errors print their cause themselves.
            if !text.contains(&message) {
                text.push_str("\n  because: ");
                text.push_str(&message);
            }
            cause = inner.source();
        }
        Self(text)
    }
}
