//! Ask, stream, finish (`live.md` §2.2).

use serde_json::{Value, json};

use super::ask;
use crate::support::{
    live::{Came, Live, Reader},
    person::Person,
    server::Home,
};

#[tokio::test]
async fn a_question_is_answered_with_cited_sentences_and_one_true_end() {
    let home = Home::quick();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    assert_eq!(live.welcome["tutor"]["kind"], "extractive");
    assert_eq!(live.welcome["quota"]["remaining"], 20);

    let (ok, mut reader) = ask(&mut live, "m1", "Why do two clocks drift apart?").await;
    assert_eq!((&ok["seq"], &ok["duplicate"]), (&json!(1), &json!(false)));
    assert_eq!(ok["quota"]["remaining"], 19);
    let message = live.expect("message").await;
    assert_eq!(message["epoch"], ok["epoch"]);
    reader.apply(&message);
    let mut cited = 0;
    while reader.ends.is_empty() {
        let frame = live.frame().await;
        if frame["type"] == "citations" {
            cited = frame["sources"].as_array().unwrap().len();
        }
        reader.apply(&frame);
    }
    let end = &reader.ends[0];
    assert_eq!(end["status"], "done");
    assert_eq!(end["item"]["content"][0]["text"], reader.text.as_str());
    assert!(cited > 0 && reader.text.contains("[1]"), "{}", reader.text);

    let mut again = student.resume(reader.have()).await;
    assert_eq!(again.expect("resumed").await["mode"], "current");
}

/// I7.
#[tokio::test]
async fn a_message_sent_again_gets_the_first_answers_names() {
    let home = Home::quick();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    let (ok, mut reader) = ask(&mut live, "m1", "What is a clock?").await;
    reader.finish(&mut live).await;

    let (again, _) = ask(&mut live, "m1", "What is a clock?").await;
    assert_eq!(again["duplicate"], true);
    for name in ["thread", "item", "turn", "seq"] {
        assert_eq!(again[name], ok[name], "{name}");
    }
    assert_eq!(again["quota"]["remaining"], 19);

    let other = json!({ "type": "send", "id": 3, "message_id": "m1", "text": "Another text" });
    live.send(other).await;
    assert_eq!(live.error().await["code"], "conflict");
}

/// SC: 20 messages in a rolling day.
#[tokio::test]
async fn of_forty_messages_sent_at_once_exactly_twenty_are_accepted() {
    let home = Home::quick();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    for n in 0..40 {
        let (id, message) = (100 + n, format!("m{n}"));
        live.send(json!({ "type": "send", "id": id, "message_id": message, "text": "why?" })).await;
    }
    let (mut accepted, mut refused) = (0, 0);
    while accepted + refused < 40 {
        let frame = live.frame().await;
        match frame["type"].as_str().unwrap() {
            "ok" => accepted += 1,
            "error" => {
                assert_eq!(frame["code"], "quota_exceeded", "{frame}");
                assert!(frame["retry_after_ms"].as_i64().unwrap() > 0);
                refused += 1;
            }
            _ => {}
        }
    }
    assert_eq!((accepted, refused), (20, 20));
}

/// I9.
#[tokio::test]
async fn after_the_ok_to_a_cancel_no_more_text_comes() {
    let home = Home::slow();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    let (ok, mut reader) = ask(&mut live, "m1", "/ck tokens 2000 5").await;
    reader.read(&mut live, 50).await;

    live.send(json!({ "type": "cancel", "id": 9, "turn": ok["turn"] })).await;
    let mut answered = false;
    while !answered {
        let frame = live.frame().await;
        if frame["id"] == 9 {
            assert_eq!(frame["status"], "cancelled", "{frame}");
            answered = true;
        }
        reader.apply(&frame);
    }
    assert_eq!(reader.ends.len(), 1, "the end precedes the ok");
    assert_eq!(reader.ends[0]["status"], "cancelled");
    assert!(reader.text.starts_with("tok0 tok1 "));

    live.send(json!({ "type": "cancel", "id": 10, "turn": ok["turn"] })).await;
    let frame = live.frame().await;
    assert_eq!((&frame["type"], &frame["status"]), (&json!("ok"), &json!("cancelled")));
    assert_eq!(ask(&mut live, "m2", "why?").await.0["quota"]["remaining"], 18, "no unit back");
}

