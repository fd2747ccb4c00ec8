//! The ownership of turns as a model, searched exhaustively within bounds (`turns.md`, How it is
//! tested). `holds.rs` says under which faults the invariants hold, `breaks.rs` that each rule is
//! needed: without it a trace leads to the named invariant's violation.
//!
//! **Modelled**: the store (`world.rs`: fences, lease, epoch, checkpoints, end), the log in Redis and
//! the ring of each owner (`log.rs`), the owners from the claim to the end (`owner.rs`), a session
//! that reads for its client (`reader.rs`), and the faults (`steps.rs`). Each function names the one
//! of the real code that it stands for. Between two steps of an owner the others may do anything,
//! and an owner need not take its next step: that is a pause of any length, with old beliefs when it
//! goes on. A lease may be over while its owner lives: a false takeover must be harmless.
//!
//! **Seen** is not only what one reader has: whatever can be read at an epoch and seq, from the log,
//! an owner's ring or the checkpoints, is kept, and must be the same for ever (I3). Readings that
//! one await splits into two queries are one step here (`snapshot.rs`, `load`; `reading.rs`,
//! `stored`), as is a view of the log with the query for the checkpoint after it.
//!
//! **Every run ends**: faults are counted down, and no other step comes back to where the world was.
//! So a state from which nothing changes any more is the end of a run, and the client must have the
//! turn's end there (I4).
//!
//! **Left out**: `message` and `turn` events but `restarted` (an answer to a question that stands
//! already has none before its first word), cancels (I9), drains, attempts and their limit, trimming,
//! a database that is away for more than the answer to one call, a ring that outlives its owner's
//! turn, a log that is torn within, wakes (a reader may look at any time). Nodes are alike and kept
//! sorted, so that those that only differ in their place are one.

mod breaks;
mod holds;
mod log;
mod owner;
mod reader;
mod steps;
mod world;

use std::collections::BTreeSet;

use stateright::{Checker, HasDiscoveries, Model, Property};

use steps::Step;
use world::{Faults, Flaw, Rule, World};

/// The protocol within bounds.
#[derive(Debug, Clone)]
struct Protocol {
    nodes: usize,
    turns: u8,
    /// Deltas of an answer.
    pieces: u8,
    /// Each owner says it in its own words, as models do; the passage guide does not.
    words_differ: bool,
    /// A next owner begins the answer anew and says so; else it goes on from the prefix.
    restarts: bool,
    faults: Faults,
    broken: &'static [Rule],
}

impl Protocol {
    fn with(faults: Faults) -> Self {
        let (nodes, turns, pieces) = (2, 1, 2);
        Self { nodes, turns, pieces, words_differ: true, restarts: false, faults, broken: &[] }
    }

    fn without(self, broken: &'static [Rule]) -> Self {
        Self { broken, ..self }
    }

    fn lacks(&self, rule: Rule) -> bool {
        self.broken.contains(&rule)
    }

    /// Nothing more can happen, and yet the client lacks the end.
    fn is_stuck(&self, world: &World) -> bool {
        world.flaw.is_none()
            && !reader::has_all(world, self.turns)
            && self.steps(world).into_iter().all(|step| self.after(world, step).is_none())
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.nodes, self.faults)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        // What follows a violation says nothing.
        if world.flaw.is_none() {
            *steps = self.steps(world);
        }
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        self.after(world, step)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        macro_rules! never {
            ($flaw:ident) => {
                Property::always(Flaw::$flaw.invariant(), |_, world: &World| {
                    world.flaw != Some(Flaw::$flaw)
                })
            };
        }
        vec![
            never!(Unsafe),
            never!(Gap),
            never!(Differ),
            never!(TwoEnds),
            never!(WrongText),
            never!(NotWhole),
            never!(FenceFell),
            never!(Rewound),
            never!(SeqFell),
            Property::always(Flaw::NoEnd.invariant(), |protocol: &Self, world: &World| {
                !protocol.is_stuck(world)
            }),
        ]
    }
}

/// Searches all runs. Each violated invariant with the steps that lead there.
fn violations(protocol: &Protocol, until: HasDiscoveries) -> Vec<(&'static str, Vec<String>)> {
    let checker = protocol.clone().checker().threads(2).finish_when(until).spawn_bfs().join();
    let mut found: Vec<_> = checker
        .discoveries()
        .into_iter()
        .map(|(invariant, path)| {
            let steps = path.into_vec().into_iter();
            let told = steps.filter_map(|(world, step)| step.map(|step| step.told(&world)));
            (invariant, told.collect())
        })
        .collect();
    found.sort();
    found
}

fn assert_holds(protocol: &Protocol) {
    let found = violations(protocol, HasDiscoveries::AnyFailures);
    assert!(found.is_empty(), "{protocol:?}: {found:#?}");
}

/// Gives the steps to the violation.
fn assert_breaks(protocol: &Protocol, flaw: Flaw) -> Vec<String> {
    let wanted = BTreeSet::from([flaw.invariant()]);
    let found = violations(protocol, HasDiscoveries::AnyOf(wanted));
    let trace = found.iter().find(|(invariant, _)| *invariant == flaw.invariant());
    let Some((_, trace)) = trace else {
        panic!("{flaw:?} should be found: {protocol:?}, but there is {found:#?}")
    };
    trace.clone()
}
