//! Answers that survive: a killed server, a server that goes, a lost connection (I1 to I5, I8).

use std::time::Duration;

use serde_json::json;

use super::ask;
use crate::support::{live::Reader, person::Person, server::Home};

const TOKENS: usize = 400;

fn first_tokens(count: usize) -> String {
    let words: Vec<String> = (0..count).map(|n| format!("tok{n}")).collect();
    words.join(" ") + " "
}

fn tokens() -> String {
    first_tokens(TOKENS)
}

#[tokio::test]
async fn a_killed_and_restarted_server_finishes_the_answer_with_one_end() {
    let home = Home::slow();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    let (_, mut reader) = ask(&mut live, "m1", &format!("/ck tokens {TOKENS} 6")).await;
    reader.read(&mut live, 900).await;
    server.kill();
    assert_eq!(live.closed().await, None);

    let server = home.start();
    let student = Person { url: server.url().to_owned(), ..student };
    let mut live = student.resume(reader.have()).await;
    reader.finish(&mut live).await;
    // What was seen may be more than was kept. The client may come before the turn's new owner.
    assert_eq!(reader.modes.last().map(String::as_str), Some("reset"), "{:?}", reader.modes);
    assert_eq!(reader.text, tokens());
    assert_eq!(reader.ends.len(), 1);

    let mut late = Reader { seq: 0, ends: Vec::new(), ..reader.clone() };
    let mut live = student.resume(json!([{ "thread": reader.thread }])).await;
    late.finish(&mut live).await;
    assert_eq!((late.text, late.ends.len()), (tokens(), 1));
}

#[tokio::test]
async fn a_question_accepted_just_before_the_kill_is_answered() {
    let home = Home::slow();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    let (_, mut reader) = ask(&mut live, "m1", "/ck tokens 40 2").await;
    server.kill();

    let server = home.start();
    let student = Person { url: server.url().to_owned(), ..student };
    let mut live = student.resume(reader.have()).await;
    reader.finish(&mut live).await;
    assert_eq!(reader.ends[0]["status"], "done");
    assert!(reader.text.ends_with("tok39 "));
}

/// I18.
#[tokio::test]
async fn a_server_that_is_told_to_go_finishes_what_it_writes_and_sends_its_clients_away() {
    let home = Home::slow();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    let (_, mut reader) = ask(&mut live, "m1", "/ck tokens 300 4").await;
    reader.read(&mut live, 200).await;
    server.terminate();
    assert_eq!(live.closed().await, Some(4300));
    assert!(server.wait().success());

    let server = home.start();
    let student = Person { url: server.url().to_owned(), ..student };
    let mut live = student.resume(reader.have()).await;
    reader.finish(&mut live).await;
    assert_eq!(reader.text, first_tokens(300));
    assert_eq!(reader.ends.len(), 1);
}

#[tokio::test]
async fn an_answer_goes_on_while_nobody_listens() {
    let home = Home::slow();
    let server = home.start();
    let student = Person::demo(&server, "student").await;
    let mut live = student.live().await;
    let (_, mut reader) = ask(&mut live, "m1", "/ck tokens 100 4").await;
    reader.read(&mut live, 20).await;
    drop(live);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let (_, overview) =
            Person::demo(&server, "admin").await.get("/api/v1/admin/overview").await;
        if overview["turns"]["done"] == 1 {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{overview}");
    }
    let mut live = student.resume(reader.have()).await;
    reader.finish(&mut live).await;
    assert_eq!(reader.modes, ["replay"]);
    assert!(reader.text.ends_with("tok99 "));
}

#[tokio::test]
async fn a_server_starts_without_its_redis_and_says_so() {
    let home = Home::with(&[("INTELLISTACK__REDIS__URL", "redis://127.0.0.1:1")]);
    let server = home.start();
    let (status, ready) = Person::demo(&server, "student").await.get("/readyz").await;
    assert_eq!((status, &ready["redis"]), (200, &json!("down")), "degraded, not unready");
}
