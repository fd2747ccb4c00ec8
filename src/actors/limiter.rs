//! Answers "may this one do that now?" for the whole node.
//!
//! **Owns** a token bucket a user who sends, and a count of silent sockets an address. **Takes**
//! [`Admit`], [`Enter`], [`Leave`], [`Observe`]. **Sends** nothing. **On restart** every bucket is
//! full and no socket is counted as silent.
//!
//! This keeps one user with many sockets from filling the writer's queue. The daily quota is not
//! here: it is rows in the store, exact across nodes.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use actix::prelude::*;
use serde::Serialize;

use super::Observe;
use crate::domain::{
    bucket::{Buckets, Rate},
    clock::SharedClock,
    ids::UserId,
};

const MAILBOX: usize = 4_096;
const SWEEP_EVERY: Duration = Duration::from_mins(1);
/// Over all sockets of a user; a single socket is held to its own, lower rate.
const SENDS: Rate = Rate { burst: 120.0, per_second: 20.0 };

pub(crate) struct RateLimiter {
    clock: SharedClock,
    silent_sockets: usize,
    sends: Buckets<UserId>,
    silent: HashMap<IpAddr, usize>,
}

impl RateLimiter {
    /// `silent_sockets`: how many sockets an address may hold that have not said hello.
    pub(crate) fn new(clock: SharedClock, silent_sockets: usize) -> Self {
        Self { clock, silent_sockets, sends: Buckets::new(SENDS), silent: HashMap::new() }
    }
}

impl Actor for RateLimiter {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(SWEEP_EVERY, |this, _| this.sends.sweep(this.clock.now()));
    }
}

impl Supervised for RateLimiter {}

/// One more message from this user. Refused with the milliseconds to wait.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), i64>")]
pub(crate) struct Admit(pub UserId);

impl Handler<Admit> for RateLimiter {
    type Result = Result<(), i64>;

    fn handle(&mut self, Admit(user): Admit, _: &mut Self::Context) -> Self::Result {
        self.sends.take(user, self.clock.now())
    }
}

/// A socket that has not said hello yet. False: this address holds too many.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub(crate) struct Enter(pub IpAddr);

impl Handler<Enter> for RateLimiter {
    type Result = bool;

    fn handle(&mut self, Enter(address): Enter, _: &mut Self::Context) -> bool {
        let held = self.silent.entry(address).or_default();
        if *held >= self.silent_sockets {
            return false;
        }
        *held += 1;
        true
    }
}

/// A socket that entered has said hello, or is gone.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Leave(pub IpAddr);

impl Handler<Leave> for RateLimiter {
    type Result = ();

    fn handle(&mut self, Leave(address): Leave, _: &mut Self::Context) {
        let Some(held) = self.silent.get_mut(&address) else { return };
        *held = held.saturating_sub(1);
        if *held == 0 {
            self.silent.remove(&address);
        }
    }
}

#[derive(Debug, PartialEq, Eq, Serialize, MessageResponse)]
pub(crate) struct View {
    pub users: usize,
    pub addresses: usize,
}

impl Handler<Observe<View>> for RateLimiter {
    type Result = View;

    fn handle(&mut self, _: Observe<View>, _: &mut Self::Context) -> View {
        View { users: self.sends.len(), addresses: self.silent.len() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::clock::ManualClock;

    #[actix::test]
    async fn an_address_holds_so_many_silent_sockets_and_no_more() {
        let limiter = RateLimiter::new(Arc::new(ManualClock::default()), 2).start();
        let address = IpAddr::from([127, 0, 0, 1]);
        let other = IpAddr::from([127, 0, 0, 2]);

        assert!(limiter.send(Enter(address)).await.unwrap());
        assert!(limiter.send(Enter(address)).await.unwrap());
        assert!(!limiter.send(Enter(address)).await.unwrap());
        assert!(limiter.send(Enter(other)).await.unwrap());
        limiter.send(Leave(address)).await.unwrap();
        assert!(limiter.send(Enter(address)).await.unwrap());
        let view = limiter.send(Observe::default()).await.unwrap();
        assert_eq!(view, View { users: 0, addresses: 2 });
    }

    #[actix::test]
    async fn one_users_flood_leaves_others_alone() {
        let limiter = RateLimiter::new(Arc::new(ManualClock::default()), 2).start();
        let mut refused = 0;
        for _ in 0..200 {
            let admitted = limiter.send(Admit(UserId::new("ada"))).await.unwrap();
            refused += i32::from(admitted.is_err());
        }
        assert_eq!(refused, 80);
        assert_eq!(limiter.send(Admit(UserId::new("bob"))).await.unwrap(), Ok(()));
    }
}
