//! Guessing one account's password: five wrong ones, then thirty minutes of nothing.

use std::collections::HashMap;

use super::clock::{MINUTE, Millis};

/// Wrong passwords until an account's password sign-in is refused.
pub const TRIES: u32 = 5;
/// How long it is refused; also how long a wrong password is remembered.
pub const LOCKED_FOR: i64 = 30 * MINUTE;

#[derive(Debug, Default)]
struct Account {
    failures: u32,
    checking: u32,
    last_failure: Millis,
}

impl Account {
    fn forget_old(&mut self, now: Millis) {
        if now.since(self.last_failure) >= LOCKED_FOR {
            self.failures = 0;
        }
    }
}

/// Why a password is not even looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotNow {
    /// For so many milliseconds, whatever the password.
    Locked(i64),
    /// As many are being looked at as might still be wrong: wait for one of them.
    Wait,
}

/// The accounts that somebody guesses at, by hashed address, whether they exist or not. Each
/// attempt is begun, then fails, succeeds or is dropped; however many run at once, at most
/// [`TRIES`] wrong passwords are looked at.
#[derive(Debug, Default)]
pub struct Lockouts {
    accounts: HashMap<String, Account>,
}

impl Lockouts {
    pub fn begin(&mut self, key: &str, now: Millis) -> Result<(), NotNow> {
        let account = self.accounts.entry(key.to_owned()).or_default();
        account.forget_old(now);
        if account.failures >= TRIES {
            return Err(NotNow::Locked(account.last_failure.plus(LOCKED_FOR).since(now)));
        }
        if account.failures + account.checking >= TRIES {
            return Err(NotNow::Wait);
        }
        account.checking += 1;
        Ok(())
    }

    /// The password was wrong. Says whether this one locks the account.
    pub fn fail(&mut self, key: &str, now: Millis) -> bool {
        let Some(account) = self.accounts.get_mut(key) else { return false };
        account.checking = account.checking.saturating_sub(1);
        account.failures += 1;
        account.last_failure = now;
        account.failures == TRIES
    }

    /// The password was right: what was wrong before is forgotten.
    pub fn succeed(&mut self, key: &str) {
        self.unlock(key);
        self.drop_attempt(key);
    }

    /// The owner has got in otherwise: what was wrong before is forgotten.
    pub fn unlock(&mut self, key: &str) {
        if let Some(account) = self.accounts.get_mut(key) {
            account.failures = 0;
        }
    }

    /// The password was not looked at after all.
    pub fn drop_attempt(&mut self, key: &str) {
        if let Some(account) = self.accounts.get_mut(key) {
            account.checking = account.checking.saturating_sub(1);
            if account.checking == 0 && account.failures == 0 {
                self.accounts.remove(key);
            }
        }
    }

    /// Forgets what has no more effect.
    pub fn sweep(&mut self, now: Millis) {
        self.accounts.retain(|_, account| {
            account.forget_old(now);
            account.checking > 0 || account.failures > 0
        });
    }

    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail_at(lockouts: &mut Lockouts, now: Millis) -> bool {
        lockouts.begin("ada", now).unwrap();
        lockouts.fail("ada", now)
    }

    #[test]
    fn the_fifth_wrong_password_locks_for_thirty_minutes() {
        let mut lockouts = Lockouts::default();
        let locks = (0..5).map(|minute| fail_at(&mut lockouts, Millis(minute * MINUTE)));
        assert_eq!(locks.collect::<Vec<_>>(), [false, false, false, false, true]);

        assert_eq!(lockouts.begin("ada", Millis(5 * MINUTE)), Err(NotNow::Locked(29 * MINUTE)));
        assert_eq!(lockouts.begin("bob", Millis(5 * MINUTE)), Ok(()));
        assert_eq!(lockouts.begin("ada", Millis(34 * MINUTE)), Ok(()));
    }

    #[test]
    fn the_right_password_in_between_starts_afresh() {
        let mut lockouts = Lockouts::default();
        for _ in 0..4 {
            fail_at(&mut lockouts, Millis(0));
        }
        lockouts.begin("ada", Millis(1)).unwrap();
        lockouts.succeed("ada");

        assert!(lockouts.is_empty());
        for _ in 0..4 {
            fail_at(&mut lockouts, Millis(2));
        }
        assert_eq!(lockouts.begin("ada", Millis(3)), Ok(()));
    }

    /// Attack A8: fifty guesses at once.
    #[test]
    fn of_many_attempts_at_once_at_most_five_are_looked_at() {
        let mut lockouts = Lockouts::default();
        let begun = (0..50).filter(|_| lockouts.begin("ada", Millis(0)).is_ok()).count();

        assert_eq!(begun, 5);
        assert_eq!(lockouts.begin("ada", Millis(0)), Err(NotNow::Wait));
        for _ in 0..5 {
            lockouts.fail("ada", Millis(0));
        }
        assert!(matches!(lockouts.begin("ada", Millis(0)), Err(NotNow::Locked(_))));
    }

    #[test]
    fn what_has_no_effect_is_forgotten() {
        let mut lockouts = Lockouts::default();
        fail_at(&mut lockouts, Millis(0));
        lockouts.sweep(Millis(LOCKED_FOR - 1));
        assert_eq!(lockouts.len(), 1);
        lockouts.sweep(Millis(LOCKED_FOR));
        assert!(lockouts.is_empty());
    }
}
