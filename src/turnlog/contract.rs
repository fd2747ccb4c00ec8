//! What every log must do, whatever it is made of. `suite!` makes the tests for one twin.

use super::{LogError, Start, Tail, Take, TurnLog};
use crate::domain::{
    clock::{ManualClock, Millis},
    event::{End, Ending, Entry, LogEvent, Running, Timing, Usage, fingerprint},
    ids::{Epoch, ThreadId, TurnId},
    live::limits::REPLAY,
};

/// `$make`, given a clock, gives a new log and what must live as long as it, or none where the
/// server that it needs is not there (which it says).
macro_rules! suite {
    ($make:expr) => {
        $crate::turnlog::contract::suite!(@list @tests $make);
    };
    // All in one test, on a server that takes long to start.
    (in $name:ident: $make:expr) => {
        $crate::turnlog::contract::suite!(@list @one $name $make);
    };
    (@list $($what:tt)*) => {
        $crate::turnlog::contract::suite!($($what)*,
            a_reader_gets_what_is_behind_its_cursor_and_a_gap_where_it_cannot_continue
            only_the_holder_of_the_fence_appends_and_only_the_next_seq
            what_was_appended_before_may_be_said_again
            a_log_that_ends_before_its_new_owner_begins_starts_there
            what_an_earlier_owner_wrote_stands_before_what_is_appended
            a_new_epoch_begins_anew
            a_log_is_taken_over_only_as_its_last_owner_left_it
            nothing_is_dropped_while_a_turn_runs_and_afterwards_a_replay_is_kept
        );
    };
    (@tests $make:expr, $($test:ident)+) => { $(
        #[tokio::test(flavor = "multi_thread")]
        async fn $test() {
            let clock = std::sync::Arc::new(crate::domain::clock::ManualClock::default());
            if let Some((log, _kept)) = ($make)(std::sync::Arc::clone(&clock)).await {
                $crate::turnlog::contract::$test(&log, &clock).await;
            }
        }
    )+ };
    (@one $name:ident $make:expr, $($test:ident)+) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            let mut make = $make;
            $(
                let clock = std::sync::Arc::new(crate::domain::clock::ManualClock::default());
                let Some(log) = make(std::sync::Arc::clone(&clock)).await else { return };
                $crate::turnlog::contract::$test(&log, &clock).await;
            )+
        }
    };
}
pub(crate) use suite;

fn delta(seq: i64, text: &str) -> Entry {
    let turn = TurnId::new("t");
    Entry::single(seq, LogEvent::Delta { turn, attempt: 1, text: text.to_owned() })
}

pub(crate) fn end(seq: i64) -> Entry {
    let (length, sha256) = fingerprint("");
    let end = End {
        turn: TurnId::new("t"),
        attempt: 1,
        status: Ending::Done,
        item: None,
        length,
        sha256,
        usage: Usage::default(),
        timing_ms: Timing::default(),
        error: None,
        degraded: Vec::new(),
    };
    Entry::single(seq, LogEvent::End(Box::new(end)))
}

fn start(epoch: &Epoch, fence: i64, seq: i64) -> Start {
    Start { epoch: epoch.clone(), fence, seq, running: None }
}

fn names() -> (ThreadId, Epoch) {
    (ThreadId::new("thr"), Epoch::new("e"))
}

