//! What staff do to others (`live.md` §2.7): the effect at the other's socket, and the audit entry.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::ask;
use crate::support::{
    SOON,
    live::Live,
    person::Person,
    server::{Home, Server},
};

async fn of(server: &Server, role: &str) -> Live {
    Person::demo(server, role).await.live().await
}

/// Does it, and gives the id of the audit entry.
async fn act(live: &mut Live, mut action: Value) -> String {
    action["id"] = json!(70);
    live.send(action).await;
    let ok = live.expect("ok").await;
    assert_eq!(ok["id"], 70);
    ok["audit"].as_str().unwrap().to_owned()
}

async fn refused(live: &mut Live, mut action: Value) -> Value {
    action["id"] = json!(71);
    live.send(action.clone()).await;
    let error = live.error().await;
    assert_eq!(error["id"], 71, "{action}");
    error["code"].clone()
}

async fn audit(server: &Server) -> Vec<Value> {
    let (status, page) = Person::demo(server, "admin").await.get("/api/v1/admin/audit").await;
    assert_eq!(status, 200, "{page}");
    page["entries"].as_array().unwrap().clone()
}

/// One of each action; none of the targets exists.
fn every_action() -> Vec<Value> {
    vec![
        json!({ "type": "kick", "session": "s_x", "reason": "rude" }),
        json!({ "type": "revoke", "session": "s_x" }),
        json!({ "type": "revoke", "user": "u_x" }),
        json!({ "type": "cancel_turn", "turn": "trn_x" }),
        json!({ "type": "drain_node", "node": "n-x" }),
        json!({ "type": "notice", "session": "s_x", "text": "hello" }),
        json!({ "type": "notice", "user": "u_x", "text": "hello" }),
        json!({ "type": "set_quota", "user": "u_x", "limit": 3 }),
    ]
}

#[tokio::test]
async fn a_student_does_nothing_and_an_instructor_nothing_that_is_for_admins() {
    let home = Home::quick();
    let server = home.start();
    let mut student = of(&server, "student").await;
    let mut instructor = of(&server, "instructor").await;

    for action in every_action() {
        assert_eq!(refused(&mut student, action.clone()).await, "forbidden", "{action}");
    }
    let everybody = json!({ "type": "notice", "text": "hello" });
    assert_eq!(refused(&mut student, everybody).await, "forbidden");
    for action in every_action() {
        let for_admins =
            ["revoke", "drain_node", "set_quota"].contains(&action["type"].as_str().unwrap());
        let code = if for_admins { "forbidden" } else { "not_found" };
        assert_eq!(refused(&mut instructor, action.clone()).await, code, "{action}");
    }
    assert!(audit(&server).await.is_empty());
}

#[tokio::test]
async fn an_unknown_target_is_not_found_and_leaves_no_entry() {
    let home = Home::quick();
    let server = home.start();
    let mut admin = of(&server, "admin").await;

    for action in every_action() {
        assert_eq!(refused(&mut admin, action.clone()).await, "not_found", "{action}");
    }
    for both in [
        json!({ "type": "notice", "session": "s_x", "user": "u_x", "text": "hello" }),
        json!({ "type": "revoke", "session": "s_x", "user": "u_x" }),
    ] {
        assert_eq!(refused(&mut admin, both).await, "bad_request");
    }
    assert!(audit(&server).await.is_empty());
}

#[tokio::test]
async fn nobody_acts_against_somebody_of_a_higher_role() {
    let home = Home::quick();
    let server = home.start();
    let mut admin = of(&server, "admin").await;
    let mut instructor = of(&server, "instructor").await;

    let kick = json!({ "type": "kick", "session": admin.welcome["session"] });
    assert_eq!(refused(&mut instructor, kick).await, "forbidden");
    let kick = json!({ "type": "kick", "session": instructor.welcome["session"] });
    act(&mut admin, kick).await;
    assert_eq!(instructor.closed().await, Some(4003));
}

