//! The hint ladder: how much the tutor gives away, and what earns the next step.
//!
//! A state machine a thread and exercise. It moves only on what the server counts (a substantive
//! attempt, or a plain request for another hint), by at most one step a turn. Asking for the answer
//! moves nothing, and work that is graded stops at [`Level::Narrow`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::words::{alike, content_words};

/// A step of the ladder.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// L0: what have you tried?
    #[default]
    Diagnose,
    /// L1: a passage to look at.
    Orient,
    /// L2: the rule, and a question.
    Narrow,
    /// L3: a worked example like it, with other values.
    Analogue,
    /// L4: the explanation with the solution.
    Explain,
}

impl Level {
    pub const ALL: [Self; 5] =
        [Self::Diagnose, Self::Orient, Self::Narrow, Self::Analogue, Self::Explain];
    /// As far as the tutor goes with work that is graded.
    pub const GRADED_CAP: Self = Self::Narrow;

    /// 0 to 4, as on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::Diagnose => 0,
            Self::Orient => 1,
            Self::Narrow => 2,
            Self::Analogue => 3,
            Self::Explain => 4,
        }
    }

    const fn next(self) -> Self {
        match self {
            Self::Diagnose => Self::Orient,
            Self::Orient => Self::Narrow,
            Self::Narrow => Self::Analogue,
            Self::Analogue | Self::Explain => Self::Explain,
        }
    }
}

/// What a course decides about its ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Substantive attempts that it takes before the solution is explained.
    pub attempts_before_solution: u8,
    /// No exercise of the course goes higher.
    pub cap: Level,
    /// Without a ladder the tutor explains at once; graded work keeps its cap.
    pub off: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { attempts_before_solution: 3, cap: Level::Explain, off: false }
    }
}

/// What a learner's message counts as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A try of the learner's own. Counts if it is substantive and no repeat.
    Attempt(String),
    /// "Another hint", in words or by the button.
    Hint,
    /// A question, a demand, a jailbreak: no move.
    Stay,
}

/// What the learner works on: an item of a quiz, or else the lesson in view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exercise {
    pub id: String,
    pub graded: bool,
}

/// A thread's ladders, as stored with it (JSON).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HintState {
    current: String,
    /// Turns counted so far; tells which exercise was left longest ago.
    turns: u32,
    exercises: BTreeMap<String, Rung>,
}

/// Where a learner stands with one exercise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Rung {
    level: Level,
    attempts: u8,
    graded: bool,
    /// Content words of the latest attempts, so that a repeat is seen.
    seen: Vec<BTreeSet<String>>,
    last_turn: u32,
}

/// Content words that make a message substantive.
const SUBSTANCE: usize = 4;
/// A message this like an earlier one (Jaccard, in percent) is a repeat.
const REPEAT_PERCENT: usize = 80;
/// A thread keeps this many exercises and, of each, this many attempts of so many words.
const KEPT_EXERCISES: usize = 16;
const KEPT_ATTEMPTS: usize = 8;
const KEPT_WORDS: usize = 60;

impl HintState {
    /// The state after one more message of the learner.
    #[must_use]
    pub fn after(&self, exercise: &Exercise, step: &Step, rules: Rules) -> Self {
        let mut next = self.clone();
        next.turns = next.turns.saturating_add(1);
        next.current.clone_from(&exercise.id);
        let rung = next.exercises.entry(exercise.id.clone()).or_default();
        rung.graded |= exercise.graded;
        rung.last_turn = next.turns;
        rung.take(step, rules);
        next.forget_oldest();
        next
    }

    /// How much the next answer may give away.
    pub fn level(&self, rules: Rules) -> Level {
        let rung = self.exercises.get(&self.current);
        let level = rung.map_or(Level::Diagnose, |rung| rung.level);
        let level = if rules.off { Level::Explain } else { level.min(rules.cap) };
        if self.is_graded() { level.min(Level::GRADED_CAP) } else { level }
    }

    /// Whether "another hint" would tell more about the exercise at hand.
    pub fn goes_further(&self, rules: Rules) -> bool {
        let exercise = Exercise { id: self.current.clone(), graded: self.is_graded() };
        self.after(&exercise, &Step::Hint, rules).level(rules) > self.level(rules)
    }

    /// Whether the exercise at hand is an item of a quiz.
    pub fn is_graded(&self) -> bool {
        self.exercises.get(&self.current).is_some_and(|rung| rung.graded)
    }

    /// The exercise at hand; empty before the first message.
    pub fn current(&self) -> &str {
        &self.current
    }

    fn forget_oldest(&mut self) {
        while self.exercises.len() > KEPT_EXERCISES {
            let oldest = self.exercises.iter().min_by_key(|(_, rung)| rung.last_turn);
            let Some(id) = oldest.map(|(id, _)| id.clone()) else { return };
            self.exercises.remove(&id);
        }
    }
}

impl Rung {
    fn take(&mut self, step: &Step, rules: Rules) {
        match step {
            Step::Stay => {}
            Step::Hint => self.climb(rules),
            Step::Attempt(text) => {
                let words: BTreeSet<String> =
                    content_words(text).into_iter().take(KEPT_WORDS).collect();
                if words.len() < SUBSTANCE
                    || self.seen.iter().any(|seen| alike(seen, &words, REPEAT_PERCENT))
                {
                    return;
                }
                self.seen.push(words);
                if self.seen.len() > KEPT_ATTEMPTS {
                    self.seen.remove(0);
                }
                self.attempts = self.attempts.saturating_add(1);
                self.climb(rules);
            }
        }
    }