/// The first that is told of an accepted question's turn.
async fn news(live: &mut Live, ok: &Value) -> Value {
    loop {
        let frame = live.expect("turn").await;
        if frame["turn"] == ok["turn"] {
            return frame["status"].clone();
        }
    }
}

#[tokio::test]
async fn a_thread_answers_one_question_at_a_time_and_a_fourth_thread_waits() {
    let home = Home::slow();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    let (ok, _) = ask(&mut live, "m1", "/ck tokens 4000 5").await;
    assert_eq!(news(&mut live, &ok).await, "running");
    let more = json!({
        "type": "send", "id": 3, "thread": ok["thread"], "message_id": "m2", "text": "and?"
    });
    live.send(more).await;
    assert_eq!(live.error().await["code"], "busy_turn");

    for n in 2..=3 {
        let (ok, _) = ask(&mut live, &format!("t{n}"), "/ck tokens 4000 5").await;
        assert_eq!(news(&mut live, &ok).await, "running");
    }
    let (fourth, _) = ask(&mut live, "t4", "/ck tokens 3 5").await;
    assert_eq!(news(&mut live, &fourth).await, "queued");
    live.send(json!({ "type": "cancel", "id": 8, "turn": ok["turn"] })).await;
    let mut reader = Reader { seq: 2, ..Reader::of(&fourth) };
    reader.finish(&mut live).await;
    assert_eq!(reader.text, "tok0 tok1 tok2 ");
}

#[tokio::test]
async fn a_failed_answer_says_so_and_costs_nothing() {
    let home = Home::slow();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    let (_, mut reader) = ask(&mut live, "m1", "/ck error partial").await;
    reader.finish(&mut live).await;

    let end = &reader.ends[0];
    assert_eq!(end["status"], "failed");
    assert!(end["error"]["message"].is_string(), "{end}");
    let (ok, _) = ask(&mut live, "m2", "/ck ping").await;
    assert_eq!(ok["quota"]["remaining"], 19, "the failed one's unit is back");
}

#[tokio::test]
async fn every_way_to_come_back_brings_the_whole_thread() {
    let home = Home::slow();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    let (ok, mut reader) = ask(&mut live, "m1", "/ck tokens 900 4").await;
    reader.read(&mut live, 100).await;
    drop(live);

    let mut replayed = reader.clone();
    let mut live = student.resume(replayed.have()).await;
    replayed.finish(&mut live).await;
    assert_eq!(replayed.modes, ["replay"]);

    let late = |seq: i64, epoch: &str| Reader { seq, epoch: epoch.to_owned(), ..Reader::of(&ok) };
    let epoch = reader.epoch.clone();
    for (mut late, mode) in
        [(late(1, &epoch), "reset"), (late(9_000, &epoch), "reset"), (late(3, "other"), "reset")]
    {
        let mut live = student.resume(late.have()).await;
        late.finish(&mut live).await;
        assert_eq!((late.modes, late.text), (vec![mode.to_owned()], replayed.text.clone()));
    }
    let mut fresh = Reader::of(&ok);
    let mut live = student.resume(json!([{ "thread": fresh.thread }])).await;
    fresh.finish(&mut live).await;
    assert_eq!((fresh.modes, fresh.text), (vec!["snapshot".to_owned()], replayed.text));
}

#[tokio::test]
async fn history_goes_back_page_by_page() {
    let home = Home::slow();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    let (ok, mut reader) = ask(&mut live, "m1", "/ck ping").await;
    reader.finish(&mut live).await;

    let page = json!({ "type": "history", "id": 3, "thread": ok["thread"], "limit": 1 });
    live.send(page).await;
    let newest = live.expect("ok").await;
    assert_eq!(newest["items"][0]["content"][0]["text"], "pong");
    let before = newest["before"].clone();
    live.send(json!({ "type": "history", "id": 4, "thread": ok["thread"], "before": before }))
        .await;
    let older = live.expect("ok").await;
    assert_eq!(older["items"].as_array().unwrap().len(), 1);
    assert_eq!(older["items"][0]["type"], "user_message");
    assert!(older.get("before").is_none());
    live.send(json!({ "type": "history", "id": 5, "thread": ok["thread"], "before": "x" })).await;
    assert_eq!(live.error().await["code"], "bad_request");
}

