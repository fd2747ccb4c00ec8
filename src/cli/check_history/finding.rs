//! What was checked and what was found: counts, and the violation that came first in time.

use super::invariant::Invariant;

/// A line of a history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spot {
    /// Number of the file, from 0.
    pub(crate) file: usize,
    /// From 1.
    pub(crate) line: u64,
    pub(crate) client: u32,
    /// Milliseconds since 1970: runs of one machine stand side by side.
    pub(crate) at: f64,
}

#[derive(Debug, Clone)]
pub(crate) struct Violation {
    pub(crate) invariant: Invariant,
    /// In one sentence, what was broken.
    pub(crate) what: String,
    /// The line that shows it.
    pub(crate) spot: Option<Spot>,
    /// Another line that it contradicts.
    pub(crate) against: Option<Spot>,
}

impl Violation {
    /// What has no place in the histories comes last.
    fn at(&self) -> f64 {
        self.spot.map_or(f64::INFINITY, |spot| spot.at)
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) facts: u64,
    pub(crate) broken: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Findings {
    counts: [Count; 18],
    first: Option<Violation>,
}

impl Findings {
    /// One fact more that speaks for or against an invariant.
    pub(crate) fn check(
        &mut self,
        invariant: Invariant,
        holds: bool,
        spot: Spot,
        what: impl FnOnce() -> String,
    ) {
        self.fact(invariant);
        if !holds {
            let (spot, against) = (Some(spot), None);
            self.broken(Violation { invariant, what: what(), spot, against });
        }
    }

    /// The same, where another line says otherwise.
    pub(crate) fn compare(
        &mut self,
        invariant: Invariant,
        holds: bool,
        (spot, against): (Spot, Spot),
        what: impl FnOnce() -> String,
    ) {
        self.fact(invariant);
        if !holds {
            let (spot, against) = (Some(spot), Some(against));
            self.broken(Violation { invariant, what: what(), spot, against });
        }
    }

    /// A fact for which there is no line: the store alone shows it.
    pub(crate) fn check_stored(
        &mut self,
        invariant: Invariant,
        holds: bool,
        spot: Option<Spot>,
        what: impl FnOnce() -> String,
    ) {
        self.fact(invariant);
        if !holds {
            self.broken(Violation { invariant, what: what(), spot, against: None });
        }
    }

    pub(crate) fn fact(&mut self, invariant: Invariant) {
        if let Some(count) = self.counts.get_mut(invariant.index()) {
            count.facts += 1;
        }
    }

    fn broken(&mut self, violation: Violation) {
        if let Some(count) = self.counts.get_mut(violation.invariant.index()) {
            count.broken += 1;
        }
        if self.first.as_ref().is_none_or(|first| violation.at() < first.at()) {
            self.first = Some(violation);
        }
    }

    pub(crate) fn count(&self, invariant: Invariant) -> Count {
        self.counts.get(invariant.index()).copied().unwrap_or_default()
    }

    /// Every invariant that something speaks against.
    #[cfg(test)]
    pub(crate) fn all_broken(&self) -> impl Iterator<Item = Invariant> {
        Invariant::all().filter(|invariant| self.count(*invariant).broken > 0)
    }

    pub(crate) const fn earliest(&self) -> Option<&Violation> {
        self.first.as_ref()
    }
}
