//! Edits, regenerations and hints in the store, on both databases.

use super::{
    Store, StoreError,
    accept::{NewMessage, Receipt, Target},
    again::{Again, NewAnswer},
    contract::on_both,
    turn_tests::{accept, add_user, ended, finish, message, owner},
};
use crate::domain::{
    clock::Millis,
    code::Code,
    event::Ending,
    ids::{ItemId, MessageId, ThreadId, TurnId, UserId},
    live::request::{Feedback, Opinion},
};

/// Ends the turn with an answer at `seq`.
async fn answer(store: &Store, turn: &TurnId, seq: i64) {
    store.register_node(&owner("a"), Millis(0)).await.unwrap();
    let fence = store.claim(turn, &owner("a"), true, Millis(1)).await.unwrap().unwrap().turn.fence;
    let end = ended(turn.as_str(), Ending::Done, "an answer");
    assert!(store.finish(finish(fence, seq, &end), Millis(9)).await.unwrap());
}

/// A question with an answer at seq 5.
async fn answered(store: &Store) -> Receipt {
    add_user(store, "ada").await;
    add_user(store, "bob").await;
    let receipt = accept(store, message(1)).await.unwrap();
    answer(store, &receipt.turn, 5).await;
    receipt
}

fn again(n: usize, again: Again) -> NewAnswer {
    NewAnswer {
        owner: UserId::new("ada"),
        again,
        message_id: MessageId::new(format!("again{n}")),
        turn: TurnId::new(format!("trn_again{n}")),
        gate: None,
        limit: Some(20),
        now: Millis(2_000),
    }
}

fn regenerate(n: usize, item: &str) -> NewAnswer {
    again(n, Again::Regenerate(ItemId::new(item)))
}

async fn ask_again(store: &Store, new: NewAnswer) -> Result<Receipt, Code> {
    store.answer_again(new).await.unwrap().outcome
}

