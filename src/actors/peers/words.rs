//! What nodes say to each other, and the rows that they show each other.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    actors::registry::Deed,
    domain::{
        clock::Millis,
        ids::{ConnectionId, SessionId, StayId, UserId},
        live::feed::{ErrorRow, Row, SessionRow, TurnRow},
    },
};

/// The subject of all our notes.
pub(super) const SUBJECT: &str = "peers";

/// What a node has that others may want to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Topic {
    /// The feeds of those names.
    Sessions,
    Turns,
    Errors,
    /// Which stays have a socket there. Each node wants to know this of every other.
    Stays,
}

/// A stay that has a socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StayRow {
    pub stay: StayId,
    pub user: UserId,
    pub connection: ConnectionId,
    /// When it came there. Of two sockets of a stay the later one stays.
    pub at: Millis,
}

/// A row of a topic; which kind it is follows from the topic.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Told {
    Session(SessionRow),
    Turn(TurnRow),
    Error(ErrorRow),
    Stay(StayRow),
}

impl Told {
    pub(super) fn id(&self) -> &str {
        match self {
            // A stay may have two rows for a moment while it moves.
            Self::Session(row) => row.connection.as_str(),
            Self::Turn(row) => row.turn.as_str(),
            Self::Error(row) => &row.id,
            Self::Stay(row) => row.stay.as_str(),
        }
    }

    /// None: another version's, which cannot be shown here.
    pub(super) fn read(topic: Topic, row: Value) -> Option<Self> {
        let read = match topic {
            Topic::Sessions => serde_json::from_value(row).map(Self::Session),
            Topic::Turns => serde_json::from_value(row).map(Self::Turn),
            Topic::Errors => serde_json::from_value(row).map(Self::Error),
            Topic::Stays => serde_json::from_value(row).map(Self::Stay),
        };
        read.inspect_err(|error| tracing::debug!(?topic, %error, "another node's row")).ok()
    }

    /// As feeds show it; stays are in none.
    pub(crate) fn into_row(self) -> Option<Row> {
        match self {
            Self::Session(row) => Some(Row::Session(row)),
            Self::Turn(row) => Some(Row::Turn(row)),
            Self::Error(row) => Some(Row::Error(row)),
            Self::Stay(_) => None,
        }
    }

    pub(super) fn into_stay(self) -> Option<StayRow> {
        match self {
            Self::Stay(row) => Some(row),
            _ => None,
        }
    }
}

/// How far a topic has come on a node: each change is numbered. A new `run` begins anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stand {
    pub run: String,
    pub n: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(super) enum Word {
    /// Show me what you have for the next seconds; `anew`: from the beginning.
    Want {
        topic: Topic,
        anew: bool,
    },
    /// So far I have come.
    At {
        topic: Topic,
        stand: Stand,
    },
    /// A part of all that I have, as of `stand`.
    Part {
        topic: Topic,
        stand: Stand,
        part: u32,
        last: bool,
        rows: Vec<Value>,
    },
    /// What has changed, which brings a reader from the number before to `stand`.
    Diff {
        topic: Topic,
        stand: Stand,
        set: Vec<Value>,
        gone: Vec<String>,
    },
    /// Whoever it concerns answers; the others are silent.
    Ask {
        id: String,
        question: Question,
    },
    Answer {
        id: String,
        reply: Reply,
    },
    /// Staff say something to a person, or to everybody.
    Notice {
        user: Option<UserId>,
        text: String,
        at: String,
    },
    /// I am going.
    Goodbye,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(super) enum Question {
    /// Who is connected to you under this stay?
    Find { stay: StayId },
    /// Do this to it.
    Do { stay: StayId, deed: Deed },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub(super) enum Reply {
    Found { user: UserId, sign_in: SessionId },
    Done,
}
