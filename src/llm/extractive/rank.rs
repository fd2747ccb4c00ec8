//! Which sentences of the passages speak most to the question.

use std::collections::{BTreeMap, BTreeSet};

use super::reading::{Paragraph, paragraphs, quotable};
use crate::{domain::words::stems, llm::Passage};

/// A sentence that may be quoted, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quote<'a> {
    /// Counts the passages from 0; it is cited as `[passage + 1]`.
    pub passage: usize,
    /// Counts the quotable sentences of all passages from 0, in reading order.
    pub place: usize,
    pub text: &'a str,
    pub stems: BTreeSet<String>,
    pub score: f64,
}

/// All quotable sentences, best first. Equal scores stay in reading order, so the order is fixed.
pub(super) fn ranked<'a>(
    passages: &'a [Passage],
    about: &str,
    quote: Option<&str>,
) -> Vec<Quote<'a>> {
    let mut quotes = collect(passages);
    let rarity = rarity(&quotes);
    let asked = stems(about);
    let marked = quote.map(stems).unwrap_or_default();
    let mean = mean_length(&quotes);
    let standings = standings(passages);
    for quote in &mut quotes {
        // A word that was asked with twice counts twice.
        let hit = |terms: &[String]| -> f64 {
            let known = terms.iter().filter(|stem| quote.stems.contains(*stem));
            known.filter_map(|stem| rarity.get(stem)).sum()
        };
        // What was marked says where to look, the question says what for.
        let matched = hit(&asked) + 0.5 * hit(&marked);
        let length = 0.6 + 0.4 * count(quote.stems.len()) / mean;
        let standing = standings.get(quote.passage).copied().unwrap_or_default();
        quote.score = matched / length * standing * leaning(quote.text);
    }
    sort(&mut quotes);
    quotes
}

/// Halves the score of the quotes that `fits`, and puts the best first again.
pub(super) fn demote(quotes: &mut [Quote<'_>], fits: impl Fn(&Quote<'_>) -> bool) {
    for quote in quotes.iter_mut() {
        if fits(quote) {
            quote.score *= 0.5;
        }
    }
    sort(quotes);
}

fn sort(quotes: &mut [Quote<'_>]) {
    quotes.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.place.cmp(&b.place)));
}

/// How far to trust each passage: the index knows more of the question than a sentence can match.
/// One without a score (the block in view) stands where it was put.
fn standings(passages: &[Passage]) -> Vec<f64> {
    let best = passages.iter().map(|passage| f64::from(passage.score)).fold(0.0, f64::max);
    let standing = |(place, passage): (usize, &Passage)| {
        let share = f64::from(passage.score) / best;
        let share = if share > 0.0 { share } else { 1.0 / (1.0 + 0.2 * count(place)) };
        share.powi(2)
    };
    passages.iter().enumerate().map(standing).collect()
}

/// Neighbouring passages overlap: the first of two equal sentences stays.
fn collect(passages: &[Passage]) -> Vec<Quote<'_>> {
    let mut seen = BTreeSet::new();
    let mut quotes = Vec::new();
    for (passage, Passage { text, .. }) in passages.iter().enumerate() {
        for paragraph in paragraphs(text) {
            let Paragraph::Prose(prose) = paragraph else { continue };
            for text in quotable(prose).into_iter().filter(|text| seen.insert(*text)) {
                let stems = stems(text).into_iter().collect();
                quotes.push(Quote { passage, place: quotes.len(), text, stems, score: 0.0 });
            }
        }
    }
    quotes
}

/// How much a word tells, by the number of sentences that have it (Lucene's idf).
pub(super) fn rarity(quotes: &[Quote<'_>]) -> BTreeMap<String, f64> {
    let mut holders: BTreeMap<String, usize> = BTreeMap::new();
    for stem in quotes.iter().flat_map(|quote| &quote.stems) {
        *holders.entry(stem.clone()).or_default() += 1;
    }
    let all = count(quotes.len());
    let idf = |n: usize| (1.0 + (all - count(n) + 0.5) / (count(n) + 0.5)).ln();
    holders.into_iter().map(|(stem, n)| (stem, idf(n))).collect()
}

fn mean_length(quotes: &[Quote<'_>]) -> f64 {
    let all: usize = quotes.iter().map(|quote| quote.stems.len()).sum();
    (count(all) / count(quotes.len().max(1))).max(1.0)
}

/// A sentence that leans on the one before it says less when it stands alone.
fn leaning(text: &str) -> f64 {
    const LEANING: [&str; 22] = [
        "this", "it", "they", "that", "these", "those", "but", "so", "and", "then", "he", "she",
        "here", "both", "neither", "such", "its", "their", "there", "yet", "or", "which",
    ];
    let first = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    if LEANING.contains(&first.to_lowercase().as_str()) { 0.7 } else { 1.0 }
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(id: &str, text: &str) -> Passage {
        let (title, text) = ("T".to_owned(), text.to_owned());
        Passage { id: id.into(), title, stage: 1, score: 1.0, text }
    }

    #[test]
    fn the_sentence_about_the_question_comes_first() {
        let passages = [
            passage(
                "a",
                "Quartz is good but it is not perfect. The rate changes with temperature.",
            ),
            passage("b", "A vote needs a majority of members. The rate changes with temperature."),
        ];

        let found = ranked(&passages, "why is temperature a problem?", None);

        assert_eq!(found[0].text, "The rate changes with temperature.");
        assert_eq!(found.len(), 3, "the repeated sentence counts once");
    }

    #[test]
    fn what_was_marked_helps_where_the_question_says_little() {
        let passages =
            [passage("a", "A vote needs a majority. Quartz drifts with the warmth of it.")];

        let found = ranked(&passages, "why is that?", Some("quartz drifts"));

        assert!(found[0].text.starts_with("Quartz"));
    }
}
