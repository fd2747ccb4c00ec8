//! Each rule is needed: without it the model finds a run that violates an invariant. And what the
//! rules together do not prevent.

use super::{
    Protocol, assert_breaks,
    world::{Faults, Flaw, Rule},
};

/// The owner that comes back from a pause writes on at once.
#[test]
fn an_owner_that_looks_before_it_sets_its_fence_misses_what_the_last_one_says_meanwhile() {
    let protocol = Protocol::with(Faults { leases: 1, ..Faults::default() });
    let protocol = protocol.without(&[Rule::FenceThenLook]);
    let trace = assert_breaks(&protocol, Flaw::WrongText);
    assert!(trace.iter().any(|step| step == "LeaseOver"), "{trace:#?}");
    assert_breaks(&protocol, Flaw::Differ);
}

#[test]
fn a_log_that_checks_no_fence_takes_two_owners_words() {
    let protocol = Protocol::with(Faults { leases: 1, ..Faults::default() });
    let trace = assert_breaks(&protocol.without(&[Rule::LogChecksFence]), Flaw::Differ);
    let (old, new) = ("owner with fence 1", "owner with fence 2");
    let wrote = |who: &str| trace.iter().rposition(|step| step.contains(who));
    assert!(wrote(old).is_some() && wrote(new).is_some(), "{trace:#?}");
}

#[test]
fn an_absent_log_that_takes_anybodys_words_takes_those_of_an_owner_that_is_none() {
    let faults = Faults { leases: 1, flushes: 1, ..Faults::default() };
    let protocol = Protocol::with(faults).without(&[Rule::AbsentRefuses]);
    let trace = assert_breaks(&protocol, Flaw::Differ);
    assert!(trace.iter().any(|step| step == "Flush"), "{trace:#?}");
}

#[test]
fn an_end_without_a_fence_ends_what_another_is_writing() {
    let rules = &[Rule::EndNeedsFence];
    let lease = Faults { leases: 1, ..Faults::default() };
    assert_breaks(&Protocol::with(lease).without(rules), Flaw::NoEnd);
    let and_link = Faults { links: 1, ..lease };
    assert_breaks(&Protocol::with(and_link).without(rules), Flaw::Rewound);
}

#[test]
fn a_log_that_lost_its_tail_and_goes_on_in_its_epoch_says_two_things_at_one_seq() {
    let rules = &[Rule::LostTailIsAnEpoch];
    let tails = Faults { crashes: 1, tails: 1, ..Faults::default() };
    assert_breaks(&Protocol::with(tails).without(rules), Flaw::Differ);
    // It never had it: its owner could not reach it.
    let links = Faults { crashes: 1, links: 1, ..Faults::default() };
    assert_breaks(&Protocol::with(links).without(rules), Flaw::Differ);
}

/// Whoever lost the answer to its end says no `end`. With the end in the snapshot the client gets it
/// all the same, when it doubts.
#[test]
fn an_end_that_may_not_be_said_twice_is_never_told() {
    let protocol = Protocol::with(Faults { ends: 1, ..Faults::default() });
    let rules = &[Rule::EndAgainIsFine, Rule::SnapshotHasTheEnd];
    let trace = assert_breaks(&protocol.without(rules), Flaw::NoEnd);
    assert!(trace.iter().any(|step| step.contains("IsLost")), "{trace:#?}");
}

#[test]
fn what_is_shown_before_it_is_safe_is_seen_and_in_no_place() {
    let protocol = Protocol::with(Faults { links: 1, ..Faults::default() });
    assert_breaks(&protocol.without(&[Rule::SafeBeforeShown]), Flaw::Unsafe);
}

#[test]
fn a_takeover_that_makes_the_log_it_saw_anew_forgets_the_text_in_its_epoch() {
    let rules = &[Rule::TakeMakesNoLog];
    let flush = Faults { crashes: 1, flushes: 1, ..Faults::default() };
    assert_breaks(&Protocol::with(flush).without(rules), Flaw::Differ);
    // It is opened on the node alone.
    let link = Faults { crashes: 1, links: 1, ..Faults::default() };
    assert_breaks(&Protocol::with(link).without(rules), Flaw::Differ);
}

/// It was stopped in between, two others took over, and Redis forgot.
#[test]
fn a_log_that_is_opened_after_it_was_taken_may_be_made_by_an_owner_that_is_none() {
    let faults = Faults { leases: 2, flushes: 1, ..Faults::default() };
    let protocol = Protocol { nodes: 3, pieces: 1, ..Protocol::with(faults) };
    assert_breaks(&protocol.without(&[Rule::TakenIsOpen]), Flaw::Differ);
}

/// The owner of the turn before was stopped before it said its end. It says it into a log that Redis
/// forgot, and the owner of this turn dies: what it said is nowhere, and nobody sees that.
#[test]
fn a_log_with_another_fence_than_the_last_owners_hides_what_that_one_said() {
    let faults = Faults { crashes: 1, flushes: 1, ..Faults::default() };
    let protocol = Protocol { turns: 2, pieces: 1, ..Protocol::with(faults) };
    assert_breaks(&protocol.without(&[Rule::LastOwnersLog]), Flaw::Differ);
}

/// The owner died before it checkpointed what the log has; the next one goes on from the log.
#[test]
fn a_checkpoint_that_leaves_out_what_was_taken_over_has_a_hole() {
    let rules = &[Rule::CheckpointsGoOn];
    let without_log = Faults { crashes: 1, readings: 1, ..Faults::default() };
    assert_breaks(&Protocol::with(without_log).without(rules), Flaw::Differ);
}

#[test]
fn a_checkpoint_that_is_kept_twice_doubles_the_text() {
    let faults = Faults { checkpoints: 1, readings: 1, ..Faults::default() };
    let protocol = Protocol::with(faults).without(&[Rule::CheckpointAgainIsFine]);
    assert_breaks(&protocol, Flaw::Differ);
}

/// The owner died between the commit of its end and the event.
#[test]
fn a_snapshot_that_trusts_a_log_without_the_end_leaves_the_client_waiting() {
    let protocol = Protocol::with(Faults { crashes: 1, ..Faults::default() });
    let trace = assert_breaks(&protocol.without(&[Rule::SnapshotHasTheEnd]), Flaw::NoEnd);
    assert!(trace.iter().any(|step| step.ends_with("Ended")), "{trace:#?}");
}

/// A limit of the protocol: nobody alive knows that the log had more than the checkpoint.
#[test]
fn a_tail_that_is_lost_with_its_owner_behind_the_checkpoint_is_said_differently() {
    let protocol = Protocol::with(Faults { tails: 1, crashes: 1, ..Faults::default() });
    assert_breaks(&protocol, Flaw::Differ);
}

/// A limit of the protocol: a replica that has not heard of the takeover takes the old owner's words.
#[test]
fn a_failover_that_forgets_a_takeover_lets_the_old_owner_write_on() {
    let protocol = Protocol::with(Faults { failovers: 1, leases: 1, ..Faults::default() });
    assert_breaks(&protocol, Flaw::Differ);
}
