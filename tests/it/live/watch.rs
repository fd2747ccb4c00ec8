//! What others do to a session: admins watch it, changes reach it, revocation ends it (C6, C11).

use std::time::Instant;

use serde_json::json;

use crate::support::{SOON, live::Live, person::Person, server::Home};

#[tokio::test]
async fn an_admin_watches_sessions_come_and_go_and_a_student_may_not() {
    let home = Home::quick();
    let server = home.start();
    let admin = Person::demo(&server, "admin").await;
    let student = Person::demo(&server, "student").await;
    let mut watcher = admin.live().await;
    let filter = json!({ "role": "student" });
    watcher.send(json!({ "type": "watch", "id": 2, "feed": "sessions", "filter": filter })).await;
    watcher.expect("ok").await;
    assert_eq!(watcher.expect("feed.snapshot").await["rows"], json!([]));

    let mut live = student.live().await;
    let added = watcher.expect("feed.diff").await;
    let row = &added["add"][0];
    assert_eq!(row["session"], live.welcome["session"]);
    assert_eq!(row["user"]["role"], "student");
    live.send(
        json!({ "type": "context", "id": 2, "page": { "course": "agree", "lesson": "clocks" } }),
    )
    .await;
    live.expect("ok").await;
    while watcher.expect("feed.diff").await["update"][0]["page"]["lesson"] != "clocks" {}

    live.send(json!({ "type": "watch", "id": 3, "feed": "sessions" })).await;
    assert_eq!(live.error().await["code"], "forbidden");
    let stay = live.welcome["session"].clone();
    drop(live);
    while watcher.expect("feed.diff").await["remove"] != json!([stay]) {}
    assert_eq!(student.get("/api/v1/admin/overview").await.0, 403);
    assert_eq!(admin.get("/api/v1/admin/overview").await.1["connected"], 1);
}

#[tokio::test]
async fn signing_out_closes_the_sockets_of_that_sign_in() {
    let home = Home::quick();
    let server = home.start();
    let here = Person::demo(&server, "student").await;
    let there = Person::demo(&server, "student").await;
    let (mut gone, mut stays): (Live, Live) = (here.live().await, there.live().await);

    let began = Instant::now();
    assert_eq!(here.post("/api/auth/sign-out", &json!({})).await.status(), 200);
    assert_eq!(gone.closed().await, Some(4103));
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    stays.send(json!({ "type": "history", "id": 2, "thread": "x" })).await;
    assert_eq!(stays.error().await["code"], "not_found", "the other sign-in goes on");
}

#[tokio::test]
async fn a_role_changed_on_the_command_line_reaches_the_socket() {
    let home = Home::quick();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    let email = &server.account("student").email;

    let output = home.run(&["user", "set-role", email, "instructor"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let began = Instant::now();
    let you = live.expect("you").await;
    assert_eq!(you["role"], "instructor");
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    live.send(json!({ "type": "watch", "id": 3, "feed": "sessions" })).await;
    live.expect("feed.snapshot").await;
}

#[tokio::test]
async fn a_person_signed_out_on_the_command_line_loses_all_her_sockets() {
    let home = Home::quick();
    let server = home.start();
    let (here, there) =
        (Person::demo(&server, "student").await, Person::demo(&server, "student").await);
    let (mut first, mut second) = (here.live().await, there.live().await);

    let output = home.run(&["user", "sign-out", &server.account("student").email]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let began = Instant::now();
    for live in [&mut first, &mut second] {
        assert_eq!(live.closed().await, Some(4103));
    }
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(here.get("/api/auth/get-session").await.1, json!(null));
}
