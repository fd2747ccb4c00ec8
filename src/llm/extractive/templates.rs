//! Everything that the passage guide says in its own words. The rest of an answer is quoted.
//! `{}` stands for the title of a lesson.

use crate::domain::{hint::Level, intent::Intent};

/// Said once a thread, before anything else.
pub(super) const NOTICE: &str = "I am not an AI model: I am a guide that quotes your lessons and \
                                 asks you about them.";

pub(super) const NOTHING_FOUND: &str =
    "I find nothing about this in the lessons that are open to you.";
pub(super) const NOTHING_TO_QUOTE: &str = "“{}” speaks about this, though in no sentence that I \
                                           could quote on its own.";

/// What stands before the first quotation.
pub(super) const fn opening(intent: Intent, level: Level) -> &'static [&'static str] {
    match intent {
        Intent::AnswerDemand => &[
            "I do not hand over answers; I help you to find them. Here is a place to start in “{}”:",
            "The answer will be worth more when it is yours. “{}” has this to say:",
        ],
        Intent::GradedWork => &[
            "This is a question of a quiz, so I can only show you where to read. In “{}”:",
            "That one counts towards your quiz, so finding it is up to you. From “{}”:",
        ],
        Intent::Injection => &[
            "I keep to the lessons, however I am asked. From “{}”:",
            "My way of working stays the same: the lessons, and questions about them. From “{}”:",
        ],
        Intent::Attempt => &[
            "Thank you for thinking it through. I cannot mark it, but hold it against this from “{}”:",
            "Good, that is something to work with. Compare it with “{}”:",
        ],
        Intent::Concept | Intent::Hint | Intent::OffTopic | Intent::Distress => by_level(level),
    }
}

const fn by_level(level: Level) -> &'static [&'static str] {
    match level {
        Level::Diagnose => &[
            "“{}” touches on this:",
            "Let us start with one sentence of “{}”:",
            "Here is a first pointer, from “{}”:",
        ],
        Level::Orient => {
            &["This part of “{}” is worth reading slowly:", "Look at these lines of “{}”:"]
        }
        Level::Narrow => &["“{}” puts the rule like this:", "The heart of it, in “{}”:"],
        Level::Analogue => {
            &["Here is a case like yours, from “{}”:", "“{}” works through something similar:"]
        }
        Level::Explain => &[
            "You have worked for this. Here is how “{}” explains it:",
            "Then let us put it together. “{}” says:",
        ],
    }
}

/// Asks what the learner brings along.
pub(super) const DIAGNOSE: &[&str] = &[
    "What have you tried so far, and what did you expect to happen?",
    "Before I point you further: what do you think happens here, and why?",
    "How would you put your question in terms of that sentence?",
];

pub(super) const OWN_WORDS: &[&str] = &[
    "How would you say that in your own words?",
    "Which word in it matters most for your question, and why?",
    "What does that rule out?",
];

pub(super) const CLOZE_LEAD: &[&str] =
    &["Now a sentence with one word left out:", "The same place also says, with a gap:"];
pub(super) const CLOZE: &[&str] = &[
    "Which word belongs in the gap, and what would change with its opposite?",
    "Which word is missing, and how do you know?",
];

pub(super) const COMPARE_LEAD: &[&str] = &["Put this beside it, from “{}”:"];
pub(super) const COMPARE: &[&str] = &[
    "What do the two have in common, and where do they differ?",
    "How does the second change what you make of the first?",
];

pub(super) const PREDICT_LEAD: &[&str] =
    &["And this listing from “{}”:", "“{}” has a small program about it:"];
pub(super) const PREDICT: &[&str] = &[
    "Without running it: what does it print, and which line decides that?",
    "What will it print, and what would you change to make it print something else?",
];

pub(super) const OWN_EXAMPLE: &[&str] = &[
    "Can you make up an example of your own that follows the same rule?",
    "Where else have you met this, outside the lesson?",
];

pub(super) const ELSEWHERE: &[&str] = &[
    "Which lesson are you reading, and which sentence in it made you wonder?",
    "Can you ask it with a word that the lesson uses, or select the sentence that you mean?",
];
