//! The admin feeds (`live.md` §2.7): each one's snapshot, then what changes.

use std::time::Instant;

use diesel::{Connection, RunQueryDsl, SqliteConnection};
use serde_json::{Value, json};

use super::ask;
use crate::support::{
    SOON,
    live::{Came, Live},
    person::Person,
    server::{Home, Server},
};

const EVERY_FEED: [&str; 6] =
    ["sessions", "turns", "nodes", "auth_events", "errors", "thread:thr_1"];

/// Watches, and gives the snapshot's rows.
async fn watch(live: &mut Live, feed: &str, filter: Value) -> Vec<Value> {
    live.send(json!({ "type": "watch", "id": 40, "feed": feed, "filter": filter })).await;
    let ok = live.expect("ok").await;
    assert_eq!((&ok["id"], &ok["feed"]), (&json!(40), &json!(feed)));
    let snapshot = live.expect("feed.snapshot").await;
    assert_eq!(snapshot["feed"], feed);
    rows(&snapshot["rows"])
}

fn rows(value: &Value) -> Vec<Value> {
    value.as_array().unwrap().clone()
}

/// The next row of `feed` that was added, updated or (as its id) removed and is meant.
async fn until(live: &mut Live, feed: &str, part: &str, meant: impl Fn(&Value) -> bool) -> Value {
    loop {
        let diff = live.expect("feed.diff").await;
        if diff["feed"] != feed {
            continue;
        }
        if let Some(row) = rows(&diff[part]).into_iter().find(|row| meant(row)) {
            return row;
        }
    }
}

async fn refused(live: &mut Live, request: Value) -> Value {
    live.send(request).await;
    live.error().await["code"].clone()
}

async fn admin(server: &Server) -> Live {
    Person::demo(server, "admin").await.live().await
}

#[tokio::test]
async fn a_student_watches_nothing_and_an_instructor_nothing_that_is_for_admins() {
    let home = Home::quick();
    let server = home.start();
    let mut student = Person::demo(&server, "student").await.live().await;
    let mut instructor = Person::demo(&server, "instructor").await.live().await;

    for feed in EVERY_FEED.into_iter().chain(["weather"]) {
        for kind in ["watch", "unwatch"] {
            let request = json!({ "type": kind, "id": 2, "feed": feed });
            assert_eq!(refused(&mut student, request).await, "forbidden", "{kind} {feed}");
        }
    }
    for feed in ["nodes", "auth_events", "errors"] {
        let request = json!({ "type": "watch", "id": 2, "feed": feed });
        assert_eq!(refused(&mut instructor, request).await, "forbidden", "{feed}");
    }
    for feed in ["sessions", "turns"] {
        watch(&mut instructor, feed, json!({})).await;
    }
    for (feed, code) in [("thread:thr_1", "not_found"), ("weather", "bad_request")] {
        let request = json!({ "type": "watch", "id": 2, "feed": feed });
        assert_eq!(refused(&mut instructor, request).await, code, "{feed}");
    }
}

#[tokio::test]
async fn an_access_token_without_the_scope_watches_nothing_whoever_holds_it() {
    let home = Home::quick();
    let server = home.start();
    let (_, body) = Person::demo(&server, "admin").await.get("/api/auth/token").await;
    let mut live = Live::open(server.url(), None, None).await.unwrap();
    live.send(json!({ "type": "hello", "id": 1, "token": body["token"] })).await;
    live.expect("welcome").await;

    let request = json!({ "type": "watch", "id": 2, "feed": "sessions" });
    assert_eq!(refused(&mut live, request).await, "forbidden");
}

#[tokio::test]
async fn a_session_that_no_longer_passes_the_filter_is_removed() {
    let home = Home::quick();
    let server = home.start();
    let student = Person::demo(&server, "student").await.live().await;
    let stay = student.welcome["session"].clone();
    let mut watcher = admin(&server).await;
    let snapshot = watch(&mut watcher, "sessions", json!({ "role": "student" })).await;
    let stays: Vec<_> = snapshot.iter().map(|row| row["session"].clone()).collect();
    assert_eq!(stays, std::slice::from_ref(&stay));

    let email = &server.account("student").email;
    assert!(home.run(&["user", "set-role", email, "instructor"]).status.success());
    until(&mut watcher, "sessions", "remove", |id| *id == stay).await;
}

