//! A real server in a process of its own, and people who use it.

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