pub(crate) async fn a_reader_gets_what_is_behind_its_cursor_and_a_gap_where_it_cannot_continue(
    log: &dyn TurnLog,
    _: &ManualClock,
) {
    let (thread, epoch) = names();
    log.open(&thread, start(&epoch, 1, 10)).await.unwrap();
    log.append(&thread, 1, vec![delta(11, "a"), delta(12, "b")]).await.unwrap();

    let read = async |seq| match log.read(&thread, &epoch, seq, 10).await.unwrap() {
        Tail::Entries(entries) => Tail::Entries(crate::domain::event::merge(entries)),
        Tail::Gap => Tail::Gap,
    };
    assert_eq!(read(10).await, Tail::Entries(vec![Entry { first: 11, ..delta(12, "ab") }]));
    assert_eq!(read(11).await, Tail::Entries(vec![delta(12, "b")]));
    assert_eq!(read(12).await, Tail::Entries(vec![]));
    assert_eq!(read(13).await, Tail::Gap);
    assert_eq!(read(9).await, Tail::Gap);
    assert_eq!(log.read(&thread, &Epoch::new("x"), 12, 10).await, Ok(Tail::Gap));
    assert_eq!(log.read(&ThreadId::new("other"), &epoch, 12, 10).await, Ok(Tail::Gap));
    assert_eq!(log.view(&thread).await.unwrap().unwrap().running.unwrap().text, "ab");
    assert_eq!(log.view(&ThreadId::new("other")).await, Ok(None));
    log.forget(&thread).await;
    assert_eq!(log.view(&thread).await, Ok(None));
}

/// I6, I17.
pub(crate) async fn only_the_holder_of_the_fence_appends_and_only_the_next_seq(
    log: &dyn TurnLog,
    _: &ManualClock,
) {
    let (thread, epoch) = names();
    let append = |fence, seq| log.append(&thread, fence, vec![delta(seq, "a")]);
    assert_eq!(append(1, 1).await, Err(LogError::Gone), "an absent fence refuses");
    log.open(&thread, start(&epoch, 1, 0)).await.unwrap();
    append(1, 1).await.unwrap();
    assert_eq!(append(1, 3).await, Err(LogError::NotNext(1)));
    assert_eq!(append(2, 2).await, Err(LogError::Gone), "this fence was never told");

    let head = log.open(&thread, start(&epoch, 2, 0)).await.unwrap();
    assert_eq!(head.seq, 1, "an open log keeps its place");
    assert_eq!(append(1, 2).await, Err(LogError::Fenced));
    assert_eq!(log.open(&thread, start(&epoch, 1, 0)).await, Err(LogError::Fenced));
    append(2, 2).await.unwrap();
}

pub(crate) async fn what_was_appended_before_may_be_said_again(log: &dyn TurnLog, _: &ManualClock) {
    let (thread, epoch) = names();
    log.open(&thread, start(&epoch, 1, 0)).await.unwrap();
    log.append(&thread, 1, vec![delta(1, "a")]).await.unwrap();
    log.append(&thread, 1, vec![delta(1, "a"), delta(2, "b")]).await.unwrap();
    log.admit(&thread, 1, vec![delta(2, "b"), delta(3, "c")]).await.unwrap();
    log.append(&thread, 1, vec![delta(4, "d")]).await.unwrap();

    assert_eq!(log.view(&thread).await.unwrap().unwrap().running.unwrap().text, "abcd");
}

pub(crate) async fn a_log_that_ends_before_its_new_owner_begins_starts_there(
    log: &dyn TurnLog,
    _: &ManualClock,
) {
    let (thread, epoch) = names();
    log.open(&thread, start(&epoch, 1, 0)).await.unwrap();
    log.append(&thread, 1, vec![delta(1, "a")]).await.unwrap();

    let head = log.open(&thread, start(&epoch, 2, 5)).await.unwrap();
    assert_eq!(head.seq, 5);
    log.append(&thread, 2, vec![delta(6, "b")]).await.unwrap();
    assert_eq!(log.read(&thread, &epoch, 1, 10).await, Ok(Tail::Gap));
    assert_eq!(log.read(&thread, &epoch, 5, 10).await, Ok(Tail::Entries(vec![delta(6, "b")])));
}

/// I5: a reader that comes late gets the text of the owner that died, too.
pub(crate) async fn what_an_earlier_owner_wrote_stands_before_what_is_appended(
    log: &dyn TurnLog,
    _: &ManualClock,
) {
    let (thread, epoch) = names();
    let mut running = Running::new(TurnId::new("t"), 2);
    running.apply(&delta(3, "before "));
    let start = Start { running: Some(running), ..start(&epoch, 2, 3) };
    log.open(&thread, start).await.unwrap();
    log.append(&thread, 2, vec![delta(4, "after")]).await.unwrap();

    assert_eq!(log.view(&thread).await.unwrap().unwrap().running.unwrap().text, "before after");
}

