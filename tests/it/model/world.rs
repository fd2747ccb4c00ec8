//! What is: the store, the log, the nodes and what they believe, a reader, and what readers may
//! have seen. Beside it the rules, and the faults that may still come.

use std::collections::BTreeMap;

use super::log::{Content, Log, Start, apply, blank};

/// What the protocol asks of its parts. Each can be broken alone.
///
/// Six were found by the model: `TakeMakesNoLog`, `TakenIsOpen`, `LastOwnersLog`, `CheckpointsGoOn`,
/// `CheckpointAgainIsFine` and `SnapshotHasTheEnd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// A new owner sets its fence before it looks at the log (`take.lua`: both at once).
    FenceThenLook,
    /// The log takes nothing from an older fence (`append.lua`).
    LogChecksFence,
    /// A log without a fence refuses (`append.lua`).
    AbsentRefuses,
    /// The store takes an end of its owner only (`Store::finish`).
    EndNeedsFence,
    /// A log that ends before the checkpoint gets a new epoch (`opening.rs`, `in_log`).
    LostTailIsAnEpoch,
    /// An end may be said twice (`ownership.rs`, `has_ended`).
    EndAgainIsFine,
    /// Readers get nothing that neither the log nor the store has (`showing.rs`).
    SafeBeforeShown,
    /// A next owner takes a log as it is: it makes none under the old epoch where the one that it
    /// saw is gone, shorter or out of reach, since it would lack the text that readers have
    /// (`take.lua`).
    TakeMakesNoLog,
    /// A log that was taken is not opened once more: it may be gone by then, and the owner none any
    /// more (`opening.rs`, `Writer::open`).
    TakenIsOpen,
    /// A takeover trusts a log only if the last owner's fence is on it: another's may have been made
    /// since it was lost (`take.lua`).
    LastOwnersLog,
    /// What the next owner found in the log behind the checkpoint goes into its own first one:
    /// else the checkpoints have a hole (`opening.rs`, `in_log`; `handle.rs`, `take_chunk`).
    CheckpointsGoOn,
    /// A checkpoint that is said again, longer by then, takes the place of what it was before
    /// (`Store::checkpoint`).
    CheckpointAgainIsFine,
    /// A snapshot takes the end from the store where the log lacks it (`snapshot.rs`, `lags`).
    SnapshotHasTheEnd,
}

/// How often what may still go wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Faults {
    /// A lease that is over while its owner lives: it was stopped, or is slow.
    pub(super) leases: u8,
    pub(super) crashes: u8,
    pub(super) flushes: u8,
    pub(super) tails: u8,
    /// A replica stands in for Redis that does not have the last event, nor the last taking over.
    pub(super) failovers: u8,
    /// Links between a node and the log that break.
    pub(super) links: u8,
    /// Readings while the reader's node cannot reach the log.
    pub(super) readings: u8,
    /// Answers of the log that are lost.
    pub(super) appends: u8,
    /// Answers of the store that are lost.
    pub(super) checkpoints: u8,
    pub(super) ends: u8,
}

/// What must never be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Flaw {
    Unsafe,
    Gap,
    Differ,
    TwoEnds,
    NoEnd,
    WrongText,
    NotWhole,
    FenceFell,
    Rewound,
    SeqFell,
}

impl Flaw {
    pub(super) const fn invariant(self) -> &'static str {
        match self {
            Self::Unsafe => "I1: what a client sees is in the log or committed",
            Self::Gap => "I2: a client's seqs follow each other",
            Self::Differ => "I3: all readers have the same at a seq of an epoch",
            Self::TwoEnds => "I4: a turn gets one end",
            Self::NoEnd => "I4: a turn gets its end",
            Self::WrongText => "I5: the text of the end is what was read",
            Self::NotWhole => "I5: the text of the end is whole",
            Self::FenceFell => "I6: fences do not fall",
            Self::Rewound => "I10: no text is rewound in an epoch",
            Self::SeqFell => "I17: seqs do not fall",
        }
    }
}

/// One row of `turn_chunk`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Chunk {
    pub(super) first: u8,
    pub(super) events: Vec<u8>,
}

impl Chunk {
    pub(super) fn last(&self) -> u8 {
        self.first + u8::try_from(self.events.len()).unwrap() - 1
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Status {
    Queued,
    Running,
    Done,
}

/// The rows of the thread and of its newest turn.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Store {
    pub(super) turn: u8,
    pub(super) status: Status,
    /// `turn.fence`; that of the thread is never less.
    pub(super) fence: u8,
    pub(super) thread_fence: u8,
    /// Somebody has owned the turn.
    pub(super) begun: bool,
    pub(super) lease_over: bool,
    pub(super) epoch: u8,
    /// `thread.seq`.
    pub(super) seq: u8,
    pub(super) chunks: Vec<Chunk>,
    /// The text of the newest end.
    pub(super) answer: Content,
}

impl Store {
    pub(super) fn is_owned(&self, work: &Work) -> bool {
        self.status == Status::Running && (self.turn, self.fence) == (work.turn, work.fence)
    }

