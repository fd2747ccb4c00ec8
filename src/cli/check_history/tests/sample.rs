//! A small history without fault: two questions, a reader who joins in the middle, a drain, a
//! cancel, and the conversation read again.

use serde_json::{Value, json};

use super::super::{checker::Checker, finding::Violation, input};
use crate::domain::event::fingerprint;

pub(super) const FIRST: &str = "What moves here? Yes";

pub(super) struct History(pub(super) Vec<Value>);

impl History {
    pub(super) fn new() -> Self {
        Self(vec![json!({"t": 0.0, "client": 0, "connection": 0, "kind": "run", "version": 1,
            "mode": "chat", "users": 1, "url": "http://127.0.0.1:1",
            "started_ms": 1_790_000_000_000_i64})])
    }

    /// A line of a client, ten milliseconds after the one before.
    pub(super) fn add(&mut self, client: u32, kind: &str, body: Value) {
        let t = self.0.last().and_then(|line| line["t"].as_f64()).unwrap() + 10.0;
        self.add_at(t, client, kind, body);
    }

    pub(super) fn add_at(&mut self, t: f64, client: u32, kind: &str, body: Value) {
        self.0.push(line(t, client, kind, body));
    }

    fn both(&mut self, kind: &str, body: &Value) {
        for client in 1..=2 {
            self.add(client, kind, body.clone());
        }
    }

    /// The place of the `nth` line (from 0) of a client that has these fields.
    pub(super) fn find(&self, client: u32, fields: &Value, nth: usize) -> usize {
        let fits = |line: &Value| {
            line["client"] == client
                && fields.as_object().unwrap().iter().all(|(name, value)| line[name] == *value)
        };
        let mut places = (0..).zip(&self.0).filter(|(_, line)| fits(line)).map(|(at, _)| at);
        places.nth(nth).unwrap_or_else(|| panic!("no line {fields} of client {client}"))
    }

    pub(super) fn line(&mut self, client: u32, fields: &Value) -> &mut Value {
        let at = self.find(client, fields, 0);
        &mut self.0[at]
    }

    /// A line right behind another one.
    pub(super) fn insert_behind(&mut self, at: usize, kind: &str, body: Value) {
        let (t, client) = (self.0[at]["t"].as_f64().unwrap() + 1.0, &self.0[at]["client"]);
        let client = u32::try_from(client.as_u64().unwrap()).unwrap();
        self.0.insert(at + 1, line(t, client, kind, body));
    }

    pub(super) fn judged(&self) -> Checker {
        judge(&[self])
    }

    pub(super) fn first(&self) -> Option<Violation> {
        self.judged().findings.earliest().cloned()
    }

    /// The broken invariant, and the line that shows it.
    pub(super) fn broken(&self) -> Option<(String, usize)> {
        let violation = self.first()?;
        let line = usize::try_from(violation.spot.unwrap().line).unwrap();
        Some((violation.invariant.to_string(), line - 1))
    }
}

fn line(t: f64, client: u32, kind: &str, body: Value) -> Value {
    let mut line = json!({"t": t, "client": client, "connection": 1, "kind": kind});
    let Value::Object(fields) = body else { panic!("no object") };
    line.as_object_mut().unwrap().extend(fields);
    line
}

pub(super) fn judge(files: &[&History]) -> Checker {
    let mut checker = Checker::new(320);
    for (number, file) in files.iter().enumerate() {
        let lines: Vec<String> = file.0.iter().map(Value::to_string).collect();
        let text = lines.join("\n") + "\n";
        input::read_from(number, text.as_bytes(), &mut checker).unwrap();
    }
    checker.close();
    checker
}

pub(super) fn delta((first, seq): (i64, i64), turn: &str, attempt: i32, text: &str) -> Value {
    let (length, sha256) = fingerprint(text);
    json!({"thread": "thr_1", "epoch": "e1", "first": first, "seq": seq, "type": "delta",
        "turn": turn, "attempt": attempt, "length": length, "sha256": sha256, "text": text,
        "applied": true})
}

pub(super) fn news(seq: i64, turn: &str, attempt: i32, status: &str) -> Value {
    json!({"thread": "thr_1", "epoch": "e1", "first": seq, "seq": seq, "type": "turn",
        "turn": turn, "attempt": attempt, "status": status, "applied": true})
}

fn message(seq: i64, item: &str, text: &str) -> Value {
    let (length, sha256) = fingerprint(text);
    json!({"thread": "thr_1", "epoch": "e1", "first": seq, "seq": seq, "type": "message",
        "item": item, "length": length, "sha256": sha256, "applied": true})
}

pub(super) fn end(seq: i64, turn: &str, (attempt, status): (i32, &str), text: &str) -> Value {
    let (length, sha256) = fingerprint(text);
    let item = if turn == "trn_1" { "msg_2" } else { "msg_4" };
    json!({"thread": "thr_1", "epoch": "e1", "first": seq, "seq": seq, "turn": turn,
        "attempt": attempt, "status": status, "length": length, "sha256": sha256, "item": item,
        "item_length": length, "item_sha256": sha256, "applied": true,
        "applied_length": length, "applied_sha256": sha256})
}

pub(super) fn running(turn: &str, attempt: i32, text: &str) -> Value {
    let (length, sha256) = fingerprint(text);
    json!({"turn": turn, "attempt": attempt, "length": length, "sha256": sha256, "text": text})
}

fn item(id: &str, text: &str) -> Value {
    let (length, sha256) = fingerprint(text);
    json!({"item": id, "role": "user", "length": length, "sha256": sha256})
}

