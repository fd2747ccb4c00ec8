//! The life of a turn in the store, on both databases: accepted, claimed, checkpointed, ended.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tokio::runtime::Handle;

use super::{
    Store, StoreError,
    accept::{Accepted, NewMessage, Receipt, Target},
    contract::{on_both, postgres_place},
    db::write,
    nodes::{LEASE, Owner, Stats},
    ownership::{CancelFound, Chunk, Finish},
    schema::{node, user},
    threads::ThreadFilter,
};
use crate::domain::{
    clock::{DAY, Millis},
    code::Code,
    event::{End, Ending, Entry, LogEvent, Timing, Usage, fingerprint},
    ids::{Epoch, ItemId, MessageId, NodeId, ThreadId, TurnId, UserId},
    item::Item,
};

pub(super) async fn add_user(store: &Store, id: &str) {
    insert_user(store, id).await.unwrap();
}

async fn insert_user(store: &Store, id: &str) -> Result<(), StoreError> {
    let id = id.to_owned();
    write!(store, |conn| {
        diesel::insert_into(user::table)
            .values((
                user::id.eq(&id),
                user::name.eq(&id),
                user::email.eq(format!("{id}@example.org")),
                user::email_verified.eq(true),
                user::role.eq("student"),
                user::banned.eq(false),
                user::two_factor_enabled.eq(false),
                user::version.eq(0_i64),
                user::created_at.eq(0_i64),
                user::updated_at.eq(0_i64),
            ))
            .execute(conn)
            .await?;
        Ok::<_, StoreError>(())
    })
}

pub(super) fn message(n: usize) -> NewMessage {
    NewMessage {
        owner: UserId::new("ada"),
        target: Target::New { id: ThreadId::new(format!("thr_{n}")), epoch: Epoch::new("e") },
        message_id: MessageId::new(format!("m{n}")),
        fingerprint: "f".to_owned(),
        item: ItemId::new(format!("msg_{n}")),
        turn: TurnId::new(format!("trn_{n}")),
        text: "why does 100% move?".to_owned(),
        quote: None,
        page: None,
        course: None,
        lesson: None,
        title: format!("Thread {n}"),
        gate: None,
        limit: Some(20),
        now: Millis(1_000),
    }
}

pub(super) async fn accept(store: &Store, message: NewMessage) -> Result<Receipt, Code> {
    let Accepted { outcome, .. } = store.accept(message).await.unwrap();
    outcome
}

pub(super) fn owner(incarnation: &str) -> Owner {
    Owner { node: NodeId::new("n1"), incarnation: incarnation.to_owned() }
}

pub(super) fn ended(turn: &str, status: Ending, text: &str) -> End {
    let (length, sha256) = fingerprint(text);
    let item = Item::answer(
        ItemId::new(format!("answer_{turn}")),
        ThreadId::new("thr_1"),
        Millis(2_000),
        text,
        &[],
    );
    End {
        turn: TurnId::new(turn),
        attempt: 1,
        status,
        item: Some(item),
        length,
        sha256,
        usage: Usage::default(),
        timing_ms: Timing::default(),
        error: None,
        degraded: Vec::new(),
    }
}

pub(super) fn finish(fence: i64, seq: i64, end: &End) -> Finish {
    Finish { fence, seq, end: end.clone(), hint: None }
}

fn chunk(fence: i64, seq: i64, text: &str) -> Chunk {
    let turn = TurnId::new("trn_1");
    let event = LogEvent::Delta { turn: turn.clone(), attempt: 1, text: text.to_owned() };
    Chunk { turn, fence, entries: vec![Entry::single(seq, event)], again: None }
}

/// I7, I16.
#[tokio::test(flavor = "multi_thread")]
async fn of_forty_messages_sent_at_once_exactly_twenty_are_accepted() {
    on_both(async |store| {
        add_user(&store, "ada").await;
        let sends = (0..40).map(|n| accept(&store, message(n)));
        let outcomes = futures_util::future::join_all(sends).await;

        let accepted = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(accepted, 20);
        assert!(outcomes.iter().all(|o| o.is_ok() || *o == Err(Code::QuotaExceeded)));
        let used = store.quota_used(&UserId::new("ada"), Millis(1_000)).await.unwrap();
        assert_eq!((used.count, used.oldest), (20, Some(Millis(1_000))));
        let later = store.quota_used(&UserId::new("ada"), Millis(1_000 + DAY)).await.unwrap();
        assert_eq!(later.count, 0);
    })
    .await;
}

