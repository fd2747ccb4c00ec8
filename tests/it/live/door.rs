//! Getting in, and what does not (`live.md` §1; attacks C4, C5, E3 of `oidc.md`).

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{
    live::Live,
    person::{Person, read},
    server::{Home, Server},
};

async fn hello(live: &mut Live, token: Option<&str>) {
    live.send(json!({ "type": "hello", "id": 1, "token": token })).await;
}

#[tokio::test]
async fn a_ticket_opens_one_socket_for_its_own_page() {
    let home = Home::quick();
    let server = home.start();
    let student = Person::demo(&server, "student").await;

    let ticket = student.ticket().await;
    let mut first = Live::open(&student.url, Some(&ticket), Some(&student.url)).await.unwrap();
    hello(&mut first, None).await;
    first.expect("welcome").await;
    let mut second = Live::open(&student.url, Some(&ticket), Some(&student.url)).await.unwrap();
    assert_eq!(second.closed().await, Some(4104), "used");

    let ticket = student.ticket().await;
    let mut other = Live::open(&student.url, Some(&ticket), None).await.unwrap();
    assert_eq!(other.closed().await, Some(4104), "another origin");
    let mut unknown = Live::open(&student.url, Some("abc"), Some(&student.url)).await.unwrap();
    assert_eq!(unknown.closed().await, Some(4104), "unknown");
}

/// Attack C4: cross-site WebSocket hijacking.
#[tokio::test]
async fn a_foreign_origin_is_refused_before_the_upgrade_and_a_cookie_needs_an_origin() {
    let home = Home::quick();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let protocol = ("sec-websocket-protocol", "tutor.v1.json".to_owned());

    for origin in ["https://evil.example", "null", &format!("{}.evil", student.url)] {
        let refused = Live::open(&student.url, None, Some(origin)).await;
        assert_eq!(refused.err(), Some(403), "{origin}");
    }
    let headers = [protocol, ("cookie", student.cookie.clone())];
    assert_eq!(Live::open_with(&student.url, &headers).await.err(), Some(403));

    let mut live = Live::open(&student.url, None, Some(&student.url)).await.unwrap();
    hello(&mut live, None).await;
    assert_eq!(live.closed().await, Some(4101), "a cookie alone opens nothing");
}

/// Attack C5: a token in the URL opens nothing.
#[tokio::test]
async fn an_access_token_opens_it_in_the_hello_or_the_header_and_nowhere_else() {
    let home = Home::quick();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let (status, body) = student.get("/api/auth/token").await;
    assert_eq!(status, 200, "{body}");
    let token = body["token"].as_str().unwrap();

    let mut live = Live::open(&student.url, None, None).await.unwrap();
    hello(&mut live, Some(token)).await;
    live.expect("welcome").await;
    let headers = [
        ("sec-websocket-protocol", "tutor.v1.json".to_owned()),
        ("authorization", format!("Bearer {token}")),
    ];
    let mut live = Live::open_with(&student.url, &headers).await.unwrap();
    hello(&mut live, None).await;
    live.expect("welcome").await;

    let cut = &token[..token.len() - 3];
    for bad in ["", "abc", "a.b.c", cut] {
        let mut live = Live::open(&student.url, None, None).await.unwrap();
        hello(&mut live, Some(bad)).await;
        assert_eq!(live.closed().await, Some(4101), "{bad}");
    }
    for name in ["token", "access_token", "ticket"] {
        let address = format!("{}/api/v1/live?{name}={token}", student.url);
        let protocol = [("sec-websocket-protocol", "tutor.v1.json".to_owned())];
        let mut live = Live::open_at(&address, &protocol).await.unwrap();
        hello(&mut live, None).await;
        assert_eq!(live.closed().await, Some(4101), "{name} in the URL");
    }
    // E3: headers that name somebody are words of the client.
    let headers = [
        ("sec-websocket-protocol", "tutor.v1.json".to_owned()),
        ("x-user-id", "admin".to_owned()),
        ("x-user-role", "admin".to_owned()),
    ];
    let mut live = Live::open_with(&student.url, &headers).await.unwrap();
    hello(&mut live, None).await;
    assert_eq!(live.closed().await, Some(4101));
}

