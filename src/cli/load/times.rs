//! How long things took: a histogram whose buckets are at most 1.6 % wide, so that millions of
//! times take a few kilobytes.

use std::time::Duration;

use serde_json::{Value, json};

/// Up to here, in microseconds, each has a bucket of its own.
const EXACT: u64 = 128;
/// Buckets from a power of two to the next.
const STEPS: u64 = 64;

#[derive(Debug, Default, Clone)]
pub(crate) struct Times {
    /// Only as many as are in use.
    buckets: Vec<u64>,
    count: u64,
    longest: Duration,
}

impl Times {
    pub(crate) fn add(&mut self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let at = usize::try_from(bucket(us)).unwrap_or(usize::MAX);
        if at >= self.buckets.len() {
            self.buckets.resize(at + 1, 0);
        }
        if let Some(count) = self.buckets.get_mut(at) {
            *count += 1;
        }
        self.count += 1;
        self.longest = self.longest.max(time);
    }

    pub(crate) fn add_any(&mut self, time: Option<Duration>) {
        if let Some(time) = time {
            self.add(time);
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        if other.buckets.len() > self.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.longest = self.longest.max(other.longest);
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// The time that `percent` of all stay within; the longest is exact.
    pub(crate) fn percentile(&self, percent: u64) -> Duration {
        let rank = (self.count * percent).div_ceil(100).max(1);
        let mut passed = 0;
        for (at, count) in (0..).zip(&self.buckets) {
            passed += count;
            if passed >= rank {
                return Duration::from_micros(last_of(at)).min(self.longest);
            }
        }
        self.longest
    }

    /// For the report, in milliseconds.
    pub(crate) fn to_json(&self) -> Value {
        let ms = |time: Duration| milliseconds(time);
        json!({
            "count": self.count,
            "p50": ms(self.percentile(50)),
            "p90": ms(self.percentile(90)),
            "p99": ms(self.percentile(99)),
            "max": ms(self.longest),
        })
    }

    /// For people.
    pub(crate) fn in_words(&self) -> String {
        if self.count == 0 {
            return "none".to_owned();
        }
        let [p50, p90, p99] = [50, 90, 99].map(|percent| milliseconds(self.percentile(percent)));
        let longest = milliseconds(self.longest);
        format!("p50 {p50} ms, p90 {p90}, p99 {p99}, max {longest} ({} of them)", self.count)
    }
}

/// With one digit behind the point.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

fn bucket(us: u64) -> u64 {
    if us < EXACT {
        return us;
    }
    let top = u64::from(us.ilog2());
    let step = (us >> (top - 6)) - STEPS;
    EXACT + (top - 7) * STEPS + step
}

/// The longest time of a bucket, in microseconds.
const fn last_of(bucket: u64) -> u64 {
    if bucket < EXACT {
        return bucket;
    }
    let (doublings, step) = ((bucket - EXACT) / STEPS, (bucket - EXACT) % STEPS);
    ((STEPS + step + 1) << (doublings + 1)) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(list: impl IntoIterator<Item = u64>) -> Times {
        let mut times = Times::default();
        list.into_iter().for_each(|us| times.add(Duration::from_micros(us)));
        times
    }

    proptest! {
        #[test]
        fn a_percentile_is_at_most_a_bucket_above_the_true_one(
            mut list in proptest::collection::vec(0_u64..100_000_000, 1..300), percent in 1_u64..=100
        ) {
            let told = u64::try_from(times(list.clone()).percentile(percent).as_micros()).unwrap();

            list.sort_unstable();
            let rank = (list.len() * usize::try_from(percent).unwrap()).div_ceil(100);
            let truth = list[rank.max(1) - 1];
            prop_assert!(told >= truth && told <= truth + truth / 64, "{told} for {truth}");
        }

        #[test]
        fn buckets_follow_each_other_without_a_gap(us in 0_u64..1 << 40) {
            let at = bucket(us);
            prop_assert!(us <= last_of(at));
            prop_assert!(at == 0 || us > last_of(at - 1));
        }
    }

    #[test]
    fn figures_of_two_are_those_of_all() {
        let (few, many) = (times(1..=10), times(500..=990));
        let mut both = few.clone();
        both.merge(&many);

        let all = times((1..=10).chain(500..=990));
        assert_eq!(both.to_json(), all.to_json());
        assert_eq!(both.count(), 501);
    }

    #[test]
    fn of_one_time_every_percentile_is_that_time() {
        let one = times([12_345]);
        assert_eq!(one.percentile(50), Duration::from_micros(12_345));
        assert_eq!(one.percentile(99), Duration::from_micros(12_345));
        assert_eq!(Times::default().percentile(99), Duration::ZERO);
    }
}
