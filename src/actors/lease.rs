//! Whether this node may judge others by their leases.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::{domain::clock::Millis, store::nodes::LEASE};

/// A node that has not renewed for so long, in milliseconds, was away, or the store was.
const GAP: i64 = 4_000;
const NEVER: i64 = i64::MIN;

/// This node's own renewals. When the store was away, every lease is over and nobody is dead; when
/// this process was stopped, what it knows of others is old. After either, the others get the time
/// of a lease to renew theirs before their turns are taken over.
#[derive(Debug)]
pub(crate) struct Lease {
    renewed_at: AtomicI64,
    patient_until: AtomicI64,
}

impl Default for Lease {
    fn default() -> Self {
        Self { renewed_at: AtomicI64::new(NEVER), patient_until: AtomicI64::new(NEVER) }
    }
}

impl Lease {
    pub(super) fn renewed(&self, now: Millis) {
        let before = self.renewed_at.swap(now.0, Ordering::Relaxed);
        if before != NEVER && now.0 - before > GAP {
            self.patient_until.store(now.0 + LEASE, Ordering::Relaxed);
        }
    }

    /// Whether another node whose lease is over is dead.
    pub(super) fn may_judge(&self, now: Millis) -> bool {
        let renewed_at = self.renewed_at.load(Ordering::Relaxed);
        renewed_at != NEVER
            && now.0 - renewed_at <= GAP
            && now.0 >= self.patient_until.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_was_away_gives_the_others_the_time_of_a_lease() {
        let lease = Lease::default();
        assert!(!lease.may_judge(Millis(0)), "it has not renewed yet");
        lease.renewed(Millis(0));
        assert!(lease.may_judge(Millis(GAP)));
        lease.renewed(Millis(2_000));
        assert!(!lease.may_judge(Millis(2_001 + GAP)), "it may be the one that is away");

        lease.renewed(Millis(10_000));
        assert!(!lease.may_judge(Millis(10_000)));
        for beat in 1..3 {
            lease.renewed(Millis(10_000 + 2_000 * beat));
        }
        assert!(!lease.may_judge(Millis(9_999 + LEASE)));
        assert!(lease.may_judge(Millis(10_000 + LEASE)));
    }
}
