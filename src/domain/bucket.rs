//! Token buckets, as arithmetic: so many at once, then so many a second.

use std::{collections::HashMap, hash::Hash};

use super::clock::{MINUTE, Millis};

/// `burst` at once, refilled at `per_second`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    pub burst: f64,
    pub per_second: f64,
}

/// `burst` at once, then one each `every` milliseconds: [`Rate`] for a bucket that is kept as one
/// number, the time at which it is full again (so that one statement of SQL can take from it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    pub burst: i64,
    pub every: i64,
}

impl Pace {
    /// So many within a minute.
    pub fn a_minute(times: u32) -> Self {
        let times = i64::from(times.max(1));
        Self { burst: times, every: (MINUTE / times).max(1) }
    }

    /// A bucket that is full later than this has nothing to take.
    pub const fn latest(self, now: Millis) -> Millis {
        now.plus((self.burst - 1).saturating_mul(self.every))
    }

    /// In how many milliseconds there is something to take; 0 for now.
    pub fn wait(self, full_at: Millis, now: Millis) -> i64 {
        full_at.since(self.latest(now)).max(0)
    }
}

/// One allowance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    tokens: f64,
    at: Millis,
}

impl Bucket {
    pub const fn full(rate: Rate, now: Millis) -> Self {
        Self { tokens: rate.burst, at: now }
    }

    /// Takes one token, or says in how many milliseconds there will be one.
    pub fn take(&mut self, rate: Rate, now: Millis) -> Result<(), i64> {
        self.refill(rate, now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(millis((1.0 - self.tokens) / rate.per_second))
    }

    /// Adds what the time since then is worth, beyond the burst if need be: of what arrives now, as
    /// much was sent while nobody listened.
    pub fn excuse(&mut self, rate: Rate, since: Millis, now: Millis) {
        self.refill(rate, now);
        self.tokens += worth(rate, since, now);
    }

    /// Whether it has been left alone long enough to be full again, so that it may be forgotten.
    pub fn is_full(&mut self, rate: Rate, now: Millis) -> bool {
        self.refill(rate, now);
        self.tokens >= rate.burst
    }

    fn refill(&mut self, rate: Rate, now: Millis) {
        if self.tokens < rate.burst {
            self.tokens = (self.tokens + worth(rate, self.at, now)).min(rate.burst);
        }
        self.at = self.at.max(now);
    }
}

fn worth(rate: Rate, since: Millis, now: Millis) -> f64 {
    let elapsed = i32::try_from(now.since(since).max(0)).unwrap_or(i32::MAX);
    f64::from(elapsed) / 1_000.0 * rate.per_second
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "saturates")]
fn millis(seconds: f64) -> i64 {
    (seconds * 1_000.0).ceil() as i64
}

/// A bucket a key. Memory follows activity: full buckets are swept.
#[derive(Debug)]
pub struct Buckets<K> {
    rate: Rate,
    map: HashMap<K, Bucket>,
}

impl<K: Eq + Hash> Buckets<K> {
    pub fn new(rate: Rate) -> Self {
        Self { rate, map: HashMap::new() }
    }

    /// See [`Bucket::take`].
    pub fn take(&mut self, key: K, now: Millis) -> Result<(), i64> {
        let rate = self.rate;
        self.map.entry(key).or_insert_with(|| Bucket::full(rate, now)).take(rate, now)
    }

    /// Whether there is a token to take, without taking it.
    pub fn check(&self, key: &K, now: Millis) -> Result<(), i64> {
        let rate = self.rate;
        self.map.get(key).map_or(Ok(()), |bucket| {
            let mut copy = *bucket;
            copy.take(rate, now)
        })
    }

    pub fn sweep(&mut self, now: Millis) {
        let rate = self.rate;
        self.map.retain(|_, bucket| !bucket.is_full(rate, now));
    }

    pub fn len(&self) -> usize {
        self.map.len()
    }

    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: Rate = Rate { burst: 3.0, per_second: 2.0 };

    #[test]
    fn a_burst_passes_and_then_one_each_half_second() {
        let mut buckets = Buckets::new(RATE);
        for _ in 0..3 {
            assert_eq!(buckets.take("a", Millis(0)), Ok(()));
        }
        assert_eq!(buckets.take("a", Millis(0)), Err(500));
        assert_eq!(buckets.take("b", Millis(0)), Ok(()));
        assert_eq!(buckets.take("a", Millis(500)), Ok(()));
        assert_eq!(buckets.take("a", Millis(500)), Err(500));

        buckets.sweep(Millis(1_000));
        assert_eq!(buckets.len(), 1, "b is full again");
    }

    #[test]
    fn what_was_held_back_passes_once_beyond_the_burst() {
        let mut bucket = Bucket::full(RATE, Millis(0));
        bucket.excuse(RATE, Millis(0), Millis(5_000));
        for _ in 0..13 {
            assert_eq!(bucket.take(RATE, Millis(5_000)), Ok(()));
        }
        assert_eq!(bucket.take(RATE, Millis(5_000)), Err(500));
    }

    #[test]
    fn a_pace_is_a_bucket_in_one_number() {
        let pace = Pace::a_minute(3);
        let mut full_at = Millis(0);
        for _ in 0..3 {
            assert_eq!(pace.wait(full_at, Millis(0)), 0);
            full_at = full_at.plus(pace.every);
        }
        assert_eq!(pace.wait(full_at, Millis(0)), 20_000);
        assert_eq!(pace.wait(full_at, Millis(20_000)), 0);
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_the_rate_allow(gaps in proptest::collection::vec(0_i64..800, 1..100)) {
            let mut bucket = Bucket::full(RATE, Millis(0));
            let (mut now, mut taken) = (0, 0.0);
            for gap in gaps {
                now += gap;
                if bucket.take(RATE, Millis(now)).is_ok() {
                    taken += 1.0;
                }
                let most = RATE.burst + f64::from(i32::try_from(now).unwrap()) / 1_000.0 * RATE.per_second;
                prop_assert!(taken <= most + 1e-6);
            }
        }
    }
}
