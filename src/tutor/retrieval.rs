//! Looks up what an answer may quote: passages of the unlocked stages, else the lesson in view.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use super::{Question, TutorSettings};
use crate::{
    domain::{
        ids::CourseId,
        intent::{Around, Intent, read},
        stage::{Allowed, Stage},
        words::content_words,
    },
    llm::{Author, Passage},
};

/// Finds passages. The index behind it filters by stage inside its query.
#[async_trait]
pub(crate) trait Retriever: Send + Sync {
    /// Whether every course is in the index by now.
    fn ready(&self) -> bool;

    /// Best first.
    async fn search(&self, search: &Search) -> Result<Vec<Passage>, RetrievalError>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Search {
    pub text: String,
    pub course: Option<CourseId>,
    pub allowed: Allowed,
    pub limit: usize,
}

#[derive(Debug, thiserror::Error)]
#[error("the index is away: {0}")]
pub(crate) struct RetrievalError(pub String);

/// What there is to answer from.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Found {
    /// Within the budget, in the order of their citation numbers.
    pub passages: Vec<Passage>,
    /// A passage fits the question, or the question points at what is in view.
    pub on_topic: bool,
    pub degraded: bool,
}

/// Fewer content words than this and a message says too little to search with.
const FEW_WORDS: usize = 3;

/// What a message is about: its words, and for an attempt, "another hint" or "why?" first of all
/// the question that they belong to. That counts twice, so that a wild guess does not lead away.
pub(super) fn about(question: &Question) -> String {
    let is_question = |text: &str, has_answer| {
        let around = Around { has_answer, on_topic: true, ..Around::default() };
        content_words(text).len() >= FEW_WORDS && read(text, around).intent == Intent::Concept
    };
    let is_answer = |(author, _): &(Author, String)| *author == Author::Assistant;
    let history = &question.history;
    let first_answer = history.iter().position(is_answer).unwrap_or(history.len());
    let text = &question.text;
    if is_question(text, first_answer < history.len()) {
        return text.clone();
    }
    let mut users = history.iter().enumerate().filter(|(_, said)| said.0 == Author::User);
    let asked = users.clone().rev().find(|(at, said)| is_question(&said.1, *at > first_answer));
    // A thread may begin with a statement.
    match asked.or_else(|| users.next()) {
        Some((_, (_, asked))) => format!("{asked}\n{asked}\n{text}"),
        None => text.clone(),
    }
}

pub(super) async fn look_up(
    retriever: &dyn Retriever,
    question: &Question,
    about: &str,
    settings: &TutorSettings,
) -> Found {
    let hits = search(retriever, question, about, settings).await;
    let degraded = hits.is_none() || !retriever.ready();
    let mut passages = hits.unwrap_or_default();
    passages.retain(|passage| passage.score > 0.0);
    let points_at_view =
        question.quote.is_some() || content_words(&question.text).len() < FEW_WORDS;
    let view = in_view(question);
    let on_topic = !passages.is_empty() || degraded || (view.is_some() && points_at_view);
    if let Some(view) = view.filter(|view| !passages.iter().any(|p| p.text.contains(&view.text))) {
        let first = points_at_view || passages.is_empty();
        passages.insert(if first { 0 } else { passages.len().min(2) }, view);
    }
    Found { passages: within(passages, settings), on_topic, degraded }
}

/// `None` if the index is away.
async fn search(
    retriever: &dyn Retriever,
    question: &Question,
    about: &str,
    settings: &TutorSettings,
) -> Option<Vec<Passage>> {
    let quote = question.quote.as_deref().unwrap_or_default();
    let search = Search {
        text: format!("{about}\n{quote}"),
        course: question.course.clone(),
        allowed: reach(question),
        limit: settings.max_passages,
    };
    match timeout(settings.retrieval_limit.max(Duration::from_millis(1)), retriever.search(&search))
        .await
    {
        Ok(Ok(passages)) => Some(passages),
        Ok(Err(error)) => {
            tracing::warn!(%error, "answering from the lesson in view");
            None
        }
        Err(_) => {
            tracing::warn!("the index did not answer in time; answering from the lesson in view");
            None
        }
    }
}

/// Stages are counted a course: without one, a learner's reach is what is open to everybody.
fn reach(question: &Question) -> Allowed {
    let allowed = question.allowed;
    if question.course.is_some() || allowed == Allowed::ALL {
        allowed
    } else if allowed.contains(Stage::FIRST) {
        Allowed::up_to(Stage::FIRST)
    } else {
        Allowed::NONE
    }
}

/// The block in view, if its stage is open.
fn in_view(question: &Question) -> Option<Passage> {
    let text = question.block_text.as_deref().filter(|text| !text.trim().is_empty())?;
    let lesson = question.lesson.as_ref()?;
    let stage = Stage::new(i32::from(question.stage.unwrap_or(Stage::FIRST.number())))?;
    question.allowed.contains(stage).then(|| Passage {
        id: match &question.block {
            Some(block) => format!("{lesson}#{block}"),
            None => lesson.to_string(),
        },
        title: question.lesson_title.clone().unwrap_or_else(|| lesson.to_string()),
        stage: stage.number(),
        score: 0.0,
        text: text.to_owned(),
    })
}

/// At most so many passages and bytes; the last one is cut at a line or a sentence, or left out.
fn within(passages: Vec<Passage>, settings: &TutorSettings) -> Vec<Passage> {
    let mut room = settings.passage_bytes;
    let mut kept = Vec::new();
    for mut passage in passages.into_iter().take(settings.max_passages) {
        if passage.text.len() > room {
            let end = passage.text.floor_char_boundary(room);
            let head = passage.text.get(..end).unwrap_or_default();
            let cut = head.rfind(". ").map(|at| at + 1).max(head.rfind('\n'));
            passage.text.truncate(cut.unwrap_or(0));
        }
        room -= passage.text.len();
        if !passage.text.trim().is_empty() {
            kept.push(passage);
        }
    }
    kept
}

#[cfg(test)]
pub(super) mod tests;
