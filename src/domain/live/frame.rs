//! What the server says. Frames that belong to a thread's log carry `thread` and `seq`; the others
//! are ephemeral.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::{
    code::Code,
    event::{Entry, LogEvent},
    ids::{ConnectionId, CourseId, Epoch, ItemId, NodeId, StayId, ThreadId, TurnId, UserId},
    item::{Item, Source},
    live::feed::Row,
    quota::Quota,
    role::Role,
};

#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Frame {
    #[serde(rename = "welcome")]
    Welcome(Box<Welcome>),
    #[serde(rename = "ok")]
    Ok {
        id: u32,
        #[serde(flatten)]
        #[cfg_attr(test, ts(skip))]
        body: Map<String, Value>,
    },
    #[serde(rename = "error")]
    Error(Error),
    #[serde(rename = "resumed")]
    Resumed(Resumed),
    #[serde(rename = "snapshot")]
    Snapshot(Box<Snapshot>),
    #[serde(rename = "heartbeat")]
    Heartbeat,
    /// The access token is about to run out: send another.
    #[serde(rename = "auth")]
    Auth { expires: String },
    #[serde(rename = "you")]
    You { role: Role, stages: BTreeMap<CourseId, u8> },
    /// A thread of this user is new, renamed or changed.
    #[serde(rename = "thread")]
    Thread { thread: ThreadId, title: String, updated: String },
    /// Somebody else who has this thread open is writing, or is not any more.
    #[serde(rename = "typing")]
    Typing { thread: ThreadId, user: UserId, name: String, on: bool },
    /// How many sockets this user has open now, this one included.
    #[serde(rename = "presence")]
    Presence { user: UserId, sessions: usize },
    /// A message from those who run the school.
    #[serde(rename = "notice")]
    Notice { text: String, at: String },
    #[serde(rename = "feed.snapshot")]
    FeedSnapshot { feed: String, rows: Vec<Row> },
    #[serde(rename = "feed.diff")]
    FeedDiff {
        feed: String,
        add: Vec<Row>,
        update: Vec<Row>,
        /// Ids of rows.
        remove: Vec<String>,
    },
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Welcome {
    pub id: u32,
    pub session: StayId,
    pub connection: ConnectionId,
    pub node: NodeId,
    pub user: Who,
    /// When the access token or the sign-in runs out.
    pub expires: String,
    /// Seconds of silence after which each side sends a heartbeat.
    pub heartbeat: u64,
    pub max_frame: usize,
    pub quota: Quota,
    pub tutor: TutorKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_error: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Who {
    pub id: UserId,
    pub name: String,
    pub role: Role,
    pub stages: BTreeMap<CourseId, u8>,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TutorKind {
    pub kind: &'static str,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "Refusal", optional_fields))]
pub struct Error {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<ThreadId>,
    pub code: Code,
    /// For the person: says what to do next.
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
}

impl Error {
    pub fn new(id: Option<u32>, code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { id, thread: None, code, message, retry_after_ms: None, quota: None }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Resumed {
    pub thread: ThreadId,
    pub epoch: Epoch,
    pub mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Mode {
    Current,
    Replay,
    Snapshot,
    Reset,
}

impl Mode {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Replay => "replay",
            Self::Snapshot => "snapshot",
            Self::Reset => "reset",
        }
    }
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Snapshot {
    pub thread: ThreadId,
    pub epoch: Epoch,
    pub seq: i64,
    pub title: String,
    /// The newest, oldest first.
    pub items: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<SnapshotTurn>,
    /// Turns that ended within these items: a client counts each as its `end`.
    pub ended: Vec<EndedTurn>,
    /// For `history`: there is more before these items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct SnapshotTurn {
    pub id: TurnId,
    pub attempt: i32,
    pub status: &'static str,
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint_level: Option<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(as = "Option<Vec<Source>>", optional))]
    pub sources: Vec<Source>,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct EndedTurn {
    pub turn: TurnId,
    pub status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemId>,
    pub length: i64,
    pub sha256: String,
}

/// An event of a thread's log on its way to a client.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct LogFrame<'a> {
    pub thread: &'a ThreadId,
    /// Only at seq 1 and where it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<&'a Epoch>,
    /// Only on a merged delta.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<i64>,
    pub seq: i64,
    #[serde(flatten)]
    pub event: &'a LogEvent,
}

impl<'a> LogFrame<'a> {
    pub fn new(thread: &'a ThreadId, epoch: &'a Epoch, entry: &'a Entry) -> Self {
        Self {
            thread,
            epoch: (entry.first == 1).then_some(epoch),
            first: (entry.first != entry.seq).then_some(entry.first),
            seq: entry.seq,
            event: &entry.event,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merged_delta_names_the_range_it_covers() {
        let event = LogEvent::Delta { turn: TurnId::new("trn_6"), attempt: 1, text: "Hi ".into() };
        let entry = Entry { first: 435, seq: 438, event };
        let (thread, epoch) = (ThreadId::new("thr_1"), Epoch::new("k3Zq"));

        assert_eq!(
            serde_json::to_value(LogFrame::new(&thread, &epoch, &entry)).unwrap(),
            serde_json::json!({
                "type": "delta", "thread": "thr_1", "first": 435, "seq": 438,
                "turn": "trn_6", "attempt": 1, "text": "Hi "
            })
        );
    }

    #[test]
    fn an_error_carries_only_what_it_has() {
        let error = Error::new(Some(2), Code::BusyTurn, "An answer is still being written.");

        assert_eq!(
            serde_json::to_value(Frame::Error(error)).unwrap(),
            serde_json::json!({
                "type": "error", "id": 2, "code": "busy_turn",
                "message": "An answer is still being written."
            })
        );
    }
}
