//! Quizzes: one a stage, multiple choice. Passing one unlocks the next stage.

use std::collections::BTreeMap;

use super::{ids::LessonId, stage::Stage};

/// One question with its options, of which exactly one is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuizItem {
    pub id: String,
    pub stage: Stage,
    pub lesson: LessonId,
    /// The heading that the question is about.
    pub section: String,
    pub prompt: String,
    pub options: Vec<String>,
    /// Counts the options from 0. Never leaves the server.
    pub answer: u32,
    /// The ways in which the answer could be written; the tutor's guard keeps them back.
    pub forms: Vec<String>,
    pub explanation: String,
}

/// Out of a hundred answers, this many must be right.
const PASS_PERCENT: usize = 75;

/// How a learner did on the quiz of one stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    pub correct: usize,
    pub total: usize,
    /// Right answers that it takes to pass.
    pub needed: usize,
    /// By item.
    pub right: BTreeMap<String, bool>,
}

impl Marks {
    /// An empty quiz cannot be passed: there is nothing to show.
    pub const fn passed(&self) -> bool {
        self.total > 0 && self.correct >= self.needed
    }
}

/// Marks `answers` (item to option index). A missing answer is wrong, one to another quiz's item
/// counts for nothing.
pub fn mark(items: &[QuizItem], answers: &BTreeMap<String, u32>) -> Marks {
    let right: BTreeMap<String, bool> = items
        .iter()
        .map(|item| (item.id.clone(), answers.get(&item.id) == Some(&item.answer)))
        .collect();
    Marks {
        correct: right.values().filter(|right| **right).count(),
        total: items.len(),
        needed: (items.len() * PASS_PERCENT).div_ceil(100),
        right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiz(answers: &[u32]) -> Vec<QuizItem> {
        let item = |(n, answer): (usize, &u32)| QuizItem {
            id: format!("q{n}"),
            stage: Stage::FIRST,
            lesson: LessonId::new("l"),
            section: "S".into(),
            prompt: "?".into(),
            options: vec!["a".into(), "b".into()],
            answer: *answer,
            forms: vec![],
            explanation: String::new(),
        };
        answers.iter().enumerate().map(item).collect()
    }

    fn given(answers: &[(&str, u32)]) -> BTreeMap<String, u32> {
        answers.iter().map(|(id, answer)| ((*id).to_owned(), *answer)).collect()
    }

    #[test]
    fn three_right_of_four_pass_and_two_do_not() {
        let items = quiz(&[0, 1, 0, 1]);

        let three = mark(&items, &given(&[("q0", 0), ("q1", 1), ("q2", 0), ("q3", 0)]));
        let two = mark(&items, &given(&[("q0", 0), ("q1", 1), ("q2", 1), ("q3", 0)]));

        assert_eq!((three.correct, three.needed, three.passed()), (3, 3, true));
        assert_eq!((two.correct, two.passed()), (2, false));
    }

    #[test]
    fn three_right_of_five_are_too_few() {
        let marks = mark(&quiz(&[0; 5]), &given(&[("q0", 0), ("q1", 0), ("q2", 0)]));

        assert_eq!((marks.needed, marks.passed()), (4, false));
    }

    #[test]
    fn a_missing_answer_is_wrong_and_a_foreign_one_counts_for_nothing() {
        let marks = mark(&quiz(&[0]), &given(&[("other", 0)]));

        assert_eq!((marks.correct, marks.total), (0, 1));
        assert_eq!(marks.right.keys().collect::<Vec<_>>(), ["q0"]);
    }

    #[test]
    fn a_quiz_without_questions_cannot_be_passed() {
        assert!(!mark(&[], &BTreeMap::new()).passed());
    }
}
