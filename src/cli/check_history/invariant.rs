//! What a server promises about turns: I1 to I18 of the design.

use std::fmt;

/// One promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Invariant(u8);

impl Invariant {
    pub(crate) const LOGGED: Self = Self(1);
    pub(crate) const CONTINUOUS: Self = Self(2);
    pub(crate) const SAME_BYTES: Self = Self(3);
    pub(crate) const ONE_END: Self = Self(4);
    pub(crate) const HASH: Self = Self(5);
    pub(crate) const OWNERS: Self = Self(6);
    pub(crate) const ONE_TURN: Self = Self(7);
    pub(crate) const SURVIVES: Self = Self(8);
    pub(crate) const CANCELLED: Self = Self(9);
    pub(crate) const NO_REWIND: Self = Self(10);
    pub(crate) const REVOKED: Self = Self(11);
    pub(crate) const NOT_SLOWED: Self = Self(12);
    pub(crate) const MEMORY: Self = Self(13);
    pub(crate) const EPHEMERAL: Self = Self(14);
    pub(crate) const OUTBOX: Self = Self(15);
    pub(crate) const QUOTA: Self = Self(16);
    pub(crate) const SEQ: Self = Self(17);
    pub(crate) const DRAIN: Self = Self(18);

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (1..=18).map(Self)
    }

    /// Its place in a list of all.
    pub(crate) fn index(self) -> usize {
        usize::from(self.0.saturating_sub(1))
    }

    /// The promise in a few words.
    pub(crate) fn promise(self) -> &'static str {
        TABLE.get(self.index()).map_or("", |(promise, _)| promise)
    }

    /// What must be in the files for it to be judged.
    pub(crate) fn shown_by(self) -> &'static str {
        TABLE.get(self.index()).map_or("", |(_, shown_by)| shown_by)
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "I{}", self.0)
    }
}

const TABLE: [(&str, &str); 18] = [
    ("what is seen is logged or stored", "chat --reread, resumed connections, or --database"),
    ("no gap, no repeat", "any answer"),
    ("all readers get the same bytes", "chat --readers or --cross, best with --texts"),
    ("exactly one end a turn", "any answer"),
    ("the hash is the text's", "any answer"),
    ("owners in order", "any answer; fences with --database"),
    ("sent twice, one turn", "chat --repeat, lost connections, or --database"),
    ("an accepted question survives", "chat --reread, resumed connections, or --database"),
    ("no words after a cancel's ok", "chat --cancel"),
    ("no silent rewind", "connections that came back amid an answer"),
    ("nothing after a revocation", "a close with 4003, 4005, 4103, or a line `revoked`"),
    ("no client slows the others", "load slow with 10 answers before and beside"),
    ("bounded memory a connection", "--server-pid, while 50 connections come"),
    ("ephemeral frames have no seq", "any heartbeat or other ephemeral frame"),
    ("outbox rows are applied once", "--database with mail in it"),
    ("no quota is exceeded", "--database with limited users"),
    ("seq rises across owners", "any answer"),
    ("a drain loses nothing", "a close with 4300 amid an answer"),
];
