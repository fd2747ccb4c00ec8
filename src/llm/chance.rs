//! Repeatable chance: the same seed and slot give the same number on every node, so that an answer
//! can be made again word for word after its server died.

/// A well-mixed number for one `slot` of an answer (the finaliser of `SplitMix64`).
pub(crate) const fn mix(seed: u64, slot: u64) -> u64 {
    let mut z = seed.wrapping_add(slot.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One of `choices`; `None` only if there is none.
pub(crate) fn pick<T>(choices: &[T], seed: u64, slot: u64) -> Option<&T> {
    let count = u64::try_from(choices.len()).ok().filter(|count| *count > 0)?;
    choices.get(usize::try_from(mix(seed, slot) % count).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_picks_the_same_and_seeds_differ() {
        let choices = [0, 1, 2, 3, 4, 5, 6, 7];
        let picks = |seed| (0..8).map(|slot| pick(&choices, seed, slot)).collect::<Vec<_>>();

        assert_eq!(picks(1), picks(1));
        assert_ne!(picks(1), picks(2));
        assert_eq!(pick::<u8>(&[], 1, 1), None);
    }
}
