//! A whole conversation in place of missed events: it must hold what was seen and accepted before
//! it was asked for, and no less of a running answer than the client had.

use std::collections::HashMap;

use super::{
    checker::Checker,
    copy::{Copy, Text, prefix_sha256},
    finding::Spot,
    invariant::Invariant,
    line::{Running, Snapshot},
    names::Name,
    turns::Ending,
};

/// Items that a snapshot has at most.
const WHOLE: usize = 50;
/// Milliseconds by which clocks of two files may differ: a file's start is told to the millisecond.
const ROUNDING: f64 = 5.0;

/// The client's copy before it took the snapshot over.
struct Before {
    had: Option<(Name, i64)>,
    text: Option<Text>,
    drained: Option<(Name, i64)>,
    asked: Spot,
}

impl Checker {
    pub(super) fn snapshot(&mut self, spot: Spot, whole: &Snapshot) {
        self.received(spot);
        let (thread, epoch) = (self.names.of(whole.thread), self.names.of(whole.epoch));
        let client = self.clients.entry((spot.file, spot.client)).or_default();
        if client.opens(thread) {
            return;
        }
        let copy = match &mut client.copy {
            Some(copy) if copy.thread == thread => copy,
            other => other.insert(Copy::of(thread, spot)),
        };
        let before = Before {
            had: copy.had,
            text: copy.text.take().filter(|_| !copy.torn),
            drained: copy.drained.take(),
            asked: copy.asked,
        };
        copy.torn = false;
        copy.epoch = Some(epoch);
        copy.replay_to = whole.seq;
        copy.moved_to(whole.seq);
        if let Some(running) = &whole.turn {
            let turn = self.names.of(running.turn);
            copy.text = Some(text_of(turn, running));
        }
        self.seq_stands(spot, epoch, whole.seq, &before);
        self.text_stands(spot, epoch, whole, &before);
        self.items_stand(spot, thread, whole, before.asked);
        self.ends_stand(spot, whole);
    }

    /// I17: one epoch never falls behind what this client had of it.
    fn seq_stands(&mut self, spot: Spot, epoch: Name, seq: i64, before: &Before) {
        if let Some((_, had)) = before.had.filter(|(known, _)| *known == epoch) {
            self.findings.check(Invariant::SEQ, seq >= had, spot, || {
                format!("a snapshot stands at {seq}, but the client had {had} of the same epoch")
            });
        }
    }

    /// I10, and I18 of a client that a draining server sent away.
    fn text_stands(&mut self, spot: Spot, epoch: Name, whole: &Snapshot, before: &Before) {
        let lengths: HashMap<_, _> = self.lengths(whole);
        let names = &self.names;
        if let Some((turn, had)) = before.drained
            && let Some(length) = lengths.get(&turn)
        {
            self.findings.check(Invariant::DRAIN, *length >= had, spot, || {
                let turn = names.text(turn);
                format!("{turn} had {had} characters before the drain, and {length} after it")
            });
        }
        let Some(text) = &before.text else { return };
        let Some(length) = lengths.get(&text.turn) else { return };
        let running = whole.turn.as_ref().filter(|turn| names.text(text.turn) == turn.turn);
        // Another owner may have begun anew while this client was away.
        let other_owner = running.is_none_or(|running| running.attempt != text.attempt);
        let allowed = before.had.is_none_or(|(known, _)| known != epoch) || other_owner;
        let grown = *length >= text.length;
        let same_start = running.is_none_or(|running| begins_with(running, text));
        self.findings.check(Invariant::NO_REWIND, allowed || (grown && same_start), spot, || {
            let (turn, had) = (names.text(text.turn), text.length);
            format!(
                "{turn} had {had} characters for this client, and in a snapshot of the same epoch \
                 and attempt {length} or others"
            )
        });
        if let Some(running) = running {
            self.findings.check(Invariant::OWNERS, running.attempt >= text.attempt, spot, || {
                let (turn, was) = (names.text(text.turn), text.attempt);
                format!("{turn}: attempt {} came after attempt {was}", running.attempt)
            });
        }
    }

    fn lengths(&mut self, whole: &Snapshot) -> HashMap<Name, i64> {
        let running = whole.turn.iter().map(|turn| (turn.turn, turn.length));
        let ended = whole.ended.iter().map(|ended| (ended.turn, ended.length));
        running.chain(ended).map(|(turn, length)| (self.names.of(turn), length)).collect()
    }

    /// I8 and I1: what was accepted or seen before the snapshot was asked for is in it.
    fn items_stand(&mut self, spot: Spot, thread: Name, whole: &Snapshot, asked: Spot) {
        let stored: HashMap<Name, (i64, &str)> = whole
            .items
            .iter()
            .map(|item| (self.names.of(item.id), (item.length, item.sha256)))
            .collect();
        let known = self.known.threads.entry(thread).or_default();
        let newest = known.items.iter().rev().take(WHOLE);
        let oldest = newest.filter(|it| stored.contains_key(&it.name)).map(|it| it.seq).min();
        let from = if stored.len() < WHOLE { Some(i64::MIN) } else { oldest };
        let Some(from) = from.filter(|_| !known.branched) else { return };
        let names = &self.names;
        for item in known.items.iter().rev().take_while(|item| item.seq >= from) {
            if item.spot.at + ROUNDING > asked.at {
                continue;
            }
            let kept = if item.accepted { Invariant::SURVIVES } else { Invariant::LOGGED };
            let found = stored.get(&item.name);
            self.findings.compare(kept, found.is_some(), (spot, item.spot), || {
                let seq = item.seq;
                format!("{} at seq {seq} is not in a later snapshot", names.text(item.name))
            });
            if let (Some((length, sha256)), Some(seen)) = (found, &item.text) {
                let same = (*length, *sha256) == (seen.0, &seen.1);
                self.findings.compare(Invariant::LOGGED, same, (spot, item.spot), || {
                    format!("{} is stored with another text than was seen", names.text(item.name))
                });
            }
        }
    }

    /// Those that are said to have ended: their hash is their item's, and their end was the one
    /// that others saw.
    fn ends_stand(&mut self, spot: Spot, whole: &Snapshot) {
        for ended in &whole.ended {
            let item = whole.items.iter().find(|item| Some(item.id) == ended.item);
            if let Some(item) = item {
                let same = (item.length, item.sha256) == (ended.length, ended.sha256);
                self.findings.check(Invariant::HASH, same, spot, || {
                    format!("length or hash of {} is not that of its stored item", ended.turn)
                });
            }
            let ending = Ending {
                seq: None,
                status: ended.status.into(),
                length: ended.length,
                sha256: ended.sha256.into(),
                item: self.names.any(ended.item),
                spot,
            };
            let turn = self.names.of(ended.turn);
            self.ended(turn, ending, false);
        }
    }
}

/// Whether the text goes on from what the client had, as far as the history tells.
fn begins_with(running: &Running, had: &Text) -> bool {
    let start = match &running.text {
        Some(text) => prefix_sha256(text, had.length),
        None if running.length == had.length => Some(running.sha256.to_owned()),
        None => return true,
    };
    had.sha256().is_none_or(|had| start == Some(had))
}

fn text_of(turn: Name, running: &Running) -> Text {
    let mut text = Text::new(turn, running.attempt);
    if running.length > 0 {
        text.append(running.length, running.text.as_deref());
    }
    text
}
