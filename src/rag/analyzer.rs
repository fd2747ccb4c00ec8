//! From text to terms, as Lucene's English analyser does it: words in lower case, no stop words,
//! Porter2 stems.

use std::borrow::Cow;

use rust_stemmers::{Algorithm, Stemmer};

/// Lucene's `ENGLISH_STOP_WORDS_SET`, sorted.
const STOP_WORDS: [&str; 33] = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it",
    "no", "not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these",
    "they", "this", "to", "was", "will", "with",
];

/// Longer "words" are data, not language.
const LONGEST: usize = 64;

pub(super) struct Analyzer(Stemmer);

impl Analyzer {
    pub(super) fn new() -> Self {
        Self(Stemmer::create(Algorithm::English))
    }

    /// Calls `each` with every term of `text`, in order.
    pub(super) fn terms(&self, text: &str, mut each: impl FnMut(&str)) {
        for token in text.split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '’')) {
            let word = without_possessive(token.trim_matches(['\'', '’']));
            if word.is_empty() || word.len() > LONGEST {
                continue;
            }
            let lower = lower(word);
            if STOP_WORDS.binary_search(&lower.as_ref()).is_err() {
                each(&self.0.stem(&lower));
            }
        }
    }
}

fn without_possessive(word: &str) -> &str {
    ["'s", "’s", "'S", "’S"].iter().find_map(|ending| word.strip_suffix(ending)).unwrap_or(word)
}

fn lower(word: &str) -> Cow<'_, str> {
    if word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(word.to_lowercase().replace('’', "'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        Analyzer::new().terms(text, |term| found.push(term.to_owned()));
        found
    }

    #[test]
    fn words_are_stemmed_and_stop_words_dropped() {
        assert_eq!(
            terms("The runners' clocks were RUNNING, and the server's is skewed."),
            ["runner", "clock", "were", "run", "server", "skew"]
        );
    }

    #[test]
    fn code_falls_apart_into_its_names() {
        assert_eq!(terms("String::push_str(&mut s2)"), ["string", "push", "str", "mut", "s2"]);
    }

    #[test]
    fn the_stop_list_is_sorted_so_that_it_can_be_searched() {
        assert!(STOP_WORDS.is_sorted());
    }
}
