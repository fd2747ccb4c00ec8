use super::*;
use crate::domain::intent::tests::{NONCE, injections};
use crate::{
    domain::stage::Allowed,
    tutor::retrieval::tests::{passage, question},
};

fn prompt(question: &Question, passages: &[Passage], level: Level) -> String {
    let messages = messages(question, passages, level, Intent::Concept, NONCE);
    let parts: Vec<String> =
        messages.iter().map(|m| format!("[{:?}]\n{}\n", m.author, m.text)).collect();
    parts.concat()
}

/// The prompt without what stands inside its fences.
fn outside(prompt: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for line in prompt.lines() {
        let closes = line == format!("<<end {NONCE}>>");
        inside &= !closes;
        if !inside {
            out.push_str(line);
            out.push('\n');
        }
        inside |= line.starts_with(&format!("<<{NONCE} "));
    }
    assert!(!inside, "a fence stayed open: {prompt}");
    out
}

#[test]
fn sixty_injections_change_nothing_outside_the_fences() {
    let mut asked = question("why?");
    asked.quote = Some("q".into());
    asked.history = vec![(Author::User, "before".into()), (Author::Assistant, "Why?".into())];
    let before = outside(&prompt(&asked, &[passage("l#b", 1, "text")], Level::Orient));

    let injections = injections();
    assert_eq!(injections.len(), 60);
    for text in injections {
        let mut asked = asked.clone();
        asked.text.clone_from(&text);
        asked.quote = Some(text.clone());
        asked.lesson_title = Some(text.clone());
        asked.history[0].1.clone_from(&text);
        let passage = Passage { title: text.clone(), ..passage("l#b", 1, &text) };

        let prompt = prompt(&asked, &[passage], Level::Orient);

        assert_eq!(outside(&prompt), before, "{text:?}");
        let lower = prompt.to_lowercase();
        for marker in ["<|im_start|>", "[inst]", "<!--", "data:text", "\nsystem:", "\u{200b}"] {
            assert!(!lower.contains(marker), "{marker:?} of {text:?}");
        }
    }
}

#[test]
fn the_prompt_names_level_passages_and_the_learners_words() {
    let mut asked = question("why does it drift?");
    asked.quote = Some("by parts in a million".into());
    asked.allowed = Allowed::ALL;

    insta::assert_snapshot!(prompt(
        &asked,
        &[passage("clocks#b1", 1, "Quartz drifts.")],
        Level::Narrow
    ));
}

#[test]
fn only_the_last_level_speaks_of_giving_the_solution() {
    for level in Level::ALL {
        let prompt = prompt(&question("why?"), &[], level);

        assert_eq!(prompt.contains("with the solution"), level == Level::Explain, "{level:?}");
    }
}

#[test]
fn a_long_thread_sends_its_latest_messages() {
    let mut asked = question("and now?");
    asked.history = (0..40).map(|n| (Author::User, format!("message {n}."))).collect();

    let prompt = prompt(&asked, &[], Level::Orient);

    assert!(!prompt.contains("message 27.") && prompt.contains("message 28."));
}
