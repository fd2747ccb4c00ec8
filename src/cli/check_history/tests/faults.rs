//! One fault each, put into the history without one.

use serde_json::{Value, json};

use super::sample::{
    FIRST, History, arrive, delta, end, good, news, ok, resumed, running, snapshot,
};
use crate::domain::event::fingerprint;

fn assert_broken(history: &History, invariant: &str, line: usize) {
    let first = history.first();
    assert_eq!(history.broken(), Some((invariant.to_owned(), line)), "{first:?}");
}

/// Gives a delta another text, as if it had come so.
fn reword(line: &mut Value, text: &str) {
    let (length, sha256) = fingerprint(text);
    line["text"] = text.into();
    line["length"] = length.into();
    line["sha256"] = sha256.into();
}

fn without_reader(mut history: History) -> History {
    history.0.retain(|line| line["client"] != 2);
    history
}

#[test]
fn a_gap_breaks_i2() {
    let mut history = good();
    let lost = history.find(2, &json!({"type": "delta", "seq": 6}), 0);
    history.0.remove(lost);
    let next = history.find(2, &json!({"type": "turn", "seq": 7}), 0);
    assert_broken(&history, "I2", next);
}

/// What a hello resumed is still on its way when the client opens the thread anew.
#[test]
fn what_was_sent_before_a_thread_was_opened_anew_is_not_of_the_new_copy() {
    let late = [
        ("resumed", resumed("current", None, 13)),
        ("event", news(11, "trn_2", 1, "running")),
        ("snapshot", snapshot(13, &Value::Null, &[], &[])),
    ];
    for (kind, line) in late {
        let mut history = good();
        let open = history.find(1, &json!({"type": "open"}), 0);
        history.insert_behind(open, kind, line.clone());
        assert_eq!(history.first().map(|first| first.what), None, "{kind}");

        let mut history = good();
        let ok = history.find(1, &json!({"kind": "ok", "id": 8}), 0);
        history.insert_behind(ok, kind, line.clone());
        assert!(history.first().is_some(), "{kind} behind the answer");

        let mut history = good();
        let open = history.find(1, &json!({"type": "open"}), 0);
        history.insert_behind(open, kind, line);
        history.insert_behind(open, "error", json!({"id": 8, "thread": "thr_1"}));
        assert!(history.first().is_some(), "{kind} behind a refusal");
    }
}

#[test]
fn what_a_client_has_after_a_gap_speaks_against_nobody_else() {
    let mut history = good();
    let lost = history.find(2, &json!({"type": "delta", "seq": 6}), 0);
    history.0.remove(lost);
    let broken: Vec<_> = history.judged().findings.all_broken().collect();
    assert_eq!(broken, [super::Invariant::CONTINUOUS]);
}

#[test]
fn a_repeat_breaks_i2() {
    let mut history = good();
    let at = history.find(1, &json!({"type": "delta", "seq": 5}), 0);
    history.insert_behind(at, "event", delta((5, 5), "trn_1", 1, "moves "));
    assert_broken(&history, "I2", at + 1);
}

#[test]
fn a_replay_that_skips_breaks_i2() {
    let mut history = good();
    let at = history.find(1, &json!({"kind": "resumed"}), 0);
    history.0[at]["first"] = 8.into();
    assert_broken(&history, "I2", at);
}

#[test]
fn a_changed_byte_beside_another_reader_breaks_i3() {
    let mut history = good();
    let at = history.find(2, &json!({"type": "delta", "seq": 8}), 0);
    reword(&mut history.0[at], " Yet");
    assert_broken(&history, "I3", at);
}

#[test]
fn pieces_that_are_cut_otherwise_are_the_same_bytes_and_a_changed_one_is_not() {
    let mut history = good();
    let at = history.find(2, &json!({"type": "delta", "seq": 12}), 0);
    history.0[at] = json!({"t": history.0[at]["t"], "client": 2, "connection": 1, "kind": "event"});
    let mut piece = delta((12, 12), "trn_2", 1, "On");
    piece["text"] = "On".into();
    history.0[at].as_object_mut().unwrap().extend(piece.as_object().unwrap().clone());
    assert_broken(&history, "I3", at);
}

