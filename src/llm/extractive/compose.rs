//! Puts an answer together: what to quote at each level of the hint ladder, and what to ask.

use std::collections::BTreeSet;

use super::{
    rank::{Quote, demote, ranked, rarity},
    reading::{Paragraph, paragraphs, puzzle},
    templates as t,
};
use crate::{
    domain::{
        hint::Level,
        intent::Intent,
        words::{stems, words},
    },
    llm::{Material, pick},
};

/// The whole text of an answer. Ends with a question. `said` is what the thread's earlier answers
/// said: until all is explained, another sentence is quoted where there is one as good.
pub(super) fn answer(material: &Material, said: &[&str], seed: u64) -> String {
    let mut draft = Draft { seed, slot: 0, parts: Vec::new() };
    if material.turn_number == 0 {
        draft.parts.push(t::NOTICE.to_owned());
    }
    let mut quotes = ranked(&material.passages, &material.about, material.quote.as_deref());
    if material.level < Level::Explain {
        let is_said = |quote: &Quote<'_>| said.iter().any(|text| text.contains(quote.text));
        demote(&mut quotes, is_said);
    }
    match (material.passages.first(), quotes.first()) {
        (Some(_), Some(best)) if material.intent != Intent::OffTopic => {
            Guide { material, quotes: &quotes, best }.fill(&mut draft);
        }
        (Some(first), None) if material.intent != Intent::OffTopic => {
            draft.titled(&[t::NOTHING_TO_QUOTE], &first.title);
            draft.say(t::DIAGNOSE);
        }
        _ => {
            draft.parts.push(t::NOTHING_FOUND.to_owned());
            draft.say(t::ELSEWHERE);
        }
    }
    draft.parts.join("\n\n")
}

/// An answer in the making; each choice takes the next slot of its seed.
struct Draft {
    seed: u64,
    slot: u64,
    parts: Vec<String>,
}

impl Draft {
    fn say(&mut self, choices: &[&str]) {
        self.titled(choices, "");
    }

    fn titled(&mut self, choices: &[&str], title: &str) {
        self.slot += 1;
        let choice = pick(choices, self.seed, self.slot).copied().unwrap_or_default();
        self.parts.push(choice.replace("{}", title));
    }

    fn quote(&mut self, text: &str, passage: usize) {
        self.parts.push(format!("> {text} [{}]", passage + 1));
    }

    fn toss(&mut self) -> bool {
        self.slot += 1;
        pick(&[true, false], self.seed, self.slot).copied().unwrap_or_default()
    }
}

struct Guide<'a> {
    material: &'a Material,
    quotes: &'a [Quote<'a>],
    best: &'a Quote<'a>,
}

impl<'a> Guide<'a> {
    fn fill(&self, draft: &mut Draft) {
        let level = self.material.level;
        draft.titled(t::opening(self.material.intent, level), self.title(self.best.passage));
        match level {
            Level::Diagnose => self.diagnose(draft),
            Level::Orient => self.orient(draft),
            Level::Narrow => self.narrow(draft),
            Level::Analogue => self.analogue(draft),
            Level::Explain => self.explain(draft),
        }
    }

    fn diagnose(&self, draft: &mut Draft) {
        draft.quote(self.best.text, self.best.passage);
        draft.say(t::DIAGNOSE);
    }

    fn orient(&self, draft: &mut Draft) {
        draft.quote(self.best.text, self.best.passage);
        if let Some(next) = self.neighbour() {
            draft.quote(next.text, next.passage);
        }
        draft.say(t::OWN_WORDS);
    }

    fn narrow(&self, draft: &mut Draft) {
        draft.quote(self.best.text, self.best.passage);
        let gap = self.gap();
        let other = self.other_passage();
        match (gap, other) {
            (Some(gap), other) if other.is_none() || draft.toss() => {
                draft.say(t::CLOZE_LEAD);
                draft.quote(&gap.text, gap.passage);
                draft.say(t::CLOZE);
            }
            (_, Some(other)) => self.compare(draft, other),
            _ => draft.say(t::OWN_WORDS),
        }
    }

    fn analogue(&self, draft: &mut Draft) {
        draft.quote(self.best.text, self.best.passage);
        if let Some((passage, lines)) = self.listing() {
            draft.titled(t::PREDICT_LEAD, self.title(passage));
            draft.parts.push(format!("```\n{}\n```", lines.join("\n")));
            draft.say(t::PREDICT);
        } else if let Some(other) = self.other_passage() {
            self.compare(draft, other);
        } else {
            draft.say(t::OWN_EXAMPLE);
        }
    }

