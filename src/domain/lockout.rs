//! Guessing one account's password: five wrong ones, then thirty minutes of nothing.

use super::clock::{Millis, SECOND};

/// A password whose check has not ended by now will not: its node is gone.
pub const CHECKED_WITHIN: i64 = 30 * SECOND;

/// What the operator allows those who guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Wrong passwords until an account's password sign-in is refused.
    pub tries: i32,
    /// How long it is refused; also how long a wrong password is remembered. Milliseconds.
    pub locked_for: i64,
}

/// What is known of an account that somebody guesses at, by hashed address, whether it exists or
/// not. Each attempt is begun, then fails, succeeds or is dropped; however many run at once, at
/// most [`Rule::tries`] wrong passwords are looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Guesses {
    pub failures: i32,
    /// Passwords that are being looked at.
    pub checking: i32,
    pub failed_at: Millis,
    pub begun_at: Millis,
}

/// Why a password is not even looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotNow {
    /// For so many milliseconds, whatever the password.
    Locked(i64),
    /// As many are being looked at as might still be wrong: wait for one of them.
    Wait,
}

impl Guesses {
    /// Why no further password is looked at just now, if so.
    pub fn refusal(&self, rule: Rule, now: Millis) -> Option<NotNow> {
        let ends = self.failed_at.plus(rule.locked_for);
        let failures = if ends > now { self.failures } else { 0 };
        let checking = if self.begun_at.plus(CHECKED_WITHIN) > now { self.checking } else { 0 };
        if failures >= rule.tries {
            return Some(NotNow::Locked(ends.since(now)));
        }
        (failures.saturating_add(checking) >= rule.tries).then_some(NotNow::Wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::MINUTE;

    const RULE: Rule = Rule { tries: 5, locked_for: 30 * MINUTE };

    #[test]
    fn the_fifth_wrong_password_locks_for_thirty_minutes() {
        let failed = |failures| Guesses { failures, failed_at: Millis(0), ..Guesses::default() };

        assert_eq!(failed(4).refusal(RULE, Millis(0)), None);
        assert_eq!(failed(5).refusal(RULE, Millis(MINUTE)), Some(NotNow::Locked(29 * MINUTE)));
        assert_eq!(failed(5).refusal(RULE, Millis(30 * MINUTE)), None);
    }

    #[test]
    fn what_is_being_looked_at_may_still_be_wrong_until_its_node_is_given_up() {
        let guesses = Guesses { failures: 2, checking: 3, ..Guesses::default() };

        assert_eq!(guesses.refusal(RULE, Millis(1)), Some(NotNow::Wait));
        assert_eq!(guesses.refusal(RULE, Millis(CHECKED_WITHIN)), None);
    }
}
