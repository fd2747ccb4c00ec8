//! What an owner does, step by step, with the line of the real code for each.

use super::{
    Protocol,
    log::{Log, Refused, Start, apply, blank, end, is_whole, piece, restarted},
    world::{Chunk, Flaw, Phase, Rule, Status, Work, World},
};

/// Why an owner writes no more: `turn.rs`, `Lost`.
struct Lost;

impl From<Refused> for Lost {
    fn from(_: Refused) -> Self {
        Self
    }
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Answer {
    Comes,
    /// It was done, and nobody hears of it.
    IsLost,
}

/// `Store::claim`.
pub(super) fn claim(world: &mut World, at: usize) {
    let store = &mut world.store;
    let last = store.begun.then_some(store.fence);
    store.thread_fence += 1;
    store.fence = store.thread_fence;
    (store.status, store.begun, store.lease_over) = (Status::Running, true, false);
    world.nodes[at].work = Some(Work {
        fence: store.fence,
        turn: store.turn,
        asked: store.seq,
        phase: Phase::Look { last },
        epoch: store.epoch,
        seq: store.seq,
        text: blank(store.turn),
        start: None,
        ring: None,
        unshown: Vec::new(),
        pending: Vec::new(),
        restarts: false,
        over: false,
    });
}

impl Protocol {
    /// The next step of the owner at this node; how its call to the log or the store is answered.
    pub(super) fn go_on(&self, world: &mut World, at: usize, answer: Answer) {
        let Some(mut work) = world.nodes[at].work.take() else { return };
        let reaches = !world.nodes[at].cut_off;
        let went = match work.phase.clone() {
            Phase::Look { last } => {
                work.phase = self.look(world, &work, last, reaches);
                Ok(())
            }
            Phase::Take { seen } => self.take(world, &mut work, &seen, reaches),
            Phase::Renew => renew(world, &mut work),
            Phase::Begin => self.begin(world, &mut work, reaches),
            Phase::Write if !self.is_said(&work) => {
                self.say(&mut work);
                self.show(world, &mut work, reaches, answer)
            }
            Phase::Write => self.finish(world, &mut work, answer),
            Phase::Ask if !(work.over || world.store.is_owned(&work)) => Err(Lost),
            Phase::Ask => {
                work.phase = Phase::Reopen;
                Ok(())
            }
            Phase::Reopen => self.reopen(world, &mut work, reaches),
            Phase::Ended => self.say_the_end(world, &mut work, reaches, answer),
            Phase::Late => catch_up(world, &mut work),
        };
        let is_over = work.over && work.unshown.is_empty() && work.phase == Phase::Write;
        world.nodes[at].work = (went.is_ok() && !is_over).then_some(work);
    }

    /// `in_log` up to `log.open`: what the log has is compared with the checkpoint. `last`: the fence
    /// of the owner before, if there was one.
    fn look(&self, world: &World, work: &Work, last: Option<u8>, reaches: bool) -> Phase {
        let seen = world.log.clone().filter(|log| reaches && log.epoch == work.epoch);
        match (seen, last) {
            // It holds what the store does not know.
            (Some(log), None) if log.seq() > work.asked => Phase::Renew,
            (_, None) => Phase::Begin,
            (Some(log), Some(last)) => {
                let tail = log.seq() >= world.store.checkpointed();
                let known = log.fence == last || self.lacks(Rule::LastOwnersLog);
                if known && (tail || self.lacks(Rule::LostTailIsAnEpoch)) {
                    Phase::Take { seen: log }
                } else {
                    Phase::Renew
                }
            }
            (None, Some(_)) => Phase::Renew,
        }
    }

    /// `in_log`, `log.open` and the second view, which is of the ring that the opening has filled.
    fn take(
        &self,
        world: &mut World,
        work: &mut Work,
        seen: &Log,
        reaches: bool,
    ) -> Result<(), Lost> {
        let held = world.log.as_ref().filter(|_| reaches);
        let as_seen = |log: &Log| (log.epoch, log.fence) == (seen.epoch, seen.fence);
        let holds = held.is_some_and(|log| as_seen(log) && log.seq() >= seen.seq());
        if !holds && !self.lacks(Rule::TakeMakesNoLog) {
            work.phase = Phase::Renew;
            return Ok(());
        }
        let (epoch, fence) = (work.epoch, work.fence);
        let start = Start { epoch, fence, seq: seen.seq(), base: blank(work.turn) };
        open(world, work, &start, reaches)?;
        let Some(ring) = &work.ring else { return Err(Lost) };
        let found = if self.lacks(Rule::FenceThenLook) { seen } else { ring };
        (work.seq, work.text) = (found.seq(), found.content());
        if !self.lacks(Rule::CheckpointsGoOn) {
            work.pending = found.behind(world.store.checkpointed()).to_vec();
        }
        if self.lacks(Rule::TakenIsOpen) || self.lacks(Rule::FenceThenLook) {
            work.phase = Phase::Begin;
        } else {
            self.begin_to_write(work);
        }
        Ok(())
    }

