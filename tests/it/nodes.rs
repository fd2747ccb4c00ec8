//! Two server processes on one PostgreSQL and one Redis: what staff see and do, and who is counted,
//! is of both (`live.md` §2.1, §2.2, §2.7).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    SOON,
    live::{Came, Live},
    person::Person,
    server::{Home, Server},
};

const PATIENCE: Duration = Duration::from_secs(20);
const SECRET: &str = "the-one-secret-of-both-nodes-of-this-test";

struct Pair {
    a: Server,
    b: Server,
    _homes: (Home, Home),
}

impl Pair {
    /// None, and a word of it, where the servers that it needs are not there.
    #[expect(clippy::disallowed_methods, reason = "the harness names the test servers")]
    #[expect(clippy::print_stdout, reason = "a skipped test must say so")]
    async fn start() -> Option<Self> {
        let of = |name: &str| std::env::var(format!("INTELLISTACK_TEST_{name}")).ok();
        let (Some(database), Some(redis)) = (of("POSTGRES"), of("REDIS")) else {
            assert!(of("ALL").is_none(), "PostgreSQL or Redis is missing");
            println!("skipped: INTELLISTACK_TEST_POSTGRES or INTELLISTACK_TEST_REDIS is not set");
            return None;
        };
        let schema = format!("it_{}", uuid::Uuid::new_v4().simple());
        let (client, connection) =
            tokio_postgres::connect(&database, tokio_postgres::NoTls).await.unwrap();
        tokio::runtime::Handle::current().spawn(connection);
        client.batch_execute(&format!("CREATE SCHEMA {schema}")).await.unwrap();
        let separator = if database.contains('?') { '&' } else { '?' };
        let database = format!("{database}{separator}options=-csearch_path%3D{schema}");
        let settings = [
            ("INTELLISTACK__DATABASE__URL", database.as_str()),
            ("INTELLISTACK__REDIS__URL", redis.as_str()),
            ("INTELLISTACK__REDIS__PREFIX", schema.as_str()),
            ("INTELLISTACK__AUTH__SECRET", SECRET),
            ("INTELLISTACK__TUTOR__MODEL", "scripted"),
            ("INTELLISTACK__TUTOR__PACE_MS", "5"),
        ];
        let homes = (Home::with(&settings), Home::with(&settings));
        let a = homes.0.start();
        // One set of demo accounts for both.
        std::fs::create_dir_all(homes.1.data()).unwrap();
        let accounts = "demo-accounts.json";
        std::fs::copy(homes.0.data().join(accounts), homes.1.data().join(accounts)).unwrap();
        let b = homes.1.start();
        Some(Self { a, b, _homes: homes })
    }
}

/// The same person, by the same sign-in, at another node.
fn at(server: &Server, person: &Person) -> Person {
    let (http, cookie) = (person.http.clone(), person.cookie.clone());
    Person { http, url: server.url().to_owned(), cookie }
}

/// A socket that goes on with a stay.
async fn stay(person: &Person, stay: &Value) -> Live {
    let ticket = person.ticket().await;
    let mut live = Live::open(&person.url, Some(&ticket), Some(&person.url)).await.unwrap();
    live.send(json!({ "type": "hello", "id": 1, "client": "it", "session": stay })).await;
    live.welcome = live.expect("welcome").await;
    live
}

/// Watches, and gives the first row that is meant, in the snapshot or later.
async fn watch_for(live: &mut Live, feed: &str, meant: impl Fn(&Value) -> bool) -> Value {
    live.send(json!({ "type": "watch", "id": 40, "feed": feed })).await;
    loop {
        let frame = live.frame().await;
        let shown = if frame["feed"] == *feed { frame } else { continue };
        let parts = ["rows", "add", "update"].into_iter().filter_map(|part| shown[part].as_array());
        if let Some(row) = parts.flatten().find(|row| meant(row)) {
            return row.clone();
        }
    }
}

/// Waits until the feed says that the row is gone.
async fn until_gone(live: &mut Live, feed: &str, id: &Value) {
    loop {
        let diff = live.expect("feed.diff").await;
        if diff["feed"] == *feed && diff["remove"].as_array().unwrap().contains(id) {
            return;
        }
    }
}

async fn act(live: &mut Live, mut action: Value) -> Value {
    action["id"] = json!(70);
    live.send(action).await;
    loop {
        let answer = live.frame().await;
        if answer["id"] == 70 {
            return answer;
        }
    }
}

async fn presence(live: &mut Live, sessions: u64) {
    while live.expect("presence").await["sessions"] != sessions {}
}

