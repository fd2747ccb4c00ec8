//! The tutor's retrieval over the school's index.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;

use super::{RetrievalError, Retriever, Search};
use crate::{
    domain::{chunk::Chunk, ids::BlockId, words::stems},
    llm::Passage,
    rag::{Hit, Index, Query},
};

/// Searches an index by words.
pub(crate) struct Indexed {
    index: Arc<dyn Index>,
}

impl Indexed {
    pub(crate) fn new(index: Arc<dyn Index>) -> Self {
        Self { index }
    }
}

#[async_trait]
impl Retriever for Indexed {
    fn ready(&self) -> bool {
        self.index.ready()
    }

    async fn search(&self, search: &Search) -> Result<Vec<Passage>, RetrievalError> {
        let query = Query {
            text: search.text.clone(),
            vector: None,
            course: search.course.clone(),
            allowed: search.allowed,
            limit: search.limit,
        };
        let hits = self.index.search(&query).await.map_err(|e| RetrievalError(e.to_string()))?;
        let asked: BTreeSet<String> = stems(&search.text).into_iter().collect();
        Ok(hits.into_iter().map(|hit| passage(hit, &asked)).collect())
    }
}

fn passage(hit: Hit, asked: &BTreeSet<String>) -> Passage {
    let Hit { chunk, score } = hit;
    let id = match fitting_block(&chunk, asked) {
        Some(block) => format!("{}#{block}", chunk.lesson),
        None => chunk.lesson.to_string(),
    };
    Passage {
        id,
        title: title(&chunk),
        stage: chunk.stage.number(),
        score,
        text: chunk.text.clone(),
    }
}

/// `Lesson: heading`, for a reader who has not opened it.
fn title(chunk: &Chunk) -> String {
    let (lesson, heading) = (&chunk.lesson_title, &chunk.heading);
    if heading.is_empty() || heading == lesson {
        lesson.clone()
    } else {
        format!("{lesson}: {heading}")
    }
}

/// Where a click on the citation leads: the block that shares most words with the question. The
/// first one, if the blocks cannot be told apart in the text.
fn fitting_block<'a>(chunk: &'a Chunk, asked: &BTreeSet<String>) -> Option<&'a BlockId> {
    let parts: Vec<&str> = chunk.text.split("\n\n").collect();
    if parts.len() != chunk.blocks.len() {
        return chunk.blocks.first();
    }
    let shared = |part: &str| {
        let words: BTreeSet<String> = stems(part).into_iter().collect();
        words.intersection(asked).count()
    };
    let weighed = chunk.blocks.iter().zip(&parts).rev();
    weighed.max_by_key(|(_, part)| (shared(part), part.len())).map(|(block, _)| block)
}

#[cfg(test)]
mod tests;
