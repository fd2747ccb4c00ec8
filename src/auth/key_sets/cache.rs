//! When somebody's keys are asked for, and which answer holds meanwhile: rules alone. Time comes
//! in by argument, the fetching is somebody else's.

use crate::domain::clock::{MINUTE, Millis, SECOND};

/// Keys are asked for anew after this time.
const FRESH: i64 = 5 * MINUTE;
/// After a failure they are asked for again so much later.
const AGAIN: i64 = 5 * SECOND;
/// An unknown key's name makes us ask at most this often: names cost an attacker nothing.
const UNKNOWN: i64 = MINUTE;

/// What a look for a key finds.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::auth) enum Look<T> {
    Found(T),
    /// The issuer has no such key, as far as we may ask.
    Unknown,
    /// The issuer is being asked, or is to be: look again after the next [`Cache::finish`].
    Wait,
    /// Nobody can say: the last try failed.
    Away,
}

/// What is worth a line in the log: the change, not each failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::auth) enum News {
    Lost,
    Back,
}

/// The last good keys, and when to ask for others.
#[derive(Debug)]
pub(in crate::auth) struct Cache<K> {
    keys: Option<K>,
    /// When the last try began, and whether the last that ended failed.
    tried_at: Option<Millis>,
    failing: bool,
    in_flight: bool,
    /// When an unknown name last made us ask, and whether that is still to be done.
    asked_at: Option<Millis>,
    asked: bool,
}

impl<K> Default for Cache<K> {
    fn default() -> Self {
        Self {
            keys: None,
            tried_at: None,
            failing: false,
            in_flight: false,
            asked_at: None,
            asked: false,
        }
    }
}

impl<K> Cache<K> {
    /// Looks for a key with `find`, and takes note if the issuer should be asked.
    pub(in crate::auth) fn look<T>(
        &mut self,
        now: Millis,
        find: impl FnOnce(&K) -> Option<T>,
    ) -> Look<T> {
        let Some(keys) = &self.keys else {
            return if self.failing { Look::Away } else { Look::Wait };
        };
        if let Some(found) = find(keys) {
            return Look::Found(found);
        }
        if self.in_flight || self.asked {
            return Look::Wait;
        }
        if self.asked_at.is_some_and(|at| now.since(at) < UNKNOWN) {
            return if self.failing { Look::Away } else { Look::Unknown };
        }
        (self.asked_at, self.asked) = (Some(now), true);
        Look::Wait
    }

    /// Whether the issuer is to be asked now. There is one at a time who asks, so a try that has
    /// begun and not ended has broken off.
    pub(in crate::auth) fn is_due(&self, now: Millis) -> bool {
        let pause = if self.failing { AGAIN } else { FRESH };
        self.asked
            || self.in_flight
            || self.tried_at.is_none_or(|at| now.since(at) >= pause || now.since(at) < 0)
    }

    /// A try begins.
    pub(in crate::auth) fn begin(&mut self, now: Millis) {
        (self.tried_at, self.in_flight, self.asked) = (Some(now), true, false);
    }

