//! The history without fault against a store that holds it, and that store with one fault each.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::super::{checker::Checker, stored};
use super::sample::{FIRST, good};
use crate::{
    domain::{
        clock::Millis,
        event::{End, Ending, Timing, Usage, fingerprint},
        ids::{Epoch, ItemId, MessageId, NodeId, ThreadId, TurnId, UserId},
        item::Item,
    },
    store::{
        Store, StoreError,
        accept::{NewMessage, Target},
        contract::on_both,
        db::write,
        nodes::Owner,
        outbox::{OutboxMail, tests::mail as outbox_mail},
        ownership::Finish,
        sample::insert_user,
        schema::{item, quota_use, turn},
    },
};

fn message(number: usize, item: &str, text: &str) -> NewMessage {
    let target = match number {
        1 => Target::New { id: ThreadId::new("thr_1"), epoch: Epoch::new("e1") },
        _ => Target::Existing(ThreadId::new("thr_1")),
    };
    NewMessage {
        owner: UserId::new("usr_1"),
        target,
        message_id: MessageId::new(format!("m{number}")),
        fingerprint: "f".to_owned(),
        item: ItemId::new(item),
        turn: TurnId::new(format!("trn_{number}")),
        text: text.to_owned(),
        quote: None,
        page: None,
        course: None,
        lesson: None,
        title: "t".to_owned(),
        gate: None,
        limit: Some(20),
        now: Millis(1_000),
    }
}

fn end(turn: &str, status: Ending, item: &str, text: &str) -> End {
    let (length, sha256) = fingerprint(text);
    let (item, thread) = (ItemId::new(item), ThreadId::new("thr_1"));
    End {
        turn: TurnId::new(turn),
        attempt: 1,
        status,
        item: Some(Item::answer(item, thread, Millis(2_000), text, &[])),
        length,
        sha256,
        usage: Usage::default(),
        timing_ms: Timing::default(),
        error: None,
        degraded: Vec::new(),
    }
}

/// What the server of [`good`] has stored.
async fn fill(store: &Store) {
    let owner = Owner { node: NodeId::new("n1"), incarnation: "a".to_owned() };
    insert_user(store, "usr_1").await;
    store.register_node(&owner, Millis(0)).await.unwrap();
    let turns = [
        (message(1, "msg_1", "why?"), 9, end("trn_1", Ending::Done, "msg_2", FIRST)),
        (message(2, "msg_3", "and then?"), 13, end("trn_2", Ending::Cancelled, "msg_4", "One ")),
    ];
    for (message, seq, end) in turns {
        store.accept(message).await.unwrap().outcome.unwrap();
        let claimed = store.claim(&end.turn, &owner, true, Millis(1)).await.unwrap().unwrap();
        let finish = Finish { fence: claimed.turn.fence, seq, end, hint: None };
        assert!(store.finish(finish, Millis(2)).await.unwrap());
    }
    store.insert_mail(mail("mail_1", 5)).await.unwrap();
}

fn mail(id: &str, sent_at: i64) -> OutboxMail {
    OutboxMail { sent_at: Some(sent_at), ..outbox_mail(id, "ada", "verify-email", 1) }
}

async fn judged(store: &Store, limit: i64) -> Checker {
    let mut checker = good().judged();
    stored::check(&mut checker, store, limit).await.unwrap();
    checker
}

/// A store with one fault breaks these invariants, and no others.
async fn assert_broken(
    fault: impl AsyncFn(&Store) -> Result<usize, StoreError>,
    invariants: &[&str],
) {
    on_both(async |store| {
        fill(&store).await;
        assert_eq!(fault(&store).await.unwrap(), 1);
        let checker = judged(&store, 20).await;
        let broken: Vec<_> = checker.findings.all_broken().map(|it| it.to_string()).collect();
        assert_eq!(broken, invariants, "{:?}", checker.findings.earliest());
    })
    .await;
}

macro_rules! change {
    ($store:expr, $statement:expr) => {
        write!($store, |conn| Ok::<_, StoreError>($statement.execute(conn).await?))
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_holds_the_history_is_clean_and_shows_quota_and_outbox() {
    on_both(async |store| {
        fill(&store).await;
        let checker = judged(&store, 20).await;
        assert_eq!(checker.findings.earliest().map(|first| first.what.clone()), None);
        let count = |name: &str| {
            let invariant = super::Invariant::all().find(|it| it.to_string() == name).unwrap();
            checker.findings.count(invariant).facts
        };
        assert_eq!((count("I15"), count("I16")), (1, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_turn_that_the_store_lost_breaks_i8() {
    assert_broken(
        async |store| {
            let id = "trn_2";
            change!(store, diesel::delete(quota_use::table.filter(quota_use::turn_id.eq(id))))?;
            change!(store, diesel::delete(turn::table.filter(turn::id.eq(id))))
        },
        &["I8"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_question_that_the_store_lost_breaks_i8() {
    assert_broken(
        async |store| change!(store, diesel::delete(item::table.filter(item::id.eq("msg_3")))),
        &["I8"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_is_still_running_in_the_store_breaks_i4() {
    assert_broken(
        async |store| {
            let one = turn::table.filter(turn::id.eq("trn_1"));
            change!(store, diesel::update(one).set(turn::ended_at.eq(None::<i64>)))
        },
        &["I4"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_the_store_tells_otherwise_breaks_i1() {
    assert_broken(
        async |store| {
            let one = turn::table.filter(turn::id.eq("trn_1"));
            change!(store, diesel::update(one).set(turn::length.eq(3_i64)))
        },
        &["I1"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_answer_with_another_text_breaks_i5() {
    assert_broken(
        async |store| {
            let one = item::table.filter(item::id.eq("msg_2"));
            change!(store, diesel::update(one).set(item::text.eq("What moved here? Yes")))
        },
        &["I5"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fences_that_fall_within_a_thread_break_i6() {
    assert_broken(
        async |store| {
            let one = turn::table.filter(turn::id.eq("trn_1"));
            change!(store, diesel::update(one).set(turn::fence.eq(7_i64)))
        },
        &["I6"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_is_stored_for_another_message_breaks_i7() {
    assert_broken(
        async |store| {
            let one = turn::table.filter(turn::id.eq("trn_1"));
            change!(store, diesel::update(one).set(turn::message_id.eq("m9")))
        },
        &["I7"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_of_quota_without_a_turn_breaks_i7() {
    assert_broken(
        async |store| {
            let stray = (
                quota_use::turn_id.eq("trn_9"),
                quota_use::user_id.eq("usr_1"),
                quota_use::used_at.eq(1_000_i64),
            );
            change!(store, diesel::insert_into(quota_use::table).values(stray))
        },
        &["I7"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_messages_a_day_than_the_limit_break_i16() {
    on_both(async |store| {
        fill(&store).await;
        assert!(judged(&store, 2).await.findings.earliest().is_none());
        let first = judged(&store, 1).await.findings.earliest().cloned().unwrap();
        assert_eq!(first.invariant, super::Invariant::QUOTA);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_stands_in_the_outbox_twice_breaks_i15() {
    assert_broken(async |store| store.insert_mail(mail("mail_2", 6)).await.map(|()| 1), &["I15"])
        .await;
}
