//! The same events over SSE (`live.md` §3).

use futures_util::StreamExt;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::ask;
use crate::support::{live::Reader, person::Person, server::Home};

/// The events of one response.
struct Events {
    body: std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<bytes::Bytes>>>>,
    buffer: String,
}

/// `event`, `id` and `data` of one event.
type Event = (String, Option<String>, Value);

impl Events {
    async fn open(person: &Person, thread: &Value, last: Option<&str>) -> Self {
        let response = get(person, thread, last).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: Box::pin(response.bytes_stream()), buffer: String::new() }
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.buffer.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.buffer = rest;
                if !event.starts_with(':') {
                    return Some(parse(&event));
                }
                continue;
            }
            let piece = self.body.next().await?.unwrap();
            self.buffer.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }
}

fn parse(event: &str) -> Event {
    let field = |name: &str| {
        event.lines().find_map(|line| line.strip_prefix(name)).map(|text| text.trim().to_owned())
    };
    let data = serde_json::from_str(&field("data:").unwrap()).unwrap();
    (field("event:").unwrap(), field("id:"), data)
}

async fn get(person: &Person, thread: &Value, last: Option<&str>) -> Response {
    let path = format!("/api/v1/threads/{}/events", thread.as_str().unwrap());
    let request = person.request(Method::GET, &path);
    let request = match last {
        Some(last) => request.header("last-event-id", last),
        None => request,
    };
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_reader_that_lost_the_stream_goes_on_behind_the_last_event_id() {
    let home = Home::slow();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    // It goes on for longer than any of this takes.
    let (asked, mut socket) = ask(&mut live, "m1", "/ck tokens 9000 5").await;

    let mut reader = Reader::of(&asked);
    let mut events = Events::open(&student, &asked["thread"], None).await;
    let mut last = None;
    while reader.text.len() < 200 {
        let (_, id, frame) = events.next().await.unwrap();
        reader.apply(&frame);
        last = id.or(last);
    }
    drop(events);
    assert_eq!(reader.modes, ["snapshot"]);
    assert_eq!(last.as_deref(), Some(format!("{}.{}", reader.epoch, reader.seq).as_str()));

    let mut events = Events::open(&student, &asked["thread"], last.as_deref()).await;
    let before = reader.text.len();
    while reader.text.len() < before + 200 {
        reader.apply(&events.next().await.unwrap().2);
    }
    assert_eq!(reader.modes, ["snapshot", "replay"]);
    live.send(json!({ "type": "cancel", "id": 9, "turn": asked["turn"] })).await;
    while reader.ends.is_empty() {
        reader.apply(&events.next().await.unwrap().2);
    }
    socket.finish(&mut live).await;
    assert_eq!(reader.text, socket.text);

    let junk = Events::open(&student, &asked["thread"], Some("junk")).await.next().await.unwrap();
    assert_eq!((junk.0.as_str(), &junk.2["mode"]), ("resumed", &json!("snapshot")));
}

#[tokio::test]
async fn a_stream_ends_with_its_sign_in_and_is_nobody_elses() {
    let home = Home::slow();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    let (asked, mut reader) = ask(&mut live, "m1", "/ck ping").await;
    reader.finish(&mut live).await;

    let other = Person::demo(&server, "admin").await;
    assert_eq!(get(&other, &asked["thread"], None).await.status(), 404);
    let nobody = Person { cookie: String::new(), ..Person::demo(&server, "student").await };
    assert_eq!(get(&nobody, &asked["thread"], None).await.status(), 401);

    let mut events = Events::open(&student, &asked["thread"], None).await;
    assert_eq!(events.next().await.unwrap().0, "resumed");
    student.post("/api/auth/sign-out", &json!({})).await;
    loop {
        let (kind, _, data) = events.next().await.unwrap();
        if kind == "close" {
            assert_eq!(data["code"], 4103);
            break;
        }
    }
    assert!(events.next().await.is_none(), "nothing follows");
}
