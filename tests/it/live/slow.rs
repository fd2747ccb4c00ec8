//! Readers that are slow or stop (`live.md` §2.4): what they cost, how they are cut, and that
//! nobody else notices.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    live::Reader,
    person::Person,
    raw::{Heard, Raw},
    server::{Home, Server},
};

/// Bytes of a receive buffer that is soon full.
pub(super) const WINDOW: u32 = 4 * 1024;
/// About 900 kB of text, as fast as it can be written.
pub(super) const LONG: &str = "/ck tokens 100000 0";
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(super) fn home(more: &[(&'static str, &str)]) -> Home {
    let settings = [("INTELLISTACK__TUTOR__MODEL", "scripted")];
    Home::with(&[&settings, more].concat())
}

pub(super) async fn token(person: &Person) -> String {
    let (_, body) = person.get("/api/auth/token").await;
    body["token"].as_str().unwrap().to_owned()
}

/// One figure of `/metrics`.
pub(super) async fn figure(server: &Server, name: &str) -> i64 {
    let text = reqwest::get(format!("{}/metrics", server.url())).await.unwrap();
    let text = text.text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0, |figure| figure.parse().unwrap())
}

/// A figure of another process announces nothing.
pub(super) async fn until(server: &Server, name: &str, least: i64) {
    for _ in 0..1_200 {
        if figure(server, name).await >= least {
            return;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    panic!("{name} does not reach {least}");
}

async fn ask(raw: &mut Raw, text: &str) -> Reader {
    let page = json!({ "course": "agree", "lesson": "clocks" });
    let send = json!({ "type": "send", "id": 2, "message_id": text, "text": text, "page": page });
    raw.say(&send.to_string()).await;
    loop {
        let Heard::Text(text) = raw.hear().await else { panic!("no answer") };
        let mut frames = lines(&text);
        if let Some(ok) = frames.find(|frame| frame["type"] == "ok") {
            let mut reader = Reader::of(&ok);
            frames.for_each(|frame| reader.apply(&frame));
            return reader;
        }
    }
}

/// The next message; pings are passed over.
async fn message(raw: &mut Raw) -> String {
    loop {
        match raw.hear().await {
            Heard::Text(text) => return text,
            Heard::Ping | Heard::Pong(_) => {}
            end => panic!("{end:?}"),
        }
    }
}

fn lines(text: &str) -> impl Iterator<Item = Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap())
}

#[tokio::test]
async fn a_reader_that_stops_is_cut_without_harm_to_others_and_loses_nothing() {
    let home = home(&[("INTELLISTACK__LIVE__STALL_S", "4")]);
    let server = home.start();
    let admin = Person::demo(&server, "admin").await;
    let mut raw = Raw::live(server.url(), &token(&admin).await, Some(WINDOW)).await;
    let before = figure(&server, "intellistack_resident_bytes").await;
    let mut stopped = ask(&mut raw, LONG).await;

    // Another reader of the same answer has all of it while the first one stands still.
    let mut live = admin.live().await;
    live.send(json!({ "type": "open", "id": 3, "thread": stopped.thread })).await;
    let mut other = Reader { thread: stopped.thread.clone(), ..Reader::default() };
    other.turn.clone_from(&stopped.turn);
    other.finish(&mut live).await;
    assert_eq!(other.ends[0]["status"], "done");

    until(&server, r#"intellistack_socket_closes_total{value="4301"}"#, 1).await;
    assert_eq!(figure(&server, "intellistack_live_slow_readers_total").await, 1);
    assert!(figure(&server, "intellistack_live_held_total").await >= 1);
    let grown = figure(&server, "intellistack_resident_bytes").await - before;
    assert!(grown < 150_000_000, "{grown} bytes more for a text of 900 kB");

    let end = loop {
        match raw.hear().await {
            Heard::Text(text) => lines(&text).for_each(|frame| stopped.apply(&frame)),
            Heard::Ping | Heard::Pong(_) => {}
            end => break end,
        }
    };
    assert!(matches!(end, Heard::Close(Some(4301)) | Heard::End | Heard::Reset), "{end:?}");
    assert!(stopped.ends.is_empty(), "it must have missed something");
    let mut live = admin.resume(stopped.have()).await;
    stopped.finish(&mut live).await;
    assert_eq!(stopped.text, other.text);
}

#[tokio::test]
async fn a_reader_that_is_slow_but_reads_gets_everything_in_order() {
    // The kernel probes a window that was closed at growing intervals, of more than a second; and a
    // busy machine may not let this one read for a while.
    let home = home(&[("INTELLISTACK__LIVE__STALL_S", "15")]);
    let server = home.start();
    let admin = Person::demo(&server, "admin").await;
    let mut raw = Raw::live(server.url(), &token(&admin).await, Some(WINDOW)).await;
    let mut reader = ask(&mut raw, LONG).await;
    // It falls behind so far that nothing more is read for it, and then takes a message at a time.
    until(&server, "intellistack_live_held_total", 1).await;
    while reader.ends.is_empty() {
        match raw.hear().await {
            Heard::Text(text) => lines(&text).for_each(|frame| reader.apply(&frame)),
            Heard::Ping | Heard::Pong(_) => {}
            end => panic!("{end:?}"),
        }
        tokio::time::sleep(LOOK_EVERY / 2).await;
    }
    assert_eq!(figure(&server, "intellistack_live_slow_readers_total").await, 0);
    let (merged, out) = (
        figure(&server, "intellistack_live_merged_total").await,
        figure(&server, "intellistack_live_frames_out_total").await,
    );
    assert!(merged > 50 * out, "{merged} pieces went into others, {out} messages went out");
}

/// What the server held back counts neither as silence nor as a flood.
#[tokio::test]
async fn a_client_that_was_not_read_is_not_blamed_for_it() {
    // Longer than it takes to fall so far behind that nothing is read.
    let home =
        home(&[("INTELLISTACK__LIVE__HEARTBEAT_S", "1"), ("INTELLISTACK__LIVE__SILENCE_S", "8")]);
    let server = home.start();
    let admin = Person::demo(&server, "admin").await;
    let mut raw = Raw::live(server.url(), &token(&admin).await, Some(WINDOW)).await;
    let _reader = ask(&mut raw, LONG).await;
    until(&server, "intellistack_live_held_total", 1).await;
    let heard = figure(&server, "intellistack_live_frames_in_total").await;
    for id in 100..170 {
        let asked = json!({ "type": "history", "id": id, "thread": "none" });
        raw.say(&asked.to_string()).await;
    }
    // So long that another client, which says nothing, is given up for its silence.
    let mut silent = Raw::live(server.url(), &token(&admin).await, None).await;
    let given_up = loop {
        match silent.hear().await {
            Heard::Text(_) | Heard::Ping => {}
            end => break end,
        }
    };
    assert_eq!(given_up, Heard::Close(Some(4302)));
    // Its hello was heard.
    let heard = heard + 1;
    assert_eq!(
        figure(&server, "intellistack_live_frames_in_total").await,
        heard,
        "nothing is read"
    );

    let mut answers = Vec::new();
    while answers.len() < 70 {
        match raw.hear().await {
            Heard::Text(text) => {
                let errors = lines(&text).filter(|frame| frame["type"] == "error");
                answers.extend(errors.map(|error| (error["id"].clone(), error["code"].clone())));
            }
            Heard::Ping | Heard::Pong(_) => raw.say(r#"{"type":"heartbeat"}"#).await,
            end => panic!("{end:?} after {answers:?}"),
        }
    }
    let expected: Vec<_> = (100..170).map(|id| (json!(id), json!("not_found"))).collect();
    assert_eq!(answers, expected);
}

/// Each of the threads needs a snapshot of 270 kB: together more than may wait for one client.
#[tokio::test]
async fn many_long_threads_come_back_one_after_the_other() {
    let home = home(&[]);
    let server = home.start();
    let admin = Person::demo(&server, "admin").await;
    let mut raw = Raw::live(server.url(), &token(&admin).await, None).await;
    let mut readers = Vec::new();
    for n in 0..6 {
        let mut reader = ask(&mut raw, &format!("/ck tokens 30000 0 {n}")).await;
        while reader.ends.is_empty() {
            let text = message(&mut raw).await;
            lines(&text).for_each(|frame| reader.apply(&frame));
        }
        readers.push(reader);
    }
    let resume: Vec<_> = readers.iter().map(|reader| json!({ "thread": reader.thread })).collect();

    let mut raw = Raw::live_with(server.url(), &token(&admin).await, Some(WINDOW), &resume).await;
    until(&server, "intellistack_live_held_total", 1).await;
    for reader in &readers {
        let mut text = message(&mut raw).await;
        while !text.contains(r#""type":"snapshot""#) {
            text = message(&mut raw).await;
        }
        let snapshot = lines(&text).find(|frame| frame["type"] == "snapshot").unwrap();
        assert_eq!(snapshot["thread"], reader.thread);
        assert_eq!(snapshot["items"][1]["content"][0]["text"], reader.text);
    }
    raw.say(r#"{"type":"fly","id":9}"#).await;
    while !message(&mut raw).await.contains("unknown_type") {}
}
