//! What staff may watch (`live.md` §2.7): the feeds and their rows. A feed is a set of rows with
//! ids; a watcher gets a snapshot, then what was added, updated and removed.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::request::Page;
use crate::domain::{
    ids::{ConnectionId, ItemId, NodeId, StayId, ThreadId, TurnId, UserId},
    item::Item,
    role::Role,
};

/// Which feed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Feed {
    /// Who is connected.
    Sessions,
    /// Answers that are waiting or being written.
    Turns,
    /// The servers.
    Nodes,
    /// The newest sign-ins and other events of accounts.
    AuthEvents,
    /// The newest warnings and errors of the servers.
    Errors,
    /// One conversation. Each look leaves an audit entry.
    Thread(ThreadId),
}

/// No feed has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown feed {0:?}: use sessions, turns, nodes, auth_events, errors or thread:<id of a thread>"
)]
pub struct UnknownFeed(String);

impl FromStr for Feed {
    type Err = UnknownFeed;

    fn from_str(name: &str) -> Result<Self, UnknownFeed> {
        match name {
            "sessions" => Ok(Self::Sessions),
            "turns" => Ok(Self::Turns),
            "nodes" => Ok(Self::Nodes),
            "auth_events" => Ok(Self::AuthEvents),
            "errors" => Ok(Self::Errors),
            _ => match name.strip_prefix("thread:") {
                Some(id) if !id.is_empty() => Ok(Self::Thread(ThreadId::new(id))),
                _ => Err(UnknownFeed(name.chars().take(80).collect())),
            },
        }
    }
}

impl fmt::Display for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sessions => f.write_str("sessions"),
            Self::Turns => f.write_str("turns"),
            Self::Nodes => f.write_str("nodes"),
            Self::AuthEvents => f.write_str("auth_events"),
            Self::Errors => f.write_str("errors"),
            Self::Thread(id) => write!(f, "thread:{id}"),
        }
    }
}

impl Feed {
    /// Feeds that show addresses of people or the inside of the server: for admins alone.
    pub const fn is_for_admins(&self) -> bool {
        matches!(self, Self::Nodes | Self::AuthEvents | Self::Errors)
    }
}

/// A row of any feed; which kind it is follows from the feed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Row {
    Session(SessionRow),
    Turn(TurnRow),
    Node(NodeRow),
    AuthEvent(AuthEventRow),
    Error(ErrorRow),
    Entry(EntryRow),
}

impl Row {
    /// What names the row in `remove`.
    pub fn id(&self) -> &str {
        match self {
            Self::Session(row) => row.session.as_str(),
            Self::Turn(row) => row.turn.as_str(),
            Self::Node(row) => row.node.as_str(),
            Self::AuthEvent(row) => &row.id,
            Self::Error(row) => &row.id,
            Self::Entry(row) => row.id(),
        }
    }
}

/// Somebody who is connected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SessionRow {
    pub session: StayId,
    pub connection: ConnectionId,
    pub node: NodeId,
    pub user: RowUser,
    /// The admin who acts as this person; absent where she acts herself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub impersonated_by: Option<UserId>,
    pub page: Option<Page>,
    /// RFC 3339, as all times of rows.
    pub since: String,
    pub threads: Vec<ThreadId>,
    /// `websocket` or `sse`.
    pub transport: Cow<'static, str>,
    pub queued_bytes: usize,
    /// Events that are in a log and that the client has not acknowledged (or, if it never
    /// acknowledges, that have not been sent).
    pub lag: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RowUser {
    pub id: UserId,
    pub name: String,
    pub role: Role,
}

/// An answer that has not ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TurnRow {
    pub turn: TurnId,
    pub thread: ThreadId,
    pub user: UserId,
    /// `queued` or `running`.
    pub status: Cow<'static, str>,
    /// Who writes it; absent while it waits for an owner.
    pub node: Option<NodeId>,
    pub attempt: i32,
    pub since: String,
    pub hint_level: Option<u8>,
    /// Pieces of text written so far by this owner, and in the last second.
    pub tokens: u64,
    pub tokens_per_second: u64,
}

/// A server.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct NodeRow {
    pub node: NodeId,
    pub version: String,
    pub started: String,
    /// Its lease holds.
    pub alive: bool,
    pub draining: bool,
    /// What it has to do without: `bus`, the word of other nodes.
    pub degraded: Vec<String>,
    pub sessions: i64,
    pub turns: i64,
    /// Resident memory of the process.
    pub rss_bytes: i64,
}

/// Something that happened to an account.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AuthEventRow {
    pub id: String,
    pub at: String,
    /// Such as `sign_in`, `sign_in_failed`, `sign_out`.
    pub kind: String,
    pub user: Option<UserId>,
    pub email: Option<String>,
    pub address: Option<String>,
    pub agent: Option<String>,
}

/// A line of the log at level warning or error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ErrorRow {
    pub id: String,
    pub at: String,
    pub node: NodeId,
    /// `warn` or `error`.
    pub level: Cow<'static, str>,
    /// The part of the program that said it.
    pub target: String,
    pub message: String,
}

/// What stands in a watched conversation: an item, or the answer that is being written.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum EntryRow {
    Item(Box<Item>),
    Running { id: TurnId, r#type: RunningTag, attempt: i32, text: String },
}

/// The `type` of a running answer among the items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum RunningTag {
    RunningTurn,
}

impl EntryRow {
    fn id(&self) -> &str {
        match self {
            Self::Item(item) => ItemId::as_str(&item.id),
            Self::Running { id, .. } => id.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_read_as_it_is_written() {
        for name in ["sessions", "turns", "nodes", "auth_events", "errors", "thread:thr_1"] {
            assert_eq!(name.parse::<Feed>().unwrap().to_string(), name);
        }
        for name in ["", "thread:", "Sessions", "threads"] {
            assert!(name.parse::<Feed>().is_err(), "{name}");
        }
    }
}
