//! A client's copy of the conversation that it follows, rebuilt from its lines.

use sha2::{Digest, Sha256};

use super::{finding::Spot, names::Name};
use crate::domain::event::hex;

/// The text of a running answer as one client has it.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) turn: Name,
    pub(crate) attempt: i32,
    /// Unicode scalar values.
    pub(crate) length: i64,
    /// While every piece so far was recorded with its text.
    hasher: Option<Sha256>,
}

impl Text {
    pub(crate) fn new(turn: Name, attempt: i32) -> Self {
        Self { turn, attempt, length: 0, hasher: Some(Sha256::new()) }
    }

    pub(crate) fn append(&mut self, length: i64, text: Option<&str>) {
        self.length += length;
        match (&mut self.hasher, text) {
            (Some(hasher), Some(text)) => hasher.update(text.as_bytes()),
            _ => self.hasher = None,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.length = 0;
        self.hasher = Some(Sha256::new());
    }

    /// SHA-256 of the text; none if the history has no texts.
    pub(crate) fn sha256(&self) -> Option<String> {
        // An empty text needs none to be recorded.
        let hasher = self.hasher.as_ref()?;
        Some(hex(&hasher.clone().finalize()))
    }

    /// The first eight bytes of it: enough to tell two texts apart.
    pub(crate) fn brief(&self) -> Option<u64> {
        let digest = self.hasher.as_ref()?.clone().finalize();
        let head = digest.first_chunk::<8>()?;
        Some(u64::from_be_bytes(*head))
    }
}

/// SHA-256 of the first `length` characters of a text; none if it is shorter.
pub(crate) fn prefix_sha256(text: &str, length: i64) -> Option<String> {
    let wanted = usize::try_from(length).ok()?;
    let end = match text.char_indices().nth(wanted) {
        Some((end, _)) => end,
        None if text.chars().count() == wanted => text.len(),
        None => return None,
    };
    Some(hex(&Sha256::digest(text.get(..end)?.as_bytes())))
}

#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) thread: Name,
    pub(crate) epoch: Option<Name>,
    /// The last event that it has; none until the server has said where it goes on.
    pub(crate) seq: Option<i64>,
    /// What it had, even after it gave that up: the same epoch may not fall behind it.
    pub(crate) had: Option<(Name, i64)>,
    pub(crate) text: Option<Text>,
    /// It missed something: until the next snapshot its text proves nothing.
    pub(crate) torn: bool,
    /// Up to here events are repeats of the log for a client that was away.
    pub(crate) replay_to: i64,
    /// When it asked for what the next snapshot shows.
    pub(crate) asked: Spot,
    /// An answer that ran when a draining server sent the client away, and its length then.
    pub(crate) drained: Option<(Name, i64)>,
}

impl Copy {
    pub(crate) const fn of(thread: Name, asked: Spot) -> Self {
        Self {
            thread,
            epoch: None,
            seq: None,
            had: None,
            text: None,
            torn: false,
            replay_to: 0,
            asked,
            drained: None,
        }
    }

    pub(crate) fn moved_to(&mut self, seq: i64) {
        self.seq = Some(seq);
        self.had = self.epoch.map(|epoch| (epoch, seq));
    }

    /// The running answer's text; that of another turn is over.
    pub(crate) fn text_of(&mut self, turn: Name, attempt: i32) -> &mut Text {
        if self.text.as_ref().is_some_and(|text| text.turn != turn) {
            self.text = None;
        }
        self.text.get_or_insert_with(|| Text::new(turn, attempt))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::fingerprint;

    #[test]
    fn a_prefix_is_of_characters_not_of_bytes() {
        let (_, expected) = fingerprint("é👍");
        assert_eq!(prefix_sha256("é👍!", 2), Some(expected.clone()));
        assert_eq!(prefix_sha256("é👍", 2), Some(expected));
        assert_eq!(prefix_sha256("é👍", 3), None);
    }
}