fn ended(turn: &str, status: &str, item: &str, text: &str) -> Value {
    let (length, sha256) = fingerprint(text);
    json!({"turn": turn, "status": status, "item": item, "length": length, "sha256": sha256})
}

pub(super) fn send(id: u32, message_id: &str, thread: Option<&str>, text: &str) -> Value {
    let (length, sha256) = fingerprint(text);
    json!({"id": id, "type": "send", "message_id": message_id, "thread": thread, "turn": null,
        "length": length, "sha256": sha256})
}

pub(super) fn ok(id: u32, item: &str, turn: &str, (seq, duplicate): (i64, bool)) -> Value {
    json!({"id": id, "thread": "thr_1", "epoch": "e1", "item": item, "turn": turn, "seq": seq,
        "duplicate": duplicate, "status": null, "quota_remaining": 10})
}

fn request(id: u32, kind: &str, thread: Option<&str>, turn: Option<&str>) -> Value {
    json!({"id": id, "type": kind, "message_id": null, "thread": thread, "turn": turn,
        "length": null, "sha256": null})
}

fn hello(seq: Option<i64>) -> Value {
    let thread = seq.map(|_| "thr_1");
    json!({"id": 1, "session": null, "thread": thread, "epoch": seq.map(|_| "e1"), "seq": seq})
}

pub(super) fn arrive(history: &mut History, client: u32, seq: Option<i64>) {
    history.add(client, "connect", json!({}));
    history.add(client, "hello", hello(seq));
    let welcome = json!({"user": "usr_1", "session": "s", "connection_id": "c", "node": "n1"});
    history.add(client, "welcome", welcome);
}

fn open(history: &mut History, client: u32, id: u32, seq: i64) {
    history.add(client, "request", request(id, "open", Some("thr_1"), None));
    history.add(
        client,
        "ok",
        json!({"id": id, "thread": "thr_1", "epoch": "e1", "item": null, "turn": null,
            "seq": seq, "duplicate": false, "status": null, "quota_remaining": null}),
    );
    history.add(client, "resumed", resumed("snapshot", None, seq));
}

pub(super) fn resumed(mode: &str, first: Option<i64>, seq: i64) -> Value {
    json!({"thread": "thr_1", "mode": mode, "epoch": "e1", "first": first, "seq": seq,
        "reason": null})
}

pub(super) fn snapshot(seq: i64, turn: &Value, items: &[Value], ended: &[Value]) -> Value {
    json!({"thread": "thr_1", "epoch": "e1", "seq": seq, "turn": turn, "ended": ended,
        "items": items})
}

/// The first question and a reader, up to the drain.
fn ask(history: &mut History) {
    arrive(history, 1, None);
    history.add(1, "request", send(2, "m1", None, "why?"));
    history.add(1, "request", send(3, "m1", None, "why?"));
    history.add(1, "ok", ok(2, "msg_1", "trn_1", (1, false)));
    history.add(1, "ok", ok(3, "msg_1", "trn_1", (1, true)));
    history.add(1, "event", message(1, "msg_1", "why?"));
    history.add(1, "event", news(2, "trn_1", 1, "running"));
    history.add(1, "event", delta((3, 4), "trn_1", 1, "What "));
    history.add(1, "event", delta((5, 5), "trn_1", 1, "moves "));
    arrive(history, 2, None);
    open(history, 2, 2, 5);
    let so_far = running("trn_1", 1, "What moves ");
    history.add(2, "snapshot", snapshot(5, &so_far, &[item("msg_1", "why?")], &[]));
    history.both("event", &delta((6, 6), "trn_1", 1, "here?"));
}

pub(super) fn good() -> History {
    let mut history = History::new();
    ask(&mut history);
    history.add(1, "closed", json!({"by": "server", "code": 4300, "reason": ""}));
    arrive(&mut history, 1, Some(6));
    history.add(1, "resumed", resumed("replay", Some(7), 7));
    history.both("event", &news(7, "trn_1", 2, "continued"));
    history.both("event", &delta((8, 8), "trn_1", 2, " Yes"));
    history.both("end", &end(9, "trn_1", (2, "done"), FIRST));
    history.add(1, "request", send(5, "m2", Some("thr_1"), "and then?"));
    history.add(1, "ok", ok(5, "msg_3", "trn_2", (10, false)));
    history.both("event", &message(10, "msg_3", "and then?"));
    history.both("event", &news(11, "trn_2", 1, "running"));
    history.both("event", &delta((12, 12), "trn_2", 1, "One "));
    history.add(1, "request", request(6, "cancel", None, Some("trn_2")));
    history.add(
        1,
        "ok",
        json!({"id": 6, "thread": null, "epoch": null, "item": null, "turn": "trn_2",
            "seq": null, "duplicate": false, "status": null, "quota_remaining": null}),
    );
    history.both("end", &end(13, "trn_2", (1, "cancelled"), "One "));
    history.add(1, "ephemeral", json!({"type": "heartbeat", "seq": null}));
    history.add(1, "request", request(7, "close", Some("thr_1"), None));
    open(&mut history, 1, 8, 13);
    let items = [("msg_1", "why?"), ("msg_2", FIRST), ("msg_3", "and then?"), ("msg_4", "One ")];
    let items = items.map(|(id, text)| item(id, text));
    let ends =
        vec![ended("trn_1", "done", "msg_2", FIRST), ended("trn_2", "cancelled", "msg_4", "One ")];
    history.add(1, "snapshot", snapshot(13, &Value::Null, &items, &ends));
    history.both("left", &json!({}));
    history
}
