//! The events of a log, as each client received them.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{
    accepting::ON_ITS_WAY,
    checker::Checker,
    copy::{Copy, Text},
    finding::Spot,
    invariant::Invariant,
    line::{End, Event, Resumed},
    logs::Mark,
    names::Name,
    turns::{Ending, Item},
};

/// What an event says of its place.
struct Place {
    thread: Name,
    epoch: Option<Name>,
    first: i64,
    seq: i64,
}

impl Checker {
    pub(super) fn resumed(&mut self, spot: Spot, resumed: &Resumed) {
        let (thread, epoch) = (self.names.of(resumed.thread), self.names.any(resumed.epoch));
        let client = self.clients.entry((spot.file, spot.client)).or_default();
        if client.opens(thread) {
            return;
        }
        let Some(copy) = client.copy.as_mut().filter(|copy| copy.thread == thread) else { return };
        if !matches!(resumed.mode, "current" | "replay") {
            copy.seq = None;
            return;
        }
        let next = resumed.first.or_else(|| resumed.seq.map(|seq| seq + 1));
        let (have, epochs) = (copy.seq, (copy.epoch, epoch));
        copy.replay_to = resumed.seq.unwrap_or_default();
        let same_epoch = epochs.0.is_none() || epochs.1.is_none() || epochs.0 == epochs.1;
        let goes_on = next.is_none() || have.map(|have| have + 1) == next;
        self.findings.check(Invariant::CONTINUOUS, same_epoch && goes_on, spot, || {
            let (have, next) = (have.unwrap_or_default(), next.unwrap_or_default());
            format!("a client that has event {have} was resumed from {next}, or in another epoch")
        });
    }

