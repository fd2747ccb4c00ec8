//! What the server says, as this client reads it. Unknown types and fields are passed over.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use crate::domain::{
    event::LogEvent,
    ids::{ConnectionId, Epoch, ItemId, NodeId, StayId, ThreadId, TurnId, UserId},
    item::{Item, Source},
};

#[derive(Debug)]
pub(crate) enum Incoming {
    Welcome(Welcome),
    Ok(Accepted),
    Refused(Refusal),
    Resumed(Resumed),
    Snapshot(Box<Snapshot>),
    Log(Box<LogLine>),
    Heartbeat,
    /// The token is about to run out.
    Auth,
    Other(Ephemeral),
}

/// A frame that is no part of a thread's log; so it has no seq.
#[derive(Debug, Deserialize)]
pub(crate) struct Ephemeral {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) seq: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Welcome {
    pub(crate) session: StayId,
    pub(crate) connection: ConnectionId,
    pub(crate) node: NodeId,
    pub(crate) heartbeat: u64,
    pub(crate) user: User,
    pub(crate) tutor: Tutor,
    pub(crate) quota: Quota,
    #[serde(default)]
    pub(crate) page_error: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) id: UserId,
    pub(crate) name: String,
    pub(crate) role: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Tutor {
    pub(crate) kind: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Quota {
    /// `None`: without a limit.
    pub(crate) remaining: Option<i64>,
}

/// The answer to a request; what it holds depends on the request.
#[derive(Debug, Deserialize)]
pub(crate) struct Accepted {
    pub(crate) id: u32,
    pub(crate) thread: Option<ThreadId>,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) item: Option<ItemId>,
    pub(crate) turn: Option<TurnId>,
    pub(crate) seq: Option<i64>,
    #[serde(default)]
    pub(crate) duplicate: bool,
    /// Of a cancelled turn that had ended already.
    pub(crate) status: Option<String>,
    pub(crate) quota: Option<Quota>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) id: Option<u32>,
    /// Without an id: this thread of the hello could not be resumed.
    pub(crate) thread: Option<ThreadId>,
    pub(crate) code: String,
    pub(crate) message: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Resumed {
    pub(crate) thread: ThreadId,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) mode: String,
    /// Of a replay: the first event that follows.
    pub(crate) first: Option<i64>,
    /// Where the thread stands.
    pub(crate) seq: Option<i64>,
    pub(crate) reason: Option<String>,
}

/// A whole thread as it stands, in place of events that were missed.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) thread: ThreadId,
    pub(crate) epoch: Epoch,
    pub(crate) seq: i64,
    pub(crate) items: Vec<Item>,
    pub(crate) turn: Option<RunningTurn>,
    #[serde(default)]
    pub(crate) ended: Vec<EndedTurn>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RunningTurn {
    pub(crate) id: TurnId,
    #[serde(default)]
    pub(crate) attempt: i32,
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) sources: Vec<Source>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct EndedTurn {
    pub(crate) turn: TurnId,
    pub(crate) status: String,
    pub(crate) item: Option<ItemId>,
    pub(crate) length: i64,
    pub(crate) sha256: String,
}

/// One event of a thread's log.
#[derive(Debug)]
pub(crate) struct LogLine {
    pub(crate) place: Place,
    pub(crate) event: LogEvent,
}

/// Where in which log an event stands; a merged delta covers `first..=seq`.
#[derive(Debug, Deserialize)]
pub(crate) struct Place {
    pub(crate) thread: ThreadId,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) first: Option<i64>,
    pub(crate) seq: i64,
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

/// A delta with all its fields: nearly every line is one, and a tagged enum costs several times as
/// much to read.
#[derive(Deserialize)]
struct Delta {
    thread: ThreadId,
    epoch: Option<Epoch>,
    first: Option<i64>,
    seq: i64,
    turn: TurnId,
    attempt: i32,
    text: String,
}

impl From<Delta> for LogLine {
    fn from(delta: Delta) -> Self {
        let Delta { thread, epoch, first, seq, turn, attempt, text } = delta;
        let place = Place { thread, epoch, first, seq };
        Self { place, event: LogEvent::Delta { turn, attempt, text } }
    }
}

/// Reads one line of a text frame.
pub(crate) fn read(line: &str) -> Result<Incoming, serde_json::Error> {
    let Kind { kind } = serde_json::from_str(line)?;
    match kind.as_ref() {
        "delta" => {
            let delta: Delta = serde_json::from_str(line)?;
            Ok(Incoming::Log(Box::new(delta.into())))
        }
        "message" | "turn" | "citations" | "end" => {
            let place = serde_json::from_str(line)?;
            let event = serde_json::from_str(line)?;
            Ok(Incoming::Log(Box::new(LogLine { place, event })))
        }
        "welcome" => serde_json::from_str(line).map(Incoming::Welcome),
        "ok" => serde_json::from_str(line).map(Incoming::Ok),
        "error" => serde_json::from_str(line).map(Incoming::Refused),
        "resumed" => serde_json::from_str(line).map(Incoming::Resumed),
        "snapshot" => serde_json::from_str(line).map(Box::new).map(Incoming::Snapshot),
        "heartbeat" => Ok(Incoming::Heartbeat),
        "auth" => Ok(Incoming::Auth),
        _ => serde_json::from_str(line).map(Incoming::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_with_its_place_in_the_log() {
        let line = r#"{"type":"delta","thread":"thr_1","first":4,"seq":6,"turn":"trn_1",
            "attempt":1,"text":"Hi ","later":true}"#;

        let Incoming::Log(log) = read(line).unwrap() else { panic!("a log event") };

        assert_eq!((log.place.first, log.place.seq), (Some(4), 6));
        assert!(matches!(log.event, LogEvent::Delta { ref text, .. } if text == "Hi "));
    }

    #[test]
    fn an_unknown_type_is_passed_over_and_a_broken_line_is_not() {
        assert!(matches!(read(r#"{"type":"you","role":"student"}"#).unwrap(), Incoming::Other(_)));
        assert!(read("{").is_err());
        assert!(read(r#"{"id":1}"#).is_err());
        assert!(read(r#"{"type":"delta","thread":"thr_1"}"#).is_err());
    }
}