    /// `Writer::open`, `log.open`.
    fn begin(&self, world: &mut World, work: &mut Work, reaches: bool) -> Result<(), Lost> {
        open(world, work, &starting(work), reaches)?;
        let head = work.ring.as_ref().map(Log::seq);
        if head != Some(work.seq) && !self.lacks(Rule::FenceThenLook) {
            // A log moved under its owner.
            return Err(Lost);
        }
        self.begin_to_write(work);
        Ok(())
    }

    fn begin_to_write(&self, work: &mut Work) {
        work.restarts = self.restarts && work.text != blank(work.turn);
        (work.start, work.phase) = (Some(starting(work)), Phase::Write);
    }

    /// Whether the model has said everything.
    pub(super) fn is_said(&self, work: &Work) -> bool {
        !work.restarts && said(work) >= self.pieces
    }

    /// `Writer::append`, up to `show`.
    fn say(&self, work: &mut Work) {
        let by = if self.words_differ { work.fence } else { 0 };
        let event = if std::mem::take(&mut work.restarts) {
            restarted(work.turn)
        } else {
            piece(work.turn, said(work) + 1, by)
        };
        wrote(work, event);
        if self.lacks(Rule::SafeBeforeShown) {
            let first = work.seq;
            if let Some(ring) = &mut work.ring {
                // A hole waits; what is shown too early is what matters here.
                let _ = ring.append(first, &[event]);
            }
        }
    }

    /// `Writer::show`: gives the log all that it has not taken yet.
    fn show(
        &self,
        world: &mut World,
        work: &mut Work,
        reaches: bool,
        answer: Answer,
    ) -> Result<(), Lost> {
        work.phase = Phase::Write;
        let appended = if reaches { self.append(world, work) } else { Ok(()) };
        match appended {
            Ok(()) if reaches && answer == Answer::Comes => shown(work),
            Ok(()) if work.over => {
                // All of it is in the store: it need not wait for the log.
                shown(work);
                work.phase = Phase::Late;
            }
            Ok(()) => {}
            Err(Refused::Gone) => work.phase = Phase::Ask,
            Err(Refused::Fenced | Refused::NotNext(_)) => return Err(Lost),
        }
        Ok(())
    }

    /// The same without a new event.
    pub(super) fn show_again(&self, world: &mut World, at: usize) {
        let Some(mut work) = world.nodes[at].work.take() else { return };
        let reaches = !world.nodes[at].cut_off;
        let shown = self.show(world, &mut work, reaches, Answer::Comes);
        world.nodes[at].work = shown.is_ok().then_some(work);
    }

    /// `RedisLog::append`: what the log has lost it gets first, from the ring.
    fn append(&self, world: &mut World, work: &Work) -> Result<(), Refused> {
        if work.unshown.is_empty() {
            return Ok(());
        }
        if world.log.is_none() && self.lacks(Rule::AbsentRefuses) {
            world.log = Some(Log::new(&Start { seq: unshown_from(work) - 1, ..starting(work) }));
        }
        let Some(log) = &mut world.log else { return Err(Refused::Gone) };
        if !self.lacks(Rule::LogChecksFence) {
            match log.fence {
                fence if fence < work.fence => return Err(Refused::Gone),
                fence if fence > work.fence => return Err(Refused::Fenced),
                _ => {}
            }
        }
        let first = unshown_from(work);
        if let Err(Refused::NotNext(at)) = log.append(first, &work.unshown) {
            let ring = work.ring.as_ref().ok_or(Refused::NotNext(at))?;
            log.append(ring.from.max(at) + 1, ring.behind(at))?;
            log.append(first, &work.unshown)?;
        }
        Ok(())
    }

    /// `open_again`, once the store has said yes.
    fn reopen(&self, world: &mut World, work: &mut Work, reaches: bool) -> Result<(), Lost> {
        let Some(start) = work.start.clone() else { return Err(Lost) };
        open(world, work, &start, reaches)?;
        self.show(world, work, reaches, Answer::Comes)
    }

    /// `write_chunks` and `Handle::checkpointed`. An owner that is none any more stops.
    pub(super) fn checkpoint(&self, world: &mut World, at: usize, answer: Answer) {
        let Some(mut work) = world.nodes[at].work.take() else { return };
        if !world.store.is_owned(&work) {
            return;
        }
        let first = work.seq + 1 - u8::try_from(work.pending.len()).unwrap();
        let chunk = Chunk { first, events: work.pending.clone() };
        let chunks = &mut world.store.chunks;
        if !self.lacks(Rule::CheckpointAgainIsFine) {
            chunks.retain(|before| before.last() < first);
        }
        // Two of one seq there cannot be: the transaction fails and is tried again.
        if chunks.iter().all(|before| before.last() != chunk.last()) {
            chunks.push(chunk);
            if answer == Answer::Comes {
                work.pending.clear();
                // What the store has may be shown here: `Handle::committed`.
                shown(&mut work);
            }
        }
        world.nodes[at].work = Some(work);
    }