    pub(super) fn event(&mut self, spot: Spot, event: &Event) {
        self.received(spot);
        let place = Place {
            thread: self.names.of(event.thread),
            epoch: self.names.any(event.epoch),
            first: event.first,
            seq: event.seq,
        };
        self.follow(spot, &place);
        let (turn, item) = (self.names.any(event.turn), self.names.any(event.item));
        match (event.r#type, turn) {
            ("message", _) => self.message(spot, &place, event),
            ("turn", Some(turn)) => self.news(spot, turn, event),
            ("delta", Some(turn)) => self.piece(spot, turn, event),
            _ => {}
        }
        let mut hasher = DefaultHasher::new();
        (event.r#type, turn, event.attempt, event.status, item).hash(&mut hasher);
        let mark = self.mark(spot, &place, hasher.finish(), event.sha256);
        self.same_bytes(&place, mark);
    }

    /// I2.
    fn follow(&mut self, spot: Spot, place: &Place) {
        let client = self.clients.entry((spot.file, spot.client)).or_default();
        let given_up = client.opens(place.thread);
        let copy = match &mut client.copy {
            Some(copy) if copy.thread == place.thread => copy,
            other => other.insert(Copy::of(place.thread, spot)),
        };
        if given_up {
            copy.torn = true;
            return;
        }
        let (have, first) = (copy.seq, place.first);
        if place.epoch.is_some() {
            copy.epoch = place.epoch;
        }
        copy.moved_to(place.seq);
        let goes_on = have.map(|have| have + 1) == Some(first);
        copy.torn |= !goes_on;
        self.findings.check(Invariant::CONTINUOUS, goes_on, spot, || match have {
            None => format!("event {first} came before the server had said where it goes on"),
            Some(have) if first <= have => format!("event {first} came again: {have} was there"),
            Some(have) => format!("after event {have} came {first}: what is between is lost"),
        });
    }

    fn message(&mut self, spot: Spot, place: &Place, event: &Event) {
        let Some(name) = event.item.map(|item| self.names.of(item)) else { return };
        if event.replaces.is_some() {
            self.known.threads.entry(place.thread).or_default().branched = true;
        }
        let text = event.length.zip(event.sha256.map(Into::into));
        let (seq, turn, accepted) = (event.seq, None, false);
        self.saw_item(place.thread, Item { name, seq, text, turn, accepted, spot });
    }

    /// A turn begins, goes on with another owner, or begins anew.
    fn news(&mut self, spot: Spot, turn: Name, event: &Event) {
        self.attempt(spot, turn, event.attempt.unwrap_or_default());
        if event.status != Some("restarted") {
            return;
        }
        let client = self.clients.entry((spot.file, spot.client)).or_default();
        if let Some(text) = client.copy.as_mut().and_then(|copy| copy.text.as_mut()) {
            text.clear();
        }
        let known = self.known.turns.entry(turn).or_default();
        if known.restarted.is_none_or(|before| before.at < spot.at) {
            known.restarted = Some(spot);
        }
    }

    /// I6: attempts of a turn do not fall. Makes sure that the client has a text of this turn.
    fn attempt(&mut self, spot: Spot, turn: Name, attempt: i32) {
        let client = self.clients.entry((spot.file, spot.client)).or_default();
        let Some(copy) = &mut client.copy else { return };
        let text = copy.text_of(turn, attempt);
        let before = std::mem::replace(&mut text.attempt, attempt);
        let names = &self.names;
        self.findings.check(Invariant::OWNERS, attempt >= before, spot, || {
            format!("{}: attempt {attempt} came after attempt {before}", names.text(turn))
        });
    }

    fn piece(&mut self, spot: Spot, turn: Name, event: &Event) {
        self.attempt(spot, turn, event.attempt.unwrap_or_default());
        let client = self.clients.entry((spot.file, spot.client)).or_default();
        let mut live = true;
        if let Some(copy) = &mut client.copy {
            live = event.seq > copy.replay_to;
            if let Some(text) = &mut copy.text {
                text.append(event.length.unwrap_or_default(), event.text.as_deref());
            }
        }
        let confirmed = client.cancelled.get(&turn).copied();
        let known = self.known.turns.entry(turn).or_default();
        let stopped = known.stopped.filter(|stopped| spot.at > stopped.at + ON_ITS_WAY);
        let ended = known.end.as_ref().filter(|_| known.has_ended_for(spot));
        let names = &self.names;
        if let Some(ended) = ended {
            self.findings.compare(Invariant::ONE_END, false, (spot, ended.spot), || {
                format!("{} went on after its end", names.text(turn))
            });
        }
        if !live {
            return;
        }
        if known.last_piece.is_none_or(|before| before.at < spot.at) {
            known.last_piece = Some(spot);
        }
        if let Some(confirmed) = confirmed.or(stopped) {
            self.findings.compare(Invariant::CANCELLED, false, (spot, confirmed), || {
                format!("a piece of {} came after the ok to its cancel", names.text(turn))
            });
        }
    }

    pub(super) fn end(&mut self, spot: Spot, end: &End) {
        self.received(spot);
        let turn = self.names.of(end.turn);
        let place = Place {
            thread: self.names.of(end.thread),
            epoch: self.names.any(end.epoch),
            first: end.first,
            seq: end.seq,
        };
        self.follow(spot, &place);
        self.attempt(spot, turn, end.attempt);
        let mut hasher = DefaultHasher::new();
        ("end", turn, end.status).hash(&mut hasher);
        let mark = self.mark(spot, &place, hasher.finish(), Some(end.sha256));
        let again = self.known.turns.get(&turn).is_some_and(|turn| turn.has_ended_for(spot));
        if !again {
            self.hash(spot, turn, end);
        }
        let item = self.names.any(end.item);
        let ending = Ending {
            seq: Some(end.seq),
            status: end.status.into(),
            length: end.length,
            sha256: end.sha256.into(),
            item,
            spot,
        };
        self.ended(turn, ending, true);
        self.same_bytes(&place, mark);
        if let Some(name) = item {
            let text = end.item_length.zip(end.item_sha256.map(Into::into));
            let (seq, accepted) = (end.seq, false);
            self.saw_item(place.thread, Item { name, seq, text, turn: Some(turn), accepted, spot });
        }
        self.ends_behind(spot, turn, &place);
    }

    /// I17: a turn ends behind its question.
    fn ends_behind(&mut self, spot: Spot, turn: Name, place: &Place) {
        let thread = self.known.threads.entry(place.thread).or_default();
        if thread.last_end.is_none_or(|(seq, _)| seq < place.seq) {
            thread.last_end = Some((place.seq, spot));
        }
        if let Some(asked) = self.known.turns.get(&turn).and_then(|turn| turn.asked) {
            let (seq, end) = (asked.seq, place.seq);
            self.findings.compare(Invariant::SEQ, end > seq, (spot, asked.spot), || {
                format!("a turn ended at seq {end}, but its question stands at {seq}")
            });
        }
    }

    /// I4, and I3 of the stated text: all that see the end of a turn see one and the same.
    pub(super) fn ended(&mut self, turn: Name, ending: Ending, is_event: bool) {
        let spot = ending.spot;
        self.client(spot).pending.retain(|pending| *pending != turn);
        let (names, known) = (&self.names, self.known.turns.entry(turn).or_default());
        let again = known.has_ended_for(spot);
        if !again {
            known.ended_for.push((spot.file, spot.client));
        }
        let Some(before) = &known.end else {
            known.end = Some(ending);
            return;
        };
        if is_event {
            self.findings.compare(Invariant::ONE_END, !again, (spot, before.spot), || {
                format!("{} ended a second time for this client", names.text(turn))
            });
        }
        let (place, text) = (spot, before.spot);
        let one = before.status == ending.status
            && (before.seq.is_none() || ending.seq.is_none() || before.seq == ending.seq);
        self.findings.compare(Invariant::ONE_END, one, (place, text), || {
            let (turn, was, is) = (names.text(turn), &before.status, &ending.status);
            format!("{turn} has two ends: {was} at {:?}, {is} at {:?}", before.seq, ending.seq)
        });
        let kept = if is_event { Invariant::SAME_BYTES } else { Invariant::LOGGED };
        self.findings.compare(kept, !one || before.agrees(&ending), (spot, before.spot), || {
            let (turn, was, is) = (names.text(turn), before.length, ending.length);
            format!("{turn} ended with {was} characters, and elsewhere with {is} or another text")
        });
        if before.seq.is_none() {
            known.end = Some(ending);
        }
    }

    /// I5.
    fn hash(&mut self, spot: Spot, turn: Name, end: &End) {
        let client = self.clients.entry((spot.file, spot.client)).or_default();
        let copy = client.copy.as_mut();
        let text = copy.and_then(|copy| copy.text.take().filter(|_| !copy.torn));
        let text = text.filter(|text| text.turn == turn);
        let own = text.as_ref().and_then(Text::sha256);
        let stated = (end.length, end.sha256);
        let claims = [
            ("what the client applied", end.applied_length.zip(end.applied_sha256)),
            ("its item", end.item_length.zip(end.item_sha256)),
            ("the joined pieces", text.as_ref().map(|text| text.length).zip(own.as_deref())),
        ];
        let other = claims.iter().find(|(_, claim)| claim.is_some_and(|claim| claim != stated));
        let short = text.as_ref().is_some_and(|text| text.length != end.length);
        let names = &self.names;
        self.findings.check(Invariant::HASH, other.is_none() && !short, spot, || {
            let whose = other.map_or("the length of the joined pieces", |(whose, _)| whose);
            format!("length or hash in the end of {} is not that of {whose}", names.text(turn))
        });
    }

    fn mark(&mut self, spot: Spot, place: &Place, event: u64, sha256: Option<&str>) -> Mark {
        let client = self.clients.entry((spot.file, spot.client)).or_default();
        let copy = client.copy.as_ref().filter(|copy| !copy.torn);
        let text = copy.and_then(|copy| copy.text.as_ref());
        let head = sha256.and_then(|hash| hash.get(..16));
        Mark {
            seq: place.seq,
            first: place.first,
            event,
            piece: head.and_then(|hash| u64::from_str_radix(hash, 16).ok()).unwrap_or_default(),
            length: text.map(|text| text.length),
            text: text.and_then(Text::brief),
            spot,
        }
    }

    /// I3.
    fn same_bytes(&mut self, place: &Place, mark: Mark) {
        let seen = self.logs.see((place.thread, place.epoch), mark);
        let Some((other, agrees)) = seen else { return };
        let spots = (mark.spot, other.spot);
        if (spots.0.file, spots.0.client) == (spots.1.file, spots.1.client) {
            return;
        }
        let names = &self.names;
        self.findings.compare(Invariant::SAME_BYTES, agrees, spots, || {
            format!(
                "two clients saw different things at seq {} of {}",
                place.seq,
                names.text(place.thread)
            )
        });
    }
}
