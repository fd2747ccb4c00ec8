//! Every socket is an open file: the limit of this process is raised as far as the system allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Failure, progress};

/// Files that the program has open beside its sockets.
const OTHERS: u64 = 64;

/// Makes room for so many sockets.
pub(crate) fn make_room(sockets: usize) -> Result<(), Failure> {
    let needed = u64::try_from(sockets).unwrap_or(u64::MAX).saturating_add(OTHERS);
    match plan(getrlimit(Resource::Nofile), needed) {
        Room::Enough => Ok(()),
        Room::Raise(limit) => {
            setrlimit(Resource::Nofile, limit)?;
            progress(&format!("raised the limit of open files to {needed} (RLIMIT_NOFILE)"));
            Ok(())
        }
        Room::TooSmall(hard) => Err(Failure::new(format!(
            "{sockets} sockets need {needed} open files; this system allows {hard} (ulimit -Hn)"
        ))),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Room {
    Enough,
    Raise(Rlimit),
    TooSmall(u64),
}

/// `None` in a limit is none at all.
fn plan(now: Rlimit, needed: u64) -> Room {
    match (now.current, now.maximum) {
        (None, _) => Room::Enough,
        (Some(soft), _) if soft >= needed => Room::Enough,
        (_, Some(hard)) if hard < needed => Room::TooSmall(hard),
        (_, maximum) => Room::Raise(Rlimit { current: Some(needed), maximum }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_only_when_it_is_too_low_and_may_be() {
        let limit = |current, maximum| Rlimit { current, maximum };

        assert_eq!(plan(limit(Some(1_024), Some(4_096)), 1_000), Room::Enough);
        assert_eq!(plan(limit(None, None), 1_000_000), Room::Enough);
        let raised = limit(Some(4_000), Some(4_096));
        assert_eq!(plan(limit(Some(1_024), Some(4_096)), 4_000), Room::Raise(raised));
        assert_eq!(plan(limit(Some(1_024), Some(4_096)), 5_000), Room::TooSmall(4_096));
    }
}