#[tokio::test]
async fn a_kicked_client_is_told_why() {
    let home = Home::quick();
    let server = home.start();
    let mut instructor = of(&server, "instructor").await;
    let long = "Please be kind to the others. ".repeat(10);
    for (reason, goodbye) in [
        (json!("Bitte höflich."), "Bitte höflich."),
        (Value::Null, "kicked"),
        (json!(long), "kicked"),
    ] {
        let mut student = of(&server, "student").await;
        let kick =
            json!({ "type": "kick", "session": student.welcome["session"], "reason": reason });
        let entry = act(&mut instructor, kick).await;
        let began = Instant::now();
        if reason == json!(long) {
            assert_eq!(student.expect("notice").await["text"], long.as_str());
        }
        assert_eq!((student.closed().await, student.goodbye.as_str()), (Some(4003), goodbye));
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());

        let newest = audit(&server).await.remove(0);
        assert_eq!((&newest["id"], &newest["action"]), (&json!(entry), &json!("kick")));
        assert_eq!(newest["target"], student.welcome["session"]);
        assert_eq!(newest["detail"]["reason"], reason);
        assert_eq!(newest["actor"], instructor.welcome["user"]["id"]);
        assert_eq!(newest["actor_name"], "Ina Instructor");
    }
}

/// C6: revocation ends sockets within a second.
#[tokio::test]
async fn revoked_sign_ins_close_their_sockets() {
    let home = Home::quick();
    let server = home.start();
    let mut admin = of(&server, "admin").await;
    let (here, there) =
        (Person::demo(&server, "student").await, Person::demo(&server, "student").await);
    let (mut first, mut second) = (here.live().await, there.live().await);

    let one = json!({ "type": "revoke", "session": first.welcome["session"] });
    act(&mut admin, one).await;
    let began = Instant::now();
    assert_eq!(first.closed().await, Some(4103));
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(here.get("/api/auth/get-session").await.1, Value::Null);
    second.send(json!({ "type": "history", "id": 2, "thread": "x" })).await;
    assert_eq!(second.error().await["code"], "not_found", "the other sign-in goes on");

    let all = json!({ "type": "revoke", "user": second.welcome["user"]["id"] });
    act(&mut admin, all).await;
    assert_eq!(second.closed().await, Some(4103));
    let targets: Vec<_> = audit(&server).await.iter().map(|it| it["target"].clone()).collect();
    assert_eq!(
        targets,
        [&second.welcome["user"]["id"], &first.welcome["session"]].map(Value::clone)
    );
}

#[tokio::test]
async fn an_instructor_stops_a_students_answer() {
    let home = Home::slow();
    let server = home.start();
    let mut student = of(&server, "student").await;
    let mut instructor = of(&server, "instructor").await;
    let (ok, mut reader) = ask(&mut student, "m1", "/ck tokens 4000 5").await;
    reader.read(&mut student, 30).await;

    act(&mut instructor, json!({ "type": "cancel_turn", "turn": ok["turn"] })).await;
    reader.finish(&mut student).await;
    assert_eq!(reader.ends[0]["status"], "cancelled");
    act(&mut instructor, json!({ "type": "cancel_turn", "turn": ok["turn"] })).await;
    assert_eq!(audit(&server).await.len(), 2, "a second time is no error");
}

