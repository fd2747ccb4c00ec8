//! When a client cuts its own connection: at random, but with one seed always alike.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::ids::{Ids, SeededIds};

/// Between nothing and twice the mean from one cut to the next.
#[derive(Debug)]
pub(crate) struct Cuts {
    mean: Duration,
    chance: SeededIds,
    next: Option<Instant>,
}

impl Cuts {
    /// Each client has cuts of its own.
    pub(crate) fn new(mean: Duration, seed: u64, client: u32) -> Self {
        let seed = seed.wrapping_add(u64::from(client) << 32);
        Self { mean, chance: SeededIds::new(seed), next: None }
    }

    /// When the next one is.
    pub(super) fn next(&mut self) -> Instant {
        let wait = self.next.is_none().then(|| self.wait());
        *self.next.get_or_insert_with(|| Instant::now() + wait.unwrap_or_default())
    }

    /// Whether it is time; then the one behind it is found.
    pub(super) fn is_due(&mut self) -> bool {
        let due = self.next() <= Instant::now();
        if due {
            self.next = None;
        }
        due
    }

    fn wait(&self) -> Duration {
        let mut random = [0; 8];
        self.chance.fill(&mut random);
        let longest = u64::try_from(self.mean.as_millis()).unwrap_or(u64::MAX).saturating_mul(2);
        Duration::from_millis(u64::from_le_bytes(random) % longest.saturating_add(1).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_spread_around_their_mean_and_repeat_with_the_seed() {
        let waits = |seed, client| -> Vec<u128> {
            let cuts = Cuts::new(Duration::from_secs(4), seed, client);
            (0..500).map(|_| cuts.wait().as_millis()).collect()
        };
        let some = waits(7, 1);
        assert_eq!(some, waits(7, 1));
        assert!(some != waits(8, 1) && some != waits(7, 2));
        assert!(some.iter().all(|ms| *ms <= 8_000));
        let mean = some.iter().sum::<u128>() / 500;
        assert!((3_500..4_500).contains(&mean), "{mean}");
    }

    #[test]
    fn a_cut_is_due_once() {
        let mut cuts = Cuts::new(Duration::ZERO, 1, 1);
        assert!(cuts.is_due());
        let mut cuts = Cuts::new(Duration::from_hours(1), 1, 1);
        assert!(!cuts.is_due() && cuts.next() == cuts.next());
    }
}