pub(crate) async fn a_new_epoch_begins_anew(log: &dyn TurnLog, _: &ManualClock) {
    let (thread, epoch) = names();
    let other = Epoch::new("other");
    log.open(&thread, start(&epoch, 1, 0)).await.unwrap();
    log.append(&thread, 1, vec![delta(1, "a"), delta(2, "b")]).await.unwrap();

    let head = log.open(&thread, start(&other, 2, 1)).await.unwrap();
    assert_eq!((head.epoch, head.seq), (other.clone(), 1));
    log.append(&thread, 2, vec![delta(2, "c")]).await.unwrap();
    assert_eq!(log.read(&thread, &epoch, 1, 10).await, Ok(Tail::Gap));
    assert_eq!(log.read(&thread, &other, 1, 10).await, Ok(Tail::Entries(vec![delta(2, "c")])));
}

pub(crate) async fn nothing_is_dropped_while_a_turn_runs_and_afterwards_a_replay_is_kept(
    log: &dyn TurnLog,
    clock: &ManualClock,
) {
    let (thread, epoch) = names();
    log.open(&thread, start(&epoch, 1, 0)).await.unwrap();
    let text: Vec<Entry> = (1..=600).map(|seq| delta(seq, "x")).collect();
    log.append(&thread, 1, text).await.unwrap();
    assert_eq!(log.view(&thread).await.unwrap().unwrap().oldest, 1);

    clock.advance(5);
    log.append(&thread, 1, vec![end(601)]).await.unwrap();
    let view = log.view(&thread).await.unwrap().unwrap();
    assert_eq!((view.oldest, view.running), (602 - REPLAY, None));
    assert_eq!(log.trim(Millis(5)).await, 0);
}

/// I3, I6. The rules `TakeMakesNoLog` and `LastOwnersLog` of the model.
pub(crate) async fn a_log_is_taken_over_only_as_its_last_owner_left_it(
    log: &dyn TurnLog,
    _: &ManualClock,
) {
    let (thread, epoch) = names();
    let take =
        |left_by, fence, seq| log.take(&thread, Take { epoch: epoch.clone(), fence, left_by, seq });
    assert_eq!(take(1, 2, 0).await, Ok(None), "there is none, and none is made");
    assert_eq!(log.view(&thread).await, Ok(None));
    log.open(&thread, start(&epoch, 2, 0)).await.unwrap();
    log.append(&thread, 2, vec![delta(1, "a"), delta(2, "b")]).await.unwrap();

    assert_eq!(take(2, 3, 3).await, Ok(None), "it lost its tail");
    assert_eq!(take(3, 4, 2).await, Ok(None), "what owner 3 wrote is not in it");
    let other = Take { epoch: Epoch::new("x"), fence: 3, left_by: 2, seq: 2 };
    assert_eq!(log.take(&thread, other).await, Ok(None));
    log.append(&thread, 2, vec![delta(3, "c")]).await.unwrap();

    let view = take(2, 4, 2).await.unwrap().unwrap();
    assert_eq!((view.seq, view.oldest, view.running.unwrap().text.as_str()), (3, 1, "abc"));
    assert_eq!(log.append(&thread, 2, vec![delta(4, "x")]).await, Err(LogError::Fenced));
    assert_eq!(take(2, 3, 2).await, Err(LogError::Fenced));
    assert_eq!(take(2, 4, 2).await.unwrap().unwrap().seq, 3, "said again");
    log.append(&thread, 4, vec![delta(4, "d")]).await.unwrap();
    assert_eq!(log.view(&thread).await.unwrap().unwrap().running.unwrap().text, "abcd");
}
