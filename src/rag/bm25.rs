//! The index of the embedded shape: BM25 in process, over one [`Segment`] a course.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BinaryHeap},
    sync::{Arc, PoisonError, RwLock, atomic},
};

use async_trait::async_trait;

use super::{
    Chunk, Hit, Index, IndexError, Query,
    analyzer::Analyzer,
    segment::{Segment, Totals},
};
use crate::domain::ids::CourseId;

/// How fast a repeated word stops counting, and how much a long passage is held back: the values
/// that Lucene ships with, within those that its authors recommend.
const K1: f32 = 1.2;
const B: f32 = 0.75;

#[derive(Default)]
pub(crate) struct Bm25 {
    segments: RwLock<BTreeMap<CourseId, Arc<Segment>>>,
    loaded: atomic::AtomicBool,
}

impl Bm25 {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn segments(&self, course: Option<&CourseId>) -> Vec<Arc<Segment>> {
        let all = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        match course {
            Some(course) => all.get(course).map(Arc::clone).into_iter().collect(),
            None => all.values().map(Arc::clone).collect(),
        }
    }

    fn put(&self, course: &CourseId, segment: Option<Segment>) {
        let mut all = self.segments.write().unwrap_or_else(PoisonError::into_inner);
        match segment {
            Some(segment) => all.insert(course.clone(), Arc::new(segment)),
            None => all.remove(course),
        };
    }

    /// The search itself: no waiting, a few milliseconds over a hundred thousand passages.
    pub(crate) fn find(&self, query: &Query) -> Vec<Hit> {
        let segments = self.segments(query.course.as_ref());
        let totals = segments.iter().fold(Totals::default(), |sum, segment| {
            let here = segment.totals(query.allowed);
            Totals { chunks: sum.chunks + here.chunks, length: sum.length + here.length }
        });
        if totals.length == 0 || query.limit == 0 {
            return Vec::new();
        }
        let terms = weighted_terms(&query.text, &segments, query, totals);
        let average = ratio(totals.length, totals.chunks);
        let mut best = Best::new(query.limit);
        for (number, segment) in segments.iter().enumerate() {
            for (chunk, score) in (0..).zip(scores(segment, &terms, query, average)) {
                best.offer(Candidate { score, segment: number, chunk });
            }
        }
        let hit = |found: Candidate| {
            let chunk = segments.get(found.segment)?.chunk(found.chunk)?;
            Some(Hit { chunk: Arc::clone(chunk), score: found.score })
        };
        best.into_sorted().into_iter().filter_map(hit).collect()
    }
}

/// The query's terms with what one occurrence is worth: Lucene's idf, times how often it is asked.
fn weighted_terms(
    text: &str,
    segments: &[Arc<Segment>],
    query: &Query,
    totals: Totals,
) -> Vec<(String, f32)> {
    let mut asked: BTreeMap<String, u64> = BTreeMap::new();
    Analyzer::new().terms(text, |term| *asked.entry(term.to_owned()).or_default() += 1);
    let weigh = |(term, times): (String, u64)| {
        let holding: usize = segments
            .iter()
            .flat_map(|segment| segment.postings(&term, query.allowed))
            .map(|postings| postings.chunks.len())
            .sum();
        let holding = u64::try_from(holding).unwrap_or(u64::MAX);
        (holding > 0).then(|| (term, idf(holding, totals.chunks) * ratio(times, 1)))
    };
    asked.into_iter().filter_map(weigh).collect()
}

/// ln(1 + (N - n + 0.5) / (n + 0.5)): never negative, however common the term.
fn idf(holding: u64, chunks: u64) -> f32 {
    let rest = ratio(chunks.saturating_sub(holding), 1);
    let holding = ratio(holding, 1);
    ((rest + 0.5) / (holding + 0.5)).ln_1p()
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "counts; a score needs seven digits of them at most"
)]
const fn ratio(a: u64, b: u64) -> f32 {
    a as f32 / b as f32
}

