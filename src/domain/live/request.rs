//! What a client asks: the body of each request (`live.md` §2). Reading them is
//! [`parse`](super::parse)'s.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::domain::ids::{
    CourseId, Epoch, ItemId, LessonId, MessageId, NodeId, StayId, ThreadId, TurnId, UserId,
};

/// Where the client is: names only, the server reads the text from its own store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Page {
    pub course: CourseId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lesson: Option<LessonId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<String>,
}

/// What a client has of a thread.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Resume {
    pub thread: ThreadId,
    #[serde(default)]
    pub epoch: Option<Epoch>,
    #[serde(default)]
    pub seq: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Hello {
    #[serde(default)]
    pub client: Option<String>,
    /// The stay to go on with.
    #[serde(default)]
    pub session: Option<StayId>,
    #[serde(default)]
    pub token: Option<String>,
    /// Read leniently: a bad page is named in `welcome.page_error`, it does not refuse the hello.
    #[serde(default)]
    #[cfg_attr(test, ts(as = "Option<Page>", optional))]
    pub page: Option<Value>,
    #[serde(default)]
    pub resume: Vec<Resume>,
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Send {
    #[serde(default)]
    pub thread: Option<ThreadId>,
    pub message_id: MessageId,
    pub text: String,
    #[serde(default)]
    pub quote: Option<String>,
    #[serde(default)]
    pub page: Option<Page>,
}

/// Another wording of a question: everything from it on is left, a new branch begins.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Edit {
    pub item: ItemId,
    pub text: String,
    /// Makes a repeat of this request harmless, as it does for `send`.
    #[serde(default)]
    pub message_id: Option<MessageId>,
}

/// Another answer to the newest question, in place of the one that stands. `item` is that answer,
/// or the question where it has none.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Regenerate {
    pub item: ItemId,
    #[serde(default)]
    pub message_id: Option<MessageId>,
}

/// One level more of help with the newest question.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Hint {
    pub turn: TurnId,
    #[serde(default)]
    pub message_id: Option<MessageId>,
}

/// What a learner thinks of an answer.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Feedback {
    pub item: ItemId,
    pub kind: Opinion,
    #[serde(default)]
    pub reason: Option<String>,
}

/// The two kinds that `ChatKit` has as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Opinion {
    Positive,
    Negative,
}

impl Opinion {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Negative => "negative",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct History {
    pub thread: ThreadId,
    #[serde(default)]
    pub before: Option<String>,
    #[serde(default)]
    pub limit: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct OfThread {
    pub thread: ThreadId,
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Cancel {
    pub turn: TurnId,
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Context {
    pub page: Page,
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Auth {
    pub token: String,
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Watch {
    pub feed: String,
    #[serde(default)]
    #[cfg_attr(test, ts(as = "Option<Filter>", optional))]
    pub filter: Filter,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Filter {
    #[serde(default)]
    pub role: Option<String>,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub course: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Unwatch {
    pub feed: String,
}

/// Ends one socket; its client stops and shows the reason.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Kick {
    pub session: StayId,
    #[serde(default)]
    pub reason: Option<String>,
}

/// Ends sign-ins: the one behind a stay, or all of a user's.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Revoke {
    #[serde(default)]
    pub session: Option<StayId>,
    #[serde(default)]
    pub user: Option<UserId>,
}

/// Tells a running node to take no new work and to send its clients elsewhere.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DrainNode {
    pub node: NodeId,
}

/// A message from those who run the school: to one stay, to all of a user's, or to everybody.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Notice {
    #[serde(default)]
    pub session: Option<StayId>,
    #[serde(default)]
    pub user: Option<UserId>,
    pub text: String,
}

/// How many messages a day a user has; null is what the role has.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct SetQuota {
    pub user: UserId,
    #[serde(default)]
    #[cfg_attr(test, ts(optional = nullable))]
    pub limit: Option<i32>,
}

/// What staff may do from the dashboard (`live.md` §2.7). Each leaves an audit entry.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(ts_rs::TS), ts(tag = "type", rename_all = "snake_case"))]
pub enum Action {
    Kick(Kick),
    Revoke(Revoke),
    CancelTurn(Cancel),
    DrainNode(DrainNode),
    Notice(Notice),
    SetQuota(SetQuota),
}

impl Action {
    /// Its `type` on the wire.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Kick(_) => "kick",
            Self::Revoke(_) => "revoke",
            Self::CancelTurn(_) => "cancel_turn",
            Self::DrainNode(_) => "drain_node",
            Self::Notice(_) => "notice",
            Self::SetQuota(_) => "set_quota",
        }
    }
}

/// How far a client has come in its threads.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Seqs {
    #[serde(default)]
    #[cfg_attr(test, ts(as = "Option<BTreeMap<ThreadId, i64>>", optional))]
    pub seqs: BTreeMap<ThreadId, i64>,
}

/// Somebody is writing, for six seconds unless said again.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Typing {
    pub thread: ThreadId,
    pub on: bool,
}

/// A request that gets exactly one answer.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(ts_rs::TS), ts(tag = "type", rename_all = "snake_case"))]
pub enum Request {
    Hello(Hello),
    Send(Send),
    Edit(Edit),
    Regenerate(Regenerate),
    Hint(Hint),
    Cancel(Cancel),
    Open(OfThread),
    Close(OfThread),
    History(History),
    Context(Context),
    Feedback(Feedback),
    Auth(Auth),
    Watch(Watch),
    Unwatch(Unwatch),
    #[cfg_attr(test, ts(untagged))]
    Act(Action),
}

/// What a client says without being answered.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(ts_rs::TS), ts(tag = "type", rename_all = "snake_case"))]
pub enum Sign {
    Ack(Seqs),
    Heartbeat(Seqs),
    Typing(Typing),
}
