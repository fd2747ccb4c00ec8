//! Joins the text of a new attempt to what an earlier one has already emitted.

/// How a new attempt stands to the text before it.
#[derive(Debug)]
pub(super) enum Splice {
    /// Nothing was emitted before, or the question is settled: text passes.
    Open,
    /// The text starts over and should repeat `prefix`; `again` is what came of it so far.
    Replaying { prefix: String, again: String },
}

/// What is to be told before, or instead of, a piece of text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    Text(String),
    Continued,
    Restarted,
}

impl Splice {
    /// For a text that should repeat `prefix` word for word.
    pub(super) fn replay(prefix: &str) -> Self {
        if prefix.is_empty() {
            Self::Open
        } else {
            Self::Replaying { prefix: prefix.to_owned(), again: String::new() }
        }
    }

    pub(super) fn push(&mut self, text: String) -> Vec<Told> {
        let Self::Replaying { prefix, again } = self else {
            return if text.is_empty() { Vec::new() } else { vec![Told::Text(text)] };
        };
        again.push_str(&text);
        if let Some(new) = again.strip_prefix(prefix.as_str()) {
            let new = new.to_owned();
            *self = Self::Open;
            let text = (!new.is_empty()).then_some(Told::Text(new));
            return [Told::Continued].into_iter().chain(text).collect();
        }
        if prefix.starts_with(again.as_str()) {
            return Vec::new();
        }
        self.restart()
    }

    /// Ends the text: one that stopped short of the prefix has not repeated it.
    pub(super) fn finish(&mut self) -> Vec<Told> {
        if matches!(self, Self::Replaying { .. }) { self.restart() } else { Vec::new() }
    }

    fn restart(&mut self) -> Vec<Told> {
        let Self::Replaying { again, .. } = std::mem::replace(self, Self::Open) else {
            return Vec::new();
        };
        let text = (!again.is_empty()).then_some(Told::Text(again));
        [Told::Restarted].into_iter().chain(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(prefix: &str, pieces: &[&str]) -> Vec<Told> {
        let mut splice = Splice::replay(prefix);
        let mut all: Vec<Told> =
            pieces.iter().flat_map(|piece| splice.push((*piece).to_owned())).collect();
        all.extend(splice.finish());
        all
    }

    fn text(text: &str) -> Told {
        Told::Text(text.to_owned())
    }

    #[test]
    fn what_was_emitted_before_is_not_emitted_again() {
        assert_eq!(told("ab", &["a", "bc", "d"]), [Told::Continued, text("c"), text("d")]);
        assert_eq!(told("ab", &["ab"]), [Told::Continued]);
        assert_eq!(told("", &["a"]), [text("a")]);
    }

    #[test]
    fn another_text_starts_over() {
        assert_eq!(told("ab", &["a", "x", "y"]), [Told::Restarted, text("ax"), text("y")]);
        assert_eq!(told("abc", &["ab"]), [Told::Restarted, text("ab")]);
        assert_eq!(told("abc", &[]), [Told::Restarted]);
    }

    proptest! {
        #[test]
        fn the_reader_ends_with_the_new_text_whatever_was_emitted(
            whole in "[ab]{0,12}",
            prefix in "[ab]{0,6}",
            cut in 0..12_usize,
        ) {
            let (head, tail) = whole.split_at(cut.min(whole.len()));
            let mut seen = prefix.clone();
            for told in told(&prefix, &[head, tail]) {
                match told {
                    Told::Restarted => seen.clear(),
                    Told::Continued => {}
                    Told::Text(text) => seen.push_str(&text),
                }
            }

            prop_assert_eq!(seen, whole);
        }
    }
}
