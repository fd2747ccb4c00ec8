//! A real server in a process of its own, and people who use it.

pub(crate) mod live;
pub(crate) mod person;
pub(crate) mod proxy;
pub(crate) mod raw;
pub(crate) mod server;
pub(crate) mod terminal;
