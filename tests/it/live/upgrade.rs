//! The upgrade itself, spoken byte by byte (`live.md` §1): what is agreed on, what is not, and who
//! must not stay.

use serde_json::json;

use crate::support::{
    person::Person,
    raw::{BINARY, Heard, Raw, TEXT, frame},
    server::Home,
};

const VERSION: (&str, &str) = ("Sec-WebSocket-Version", "13");
const PROTOCOL: (&str, &str) = ("Sec-WebSocket-Protocol", "tutor.v1.json");

/// Values of a header of the answer.
fn header<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

#[tokio::test]
async fn the_answer_echoes_our_subprotocol_alone_and_agrees_on_no_extension() {
    let home = Home::quick();
    let server = home.start();
    let ticket = ("Sec-WebSocket-Protocol", "tutor.ticket.abc");
    let compression = ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits");
    for headers in [vec![VERSION, PROTOCOL, ticket, compression], vec![VERSION, ticket, PROTOCOL]] {
        let (_raw, head) = Raw::open(server.url(), &headers, None).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert_eq!(header(&head, "sec-websocket-protocol"), ["tutor.v1.json"]);
        // The accept key of the sample nonce in RFC 6455 §1.3.
        assert_eq!(header(&head, "sec-websocket-accept"), ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
        assert!(header(&head, "sec-websocket-extensions").is_empty());
        assert_eq!(header(&head, "upgrade"), ["websocket"]);
        assert!(header(&head, "transfer-encoding").is_empty());
    }
}

#[tokio::test]
async fn a_client_that_does_not_speak_our_protocol_is_let_in_to_be_told_so() {
    let home = Home::quick();
    let server = home.start();
    let other = ("Sec-WebSocket-Protocol", "tutor.v9.json, chat");
    for headers in [vec![VERSION, other], vec![VERSION]] {
        let (mut raw, head) = Raw::open(server.url(), &headers, None).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(header(&head, "sec-websocket-protocol").is_empty());
        assert_eq!(raw.hear().await, Heard::Close(Some(4001)));
        assert_eq!(raw.hear().await, Heard::End);
    }
}

#[tokio::test]
async fn a_wrong_version_a_wrong_place_and_a_foreign_page_get_an_answer_of_http() {
    let home = Home::quick();
    let server = home.start();
    for (headers, status) in [
        (vec![PROTOCOL], "426"),
        (vec![("Sec-WebSocket-Version", "8"), PROTOCOL], "426"),
        (vec![VERSION, PROTOCOL, ("Origin", "https://evil.example")], "403"),
        (vec![VERSION, PROTOCOL, ("Cookie", "a=b")], "403"),
    ] {
        let (mut raw, head) = Raw::open(server.url(), &headers, None).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{headers:?}: {head}");
        let length: usize = header(&head, "content-length")[0].parse().unwrap();
        assert_eq!(raw.read(length).await.len(), length);
        assert_eq!(raw.hear().await, Heard::End);
        if status == "426" {
            assert_eq!(header(&head, "sec-websocket-version"), ["13"]);
        }
    }
    let person = Person::demo(&server, "student").await;
    assert_eq!(person.get("/api/v1/live").await.0, 426, "no upgrade is asked for");
    let elsewhere = person.request(reqwest::Method::GET, "/api/v1/courses");
    let elsewhere = elsewhere.header("connection", "upgrade").header("upgrade", "websocket");
    assert_eq!(elsewhere.send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn who_says_no_hello_in_time_or_says_it_wrongly_goes() {
    let home = Home::with(&[("INTELLISTACK__LIVE__HELLO_S", "1")]);
    let server = home.start();
    let long = json!({ "type": "hello", "id": 1, "client": "x".repeat(8 * 1024) }).to_string();
    for (first, code) in [
        (None, 4100),
        (Some(frame(TEXT, long.as_bytes())), 4000),
        (Some(frame(TEXT, br#"{"type":"heartbeat"}"#)), 4000),
        (Some(frame(BINARY, b"{}")), 4000),
        (Some(frame(TEXT, br#"{"type":"hello","id":1}"#)), 4101),
    ] {
        let (mut raw, _) = Raw::open(server.url(), &[VERSION, PROTOCOL], None).await;
        if let Some(first) = first {
            raw.write(&first).await.unwrap();
        }
        assert_eq!(raw.hear().await, Heard::Close(Some(code)));
        assert_eq!(raw.hear().await, Heard::End);
    }
}

#[tokio::test]
async fn one_address_may_have_so_many_sockets_that_have_not_said_who_they_are() {
    let home = Home::with(&[("INTELLISTACK__LIMITS__SOCKETS_WITHOUT_HELLO_PER_ADDRESS", "3")]);
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let (_, body) = student.get("/api/auth/token").await;
    let token = body["token"].as_str().unwrap();
    // Those that have said it do not count.
    let _welcomed = Raw::live(server.url(), token, None).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        let (mut raw, _) = Raw::open(server.url(), &[VERSION, PROTOCOL], None).await;
        raw.write(&frame(0x89, b"in")).await.unwrap();
        assert_eq!(raw.hear().await, Heard::Pong(b"in".to_vec()));
        silent.push(raw);
    }
    let (mut raw, _) = Raw::open(server.url(), &[VERSION, PROTOCOL], None).await;
    assert_eq!(raw.hear().await, Heard::Close(Some(4004)));
}

/// A client may say hello without waiting for the answer to its upgrade.
#[tokio::test]
async fn what_is_said_together_with_the_upgrade_is_heard() {
    let home = Home::quick();
    let server = home.start();
    let early = frame(TEXT, br#"{"type":"hello","id":1,"token":"none"}"#);
    let mut raw = Raw::open_with(server.url(), &[VERSION, PROTOCOL], &early).await;
    assert_eq!(raw.hear().await, Heard::Close(Some(4101)));
}
