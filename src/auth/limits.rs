//! How often somebody may try, counted for all nodes at once and over restarts.
//!
//! The counts are in the store and not in Redis: Redis is a cache that may be lost and need not be
//! there, a lock must outlive both. A right password costs one statement more before it is looked
//! at, and one in the transaction that begins the session. What is known to be locked is refused
//! from memory, for a second at a time. Only right passwords of one account from one address are
//! counted a node: they guess at nothing.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, sync::Notify};

use super::{Auth, AuthError, hash_token};
use crate::{
    domain::{
        address::limit_key,
        bucket::{Buckets, Pace, Rate},
        clock::{Millis, SECOND, SharedClock},
        lockout::{NotNow, Rule},
    },
    store::{
        Store,
        auth_events::AuthEvent,
        limits::{Begun, Guess},
    },
};

/// Right passwords of one account from one address: at once, and then a second.
const SUCCESSES: Rate = Rate { burst: 60.0, per_second: 1.0 };
/// Wrong codes of devices from one address (attack D23), and devices that begin to wait.
const CODES_A_MINUTE: u32 = 5;
const DEVICES_A_MINUTE: u32 = 60;
/// Apps that register themselves from one address.
const REGISTRATIONS_A_MINUTE: u32 = 10;
/// Keys that are kept before those without effect are thrown out.
const SWEPT_OVER: usize = 10_000;
/// How long this node believes that an account is locked without asking again: it may have been
/// unlocked on another.
const BELIEVED: i64 = SECOND;
/// How often an account is looked at again whose passwords are being checked on another node, and
/// how many times.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const LOOKS: usize = 200;

/// What the operator allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    pub failures_per_minute: u32,
    pub sign_ups_per_minute: u32,
    pub mails_per_minute: u32,
    /// Requests of apps that wait for their person, and those that apps push.
    pub held_per_minute: u32,
    pub pushed_per_minute: u32,
    /// Wrong passwords until an account is locked, and for how long.
    pub lockout: Rule,
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

/// Why something does not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Limited {
    #[error("too many tries")]
    TooMany(TooMany),
    /// Nobody can say just now.
    #[error(transparent)]
    Auth(#[from] AuthError),
}

pub(crate) struct Limits {
    store: Arc<Store>,
    clock: SharedClock,
    allowance: Allowance,
    here: Mutex<Here>,
    finished: Notify,
}

/// What this node knows by itself.
struct Here {
    successes: Buckets<(String, String)>,
    /// Passwords of an account that are being looked at.
    checking: HashMap<String, i32>,
    /// Until when an account is locked, and when that was heard.
    locked: HashMap<String, (Millis, Millis)>,
}

impl Here {
    /// For how long the account is locked, as far as this is known for sure.
    fn locked_for(&mut self, account: &str, now: Millis) -> Option<i64> {
        let (until, heard) = *self.locked.get(account)?;
        let left = until.since(now);
        if left > 0 && (0..BELIEVED).contains(&now.since(heard)) {
            return Some(left);
        }
        self.locked.remove(account);
        None
    }

    fn lock(&mut self, account: &str, left: i64, now: Millis) {
        if self.locked.len() > SWEPT_OVER {
            self.locked.retain(|_, (_, heard)| now.since(*heard) < BELIEVED);
        }
        self.locked.insert(account.to_owned(), (now.plus(left), now));
    }
}

impl Limits {
    pub(crate) fn new(allowance: Allowance, store: Arc<Store>, clock: SharedClock) -> Self {
        let here = Here {
            successes: Buckets::new(SUCCESSES),
            checking: HashMap::new(),
            locked: HashMap::new(),
        };
        Self { store, clock, allowance, here: Mutex::new(here), finished: Notify::new() }
    }

    /// One more account from this address.
    pub(crate) async fn sign_up(&self, address: Option<IpAddr>) -> Result<(), Limited> {
        self.take_at("sign-up", address, self.allowance.sign_ups_per_minute).await
    }

    /// One more request of an app that is kept while its person signs in or agrees.
    pub(super) async fn held(&self, address: Option<IpAddr>) -> Result<(), Limited> {
        self.take_at("held", address, self.allowance.held_per_minute).await
    }

