//! Stages: a course opens step by step, and nothing of a locked stage reaches a learner.

use serde::{Deserialize, Serialize};

/// The number of a stage within its course, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stage(u8);

/// A course has at most this many stages; allowed stages then fit a bit set.
pub const MAX_STAGES: u8 = 64;

impl Stage {
    pub const FIRST: Self = Self(1);

    /// `None` outside 1 to [`MAX_STAGES`].
    pub fn new(number: i32) -> Option<Self> {
        u8::try_from(number).ok().filter(|n| (1..=MAX_STAGES).contains(n)).map(Self)
    }

    pub const fn number(self) -> u8 {
        self.0
    }

    pub fn next(self) -> Option<Self> {
        Self::new(i32::from(self.0) + 1)
    }
}

/// The stages of one course that a reader may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowed(u64);

impl Allowed {
    pub const NONE: Self = Self(0);
    /// What staff see.
    pub const ALL: Self = Self(u64::MAX);

    /// Every stage up to and including `last`.
    pub fn up_to(last: Stage) -> Self {
        Self(u64::MAX >> (u32::from(MAX_STAGES) - u32::from(last.0)))
    }

    pub const fn contains(self, stage: Stage) -> bool {
        self.0 & (1 << (stage.0 - 1)) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_learner_sees_the_stages_up_to_the_unlocked_one() {
        let allowed = Allowed::up_to(Stage::new(2).unwrap());

        assert!(allowed.contains(Stage::FIRST));
        assert!(allowed.contains(Stage::new(2).unwrap()));
        assert!(!allowed.contains(Stage::new(3).unwrap()));
        assert!(Allowed::up_to(Stage::new(64).unwrap()).contains(Stage::new(64).unwrap()));
        assert!(!Allowed::NONE.contains(Stage::FIRST));
    }

    #[test]
    fn a_stage_is_between_1_and_64() {
        assert_eq!(Stage::new(0), None);
        assert_eq!(Stage::new(65), None);
        assert_eq!(Stage::new(64).and_then(Stage::next), None);
    }
}
