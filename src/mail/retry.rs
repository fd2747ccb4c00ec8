//! How long to wait before a mail is tried again.

/// How often a mail is tried, and how far apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience {
    /// Tries at most.
    pub tries: u32,
    /// Milliseconds from the first try to the second, about.
    pub first: i64,
}

/// Each wait is so many times as long as the one before, in tenths.
const GROWTH_TENTHS: i64 = 25;
/// A wait is up to this part longer or shorter, so that what failed at once is not tried at once.
const JITTER_PERCENT: i64 = 20;

impl Patience {
    /// How long to wait after so many tries; none if that was the last. `chance` is any number.
    pub(crate) fn after(self, tries: u32, chance: u16) -> Option<i64> {
        if tries >= self.tries {
            return None;
        }
        let wait = (1..tries).fold(self.first, |wait, _| {
            wait.saturating_mul(GROWTH_TENTHS).checked_div(10).unwrap_or(wait)
        });
        let spread = wait / 100 * JITTER_PERCENT;
        let part = i64::from(chance) * 2 * spread / i64::from(u16::MAX);
        Some((wait - spread + part).max(1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DEFAULT: Patience = Patience { tries: 10, first: 30_000 };

    #[test]
    fn ten_tries_take_about_a_day() {
        let waits: Vec<i64> =
            (1..10).map(|tries| DEFAULT.after(tries, u16::MAX / 2).unwrap()).collect();

        assert!((29_990..=30_010).contains(&waits[0]), "{waits:?}");
        let hours = waits.iter().sum::<i64>() / 3_600_000;
        assert!((20..=24).contains(&hours), "{hours} h");
        assert_eq!(DEFAULT.after(10, 0), None);
    }

    proptest! {
        #[test]
        fn a_wait_is_near_its_middle_and_the_next_is_longer(tries in 1_u32..9, chance: u16) {
            let middle = DEFAULT.after(tries, u16::MAX / 2).unwrap();
            let wait = DEFAULT.after(tries, chance).unwrap();
            prop_assert!((wait - middle).abs() <= middle / 5 + 1);
            prop_assert!(DEFAULT.after(tries + 1, chance).unwrap() > wait);
        }
    }
}