    /// One more request that an app pushes (RFC 9126) from this address.
    pub(super) async fn pushed(&self, address: Option<IpAddr>) -> Result<(), Limited> {
        self.take_at("pushed", address, self.allowance.pushed_per_minute).await
    }

    /// One more device that begins to wait, at the wish of whoever is at `address`.
    pub(crate) async fn device(&self, address: Option<IpAddr>) -> Result<(), Limited> {
        self.take_at("device", address, DEVICES_A_MINUTE).await
    }

    /// Leave to look one code of a device up, counted before it is looked at, so that of many at
    /// once no more get it. Gives what [`Self::right_code`] wants back.
    pub(crate) async fn code(&self, address: Option<IpAddr>) -> Result<Option<String>, Limited> {
        let key = self.counted(address).map(|address| format!("device-code {address}"));
        if let Some(key) = &key {
            self.take(key, Pace::a_minute(CODES_A_MINUTE)).await?;
        }
        Ok(key)
    }

    /// The code was a device's: it does not count.
    pub(crate) async fn right_code(&self, key: Option<String>) -> Result<(), AuthError> {
        if let Some(key) = key {
            self.store.give_back(&key, Pace::a_minute(CODES_A_MINUTE)).await?;
        }
        Ok(())
    }

    /// One more app that registers itself from this address.
    pub(super) async fn registration(&self, address: Option<IpAddr>) -> Result<(), Limited> {
        self.take_at("register", address, REGISTRATIONS_A_MINUTE).await
    }

    /// One more mail to `recipient` (hashed), whether there is such an account or not, at the wish
    /// of whoever is at `address`.
    async fn mail(&self, recipient: &str, address: Option<IpAddr>) -> Result<(), Limited> {
        let pace = Pace::a_minute(self.allowance.mails_per_minute);
        match self.counted(address) {
            Some(_) => self.take(&format!("mail {recipient}"), pace).await,
            None => Ok(()),
        }
    }

    /// Takes one from the bucket that an address has for `what`, so many of which may be in a minute.
    async fn take_at(
        &self,
        what: &str,
        address: Option<IpAddr>,
        times: u32,
    ) -> Result<(), Limited> {
        match self.counted(address) {
            Some(address) => self.take(&format!("{what} {address}"), Pace::a_minute(times)).await,
            None => Ok(()),
        }
    }

    /// Takes one from the bucket `key`, which all nodes share.
    pub(crate) async fn take(&self, key: &str, pace: Pace) -> Result<(), Limited> {
        let taken = self.store.take(key, pace, self.clock.now()).await.map_err(AuthError::from)?;
        taken.map_err(|ms| Limited::TooMany(TooMany::Address(ms)))
    }

