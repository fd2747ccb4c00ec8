//! A history without fault is clean; with one fault it is found out, and which invariant it broke.

use serde_json::{Value, json};

use super::{
    checker::Checker,
    input::{self, Broken},
    invariant::Invariant,
};

mod faults;
mod machines;
mod sample;
mod stored;

use sample::{History, good};

/// What the sample shows, and what it does not.
#[test]
fn a_history_without_fault_is_clean_and_what_it_does_not_show_is_told() {
    let checker = good().judged();

    assert!(checker.findings.earliest().is_none(), "{:?}", checker.findings.earliest());
    for invariant in Invariant::all() {
        let facts = checker.findings.count(invariant).facts;
        let unseen = ["I11", "I12", "I13", "I15", "I16"].contains(&invariant.to_string().as_str());
        // No client of the sample came back to a snapshot amid an answer.
        let unseen = unseen || invariant == Invariant::NO_REWIND;
        assert_eq!(facts == 0, unseen, "{invariant}: {facts}");
        assert!(!invariant.promise().is_empty() && !invariant.shown_by().is_empty());
    }
}

#[test]
fn without_texts_it_is_judged_by_lengths_and_hashes() {
    let mut history = good();
    for line in &mut history.0 {
        for field in ["text", "turn"] {
            let texts = if field == "text" { Some(&mut *line) } else { line.get_mut("turn") };
            if let Some(Value::Object(fields)) = texts {
                fields.remove("text");
            }
        }
    }
    assert_eq!(history.first().map(|first| first.what), None);

    let at = history.find(2, &json!({"type": "delta", "seq": 8}), 0);
    history.0[at]["length"] = 3.into();
    assert_eq!(history.broken(), Some(("I3".to_owned(), at)));
}

#[test]
fn lines_of_clients_may_stand_in_any_order_and_the_first_fault_is_the_first_in_time() {
    let mut history = good();
    let early = history.find(1, &json!({"type": "delta", "seq": 5}), 0);
    history.0[early]["first"] = 6.into();
    history.0[early]["seq"] = 6.into();
    let late = history.find(2, &json!({"type": "delta", "seq": 8}), 0);
    history.0[late]["first"] = 9.into();
    let shown = history.0[early].clone();
    // All of the second client's lines first.
    history.0[1..].sort_by_key(|line| std::cmp::Reverse(line["client"].as_u64()));

    let (invariant, line) = history.broken().unwrap();

    assert_eq!((invariant.as_str(), &history.0[line]), ("I2", &shown));
}

#[test]
fn a_run_in_two_files_is_laid_side_by_side() {
    let (asker, mut reader) = (good(), good());
    let mut asker = History(asker.0.into_iter().filter(|line| line["client"] != 2).collect());
    reader.0.retain(|line| line["client"] != 1);
    assert!(sample::judge(&[&asker, &reader]).findings.earliest().is_none());
    // The reader's file started a second later, by the same clock.
    reader.0[0]["started_ms"] = (reader.0[0]["started_ms"].as_i64().unwrap() - 1_000).into();
    let wrong = reader.find(2, &json!({"kind": "end"}), 0);
    reader.0[wrong]["applied_length"] = 1.into();
    let wrong = asker.find(1, &json!({"kind": "ephemeral"}), 0);
    asker.0[wrong]["seq"] = 1.into();

    let first = sample::judge(&[&asker, &reader]).findings.earliest().cloned().unwrap();

    assert_eq!((first.invariant, first.spot.unwrap().file), (Invariant::HASH, 1));
}

fn unreadable(text: &str) -> String {
    match input::read_from(0, text.as_bytes(), &mut Checker::new(320)) {
        Err(Broken::Line(line, why)) => format!("{line}: {why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_history_is_named_by_its_line() {
    let run = r#"{"t":0,"client":0,"connection":0,"kind":"run","version":1,"started_ms":5}"#;
    assert!(unreadable("").starts_with("1: the file is empty"));
    assert!(unreadable("{}\n").starts_with("1: missing field"));
    assert!(unreadable(&run.replace(":1,", ":2,")).contains("cut off"));
    let newer = format!("{}\n", run.replace("\"version\":1", "\"version\":2"));
    assert!(unreadable(&newer).contains("version 2"));
    let left = r#"{"t":1,"client":1,"connection":0,"kind":"left"}"#;
    assert!(unreadable(&format!("{left}\n")).contains("`run`"));
    assert!(unreadable(&format!("{run}\n{left}\n{left}x\n")).starts_with("3: "));
    assert!(unreadable(&format!("{run}\n{left}")).starts_with("2: the line is cut off"));
}

#[test]
fn kinds_and_fields_of_later_versions_are_passed_over() {
    let mut history = good();
    history.add(1, "sung", json!({"song": 1}));
    history.line(1, &json!({"kind": "welcome"}))["later"] = true.into();
    assert!(history.first().is_none());
}