/// The score of every chunk of `segment`; 0 where no term stands or the stage is locked.
fn scores(segment: &Segment, terms: &[(String, f32)], query: &Query, average: f32) -> Vec<f32> {
    let mut scores = vec![0.0_f32; segment.len()];
    let lengths = segment.lengths();
    for (term, weight) in terms {
        for postings in segment.postings(term, query.allowed) {
            for (chunk, count) in postings.chunks.iter().zip(postings.counts) {
                let Ok(chunk) = usize::try_from(*chunk) else { continue };
                let (Some(score), Some(length)) = (scores.get_mut(chunk), lengths.get(chunk))
                else {
                    continue;
                };
                let count = f32::from(*count);
                let norm = K1 * (1.0 - B + B * ratio(u64::from(*length), 1) / average);
                *score += weight * count / (count + norm);
            }
        }
    }
    scores
}

/// Ordered so that the greatest is the first to be thrown out: the lowest score, then the latest.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    score: f32,
    segment: usize,
    chunk: usize,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        other
            .score
            .total_cmp(&self.score)
            .then(self.segment.cmp(&other.segment))
            .then(self.chunk.cmp(&other.chunk))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Keeps the best `limit` candidates.
struct Best {
    limit: usize,
    heap: BinaryHeap<Candidate>,
}

impl Best {
    fn new(limit: usize) -> Self {
        Self { limit, heap: BinaryHeap::new() }
    }

    fn offer(&mut self, candidate: Candidate) {
        if candidate.score <= 0.0 {
            return;
        }
        if self.heap.len() < self.limit {
            self.heap.push(candidate);
        } else if self.heap.peek().is_some_and(|worst| candidate < *worst) {
            self.heap.pop();
            self.heap.push(candidate);
        }
    }

    fn into_sorted(self) -> Vec<Candidate> {
        self.heap.into_sorted_vec()
    }
}

#[async_trait]
impl Index for Bm25 {
    async fn replace(&self, course: &CourseId, chunks: Vec<Chunk>) -> Result<(), IndexError> {
        // A book is a second of work: not on a thread that serves sockets.
        let segment = tokio::task::spawn_blocking(move || Segment::build(chunks))
            .await
            .map_err(|error| IndexError::Unavailable(error.to_string()))?;
        self.put(course, Some(segment));
        Ok(())
    }

    async fn remove(&self, course: &CourseId) -> Result<(), IndexError> {
        self.put(course, None);
        Ok(())
    }

    async fn search(&self, query: &Query) -> Result<Vec<Hit>, IndexError> {
        Ok(self.find(query))
    }

    fn loaded(&self) {
        self.loaded.store(true, atomic::Ordering::Release);
    }

    fn ready(&self) -> bool {
        self.loaded.load(atomic::Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::stage::Allowed,
        rag::contract::{chunk, contract, query},
    };

    contract!(async { Bm25::new() });

    #[tokio::test]
    async fn a_score_is_what_the_formula_gives() {
        let index = Bm25::new();
        // With the title "t" of three terms each: lengths 3 and 5, average 4.
        let chunks = vec![chunk("x", 1, "quorum node"), chunk("y", 1, "node node node leader")];
        index.replace(&CourseId::new("c"), chunks).await.unwrap();

        let hits = index.find(&query("quorum nodes", Allowed::ALL));

        let norm = |length: f32| 1.2 * (0.25 + 0.75 * length / 4.0);
        let (rare, common) = ((1.0 + 1.5_f32 / 1.5).ln(), (1.0 + 0.5_f32 / 2.5).ln());
        let x = (rare + common) / (1.0 + norm(3.0));
        let y = common * 3.0 / (3.0 + norm(5.0));
        assert_eq!(hits.iter().map(|hit| hit.chunk.id.as_str()).collect::<Vec<_>>(), ["x", "y"]);
        assert!((hits[0].score - x).abs() < 1e-6, "{} is not {x}", hits[0].score);
        assert!((hits[1].score - y).abs() < 1e-6, "{} is not {y}", hits[1].score);
    }
}
