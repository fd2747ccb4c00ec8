//! What an `ok` promises: one turn a message, a question that survives, silence after a cancel.

use super::{
    checker::{Checker, Kind, Sent},
    copy::Copy,
    finding::Spot,
    invariant::Invariant,
    line::Accepted,
    names::Name,
    turns::{Asked, Item, Message},
};

/// Milliseconds that a frame may be on its way to another client.
pub(super) const ON_ITS_WAY: f64 = 1_000.0;

impl Checker {
    pub(super) fn accepted(&mut self, spot: Spot, ok: &Accepted) {
        let Some(sent) = self.client(spot).sent.remove(&ok.id) else { return };
        match (sent.kind, sent.turn) {
            (Kind::Send, _) => self.taken(spot, &sent, ok),
            (Kind::Cancel, Some(turn)) => self.cancelled(spot, turn),
            _ => {}
        }
    }

    fn taken(&mut self, spot: Spot, sent: &Sent, ok: &Accepted) {
        let (Some(thread), Some(turn), Some(seq)) = (ok.thread, ok.turn, ok.seq) else { return };
        let (thread, turn) = (self.names.of(thread), self.names.of(turn));
        let (epoch, item) = (self.names.any(ok.epoch), self.names.any(ok.item));
        let client = self.clients.entry((spot.file, spot.client)).or_default();
        if sent.thread.is_none() && !ok.duplicate && client.copy.is_none() {
            let mut copy = Copy::of(thread, spot);
            copy.epoch = epoch;
            copy.moved_to(seq - 1);
            client.copy = Some(copy);
        }
        let (by, user) = ((spot.file, spot.client), client.user);
        let ended = self.known.turns.get(&turn).is_some_and(|turn| turn.has_ended_for(spot));
        if !ended && !client.pending.contains(&turn) {
            client.pending.push(turn);
        }
        let asked = Asked { by, user, message: sent.message, thread, item, seq, spot };
        let fresh = (!ok.duplicate).then_some(spot);
        self.one_turn(turn, &asked, fresh);
        if fresh.is_some() {
            self.rises(&asked, sent.spot);
        }
        if let Some(name) = item {
            let (text, accepted) = (sent.text.clone(), true);
            self.saw_item(thread, Item { name, seq, text, turn: None, accepted, spot });
        }
        let known = self.known.turns.entry(turn).or_default();
        if known.asked.is_none() {
            known.asked = Some(asked);
        }
    }

    /// I7: each `ok` of one message names one turn, and one `ok` at most calls it new.
    fn one_turn(&mut self, turn: Name, asked: &Asked, fresh: Option<Spot>) {
        let Some(message) = asked.message else { return };
        let Asked { thread, item, seq, spot, .. } = *asked;
        let new = Message { turn, thread, item, seq, fresh, spot };
        let known = self.known.messages.entry((asked.user, message)).or_insert(new);
        let (first, twice) = (known.spot, known.fresh.filter(|before| Some(*before) != fresh));
        if first != spot {
            let same =
                (known.turn, known.thread, known.item, known.seq) == (turn, thread, item, seq);
            let names = &self.names;
            self.findings.compare(Invariant::ONE_TURN, same, (spot, first), || {
                let (turn, before) = (names.text(turn), names.text(known.turn));
                format!("one message id was answered by {before} and by {turn}, or at two places")
            });
            if let (Some(before), Some(_)) = (twice, fresh) {
                self.findings.compare(Invariant::ONE_TURN, false, (spot, before), || {
                    "one message id was accepted twice as a new one".to_owned()
                });
            }
            known.fresh = known.fresh.or(fresh);
        }
        let other = self.known.turns.get(&turn).and_then(|turn| turn.asked);
        if let Some(other) = other.filter(|other| other.message != Some(message)) {
            self.findings.compare(Invariant::ONE_TURN, false, (spot, other.spot), || {
                format!("two message ids were answered by one turn, {}", self.names.text(turn))
            });
        }
    }

    /// I17: a new question stands behind all that had ended when it was asked.
    fn rises(&mut self, asked: &Asked, sent: Spot) {
        let last = self.known.threads.get(&asked.thread).and_then(|thread| thread.last_end);
        if let Some((end, spot)) = last.filter(|(_, spot)| spot.at < sent.at) {
            self.findings.compare(Invariant::SEQ, asked.seq > end, (asked.spot, spot), || {
                let seq = asked.seq;
                format!("a question got seq {seq}, but the answer before it had ended at {end}")
            });
        }
    }

    /// I9: from here on no piece of this turn.
    fn cancelled(&mut self, spot: Spot, turn: Name) {
        self.client(spot).cancelled.insert(turn, spot);
        let known = self.known.turns.entry(turn).or_default();
        known.stopped.get_or_insert(spot);
        let late = known.last_piece.filter(|piece| piece.at > spot.at + ON_ITS_WAY);
        let shown = late.unwrap_or(spot);
        let names = &self.names;
        self.findings.compare(Invariant::CANCELLED, late.is_none(), (shown, spot), || {
            format!("a piece of {} came long after the ok to its cancel", names.text(turn))
        });
    }

    /// I1: at one seq there is one item; what is known of it from elsewhere must be the same.
    pub(super) fn saw_item(&mut self, thread: Name, item: Item) {
        let Item { name, seq, spot, accepted, turn, .. } = item;
        let text = item.text.clone();
        let known = self.known.threads.entry(thread).or_default();
        let Some(known) = known.item_at(item) else { return };
        let same =
            known.name == name && (known.text.is_none() || text.is_none() || known.text == text);
        let against = known.spot;
        known.accepted |= accepted;
        known.text = known.text.take().or(text);
        known.turn = known.turn.or(turn);
        let (shown, names) = (names_of(&self.names, known.name, name), &self.names);
        self.findings.compare(Invariant::LOGGED, same, (spot, against), || {
            format!("at seq {seq} of {} stands {shown}", names.text(thread))
        });
    }
}

fn names_of(names: &super::names::Names, one: Name, other: Name) -> String {
    let (one, other) = (names.text(one), names.text(other));
    if one == other { format!("{one} with two texts") } else { format!("{one} and {other}") }
}
