//! The faults under which every invariant holds in every run.

use std::collections::HashSet;

use stateright::Model;

use super::{
    Protocol, assert_holds,
    world::{Faults, World},
};

fn holds(faults: Faults) {
    assert_holds(&Protocol::with(faults));
}

#[test]
fn two_turns_in_a_row_end_whole() {
    assert_holds(&Protocol { turns: 2, ..Protocol::with(Faults::default()) });
}

#[test]
fn owners_that_live_may_be_taken_for_dead_twice() {
    let protocol = Protocol::with(Faults { leases: 2, ..Faults::default() });
    assert_holds(&protocol);
    assert_holds(&Protocol { nodes: 3, pieces: 1, ..protocol.clone() });
    assert_holds(&Protocol { restarts: true, ..protocol });
}

#[test]
fn two_owners_may_die_and_redis_forget_everything() {
    holds(Faults { crashes: 2, flushes: 1, readings: 1, ..Faults::default() });
    holds(Faults { crashes: 1, flushes: 2, ..Faults::default() });
}

#[test]
fn redis_may_forget_everything_while_two_believe_that_they_own_the_turn() {
    holds(Faults { leases: 1, flushes: 2, ..Faults::default() });
    assert_holds(&Protocol {
        restarts: true,
        ..Protocol::with(Faults { leases: 1, flushes: 1, ..Faults::default() })
    });
    assert_holds(&Protocol {
        nodes: 3,
        pieces: 1,
        ..Protocol::with(Faults { leases: 2, flushes: 1, ..Faults::default() })
    });
}

#[test]
fn a_node_may_lose_the_log_from_sight_while_another_takes_over() {
    holds(Faults { links: 1, leases: 1, readings: 1, ..Faults::default() });
    holds(Faults { links: 1, crashes: 1, flushes: 1, ..Faults::default() });
}

#[test]
fn answers_of_the_log_and_of_the_store_may_be_lost() {
    holds(Faults {
        appends: 1,
        checkpoints: 1,
        ends: 1,
        crashes: 1,
        readings: 1,
        ..Faults::default()
    });
    holds(Faults { appends: 1, ends: 1, leases: 1, ..Faults::default() });
}

#[test]
fn the_log_may_lose_its_tail_while_its_owner_lives() {
    holds(Faults { tails: 2, appends: 1, readings: 1, ..Faults::default() });
}

/// The passage guide: what is said again is the same.
#[test]
fn the_log_may_lose_its_tail_with_its_owner_where_the_words_are_the_same() {
    let protocol =
        Protocol::with(Faults { tails: 1, crashes: 1, readings: 1, ..Faults::default() });
    assert_holds(&Protocol { words_differ: false, ..protocol });
}

#[test]
fn a_next_turn_may_find_the_last_ones_end_missing() {
    let two = |faults| Protocol { turns: 2, pieces: 1, ..Protocol::with(faults) };
    assert_holds(&two(Faults { crashes: 1, links: 1, ..Faults::default() }));
    assert_holds(&two(Faults { leases: 1, flushes: 1, ..Faults::default() }));
    assert_holds(&two(Faults { ends: 1, appends: 1, flushes: 1, ..Faults::default() }));
}

/// What the search for runs without an end rests on: see `Protocol::is_stuck`.
#[test]
fn no_run_goes_round_in_a_circle() {
    let faults = Faults { links: 1, crashes: 1, appends: 1, readings: 1, ..Faults::default() };
    let protocol = Protocol { pieces: 1, ..Protocol::with(faults) };
    let (mut entered, mut left) = (HashSet::<World>::new(), HashSet::<World>::new());
    let mut stack: Vec<(World, bool)> =
        protocol.init_states().into_iter().map(|world| (world, false)).collect();
    while let Some((world, leaves)) = stack.pop() {
        if leaves {
            left.insert(world);
            continue;
        }
        if !entered.insert(world.clone()) {
            continue;
        }
        let steps = protocol.steps(&world).into_iter();
        let next: Vec<World> = steps.filter_map(|step| protocol.after(&world, step)).collect();
        stack.push((world, true));
        for world in next {
            assert!(left.contains(&world) || !entered.contains(&world), "{world:#?}");
            stack.push((world, false));
        }
    }
    assert!(left.len() > 1_000, "{} states", left.len());
}
