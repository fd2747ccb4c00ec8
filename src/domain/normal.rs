//! One spelling for every way of writing the same text, so that a rule cannot be walked around by
//! full-width letters, invisible characters or capitals.

use unicode_normalization::UnicodeNormalization;

/// Compatibility composition (NFKC), without what cannot be seen, without case.
///
/// For comparing only; what a learner reads or a model is sent is never folded.
pub fn fold(text: &str) -> String {
    let folded: String = visible(text)
        .nfkc()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .map(plain_quote)
        .nfkc()
        .collect();
    // Folding may bring out a character that is dropped, or lower one that only NFKC makes.
    folded.chars().filter(|c| !is_invisible(*c)).flat_map(char::to_lowercase).nfkc().collect()
}

/// `text` without control, bidirectional and zero-width characters. Line ends and tabs stay.
pub fn visible(text: &str) -> String {
    text.chars().filter(|c| !is_invisible(*c)).collect()
}

/// Whether `c` could hide text from a reader, or reorder what the reader sees.
pub const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        // Controls, but not the end of a line and the tab.
        '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        // Soft hyphen, grapheme joiner, Arabic letter mark, fillers, Mongolian selectors.
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{3164}' | '\u{ffa0}'
        // Zero-width, direction marks, embeddings, isolates, invisible operators.
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        // Variation selectors, byte order mark, interlinear marks, tags.
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    )
}

const fn plain_quote(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2bc}' | '`' | '\u{b4}' => '\'',
        '\u{201c}' | '\u{201d}' => '"',
        '\u{2010}'..='\u{2015}' => '-',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn full_width_capital_and_spaced_out_letters_fold_to_the_same_text() {
        for written in
            ["IGNORE", "ｉｇｎｏｒｅ", "ig\u{200b}no\u{ad}re", "i\u{202e}gnore", "𝐈𝐠𝐧𝐨𝐫𝐞"]
        {
            assert_eq!(fold(written), "ignore", "{written:?}");
        }
        assert_eq!(fold("Straße"), fold("STRASSE"));
        assert_eq!(fold("don’t"), "don't");
    }

    #[test]
    fn line_ends_stay_and_other_controls_go() {
        assert_eq!(visible("a\nb\tc\r\u{0}d\u{feff}"), "a\nb\tcd");
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,40}") {
            let once = fold(&text);

            prop_assert_eq!(fold(&once), once.clone());
            prop_assert!(!once.chars().any(is_invisible));
        }
    }
}
