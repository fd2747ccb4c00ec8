//! Floor 1, retrieval: finds the passages of a course that fit a question, among the stages that
//! the asker may see. The stage filter stands inside the query, statistics included: what is
//! locked moves no score.

use std::sync::Arc;

use async_trait::async_trait;

pub(crate) use crate::domain::chunk::Chunk;
use crate::domain::{ids::CourseId, stage::Allowed};

mod analyzer;
pub(crate) mod bm25;
#[cfg(test)]
mod contract;
pub(crate) mod metrics;
mod segment;

/// What to look for, and where.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    /// The question, in words.
    pub text: String,
    /// Its embedding, for an index that has a dense leg. The in-process index has none.
    #[expect(dead_code, reason = "no index with a dense leg yet; askers already fill it")]
    pub vector: Option<Vec<f32>>,
    /// `None` searches every course, each within `allowed`.
    pub course: Option<CourseId>,
    pub allowed: Allowed,
    pub limit: usize,
}

/// A passage that fits, and how well; comparable within one answer only.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    pub chunk: Arc<Chunk>,
    pub score: f32,
}

/// What can go wrong with retrieval. The tutor then answers from the lesson in view.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IndexError {
    /// The index cannot be reached, or is not built yet: worth another try later.
    #[error("the index is unavailable: {0}")]
    Unavailable(String),
}

/// The passages of all courses, searchable.
#[async_trait]
pub(crate) trait Index: Send + Sync {
    /// Puts `chunks` in the place of all that is held of `course`. Searches see the old passages
    /// or the new ones, never a mixture.
    async fn replace(&self, course: &CourseId, chunks: Vec<Chunk>) -> Result<(), IndexError>;

    async fn remove(&self, course: &CourseId) -> Result<(), IndexError>;

    /// Best first; equal scores in reading order.
    async fn search(&self, query: &Query) -> Result<Vec<Hit>, IndexError>;

    /// Says that every course has been put in.
    fn loaded(&self);

    /// Whether searches see every course. Until then an answer says `degraded`.
    fn ready(&self) -> bool;
}