#[tokio::test]
async fn a_turn_is_seen_to_be_written_and_to_end() {
    let home = Home::slow();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    let mut watcher = admin(&server).await;
    assert!(watch(&mut watcher, "turns", json!({})).await.is_empty());

    let (ok, _) = ask(&mut live, "m1", "/ck tokens 4000 5").await;
    let (turn, node) = (ok["turn"].clone(), live.welcome["node"].clone());
    let row = until(&mut watcher, "turns", "add", |row| row["turn"] == turn).await;
    assert_eq!((&row["thread"], &row["user"]), (&ok["thread"], &live.welcome["user"]["id"]));
    let writes = |row: &Value| row["tokens"].as_u64() > Some(50);
    let row = until(&mut watcher, "turns", "update", writes).await;
    assert_eq!((&row["status"], &row["node"]), (&json!("running"), &node));
    assert_eq!(row["attempt"], 1);
    assert!(row["tokens_per_second"].as_u64() > Some(10), "{row}");

    let mut late = admin(&server).await;
    assert_eq!(watch(&mut late, "turns", json!({})).await[0]["turn"], turn);
    assert!(watch(&mut late, "turns", json!({ "user": "nobody" })).await.is_empty());
    live.send(json!({ "type": "cancel", "id": 9, "turn": turn })).await;
    until(&mut watcher, "turns", "remove", |id| *id == turn).await;
}

#[tokio::test]
async fn a_turn_that_waits_for_its_place_is_queued() {
    let home = Home::slow();
    let server = home.start();
    let mut live = Person::demo(&server, "student").await.live().await;
    for n in 0..4 {
        ask(&mut live, &format!("m{n}"), "/ck tokens 4000 5").await;
    }
    let mut watcher = admin(&server).await;
    watch(&mut watcher, "sessions", json!({})).await;
    let mut shown = watch(&mut watcher, "turns", json!({})).await;
    let queued = |rows: &[Value]| rows.iter().filter(|row| row["status"] == "queued").count();
    while shown.len() != 4 || queued(&shown) != 1 {
        let diff = watcher.expect("feed.diff").await;
        if diff["feed"] == "turns" {
            for row in rows(&diff["add"]).into_iter().chain(rows(&diff["update"])) {
                shown.retain(|old| old["turn"] != row["turn"]);
                shown.push(row);
            }
        }
    }
}

#[tokio::test]
async fn every_node_tells_how_it_is() {
    let home = Home::quick();
    let server = home.start();
    let mut watcher = admin(&server).await;
    let shown = watch(&mut watcher, "nodes", json!({})).await;
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["node"], watcher.welcome["node"]);
    assert_eq!((&shown[0]["alive"], &shown[0]["draining"]), (&json!(true), &json!(false)));
    assert_eq!(shown[0]["version"], env!("CARGO_PKG_VERSION"));

    let _student = Person::demo(&server, "student").await.live().await;
    let row = until(&mut watcher, "nodes", "update", |row| row["sessions"] == 2).await;
    assert!(row["rss_bytes"].as_i64() > Some(1_000_000), "{row}");
}

#[tokio::test]
async fn what_happens_to_accounts_is_shown_as_it_happens() {
    let home = Home::quick();
    let server = home.start();
    let mut watcher = admin(&server).await;
    let id = watcher.welcome["user"]["id"].clone();
    let shown = watch(&mut watcher, "auth_events", json!({ "user": id })).await;
    let kinds: Vec<_> = shown.iter().map(|row| row["kind"].clone()).collect();
    assert_eq!(kinds, ["sign_in"], "{shown:?}");
    assert_eq!(shown[0]["address"], "127.0.0.1");

    watch(&mut watcher, "auth_events", json!({})).await;
    let account = server.account("student");
    let wrong = json!({ "email": account.email, "password": "Wrong-Lamp-7 road" });
    let student = Person::demo(&server, "student").await;
    student.post("/api/auth/sign-in/email", &wrong).await;
    let failed = |row: &Value| row["kind"] == "sign_in_failed";
    let row = until(&mut watcher, "auth_events", "add", failed).await;
    assert_eq!(row["email"], account.email);
    assert!(row["user"].is_string() && row["at"].is_string(), "{row}");
    assert!(!row.to_string().contains("Lamp"), "{row}");
}

