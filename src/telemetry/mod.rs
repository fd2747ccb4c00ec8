//! Beside the floors: logs and figures. Both are made once at the root and handed down.

mod log;
mod mail;
mod metrics;
mod problems;
mod redis;

pub(crate) use log::init;
pub(crate) use mail::MailFigures;
pub(crate) use metrics::{Counted, Metrics, resident_bytes};
pub(crate) use problems::{Problem, Problems};
pub(crate) use redis::RedisFigures;