#[test]
fn a_changed_byte_without_another_reader_breaks_i5() {
    let mut history = without_reader(good());
    let at = history.find(1, &json!({"type": "delta", "seq": 8}), 0);
    reword(&mut history.0[at], " Yet");
    let end = history.find(1, &json!({"kind": "end"}), 0);
    assert_broken(&history, "I5", end);
}

#[test]
fn a_wrong_hash_breaks_i5() {
    let mut history = good();
    let at = history.find(1, &json!({"kind": "end"}), 0);
    history.0[at]["sha256"] = fingerprint("else").1.into();
    assert_broken(&history, "I5", at);
}

#[test]
fn a_stored_item_that_is_not_what_its_end_says_breaks_i5() {
    let mut history = good();
    let at = history.find(1, &json!({"kind": "end"}), 0);
    history.0[at]["item_sha256"] = fingerprint("else").1.into();
    assert_broken(&history, "I5", at);
}

#[test]
fn two_ends_break_i4() {
    let mut history = good();
    let at = history.find(2, &json!({"kind": "end"}), 0);
    history.insert_behind(at, "end", end(10, "trn_1", (2, "done"), FIRST));
    assert_broken(&history, "I4", at + 1);
}

#[test]
fn words_after_the_end_break_i4() {
    let mut history = good();
    let at = history.find(2, &json!({"kind": "end"}), 0);
    history.insert_behind(at, "event", delta((10, 10), "trn_1", 2, "more"));
    assert_broken(&history, "I4", at + 1);
}

#[test]
fn another_end_for_another_reader_breaks_i4() {
    let mut history = good();
    let at = history.find(2, &json!({"kind": "end"}), 1);
    history.0[at]["status"] = "done".into();
    assert_broken(&history, "I4", at);
}

#[test]
fn no_end_breaks_i4_unless_the_client_could_not_have_seen_it() {
    let mut history = good();
    history.0.retain(|line| line["kind"] != "end" || line["turn"] != "trn_2");
    let again = history.find(1, &json!({"kind": "snapshot"}), 0);
    history.0[again]["items"].as_array_mut().unwrap().pop();
    history.0[again]["ended"].as_array_mut().unwrap().pop();
    let left = history.find(1, &json!({"kind": "left"}), 0);
    assert_broken(&history, "I4", left);

    let gone = json!({"by": "network", "code": null, "reason": ""});
    history.insert_behind(left - 1, "closed", gone);
    assert_eq!(history.broken(), None);
}

#[test]
fn a_falling_attempt_breaks_i6() {
    let mut history = good();
    let at = history.find(1, &json!({"type": "delta", "seq": 8}), 0);
    history.0[at]["attempt"] = 1.into();
    assert_broken(&history, "I6", at);
}

#[test]
fn one_message_with_two_turns_breaks_i7() {
    let mut history = good();
    let at = history.find(1, &json!({"kind": "ok", "duplicate": true}), 0);
    history.0[at]["turn"] = "trn_9".into();
    assert_broken(&history, "I7", at);
}

#[test]
fn one_message_that_is_new_twice_breaks_i7() {
    let mut history = good();
    let at = history.find(1, &json!({"kind": "ok", "duplicate": true}), 0);
    history.0[at]["duplicate"] = false.into();
    assert_broken(&history, "I7", at);
}

#[test]
fn two_messages_with_one_turn_break_i7() {
    let mut history = good();
    let at = history.find(1, &json!({"kind": "ok", "turn": "trn_2", "item": "msg_3"}), 0);
    history.0[at]["turn"] = "trn_1".into();
    assert_broken(&history, "I7", at);
}

/// The conversation as it was read again, without one of its items.
fn without_item(place: usize) -> (History, usize) {
    let mut history = good();
    let at = history.find(1, &json!({"kind": "snapshot"}), 0);
    history.0[at]["items"].as_array_mut().unwrap().remove(place);
    (history, at)
}

#[test]
fn an_accepted_question_that_is_gone_breaks_i8() {
    let (history, at) = without_item(2);
    assert_broken(&history, "I8", at);
}