#[tokio::test]
async fn an_admin_sees_and_acts_on_what_is_on_another_node() {
    let Some(Pair { a, b, _homes }) = Pair::start().await else { return };
    let mut admin = Person::demo(&a, "admin").await.live().await;
    let person = Person::demo(&b, "student").await;
    let mut student = person.live().await;
    let session = student.welcome["session"].clone();
    let node = student.welcome["node"].clone();
    assert_ne!(admin.welcome["node"], node);

    let row = watch_for(&mut admin, "sessions", |row| row["session"] == session).await;
    assert_eq!((&row["node"], &row["user"]["role"]), (&node, &json!("student")));
    let ask = json!({
        "type": "send", "id": 2, "message_id": "m", "text": "/ck tokens 8000 6"
    });
    student.send(ask).await;
    let ok = student.expect("ok").await;
    let (turn, thread) = (ok["turn"].clone(), ok["thread"].as_str().unwrap().to_owned());
    let running = |row: &Value| row["turn"] == turn && row["tokens"].as_u64() > Some(0);
    assert_eq!(watch_for(&mut admin, "turns", running).await["node"], node);
    let written = |row: &Value| {
        row["type"] == "running_turn" && row["text"].as_str().unwrap().contains("tok9 ")
    };
    watch_for(&mut admin, &format!("thread:{thread}"), written).await;
    // The other node tells its figures with its lease, every two seconds.
    let reader = Person::demo(&a, "admin").await;
    let began = Instant::now();
    while reader.get("/api/v1/admin/overview").await.1["connected"] != 2 {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let cancelled = act(&mut admin, json!({ "type": "cancel_turn", "turn": turn })).await;
    assert!(cancelled["audit"].is_string(), "{cancelled}");
    assert_eq!(student.expect("end").await["status"], "cancelled");
    let notice = json!({ "type": "notice", "session": session, "text": "hello there" });
    assert!(act(&mut admin, notice).await["audit"].is_string());
    assert_eq!(student.expect("notice").await["text"], "hello there");
    assert!(act(&mut admin, json!({ "type": "notice", "text": "all" })).await["audit"].is_string());
    assert_eq!(student.expect("notice").await["text"], "all");

    let kick = json!({ "type": "kick", "session": session, "reason": "enough" });
    assert!(act(&mut admin, kick.clone()).await["audit"].is_string());
    assert_eq!(student.closed().await, Some(4003));
    assert_eq!(student.goodbye, "enough");
    until_gone(&mut admin, "sessions", &session).await;
    assert_eq!(act(&mut admin, kick).await["code"], "not_found");

    let (_, audit) = Person::demo(&a, "admin").await.get("/api/v1/admin/audit").await;
    let kicks = audit["entries"].as_array().unwrap().iter();
    assert_eq!(kicks.filter(|entry| entry["action"] == "kick").count(), 1, "{audit}");
}

#[tokio::test]
async fn a_sign_in_is_revoked_and_a_node_drained_from_another() {
    let Some(Pair { a, b, _homes }) = Pair::start().await else { return };
    let mut admin = Person::demo(&a, "admin").await.live().await;
    let mut student = Person::demo(&b, "student").await.live().await;
    let revoke = json!({ "type": "revoke", "session": student.welcome["session"] });
    assert!(act(&mut admin, revoke).await["audit"].is_string());
    assert_eq!(student.closed().await, Some(4103));

    let mut teacher = Person::demo(&b, "instructor").await.live().await;
    let node = teacher.welcome["node"].clone();
    let drain = json!({ "type": "drain_node", "node": node });
    assert!(act(&mut admin, drain).await["audit"].is_string());
    assert_eq!(teacher.closed().await, Some(4300));
    let draining = |row: &Value| row["node"] == node && row["draining"] == true;
    let row = watch_for(&mut admin, "nodes", draining).await;
    assert_eq!((&row["alive"], &row["degraded"]), (&json!(true), &json!([])));
}

#[tokio::test]
async fn a_person_is_one_person_on_both_nodes() {
    let Some(Pair { a, b, _homes }) = Pair::start().await else { return };
    let here = Person::demo(&a, "student").await;
    let there = at(&b, &here);
    let mut first = here.live().await;
    let mut second = there.live().await;
    presence(&mut first, 2).await;

    // Somebody writes in a thread that is open on both.
    let ask = json!({ "type": "send", "id": 2, "message_id": "m", "text": "/ck ping" });
    first.send(ask).await;
    let thread = first.expect("ok").await["thread"].clone();
    first.expect("end").await;
    second.send(json!({ "type": "open", "id": 3, "thread": thread })).await;
    second.expect("snapshot").await;
    first.send(json!({ "type": "typing", "thread": thread, "on": true })).await;
    assert_eq!(second.expect("typing").await["thread"], thread);

    // The first stay moves to the second node.
    let moved = stay(&there, &first.welcome["session"]).await;
    assert_eq!(moved.welcome["session"], first.welcome["session"]);
    assert_eq!(first.closed().await, Some(4006));
    drop(moved);

    let began = Instant::now();
    assert_eq!(here.post("/api/auth/sign-out", &json!({})).await.status(), 200);
    loop {
        if let Came::Closed(code) = second.next().await {
            assert_eq!(code, Some(4103));
            break;
        }
    }
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_a_killed_node_had_is_gone_when_its_lease_is_over() {
    let Some(Pair { a, b, _homes }) = Pair::start().await else { return };
    let mut admin = Person::demo(&a, "admin").await.live().await;
    let here = Person::demo(&a, "student").await;
    let mut first = here.live().await;
    let second = at(&b, &here).live().await;
    let session = second.welcome["session"].clone();
    presence(&mut first, 2).await;
    watch_for(&mut admin, "sessions", |row| row["session"] == session).await;

    b.kill();
    until_gone(&mut admin, "sessions", &session).await;
    presence(&mut first, 1).await;
    let node = second.welcome["node"].clone();
    let dead = |row: &Value| row["node"] == node && row["alive"] == false;
    watch_for(&mut admin, "nodes", dead).await;
}
