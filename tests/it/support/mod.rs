//! A real server in a process of its own, and people who use it.

use std::time::Duration;

pub(crate) mod databases;
pub(crate) mod issuer;
pub(crate) mod live;
pub(crate) mod nodes;
pub(crate) mod person;
pub(crate) mod postgres;
pub(crate) mod proxy;
pub(crate) mod raw;
pub(crate) mod road;
pub(crate) mod server;
pub(crate) mod smtp;
pub(crate) mod terminal;

/// A change is promised within a second; a test machine that runs everything else at once gets
/// four. A change that waits for a time-out or a reconnect takes far longer.
pub(crate) const SOON: Duration = Duration::from_secs(4);