async fn standing(store: &Store, thread: &ThreadId, at: i64) -> Vec<String> {
    let rows = store.items_before(thread, at + 1, at, 50).await.unwrap();
    rows.into_iter().map(|row| row.id.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_regenerated_answer_leaves_at_the_first_event_of_the_new_one() {
    on_both(async |store| {
        let first = answered(&store).await;
        let made = ask_again(&store, regenerate(1, "answer_trn_1")).await.unwrap();

        assert_eq!((made.seq, &made.item, &made.thread), (6, &first.item, &first.thread));
        assert_eq!(standing(&store, &first.thread, 5).await, ["msg_1", "answer_trn_1"]);
        assert_eq!(standing(&store, &first.thread, 6).await, ["msg_1"]);
        let turn = store.turn_of(&UserId::new("ada"), &made.turn).await.unwrap();
        assert_eq!((turn.first_seq(), turn.has_message()), (6, false));
        assert_eq!(turn.replaces, Some(ItemId::new("answer_trn_1")));
        assert_eq!(store.quota_used(&UserId::new("ada"), Millis(2_000)).await.unwrap().count, 2);

        let repeat = ask_again(&store, regenerate(1, "answer_trn_1")).await.unwrap();
        assert_eq!(repeat, Receipt { duplicate: true, ..made.clone() });
        let other = ask_again(&store, regenerate(1, "msg_1")).await;
        assert_eq!(other, Err(Code::Conflict), "the same id for another request");
        assert_eq!(ask_again(&store, regenerate(2, "msg_1")).await, Err(Code::BusyTurn));
        answer(&store, &made.turn, 9).await;
        let old = ask_again(&store, regenerate(3, "answer_trn_1")).await;
        assert_eq!(old, Err(Code::TurnEnded));
        assert!(ask_again(&store, regenerate(4, "msg_1")).await.is_ok());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checks_of_a_regeneration_come_in_the_order_of_the_protocol() {
    on_both(async |store| {
        answered(&store).await;
        let new = || regenerate(1, "answer_trn_1");

        let foreign = NewAnswer { owner: UserId::new("bob"), ..new() };
        assert_eq!(ask_again(&store, foreign).await, Err(Code::NotFound));
        assert_eq!(ask_again(&store, regenerate(1, "msg_x")).await, Err(Code::NotFound));
        let gated = NewAnswer { gate: Some(Code::EmailUnverified), ..regenerate(1, "msg_1") };
        assert_eq!(ask_again(&store, gated).await, Err(Code::EmailUnverified));
        let spent = NewAnswer { limit: Some(1), ..new() };
        assert_eq!(ask_again(&store, spent).await, Err(Code::QuotaExceeded));
        assert_eq!(standing(&store, &ThreadId::new("thr_1"), 6).await.len(), 2, "all as it was");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_has_five_hints_at_most_and_none_costs_a_unit() {
    on_both(async |store| {
        let mut of = answered(&store).await.turn;
        let hint = |n: usize, of: &TurnId, allowed: bool| NewAnswer {
            limit: Some(1),
            ..again(n, Again::Hint { of: of.clone(), allowed })
        };
        assert_eq!(ask_again(&store, hint(0, &of, false)).await, Err(Code::Forbidden));
        for n in 1..=5 {
            let made = ask_again(&store, hint(n, &of, true)).await.unwrap();
            assert_eq!(
                ask_again(&store, hint(20 + n, &made.turn, true)).await,
                Err(Code::BusyTurn)
            );
            answer(&store, &made.turn, 5 + i64::try_from(n).unwrap() * 3).await;
            assert_eq!(ask_again(&store, hint(40 + n, &of, true)).await, Err(Code::TurnEnded));
            of = made.turn;
        }
        assert_eq!(ask_again(&store, hint(6, &of, true)).await, Err(Code::Forbidden));
        assert_eq!(store.quota_used(&UserId::new("ada"), Millis(2_000)).await.unwrap().count, 1);
        assert_eq!(standing(&store, &ThreadId::new("thr_1"), 99).await.len(), 7);
    })
    .await;
}

/// Of two that are sent at once, one is accepted.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_takes_the_question_and_all_behind_it_out_of_the_conversation() {
    on_both(async |store| {
        let first = answered(&store).await;
        let second = NewMessage { target: Target::Existing(first.thread.clone()), ..message(2) };
        let second = accept(&store, second).await.unwrap();
        answer(&store, &second.turn, 9).await;
        let edit = |n: usize, of: &ItemId| NewMessage {
            target: Target::Edit(of.clone()),
            text: "in other words".to_owned(),
            ..message(n)
        };
        let foreign = NewMessage { owner: UserId::new("bob"), ..edit(3, &first.item) };
        assert_eq!(accept(&store, foreign).await, Err(Code::NotFound));
        assert_eq!(
            accept(&store, edit(3, &ItemId::new("answer_trn_1"))).await,
            Err(Code::NotFound),
            "an answer is no question"
        );

        let both = [edit(3, &first.item), edit(4, &first.item)].map(|new| accept(&store, new));
        let outcomes = futures_util::future::join_all(both).await;
        let made = outcomes.iter().find_map(|outcome| outcome.clone().ok()).unwrap();
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        assert_eq!(made.seq, 10);
        assert_eq!(standing(&store, &first.thread, 9).await.len(), 4);
        assert_eq!(standing(&store, &first.thread, 10).await, [made.item.to_string()]);
        let repeat = if made.turn == TurnId::new("trn_3") { 3 } else { 4 };
        assert!(accept(&store, edit(repeat, &first.item)).await.unwrap().duplicate);
        answer(&store, &made.turn, 14).await;
        assert_eq!(accept(&store, edit(5, &second.item)).await, Err(Code::NotFound), "it has left");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_one_opinion_the_latest() {
    on_both(async |store| {
        answered(&store).await;
        let about = ItemId::new("answer_trn_1");
        let thinks = |kind: Opinion, reason: Option<&str>| Feedback {
            item: about.clone(),
            kind,
            reason: reason.map(str::to_owned),
        };
        let (ada, bob) = (UserId::new("ada"), UserId::new("bob"));
        let first = thinks(Opinion::Negative, Some("too long"));
        store.save_feedback(&ada, first, Millis(1)).await.unwrap();
        store.save_feedback(&ada, thinks(Opinion::Positive, None), Millis(2)).await.unwrap();

        assert_eq!(store.feedback_of(&about).await.unwrap(), ("positive".to_owned(), None));
        let foreign = store.save_feedback(&bob, thinks(Opinion::Negative, None), Millis(3)).await;
        assert!(matches!(foreign, Err(StoreError::NotFound)));
    })
    .await;
}