#[test]
fn an_answer_that_was_seen_and_is_gone_breaks_i1() {
    let (history, at) = without_item(1);
    assert_broken(&history, "I1", at);
}

#[test]
fn a_question_that_is_stored_in_other_words_breaks_i1() {
    let mut history = good();
    let at = history.find(1, &json!({"type": "message", "seq": 10}), 0);
    history.0[at]["sha256"] = fingerprint("and now??").1.into();
    assert_broken(&history, "I1", at);
}

#[test]
fn an_end_that_is_stored_otherwise_breaks_i1() {
    let mut history = good();
    let at = history.find(1, &json!({"kind": "snapshot"}), 0);
    let (length, sha256) = fingerprint("One");
    history.0[at]["ended"][1]["length"] = length.into();
    history.0[at]["ended"][1]["sha256"] = sha256.into();
    history.0[at]["ended"][1]["item"] = "msg_5".into();
    assert_broken(&history, "I1", at);
}

#[test]
fn a_piece_after_the_ok_to_a_cancel_breaks_i9() {
    let mut history = good();
    let at = history.find(1, &json!({"kind": "ok", "id": 6}), 0);
    history.insert_behind(at, "event", delta((13, 13), "trn_2", 1, "two "));
    assert_broken(&history, "I9", at + 1);
}

#[test]
fn a_piece_for_another_reader_long_after_a_cancel_breaks_i9() {
    let mut history = good();
    let at = history.find(2, &json!({"kind": "end", "turn": "trn_2"}), 0);
    let late = history.0[at]["t"].as_f64().unwrap() + 1_500.0;
    history.insert_behind(at - 1, "event", delta((13, 13), "trn_2", 1, "two "));
    history.0[at]["client"] = 2.into();
    history.0[at]["t"] = late.into();
    history.0.remove(at + 1);
    assert_broken(&history, "I9", at);
}

/// The asker comes back to a snapshot in the middle of the answer, instead of a replay.
fn back_to(seq: i64, attempt: i32, text: &str) -> (History, usize) {
    let mut history = good();
    let lost = history.find(1, &json!({"kind": "closed"}), 0);
    history.0[lost]["by"] = "network".into();
    history.0[lost]["code"] = Value::Null;
    let at = history.find(1, &json!({"kind": "resumed"}), 0);
    let reset = resumed("reset", None, seq);
    history.0[at].as_object_mut().unwrap().extend(reset.as_object().unwrap().clone());
    let whole = snapshot(seq, &running("trn_1", attempt, text), &[], &[]);
    history.insert_behind(at, "snapshot", whole);
    let question = history.find(2, &json!({"kind": "snapshot"}), 0);
    history.0[at + 1]["items"] = history.0[question]["items"].clone();
    (history, at + 1)
}

#[test]
fn a_snapshot_amid_an_answer_may_go_on_but_not_fall_behind() {
    let (history, _) = back_to(6, 1, "What moves here?");
    assert_eq!(history.broken(), None, "{:?}", history.first());

    let (history, at) = back_to(6, 1, "What moves");
    assert_broken(&history, "I10", at);
    let (history, at) = back_to(6, 1, "What moved here?");
    assert_broken(&history, "I10", at);
    let (history, at) = back_to(5, 1, "What moves here?");
    assert_broken(&history, "I17", at);
}

#[test]
fn another_epoch_may_rewind() {
    let (mut history, at) = back_to(5, 1, "What ");
    history.0[at]["epoch"] = "e2".into();
    let broken = history.broken();
    assert!(broken.as_ref().is_none_or(|(_, line)| *line > at), "{broken:?}");
}

#[test]
fn an_event_long_after_a_revocation_breaks_i11() {
    let mut history = good();
    let at = history.find(1, &json!({"kind": "closed"}), 0);
    history.0[at]["code"] = 4103.into();
    assert_eq!(history.broken(), None, "{:?}", history.first());
    // The other socket of the same person hears of it too late.
    let late = history.find(2, &json!({"kind": "end", "turn": "trn_2"}), 0);
    history.0[late]["t"] = (history.0[at]["t"].as_f64().unwrap() + 1_001.0).into();
    assert_broken(&history, "I11", late);
}

