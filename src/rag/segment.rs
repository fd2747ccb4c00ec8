//! The inverted index of one course: immutable once built, a few bytes a posting.
//!
//! Chunks are sorted by stage, so each stage is one stretch of every list of postings. What a
//! query may not see is never touched, and a stage's document frequency is the length of its
//! stretch: statistics a stage cost nothing to keep.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use super::{Chunk, analyzer::Analyzer};
use crate::domain::stage::{Allowed, Stage};

pub(super) struct Segment {
    /// By stage, then in reading order.
    chunks: Vec<Arc<Chunk>>,
    /// Terms of each chunk.
    lengths: Vec<u32>,
    stages: Vec<StageStretch>,
    terms: Terms,
    /// Numbers of chunks, one list a term behind the other.
    postings: Vec<u32>,
    /// How often the term stands in the chunk; beside `postings`.
    counts: Vec<u8>,
}

/// The chunks of one stage.
struct StageStretch {
    stage: Stage,
    chunks: Range<u32>,
    /// Terms in all of them.
    length: u64,
}

/// What BM25 must know of all the chunks that a query may see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub chunks: u64,
    pub length: u64,
}

/// One term's postings within one stage, and how often the term stands in each chunk.
pub(super) struct Postings<'a> {
    pub chunks: &'a [u32],
    pub counts: &'a [u8],
}

impl Segment {
    pub(super) fn build(chunks: Vec<Chunk>) -> Self {
        let mut chunks: Vec<Arc<Chunk>> = chunks.into_iter().map(Arc::new).collect();
        chunks.sort_by_key(|chunk| chunk.stage);
        let mut lists: BTreeMap<Box<str>, Vec<(u32, u8)>> = BTreeMap::new();
        let mut lengths = Vec::with_capacity(chunks.len());
        let analyzer = Analyzer::new();
        for (number, chunk) in (0_u32..).zip(&chunks) {
            lengths.push(index_chunk(&analyzer, number, chunk, &mut lists));
        }
        let stages = stretches(&chunks, &lengths);
        let total = lists.values().map(Vec::len).sum();
        let (mut postings, mut counts) = (Vec::with_capacity(total), Vec::with_capacity(total));
        let mut terms = Terms::default();
        for (term, list) in lists {
            for (chunk, count) in list {
                postings.push(chunk);
                counts.push(count);
            }
            terms.push(&term, postings.len());
        }
        terms.shrink();
        Self { chunks, lengths, stages, terms, postings, counts }
    }

    pub(super) fn totals(&self, allowed: Allowed) -> Totals {
        let seen = self.stages.iter().filter(|stretch| allowed.contains(stretch.stage));
        seen.fold(Totals::default(), |sum, stretch| Totals {
            chunks: sum.chunks + u64::from(stretch.chunks.end - stretch.chunks.start),
            length: sum.length + stretch.length,
        })
    }

    /// The postings of `term` in each allowed stage that has any.
    pub(super) fn postings(&self, term: &str, allowed: Allowed) -> Vec<Postings<'_>> {
        let Some(range) = self.terms.range(term) else { return Vec::new() };
        let (Some(chunks), Some(counts)) =
            (self.postings.get(range.clone()), self.counts.get(range))
        else {
            return Vec::new();
        };
        let stretch = |stretch: &StageStretch| {
            let start = chunks.partition_point(|chunk| *chunk < stretch.chunks.start);
            let end = chunks.partition_point(|chunk| *chunk < stretch.chunks.end);
            let part =
                Postings { chunks: chunks.get(start..end)?, counts: counts.get(start..end)? };
            (!part.chunks.is_empty()).then_some(part)
        };
        self.stages.iter().filter(|s| allowed.contains(s.stage)).filter_map(stretch).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.chunks.len()
    }

    pub(super) fn chunk(&self, number: usize) -> Option<&Arc<Chunk>> {
        self.chunks.get(number)
    }

    pub(super) fn lengths(&self) -> &[u32] {
        &self.lengths
    }
}