#[tokio::test]
async fn what_the_log_warns_of_is_shown_without_what_else_it_says() {
    let home = Home::with(&[
        ("INTELLISTACK__TUTOR__MODEL", "scripted"),
        ("INTELLISTACK__TUTOR__PACE_MS", "0"),
        ("INTELLISTACK__QDRANT__URL", "http://127.0.0.1:1"),
        ("INTELLISTACK__LOG__FILTER", "error"),
    ]);
    let server = home.start();
    let mut watcher = admin(&server).await;
    let shown = watch(&mut watcher, "errors", json!({})).await;
    let message = shown.last().unwrap()["message"].as_str().unwrap();
    assert!(message.contains("qdrant.url is set"), "{shown:?}");

    let mut live = Person::demo(&server, "student").await.live().await;
    let (ok, _) = ask(&mut live, "m1", "/ck error partial").await;
    let failed = |row: &Value| row["message"] == "an answer failed";
    let row = until(&mut watcher, "errors", "add", failed).await;
    assert_eq!((&row["level"], &row["node"]), (&json!("warn"), &live.welcome["node"]));
    assert!(!row.to_string().contains(ok["thread"].as_str().unwrap()), "{row}");
}

#[tokio::test]
async fn an_instructor_follows_a_conversation_and_the_look_is_audited() {
    let home = Home::slow();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    let (ok, mut reader) = ask(&mut live, "m1", "/ck tokens 300 5").await;
    let thread = ok["thread"].as_str().unwrap();
    let feed = format!("thread:{thread}");
    let mut watcher = Person::demo(&server, "instructor").await.live().await;

    let mut shown = watch(&mut watcher, &feed, json!({})).await;
    assert_eq!(shown[0]["id"], ok["item"]);
    if shown.len() == 1 {
        shown.push(until(&mut watcher, &feed, "add", |row| row["id"] == ok["turn"]).await);
    }
    assert_eq!((&shown[1]["type"], &shown[1]["id"]), (&json!("running_turn"), &ok["turn"]));
    let written = |row: &Value| row["text"].as_str().is_some_and(|text| text.contains("tok20 "));
    until(&mut watcher, &feed, "update", written).await;
    let answered = |row: &Value| row["type"] == "assistant_message";
    let answer = until(&mut watcher, &feed, "add", answered).await;
    reader.finish(&mut live).await;
    assert_eq!(answer, reader.ends[0]["item"]);

    let path = format!("/api/v1/threads/{thread}");
    let gone = student.request(reqwest::Method::DELETE, &path).send().await.unwrap();
    assert_eq!(gone.status(), 204);
    let mut left = vec![ok["item"].clone(), answer["id"].clone()];
    while !left.is_empty() {
        let diff = watcher.expect("feed.diff").await;
        left.retain(|id| !rows(&diff["remove"]).contains(id));
    }
    let request = json!({ "type": "watch", "id": 2, "feed": feed });
    assert_eq!(refused(&mut watcher, request).await, "not_found");
    let (_, audit) = Person::demo(&server, "admin").await.get("/api/v1/admin/audit").await;
    let entries = rows(&audit["entries"]);
    assert_eq!(entries.len(), 1, "{audit}");
    assert_eq!((&entries[0]["action"], &entries[0]["target"]), (&json!("watch"), &json!(feed)));
    assert_eq!(entries[0]["actor"], watcher.welcome["user"]["id"]);
}

#[tokio::test]
async fn an_edited_question_leaves_the_watched_conversation() {
    let home = Home::slow();
    let server = home.start();
    let mut live = Person::demo(&server, "student").await.live().await;
    let (ok, mut reader) = ask(&mut live, "m1", "/ck ping").await;
    reader.finish(&mut live).await;
    let feed = format!("thread:{}", ok["thread"].as_str().unwrap());
    let mut watcher = admin(&server).await;
    assert_eq!(watch(&mut watcher, &feed, json!({})).await.len(), 2);

    live.send(json!({ "type": "edit", "id": 5, "item": ok["item"], "text": "/ck tokens 3 5" }))
        .await;
    until(&mut watcher, &feed, "remove", |id| *id == ok["item"]).await;
}

