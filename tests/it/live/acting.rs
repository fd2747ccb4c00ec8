//! What admins do to accounts reaches the sockets (attacks C6, C10, C11 of `oidc.md`): within a
//! second, whoever holds them.

use std::time::Instant;

use serde_json::{Value, json};

use super::ask;
use crate::support::{
    SOON,
    live::Live,
    person::{PASSWORD, Person, read},
    server::{Home, Server},
};

async fn deed(admin: &Person, call: &str, body: Value) -> Value {
    let (status, answer) = read(admin.post(&format!("/api/auth/admin/{call}"), &body).await).await;
    assert_eq!(status, 200, "{call}: {answer}");
    answer
}

async fn id_of(person: &Person) -> String {
    let (_, session) = person.get("/api/auth/get-session").await;
    session["user"]["id"].as_str().unwrap().to_owned()
}

/// A window in which the admin acts as the student.
async fn acting(admin: &Person, student: &str) -> Person {
    let mut window =
        Person { http: admin.http.clone(), url: admin.url.clone(), cookie: admin.cookie.clone() };
    let body = json!({ "userId": student });
    let answer = admin.post("/api/auth/admin/impersonate-user", &body).await;
    window.keep_cookie(answer).await;
    window
}

async fn closes_soon(live: &mut Live, code: u16) {
    let began = Instant::now();
    assert_eq!(live.closed().await, Some(code));
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

/// The socket goes on: it answers.
async fn lives(live: &mut Live) {
    live.send(json!({ "type": "history", "id": 9, "thread": "x" })).await;
    assert_eq!(live.error().await["code"], "not_found");
}

async fn second_admin(admin: &Person, server: &Server) -> Person {
    let new = json!({
        "email": "eve@school.example", "name": "Eve", "password": PASSWORD, "role": "admin",
        "data": { "emailVerified": true },
    });
    deed(admin, "create-user", new).await;
    Person::sign_in(server.url(), "eve@school.example", PASSWORD).await
}

/// Attack C10: seen in the live table and in the audit, and over when the admin signs out.
#[tokio::test]
async fn an_admins_hand_is_seen_and_lets_go_when_she_signs_out() {
    let home = Home::quick();
    let server = home.start();
    let (admin, student) =
        (Person::demo(&server, "admin").await, Person::demo(&server, "student").await);
    let (admin_id, student_id) = (id_of(&admin).await, id_of(&student).await);
    let window = acting(&admin, &student_id).await;
    let (mut own, mut acted) = (student.live().await, window.live().await);

    let watcher = second_admin(&admin, &server).await;
    let mut watching = watcher.live().await;
    watching.send(json!({ "type": "watch", "id": 5, "feed": "sessions" })).await;
    let rows = watching.expect("feed.snapshot").await["rows"].clone();
    let hands: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["user"]["id"] == student_id.as_str())
        .map(|row| (row["session"].clone(), row["impersonated_by"].clone()))
        .collect();
    assert!(hands.contains(&(acted.welcome["session"].clone(), json!(admin_id))), "{rows}");
    assert!(hands.contains(&(own.welcome["session"].clone(), Value::Null)), "{rows}");

    let (_, mut reader) = ask(&mut acted, "by-hand", "What is a clock?").await;
    reader.finish(&mut acted).await;
    let (_, audit) = watcher.get("/api/v1/admin/audit").await;
    let entries = audit["entries"].as_array().unwrap();
    let sent = entries.iter().find(|entry| entry["action"] == "send").unwrap();
    assert_eq!((&sent["actor"], &sent["detail"]["as"]), (&json!(admin_id), &json!(student_id)));
    assert_eq!(sent["detail"]["message_id"], "by-hand");

    assert_eq!(admin.post("/api/auth/sign-out", &json!({})).await.status(), 200);
    closes_soon(&mut acted, 4103).await;
    assert_eq!(window.get("/api/auth/get-session").await.1, Value::Null);
    lives(&mut own).await;
}

/// Attacks C6 and C10: the admin is none any more.
#[tokio::test]
async fn an_admin_who_loses_her_role_acts_as_nobody_any_more() {
    let home = Home::quick();
    let server = home.start();
    let (admin, student) =
        (Person::demo(&server, "admin").await, Person::demo(&server, "student").await);
    let eve = second_admin(&admin, &server).await;
    let window = acting(&eve, &id_of(&student).await).await;
    let mut acted = window.live().await;

    deed(&admin, "set-role", json!({ "userId": id_of(&eve).await, "role": "student" })).await;

    closes_soon(&mut acted, 4103).await;
    let (status, _) = window.get("/api/v1/courses").await;
    assert_eq!(status, 401);
}

/// Attacks C6 and C11: role, ban, ended sign-ins, a new password, removal.
#[tokio::test]
async fn a_role_a_ban_and_a_removal_reach_the_sockets() {
    let home = Home::quick();
    let server = home.start();
    let admin = Person::demo(&server, "admin").await;
    let new = json!({
        "email": "bob@school.example", "name": "Bob", "password": PASSWORD,
        "data": { "emailVerified": true },
    });
    let bob = deed(&admin, "create-user", new).await["user"]["id"].clone();
    let sign_in =
        async || Person::sign_in(server.url(), "bob@school.example", PASSWORD).await.live().await;

    let mut live = sign_in().await;
    deed(&admin, "set-role", json!({ "userId": bob, "role": "instructor" })).await;
    let began = Instant::now();
    assert_eq!(live.expect("you").await["role"], "instructor");
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());

    deed(&admin, "ban-user", json!({ "userId": bob })).await;
    closes_soon(&mut live, 4005).await;
    deed(&admin, "unban-user", json!({ "userId": bob })).await;
    let mut live = sign_in().await;
    deed(&admin, "revoke-user-sessions", json!({ "userId": bob })).await;
    closes_soon(&mut live, 4103).await;
    let mut live = sign_in().await;
    deed(&admin, "set-user-password", json!({ "userId": bob, "newPassword": PASSWORD })).await;
    closes_soon(&mut live, 4103).await;
    let mut live = sign_in().await;
    deed(&admin, "remove-user", json!({ "userId": bob })).await;
    closes_soon(&mut live, 4103).await;
}
