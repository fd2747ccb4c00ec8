//! How entries stand in Redis (`common.lua` says where): a delta is its bare text, anything else is
//! JSON.

use std::collections::HashMap;

use redis::{Cmd, Value, from_redis_value};

use crate::{
    domain::{
        event::{Entry, LogEvent, Running},
        ids::TurnId,
    },
    turnlog::LogError,
};

/// A stream's entry: `<seq>-0` and its one field.
type Raw = (String, (String, String));

/// What Redis holds of a log.
pub(super) struct Stored {
    pub(super) seq: i64,
    pub(super) oldest: i64,
    pub(super) base: Option<Running>,
    pub(super) entries: Vec<Entry>,
}

/// Adds the entries to the arguments of `append.lua`.
pub(super) fn write(command: &mut Cmd, entries: &[Entry]) {
    let mut answer = None;
    for entry in entries {
        let single = entry.first == entry.seq;
        match &entry.event {
            LogEvent::Delta { turn, attempt, text } if single => {
                if answer.replace((turn, *attempt)) != Some((turn, *attempt)) {
                    command.arg("c").arg(format!("{turn}:{attempt}"));
                }
                command.arg("d").arg(text);
            }
            event if single => {
                let kind = if matches!(event, LogEvent::End(_)) { "e" } else { "j" };
                command.arg(kind).arg(json(event));
            }
            event => {
                let (first, width) = (entry.first, entry.seq + 1 - entry.first);
                command.arg(format!("m{width}")).arg(format!("{first}:{}", json(event)));
            }
        }
    }
}

/// What an earlier owner wrote, as `open.lua` takes it.
pub(super) fn base(running: Option<&Running>) -> String {
    running.map(json).unwrap_or_default()
}

/// Neither an event nor what is running has anything that JSON cannot say.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Reads what `open.lua` gives.
pub(super) fn opened(value: Value) -> Result<Stored, LogError> {
    let (seq, oldest, base, answers, found): (i64, i64, String, Vec<String>, Vec<Raw>) =
        from_redis_value(value).map_err(unreadable)?;
    Ok(Stored { seq, oldest, base: read_base(&base)?, entries: entries(&answers, found)? })
}

/// Reads what `view.lua` gives: the epoch and the rest.
pub(super) fn viewed(value: Value) -> Result<(String, Stored), LogError> {
    type Shown = (String, i64, i64, String, Vec<String>, Vec<Raw>);
    let (epoch, seq, oldest, base, answers, found): Shown =
        from_redis_value(value).map_err(unreadable)?;
    let entries = entries(&answers, found)?;
    Ok((epoch, Stored { seq, oldest, base: read_base(&base)?, entries }))
}

/// Reads what `read.lua` gives: the log's seq and the entries.
pub(super) fn tail(value: Value) -> Result<(i64, Vec<Entry>), LogError> {
    let (seq, answers, found): (i64, Vec<String>, Vec<Raw>) =
        from_redis_value(value).map_err(unreadable)?;
    Ok((seq, entries(&answers, found)?))
}

fn read_base(json: &str) -> Result<Option<Running>, LogError> {
    if json.is_empty() {
        return Ok(None);
    }
    serde_json::from_str(json).map(Some).map_err(unreadable)
}

/// `answers`: by turns a number and the answer that it stands for.
fn entries(answers: &[String], found: Vec<Raw>) -> Result<Vec<Entry>, LogError> {
    let answers: HashMap<&str, &str> = answers
        .chunks_exact(2)
        .filter_map(|pair| match pair {
            [number, answer] => Some((number.as_str(), answer.as_str())),
            _ => None,
        })
        .collect();
    let one = |(id, (field, value)): Raw| {
        entry(&answers, &id, &field, value).ok_or_else(|| unreadable(format!("entry {id}")))
    };
    found.into_iter().map(one).collect()
}

fn entry(answers: &HashMap<&str, &str>, id: &str, field: &str, value: String) -> Option<Entry> {
    let seq = id.split('-').next()?.parse().ok()?;
    match field {
        "j" => Some(Entry::single(seq, serde_json::from_str(&value).ok()?)),
        "m" => {
            let (first, event) = value.split_once(':')?;
            let event = serde_json::from_str(event).ok()?;
            Some(Entry { first: first.parse().ok()?, seq, event })
        }
        number => {
            let (turn, attempt) = answers.get(number)?.rsplit_once(':')?;
            let (turn, attempt) = (TurnId::new(turn), attempt.parse().ok()?);
            Some(Entry::single(seq, LogEvent::Delta { turn, attempt, text: value }))
        }
    }
}

pub(super) fn unreadable(what: impl std::fmt::Display) -> LogError {
    LogError::Unavailable(format!("what it holds cannot be read: {what}"))
}