#[tokio::test]
async fn several_feeds_are_watched_at_once_sixteen_at_most() {
    let home = Home::slow();
    let server = home.start();
    let mut live = Person::demo(&server, "student").await.live().await;
    let mut threads = Vec::new();
    for n in 0..16 {
        let (ok, mut reader) = ask(&mut live, &format!("m{n}"), "/ck ping").await;
        reader.finish(&mut live).await;
        threads.push(ok["thread"].as_str().unwrap().to_owned());
    }
    let mut watcher = admin(&server).await;
    for thread in &threads {
        let shown = watch(&mut watcher, &format!("thread:{thread}"), json!({})).await;
        assert_eq!(shown.len(), 2);
    }
    let more = json!({ "type": "watch", "id": 2, "feed": "sessions" });
    assert_eq!(refused(&mut watcher, more).await, "bad_request");

    let feed = format!("thread:{}", threads[0]);
    watcher.send(json!({ "type": "unwatch", "id": 3, "feed": feed })).await;
    assert_eq!(watcher.expect("ok").await["feed"], feed);
    watch(&mut watcher, "sessions", json!({ "role": "student" })).await;
    let again = json!({
        "type": "send", "id": 4, "thread": threads[1], "message_id": "again", "text": "/ck ping"
    });
    live.send(again).await;
    until(&mut watcher, &format!("thread:{}", threads[1]), "add", |_| true).await;
    drop(live);
    let gone = |id: &Value| id.as_str().is_some_and(|id| id.starts_with("s_"));
    until(&mut watcher, "sessions", "remove", gone).await;
}

/// I11 for staff: no diff reaches a socket whose person has lost the right.
#[tokio::test]
async fn a_lost_role_ends_the_watches_at_once() {
    let home = Home::quick();
    let server = home.start();
    let mut fallen = Person::demo(&server, "instructor").await.live().await;
    let mut witness = admin(&server).await;
    for live in [&mut fallen, &mut witness] {
        watch(live, "sessions", json!({ "role": "student" })).await;
    }
    let email = &server.account("instructor").email;
    assert!(home.run(&["user", "set-role", email, "student"]).status.success());
    let began = Instant::now();
    assert_eq!(fallen.expect("you").await["role"], "student");
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());

    let student = Person::demo(&server, "student").await.live().await;
    let stay = &student.welcome["session"];
    until(&mut witness, "sessions", "add", |row| row["session"] == *stay).await;
    fallen.send(json!({ "type": "watch", "id": 7, "feed": "sessions" })).await;
    loop {
        match fallen.next().await {
            Came::Frame(frame) if frame["id"] == 7 => {
                assert_eq!(frame["code"], "forbidden");
                break;
            }
            Came::Frame(frame) => assert_ne!(frame["type"], "feed.diff", "{frame}"),
            Came::Closed(code) => panic!("closed with {code:?}"),
        }
    }
}

/// An admin who becomes an instructor keeps what instructors may watch.
#[tokio::test]
async fn an_admin_who_becomes_an_instructor_loses_the_feeds_for_admins_alone() {
    let home = Home::quick();
    let server = home.start();
    let mut live = admin(&server).await;
    for feed in ["sessions", "errors"] {
        watch(&mut live, feed, json!({})).await;
    }
    let email = &server.account("admin").email;
    assert!(home.run(&["user", "set-role", email, "instructor"]).status.success());
    live.expect("you").await;

    // Something for each of the two feeds: a lease that somebody else took, and a new session.
    let file = home.data().join("intellistack.db");
    let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    diesel::sql_query("UPDATE node SET incarnation = 'another'").execute(&mut connection).unwrap();
    let mut witness = {
        let output =
            home.run(&["user", "create", "root@school.example", "--role", "admin", "--json"]);
        let account: Value = serde_json::from_slice(&output.stdout).unwrap();
        let password = account["password"].as_str().unwrap();
        Person::sign_in(server.url(), "root@school.example", password).await.live().await
    };
    let shown = watch(&mut witness, "errors", json!({})).await;
    let taken = |row: &Value| row["message"].as_str().unwrap().contains("taken this node's name");
    if !shown.iter().any(taken) {
        until(&mut witness, "errors", "add", taken).await;
    }
    let student = Person::demo(&server, "student").await.live().await;
    let stay = &student.welcome["session"];
    loop {
        let diff = live.expect("feed.diff").await;
        assert_eq!(diff["feed"], "sessions");
        if rows(&diff["add"]).iter().any(|row| row["session"] == *stay) {
            break;
        }
    }
}
