//! What a session does for its client: it reads behind the cursor, from the log or from the store,
//! and starts afresh from a snapshot where neither continues it.

use super::{
    Protocol,
    log::{Content, Log, apply, blank, end, turn_of},
    world::{Chunk, Flaw, Reader, Rule, Status, Store, World},
};

impl Protocol {
    /// `reading.rs`, `tail_in_doubt`: the log, and where that has no news the store.
    pub(super) fn read(&self, world: &mut World) {
        let Reader { epoch, seq, .. } = world.reader;
        let tail = match &world.log {
            Some(log) if log.epoch == epoch && (log.from..=log.seq()).contains(&seq) => {
                Some(log.behind(seq).to_vec())
            }
            _ => None,
        };
        match tail {
            Some(events) if events.is_empty() => self.read_stored(world, true),
            Some(events) => take_in(world, seq + 1, &events),
            None => self.load(world, true),
        }
    }

    /// `reading.rs`, `stored`. Does the session reach the log, should it need a snapshot?
    pub(super) fn read_stored(&self, world: &mut World, reaches: bool) {
        let Reader { epoch, seq, .. } = world.reader;
        let store = &world.store;
        if store.epoch != epoch || (store.status == Status::Done && store.seq > seq) {
            return self.load(world, reaches);
        }
        let news = store.chunks.iter().filter(|chunk| chunk.last() > seq);
        let news: Vec<Chunk> = news.cloned().collect();
        if news.first().is_some_and(|first| first.first != seq + 1) {
            return self.load(world, reaches);
        }
        for Chunk { first, events } in news {
            take_in(world, first, &events);
        }
    }

    /// `cursor.rs`, `check_gap`, and `snapshot.rs`, `load`.
    fn load(&self, world: &mut World, reaches: bool) {
        let (epoch, store) = (world.store.epoch, &world.store);
        let view = world.log.as_ref().filter(|log| reaches && log.epoch == epoch);
        let view = view.filter(|log| !self.lags(world, log));
        let last = view.map_or_else(|| store.contents(), Log::contents).pop();
        let Some((seq, content)) = last else { return };
        let before = &world.reader;
        if before.epoch == epoch && seq <= before.seq {
            return;
        }
        if before.epoch == epoch && !self.restarts && !goes_on(store, &content, &before.content) {
            world.fail(Flaw::Rewound);
        }
        world.reader = Reader { epoch, seq, content };
    }

    /// `snapshot.rs`, `lags`.
    fn lags(&self, world: &World, log: &Log) -> bool {
        let store = &world.store;
        match store.status {
            Status::Done => store.seq > log.seq() && !self.lacks(Rule::SnapshotHasTheEnd),
            _ => store.checkpointed() > log.seq() && !store.chunks.is_empty(),
        }
    }
}

/// Whether the client's text is the beginning of what stands, or of the answer that has ended.
fn goes_on(store: &Store, content: &Content, before: &Content) -> bool {
    let ended = *content == blank(store.turn + 1);
    let after = if ended { &store.answer } else { content };
    let same_turn = after.first().copied().map(turn_of) == before.first().copied().map(turn_of);
    !same_turn || after.starts_with(before)
}

/// The client applies what it was sent, from `first` on, and holds its text against the end.
fn take_in(world: &mut World, first: u8, events: &[u8]) {
    if first != world.reader.seq + 1 {
        world.fail(Flaw::Gap);
    }
    for event in events {
        let mut reader = world.reader.clone();
        if *event > end(0) {
            let turn = event - end(0);
            let had = reader.content == vec![*event];
            if had {
                world.fail(Flaw::TwoEnds);
            } else if world.store.turn == turn && reader.content != world.store.answer {
                world.fail(Flaw::WrongText);
            }
        }
        apply(&mut reader.content, *event);
        reader.seq += 1;
        world.reader = reader;
    }
}

/// Whether the client has the end of the last turn.
pub(super) fn has_all(world: &World, turns: u8) -> bool {
    world.store.status == Status::Done
        && world.store.turn == turns
        && world.reader.content == blank(turns + 1)
}