/// I11.
#[tokio::test]
async fn somebody_elses_thread_does_not_exist() {
    let home = Home::slow();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let other = Person::demo(&server, "instructor").await;
    let mut asking = student.live().await;
    let (ok, _) = ask(&mut asking, "m1", "/ck ping").await;
    let (thread, turn) = (&ok["thread"], &ok["turn"]);

    let mut live: Live = other.resume(json!([{ "thread": thread }])).await;
    let error = live.error().await;
    assert_eq!((&error["code"], &error["thread"]), (&json!("not_found"), thread));
    for request in [
        json!({ "type": "open", "id": 5, "thread": thread }),
        json!({ "type": "history", "id": 5, "thread": thread }),
        json!({ "type": "cancel", "id": 5, "turn": turn }),
        json!({ "type": "send", "id": 5, "thread": thread, "message_id": "x", "text": "hi" }),
    ] {
        live.send(request.clone()).await;
        let error = live.error().await;
        assert_eq!((&error["code"], &error["id"]), (&json!("not_found"), &json!(5)), "{request}");
    }
    let path = format!("/api/v1/threads/{}", thread.as_str().unwrap());
    let renamed =
        other.request(reqwest::Method::PATCH, &path).json(&json!({ "title": "x" })).send().await;
    assert_eq!(renamed.unwrap().status(), 404);
    let deleted = other.request(reqwest::Method::DELETE, &path).send().await;
    assert_eq!(deleted.unwrap().status(), 404);
    live.send(json!({ "type": "history", "id": 6, "thread": "thr_x" })).await;
    assert!(matches!(live.next().await, Came::Frame(_)), "the socket lives");
}

#[tokio::test]
async fn a_locked_stage_is_closed_to_questions_and_readers_alike() {
    let home = Home::quick();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    for lesson in ["consensus", "no-such-lesson"] {
        let page = json!({ "course": "agree", "lesson": lesson });
        let send = json!({
            "type": "send", "id": 4, "message_id": lesson, "text": "What is it?", "page": page
        });
        live.send(send).await;
        assert_eq!(live.error().await["code"], "stage_locked", "{lesson}");
        let (status, body) = student.get(&format!("/api/v1/courses/agree/lessons/{lesson}")).await;
        assert_eq!((status, &body["error"]["code"]), (403, &json!("stage_locked")), "{lesson}");
    }
    let (status, courses) = student.get("/api/v1/courses").await;
    assert_eq!(status, 200);
    assert!(!courses.to_string().contains("onsensus"), "{courses}");
}

#[tokio::test]
async fn who_has_not_verified_the_address_may_look_but_not_ask() {
    let home = Home::quick();
    let server = home.start();
    let new = Person::sign_up(&server, "new@example.org").await;
    let mut live = new.live().await;
    for request in [
        json!({ "type": "send", "id": 2, "message_id": "m", "text": "why?" }),
        json!({ "type": "open", "id": 2, "thread": "thr_1" }),
        json!({ "type": "history", "id": 2, "thread": "thr_1" }),
    ] {
        live.send(request).await;
        assert_eq!(live.error().await["code"], "email_unverified");
    }
    assert_eq!(new.get("/api/v1/courses").await.0, 200);
    let (status, body) = new.get("/api/v1/courses/agree/lessons/clocks").await;
    assert_eq!((status, &body["error"]["code"]), (403, &json!("email_unverified")));
}

/// Takes some seconds.
const LONG: &str = "/ck tokens 1000";

/// I10, I17: whoever sends a message again, since its `ok` was lost, is told how the thread stands; if
/// she opens it at the same time, of two looks the older takes nothing back that came meanwhile.
#[tokio::test]
async fn a_thread_that_is_opened_while_it_is_told_anew_goes_only_forward() {
    let home = Home::slow();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    let (ok, _) = ask(&mut live, "m1", LONG).await;
    for round in 0..20 {
        let mut live = student.live().await;
        let send = json!({ "type": "send", "id": 2, "message_id": "m1", "text": LONG });
        live.send(send).await;
        live.send(json!({ "type": "open", "id": 3, "thread": ok["thread"] })).await;
        let (mut seq, mut whole) = (0, 0);
        while whole < 2 {
            let frame = live.frame().await;
            if let Some(next) = frame["seq"].as_i64().filter(|_| frame["type"] != "ok") {
                assert!(next >= seq, "round {round}: {seq} was told before {frame}");
                seq = next;
            }
            whole += usize::from(frame["type"] == "snapshot");
        }
    }
}