/// I7.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_message_makes_one_turn_and_costs_one_unit() {
    on_both(async |store| {
        add_user(&store, "ada").await;
        let first = accept(&store, message(1)).await.unwrap();
        let again = NewMessage {
            item: ItemId::new("other"),
            turn: TurnId::new("other"),
            target: Target::New { id: ThreadId::new("other"), epoch: Epoch::new("x") },
            limit: Some(1),
            ..message(1)
        };
        let repeats = (0..5).map(|_| accept(&store, again.clone()));
        for repeat in futures_util::future::join_all(repeats).await {
            assert_eq!(repeat, Ok(Receipt { duplicate: true, ..first.clone() }));
        }

        let other_text = NewMessage { fingerprint: "g".to_owned(), ..again.clone() };
        assert_eq!(accept(&store, other_text).await, Err(Code::Conflict));
        let named = NewMessage { target: Target::Existing(first.thread.clone()), ..again.clone() };
        assert!(accept(&store, named).await.unwrap().duplicate);
        assert_eq!(store.quota_used(&again.owner, Millis(1_000)).await.unwrap().count, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checks_come_in_the_order_of_the_protocol() {
    on_both(async |store| {
        add_user(&store, "ada").await;
        add_user(&store, "bob").await;
        let thread = accept(&store, message(1)).await.unwrap().thread;
        let into = |n: usize| NewMessage { target: Target::Existing(thread.clone()), ..message(n) };

        assert_eq!(accept(&store, into(2)).await, Err(Code::BusyTurn));
        let gated = NewMessage { gate: Some(Code::StageLocked), ..into(3) };
        assert_eq!(accept(&store, gated).await, Err(Code::StageLocked));
        let spent = NewMessage { limit: Some(1), ..message(4) };
        assert_eq!(accept(&store, spent).await, Err(Code::QuotaExceeded));
        let foreign = NewMessage { owner: UserId::new("bob"), ..into(5) };
        assert_eq!(accept(&store, foreign).await, Err(Code::NotFound));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_claimed_once_and_taken_over_when_the_lease_is_over() {
    on_both(async |store| {
        add_user(&store, "ada").await;
        let turn = accept(&store, message(1)).await.unwrap().turn;
        store.register_node(&owner("a"), Millis(0)).await.unwrap();
        let other = Owner { node: NodeId::new("n2"), incarnation: "b".to_owned() };

        let first = store.claim(&turn, &owner("a"), true, Millis(1)).await.unwrap().unwrap();
        assert_eq!((first.turn.attempt, first.turn.fence, first.left_by), (1, 1, None));
        assert!(store.claim(&turn, &other, true, Millis(1)).await.unwrap().is_none());
        assert!(store.unowned_turns(&other, true, Millis(1), 10).await.unwrap().is_empty());
        assert_eq!(
            store.unowned_turns(&owner("a"), true, Millis(1), 10).await.unwrap(),
            std::slice::from_ref(&turn)
        );

        let later = Millis(LEASE + 1);
        assert_eq!(
            store.unowned_turns(&other, true, later, 10).await.unwrap(),
            std::slice::from_ref(&turn)
        );
        let second = store.claim(&turn, &other, true, later).await.unwrap().unwrap();
        assert_eq!((second.turn.attempt, second.turn.fence, second.left_by), (2, 2, Some(1)));
        assert_eq!(second.turn.barren, 1);

        let standing = store.checkpoint(vec![chunk(1, 3, "late")]).await.unwrap();
        assert!(!standing[0].mine, "the first owner is fenced off");
        assert!(store.checkpoints(&turn).await.unwrap().is_empty());
        let end = ended("trn_1", Ending::Done, "late");
        assert!(!store.finish(finish(1, 9, &end), later).await.unwrap());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_judge_the_dead_takes_only_what_is_its_own_or_was_handed_over() {
    on_both(async |store| {
        add_user(&store, "ada").await;
        let turn = accept(&store, message(1)).await.unwrap().turn;
        store.register_node(&owner("a"), Millis(0)).await.unwrap();
        let fence = store.claim(&turn, &owner("a"), true, Millis(1)).await.unwrap().unwrap();
        assert!(store.is_owned(&turn, fence.turn.fence).await.unwrap());
        let other = Owner { node: NodeId::new("n2"), incarnation: "b".to_owned() };
        let later = Millis(LEASE + 1);

        assert!(store.unowned_turns(&other, false, later, 10).await.unwrap().is_empty());
        assert!(store.claim(&turn, &other, false, later).await.unwrap().is_none());
        let own = store.unowned_turns(&owner("restarted"), false, later, 10).await.unwrap();
        assert_eq!(own, std::slice::from_ref(&turn));

        assert_eq!(store.hand_over(&other).await.unwrap(), 0);
        assert_eq!(store.hand_over(&owner("a")).await.unwrap(), 1);
        assert_eq!(
            store.unowned_turns(&other, false, Millis(1), 10).await.unwrap(),
            std::slice::from_ref(&turn)
        );
        let taken = store.claim(&turn, &other, false, Millis(1)).await.unwrap().unwrap();
        assert_eq!((taken.left_by.is_some(), taken.turn.barren), (true, 0), "a drain never counts");
        assert!(!store.is_owned(&turn, fence.turn.fence).await.unwrap());
    })
    .await;
}

/// Nodes whose clocks disagree agree on who is dead: PostgreSQL says what time it is.
#[tokio::test(flavor = "multi_thread")]
async fn leases_on_postgresql_go_by_its_clock() {
    let Some(place) = postgres_place().await else { return };
    let store = Store::open(&place, &Handle::current()).await.unwrap();
    add_user(&store, "ada").await;
    let turn = accept(&store, message(1)).await.unwrap().turn;
    let (old, far) = (Millis(0), Millis(i64::MAX / 2));
    store.register_node(&owner("a"), old).await.unwrap();
    store.claim(&turn, &owner("a"), true, old).await.unwrap().unwrap();
    let other = Owner { node: NodeId::new("n2"), incarnation: "b".to_owned() };
    assert!(store.claim(&turn, &other, true, far).await.unwrap().is_none(), "it lives");

    let aged: Result<usize, StoreError> = write!(store, |conn| Ok(diesel::update(node::table)
        .set(node::lease_until.eq(node::lease_until - LEASE))
        .execute(conn)
        .await?));
    assert_eq!(aged.unwrap(), 1);
    assert_eq!(
        store.unowned_turns(&other, true, old, 10).await.unwrap(),
        std::slice::from_ref(&turn)
    );
    assert!(store.claim(&turn, &other, true, old).await.unwrap().is_some());
    let stats = Stats::default();
    assert!(store.renew_lease(&owner("a"), &stats, old).await.unwrap());
}

/// Its answer may be lost, and then it comes again with what was written since.
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_comes_again_stores_nothing_twice() {
    on_both(async |store| {
        add_user(&store, "ada").await;
        let turn = accept(&store, message(1)).await.unwrap().turn;
        store.register_node(&owner("a"), Millis(0)).await.unwrap();
        store.claim(&turn, &owner("a"), true, Millis(1)).await.unwrap().unwrap();
        let texts = async || {
            let entries = store.checkpoints(&turn).await.unwrap();
            entries.into_iter().map(|entry| entry.seq).collect::<Vec<_>>()
        };
        store.checkpoint(vec![chunk(1, 3, "a")]).await.unwrap();
        store.checkpoint(vec![chunk(1, 4, "b")]).await.unwrap();
        let longer = [chunk(1, 4, "b"), chunk(1, 5, "c")].map(|chunk| chunk.entries).concat();
        let again = Chunk { entries: longer, again: Some(4), ..chunk(1, 4, "") };
        store.checkpoint(vec![again.clone()]).await.unwrap();
        assert_eq!(texts().await, [3, 4, 5]);
        store.checkpoint(vec![again]).await.unwrap();
        assert_eq!(texts().await, [3, 4, 5]);
    })
    .await;
}

/// I4.
/// The next owner is told, and whoever lost the turn changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_providers_name_of_an_answer_is_noted_by_its_owner_alone() {
    on_both(async |store| {
        add_user(&store, "ada").await;
        let turn = accept(&store, message(1)).await.unwrap().turn;
        let claim = async |me| {
            let claimed = store.claim(&turn, &owner(me), true, Millis(1_000)).await.unwrap();
            claimed.unwrap().turn
        };
        let first = claim("a").await;
        assert_eq!(first.upstream, None);
        assert!(store.note_upstream(&turn, first.fence, "resp_1").await.unwrap());

        let second = claim("b").await;
        assert_eq!(second.upstream.as_deref(), Some("resp_1"));
        assert!(!store.note_upstream(&turn, first.fence, "resp_2").await.unwrap());
        let row = store.turn_of(&UserId::new("ada"), &turn).await.unwrap();
        assert_eq!(row.upstream.as_deref(), Some("resp_1"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_ends_once_and_its_answer_is_stored_with_the_end() {
    on_both(async |store| {
        add_user(&store, "ada").await;
        let receipt = accept(&store, message(1)).await.unwrap();
        store.register_node(&owner("a"), Millis(0)).await.unwrap();
        let claimed =
            store.claim(&receipt.turn, &owner("a"), true, Millis(1)).await.unwrap().unwrap();
        let fence = claimed.turn.fence;
        store.checkpoint(vec![chunk(fence, 3, "a "), chunk(fence, 4, "b")]).await.unwrap();
        assert_eq!(store.checkpoints(&receipt.turn).await.unwrap().len(), 2);

        let end = ended("trn_1", Ending::Done, "a b");
        let hint = Some("{\"level\":1}".to_owned());
        let first = Finish { hint, ..finish(fence, 5, &end) };
        assert!(store.finish(first.clone(), Millis(9)).await.unwrap());
        assert!(store.finish(first, Millis(9)).await.unwrap(), "its answer may have been lost");
        assert!(!store.finish(finish(fence, 6, &end), Millis(9)).await.unwrap());
        assert!(!store.finish(finish(fence + 1, 5, &end), Millis(9)).await.unwrap());

        let thread = store.thread_of(&UserId::new("ada"), &receipt.thread).await.unwrap();
        assert_eq!((thread.seq, thread.hint.as_str()), (5, "{\"level\":1}"));
        let items = store.items_before(&receipt.thread, i64::MAX, i64::MAX, 50).await.unwrap();
        let texts: Vec<_> = items.iter().map(|item| (item.position, item.text.as_str())).collect();
        assert_eq!(texts, [(1, "why does 100% move?"), (5, "a b")]);
        assert!(store.unfinished_turn(&receipt.thread).await.unwrap().is_none());
        let ended = store.ended_turns(&receipt.thread, 1).await.unwrap();
        assert_eq!(ended[0].sha256.as_deref(), Some(end.sha256.as_str()));
        let cancel = store.request_cancel(&UserId::new("ada"), &receipt.turn).await.unwrap();
        assert_eq!(cancel, CancelFound::Ended("done".to_owned()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_turn_gives_its_unit_back_and_a_cancelled_one_does_not() {
    on_both(async |store| {
        add_user(&store, "ada").await;
        store.register_node(&owner("a"), Millis(0)).await.unwrap();
        for (n, status) in [(1, Ending::Failed), (2, Ending::Cancelled)] {
            let turn = accept(&store, message(n)).await.unwrap().turn;
            let claimed = store.claim(&turn, &owner("a"), true, Millis(1)).await.unwrap().unwrap();
            let end = End { item: None, ..ended(turn.as_str(), status, "") };
            assert!(store.finish(finish(claimed.turn.fence, 2, &end), Millis(9)).await.unwrap());
        }
        assert_eq!(store.quota_used(&UserId::new("ada"), Millis(1_000)).await.unwrap().count, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_can_cancel_find_rename_or_delete() {
    on_both(async |store| {
        add_user(&store, "ada").await;
        let receipt = accept(&store, message(1)).await.unwrap();
        let (ada, bob) = (UserId::new("ada"), UserId::new("bob"));
        let not_found = |result: Result<(), StoreError>| {
            assert!(matches!(result, Err(StoreError::NotFound)), "{result:?}");
        };

        not_found(store.thread_of(&bob, &receipt.thread).await.map(drop));
        not_found(store.rename_thread(&bob, &receipt.thread, "mine").await.map(drop));
        not_found(store.delete_thread(&bob, &receipt.thread).await);
        not_found(store.request_cancel(&bob, &receipt.turn).await.map(drop));
        not_found(store.turn_of(&bob, &receipt.turn).await.map(drop));

        store.rename_thread(&ada, &receipt.thread, "Moves").await.unwrap();
        let cancel = store.request_cancel(&ada, &receipt.turn).await.unwrap();
        assert_eq!(cancel, CancelFound::Requested);
        assert_eq!(store.thread_of(&ada, &receipt.thread).await.unwrap().title, "Moves");
        store.delete_thread(&ada, &receipt.thread).await.unwrap();
        not_found(store.turn_of(&ada, &receipt.turn).await.map(drop));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_are_listed_by_last_activity_and_found_by_what_was_said() {
    on_both(async |store| {
        add_user(&store, "ada").await;
        for n in 1..=3 {
            let text = if n == 2 { "what is a 100% Fence?" } else { "why?" };
            let now = Millis(1_000 + i64::try_from(n / 2).unwrap());
            let new = NewMessage { text: text.to_owned(), now, ..message(n) };
            accept(&store, new).await.unwrap();
        }
        let ada = UserId::new("ada");
        let ids = async |filter: ThreadFilter| -> Vec<String> {
            let rows = store.threads_of(&ada, &filter).await.unwrap();
            rows.into_iter().map(|(thread, _)| thread.id.to_string()).collect()
        };
        let search = |words: &str| ThreadFilter {
            search: Some(words.to_owned()),
            ..ThreadFilter::default()
        };

        assert_eq!(ids(ThreadFilter::default()).await, ["thr_3", "thr_2", "thr_1"]);
        let before = Some((1_001, ThreadId::new("thr_3")));
        assert_eq!(
            ids(ThreadFilter { before, ..ThreadFilter::default() }).await,
            ["thr_2", "thr_1"]
        );
        assert_eq!(ids(search("100% fence")).await, ["thr_2"]);
        assert_eq!(ids(search("1_0%")).await, Vec::<String>::new());
        assert_eq!(ids(search("thread 1")).await, ["thr_1"]);
    })
    .await;
}