    pub(super) fn has_ended_by(&self, work: &Work) -> bool {
        self.status == Status::Done && (self.turn, self.fence) == (work.turn, work.fence)
    }

    /// `Store::checkpointed_to`, or where the turn began.
    pub(super) fn checkpointed(&self) -> u8 {
        self.chunks.iter().map(Chunk::last).max().unwrap_or(self.seq)
    }

    /// Where the thread stands without its log: `snapshot.rs`, `from_store`.
    pub(super) fn contents(&self) -> Vec<(u8, Content)> {
        let ended = if self.status == Status::Done { self.turn + 1 } else { self.turn };
        let mut content = blank(ended);
        let mut all = vec![(self.seq, content.clone())];
        for chunk in &self.chunks {
            for (seq, event) in (chunk.first..).zip(&chunk.events) {
                apply(&mut content, *event);
                all.push((seq, content.clone()));
            }
        }
        all
    }
}

/// How far an owner is. Between two of these others may do anything: a pause of any length.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Phase {
    Look {
        last: Option<u8>,
    },
    Take {
        seen: Log,
    },
    Renew,
    Begin,
    Write,
    /// The log does not know of it; the store is asked.
    Ask,
    Reopen,
    /// The end is in the store.
    Ended,
    /// The end waits for the log.
    Late,
}

/// A turn in the hands of a node: `Writer` and `Handle`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Work {
    pub(super) fence: u8,
    pub(super) turn: u8,
    pub(super) asked: u8,
    pub(super) phase: Phase,
    pub(super) epoch: u8,
    pub(super) seq: u8,
    pub(super) text: Content,
    pub(super) start: Option<Start>,
    pub(super) ring: Option<Log>,
    pub(super) unshown: Vec<u8>,
    pub(super) pending: Vec<u8>,
    /// It must say that it begins anew.
    pub(super) restarts: bool,
    /// The end is in the store.
    pub(super) over: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Node {
    /// It cannot reach the log.
    pub(super) cut_off: bool,
    pub(super) work: Option<Work>,
}

/// A client, behind the session that reads for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Reader {
    pub(super) epoch: u8,
    pub(super) seq: u8,
    pub(super) content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) store: Store,
    pub(super) log: Option<Log>,
    pub(super) nodes: Vec<Node>,
    pub(super) reader: Reader,
    /// What some reader may have had at an epoch and seq.
    pub(super) seen: BTreeMap<(u8, u8), Content>,
    pub(super) faults: Faults,
    pub(super) flaw: Option<Flaw>,
}

impl World {
    pub(super) fn new(nodes: usize, faults: Faults) -> Self {
        let store = Store {
            turn: 1,
            status: Status::Queued,
            fence: 0,
            thread_fence: 0,
            begun: false,
            lease_over: false,
            epoch: 1,
            seq: 0,
            chunks: Vec::new(),
            answer: Vec::new(),
        };
        let reader = Reader { epoch: 1, seq: 0, content: Vec::new() };
        let (nodes, seen) = (vec![Node::default(); nodes], BTreeMap::new());
        Self { store, log: None, nodes, reader, seen, faults, flaw: None }
    }

    pub(super) fn fail(&mut self, flaw: Flaw) {
        self.flaw.get_or_insert(flaw);
    }

    /// Some reader may have this. It must be what every other has there (I3).
    pub(super) fn show(&mut self, epoch: u8, contents: Vec<(u8, Content)>) {
        for (seq, content) in contents {
            let before = self.seen.entry((epoch, seq)).or_insert_with(|| content.clone());
            if *before != content {
                self.fail(Flaw::Differ);
            }
        }
    }

    /// Notes all that can be read now, wherever it can be read.
    pub(super) fn look_around(&mut self) {
        self.show(self.store.epoch, self.store.contents());
        if let Some(log) = &self.log {
            self.show(log.epoch, log.contents());
        }
        for at in 0..self.nodes.len() {
            let work = self.nodes[at].work.as_ref();
            let Some(ring) = work.and_then(|work| work.ring.as_ref()) else { continue };
            let (epoch, contents) = (ring.epoch, ring.contents());
            // A thread's committed seqs are safe, checkpoint or not.
            let committed = self.store.seq;
            let safe = |seq: &u8| *seq <= committed || self.seen.contains_key(&(epoch, *seq));
            if !contents.iter().all(|(seq, _)| safe(seq)) {
                self.fail(Flaw::Unsafe);
            }
            self.show(epoch, contents);
        }
        let Reader { epoch, seq, content } = self.reader.clone();
        self.show(epoch, vec![(seq, content)]);
    }
}