#[tokio::test]
async fn a_notice_reaches_a_stay_a_person_or_everybody() {
    let home = Home::quick();
    let server = home.start();
    let mut instructor = of(&server, "instructor").await;
    let (mut one, mut two) = (of(&server, "student").await, of(&server, "student").await);
    let mut admin = of(&server, "admin").await;
    let user = one.welcome["user"]["id"].clone();

    let to_one = json!({ "type": "notice", "session": one.welcome["session"], "text": "one" });
    act(&mut instructor, to_one).await;
    act(&mut instructor, json!({ "type": "notice", "user": user, "text": "student" })).await;
    act(&mut instructor, json!({ "type": "notice", "text": "all" })).await;
    for (live, texts) in [
        (&mut one, &["one", "student", "all"][..]),
        (&mut two, &["student", "all"]),
        (&mut admin, &["all"]),
    ] {
        for text in texts {
            let notice = live.expect("notice").await;
            assert_eq!(notice["text"], *text);
            assert!(notice["at"].is_string());
        }
    }
    let targets: Vec<_> = audit(&server).await.iter().map(|it| it["target"].clone()).collect();
    assert_eq!(targets, [json!("everybody"), user, one.welcome["session"].clone()]);
}

#[tokio::test]
async fn another_quota_holds_in_an_open_session() {
    let home = Home::slow();
    let server = home.start();
    let mut admin = of(&server, "admin").await;
    let mut student = of(&server, "student").await;
    let user = student.welcome["user"]["id"].clone();
    assert_eq!(student.welcome["quota"]["limit"], 20);

    for (number, limit, shown) in [(1, json!(50), 50), (2, json!(null), 20)] {
        let quota = json!({ "type": "set_quota", "user": user, "limit": limit });
        act(&mut admin, quota).await;
        let began = Instant::now();
        let mut tries = 0;
        loop {
            tries += 1;
            let (ok, mut reader) =
                ask(&mut student, &format!("m{number}-{tries}"), "/ck ping").await;
            reader.finish(&mut student).await;
            if ok["quota"]["limit"] == shown {
                break;
            }
            assert!(began.elapsed() < SOON, "{ok}");
        }
    }
    let newest = audit(&server).await.remove(0);
    assert_eq!(newest["detail"], json!({ "limit": null, "before": 50 }));
}

/// I18, by an admin instead of a signal.
#[tokio::test]
async fn a_drained_node_sends_its_clients_away_and_lives() {
    let home = Home::quick();
    let server = home.start();
    let mut admin = of(&server, "admin").await;
    let mut student = of(&server, "student").await;
    let person = Person::demo(&server, "student").await;
    assert_eq!(person.get("/readyz").await.0, 200);
    let ticket = person.ticket().await;
    let mut silent = Live::open(&person.url, Some(&ticket), Some(&person.url)).await.unwrap();

    let drain = json!({ "type": "drain_node", "node": admin.welcome["node"] });
    act(&mut admin, drain).await;
    let began = Instant::now();
    for live in [&mut admin, &mut student] {
        assert_eq!(live.closed().await, Some(4300));
    }
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    silent.send(json!({ "type": "hello", "id": 1 })).await;
    assert_eq!(silent.closed().await, Some(4300), "it had not said hello when the others went");
    let ticket = person.ticket().await;
    let mut new = Live::open(&person.url, Some(&ticket), Some(&person.url)).await.unwrap();
    assert_eq!(new.closed().await, Some(4300), "at once, before any hello");
    let (status, ready) = person.get("/readyz").await;
    assert_eq!((status, &ready["draining"]), (503, &json!(true)));
    assert_eq!(audit(&server).await[0]["action"], "drain_node");
}

#[tokio::test]
async fn clients_of_a_going_server_leave_one_after_the_other() {
    const CLIENTS: u32 = 100;
    let home = Home::quick();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(student.live().await);
    }

    server.terminate();
    let began = Instant::now();
    let left = clients.into_iter().map(async |mut live| {
        let code = live.closed().await;
        (code, began.elapsed())
    });
    let left = futures_util::future::join_all(left).await;
    assert!(left.iter().all(|(code, _)| *code == Some(4300)), "{left:?}");
    let times: Vec<Duration> = left.into_iter().map(|(_, at)| at).collect();
    let (first, last) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    // 5 ms apart; what a busy machine adds makes it longer.
    let spread = last.saturating_sub(*first);
    assert!(spread >= Duration::from_millis(300), "{first:?} to {last:?}");
    assert!(server.wait().success());
}
