//! Floor 3, the actors: who does what at once. Each is supervised, has a bounded mailbox and
//! answers [`Observe`]; its header says what it owns and what a restart loses.

use std::sync::Arc;

use actix::{Addr, Message};

use crate::{
    auth::Auth,
    bus::Bus,
    config::{Limits, Live},
    course::Courses,
    domain::{
        clock::{Millis, SharedClock},
        hint::Rules,
        ids::{NodeId, SharedIds},
    },
    link::Link,
    store::Store,
    telemetry::Metrics,
    turnlog::TurnLog,
};

pub(crate) mod backchannel;
pub(crate) mod changes;
pub(crate) mod feeds;
pub(crate) mod issuer;
pub(crate) mod janitor;
mod lease;
pub(crate) mod leaving;
pub(crate) mod limiter;
pub(crate) mod peers;
pub(crate) mod postman;
pub(crate) mod presence;
mod progress;
mod question;
mod reading;
pub(crate) mod registry;
pub(crate) mod relay;
pub(crate) mod session;
pub(crate) mod turn;
pub(crate) mod tutor;

pub(crate) use lease::Lease;

/// Asks an actor for what the dashboard shows of it.
#[derive(Debug)]
pub(crate) struct Observe<View>(std::marker::PhantomData<View>);

impl<View> Default for Observe<View> {
    fn default() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<View: 'static> Message for Observe<View> {
    type Result = View;
}

/// What a session works with: the services, and the actors of its node.
pub(crate) struct Hub {
    pub store: Arc<Store>,
    pub log: Arc<dyn TurnLog>,
    pub bus: Bus,
    /// The connection to Redis, where nodes share one.
    pub link: Option<Link>,
    pub auth: Arc<Auth>,
    pub courses: Arc<Courses>,
    pub clock: SharedClock,
    pub ids: SharedIds,
    pub metrics: Arc<Metrics>,
    pub node: NodeId,
    /// What the tutor says it is: `extractive` is no AI model.
    pub tutor_kind: &'static str,
    pub started_at: Millis,
    /// Whether the node is going: then it takes no new traffic.
    pub leaving: leaving::Leaving,
    pub limits: Limits,
    /// The rules of the hint ladder.
    pub ladder: Rules,
    pub live: Live,
    pub tutor: Addr<tutor::TutorActor>,
    pub relay: Addr<relay::Relay>,
    pub presence: Addr<presence::Presence>,
    pub peers: Addr<peers::Peers>,
    pub registry: Addr<registry::Registry>,
    pub feeds: Addr<feeds::Feeds>,
    pub limiter: Addr<limiter::RateLimiter>,
}

impl Hub {
    /// Looks now for turns that nobody living writes: somebody waits for one.
    pub(crate) fn look_for_orphans(&self) {
        if self.tutor.try_send(tutor::Scan).is_err() {
            tracing::debug!("the tutor is full; it looks at its time");
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.leaving.has_begun()
    }
}
