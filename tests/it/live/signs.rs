//! What is said without being answered: acks, heartbeats, typing; and who else is there.

use serde_json::json;

use super::ask;
use crate::support::{
    live::{Came, Live},
    person::Person,
    server::Home,
};

#[tokio::test]
async fn acks_drive_the_lag_that_admins_see() {
    let home = Home::slow();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    let (asked, mut reader) = ask(&mut live, "m1", "/ck tokens 30 5").await;
    reader.read(&mut live, 1).await;
    live.send(json!({ "type": "ack", "seqs": { (asked["thread"].as_str().unwrap()): 1 } })).await;
    reader.finish(&mut live).await;

    let mut admin = Person::demo(&server, "admin").await.live().await;
    admin.send(json!({ "type": "watch", "id": 2, "feed": "sessions" })).await;
    let behind = reader.seq - 1;
    lag(&mut admin, &live, behind).await;
    let seqs = json!({ (asked["thread"].as_str().unwrap()): reader.seq });
    live.send(json!({ "type": "heartbeat", "seqs": seqs })).await;
    lag(&mut admin, &live, 0).await;
    live.send(json!({ "type": "ack", "seqs": { (asked["thread"].as_str().unwrap()): 9_999 } }))
        .await;
    live.send(json!({ "type": "ack" })).await;
    live.send(json!({ "type": "ack", "seqs": 3 })).await;
    assert_eq!(live.error().await["code"], "bad_request");
}

/// Reads the admin's feed until the student's row shows this lag.
async fn lag(admin: &mut Live, of: &Live, wanted: i64) {
    loop {
        let frame = admin.frame().await;
        let rows = ["rows", "add", "update"].map(|name| frame[name].as_array().cloned());
        let mut rows = rows.into_iter().flatten().flatten();
        if rows.any(|row| row["session"] == of.welcome["session"] && row["lag"] == wanted) {
            return;
        }
    }
}

#[tokio::test]
async fn a_heartbeat_is_answered_by_one_and_the_answer_by_none() {
    let home = Home::quick();
    let server = home.start();
    let mut live = Person::demo(&server, "student").await.live().await;
    for _ in 0..3 {
        live.send(json!({ "type": "heartbeat" })).await;
    }
    live.send(json!({ "type": "fly", "id": 2 })).await;
    let mut beats = 0;
    loop {
        match live.next().await {
            Came::Frame(frame) if frame["type"] == "heartbeat" => beats += 1,
            Came::Frame(frame) => {
                assert_eq!(frame["code"], "unknown_type");
                break;
            }
            Came::Closed(code) => panic!("closed with {code:?}"),
        }
    }
    assert_eq!(beats, 1, "what follows within 5 s counts as the answer to ours");
}

#[tokio::test]
async fn another_window_sees_who_types_and_that_there_are_two() {
    let home = Home::slow();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut first = student.live().await;
    let (asked, mut reader) = ask(&mut first, "m1", "/ck ping").await;
    reader.finish(&mut first).await;
    let mut second = student.resume(json!([{ "thread": asked["thread"] }])).await;
    second.expect("snapshot").await;
    assert_eq!(first.expect("presence").await["sessions"], 2);

    let typing = |on: bool| json!({ "type": "typing", "thread": asked["thread"], "on": on });
    first.send(typing(true)).await;
    let seen = second.expect("typing").await;
    assert_eq!((&seen["on"], &seen["thread"]), (&json!(true), &asked["thread"]));
    // Too soon after the first, and from somebody who has not opened the thread: both are dropped.
    first.send(typing(false)).await;
    let mut stranger = Person::demo(&server, "instructor").await.live().await;
    stranger.send(typing(true)).await;
    stranger.send(json!({ "type": "fly", "id": 2 })).await;
    stranger.error().await;
    drop(first);
    let next = second.frame().await;
    assert_eq!((&next["type"], &next["sessions"]), (&json!("presence"), &json!(1)));
}

#[tokio::test]
async fn a_connection_holds_so_many_open_threads_and_no_more() {
    let home = Home::with(&[
        ("INTELLISTACK__TUTOR__PACE_MS", "0"),
        ("INTELLISTACK__LIMITS__OPEN_THREADS", "2"),
    ]);
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    let (first, mut reader) = ask(&mut live, "m1", "What is a clock?").await;
    reader.finish(&mut live).await;
    let (_, mut reader) = ask(&mut live, "m2", "What is a clock?").await;
    reader.finish(&mut live).await;

    let third = json!({ "type": "send", "id": 3, "message_id": "m3", "text": "And a third?" });
    live.send(third.clone()).await;
    assert_eq!(live.error().await["code"], "bad_request");
    live.send(json!({ "type": "close", "id": 4, "thread": first["thread"] })).await;
    live.expect("ok").await;
    live.send(third).await;
    assert_eq!(live.expect("ok").await["duplicate"], false);
    live.send(json!({ "type": "open", "id": 5, "thread": first["thread"] })).await;
    assert_eq!(live.error().await["code"], "bad_request");
}
