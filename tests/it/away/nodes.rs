//! A node that dies, stands still or goes; and what nodes must agree on.

use serde_json::json;

use super::{ANSWER, Pair, answer, at, wait, whole};
use crate::support::{live::Reader, nodes::Nodes};

#[tokio::test(flavor = "multi_thread")]
async fn another_node_finishes_what_a_killed_one_began() {
    let Some(mut nodes) = Nodes::start(2, &[]).await else { return };
    let mut pair = Pair::ask(&nodes, ANSWER).await;
    pair.reader.read(&mut pair.here, 200).await;
    nodes.all[0].kill();

    pair.here = at(&nodes, 1, &pair.student).resume(pair.reader.have()).await;
    pair.finish().await;
    pair.went_on();
    for reader in [&pair.reader, &pair.other] {
        assert!(reader.statuses.contains(&"continued".to_owned()), "{:?}", reader.statuses);
    }
}

/// The dead one had shown more than it had saved: whoever reads from the store must not find a hole.
#[tokio::test(flavor = "multi_thread")]
async fn the_store_has_what_a_killed_node_showed_last() {
    let Some(mut nodes) = Nodes::start(2, &[]).await else { return };
    let mut pair = Pair::ask(&nodes, ANSWER).await;
    pair.other.read(&mut pair.there, 200).await;
    nodes.all[0].kill();
    while !pair.other.statuses.contains(&"continued".to_owned()) {
        let frame = pair.there.frame().await;
        pair.other.apply(&frame);
    }
    nodes.all[1].to_redis.cut();
    let mut late = Reader { seq: 0, text: String::new(), ..pair.other.clone() };
    let mut there = at(&nodes, 1, &pair.student).resume(json!([{ "thread": late.thread }])).await;
    tokio::join!(late.finish(&mut there), pair.other.finish(&mut pair.there));
    assert_eq!((&late.text, &pair.other.text), (&whole(), &whole()));
}

/// A pause that is longer than the lease: whoever wakes up is not the owner any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stood_still_finds_its_answer_finished_by_another() {
    let Some(nodes) = Nodes::start(2, &[]).await else { return };
    let mut pair = Pair::ask(&nodes, ANSWER).await;
    pair.reader.read(&mut pair.here, 200).await;
    nodes.all[0].signal("-STOP");
    pair.other.finish(&mut pair.there).await;
    nodes.all[0].signal("-CONT");
    pair.finish().await;
    // Where its road to Redis wakes more slowly than its readers, they get the end out of the store,
    // as a snapshot: nothing that was shown is taken back.
    assert_eq!(pair.reader.rewinds, 0, "{:?}", pair.reader.modes);
    assert!(!pair.other.modes.iter().any(|mode| mode == "reset"), "{:?}", pair.other.modes);
}

/// I18.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_goes_hands_over_what_it_cannot_finish_in_time() {
    let Some(mut nodes) = Nodes::start(2, &[("SERVER__DRAIN_S", "1")]).await else { return };
    let mut pair = Pair::ask(&nodes, ANSWER).await;
    pair.reader.read(&mut pair.here, 100).await;
    nodes.all[0].signal("-TERM");
    while let crate::support::live::Came::Frame(frame) = pair.here.next().await {
        pair.reader.apply(&frame);
    }
    nodes.all[0].wait();
    pair.here = at(&nodes, 1, &pair.student).resume(pair.reader.have()).await;
    pair.finish().await;
    pair.went_on();
    assert!(pair.reader.statuses.contains(&"continued".to_owned()), "{:?}", pair.reader.statuses);
    let metrics = reqwest::get(format!("{}/metrics", nodes.url(1))).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains("intellistack_takeovers_total 0"),
        "nobody waits for the end of a lease"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_at_one_node_holds_at_the_other() {
    let Some(nodes) = Nodes::start(2, &[("LIMITS__MESSAGES_PER_DAY", "7")]).await else { return };
    let student = nodes.person(0, "ada", "student").await;
    let there = at(&nodes, 1, &student);
    let (mut one, mut two) = (student.live().await, there.live().await);

    // I7: sent to both, it is one message.
    let send = |message: &str| json!({ "type": "send", "id": 2, "message_id": message, "text": "/ck ping" });
    let (first, second) =
        tokio::join!(answer(&mut one, send("twice")), answer(&mut two, send("twice")));
    assert_eq!((&first["turn"], &first["thread"]), (&second["turn"], &second["thread"]));
    assert_ne!(first["duplicate"], second["duplicate"], "{first} {second}");

    // I16: seven units, one is used.
    let mut taken = 1;
    for round in 0..5 {
        let (left, right) = (format!("left {round}"), format!("right {round}"));
        let answers = tokio::join!(answer(&mut one, send(&left)), answer(&mut two, send(&right)));
        for said in [answers.0, answers.1] {
            match said["code"].as_str() {
                None => taken += 1,
                Some(code) => assert_eq!(code, "quota_exceeded", "{said}"),
            }
        }
    }
    assert_eq!(taken, 7);
}

/// I9.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_stopped_from_another_node_than_the_one_that_writes_it() {
    let Some(nodes) = Nodes::start(2, &[]).await else { return };
    let mut pair = Pair::ask(&nodes, ANSWER).await;
    pair.other.read(&mut pair.there, 100).await;
    pair.there.send(json!({ "type": "cancel", "id": 7, "turn": pair.reader.turn })).await;
    let mut stopped = false;
    while !stopped {
        let frame = pair.there.frame().await;
        stopped = frame["type"] == "ok" && frame["id"] == 7;
        pair.other.apply(&frame);
    }
    assert_eq!(pair.other.ends[0]["status"], "cancelled", "the end came before the ok");
    pair.reader.finish(&mut pair.here).await;
    assert_eq!(pair.reader.text, pair.other.text);
}

/// Within a second; a loaded test machine gets three. With Redis, and without.
#[tokio::test(flavor = "multi_thread")]
async fn signing_out_at_one_node_closes_the_sockets_at_the_others() {
    let Some(nodes) = Nodes::start(2, &[]).await else { return };
    for (name, cut) in [("ada", false), ("bob", true)] {
        if cut {
            nodes.all.iter().for_each(|node| node.to_redis.cut());
        }
        let student = nodes.person(0, name, "student").await;
        let mut there = at(&nodes, 1, &student).live().await;
        let answer = student.post("/api/auth/sign-out", &json!({})).await;
        assert!(answer.status().is_success());
        let closed = tokio::time::timeout(std::time::Duration::from_secs(3), there.closed()).await;
        assert_eq!(closed, Ok(Some(4103)), "{name}");
    }
}

/// A node more needs no restart of the others: it is there with the first question it gets.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_later_is_one_of_them() {
    let Some(mut nodes) = Nodes::start(3, &[]).await else { return };
    nodes.all[1].kill();
    let mut pair = Pair::ask_beside(&nodes, ANSWER, 2).await;
    nodes.start_node(1);
    wait(100).await;
    let mut late = Reader { seq: 0, ..pair.reader.clone() };
    let mut there = at(&nodes, 1, &pair.student).resume(json!([{ "thread": late.thread }])).await;
    tokio::join!(late.finish(&mut there), pair.finish());
    assert_eq!(late.text, pair.reader.text);
}
