//! How many messages a student may still send: a rolling window of 24 hours, as arithmetic. The
//! units themselves are rows, counted in the transaction that accepts a message.

use serde::Serialize;

use super::clock::{DAY, Millis};

pub const WINDOW: i64 = DAY;

/// What the learner is shown. All three are null for those without a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Quota {
    pub limit: Option<i64>,
    pub remaining: Option<i64>,
    /// When the oldest unit leaves the window; null if none is used.
    pub resets_at: Option<String>,
}

impl Quota {
    pub const UNLIMITED: Self = Self { limit: None, remaining: None, resets_at: None };

    /// From the number of units used within the window and the time of the oldest.
    pub fn of(limit: Option<i64>, used: i64, oldest: Option<Millis>) -> Self {
        let Some(limit) = limit else { return Self::UNLIMITED };
        Self {
            limit: Some(limit),
            remaining: Some((limit - used).max(0)),
            resets_at: oldest.map(|oldest| oldest.plus(WINDOW).to_rfc3339()),
        }
    }
}

/// Whether one more fits.
pub const fn admits(limit: Option<i64>, used: i64) -> bool {
    match limit {
        Some(limit) => used < limit,
        None => true,
    }
}

/// Units used before this time count no more.
pub const fn window_start(now: Millis) -> Millis {
    now.plus(-WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_message_is_free_when_the_oldest_unit_is_a_day_old() {
        let quota = Quota::of(Some(20), 20, Some(Millis(0)));

        assert_eq!(quota.remaining, Some(0));
        assert_eq!(quota.resets_at.as_deref(), Some("1970-01-02T00:00:00.000Z"));
        assert!(!admits(Some(20), 20));
        assert!(admits(Some(20), 19));
    }

    #[test]
    fn staff_have_no_limit() {
        assert_eq!(Quota::of(None, 500, Some(Millis(0))), Quota::UNLIMITED);
        assert!(admits(None, 500));
    }
}
