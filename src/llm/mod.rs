//! Floor 1, models: what turns a question and some passages into a stream of text. The passage
//! guide (no AI, no key, no network), any OpenAI-compatible server, and a script for tests.
//!
//! Dropping a stream stops the model at once. Only what a provider writes in the background goes on,
//! for the owner that comes next; [`Model::cancel`] stops that too.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use crate::{
    config::{self, TutorApi, TutorModel},
    domain::{code::Code, hint::Level, intent::Intent},
};

mod chance;
#[cfg(test)]
mod contract;
mod extractive;
pub(crate) mod generate;
pub(crate) mod openai;
mod pace;
mod scripted;

pub(crate) use chance::pick;
pub(crate) use extractive::Extractive;
pub(crate) use pace::Pace;
pub(crate) use scripted::Scripted;

use chance::mix;

/// Something that answers. One value serves every turn of the process.
#[async_trait]
pub(crate) trait Model: Send + Sync {
    fn kind(&self) -> ModelKind;

    /// Starts an answer. Fails if there is no first token; later failures come in the stream, as
    /// its last item.
    async fn stream(&self, request: ModelRequest) -> Result<Answer, ModelError>;

    /// Of an answer that does not begin with the request's own [`ModelEvent::Upstream`]: with that,
    /// it is the same text again, a [`Continuation::Replay`].
    fn continuation(&self) -> Continuation;

    /// Stops what a provider writes under this name. Returns at once.
    fn cancel(&self, _upstream: &str) {}
}

pub(crate) type SharedModel = Arc<dyn Model>;
pub(crate) type Answer = BoxStream<'static, Result<ModelEvent, ModelError>>;

/// The model that the settings name. Fails on settings that could never work; whether the server
/// behind them is up shows with the first question.
pub(crate) fn connect(settings: &config::Tutor) -> Result<SharedModel, openai::InvalidSettings> {
    let pace = Pace::new(settings.pace());
    Ok(match settings.model {
        TutorModel::Extractive => Arc::new(Extractive::new(pace)),
        TutorModel::Openai => {
            let read = openai::Settings::read(settings)?;
            match settings.api {
                TutorApi::Chat => Arc::new(openai::OpenAi::new(read)?),
                TutorApi::Responses => Arc::new(openai::Responses::new(read)?),
            }
        }
        TutorModel::Scripted => Arc::new(Scripted::new(pace)),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ModelKind {
    /// The passage guide. It is no AI model, and everything that shows it says so.
    Extractive,
    OpenAi,
    /// For tests alone.
    Scripted,
}

impl ModelKind {
    /// As `tutor.model` names it, and as `tutor.kind` says it on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Extractive => "extractive",
            Self::OpenAi => "openai",
            Self::Scripted => "scripted",
        }
    }
}

/// How an answer that was cut off goes on with another owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Continuation {
    /// The same request gives the same text: it starts over, and the caller skips the prefix.
    Replay,
    /// The stream goes on behind `ModelRequest::prefix`.
    Prefix,
    /// It starts over with another text.
    Restart,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ModelEvent {
    /// At most once, before the text: the name under which the provider goes on with this answer,
    /// whoever reads it. An owner that comes later reads it again from its beginning.
    Upstream(String),
    Text(String),
    /// At most once, after the text. Tokens; of the passage guide and the script, words.
    Usage {
        input: u32,
        output: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Author {
    System,
    User,
    Assistant,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChatMessage {
    pub author: Author,
    pub text: String,
}

/// A piece of a lesson that may be quoted; the n-th of a request is cited as `[n]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Passage {
    /// `<lesson>#<block>`.
    pub id: String,
    pub title: String,
    pub stage: u8,
    pub score: f32,
    pub text: String,
}

/// What an answer is made of, for a model that reads no prompt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Material {
    /// The learner's words.
    pub question: String,
    /// What the passages were looked up with: the question, or what a mere "another hint" is about.
    pub about: String,
    pub quote: Option<String>,
    pub level: Level,
    pub passages: Vec<Passage>,
    pub intent: Intent,
    /// Answers that the thread has already.
    pub turn_number: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ModelRequest {
    pub messages: Vec<ChatMessage>,
    pub material: Material,
    /// The only source of chance.
    pub seed: u64,
    /// What an earlier attempt at this turn has already emitted; usually empty.
    pub prefix: String,
    /// Under which the provider may have the answer of an earlier attempt.
    pub upstream: Option<String>,
}

#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub(crate) enum ModelError {
    #[error("no token came within {0} ms")]
    Timeout(u128),
    /// Nothing was answered yet; another try may work.
    #[error("the model is not reachable: {0}")]
    Unavailable(String),
    /// It will not work by trying again: a wrong key, a wrong model name, a bad request.
    #[error("the model refused the request: {0}")]
    Refused(String),
    #[error("the answer broke off: {0}")]
    Broken(String),
    #[error("the provider's filter stopped the answer")]
    Moderated,
    /// The script's own words, shown as they are.
    #[error("{message}")]
    Scripted { code: Code, message: String },
}

impl ModelError {
    pub(crate) const fn code(&self) -> Code {
        match self {
            Self::Timeout(_) => Code::UpstreamTimeout,
            Self::Unavailable(_) | Self::Refused(_) | Self::Broken(_) => Code::UpstreamError,
            Self::Moderated => Code::Moderation,
            Self::Scripted { code, .. } => *code,
        }
    }

    /// Whether the model was at work and lost the thread, so that it may find it again. One that is
    /// not reachable has been tried often enough by the time it says so.
    pub(crate) const fn passes(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::Broken(_))
    }

    /// What the learner reads. Details stay in the log: a provider's text may hold anything.
    pub(crate) fn public_message(&self) -> String {
        match self {
            Self::Timeout(_) => "The tutor's model took too long. Please send it again.",
            Self::Unavailable(_) => "The tutor's model cannot be reached. Please try again later.",
            Self::Refused(_) => "The tutor's model refused to work. The school has to look at it.",
            Self::Broken(_) => "The tutor's model broke off. Please send it again.",
            Self::Moderated => "The tutor's model declined this. Please put it in other words.",
            Self::Scripted { message, .. } => message,
        }
        .to_owned()
    }
}
