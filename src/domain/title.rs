//! The title of a conversation, from its first question.

use super::normal::visible;

/// Characters that a title has at most, the ellipsis included.
const LONGEST: usize = 60;

/// A line of plain text: no Markdown, cut between words. Never empty.
pub fn from_question(text: &str) -> String {
    let plain = plain(&visible(text));
    let words: Vec<&str> = plain.split_whitespace().collect();
    if words.is_empty() {
        return "New conversation".to_owned();
    }
    let whole = words.join(" ");
    if whole.chars().count() <= LONGEST {
        return whole;
    }
    let mut title = String::new();
    for word in words {
        if title.chars().count() + word.chars().count() + 2 > LONGEST {
            break;
        }
        if !title.is_empty() {
            title.push(' ');
        }
        title.push_str(word);
    }
    if title.is_empty() {
        title = whole.chars().take(LONGEST - 1).collect();
    }
    let kept = title.trim_end_matches([',', ';', ':', '-', '.', '(']).trim_end().len();
    title.truncate(kept);
    title.push('…');
    title
}

/// Drops what Markdown would turn into form: fences, headings, quotes, emphasis, links, tags.
fn plain(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("```"));
    let lines = lines.map(|line| line.trim_start_matches(['#', '>', '-', '+', ' ']));
    let joined = lines.collect::<Vec<_>>().join(" ");
    let mut plain = String::with_capacity(joined.len());
    let mut rest = joined.as_str();
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = match c {
            '*' | '`' | '[' | '~' => after,
            // The address of a link; its text stays.
            ']' => match after.strip_prefix('(').and_then(|link| link.split_once(')')) {
                Some((_, beyond)) => beyond,
                None => after,
            },
            '<' if after.starts_with(|c: char| c.is_ascii_alphabetic() || "/!".contains(c)) => {
                after.split_once('>').map_or(after, |(_, beyond)| beyond)
            }
            _ => {
                plain.push(c);
                after
            }
        };
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_question_is_its_own_title() {
        assert_eq!(from_question("  Why does\nthis move? "), "Why does this move?");
        assert_eq!(from_question("is a < b here?"), "is a < b here?");
    }

    #[test]
    fn a_title_carries_no_markdown() {
        let asked = "## **Why** does `let s2 = s1;` [move](https://example.org) <b>it</b>?";

        assert_eq!(from_question(asked), "Why does let s2 = s1; move it?");
    }

    #[test]
    fn a_long_question_is_cut_between_words() {
        let asked = "how do I work out how wrong my clock is by asking another computer, please?";

        assert_eq!(
            from_question(asked),
            "how do I work out how wrong my clock is by asking another…"
        );
    }

    #[test]
    fn nothing_but_markup_still_gets_a_title() {
        assert_eq!(from_question("``` \n **"), "New conversation");
    }

    proptest! {
        #[test]
        fn a_title_is_one_line_of_at_most_60_characters(text in "\\PC{0,200}") {
            let title = from_question(&text);

            prop_assert!(!title.is_empty());
            prop_assert!(title.chars().count() <= LONGEST, "{}", title);
            prop_assert!(!title.contains('\n'));
        }
    }
}
