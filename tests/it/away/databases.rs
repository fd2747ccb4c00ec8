//! Redis or PostgreSQL away, for one node or for all, or with its data lost.

use serde_json::json;

use super::{ANSWER, Pair, answer, at, wait};
use crate::support::{live::Came, nodes::Nodes};

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_answers_go_on_through_the_store_and_new_ones_begin() {
    let Some(nodes) = Nodes::start(2, &[]).await else { return };
    let mut pair = Pair::ask(&nodes, ANSWER).await;
    pair.other.read(&mut pair.there, 100).await;
    nodes.all.iter().for_each(|node| node.to_redis.cut());
    pair.finish().await;

    let (_, mut second) = crate::live::ask(&mut pair.here, "m2", "/ck tokens 20 5").await;
    second.finish(&mut pair.here).await;
    assert_eq!(second.ends[0]["status"], "done");
    let ready = reqwest::get(format!("{}/readyz", nodes.url(0))).await.unwrap();
    assert_eq!(ready.status(), 200, "a node without Redis works");
    let said = ready.text().await.unwrap();
    assert!(said.contains("redis") && said.contains("down"), "{said}");

    nodes.all.iter().for_each(|node| node.to_redis.mend());
    let (_, mut third) = crate::live::ask(&mut pair.there, "m3", "/ck tokens 20 5").await;
    third.finish(&mut pair.there).await;
    assert_eq!(third.ends[0]["status"], "done");
}

/// The others hear nothing of it over Redis, and still read along.
#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_alone_lost_redis_is_read_through_the_store() {
    let Some(nodes) = Nodes::start(2, &[]).await else { return };
    let mut pair = Pair::ask(&nodes, ANSWER).await;
    pair.other.read(&mut pair.there, 100).await;
    nodes.all[0].to_redis.cut();
    pair.finish().await;
    nodes.all[0].to_redis.mend();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_holds_up_nobody_for_long() {
    let Some(nodes) = Nodes::start(2, &[]).await else { return };
    let mut pair = Pair::ask(&nodes, ANSWER).await;
    pair.reader.read(&mut pair.here, 100).await;
    let mut asleep = nodes.redis.begin(&["DEBUG", "SLEEP", "8"]);
    let began = tokio::time::Instant::now();
    pair.reader.read(&mut pair.here, 600).await;
    assert!(began.elapsed().as_secs() < 7, "it waited for Redis");
    pair.finish().await;
    asleep.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_loses_everything_gets_it_again_from_the_writer() {
    let Some(mut nodes) = Nodes::start(2, &[]).await else { return };
    let mut pair = Pair::ask(&nodes, ANSWER).await;
    pair.other.read(&mut pair.there, 100).await;
    nodes.redis.run(&["FLUSHALL"]);
    pair.other.read(&mut pair.there, 400).await;
    nodes.redis.restart();
    pair.finish().await;
    let epoch = pair.reader.epoch.clone();
    assert_eq!(pair.other.epoch, epoch, "the same log");
    assert!(pair.reader.modes.is_empty(), "{:?}", pair.reader.modes);
}

/// Nobody knows what readers have seen: they start afresh, from what was checkpointed.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_lost_with_its_writer_begins_a_new_epoch() {
    let Some(mut nodes) = Nodes::start(2, &[]).await else { return };
    let mut pair = Pair::ask(&nodes, ANSWER).await;
    pair.reader.read(&mut pair.here, 300).await;
    nodes.all[0].kill();
    nodes.redis.run(&["FLUSHALL"]);

    pair.here = at(&nodes, 1, &pair.student).resume(pair.reader.have()).await;
    pair.finish().await;
    assert!(pair.reader.modes.contains(&"reset".to_owned()), "{:?}", pair.reader.modes);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgresql_answers_go_on_and_nothing_new_is_promised() {
    let Some(nodes) = Nodes::start(2, &[]).await else { return };
    let mut pair = Pair::ask(&nodes, ANSWER).await;
    pair.reader.read(&mut pair.here, 50).await;
    nodes.all.iter().for_each(|node| node.to_postgres.cut());
    pair.reader.read(&mut pair.here, 400).await;
    pair.other.read(&mut pair.there, 400).await;

    let send = json!({ "type": "send", "id": 8, "message_id": "m8", "text": "/ck ping" });
    let refused = loop {
        match pair.here.next().await {
            Came::Frame(frame) if frame["type"] == "error" => break frame,
            Came::Frame(frame) => pair.reader.apply(&frame),
            Came::Closed(code) => panic!("closed with {code:?}"),
        }
        if pair.reader.text.len() > 400 {
            pair.here.send(send.clone()).await;
        }
    };
    assert_eq!(refused["code"], "store_unavailable", "{refused}");
    let form = json!({ "email": "ada@school.example", "password": "wrong" });
    let sign_in = pair.student.post("/api/auth/sign-in/email", &form).await;
    assert_eq!(sign_in.status(), 503);
    assert!(sign_in.headers().get("set-cookie").is_none(), "no cookie is cleared");

    nodes.all.iter().for_each(|node| node.to_postgres.mend());
    pair.finish().await;
    pair.went_on();
    let again = at(&nodes, 1, &pair.student).live().await;
    drop(again);
}

/// What reaches neither Redis nor the store is not shown, and not lost.
#[tokio::test(flavor = "multi_thread")]
async fn without_both_an_answer_pauses_and_goes_on() {
    let Some(nodes) = Nodes::start(2, &[]).await else { return };
    let mut pair = Pair::ask(&nodes, ANSWER).await;
    pair.reader.read(&mut pair.here, 100).await;
    for node in &nodes.all {
        node.to_redis.cut();
        node.to_postgres.cut();
    }
    wait(1_500).await;
    for node in &nodes.all {
        node.to_redis.mend();
        node.to_postgres.mend();
    }
    pair.finish().await;
}

/// A road on which nothing passes looks like a server that hangs.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_road_to_postgresql_is_noticed() {
    let Some(nodes) = Nodes::start(1, &[]).await else { return };
    let student = nodes.person(0, "ada", "student").await;
    let mut live = student.live().await;
    nodes.all[0].to_postgres.freeze();
    let send = json!({ "type": "send", "id": 8, "message_id": "m8", "text": "/ck ping" });
    let refused = answer(&mut live, send.clone()).await;
    assert_eq!(refused["code"], "store_unavailable", "{refused}");
    nodes.all[0].to_postgres.mend();
    // The same message again: it was accepted or it is now, once.
    let mut said = answer(&mut live, send.clone()).await;
    while said["code"] == "store_unavailable" {
        said = answer(&mut live, send.clone()).await;
    }
    assert_eq!(said["type"], "ok", "{said}");
}
