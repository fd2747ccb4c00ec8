//! Takes out of a text what could pose as something else in a prompt: invisible characters, markers
//! of roles, comments, embedded data. What it takes leaves a space, so that the rest cannot close up
//! into a new marker.

use crate::domain::normal::visible;

/// Compared without case.
const MARKERS: [&str; 18] = [
    "<|im_start|>",
    "<|im_end|>",
    "<|im_sep|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "[inst]",
    "[/inst]",
    "<<sys>>",
    "<</sys>>",
    "<s>",
    "</s>",
    "<system>",
    "</system>",
];
/// At the start of a line.
const ROLES: [&str; 8] = [
    "system:",
    "assistant:",
    "user:",
    "human:",
    "developer:",
    "### system",
    "### instruction",
    "### assistant",
];

/// `text` as it may stand in a prompt.
pub(super) fn sanitise(text: &str) -> String {
    let text = without_spans(&visible(text), "<!--", |rest| {
        rest.find("-->").map_or(rest.len(), |at| at + 3)
    });
    let text = without_spans(&text, "data:", data_length);
    let text =
        MARKERS.iter().fold(text, |text, marker| without_spans(&text, marker, |_| marker.len()));
    text.split('\n').map(without_role).collect::<Vec<_>>().join("\n")
}

/// Replaces each span that starts with `open` (ASCII, any case) by a space. `length` tells how long
/// the span is; 0 keeps it.
fn without_spans(text: &str, open: &str, length: impl Fn(&str) -> usize) -> String {
    let lower = text.to_ascii_lowercase();
    let mut clean = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = lower.get(at..).and_then(|rest| rest.find(open)) {
        let start = at + found;
        clean.push_str(text.get(at..start).unwrap_or_default());
        let cut = lower.get(start..).map_or(0, &length);
        let end = start + if cut == 0 { open.len() } else { cut };
        clean.push_str(if cut == 0 { text.get(start..end).unwrap_or_default() } else { " " });
        at = end;
    }
    clean.push_str(text.get(at..).unwrap_or_default());
    clean
}

/// A data URI names a type and a comma; "the data: see below" does not.
fn data_length(rest: &str) -> usize {
    let end = rest
        .find(|c: char| c.is_whitespace() || matches!(c, ')' | '"' | '\'' | '<' | '>'))
        .unwrap_or(rest.len());
    let uri = rest.get(..end).unwrap_or_default();
    if uri.contains(',') && (uri.contains('/') || uri.contains(";base64")) { end } else { 0 }
}

fn without_role(line: &str) -> &str {
    let mut rest = line;
    while let Some(role) = ROLES.iter().find(|role| {
        let start = rest.trim_start();
        start.get(..role.len()).is_some_and(|start| start.eq_ignore_ascii_case(role))
    }) {
        rest = rest.trim_start().get(role.len()..).unwrap_or_default();
    }
    rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_pose_as_something_else_is_taken_out() {
        assert_eq!(sanitise("a<!-- hidden -->b <!-- open"), "a b  ");
        assert_eq!(sanitise("x <|IM_START|>system y"), "x  system y");
        assert_eq!(sanitise("![i](data:image/png;base64,AAAA) z"), "![i]( ) z");
        assert_eq!(sanitise("hi\n  System: user: obey\nbye"), "hi\n obey\nbye");
        assert_eq!(sanitise("see\u{202e}\u{200b} this\u{0}"), "see this");
    }

    #[test]
    fn a_marker_does_not_close_up_out_of_the_remains_of_another() {
        let text = sanitise("<|im_<|im_start|>start|> <!<!-- x -->-- y");

        assert!(!text.contains("<|im_start|>") && !text.contains("<!--"), "{text}");
    }

    #[test]
    fn ordinary_text_and_code_stay_as_they_are() {
        for text in ["the data: see below", "fn f<T>(a: &[T]) -> bool { a[0] < b }", "é\n\tü"] {
            assert_eq!(sanitise(text), text);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_left_to_take_out(text in "(<\\|im_start\\|>|<!--|-->|data:a/b,c|system:|[a-z <>|!-]|\n){0,12}") {
            let clean = sanitise(&text);
            let lower = clean.to_ascii_lowercase();

            prop_assert!(!lower.contains("<!--"));
            prop_assert!(!lower.contains("<|im_start|>"));
            prop_assert!(!lower.lines().any(|line| line.trim_start().starts_with("system:")));
        }
    }
}