/// Two sockets of one person. The first signs in anew if it is told to; then the second is told that
/// its sign-in is revoked, and two seconds later the first still reads.
fn revoked(first_is_told: bool) -> History {
    let closed = json!({"by": "server", "code": 4103, "reason": ""});
    let mut history = History::new();
    arrive(&mut history, 1, None);
    arrive(&mut history, 2, None);
    if first_is_told {
        history.add(1, "closed", closed.clone());
        arrive(&mut history, 1, None);
    }
    history.add(2, "closed", closed);
    history.add_at(2_500.0, 1, "snapshot", snapshot(0, &Value::Null, &[], &[]));
    history
}

#[test]
fn a_revocation_is_not_about_a_socket_that_was_opened_with_a_new_sign_in() {
    assert_eq!(revoked(true).broken(), None);
    let history = revoked(false);
    assert_broken(&history, "I11", history.0.len() - 1);
}

#[test]
fn an_event_long_after_a_recorded_revocation_breaks_i11() {
    let mut history = good();
    let at = history.find(2, &json!({"kind": "end", "turn": "trn_2"}), 0);
    let late = history.0[at]["t"].as_f64().unwrap() + 1_500.0;
    history.add_at(400.0, 0, "revoked", json!({"user": "usr_1"}));
    assert_eq!(history.broken(), None);
    history.0[at]["t"] = late.into();
    assert_broken(&history, "I11", at);
}

#[test]
fn an_event_on_a_connection_that_was_closed_for_good_breaks_i11() {
    let mut history = good();
    let at = history.find(2, &json!({"kind": "end", "turn": "trn_2"}), 0);
    let kicked = json!({"by": "server", "code": 4003, "reason": ""});
    history.insert_behind(at - 1, "closed", kicked);
    history.0[at]["client"] = 2.into();
    assert_broken(&history, "I11", at + 1);
}

#[test]
fn an_ephemeral_frame_with_a_seq_breaks_i14() {
    let mut history = good();
    let at = history.find(1, &json!({"kind": "ephemeral"}), 0);
    history.0[at]["seq"] = 14.into();
    assert_broken(&history, "I14", at);
}

#[test]
fn a_question_in_front_of_an_earlier_end_breaks_i17() {
    let mut history = good();
    let at = history.find(1, &json!({"kind": "ok", "item": "msg_3"}), 0);
    let place = ok(5, "msg_3", "trn_2", (8, false));
    history.0[at].as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
    assert_broken(&history, "I17", at);
}

#[test]
fn an_answer_that_is_begun_anew_after_a_drain_breaks_i18() {
    let mut history = good();
    let at = history.find(1, &json!({"type": "turn", "seq": 7}), 0);
    let anew = news(7, "trn_1", 2, "restarted");
    history.0[at].as_object_mut().unwrap().extend(anew.as_object().unwrap().clone());
    let invariants: Vec<_> = history.judged().findings.all_broken().collect();
    assert!(invariants.iter().any(|it| it.to_string() == "I18"), "{invariants:?}");
    let other = history.find(2, &json!({"type": "turn", "seq": 7}), 0);
    history.0[other]["status"] = "restarted".into();
    assert_eq!(history.broken().map(|(invariant, _)| invariant).as_deref(), Some("I18"));
}

#[test]
fn an_answer_that_fails_after_a_drain_breaks_i18() {
    let mut history = good();
    for client in 1..=2 {
        history.line(client, &json!({"kind": "end", "turn": "trn_1"}))["status"] = "failed".into();
    }
    let again = history.find(1, &json!({"kind": "snapshot"}), 0);
    history.0[again]["ended"][0]["status"] = "failed".into();
    let at = history.find(1, &json!({"kind": "end"}), 0);
    assert_broken(&history, "I18", at);
}

#[test]
fn an_answer_that_is_shorter_after_a_drain_breaks_i18_even_in_another_epoch() {
    let (mut history, at) = back_to(6, 2, "What moves");
    history.0[at]["epoch"] = "e2".into();
    let lost = history.find(1, &json!({"kind": "closed"}), 0);
    history.0[lost]["by"] = "server".into();
    history.0[lost]["code"] = 4300.into();
    assert_broken(&history, "I18", at);
}