    /// Leave to look at one password. `account` is the hashed address, known to us or not: the
    /// answer is the same. Where as many are being looked at as may be wrong, waits for one to end.
    pub(crate) async fn begin(
        &self,
        account: String,
        address: Option<IpAddr>,
    ) -> Result<Attempt<'_>, Limited> {
        let address = self.counted(address);
        if let Some(key) = &address {
            let pair = (key.clone(), account.clone());
            let check = self.here().successes.check(&pair, self.clock.now());
            check.map_err(|ms| Limited::TooMany(TooMany::Address(ms)))?;
        }
        let place = self.place(&account).await;
        let guess = Guess {
            account,
            address: address.as_ref().map(|address| format!("fail {address}")),
            rule: self.allowance.lockout,
            pace: Pace::a_minute(self.allowance.failures_per_minute),
        };
        for _ in 0..LOOKS {
            let now = self.clock.now();
            if let Some(left) = self.here().locked_for(&guess.account, now) {
                return Err(Limited::TooMany(TooMany::Account(left)));
            }
            match self.store.begin_guess(&guess, now).await.map_err(AuthError::from)? {
                Begun::Yes => {
                    return Ok(Attempt { limits: self, guess, address, open: true, _place: place });
                }
                Begun::Address(ms) => return Err(Limited::TooMany(TooMany::Address(ms))),
                Begun::Account(NotNow::Locked(ms)) => {
                    self.here().lock(&guess.account, ms, now);
                    return Err(Limited::TooMany(TooMany::Account(ms)));
                }
                Begun::Account(NotNow::Wait) => {
                    let _ = tokio::time::timeout(LOOK_AGAIN, self.finished.notified()).await;
                }
            }
        }
        Err(AuthError::Overloaded.into())
    }

    /// The owner has proved herself otherwise: wrong passwords are forgotten.
    pub(crate) async fn unlock(&self, account: &str) -> Result<(), AuthError> {
        self.store.forget_guesses_of(account).await?;
        self.here().locked.remove(account);
        self.finished.notify_waiters();
        Ok(())
    }

    /// A place among those of this node whose password for the account is looked at: of the others
    /// none asks the store.
    async fn place(&self, account: &str) -> Place<'_> {
        loop {
            let finished = self.finished.notified();
            {
                let mut here = self.here();
                let checking = here.checking.entry(account.to_owned()).or_default();
                if *checking < self.allowance.lockout.tries {
                    *checking += 1;
                    return Place { limits: self, account: account.to_owned() };
                }
            }
            finished.await;
        }
    }

    /// The key that is counted; none for this machine in demo mode.
    fn counted(&self, address: Option<IpAddr>) -> Option<String> {
        let free = self.allowance.loopback_is_free;
        match address {
            Some(address) if free && address.to_canonical().is_loopback() => None,
            Some(address) => Some(limit_key(address)),
            // Unknown addresses share one allowance, so that hiding it wins nothing.
            None => Some("unknown".to_owned()),
        }
    }

    fn here(&self) -> MutexGuard<'_, Here> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Auth {
    /// Counts a call that mails `recipient`, for whom there may be no account, against her bucket
    /// and that of the address which asks for it.
    pub(crate) async fn may_mail_to(
        &self,
        recipient: &str,
        address: Option<IpAddr>,
    ) -> Result<(), Limited> {
        self.limits.sign_up(address).await?;
        self.limits.mail(&hash_token(recipient), address).await
    }

    /// Lets the owner of this address try passwords again: she has proved herself otherwise.
    pub(crate) async fn unlock(&self, email: &str) -> Result<(), AuthError> {
        self.limits.unlock(&hash_token(email)).await
    }
}

/// One of the passwords that are looked at on this node.
struct Place<'a> {
    limits: &'a Limits,
    account: String,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut here = self.limits.here();
        if let Some(checking) = here.checking.get_mut(&self.account) {
            *checking -= 1;
            if *checking <= 0 {
                here.checking.remove(&self.account);
            }
        }
        drop(here);
        self.limits.finished.notify_waiters();
    }
}

/// A password that is being looked at. Dropped without an end, it does not count.
pub(crate) struct Attempt<'a> {
    limits: &'a Limits,
    guess: Guess,
    address: Option<String>,
    open: bool,
    _place: Place<'a>,
}

impl Attempt<'_> {
    /// Writes `event`, and `locks` if the account is locked by it, which is the answer.
    pub(crate) async fn failed(
        mut self,
        event: AuthEvent,
        locks: AuthEvent,
    ) -> Result<bool, AuthError> {
        let now = event.at();
        let locked = self.limits.store.guess_failed(&self.guess, event, locks).await?;
        self.open = false;
        if locked {
            let left = self.limits.allowance.lockout.locked_for;
            self.limits.here().lock(&self.guess.account, left, now);
        }
        Ok(locked)
    }

    /// The key under which the store is to be told that the password was right
    /// ([`Store::begin_session`], [`Store::guess_succeeded`]).
    pub(crate) fn succeeded(mut self) -> String {
        self.open = false;
        let now = self.limits.clock.now();
        if let Some(key) = self.address.take() {
            let successes = &mut self.limits.here().successes;
            if successes.len() > SWEPT_OVER {
                successes.sweep(now);
            }
            // Parallel attempts may have taken the last one; the next check sees that.
            let _ = successes.take((key, self.guess.account.clone()), now);
        }
        self.guess.account.clone()
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        // Nobody waits for this: what is not released here is after a while.
        if self.open
            && let Ok(runtime) = Handle::try_current()
        {
            let (store, account) = (Arc::clone(&self.limits.store), self.guess.account.clone());
            runtime.spawn(async move {
                if let Err(error) = store.guess_dropped(&account).await {
                    tracing::debug!(%error, "a password that was not looked at still counts");
                }
            });
        }
    }
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
