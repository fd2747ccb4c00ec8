//! How often somebody may try. Counted on this node, in memory: a restart forgets, and each node
//! of several counts for itself.

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::domain::{
    address::limit_key,
    bucket::{Buckets, Rate},
    clock::{Millis, SharedClock},
    lockout::{Lockouts, NotNow},
};

/// Right passwords of one account from one address: at once, and then a second.
const SUCCESSES: Rate = Rate { burst: 60.0, per_second: 1.0 };
/// Keys that are kept before those without effect are thrown out.
const SWEPT_OVER: usize = 10_000;

/// What the operator allows one address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    pub failures_per_minute: u32,
    pub sign_ups_per_minute: u32,
    /// Demo mode: this machine is not counted. Accounts are locked all the same.
    pub loopback_is_free: bool,
}

/// Come back in so many milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooMany {
    /// For anybody at this address.
    Address(i64),
    /// For this account, from anywhere.
    Account(i64),
}

pub(crate) struct Limits {
    clock: SharedClock,
    loopback_is_free: bool,
    failures: Mutex<Buckets<String>>,
    sign_ups: Mutex<Buckets<String>>,
    successes: Mutex<Buckets<(String, String)>>,
    lockouts: Mutex<Lockouts>,
    finished: Notify,
}

impl Limits {
    pub(crate) fn new(allowance: Allowance, clock: SharedClock) -> Self {
        let a_minute = |times: u32| {
            let times = f64::from(times);
            Mutex::new(Buckets::new(Rate { burst: times, per_second: times / 60.0 }))
        };
        Self {
            clock,
            loopback_is_free: allowance.loopback_is_free,
            failures: a_minute(allowance.failures_per_minute),
            sign_ups: a_minute(allowance.sign_ups_per_minute),
            successes: Mutex::new(Buckets::new(SUCCESSES)),
            lockouts: Mutex::default(),
            finished: Notify::new(),
        }
    }

    /// One more account from this address.
    pub(crate) fn sign_up(&self, address: Option<IpAddr>) -> Result<(), TooMany> {
        let Some(key) = self.counted(address) else { return Ok(()) };
        let now = self.clock.now();
        let mut sign_ups = locked(&self.sign_ups);
        if sign_ups.len() > SWEPT_OVER {
            sign_ups.sweep(now);
        }
        sign_ups.take(key, now).map_err(TooMany::Address)
    }

    /// Leave to look at one password. `account` is the hashed address, known to us or not: the
    /// answer is the same. Where five attempts are being looked at, waits for one to end.
    pub(crate) async fn begin(
        &self,
        account: String,
        address: Option<IpAddr>,
    ) -> Result<Attempt<'_>, TooMany> {
        let address = self.counted(address);
        if let Some(key) = &address {
            let now = self.clock.now();
            locked(&self.failures).check(key, now).map_err(TooMany::Address)?;
            let pair = (key.clone(), account.clone());
            locked(&self.successes).check(&pair, now).map_err(TooMany::Address)?;
        }
        loop {
            let finished = self.finished.notified();
            let now = self.clock.now();
            let begun = {
                let mut lockouts = locked(&self.lockouts);
                if lockouts.len() > SWEPT_OVER {
                    lockouts.sweep(now);
                }
                lockouts.begin(&account, now)
            };
            match begun {
                Ok(()) => return Ok(Attempt { limits: self, account, address, ended: false }),
                Err(NotNow::Locked(ms)) => return Err(TooMany::Account(ms)),
                Err(NotNow::Wait) => finished.await,
            }
        }
    }

    /// The owner has proved herself otherwise: wrong passwords are forgotten.
    pub(crate) fn unlock(&self, account: &str) {
        locked(&self.lockouts).unlock(account);
        self.finished.notify_waiters();
    }

    /// The key that is counted; none for this machine in demo mode.
    fn counted(&self, address: Option<IpAddr>) -> Option<String> {
        match address {
            Some(address) if self.loopback_is_free && address.to_canonical().is_loopback() => None,
            Some(address) => Some(limit_key(address)),
            // Unknown addresses share one allowance, so that hiding it wins nothing.
            None => Some("unknown".to_owned()),
        }
    }
}