#[tokio::test]
async fn what_the_protocol_has_no_place_for_closes_the_socket_with_its_code() {
    let home = Home::quick();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let send = json!({ "type": "send", "id": 1, "message_id": "m", "text": "hi" }).to_string();
    let fresh = async || Live::open(&student.url, None, None).await.unwrap();

    let first = [
        ("not hello", Message::text(send), 4000),
        ("too long a hello", Message::text(format!("{{\"x\":\"{}\"}}", "y".repeat(9_000))), 4000),
        ("no JSON", Message::text("hello"), 4000),
        ("an array", Message::text("[]"), 4000),
        ("binary", Message::binary(vec![1, 2, 3]), 4000),
    ];
    for (what, message, code) in first {
        let mut live = fresh().await;
        live.send_message(message).await;
        assert_eq!(live.closed().await, Some(code), "{what}");
    }
    let later = [
        ("a second hello", Message::text(r#"{"type":"hello","id":2}"#), 4000),
        ("no JSON", Message::text("{\"type\":"), 4000),
        ("binary", Message::binary(vec![0]), 4000),
        ("over 64 KiB", Message::text(format!("\"{}\"", "x".repeat(66_000))), 1009),
    ];
    for (what, message, code) in later {
        let mut live = student.live().await;
        live.send_message(message).await;
        assert_eq!(live.closed().await, Some(code), "{what}");
    }
    let headers = [("sec-websocket-protocol", "tutor.v9.json".to_owned())];
    // The crate refuses an upgrade that names no subprotocol it asked for, which shows that none
    // was echoed; without asking for one, the close code can be read.
    let mut live = Live::open_with(&student.url, &[]).await.unwrap();
    assert_eq!(live.closed().await, Some(4001));
    drop(headers);
}

#[tokio::test]
async fn a_bad_request_is_answered_and_the_socket_lives() {
    let home = Home::quick();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    for (request, code) in [
        (json!({ "type": "fly", "id": 2 }), "unknown_type"),
        (json!({ "id": 2 }), "bad_request"),
        (json!({ "type": "send", "id": 2 }), "bad_request"),
        (
            json!({ "type": "send", "id": 2, "message_id": "m", "text": "x".repeat(8_001) }),
            "too_large",
        ),
    ] {
        live.send(request.clone()).await;
        let error = live.error().await;
        assert_eq!((&error["code"], &error["id"]), (&json!(code), &json!(2)), "{request}");
    }
    let batch = concat!(
        r#"{"type":"history","id":3,"thread":"a"}"#,
        "\n",
        r#"{"type":"open","id":4,"thread":"b"}"#
    );
    live.send_message(Message::text(batch)).await;
    assert_eq!(live.error().await["id"], 3);
    assert_eq!(live.error().await["id"], 4);
}

#[tokio::test]
async fn a_stay_has_one_socket() {
    let home = Home::quick();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut first = student.live().await;
    let stay = first.welcome["session"].clone();

    let ticket = student.ticket().await;
    let mut second = Live::open(&student.url, Some(&ticket), Some(&student.url)).await.unwrap();
    second.send(json!({ "type": "hello", "id": 1, "session": stay })).await;
    assert_eq!(second.expect("welcome").await["session"], stay);
    assert_eq!(first.closed().await, Some(4006));

    let other = Person::demo(&server, "instructor").await;
    let ticket = other.ticket().await;
    let mut foreign = Live::open(&other.url, Some(&ticket), Some(&other.url)).await.unwrap();
    foreign.send(json!({ "type": "hello", "id": 1, "session": stay })).await;
    assert_ne!(foreign.expect("welcome").await["session"], stay, "somebody else's stay");
}

async fn upgrade_status(server: &Server, version: &str) -> u16 {
    let person = Person::demo(server, "student").await;
    let request = person
        .request(reqwest::Method::GET, "/api/v1/live")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", version)
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    read(request.send().await.unwrap()).await.0
}

#[tokio::test]
async fn another_websocket_version_is_told_which_one_to_use() {
    let home = Home::quick();
    let server = home.start();
    assert_eq!(upgrade_status(&server, "12").await, 426);
}
