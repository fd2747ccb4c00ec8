//! The few things that the tutor says itself, whatever its model.

use crate::{domain::hint::Level, llm::pick};

/// Said to a person who may be in distress, in place of any answer. No model sees the message.
pub(super) const DISTRESS: &str = "\
I am a program that helps with lessons, and this matters more than any lesson. Please talk to \
somebody now, today: a person you trust, or people who are there for exactly this.

- In immediate danger: your local emergency number (112 in Europe, 911 in the USA and Canada, 999 in \
the UK).
- USA and Canada: call or text 988, at any hour.
- UK and Ireland: Samaritans, 116 123, at any hour, free.
- Anywhere else: findahelpline.com lists free lines by country.

You can also tell your instructor or anyone at your school. The lessons can wait.";

/// The question that ends an answer which asked none.
pub(super) fn closing(level: Level, seed: u64) -> &'static str {
    const SLOT: u64 = 1_000;
    let choices: &[&str] = match level {
        Level::Diagnose => &[
            "What have you tried so far, and what did you expect to happen?",
            "What do you think happens here, and why?",
        ],
        Level::Orient => &[
            "How would you say that in your own words?",
            "Which part of it matters most for your question, and why?",
        ],
        Level::Narrow => &["What follows from that rule for your question?"],
        Level::Analogue => &["What would change if you put your own values in?"],
        Level::Explain => &["Can you make up an example of your own that follows the same rule?"],
    };
    pick(choices, seed, SLOT).copied().unwrap_or("What do you make of it?")
}
