//! The only source of "now". `clippy.toml` forbids every other.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// Milliseconds since the Unix epoch. Stored as `BIGINT` in every database.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    #[must_use]
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// How long ago `earlier` was, in milliseconds; negative if it is still to come.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// RFC 3339 in UTC with milliseconds, as every JSON answer writes times.
    pub fn to_rfc3339(self) -> String {
        let (days, in_day) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        let (year, month, day) = civil_from_days(days);
        let (hour, minute) = (in_day / HOUR, in_day % HOUR / MINUTE);
        let (second, ms) = (in_day % MINUTE / SECOND, in_day % SECOND);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }
}

impl Millis {
    /// A moment as people and programs write it: milliseconds since the epoch, an RFC 3339 time in
    /// UTC (its fraction at most milliseconds), or a date alone, which is its first moment in UTC.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(ms) = text.parse() {
            return Some(Self(ms));
        }
        let (date, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, "00:00:00Z"));
        let time = time.strip_suffix(['Z', 'z'])?;
        let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let [year, month, day] = numbers(date, '-')?;
        let [hour, minute, second] = numbers(time, ':')?;
        let ms: i64 = match fraction.len() {
            1..=3 => format!("{fraction:0<3}").parse().ok()?,
            _ => return None,
        };
        let days = days_from_civil(year, month, day);
        let real = civil_from_days(days) == (year, month, day);
        let timely = hour < 24 && minute < 60 && second < 60;
        (real && timely)
            .then(|| Self(days * DAY + hour * HOUR + minute * MINUTE + second * SECOND + ms))
    }
}

/// Three numbers of at most four digits.
fn numbers(text: &str, between: char) -> Option<[i64; 3]> {
    let parts: Vec<i64> = text
        .split(between)
        .map(|part| {
            let digits = (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            if digits { part.parse().ok() } else { None }
        })
        .collect::<Option<_>>()?;
    parts.try_into().ok()
}

/// The inverse of [`civil_from_days`], by the same author.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * 146_097 + of_era - 719_468
}

/// Days since 1970-01-01 to a date of the proleptic Gregorian calendar.
/// The algorithm is Howard Hinnant's `civil_from_days`.
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

pub trait Clock: Send + Sync {
    fn now(&self) -> Millis;
}

pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A clock that tests move by hand.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn at(now: Millis) -> Self {
        Self(AtomicI64::new(now.0))
    }

    pub fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_utc_with_milliseconds() {
        assert_eq!(Millis(0).to_rfc3339(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Millis(951_782_400_007).to_rfc3339(), "2000-02-29T00:00:00.007Z");
        assert_eq!(Millis(1_795_399_199_999).to_rfc3339(), "2026-11-23T01:59:59.999Z");
    }

    #[test]
    fn a_written_time_is_read_back_and_nonsense_is_not() {
        for ms in [0, 951_782_400_007, 1_795_399_199_999, -1] {
            assert_eq!(Millis::parse(&Millis(ms).to_rfc3339()), Some(Millis(ms)));
            assert_eq!(Millis::parse(&ms.to_string()), Some(Millis(ms)));
        }
        assert_eq!(Millis::parse("1970-01-02"), Some(Millis(DAY)));
        assert_eq!(Millis::parse("1970-01-01T00:00:01Z"), Some(Millis(SECOND)));
        for nonsense in
            ["", "x", "2026-02-30", "2026-13-01", "2026-01-01T24:00:00Z", "2026-01-01T00:00", "-"]
        {
            assert_eq!(Millis::parse(nonsense), None, "{nonsense}");
        }
    }
}
