//! The figures of what is shared over Redis.

use prometheus_client::{
    metrics::{
        counter::Counter,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

#[derive(Clone)]
pub(crate) struct RedisFigures {
    /// 1 while it answers; 0 also where there is none.
    pub(crate) up: Gauge,
    pub(crate) reconnects: Counter,
    /// Words to other nodes that were not passed on.
    pub(crate) dropped_wakes: Counter,
    /// Calls that appended to a log.
    pub(crate) appends: Counter,
    /// Of these, the ones that a later owner's fence refused.
    pub(crate) fenced: Counter,
    pub(crate) append_seconds: Histogram,
}

impl Default for RedisFigures {
    fn default() -> Self {
        Self {
            up: Gauge::default(),
            reconnects: Counter::default(),
            dropped_wakes: Counter::default(),
            appends: Counter::default(),
            fenced: Counter::default(),
            append_seconds: Histogram::new(exponential_buckets(0.000_25, 2.0, 13)),
        }
    }
}

impl RedisFigures {
    pub(super) fn register(&self, all: &mut Registry) {
        all.register("redis_up", "1 while Redis answers", self.up.clone());
        for (name, help, figure) in [
            ("redis_reconnects", "Connections made anew to Redis", &self.reconnects),
            ("redis_dropped_wakes", "Words to other nodes not passed on", &self.dropped_wakes),
            ("redis_appends", "Appends to logs in Redis", &self.appends),
            ("redis_fenced", "Appends refused for a later owner", &self.fenced),
        ] {
            all.register(name, help, figure.clone());
        }
        let time = self.append_seconds.clone();
        all.register_with_unit("redis_append", "Time of an append", Unit::Seconds, time);
    }
}
