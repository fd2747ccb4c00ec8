//! What a client does after its socket was closed: the range of the close code says it
//! (`live.md` §2.5).

use std::time::Duration;

use crate::domain::ids::Ids;

/// What to do about a closed socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Show the reason and give up.
    Stop,
    /// Get a new token, then come back.
    Renew,
    /// Come back after a pause that grows.
    BackOff,
    /// Come back at once and resume.
    AtOnce,
}

/// `None` is a socket that broke without a Close frame.
pub(crate) const fn advice(code: Option<u16>) -> Advice {
    match code {
        Some(4000..=4099) => Advice::Stop,
        Some(4100..=4199) => Advice::Renew,
        Some(4300..=4399) => Advice::AtOnce,
        _ => Advice::BackOff,
    }
}

/// How long to wait before the attempt `attempt` (from 1): full jitter, so that the clients of a
/// restarted server do not come back all at once.
pub(crate) fn pause(advice: Advice, attempt: u32, ids: &dyn Ids) -> Duration {
    let longest = match advice {
        Advice::Stop => return Duration::ZERO,
        Advice::AtOnce if attempt <= 1 => 500,
        Advice::Renew if attempt <= 1 => 0,
        _ => 1_000_u64 << attempt.saturating_sub(1).min(5),
    };
    let mut random = [0; 8];
    ids.fill(&mut random);
    Duration::from_millis(u64::from_le_bytes(random) % (longest.min(30_000) + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::SeededIds;

    #[test]
    fn the_range_of_the_code_says_what_to_do() {
        assert_eq!(advice(Some(4006)), Advice::Stop);
        assert_eq!(advice(Some(4103)), Advice::Renew);
        assert_eq!(advice(Some(4202)), Advice::BackOff);
        assert_eq!(advice(Some(4300)), Advice::AtOnce);
        assert_eq!(advice(Some(1001)), Advice::BackOff);
        assert_eq!(advice(None), Advice::BackOff);
    }

    #[test]
    fn pauses_grow_to_thirty_seconds_and_are_spread() {
        let ids = SeededIds::new(3);
        let longest = |advice, attempt| {
            (0..200).map(|_| pause(advice, attempt, &ids)).max().unwrap_or_default().as_millis()
        };

        assert!((300..=500).contains(&longest(Advice::AtOnce, 1)));
        assert_eq!(longest(Advice::Renew, 1), 0);
        assert!((700..=1_000).contains(&longest(Advice::BackOff, 1)));
        assert!((20_000..=30_000).contains(&longest(Advice::BackOff, 40)));
        assert!((1_400..=2_000).contains(&longest(Advice::AtOnce, 2)));
    }
}
