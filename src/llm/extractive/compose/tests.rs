use proptest::prelude::*;

use super::*;
use crate::llm::Passage;

fn passage(id: &str, title: &str, text: &str) -> Passage {
    Passage { id: id.into(), title: title.into(), stage: 1, score: 1.0, text: text.into() }
}

fn lessons() -> Vec<Passage> {
    vec![
        passage(
            "clocks#b1",
            "What a clock can tell",
            "Two clocks\n\nThe wall clock is corrected now and then, so it can jump backwards. The \
             monotonic clock counts up and never returns. Its value means nothing on another \
             machine.\n\nimport time\nstart = time.monotonic()\nprint(time.monotonic() >= start)  \
             # True\n\nHad the program used the wall clock, the duration might be negative.",
        ),
        passage(
            "timeouts#b4",
            "Waiting",
            "A timeout is measured with a clock that never jumps. A caller gives up after the \
             ninety-ninth percentile of durations.",
        ),
    ]
}

fn material(level: Level, intent: Intent) -> Material {
    let question = "why did my stopwatch show a negative duration?".to_owned();
    Material {
        about: question.clone(),
        question,
        quote: None,
        level,
        passages: lessons(),
        intent,
        turn_number: 1,
    }
}

/// Every line is a template, or a slice of the passage it cites.
fn check(material: &Material, text: &str) -> Result<(), String> {
    let mut in_code = false;
    for line in text.lines() {
        if line == "```" {
            in_code = !in_code;
        } else if in_code {
            let known = material.passages.iter().any(|passage| passage.text.contains(line));
            known.then_some(()).ok_or(format!("code of no passage: {line:?}"))?;
        } else if let Some(quoted) = line.strip_prefix("> ") {
            let (words, marker) = quoted.rsplit_once(" [").ok_or(format!("uncited: {line:?}"))?;
            let number: usize =
                marker.trim_end_matches(']').parse().map_err(|_| line.to_owned())?;
            let source = material.passages.get(number - 1).ok_or(format!("unknown: {line:?}"))?;
            let known = words.split("____").all(|piece| source.text.contains(piece));
            known.then_some(()).ok_or(format!("not in the passage: {words:?}"))?;
        } else if !line.is_empty() {
            is_template(material, line).then_some(()).ok_or(format!("no template: {line:?}"))?;
        }
    }
    Ok(())
}

fn is_template(material: &Material, line: &str) -> bool {
    let openings = [
        Intent::Concept,
        Intent::Attempt,
        Intent::Hint,
        Intent::AnswerDemand,
        Intent::GradedWork,
        Intent::Injection,
    ]
    .into_iter()
    .flat_map(|intent| Level::ALL.map(|level| t::opening(intent, level)));
    let fixed: [&[&str]; 12] = [
        &[t::NOTICE, t::NOTHING_FOUND, t::NOTHING_TO_QUOTE],
        t::DIAGNOSE,
        t::OWN_WORDS,
        t::CLOZE_LEAD,
        t::CLOZE,
        t::COMPARE_LEAD,
        t::COMPARE,
        t::PREDICT_LEAD,
        t::PREDICT,
        t::OWN_EXAMPLE,
        t::ELSEWHERE,
        &[],
    ];
    let titles: Vec<&str> =
        material.passages.iter().map(|p| p.title.as_str()).chain([""]).collect();
    let mut templates = openings.chain(fixed).flatten();
    templates.any(|template| titles.iter().any(|title| template.replace("{}", title) == line))
}

#[test]
fn the_first_answer_of_a_thread_says_that_no_ai_model_speaks() {
    let first = Material { turn_number: 0, ..material(Level::Diagnose, Intent::Concept) };

    assert!(answer(&first, &[], 1).starts_with("I am not an AI model: "));
    assert!(!answer(&material(Level::Diagnose, Intent::Concept), &[], 1).contains("AI model"));
}

#[test]
fn each_level_of_the_ladder_has_its_form() {
    let texts: Vec<String> = Level::ALL
        .map(|level| answer(&material(level, Intent::Concept), &[], 3))
        .into_iter()
        .collect();

    insta::assert_snapshot!(texts.join("\n\n=====\n\n"));
}

