//! What may happen next, and what comes of it.

use super::{
    Protocol,
    owner::{self, Answer},
    world::{Flaw, Node, Phase, Status, World},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// The learner asks again: `accept.rs`.
    Accept,
    /// A node becomes the owner.
    Claim(usize),
    /// An owner takes its next step.
    GoOn(usize, Answer),
    /// The log is asked to take what it has not yet.
    Show(usize),
    Checkpoint(usize, Answer),
    LeaseOver,
    /// The process dies and another starts in its place.
    Crash(usize),
    Flush,
    LoseTail,
    FailOver,
    LinkBreaks(usize),
    LinkIsBack(usize),
    Read,
    ReadWithoutLog,
}

impl Step {
    /// For a trace: whose step it is, by its fence.
    pub(super) fn told(self, world: &World) -> String {
        let (Self::GoOn(at, _) | Self::Show(at) | Self::Checkpoint(at, _) | Self::Crash(at)) = self
        else {
            return format!("{self:?}");
        };
        match &world.nodes[at].work {
            Some(work) => {
                format!("{self:?}, the owner with fence {}: {:?}", work.fence, work.phase)
            }
            None => format!("{self:?}"),
        }
    }
}

impl Protocol {
    /// All that may happen, some of which may change nothing.
    pub(super) fn steps(&self, world: &World) -> Vec<Step> {
        let (store, faults) = (&world.store, &world.faults);
        let mut steps = vec![Step::Read];
        let owns = |node: &Node| node.work.as_ref().is_some_and(|work| work.fence == store.fence);
        // A dead owner's lease is over sooner or later.
        let owned = store.fence > 0 && world.nodes.iter().any(owns);
        let free = store.status != Status::Done && (!owned || store.lease_over);
        let log_has_events = world.log.as_ref().is_some_and(|log| !log.events.is_empty());
        let mut may = |step, may: bool| {
            if may {
                steps.push(step);
            }
        };
        may(Step::Accept, store.status == Status::Done && store.turn < self.turns);
        let judged = owned && store.status == Status::Running && !store.lease_over;
        may(Step::LeaseOver, judged && faults.leases > 0);
        may(Step::Flush, world.log.is_some() && faults.flushes > 0);
        may(Step::LoseTail, log_has_events && faults.tails > 0);
        may(Step::FailOver, log_has_events && faults.failovers > 0);
        may(Step::ReadWithoutLog, faults.readings > 0);
        for (at, node) in world.nodes.iter().enumerate() {
            // They are sorted: of equal ones the first is enough.
            if at > 0 && world.nodes[at - 1] == *node {
                continue;
            }
            may(Step::LinkIsBack(at), node.cut_off);
            may(Step::LinkBreaks(at), !node.cut_off && faults.links > 0);
            may(Step::Claim(at), free && node.work.is_none());
            may(Step::Crash(at), node.work.is_some() && faults.crashes > 0);
            for step in self.owners_steps(world, at) {
                may(step, true);
            }
        }
        steps
    }

    fn owners_steps(&self, world: &World, at: usize) -> Vec<Step> {
        let Node { cut_off, work: Some(work) } = &world.nodes[at] else { return Vec::new() };
        let (faults, mut steps) = (&world.faults, Vec::new());
        if work.phase != Phase::Late || !cut_off {
            steps.push(Step::GoOn(at, Answer::Comes));
        }
        let ends = work.phase == Phase::Write && self.is_said(work);
        let appends = matches!(work.phase, Phase::Write | Phase::Ended) && !ends;
        let lost = if ends { faults.ends } else { faults.appends };
        if lost > 0 && (ends || (appends && !cut_off)) {
            steps.push(Step::GoOn(at, Answer::IsLost));
        }
        if work.phase == Phase::Write && !work.unshown.is_empty() && !cut_off {
            steps.push(Step::Show(at));
        }
        let writes = work.start.is_some() && !work.over && !world.store.has_ended_by(work);
        let fenced_off = work.fence != world.store.fence;
        if writes && (fenced_off || !work.pending.is_empty()) {
            steps.push(Step::Checkpoint(at, Answer::Comes));
            if faults.checkpoints > 0 && !work.pending.is_empty() {
                steps.push(Step::Checkpoint(at, Answer::IsLost));
            }
        }
        steps
    }

    /// What comes of it; none if nothing does.
    pub(super) fn after(&self, before: &World, step: Step) -> Option<World> {
        let mut world = before.clone();
        self.take_step(&mut world, step);
        let lost = matches!(step, Step::LoseTail | Step::FailOver);
        if let (Some(was), Some(is), false) = (&before.log, world.log.clone(), lost) {
            if is.fence < was.fence {
                world.fail(Flaw::FenceFell);
            }
            if is.epoch == was.epoch && is.seq() < was.seq() {
                world.fail(Flaw::SeqFell);
            }
        }
        world.look_around();
        world.nodes.sort();
        (world != *before).then_some(world)
    }

    fn take_step(&self, world: &mut World, step: Step) {
        self.pay(world, step);
        match step {
            Step::Accept => {
                let store = &mut world.store;
                (store.turn, store.status) = (store.turn + 1, Status::Queued);
                (store.fence, store.begun, store.lease_over) = (0, false, false);
            }
            Step::Claim(at) => owner::claim(world, at),
            Step::GoOn(at, answer) => self.go_on(world, at, answer),
            Step::Show(at) => self.show_again(world, at),
            Step::Checkpoint(at, answer) => self.checkpoint(world, at, answer),
            Step::LeaseOver => world.store.lease_over = true,
            Step::Crash(at) => world.nodes[at].work = None,
            Step::Flush => world.log = None,
            Step::LoseTail | Step::FailOver => {
                if let Some(log) = &mut world.log {
                    log.events.pop();
                    log.fence -= u8::from(step == Step::FailOver);
                }
            }
            Step::LinkBreaks(at) => world.nodes[at].cut_off = true,
            Step::LinkIsBack(at) => world.nodes[at].cut_off = false,
            Step::Read => self.read(world),
            Step::ReadWithoutLog => self.read_stored(world, false),
        }
    }

    /// One fault less may come.
    fn pay(&self, world: &mut World, step: Step) {
        let faults = &mut world.faults;
        let fault = match step {
            Step::LeaseOver => &mut faults.leases,
            Step::Crash(_) => &mut faults.crashes,
            Step::Flush => &mut faults.flushes,
            Step::LoseTail => &mut faults.tails,
            Step::FailOver => &mut faults.failovers,
            Step::LinkBreaks(_) => &mut faults.links,
            Step::ReadWithoutLog => &mut faults.readings,
            Step::Checkpoint(_, Answer::IsLost) => &mut faults.checkpoints,
            Step::GoOn(at, Answer::IsLost) => match &world.nodes[at].work {
                Some(work) if work.phase == Phase::Write && self.is_said(work) => &mut faults.ends,
                _ => &mut faults.appends,
            },
            _ => return,
        };
        *fault -= 1;
    }
}