    /// A try has ended. Without keys the old ones hold.
    pub(in crate::auth) fn finish(&mut self, keys: Option<K>) -> Option<News> {
        self.in_flight = false;
        let failed = keys.is_none();
        self.keys = keys.or_else(|| self.keys.take());
        match (std::mem::replace(&mut self.failing, failed), failed) {
            (false, true) => Some(News::Lost),
            (true, false) => Some(News::Back),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::{Clock, HOUR, ManualClock};

    type Names = Vec<&'static str>;

    struct Bench {
        cache: Cache<Names>,
        clock: ManualClock,
    }

    impl Bench {
        fn new() -> Self {
            Self { cache: Cache::default(), clock: ManualClock::at(Millis(1_000_000)) }
        }

        fn with(names: Names) -> Self {
            let mut bench = Self::new();
            bench.fetch(Some(names));
            bench
        }

        fn fetch(&mut self, names: Option<Names>) -> Option<News> {
            assert!(self.cache.is_due(self.clock.now()));
            self.cache.begin(self.clock.now());
            self.cache.finish(names)
        }

        fn look(&mut self, name: &'static str) -> Look<&'static str> {
            self.cache
                .look(self.clock.now(), |names| names.iter().copied().find(|known| *known == name))
        }

        fn is_due(&self) -> bool {
            self.cache.is_due(self.clock.now())
        }
    }

    #[test]
    fn keys_are_asked_for_at_once_and_then_every_five_minutes() {
        let mut bench = Bench::new();
        assert_eq!(bench.look("a"), Look::Wait);
        bench.fetch(Some(vec!["a"]));

        assert_eq!(bench.look("a"), Look::Found("a"));
        bench.clock.advance(FRESH - 1);
        assert!(!bench.is_due());
        bench.clock.advance(1);
        assert!(bench.is_due());
        assert_eq!(bench.look("a"), Look::Found("a"), "nobody waits for the refresh");
    }

    /// Attack D14: a flood of unknown names.
    #[test]
    fn unknown_names_make_us_ask_once_a_minute_and_once_for_all() {
        let mut bench = Bench::with(vec!["a"]);
        assert_eq!(bench.look("b"), Look::Wait);
        assert_eq!(bench.look("c"), Look::Wait, "for the same answer");
        bench.cache.begin(bench.clock.now());
        assert_eq!(bench.look("d"), Look::Wait);
        bench.cache.finish(Some(vec!["a", "b"]));

        assert_eq!(bench.look("b"), Look::Found("b"));
        for _ in 0..100 {
            assert_eq!(bench.look("c"), Look::Unknown);
        }
        bench.clock.advance(UNKNOWN - 1);
        assert_eq!((bench.look("c"), bench.is_due()), (Look::Unknown, false));
        bench.clock.advance(1);
        assert_eq!((bench.look("c"), bench.is_due()), (Look::Wait, true));
    }

    #[test]
    fn the_last_good_keys_hold_for_as_long_as_the_issuer_is_away() {
        let mut bench = Bench::with(vec!["a"]);
        for _ in 0..50 {
            bench.clock.advance(FRESH);
            bench.fetch(None);
            assert_eq!(bench.look("a"), Look::Found("a"));
        }
        assert_eq!(bench.look("new"), Look::Wait);
        bench.fetch(None);
        assert_eq!(bench.look("new"), Look::Away, "it may be good: that cannot be said");
        bench.clock.advance(48 * HOUR);
        assert_eq!(bench.look("a"), Look::Found("a"));
    }

    #[test]
    fn a_failure_is_told_once_and_so_is_its_end() {
        let mut bench = Bench::with(vec!["a"]);
        bench.clock.advance(FRESH);
        assert_eq!(bench.fetch(None), Some(News::Lost));
        for _ in 0..5 {
            bench.clock.advance(AGAIN);
            assert_eq!(bench.fetch(None), None);
        }
        bench.clock.advance(AGAIN);
        assert_eq!(bench.fetch(Some(vec!["b"])), Some(News::Back));
        assert_eq!(bench.look("b"), Look::Found("b"));
    }

    #[test]
    fn without_a_key_ever_nobody_waits_for_long_and_the_next_try_is_soon() {
        let mut bench = Bench::new();
        assert_eq!(bench.fetch(None), Some(News::Lost));

        assert_eq!(bench.look("a"), Look::Away);
        assert!(!bench.is_due(), "not once for each request");
        bench.clock.advance(AGAIN);
        assert!(bench.is_due());
        bench.fetch(Some(vec!["a"]));
        assert_eq!(bench.look("a"), Look::Found("a"));
    }

    #[test]
    fn a_withdrawn_key_is_gone_with_the_next_answer() {
        let mut bench = Bench::with(vec!["a", "b"]);
        bench.clock.advance(FRESH);
        bench.fetch(Some(vec!["b"]));

        assert_eq!(bench.look("a"), Look::Wait, "asked for once, in vain");
        bench.fetch(Some(vec!["b"]));
        assert_eq!(bench.look("a"), Look::Unknown);
    }

    #[test]
    fn a_try_that_broke_off_is_made_again() {
        let mut bench = Bench::with(vec!["a"]);
        bench.clock.advance(FRESH);
        bench.cache.begin(bench.clock.now());
        assert!(bench.is_due());
    }
}