/// A password that is being looked at. Dropped without an end, it does not count.
pub(crate) struct Attempt<'a> {
    limits: &'a Limits,
    account: String,
    address: Option<String>,
    ended: bool,
}

impl Attempt<'_> {
    /// Says whether the account is locked by it.
    pub(crate) fn failed(mut self) -> bool {
        self.ended = true;
        let now = self.limits.clock.now();
        let locks = locked(&self.limits.lockouts).fail(&self.account, now);
        if let Some(key) = self.address.take() {
            let mut failures = locked(&self.limits.failures);
            sweep(&mut failures, now);
            // Parallel attempts may have taken the last token; the next check sees that.
            let _ = failures.take(key, now);
        }
        locks
    }

    pub(crate) fn succeeded(mut self) {
        self.ended = true;
        let now = self.limits.clock.now();
        locked(&self.limits.lockouts).succeed(&self.account);
        if let Some(key) = self.address.take() {
            let mut successes = locked(&self.limits.successes);
            sweep(&mut successes, now);
            let _ = successes.take((key, self.account.clone()), now);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.ended {
            locked(&self.limits.lockouts).drop_attempt(&self.account);
        }
        self.limits.finished.notify_waiters();
    }
}

fn sweep<K: Eq + std::hash::Hash>(buckets: &mut Buckets<K>, now: Millis) {
    if buckets.len() > SWEPT_OVER {
        buckets.sweep(now);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::clock::ManualClock;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn limits(loopback_is_free: bool) -> Limits {
        let allowance =
            Allowance { failures_per_minute: 3, sign_ups_per_minute: 2, loopback_is_free };
        Limits::new(allowance, Arc::new(ManualClock::default()))
    }

    async fn fail(limits: &Limits, account: &str, address: IpAddr) -> Result<(), TooMany> {
        limits.begin(account.to_owned(), Some(address)).await.map(|attempt| {
            attempt.failed();
        })
    }

    /// Attack A7: one try each on many accounts.
    #[tokio::test]
    async fn failures_on_many_accounts_stop_an_address_but_not_a_class_that_signs_in() {
        let limits = limits(false);
        for pupil in 0..50 {
            limits.begin(format!("pupil{pupil}"), Some(THERE)).await.unwrap().succeeded();
        }
        for account in ["a", "b", "c"] {
            fail(&limits, account, THERE).await.unwrap();
        }

        assert_eq!(fail(&limits, "d", THERE).await, Err(TooMany::Address(20_000)));
        assert_eq!(fail(&limits, "d", HERE).await, Ok(()));
    }

    #[tokio::test]
    async fn demo_mode_frees_this_machine_from_address_limits_and_not_from_the_lockout() {
        let limits = limits(true);
        for account in ["a", "b", "c", "d", "e"] {
            assert_eq!(fail(&limits, account, HERE).await, Ok(()));
            assert_eq!(limits.sign_up(Some(HERE)), Ok(()));
        }
        for _ in 0..4 {
            assert_eq!(fail(&limits, "a", HERE).await, Ok(()));
        }
        assert!(matches!(fail(&limits, "a", HERE).await, Err(TooMany::Account(_))));
    }

    #[tokio::test]
    async fn new_accounts_are_counted_an_address() {
        let limits = limits(false);
        assert_eq!(limits.sign_up(Some(THERE)), Ok(()));
        assert_eq!(limits.sign_up(Some(THERE)), Ok(()));
        assert_eq!(limits.sign_up(Some(THERE)), Err(TooMany::Address(30_000)));
        assert_eq!(limits.sign_up(Some(HERE)), Ok(()));
    }

    #[tokio::test]
    async fn a_sixth_attempt_at_once_waits_for_one_of_the_five() {
        let limits = limits(true);
        let mut five = Vec::new();
        for _ in 0..5 {
            five.push(limits.begin("ada".to_owned(), Some(HERE)).await.unwrap());
        }
        let mut sixth = std::pin::pin!(limits.begin("ada".to_owned(), Some(HERE)));
        assert!(futures_util::poll!(&mut sixth).is_pending());

        five.pop().unwrap().succeeded();

        assert!(sixth.await.is_ok());
    }
}
