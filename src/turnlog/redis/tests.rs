use std::sync::Arc;

use super::*;
use crate::{
    domain::clock::ManualClock,
    link::servers::{link_up, prefix, shared_url},
    turnlog::contract,
};

pub(super) fn log(link: &Link, clock: &Arc<ManualClock>) -> RedisLog {
    RedisLog::start(link, Arc::<ManualClock>::clone(clock))
}

mod on_one_server {
    use super::*;

    contract::suite!(async |clock: Arc<ManualClock>| {
        let url = shared_url()?;
        Some((log(&link_up(&url, &prefix()).await, &clock), ()))
    });
}
