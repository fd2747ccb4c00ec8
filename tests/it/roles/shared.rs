//! Two nodes of ours on one PostgreSQL: one signs people in, the other chats.

use std::time::Instant;

use serde_json::json;

use super::Bearer;
use crate::support::{SOON, live::Reader, person::Person, postgres, server::Home};

const SECRET: &str = "a-secret-of-thirty-two-characters";

#[tokio::test]
async fn a_token_of_the_auth_node_chats_on_the_chat_node_until_she_signs_out() {
    let Some(url) = postgres::fresh_schema().await else { return };
    let shared =
        [("INTELLISTACK__DATABASE__URL", url.as_str()), ("INTELLISTACK__AUTH__SECRET", SECRET)];
    let home = Home::with(&shared);
    let auth = home.start_with(&["--roles", "auth,web"]);
    let (issuer, audience) = (format!("{}/api/auth", auth.url()), format!("{}/api", auth.url()));
    let chat_home = Home::with(&[
        shared[0],
        shared[1],
        ("INTELLISTACK__TUTOR__PACE_MS", "0"),
        ("INTELLISTACK__ISSUER__URL", &issuer),
        ("INTELLISTACK__ISSUER__AUDIENCE", &audience),
        ("INTELLISTACK__ISSUER__SHARED_ACCOUNTS", "true"),
    ]);
    let chat = chat_home.start_with(&["--roles", "chat"]);

    let student = Person::demo(&auth, "student").await;
    let (_, body) = student.get("/api/auth/token").await;
    let there = Bearer::new(chat.url(), body["token"].as_str().unwrap());
    assert_eq!(Bearer::new(auth.url(), &there.token).status().await, 404);
    let mut live = there.live().await;
    let (_, session) = student.get("/api/auth/get-session").await;
    assert_eq!(live.welcome["user"]["id"], session["user"]["id"], "the same row");
    live.send(json!({
        "type": "send", "id": 2, "message_id": "m1", "text": "What is a clock?",
        "page": { "course": "agree", "lesson": "clocks" },
    }))
    .await;
    let mut reader = Reader::of(&live.expect("ok").await);
    reader.finish(&mut live).await;
    assert_eq!(reader.ends[0]["status"], "done");

    let began = Instant::now();
    assert_eq!(student.post("/api/auth/sign-out", &json!({})).await.status(), 200);
    assert_eq!(live.closed().await, Some(4103));
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(there.status().await, 401);
}

#[tokio::test]
async fn a_second_node_with_a_secret_of_its_own_is_told_to_share_it() {
    let Some(url) = postgres::fresh_schema().await else { return };
    let database = [("INTELLISTACK__DATABASE__URL", url.as_str())];
    let first = Home::with(&database);
    let server = first.start_with(&["--roles", "auth,web"]);

    let second = Home::with(&database);
    let output = second.run(&["serve", "--listen", "127.0.0.1:0", "--roles", "chat"]);

    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("auth.secret") && said.contains("every node"), "{said}");
    drop(server);
}
