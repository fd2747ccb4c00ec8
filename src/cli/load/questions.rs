//! What the simulated learners ask.

/// The test queries of the built-in course: an id, a tab, the query.
const QUERIES: &str = include_str!("../../../loadtest/course-queries/queries.tsv");

#[derive(Debug, Clone)]
pub(crate) struct Questions(Vec<String>);

impl Questions {
    /// This one text, or the test queries.
    pub(crate) fn new(text: Option<&String>) -> Self {
        let queries = QUERIES.lines().filter_map(|line| line.split_once('\t'));
        Self(match text {
            Some(text) => vec![text.clone()],
            None => queries.map(|(_, query)| format!("{}?", query.trim())).collect(),
        })
    }

    /// Dealt out so that no two users ask the same in the same order.
    pub(crate) fn of(&self, user: u32, turn: u32) -> String {
        let at = u64::from(user) * 7 + u64::from(turn) * 11;
        let count = self.0.len().max(1);
        let at = usize::try_from(at).unwrap_or_default() % count;
        self.0.get(at).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_ask_differently_and_a_given_question_is_asked_by_all() {
        let built_in = Questions::new(None);
        assert_ne!(built_in.of(1, 0), built_in.of(2, 0));
        assert_ne!(built_in.of(1, 0), built_in.of(1, 1));
        assert!(built_in.of(3, 4).ends_with('?'));

        let given = Questions::new(Some(&"/ck ping".to_owned()));
        assert_eq!([given.of(1, 0), given.of(9, 7)], ["/ck ping", "/ck ping"]);
    }
}
