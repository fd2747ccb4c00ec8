use std::sync::Arc;

use tokio::runtime::Handle;

use super::*;
use crate::{
    domain::clock::ManualClock,
    link::servers::{link_up, prefix, shared_url},
    turnlog::contract,
};

pub(super) fn log(link: &Link, prefix: &str, clock: &Arc<ManualClock>) -> RedisLog {
    let clock: SharedClock = Arc::<ManualClock>::clone(clock);
    RedisLog::start(link.clone(), prefix, clock, RedisFigures::default(), &Handle::current())
}

mod on_one_server {
    use super::*;

    contract::suite!(async |clock: Arc<ManualClock>| {
        let url = shared_url()?;
        Some((log(&link_up(&url).await, &prefix(), &clock), ()))
    });
}
