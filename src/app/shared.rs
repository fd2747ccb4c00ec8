//! What nodes share: the log of running turns and the bus, over Redis or in this process.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::{
    bus::{Bus, Line, redis::RedisLine},
    config,
    domain::{
        clock::SharedClock,
        ids::{NodeId, SharedIds},
    },
    link::{Chance, Link, Target},
    telemetry::Metrics,
    turnlog::{TurnLog, redis::RedisLog, ring::Ring},
};

/// How the twins are made; with the link itself, if there is one.
pub(super) struct Shared {
    pub(super) log: Arc<dyn TurnLog>,
    pub(super) bus: Bus,
    pub(super) link: Option<Link>,
}

impl Shared {
    /// Must run in the runtime that lives as long as the node does.
    pub(super) fn start(
        redis: &config::Redis,
        clock: &SharedClock,
        ids: &SharedIds,
        metrics: &Metrics,
        node: &NodeId,
    ) -> Self {
        let clock = Arc::clone(clock);
        // `check` has proven that it parses.
        let Some(target) = Target::parse(redis.url.reveal()).ok() else {
            return Self { log: Arc::new(Ring::new(clock)), bus: Bus::in_process(), link: None };
        };
        let (ids, figures) = (Arc::clone(ids), metrics.redis.clone());
        let chance: Chance = Arc::new(move |bytes| ids.fill(bytes));
        let link = Link::start(target, &redis.prefix, chance, figures, Handle::current());
        let log = Arc::new(RedisLog::start(&link, clock));
        let to_others =
            |here| -> Arc<dyn Line> { Arc::new(RedisLine::start(&link, node.clone(), here)) };
        Self { log, bus: Bus::with_line(to_others), link: Some(link) }
    }
}
