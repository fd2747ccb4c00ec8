//! What stands between a model and the learner, character by character. It holds a citation marker
//! back until it closes, drops those that name no passage, and cuts an answer that runs away. What
//! has left is never taken back.

/// See the module.
#[derive(Debug)]
pub(super) struct Gate {
    /// Passages that may be cited: `[1]` to `[known]`.
    known: usize,
    /// Characters that may still leave.
    room: usize,
    /// The start of what may become a marker.
    held: String,
    /// Backticks in the run that is being read.
    ticks: usize,
    /// Backticks that opened the code that is being read; 0 outside code.
    code: usize,
    said: String,
    is_cited: bool,
    is_cut: bool,
}

/// A marker is no longer than `[12, 13]`.
const LONGEST_MARKER: usize = 10;
/// Backticks that make a block of code, over several lines.
const FENCE: usize = 3;

impl Gate {
    pub(super) const fn new(known: usize, longest: usize) -> Self {
        Self {
            known,
            room: longest,
            held: String::new(),
            ticks: 0,
            code: 0,
            said: String::new(),
            is_cited: false,
            is_cut: false,
        }
    }

    /// Takes in text that left earlier, without letting it out again.
    pub(super) fn resume(&mut self, prefix: &str) {
        self.push(prefix);
        self.held.clear();
    }

    /// The part of what was held and of `text` that may leave now.
    pub(super) fn push(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            if self.is_cut {
                break;
            }
            self.take(c, &mut out);
        }
        self.said.push_str(&out);
        out
    }

    /// What is still held at the end, unless it is the start of a marker.
    pub(super) fn finish(&mut self) -> String {
        let held = std::mem::take(&mut self.held);
        let rest = if self.is_cut || held.contains(|c: char| c.is_ascii_digit()) {
            String::new()
        } else {
            held
        };
        self.said.push_str(&rest);
        rest
    }

    /// Lets `text` of our own out behind the answer, whatever its length.
    pub(super) fn append(&mut self, text: &str) {
        self.said.push_str(text);
    }

    pub(super) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub(super) const fn is_cited(&self) -> bool {
        self.is_cited
    }

    /// Whether a block of code is still open.
    pub(super) const fn is_in_fence(&self) -> bool {
        self.code >= FENCE || self.ticks >= FENCE
    }

    pub(super) fn ends_with_question(&self) -> bool {
        !self.is_in_fence() && ends_with_question(&self.said)
    }

    fn take(&mut self, c: char, out: &mut String) {
        self.count_ticks(c);
        if !self.held.is_empty() {
            match c {
                ']' => return self.close_marker(out),
                '0'..='9' | ',' | ' ' if self.held.len() < LONGEST_MARKER => {
                    self.held.push(c);
                    return;
                }
                _ => {
                    let held = std::mem::take(&mut self.held);
                    self.let_out(&held, out);
                }
            }
        }
        if c == '[' && self.code == 0 {
            self.held.push(c);
        } else {
            self.let_out(c.encode_utf8(&mut [0; 4]), out);
        }
    }

    fn count_ticks(&mut self, c: char) {
        if c == '`' {
            self.ticks += 1;
            return;
        }
        if self.ticks > 0 {
            if self.code == 0 {
                self.code = self.ticks;
            } else if self.ticks >= self.code {
                self.code = 0;
            }
            self.ticks = 0;
        }
        // Code inside a line ends with it: an odd backtick must not switch the rule off for good.
        if c == '\n' && self.code < FENCE {
            self.code = 0;
        }
    }

    fn close_marker(&mut self, out: &mut String) {
        let held = std::mem::take(&mut self.held);
        let inside = held.trim_start_matches('[');
        let numbers: Option<Vec<usize>> =
            inside.split(',').map(|number| number.trim().parse().ok()).collect();
        let Some(numbers) = numbers else {
            self.let_out(&held, out);
            return self.let_out("]", out);
        };
        let known = 1..=self.known;
        for number in numbers.into_iter().filter(|number| known.contains(number)) {
            self.is_cited = true;
            self.let_out(&format!("[{number}]"), out);
        }
    }

    fn let_out(&mut self, text: &str, out: &mut String) {
        let length = text.chars().count();
        if length > self.room {
            self.is_cut = true;
            return;
        }
        self.room -= length;
        out.push_str(text);
    }
}

/// Whether `text` ends with a question, not counting citations, quotes and emphasis behind it.
pub(super) fn ends_with_question(text: &str) -> bool {
    let mut rest = text.trim_end();
    loop {
        let bare = rest.trim_end_matches(['"', '”', '’', '*', '_', ')', '`']).trim_end();
        let inside =
            bare.strip_suffix(']').map(|b| b.trim_end_matches(|c: char| c.is_ascii_digit()));
        match inside.and_then(|inside| inside.strip_suffix('[')) {
            Some(before) => rest = before.trim_end(),
            None => return bare.ends_with('?'),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn through(known: usize, pieces: &[&str]) -> String {
        let mut gate = Gate::new(known, 1_000);
        let mut out: String = pieces.iter().map(|piece| gate.push(piece)).collect();
        out.push_str(&gate.finish());
        out
    }

    #[test]
    fn a_marker_is_held_until_it_closes() {
        let mut gate = Gate::new(3, 100);

        assert_eq!(gate.push("so ["), "so ");
        assert_eq!(gate.push("2"), "");
        assert_eq!(gate.push("] it"), "[2] it");
        assert!(gate.is_cited());
    }

    #[test]
    fn a_marker_of_no_passage_never_leaves() {
        assert_eq!(through(2, &["a [3", "] b [0] c [1, 9] d [99"]), "a  b  c [1] d ");
    }

    #[test]
    fn brackets_that_cite_nothing_stay() {
        let text = "- [ ] task, [text](x), `a[7]`\n```\nb[9]\n``` done";

        assert_eq!(through(2, &[text]), text);
    }

    #[test]
    fn one_odd_backtick_does_not_open_the_gate_for_the_next_line() {
        assert_eq!(through(1, &["it's ` odd [7]\nand [7] gone"]), "it's ` odd [7]\nand  gone");
    }

    #[test]
    fn an_answer_that_runs_away_is_cut() {
        let mut gate = Gate::new(0, 5);

        assert_eq!(gate.push("abc") + &gate.push("defgh"), "abcde");
        assert!(gate.is_cut());
        assert_eq!(gate.push("more") + &gate.finish(), "");
    }

    #[test]
    fn a_question_may_be_followed_by_its_citation() {
        for text in ["Why?", "Why? [1] [2]", "**Why?**", "“Why?”", "why? \n"] {
            assert!(ends_with_question(text), "{text}");
        }
        for text in ["", "No.", "Why? Because [1]", "[1]"] {
            assert!(!ends_with_question(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn however_it_is_split_the_same_text_leaves(
            text in "([a-z`\n ?é]|\\[|\\]|[0-9],?){0,40}",
            cuts in prop::collection::vec(0..40_usize, 0..6),
        ) {
            let chars: Vec<char> = text.chars().collect();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(chars.len())).collect();
            cuts.extend([0, chars.len()]);
            cuts.sort_unstable();
            let pieces: Vec<String> =
                cuts.windows(2).map(|pair| chars[pair[0]..pair[1]].iter().collect()).collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();

            prop_assert_eq!(through(2, &pieces), through(2, &[&text]));
        }
    }
}
