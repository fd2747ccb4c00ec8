//! A line of a history as the checker reads it; `loadtest/HISTORY.md` is the format. Fields and
//! kinds that it does not know are passed over.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

/// What every line has.
#[derive(Debug, Deserialize)]
pub(crate) struct Head<'a> {
    pub(crate) t: f64,
    pub(crate) client: u32,
    kind: &'a str,
}

#[derive(Debug)]
pub(crate) enum Line<'a> {
    Run(Run),
    Connect,
    Hello(Hello<'a>),
    Request(Request<'a>),
    Welcome(Welcome<'a>),
    Ok(Accepted<'a>),
    Error(Refused),
    Resumed(Resumed<'a>),
    Snapshot(Box<Snapshot<'a>>),
    Event(Event<'a>),
    End(Box<End<'a>>),
    Ephemeral(Ephemeral<'a>),
    Closed(Closed<'a>),
    Fault,
    Left,
    Server(Server),
    Revoked(Revoked<'a>),
    Stopped,
    ReadsOn,
    Other,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Run {
    pub(crate) version: u32,
    pub(crate) started_ms: i64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Hello<'a> {
    pub(crate) thread: Option<&'a str>,
    pub(crate) epoch: Option<&'a str>,
    pub(crate) seq: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Request<'a> {
    pub(crate) id: u32,
    pub(crate) r#type: &'a str,
    #[serde(borrow)]
    pub(crate) message_id: Option<Cow<'a, str>>,
    pub(crate) thread: Option<&'a str>,
    pub(crate) turn: Option<&'a str>,
    pub(crate) length: Option<i64>,
    pub(crate) sha256: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Welcome<'a> {
    pub(crate) user: &'a str,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Accepted<'a> {
    pub(crate) id: u32,
    pub(crate) thread: Option<&'a str>,
    pub(crate) epoch: Option<&'a str>,
    pub(crate) item: Option<&'a str>,
    pub(crate) turn: Option<&'a str>,
    pub(crate) seq: Option<i64>,
    #[serde(default)]
    pub(crate) duplicate: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Refused {
    pub(crate) id: Option<u32>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Resumed<'a> {
    pub(crate) thread: &'a str,
    pub(crate) mode: &'a str,
    pub(crate) epoch: Option<&'a str>,
    pub(crate) first: Option<i64>,
    pub(crate) seq: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Snapshot<'a> {
    pub(crate) thread: &'a str,
    pub(crate) epoch: &'a str,
    pub(crate) seq: i64,
    #[serde(borrow)]
    pub(crate) turn: Option<Running<'a>>,
    #[serde(borrow)]
    pub(crate) ended: Vec<Ended<'a>>,
    #[serde(borrow)]
    pub(crate) items: Vec<Item<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Running<'a> {
    pub(crate) turn: &'a str,
    pub(crate) attempt: i32,
    pub(crate) length: i64,
    pub(crate) sha256: &'a str,
    #[serde(borrow)]
    pub(crate) text: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Ended<'a> {
    pub(crate) turn: &'a str,
    pub(crate) status: &'a str,
    pub(crate) item: Option<&'a str>,
    pub(crate) length: i64,
    pub(crate) sha256: &'a str,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Item<'a> {
    #[serde(rename = "item")]
    pub(crate) id: &'a str,
    pub(crate) length: i64,
    pub(crate) sha256: &'a str,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Event<'a> {
    pub(crate) thread: &'a str,
    pub(crate) epoch: Option<&'a str>,
    pub(crate) first: i64,
    pub(crate) seq: i64,
    pub(crate) r#type: &'a str,
    pub(crate) item: Option<&'a str>,
    pub(crate) replaces: Option<&'a str>,
    pub(crate) turn: Option<&'a str>,
    pub(crate) attempt: Option<i32>,
    pub(crate) status: Option<&'a str>,
    pub(crate) length: Option<i64>,
    pub(crate) sha256: Option<&'a str>,
    #[serde(borrow)]
    pub(crate) text: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct End<'a> {
    pub(crate) thread: &'a str,
    pub(crate) epoch: Option<&'a str>,
    pub(crate) first: i64,
    pub(crate) seq: i64,
    pub(crate) turn: &'a str,
    pub(crate) attempt: i32,
    pub(crate) status: &'a str,
    pub(crate) length: i64,
    pub(crate) sha256: &'a str,
    pub(crate) item: Option<&'a str>,
    pub(crate) item_length: Option<i64>,
    pub(crate) item_sha256: Option<&'a str>,
    pub(crate) applied_length: Option<i64>,
    pub(crate) applied_sha256: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Ephemeral<'a> {
    pub(crate) r#type: &'a str,
    pub(crate) seq: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Closed<'a> {
    pub(crate) by: &'a str,
    pub(crate) code: Option<u16>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Server {
    pub(crate) pid: u32,
    pub(crate) rss_bytes: u64,
    pub(crate) connections: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Revoked<'a> {
    pub(crate) user: &'a str,
}

/// Reads one line.
pub(crate) fn read(line: &str) -> Result<(Head<'_>, Line<'_>), serde_json::Error> {
    let head: Head = serde_json::from_str(line)?;
    let body = body(head.kind, line)?;
    Ok((head, body))
}

fn body<'a>(kind: &str, line: &'a str) -> Result<Line<'a>, serde_json::Error> {
    Ok(match kind {
        "event" => Line::Event(serde_json::from_str(line)?),
        "end" => Line::End(serde_json::from_str(line)?),
        "ephemeral" => Line::Ephemeral(serde_json::from_str(line)?),
        "snapshot" => Line::Snapshot(serde_json::from_str(line)?),
        "run" => Line::Run(serde_json::from_str(line)?),
        "hello" => Line::Hello(serde_json::from_str(line)?),
        "request" => Line::Request(serde_json::from_str(line)?),
        "welcome" => Line::Welcome(serde_json::from_str(line)?),
        "ok" => Line::Ok(serde_json::from_str(line)?),
        "error" => Line::Error(serde_json::from_str(line)?),
        "resumed" => Line::Resumed(serde_json::from_str(line)?),
        "closed" => Line::Closed(serde_json::from_str(line)?),
        "revoked" => Line::Revoked(serde_json::from_str(line)?),
        "server" => Line::Server(serde_json::from_str(line)?),
        "connect" => Line::Connect,
        "fault" => Line::Fault,
        "left" => Line::Left,
        "stopped" => Line::Stopped,
        "reads_on" => Line::ReadsOn,
        _ => Line::Other,
    })
}
