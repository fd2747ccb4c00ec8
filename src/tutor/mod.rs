//! Floor 2, the tutor: one question in, a stream of events out. What a WebSocket, the tests and the
//! load harness consume is the same stream.
//!
//! Rules decide before any model speaks: what the message is, how much may be given away, what may
//! be looked up. Dropping the stream stops everything behind it but what a provider writes in the
//! background; [`Tutor::cancel`] stops that.

use std::time::Duration;

use crate::domain::{
    code::Code,
    hint::{HintState, Rules, Step},
    ids::{BlockId, CourseId, LessonId, ThreadId, TurnId},
    intent::GradedItem,
    item::Source,
    stage::Allowed,
};

mod answer;
mod gate;
mod indexed;
mod prompt;
mod retrieval;
mod sanitise;
mod splice;
mod voice;

pub(crate) use crate::llm::Author;
pub(crate) use answer::Tutor;
pub(crate) use indexed::Indexed;
pub(crate) use retrieval::{RetrievalError, Retriever, Search};

/// A learner's message, with all that the tutor may know about it.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// Seeds every choice of the answer: the same turn gets the same text.
    pub turn: TurnId,
    pub thread: ThreadId,
    pub course: Option<CourseId>,
    /// The lesson in view; with `block`, what stands next to the cursor. The texts come from the
    /// store, never from the browser.
    pub lesson: Option<LessonId>,
    pub lesson_title: Option<String>,
    /// The stage of the lesson in view.
    pub stage: Option<u8>,
    pub block: Option<BlockId>,
    pub block_text: Option<String>,
    /// The stages of `course` that may be quoted.
    pub allowed: Allowed,
    pub text: String,
    /// What the turn counts as on the hint ladder, where that is not to be read from the text: it
    /// was asked before.
    pub step: Option<Step>,
    /// What the learner selected.
    pub quote: Option<String>,
    /// As stored with the thread before this turn.
    pub hint: HintState,
    /// What was said before, oldest first, without this message.
    pub history: Vec<(Author, String)>,
    /// The items of the quizzes that are open to the learner.
    pub graded: Vec<GradedItem>,
    /// What an earlier attempt at this turn has already emitted.
    pub prefix: String,
    /// Under which the provider may have the answer of an earlier attempt.
    pub upstream: Option<String>,
    /// Counts from 1.
    pub attempt: u32,
}

/// What happens while a question is answered. The last one is `Done` or `Failed`, exactly once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TutorEvent {
    /// First of all.
    Started {
        hint_level: u8,
    },
    /// The provider writes the answer in the background, under this name: whoever answers the
    /// question next passes it on. Before the text, if at all.
    Upstream(String),
    /// The n-th is cited as `[n]`. Not repeated where the prefix stands.
    Citations(Vec<Source>),
    /// The prefix stands; the text that follows goes on behind it. Only with a prefix.
    Continued,
    /// The prefix is void; the text starts over. Only with a prefix.
    Restarted,
    Text(String),
    Done {
        /// To be stored with the thread.
        hint: HintState,
        input_tokens: u32,
        output_tokens: u32,
        /// What was away while it was answered.
        degraded: Vec<&'static str>,
        /// What the guard saw or did, comma-separated: `distress`, `injection`, `answer_demand`,
        /// `graded_work`, `length`.
        guardrail: Option<String>,
    },
    Failed {
        code: Code,
        message: String,
        /// The model stalled or broke off: another attempt may go on.
        passes: bool,
    },
}

/// What an operator may set.
#[derive(Debug, Clone)]
pub(crate) struct TutorSettings {
    pub max_passages: usize,
    /// Bytes of all passages of one prompt together.
    pub passage_bytes: usize,
    /// Characters after which an answer is cut.
    pub longest_answer: usize,
    /// After this the lesson in view has to do.
    pub retrieval_limit: Duration,
    pub rules: Rules,
}

impl Default for TutorSettings {
    fn default() -> Self {
        Self {
            max_passages: 8,
            passage_bytes: 6 * 1024,
            longest_answer: 6_000,
            retrieval_limit: Duration::from_secs(2),
            rules: Rules::default(),
        }
    }
}