    /// `Store::finish`.
    fn finish(&self, world: &mut World, work: &mut Work, answer: Answer) -> Result<(), Lost> {
        let store = &mut world.store;
        let (seq, done) = (work.seq + 1, store.status == Status::Done);
        let same = store.turn == work.turn;
        let mine = store.fence == work.fence || self.lacks(Rule::EndNeedsFence);
        if same && mine && !done {
            (store.status, store.seq, store.answer) = (Status::Done, seq, work.text.clone());
            store.chunks.clear();
            if !is_whole(&work.text, self.pieces) {
                world.fail(Flaw::NotWhole);
            }
        } else {
            // `has_ended`: an earlier try, whose answer was lost, may have succeeded.
            let again = store.has_ended_by(work) && store.seq == seq;
            if self.lacks(Rule::EndAgainIsFine) || !again {
                return Err(Lost);
            }
        }
        if answer == Answer::Comes {
            (work.over, work.phase) = (true, Phase::Ended);
        }
        Ok(())
    }

    /// The rest of `Writer::finish`.
    fn say_the_end(
        &self,
        world: &mut World,
        work: &mut Work,
        reaches: bool,
        answer: Answer,
    ) -> Result<(), Lost> {
        wrote(work, end(work.turn));
        self.show(world, work, reaches, answer)?;
        Ok(())
    }
}

/// `in_store` and `begin_epoch`.
fn renew(world: &mut World, work: &mut Work) -> Result<(), Lost> {
    let store = &mut world.store;
    if store.thread_fence != work.fence {
        return Err(Lost);
    }
    store.epoch += 1;
    work.epoch = store.epoch;
    if let Some((seq, text)) = store.contents().pop() {
        (work.seq, work.text) = (seq, text);
    }
    work.pending.clear();
    work.phase = Phase::Begin;
    Ok(())
}

/// `Shared::open` of the log in Redis.
fn open(world: &mut World, work: &mut Work, start: &Start, reaches: bool) -> Result<(), Lost> {
    let whole = work.ring.as_ref().is_some_and(|ring| {
        ring.epoch == start.epoch && ring.seq() >= start.seq && start.fence - ring.fence <= 1
    });
    match &mut work.ring {
        Some(ring) if whole => {
            ring.fence = start.fence;
            if reaches {
                bring(world, ring, start.fence)?;
            }
        }
        ring if reaches => {
            Log::open(&mut world.log, start)?;
            ring.clone_from(&world.log);
        }
        // On this node alone.
        ring => *ring = Some(Log::new(start)),
    }
    Ok(())
}

/// `Shared::bring`: makes the log what it is here.
fn bring(world: &mut World, ring: &mut Log, fence: u8) -> Result<(), Refused> {
    let start = Start { epoch: ring.epoch, fence, seq: ring.from, base: ring.base.clone() };
    Log::open(&mut world.log, &start)?;
    let Some(log) = &mut world.log else { return Err(Refused::Gone) };
    let at = log.seq();
    if at < ring.seq() {
        log.append(at + 1, ring.behind(at))
    } else {
        ring.append(ring.seq() + 1, log.behind(ring.seq()))
    }
}

/// `Shared::catch_up`. However it goes, the ring is released.
fn catch_up(world: &mut World, work: &mut Work) -> Result<(), Lost> {
    work.phase = Phase::Write;
    if let Some(ring) = &mut work.ring {
        bring(world, ring, work.fence)?;
    }
    Ok(())
}

/// How the log begins if it must be made where the owner is now.
fn starting(work: &Work) -> Start {
    Start { epoch: work.epoch, fence: work.fence, seq: work.seq, base: work.text.clone() }
}

/// How many pieces the text has.
fn said(work: &Work) -> u8 {
    let nothing = work.text == blank(work.turn);
    if nothing { 0 } else { u8::try_from(work.text.len()).unwrap() }
}

fn wrote(work: &mut Work, event: u8) {
    work.seq += 1;
    apply(&mut work.text, event);
    work.unshown.push(event);
    work.pending.push(event);
}

fn unshown_from(work: &Work) -> u8 {
    work.seq + 1 - u8::try_from(work.unshown.len()).unwrap()
}

/// `Handle::shown`: all that was written stands in the ring, for this node's readers.
fn shown(work: &mut Work) {
    let first = unshown_from(work);
    if let Some(ring) = &mut work.ring {
        // A ring with a hole is asked for nothing.
        let _ = ring.append(first, &work.unshown);
    }
    work.unshown.clear();
}
