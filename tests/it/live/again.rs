//! The newest question in other words, another answer to it, more help with it (`live.md` §2.2).

use serde_json::{Value, json};

use super::ask;
use crate::support::{
    live::{Live, Reader},
    person::Person,
    server::{Home, Server},
};

async fn student(home: &Home) -> (Server, Person, Live) {
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let live = student.live().await;
    (server, student, live)
}

/// Sends a request and reads up to its `ok`; the reader follows the turn that it started.
async fn request(live: &mut Live, frame: Value) -> (Value, Reader) {
    live.send(frame).await;
    let ok = live.expect("ok").await;
    let reader = Reader::of(&ok);
    (ok, reader)
}

async fn refusal(live: &mut Live, frame: Value) -> String {
    live.send(frame).await;
    live.error().await["code"].as_str().unwrap().to_owned()
}

/// The items of a thread as a late reader sees them.
async fn items(student: &Person, thread: &Value) -> Vec<Value> {
    let mut live = student.resume(json!([{ "thread": thread }])).await;
    live.expect("snapshot").await["items"].as_array().unwrap().clone()
}

fn texts(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["content"][0]["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_edited_question_begins_a_new_branch_and_what_followed_is_left() {
    let home = Home::slow();
    let (_server, student, mut live) = student(&home).await;
    let (first, mut reader) = ask(&mut live, "m1", "/ck tokens 2 0").await;
    reader.finish(&mut live).await;
    let (second, mut reader) = {
        let more = json!({
            "type": "send", "id": 3, "message_id": "m2", "text": "/ck ping",
            "thread": first["thread"],
        });
        request(&mut live, more).await
    };
    reader.finish(&mut live).await;

    let edit = json!({
        "type": "edit", "id": 4, "item": first["item"], "text": "/ck tokens 3 0",
        "message_id": "e1",
    });
    let (ok, mut reader) = request(&mut live, edit.clone()).await;
    assert_eq!(ok["seq"].as_i64(), reader.seq.checked_add(1), "the first event to come");
    assert!(ok["seq"].as_i64() > second["seq"].as_i64());
    assert_eq!(ok["quota"]["remaining"], 17);
    let message = live.expect("message").await;
    assert_eq!(message["replaces"], first["item"]);
    assert_eq!(message["item"]["id"], ok["item"]);
    reader.apply(&message);
    reader.finish(&mut live).await;
    assert_eq!(reader.text, "tok0 tok1 tok2 ");

    let items = items(&student, &first["thread"]).await;
    assert_eq!(texts(&items), ["/ck tokens 3 0", "tok0 tok1 tok2 "]);
    let again = request(&mut live, edit).await.0;
    assert_eq!((&again["duplicate"], &again["turn"]), (&json!(true), &ok["turn"]));
    assert_eq!(again["quota"]["remaining"], 17);
    let gone = json!({ "type": "edit", "id": 5, "item": second["item"], "text": "x" });
    assert_eq!(refusal(&mut live, gone).await, "not_found", "it left the conversation");
}

#[tokio::test]
async fn another_answer_takes_the_place_of_the_one_that_stands() {
    let home = Home::slow();
    let (_server, student, mut live) = student(&home).await;
    let (asked, mut reader) = ask(&mut live, "m1", "/ck tokens 40 5").await;
    let early = json!({ "type": "regenerate", "id": 7, "item": asked["item"] });
    assert_eq!(refusal(&mut live, early).await, "busy_turn");
    reader.finish(&mut live).await;
    let answer = reader.ends[0]["item"]["id"].clone();

    let regenerate = json!({
        "type": "regenerate", "id": 8, "item": answer, "message_id": "r1"
    });
    let (ok, mut reader) = request(&mut live, regenerate.clone()).await;
    assert_eq!((&ok["item"], &ok["quota"]["remaining"]), (&asked["item"], &json!(18)));
    let begun = live.expect("turn").await;
    assert_eq!((&begun["turn"], &begun["replaces"]), (&ok["turn"], &answer));
    reader.apply(&begun);
    reader.finish(&mut live).await;

    let items = items(&student, &asked["thread"]).await;
    assert_eq!(items.len(), 2, "a question and one answer");
    assert_eq!(items[1]["id"], reader.ends[0]["item"]["id"]);
    let old = json!({ "type": "regenerate", "id": 9, "item": answer });
    assert_eq!(refusal(&mut live, old).await, "turn_ended");
    let (again, _) = request(&mut live, regenerate).await;
    assert_eq!((&again["duplicate"], &again["turn"]), (&json!(true), &ok["turn"]));
    let unknown = json!({ "type": "regenerate", "id": 10, "item": "msg_x" });
    assert_eq!(refusal(&mut live, unknown).await, "not_found");
}

/// `tutor.md` §4: hints alone never reach the solution, and cost nothing.
#[tokio::test]
async fn hints_climb_the_ladder_one_step_at_a_time_and_are_free() {
    let home = Home::quick();
    let (_server, student, mut live) = student(&home).await;
    live.send(json!({
        "type": "send", "id": 2, "message_id": "m1", "text": "Why do two clocks drift apart?",
        "page": { "course": "agree", "lesson": "clocks" },
    }))
    .await;
    let asked = live.expect("ok").await;
    let mut reader = Reader::of(&asked);
    reader.finish(&mut live).await;
    let mut turn = asked["turn"].clone();
    for level in 1..=3 {
        let (ok, mut reader) =
            request(&mut live, json!({ "type": "hint", "id": 3, "turn": turn })).await;
        assert_eq!(ok["quota"]["remaining"], 19);
        let begun = live.expect("turn").await;
        assert_eq!((&begun["hint_level"], begun.get("replaces")), (&json!(level), None));
        reader.apply(&begun);
        reader.finish(&mut live).await;
        let old = json!({ "type": "hint", "id": 4, "turn": turn });
        assert_eq!(refusal(&mut live, old).await, "turn_ended");
        turn = ok["turn"].clone();
    }
    let further = json!({ "type": "hint", "id": 5, "turn": turn });
    assert_eq!(refusal(&mut live, further).await, "forbidden");
    let items = items(&student, &asked["thread"]).await;
    assert_eq!(items.len(), 5, "one question and four answers");
}

#[tokio::test]
async fn only_the_owner_answers_again_or_has_an_opinion() {
    let home = Home::slow();
    let (server, _student, mut live) = student(&home).await;
    let (asked, mut reader) = ask(&mut live, "m1", "/ck ping").await;
    reader.finish(&mut live).await;
    let answer = reader.ends[0]["item"]["id"].clone();

    let mut other = Person::demo(&server, "instructor").await.live().await;
    for frame in [
        json!({ "type": "edit", "id": 2, "item": asked["item"], "text": "x" }),
        json!({ "type": "regenerate", "id": 2, "item": answer }),
        json!({ "type": "hint", "id": 2, "turn": asked["turn"] }),
        json!({ "type": "feedback", "id": 2, "item": answer, "kind": "positive" }),
    ] {
        assert_eq!(refusal(&mut other, frame.clone()).await, "not_found", "{frame}");
    }
    for (reason, kind) in [("too long", "negative"), ("better now", "positive")] {
        live.send(json!({
            "type": "feedback", "id": 6, "item": answer, "kind": kind, "reason": reason
        }))
        .await;
        assert_eq!(live.expect("ok").await["item"], answer);
    }
    let question =
        json!({ "type": "feedback", "id": 7, "item": asked["item"], "kind": "positive" });
    assert_eq!(refusal(&mut live, question).await, "not_found", "a question is no answer");
    let odd = json!({ "type": "feedback", "id": 8, "item": answer, "kind": "meh" });
    assert_eq!(refusal(&mut live, odd).await, "bad_request");
}
