//! Beside the floors: logs and figures. Both are made once at the root and handed down.

mod log;
mod metrics;

pub(crate) use log::init;
pub(crate) use metrics::{Counted, Metrics};