#[test]
fn a_gap_leaves_out_a_word_that_stands_nowhere_else_in_the_answer() {
    let narrow = Material {
        passages: lessons().into_iter().take(1).collect(),
        ..material(Level::Narrow, Intent::Concept)
    };

    let text = answer(&narrow, &[], 1);

    let gapped = text.lines().find(|line| line.contains("____")).unwrap();
    let whole = sentence_behind(&narrow, gapped);
    let pieces: Vec<&str> = gapped.trim_start_matches("> ").split("____").collect();
    let missing = whole
        .strip_prefix(pieces[0])
        .and_then(|rest| rest.strip_suffix(pieces[1].rsplit_once(" [").unwrap().0))
        .unwrap();
    assert!(missing.len() > 4 && !text.to_lowercase().contains(&missing.to_lowercase()));
}

fn sentence_behind<'a>(material: &'a Material, gapped: &str) -> &'a str {
    let start = gapped.trim_start_matches("> ").split("____").next().unwrap();
    let text = &material.passages[0].text;
    crate::domain::words::sentences(text)
        .into_iter()
        .find_map(|sentence| sentence.find(start).and_then(|at| sentence.get(at..)))
        .unwrap()
}

#[test]
fn the_next_answer_quotes_another_sentence_where_there_is_one() {
    let material = Material {
        about: "can the wall clock or the monotonic clock jump?".into(),
        ..material(Level::Diagnose, Intent::Concept)
    };
    let first = answer(&material, &[], 3);

    let second = answer(&material, &[&first], 3);

    let quoted = |text: &str| text.lines().find(|line| line.starts_with('>')).unwrap().to_owned();
    assert_ne!(quoted(&first), quoted(&second));
}

#[test]
fn a_listing_is_asked_about_without_its_result() {
    let text = answer(&material(Level::Analogue, Intent::Concept), &[], 5);

    assert!(text.contains("```\nimport time\n"), "{text}");
    assert!(!text.contains("True"), "{text}");
    assert!(text.contains("print, and"), "{text}");
}

#[test]
fn nothing_found_is_said_plainly_and_ends_with_a_question() {
    let lost = Material { passages: Vec::new(), ..material(Level::Diagnose, Intent::OffTopic) };

    let text = answer(&lost, &[], 9);

    assert!(text.starts_with("I find nothing about this"));
    assert!(text.ends_with('?'));
}

#[test]
fn a_passage_of_nothing_but_code_is_named_not_quoted() {
    let bare = Material {
        passages: vec![passage("a#b", "Listing", "x = 1\ny = 2")],
        ..material(Level::Orient, Intent::Concept)
    };

    let text = answer(&bare, &[], 9);

    assert!(text.contains("“Listing” speaks about this") && text.ends_with('?'), "{text}");
}

fn any_passage() -> impl Strategy<Value = Passage> {
    let sentence = "[A-Z“`][a-z]{1,9}( [a-z`'“”(),]{1,9}){1,9}[.!?:]";
    let listing = "([a-z]{1,5} = [a-z0-9()]{1,6}(  # [a-z]{1,5})?\n){1,3}print\\([a-z]{1,3}\\)";
    let paragraph = prop_oneof![
        3 => prop::collection::vec(sentence, 1..4).prop_map(|all| all.join(" ")),
        1 => listing,
        1 => "[A-Z][a-z ]{2,12}",
        1 => "\\PC{0,60}",
    ];
    prop::collection::vec(paragraph, 1..5)
        .prop_map(|all| passage("l#b", "Title", &all.join("\n\n")))
}

proptest! {
    /// Tutor spec §3: every sentence that is not a template is a substring of a retrieved block.
    #[test]
    fn every_line_is_a_template_or_stands_in_the_passage_it_cites(
        passages in prop::collection::vec(any_passage(), 0..4),
        question in "[a-z ]{0,40}",
        level in prop::sample::select(&Level::ALL),
        intent in prop::sample::select(vec![
            Intent::Concept, Intent::Attempt, Intent::AnswerDemand, Intent::GradedWork,
            Intent::Injection, Intent::Hint, Intent::OffTopic,
        ]),
        seed in any::<u64>(),
        turn_number in 0..2_u32,
    ) {
        let about = question.clone();
        let material =
            Material { question, about, quote: None, level, passages, intent, turn_number };

        let text = answer(&material, &[], seed);

        prop_assert!(text.ends_with('?'), "{}", text);
        prop_assert_eq!(check(&material, &text), Ok(()), "{}", text);
        prop_assert_eq!(answer(&material, &[], seed), text);
    }
}
