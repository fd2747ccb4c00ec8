//! Words and sentences of plain text, as the tutor's rules count and quote them.

use std::collections::BTreeSet;

use rust_stemmers::{Algorithm, Stemmer};

use super::normal::fold;

/// Words that say nothing about a subject. Sorted, for the binary search.
const STOP: &[&str] = &[
    "a",
    "about",
    "after",
    "again",
    "all",
    "also",
    "am",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "because",
    "been",
    "before",
    "but",
    "by",
    "can",
    "cannot",
    "could",
    "did",
    "do",
    "does",
    "doing",
    "don",
    "each",
    "else",
    "ever",
    "every",
    "for",
    "from",
    "get",
    "gets",
    "give",
    "given",
    "go",
    "goes",
    "going",
    "got",
    "had",
    "has",
    "have",
    "he",
    "help",
    "her",
    "here",
    "him",
    "his",
    "how",
    "i",
    "if",
    "in",
    "into",
    "is",
    "isn",
    "it",
    "its",
    "just",
    "know",
    "let",
    "like",
    "ll",
    "m",
    "make",
    "makes",
    "may",
    "me",
    "might",
    "more",
    "most",
    "much",
    "must",
    "my",
    "need",
    "no",
    "not",
    "now",
    "of",
    "off",
    "ok",
    "on",
    "one",
    "only",
    "or",
    "other",
    "our",
    "out",
    "over",
    "please",
    "really",
    "s",
    "same",
    "say",
    "says",
    "she",
    "should",
    "so",
    "some",
    "such",
    "t",
    "take",
    "tell",
    "than",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "these",
    "they",
    "thing",
    "things",
    "think",
    "this",
    "those",
    "to",
    "too",
    "understand",
    "up",
    "us",
    "use",
    "used",
    "using",
    "very",
    "want",
    "was",
    "we",
    "well",
    "were",
    "what",
    "when",
    "where",
    "whether",
    "which",
    "while",
    "who",
    "why",
    "will",
    "with",
    "would",
    "yes",
    "you",
    "your",
];

/// Runs of letters and digits, folded: `Straße_2, x` is `strasse`, `2`, `x`.
pub fn words(text: &str) -> Vec<String> {
    fold(text)
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The words that carry meaning, in order.
pub fn content_words(text: &str) -> Vec<String> {
    words(text).into_iter().filter(|word| STOP.binary_search(&word.as_str()).is_err()).collect()
}

/// The content words without their endings, so that `clocks` meets `clock`.
pub fn stems(text: &str) -> Vec<String> {
    let stemmer = Stemmer::create(Algorithm::English);
    content_words(text).iter().map(|word| stemmer.stem(word).into_owned()).collect()
}

/// Every run of `n` neighbouring words, or all of them where there are fewer.
pub fn shingles(words: &[String], n: usize) -> BTreeSet<String> {
    if words.len() < n {
        return if words.is_empty() { BTreeSet::new() } else { BTreeSet::from([words.join(" ")]) };
    }
    words.windows(n).map(|run| run.join(" ")).collect()
}

/// Whether the Jaccard index of two sets is at least `percent`. Two empty sets are not alike.
pub fn alike<T: Ord>(one: &BTreeSet<T>, other: &BTreeSet<T>, percent: usize) -> bool {
    let common = one.intersection(other).count();
    let union = one.len() + other.len() - common;
    union > 0 && common * 100 >= percent * union
}

/// The sentences of one paragraph, each a slice of it; joined with what stands between, all of it.
pub fn sentences(paragraph: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut code = false;
    let chars: Vec<(usize, char)> = paragraph.char_indices().collect();
    for (place, (at, c)) in chars.iter().enumerate() {
        code ^= *c == '`';
        if code || !matches!(c, '.' | '!' | '?') {
            continue;
        }
        let end = closing(&chars, place + 1);
        let end_at = chars.get(end).map_or(paragraph.len(), |(at, _)| *at);
        let rest = paragraph.get(end_at..).unwrap_or_default();
        let before = paragraph.get(start..*at).unwrap_or_default();
        if starts_sentence(rest) && !(*c == '.' && is_abbreviation(before)) {
            found.extend(paragraph.get(start..end_at).map(str::trim));
            start = end_at;
        }
    }
    found.extend(paragraph.get(start..).map(str::trim));
    found.retain(|sentence| !sentence.is_empty());
    found
}

/// Past the quotes, brackets and further stops that belong to the sentence before.
fn closing(chars: &[(usize, char)], from: usize) -> usize {
    let more = chars.get(from..).unwrap_or_default().iter();
    let more = more.take_while(|(_, c)| matches!(c, '.' | '!' | '?' | '"' | '”' | '’' | ')' | '*'));
    from + more.count()
}

/// Whether `rest` is nothing, or white space and then something that opens a sentence.
fn starts_sentence(rest: &str) -> bool {
    let trimmed = rest.trim_start();
    trimmed.is_empty()
        || (trimmed.len() < rest.len() && !trimmed.starts_with(|c: char| c.is_lowercase()))
}

fn is_abbreviation(before: &str) -> bool {
    let last = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
    let known = ["e.g", "i.e", "vs", "etc", "cf", "ch", "fig", "no", "mr", "mrs", "dr", "st"];
    known.contains(&last.to_lowercase().as_str())
        || (last.chars().count() == 1 && last.starts_with(char::is_uppercase) && last != "I")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_stop_words_are_sorted() {
        assert!(STOP.is_sorted());
    }

    #[test]
    fn content_words_leave_out_what_every_sentence_has() {
        assert_eq!(content_words("Why does the wall clock jump?"), ["wall", "clock", "jump"]);
        assert_eq!(stems("jumping Clocks"), ["jump", "clock"]);
    }

    #[test]
    fn a_sentence_ends_at_its_stop_and_not_inside_code_numbers_or_abbreviations() {
        let text = "A clock may drift, e.g. by 1.728 s a day. Call `t.now(). Then` twice! “Why?” \
                    It isn't known.";

        let found = sentences(text);

        assert_eq!(
            found,
            [
                "A clock may drift, e.g. by 1.728 s a day.",
                "Call `t.now(). Then` twice!",
                "“Why?”",
                "It isn't known."
            ]
        );
    }

    #[test]
    fn shingles_and_likeness_follow_jaccard() {
        let five = shingles(&words("a b c d e f"), 5);

        assert_eq!(five.len(), 2);
        assert!(alike(&five, &shingles(&words("a b c d e g"), 5), 33));
        assert!(!alike(&five, &shingles(&words("a b c d e g"), 5), 34));
        assert!(!alike(&shingles(&[], 5), &shingles(&[], 5), 0));
    }

    proptest! {
        #[test]
        fn every_sentence_is_a_slice_of_the_paragraph_and_nothing_is_lost(text in "[A-Za-z .!?`”\n]{0,80}") {
            let found = sentences(&text);

            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
            prop_assert!(found.iter().all(|sentence| text.contains(sentence)));
            prop_assert_eq!(found.iter().map(|s| letters(s)).sum::<usize>(), letters(&text));
        }
    }
}
