//! How a client that has part of a thread gets the rest (`live.md` §2.1).

use super::{
    ids::Epoch,
    live::{frame::Mode, limits},
};

/// What the server has: the log's epoch, its newest seq, and the oldest seq that can be replayed
/// from the log at hand (`None`: no log at hand, only the store). `behind`: the log is lost or cannot
/// be reached, and the store may not have all of it yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Have {
    pub epoch: Epoch,
    pub seq: i64,
    pub oldest: Option<i64>,
    pub behind: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub mode: Mode,
    pub reason: Option<&'static str>,
}

/// Decides how to go on from `epoch` and `seq`, which the client claims to have.
pub fn plan(have: &Have, epoch: Option<&Epoch>, seq: Option<i64>) -> Plan {
    let plain = |mode| Plan { mode, reason: None };
    let reset = |reason| Plan { mode: Mode::Reset, reason: Some(reason) };
    let (Some(epoch), Some(seq)) = (epoch, seq) else { return plain(Mode::Snapshot) };
    if *epoch != have.epoch {
        return reset("epoch");
    }
    if seq > have.seq && have.behind {
        // It had more from the log before that went away. The store catches up.
        return plain(Mode::Current);
    }
    if seq > have.seq || seq < 0 {
        return reset("ahead");
    }
    if seq == have.seq {
        return plain(Mode::Current);
    }
    match have.oldest {
        Some(oldest) if oldest <= seq + 1 && have.seq - seq <= limits::REPLAY => {
            plain(Mode::Replay)
        }
        Some(oldest) if oldest <= seq + 1 => plain(Mode::Snapshot),
        _ => reset("trimmed"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn have(seq: i64, oldest: Option<i64>) -> Have {
        Have { epoch: Epoch::new("e"), seq, oldest, behind: false }
    }

    fn mode(have: &Have, epoch: &str, seq: i64) -> (Mode, Option<&'static str>) {
        let Plan { mode, reason } = plan(have, Some(&Epoch::new(epoch)), Some(seq));
        (mode, reason)
    }

    #[test]
    fn each_gap_has_its_way() {
        assert_eq!(mode(&have(10, Some(1)), "e", 10), (Mode::Current, None));
        assert_eq!(mode(&have(10, None), "e", 10), (Mode::Current, None));
        assert_eq!(mode(&have(266, Some(1)), "e", 10), (Mode::Replay, None));
        assert_eq!(mode(&have(267, Some(1)), "e", 10), (Mode::Snapshot, None));
        assert_eq!(mode(&have(20, Some(12)), "e", 10), (Mode::Reset, Some("trimmed")));
        assert_eq!(mode(&have(20, Some(11)), "e", 10), (Mode::Replay, None));
        assert_eq!(mode(&have(20, None), "e", 10), (Mode::Reset, Some("trimmed")));
        assert_eq!(mode(&have(10, Some(1)), "old", 10), (Mode::Reset, Some("epoch")));
        assert_eq!(mode(&have(10, Some(1)), "e", 11), (Mode::Reset, Some("ahead")));
        let store_alone = Have { behind: true, ..have(10, None) };
        assert_eq!(mode(&store_alone, "e", 11), (Mode::Current, None), "the store catches up");
        assert_eq!(plan(&have(10, Some(1)), None, Some(3)).mode, Mode::Snapshot);
        assert_eq!(plan(&have(10, Some(1)), Some(&Epoch::new("e")), None).mode, Mode::Snapshot);
    }

    proptest! {
        #[test]
        fn a_replay_never_has_a_gap(seq in 0_i64..600, oldest in 1_i64..600, client in -5_i64..700) {
            let have = have(seq, Some(oldest));
            if plan(&have, Some(&Epoch::new("e")), Some(client)).mode == Mode::Replay {
                prop_assert!(oldest <= client + 1 && client < seq);
            }
        }
    }
}
