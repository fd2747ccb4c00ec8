//! What stands at a seq, and a log of it: the one in Redis, and the ring that each owner keeps.

/// What a reader of the thread has: the pieces of the running answer, or the mark of the last end.
pub(super) type Content = Vec<u8>;

const PIECE: u8 = 0x40;
const RESTARTED: u8 = 0xE0;
const END: u8 = 0xF0;

/// A delta: piece number `at` (from 1) of a turn's answer, in the words of the owner `by`.
pub(super) const fn piece(turn: u8, at: u8, by: u8) -> u8 {
    turn * PIECE + at * 0x10 + by
}

pub(super) const fn restarted(turn: u8) -> u8 {
    RESTARTED + turn
}

pub(super) const fn end(turn: u8) -> u8 {
    END + turn
}

/// The turn of a piece; nothing that a piece has for a mark.
pub(super) const fn turn_of(event: u8) -> u8 {
    if event < RESTARTED { event / PIECE } else { event }
}

/// Whether the pieces are 1, 2, … up to the last.
pub(super) fn is_whole(text: &[u8], pieces: u8) -> bool {
    text.iter().map(|piece| piece % PIECE / 0x10).eq(1..=pieces)
}

/// What stands when nothing of the turn has been said.
pub(super) fn blank(turn: u8) -> Content {
    if turn == 1 { Vec::new() } else { vec![end(turn - 1)] }
}

/// `Running::apply`.
pub(super) fn apply(content: &mut Content, event: u8) {
    if event >= END {
        *content = vec![event];
    } else if event >= RESTARTED {
        *content = blank(event - RESTARTED);
    } else {
        content.retain(|before| *before < RESTARTED);
        content.push(event);
    }
}

/// Where an owner begins: `turnlog::Start`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Start {
    pub(super) epoch: u8,
    pub(super) fence: u8,
    pub(super) seq: u8,
    pub(super) base: Content,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Log {
    pub(super) epoch: u8,
    pub(super) fence: u8,
    /// Seq before the oldest entry.
    pub(super) from: u8,
    /// What stood there.
    pub(super) base: Content,
    pub(super) events: Vec<u8>,
}

/// `turnlog::LogError`, but for a link that is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Fenced,
    Gone,
    NotNext(u8),
}

impl Log {
    pub(super) fn new(start: &Start) -> Self {
        let Start { epoch, fence, seq, base } = start.clone();
        Self { epoch, fence, from: seq, base, events: Vec::new() }
    }

    pub(super) fn seq(&self) -> u8 {
        self.from + u8::try_from(self.events.len()).unwrap()
    }

    pub(super) fn content(&self) -> Content {
        self.contents().pop().unwrap().1
    }

    /// What stands at each seq.
    pub(super) fn contents(&self) -> Vec<(u8, Content)> {
        let mut content = self.base.clone();
        let mut all = vec![(self.from, content.clone())];
        for (seq, event) in (self.from + 1..).zip(&self.events) {
            apply(&mut content, *event);
            all.push((seq, content.clone()));
        }
        all
    }

    pub(super) fn behind(&self, seq: u8) -> &[u8] {
        &self.events[usize::from(seq.saturating_sub(self.from)).min(self.events.len())..]
    }

    /// `open.lua`, `Ring::open`.
    pub(super) fn open(log: &mut Option<Self>, start: &Start) -> Result<(), Refused> {
        match log {
            Some(log) if log.fence > start.fence => return Err(Refused::Fenced),
            Some(log) if log.epoch == start.epoch && log.seq() >= start.seq => {
                log.fence = start.fence;
            }
            _ => *log = Some(Self::new(start)),
        }
        Ok(())
    }

    /// `append.lua`, `Ring::append`: events from `first` on. What is there already is passed over.
    pub(super) fn append(&mut self, first: u8, events: &[u8]) -> Result<(), Refused> {
        if first > self.seq() + 1 {
            return Err(Refused::NotNext(self.seq()));
        }
        let known = usize::from(self.seq() + 1 - first);
        self.events.extend(events.iter().skip(known));
        Ok(())
    }
}
