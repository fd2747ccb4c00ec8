//! What a learner's message is, before any model sees it: string rules on folded text, in the order
//! of what must not be missed. They err on the side of teaching: what no rule claims is a question.

use std::collections::BTreeSet;

use super::{
    hint::Step,
    normal::fold,
    words::{alike, content_words, shingles, words},
};

mod phrases;

use phrases::{
    ASKING, DEMAND, DEMAND_ALONE, DISTRESS, HINT, MARKS, OVERRIDE_OBJECTS, OVERRIDE_VERBS,
    POSSESSIVE, ROLES, TAKEOVER, TRIED,
};

/// What a message asks of the tutor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Intent {
    /// A question about the subject.
    Concept,
    /// A try of the learner's own.
    Attempt,
    /// "Another hint".
    Hint,
    /// The answer, please, without the work.
    AnswerDemand,
    /// An item of an open quiz, pasted.
    GradedWork,
    /// Nothing in the lessons speaks about it.
    OffTopic,
    /// An attempt to give the tutor other orders.
    Injection,
    /// A person who may need help that no tutor can give.
    Distress,
}

/// An item of a quiz that the learner may be sitting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GradedItem {
    pub id: String,
    pub prompt: String,
    pub options: Vec<String>,
}

/// What is known besides the message itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Around<'a> {
    pub graded: &'a [GradedItem],
    /// The tutor has asked something in this thread already.
    pub has_answer: bool,
    /// The best passage scored above 0, or a lesson is in view.
    pub on_topic: bool,
}

/// What was read out of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub intent: Intent,
    /// The quiz item it holds, whatever else the message tries.
    pub graded: Option<String>,
}

impl Reading {
    /// What the message counts as on the hint ladder.
    pub fn step(&self, text: &str) -> Step {
        match self.intent {
            Intent::Attempt => Step::Attempt(text.to_owned()),
            Intent::Hint => Step::Hint,
            _ => Step::Stay,
        }
    }
}

/// Shares, in percent, of 5-word runs from which on a message counts as a pasted quiz item.
const SAME_ITEM: usize = 50;
const HOLDS_ITEM: usize = 80;
const RUN: usize = 5;

pub fn read(text: &str, around: Around<'_>) -> Reading {
    let said = Said::new(text);
    let graded = around.graded.iter().find(|item| said.holds(item)).map(|item| item.id.clone());
    let intent = if said.has(DISTRESS) {
        Intent::Distress
    } else if said.is_injection() {
        Intent::Injection
    } else if graded.is_some() {
        Intent::GradedWork
    } else if said.has(DEMAND) || said.is_only(DEMAND_ALONE) {
        Intent::AnswerDemand
    } else if said.is_hint() {
        Intent::Hint
    } else if said.is_attempt(around.has_answer) {
        Intent::Attempt
    } else if !around.on_topic {
        Intent::OffTopic
    } else {
        Intent::Concept
    };
    Reading { intent, graded }
}

/// A message in the forms that the rules look at.
struct Said {
    folded: String,
    /// Words with one space between and around, apostrophes dropped: ` dont tell me `.
    spaced: String,
    words: Vec<String>,
    content: usize,
}

impl Said {
    fn new(text: &str) -> Self {
        let folded = fold(text);
        let words = words(&folded.replace('\'', ""));
        let spaced = format!(" {} ", words.join(" "));
        Self { content: content_words(&folded).len(), folded, spaced, words }
    }

    fn has(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.spaced.contains(&format!(" {phrase} ")))
    }

    fn is_only(&self, phrases: &[&str]) -> bool {
        phrases.contains(&self.spaced.trim())
    }

    fn starts_with(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.spaced.starts_with(&format!(" {phrase} ")))
    }

    fn holds(&self, item: &GradedItem) -> bool {
        let id = words(&item.id).join(" ");
        if !id.is_empty() && self.folded.contains(&fold(&item.id)) {
            return true;
        }
        let prompt = words(&item.prompt);
        let whole = [prompt.clone(), words(&item.options.join(" "))].concat();
        let mine = shingles(&self.words, RUN);
        let near = |theirs: &[String]| alike(&mine, &shingles(theirs, RUN), SAME_ITEM);
        near(&prompt) || near(&whole) || covers(&mine, &prompt)
    }

    /// An order to the tutor about its orders: a verb, and what it is about, close behind it. Or
    /// what only a program would take for somebody else's words.
    fn is_injection(&self) -> bool {
        self.is_marked() || self.has(TAKEOVER) || self.is_override()
    }

    fn is_marked(&self) -> bool {
        let text = self.folded.as_str();
        let role = |line: &str| ROLES.iter().any(|role| line.trim_start().starts_with(role));
        let fence = |rest: &str| rest.starts_with(char::is_alphabetic);
        MARKS.iter().any(|mark| text.contains(mark))
            || text.lines().any(role)
            || text.split("<<").skip(1).any(fence)
            || (text.contains("data:") && text.contains("base64"))
    }

    fn is_override(&self) -> bool {
        const REACH: usize = 7;
        let is = |list: &[&str], word: &String| list.contains(&word.as_str());
        let mut places = self.words.iter().enumerate().filter(|(_, word)| is(OVERRIDE_VERBS, word));
        places.any(|(at, verb)| {
            let after = self.words.iter().skip(at + 1).take(REACH);
            // An order opens the message, or names whose rules it means.
            let mut is_order = verb == "disregard" || (at == 0 && verb == "ignore");
            is_order |= after.clone().any(|word| is(POSSESSIVE, word));
            is_order && after.clone().any(|word| is(OVERRIDE_OBJECTS, word))
        })
    }

    fn is_hint(&self) -> bool {
        self.words.len() <= 8 && self.has(HINT)
    }

    /// A statement, not a question: what the learner thinks, tried, or replies to the tutor.
    fn is_attempt(&self, has_answer: bool) -> bool {
        if self.has(TRIED) {
            return true;
        }
        let asks = self.folded.trim_end().ends_with('?') || self.starts_with(ASKING);
        has_answer && !asks && self.content > 0
    }
}

/// Whether nearly all of `theirs` stands in `mine`, with whatever else.
fn covers(mine: &BTreeSet<String>, theirs: &[String]) -> bool {
    let theirs = shingles(theirs, RUN);
    theirs.len() >= 4 && theirs.intersection(mine).count() * 100 >= HOLDS_ITEM * theirs.len()
}

#[cfg(test)]
pub(crate) mod tests;