/// Adds the terms of a chunk's title, heading and text to `lists`; gives how many there are. The
/// heading counts once: where it opens the text it is not added again.
fn index_chunk(
    analyzer: &Analyzer,
    number: u32,
    chunk: &Chunk,
    lists: &mut BTreeMap<Box<str>, Vec<(u32, u8)>>,
) -> u32 {
    let mut length = 0_u32;
    let mut add = |term: &str| {
        length += 1;
        let list = match lists.get_mut(term) {
            Some(list) => list,
            None => lists.entry(term.into()).or_default(),
        };
        match list.last_mut() {
            Some((latest, count)) if *latest == number => *count = count.saturating_add(1),
            _ => list.push((number, 1)),
        }
    };
    analyzer.terms(&chunk.lesson_title, &mut add);
    if chunk.heading != chunk.lesson_title && !chunk.text.starts_with(&chunk.heading) {
        analyzer.terms(&chunk.heading, &mut add);
    }
    analyzer.terms(&chunk.text, &mut add);
    length
}

fn stretches(chunks: &[Arc<Chunk>], lengths: &[u32]) -> Vec<StageStretch> {
    let mut stages: Vec<StageStretch> = Vec::new();
    for ((number, chunk), length) in (0_u32..).zip(chunks).zip(lengths) {
        match stages.last_mut() {
            Some(last) if last.stage == chunk.stage => {
                last.chunks.end = number + 1;
                last.length += u64::from(*length);
            }
            _ => stages.push(StageStretch {
                stage: chunk.stage,
                chunks: number..number + 1,
                length: u64::from(*length),
            }),
        }
    }
    stages
}

/// A sorted list of terms in one string, each with the end of its postings.
#[derive(Default)]
struct Terms {
    text: String,
    text_ends: Vec<u32>,
    posting_ends: Vec<u32>,
}

impl Terms {
    /// Terms come in sorted order. Past 4 GiB of either a term is left out rather than misread.
    fn push(&mut self, term: &str, postings: usize) {
        self.text.push_str(term);
        self.text_ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        self.posting_ends.push(u32::try_from(postings).unwrap_or(u32::MAX));
    }

    fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.text_ends.shrink_to_fit();
        self.posting_ends.shrink_to_fit();
    }

    fn range(&self, term: &str) -> Option<Range<usize>> {
        let (mut low, mut high) = (0, self.text_ends.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.term(middle)?.cmp(term) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return between(&self.posting_ends, middle),
            }
        }
        None
    }

    fn term(&self, number: usize) -> Option<&str> {
        self.text.get(between(&self.text_ends, number)?)
    }
}

/// The range that ends at the end with this number and starts at the one before.
fn between(ends: &[u32], number: usize) -> Option<Range<usize>> {
    let start = match number.checked_sub(1) {
        Some(before) => *ends.get(before)?,
        None => 0,
    };
    let end = *ends.get(number)?;
    Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rag::contract::chunk;

    #[test]
    fn a_term_is_found_in_the_allowed_stages_only() {
        let segment = Segment::build(vec![
            chunk("a", 2, "a quorum of nodes"),
            chunk("b", 1, "one node alone"),
            chunk("c", 3, "nodes, nodes and nodes"),
        ]);
        let found = |last: i32| -> Vec<usize> {
            let allowed = Allowed::up_to(Stage::new(last).unwrap());
            segment.postings("node", allowed).iter().map(|list| list.chunks.len()).collect()
        };

        assert_eq!(found(1), [1]);
        assert_eq!(found(3), [1, 1, 1]);
        assert_eq!(segment.postings("node", Allowed::ALL)[2].counts, [3]);
        assert!(segment.postings("nod", Allowed::ALL).is_empty());
        assert!(segment.postings("quorum", Allowed::up_to(Stage::FIRST)).is_empty());
    }

    #[test]
    fn totals_are_those_of_the_allowed_stages() {
        let segment =
            Segment::build(vec![chunk("a", 1, "three plain words"), chunk("b", 2, "two words")]);

        // The lesson's title is a word too.
        let first = segment.totals(Allowed::up_to(Stage::FIRST));
        assert_eq!(first, Totals { chunks: 1, length: 4 });
        assert_eq!(segment.totals(Allowed::ALL), Totals { chunks: 2, length: 7 });
    }
}
