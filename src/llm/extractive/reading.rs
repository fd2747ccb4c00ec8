//! Finds in the plain text of a passage what can be quoted alone: whole sentences, and listings.
//! A passage carries no marks of form (its blocks are joined by blank lines), so form is guessed.

use crate::domain::words::sentences;

/// A paragraph, as a slice of the passage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paragraph<'a> {
    Prose(&'a str),
    Code(&'a str),
}

/// The paragraphs of a passage. A listing that holds blank lines is one paragraph.
pub(super) fn paragraphs(text: &str) -> Vec<Paragraph<'_>> {
    let mut found: Vec<Paragraph<'_>> = Vec::new();
    let mut listing: Option<(usize, usize)> = None;
    let mut at = 0;
    for part in text.split("\n\n") {
        let (start, end) = (at, at + part.len());
        at = end + 2;
        if is_code(part) {
            listing = Some((listing.map_or(start, |(first, _)| first), end));
            continue;
        }
        found.extend(listing.take().and_then(|(a, b)| text.get(a..b)).map(Paragraph::Code));
        if !part.trim().is_empty() {
            found.push(Paragraph::Prose(part));
        }
    }
    found.extend(listing.and_then(|(a, b)| text.get(a..b)).map(Paragraph::Code));
    found
}

/// Whether at least half of the lines look like a program's. One line alone has to look more so.
fn is_code(part: &str) -> bool {
    let lines: Vec<&str> = part.lines().filter(|line| !line.trim().is_empty()).collect();
    let coded = lines.iter().filter(|line| is_code_line(line)).count();
    match lines.as_slice() {
        [] => false,
        [only] => coded == 1 && (only.contains(['(', '=', '{']) || is_import(only)),
        all => coded * 2 >= all.len(),
    }
}

fn is_import(line: &str) -> bool {
    let mut words = line.split_whitespace();
    matches!(words.next(), Some("import" | "from" | "use")) && words.count() <= 5
}

fn is_code_line(line: &str) -> bool {
    const OPENERS: [&str; 22] = [
        "def ", "fn ", "let ", "import ", "from ", "use ", "class ", "struct ", "impl ", "print",
        "assert", "return ", "#!", "//", "$ ", ">>> ", "pub ", "@", "}", "const ", "var ", "#[",
    ];
    let trimmed = line.trim();
    let ends_like_prose = trimmed.ends_with(['.', '!', '?']) && !trimmed.contains("print");
    let is_open = OPENERS.iter().any(|opener| trimmed.starts_with(opener));
    let is_indented = line.starts_with("    ") || line.starts_with('\t');
    let has_signs = [" = ", " == ", "->", "=>", "::", "();", "):"].iter();
    let has_signs = has_signs.clone().any(|sign| trimmed.contains(sign));
    !ends_like_prose && (is_open || is_indented || has_signs || trimmed.ends_with(['{', ';']))
}

/// Sentences that can stand alone in a quotation.
pub(super) fn quotable(paragraph: &str) -> Vec<&str> {
    sentences(paragraph).into_iter().filter(|sentence| stands_alone(sentence)).collect()
}

fn stands_alone(sentence: &str) -> bool {
    const WORDS: std::ops::RangeInclusive<usize> = 5..=48;
    let opens = sentence.chars().next().is_some_and(|c| {
        c.is_uppercase() || c.is_numeric() || matches!(c, '"' | '“' | '`' | '‘' | '\'')
    });
    let body = sentence.trim_end_matches(['"', '”', '’', ')', '*']);
    let ticks = sentence.matches('`').count();
    opens
        && body.ends_with(['.', '!'])
        && WORDS.contains(&sentence.split_whitespace().count())
        // A bracket could be taken for a citation, a bar or tab is a table's, a pair of line ends
        // would leave the quotation.
        && !sentence.contains(['[', ']', '|', '\t', '{', '}', '<', '_', '\\'])
        && !sentence.contains("```")
        && ticks.is_multiple_of(2)
        && sentence.matches(['(', ')']).count().is_multiple_of(2)
        && sentence.lines().all(is_plain_line)
}

/// A line inside a quotation must not start a list, a heading or a quotation of its own.
fn is_plain_line(line: &str) -> bool {
    let mut chars = line.trim_start().chars();
    match chars.next() {
        Some('-' | '+' | '*' | '#' | '>' | '~' | '=') | None => false,
        Some(c) if c.is_ascii_digit() => {
            let after = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
            !after.starts_with(". ") && !after.starts_with(") ")
        }
        Some(_) => true,
    }
}

/// A listing without what is written behind the code of a line, where results tend to stand.
/// Each line is a slice of the listing; `None` if it is not worth asking about.
pub(super) fn puzzle(code: &str) -> Option<Vec<&str>> {
    const LINES: std::ops::RangeInclusive<usize> = 2..=14;
    let prints = ["print", "assert", "console.log", "echo "].iter().any(|p| code.contains(p));
    let lines: Vec<&str> = code.lines().map(without_comment).collect();
    let fits = LINES.contains(&lines.len()) && lines.iter().all(|line| line.len() <= 100);
    (prints && fits && !code.contains("```")).then_some(lines)
}

fn without_comment(line: &str) -> &str {
    let cut = ["  #", " # ", "  //", " // "].iter().filter_map(|mark| {
        let (code, _) = line.split_once(mark)?;
        (!code.trim().is_empty()).then_some(code.len())
    });
    cut.min().and_then(|at| line.get(..at)).unwrap_or(line).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSAGE: &str = "Two clocks in every machine\n\nThe monotonic clock never goes back. It \
                           counts up from some arbitrary moment.\n\nimport time\n\nstart = \
                           time.monotonic()\nprint(took >= 0)          # True, always\n\nHad the \
                           program used the other clock, it would have failed.";

    #[test]
    fn a_listing_with_blank_lines_is_one_paragraph_apart_from_the_prose() {
        let found = paragraphs(PASSAGE);

        assert_eq!(found.len(), 4, "{found:?}");
        let Paragraph::Code(code) = found[2] else { panic!("{found:?}") };
        assert!(code.starts_with("import time\n\nstart"));
        assert!(code.ends_with("always"));
    }

    #[test]
    fn only_whole_sentences_are_quotable() {
        assert!(quotable("Two clocks in every machine").is_empty());
        assert_eq!(
            quotable(
                "tail of a cut sentence. The clock never goes back at all. See [1] in the list below."
            ),
            ["The clock never goes back at all."]
        );
    }

    #[test]
    fn a_puzzle_does_not_show_the_result_written_beside_it() {
        let lines =
            puzzle("took = now() - start\nprint(took >= 0)          # True, always").unwrap();

        assert_eq!(lines, ["took = now() - start", "print(took >= 0)"]);
        assert_eq!(puzzle("x = 1\ny = 2"), None);
    }
}