    fn climb(&mut self, rules: Rules) {
        let top = if self.graded { rules.cap.min(Level::GRADED_CAP) } else { rules.cap };
        let next = self.level.next();
        let earned = next < Level::Explain || self.attempts >= rules.attempts_before_solution;
        if next <= top && earned {
            self.level = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lesson() -> Exercise {
        Exercise { id: "clocks".into(), graded: false }
    }

    fn quiz_item() -> Exercise {
        Exercise { id: "agree-1-1".into(), graded: true }
    }

    fn attempt(text: &str) -> Step {
        Step::Attempt(text.into())
    }

    fn walk(exercise: &Exercise, steps: &[Step]) -> Vec<u8> {
        let mut state = HintState::default();
        let rules = Rules::default();
        let level = |step| {
            state = state.after(exercise, step, rules);
            state.level(rules).number()
        };
        steps.iter().map(level).collect()
    }

    const TRIES: [&str; 4] = [
        "the wall clock jumped backwards during measurement",
        "maybe quartz crystal drift changed the duration",
        "monotonic counters never decrease between restarts",
        "network delay distorts every remote timestamp reading",
    ];

    #[test]
    fn each_new_substantive_attempt_earns_one_step() {
        assert_eq!(walk(&lesson(), &TRIES.map(attempt)), [1, 2, 3, 4]);
    }

    #[test]
    fn a_question_or_a_demand_earns_nothing() {
        assert_eq!(walk(&lesson(), &[Step::Stay, Step::Stay, Step::Stay]), [0, 0, 0]);
    }

    #[test]
    fn a_short_attempt_and_a_repeated_one_earn_nothing() {
        let steps = [attempt(TRIES[0]), attempt(TRIES[0]), attempt("it is the clock")];

        assert_eq!(walk(&lesson(), &steps), [1, 1, 1]);
    }

    #[test]
    fn hints_alone_never_reach_the_solution() {
        assert_eq!(walk(&lesson(), &[const { Step::Hint }; 6]), [1, 2, 3, 3, 3, 3]);
    }

    #[test]
    fn the_ladder_says_whether_a_hint_tells_more() {
        let rules = Rules::default();
        let mut state = HintState::default().after(&lesson(), &Step::Stay, rules);
        let mut further = Vec::new();
        for _ in 0..4 {
            further.push(state.goes_further(rules));
            state = state.after(&lesson(), &Step::Hint, rules);
        }
        assert_eq!(further, [true, true, true, false], "the solution takes attempts");
    }

    #[test]
    fn graded_work_stops_at_the_rule() {
        let mut steps = TRIES.map(attempt).to_vec();
        steps.extend([Step::Hint, Step::Hint]);

        assert_eq!(walk(&quiz_item(), &steps), [1, 2, 2, 2, 2, 2]);
    }

    #[test]
    fn a_learner_finds_an_exercise_where_it_was_left() {
        let rules = Rules::default();
        let state = HintState::default().after(&lesson(), &attempt(TRIES[0]), rules);
        let away = state.after(&quiz_item(), &Step::Stay, rules);

        assert_eq!((away.level(rules), away.is_graded()), (Level::Diagnose, true));
        let back = away.after(&lesson(), &Step::Stay, rules);
        assert_eq!((back.level(rules), back.is_graded()), (Level::Orient, false));
    }

    #[test]
    fn a_course_may_cap_its_ladder_or_do_without_but_not_for_graded_work() {
        let state = HintState::default().after(&lesson(), &Step::Stay, Rules::default());
        let off = Rules { off: true, ..Rules::default() };
        let capped = Rules { cap: Level::Orient, off: false, ..Rules::default() };
        let far = TRIES.iter().fold(state.clone(), |s, t| s.after(&lesson(), &attempt(t), capped));

        assert_eq!(state.level(off), Level::Explain);
        assert_eq!(far.level(capped), Level::Orient);
        let graded = state.after(&quiz_item(), &Step::Stay, off);
        assert_eq!(graded.level(off), Level::Narrow);
    }

    #[test]
    fn the_state_survives_its_store_and_an_empty_one_reads_as_new() {
        let state = HintState::default().after(&lesson(), &attempt(TRIES[1]), Rules::default());
        let stored = serde_json::to_string(&state).unwrap();

        assert_eq!(serde_json::from_str::<HintState>(&stored).unwrap(), state);
        assert_eq!(serde_json::from_str::<HintState>("{}").unwrap(), HintState::default());
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::Stay),
            Just(Step::Hint),
            "[a-h]{2,4}( [a-h]{2,4}){0,7}".prop_map(Step::Attempt),
        ]
    }

    fn any_exercise() -> impl Strategy<Value = Exercise> {
        (0..20_u8).prop_map(|n| Exercise { id: format!("e{n}"), graded: n % 3 == 0 })
    }

    proptest! {
        #[test]
        fn no_exercise_ever_climbs_more_than_one_step_a_turn(
            turns in prop::collection::vec((any_exercise(), any_step()), 1..60),
            needed in 0..5_u8,
            cap in prop::sample::select(&Level::ALL),
        ) {
            let rules = Rules { attempts_before_solution: needed, cap, off: false };
            let mut state = HintState::default();
            for (exercise, step) in turns {
                let before = state.after(&exercise, &Step::Stay, rules);
                let after = state.after(&exercise, &step, rules);

                let (was, is) = (before.level(rules).number(), after.level(rules).number());
                prop_assert!(is >= was && is - was <= 1);
                prop_assert!(is == was || step != Step::Stay);
                prop_assert!(after.level(rules) <= cap);
                prop_assert!(!exercise.graded || after.level(rules) <= Level::GRADED_CAP);
                prop_assert!(after.exercises.len() <= KEPT_EXERCISES);
                state = after;
            }
        }
    }
}