    /// The best sentences, in reading order.
    fn explain(&self, draft: &mut Draft) {
        const SENTENCES: usize = 4;
        // What fits much worse than the best is about something else.
        let enough = self.best.score * 0.4;
        let fits = |quote: &&Quote<'_>| quote.score > 0.0 && quote.score >= enough;
        let matching = self.quotes.iter().filter(fits);
        let mut chosen: Vec<&Quote<'_>> = matching.take(SENTENCES).collect();
        if chosen.is_empty() {
            chosen.push(self.best);
        }
        chosen.sort_by_key(|quote| quote.place);
        for quote in chosen {
            draft.quote(quote.text, quote.passage);
        }
        draft.say(t::OWN_EXAMPLE);
    }

    fn compare(&self, draft: &mut Draft, other: &Quote<'_>) {
        draft.titled(t::COMPARE_LEAD, self.title(other.passage));
        draft.quote(other.text, other.passage);
        draft.say(t::COMPARE);
    }

    fn title(&self, passage: usize) -> &'a str {
        self.material.passages.get(passage).map_or("", |passage| passage.title.as_str())
    }

    /// The sentence right behind the best one, in the same passage.
    fn neighbour(&self) -> Option<&'a Quote<'a>> {
        self.quotes
            .iter()
            .find(|quote| quote.place == self.best.place + 1 && quote.passage == self.best.passage)
    }

    /// The best sentence of another passage that has to do with the question.
    fn other_passage(&self) -> Option<&'a Quote<'a>> {
        self.quotes.iter().find(|quote| quote.passage != self.best.passage && quote.score > 0.0)
    }

    fn listing(&self) -> Option<(usize, Vec<&'a str>)> {
        let code = |(at, passage): (usize, &'a crate::llm::Passage)| {
            paragraphs(&passage.text).into_iter().find_map(|paragraph| match paragraph {
                Paragraph::Code(code) => puzzle(code).map(|lines| (at, lines)),
                Paragraph::Prose(_) => None,
            })
        };
        // The passage that was quoted is the likeliest to hold the example for it.
        let mut passages: Vec<_> = self.material.passages.iter().enumerate().collect();
        passages.sort_by_key(|(at, _)| *at != self.best.passage);
        passages.into_iter().find_map(code)
    }

    /// A sentence with its most telling word left out: not the quoted one, and a word that neither
    /// the quotation nor the learner has used.
    fn gap(&self) -> Option<Gap> {
        let used: BTreeSet<String> =
            [self.best.text, &self.material.about, &self.material.question]
                .into_iter()
                .chain(self.material.quote.as_deref())
                .flat_map(stems)
                .collect();
        let rarity = rarity(self.quotes);
        let near = self.quotes.iter().filter(|quote| quote.place != self.best.place);
        near.take(12).find_map(|quote| {
            let fits = words(quote.text).into_iter().filter(|word| word.chars().count() > 4);
            let fits = fits.filter(|word| word.chars().all(char::is_alphabetic));
            let weighed = fits.filter_map(|word| {
                let stem = stems(&word).pop().filter(|stem| !used.contains(stem))?;
                let text = leave_out(quote.text, &word)?;
                Some((rarity.get(&stem).copied().unwrap_or_default(), text))
            });
            let best = weighed.max_by(|a, b| a.0.total_cmp(&b.0))?;
            Some(Gap { text: best.1, passage: quote.passage })
        })
    }
}

struct Gap {
    text: String,
    passage: usize,
}

/// `sentence` with a gap for `word` (folded), if it stands there exactly once, as a word of its own
/// and outside code.
fn leave_out(sentence: &str, word: &str) -> Option<String> {
    let lower = sentence.to_lowercase();
    if lower.len() != sentence.len() || sentence.contains('`') {
        return None;
    }
    let mut places = lower.match_indices(word);
    let (at, _) = places.next().filter(|_| places.next().is_none())?;
    let (before, after) = (sentence.get(..at)?, sentence.get(at + word.len()..)?);
    let opens = before.is_empty() || before.ends_with([' ', '“', '"', '(', '\n']);
    let closes = after.starts_with([' ', '.', ',', ';', ':', '!', '”', '"', ')', '\n']);
    (opens && closes).then(|| format!("{before}____{after}"))
}

#[cfg(test)]
mod tests;
