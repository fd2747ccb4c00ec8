//! Cutting lessons into passages that can be searched and quoted: by heading, then by paragraph,
//! each a little longer than a screen, with a little overlap so that no thought is cut in two.

use super::{
    course::{Block, BlockKind, Lesson},
    ids::{BlockId, CourseId, LessonId},
    stage::Stage,
};

/// A passage of a lesson, as the index holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// `<lesson>/<number>`, unique within its course.
    pub id: String,
    pub course: CourseId,
    pub stage: Stage,
    pub lesson: LessonId,
    pub lesson_title: String,
    /// The heading that it stands under; empty before the first.
    pub heading: String,
    /// The blocks that it quotes, in reading order.
    pub blocks: Vec<BlockId>,
    pub text: String,
}

/// How long passages are, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub limit: usize,
    /// A passage starts with at most this much of the end of the one before it.
    pub overlap: usize,
}

impl Size {
    /// What a lesson is cut into.
    pub const PASSAGE: Self = Self { limit: 1_200, overlap: 160 };
    /// A document of a collection is a passage already; only an outsize one is cut.
    pub const DOCUMENT: Self = Self { limit: 12_000, overlap: 160 };
}

/// Characters that stand between two blocks of one passage.
const BETWEEN_BLOCKS: &str = "\n\n";

/// A stretch of one block, in bytes of its body.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span<'a> {
    block: &'a Block,
    text: &'a str,
    /// Already in the passage before.
    repeated: bool,
}

/// The passages of `lesson`, in reading order. Every character of every block is in one of them.
pub fn chunks(course: &CourseId, lesson: &Lesson, size: Size) -> Vec<Chunk> {
    cut(&lesson.blocks, size)
        .into_iter()
        .enumerate()
        .map(|(number, spans)| Chunk {
            id: format!("{}/{number}", lesson.id),
            course: course.clone(),
            stage: lesson.stage,
            lesson: lesson.id.clone(),
            lesson_title: lesson.title.clone(),
            heading: spans.first().map(|span| span.block.heading.clone()).unwrap_or_default(),
            blocks: block_ids(&spans),
            text: join(&spans),
        })
        .collect()
}

fn cut(blocks: &[Block], size: Size) -> Vec<Vec<Span<'_>>> {
    let mut cutter = Cutter { size, done: Vec::new(), open: Vec::new(), length: 0 };
    for block in blocks {
        if block.kind == BlockKind::Heading {
            cutter.close();
        }
        cutter.add(block);
    }
    cutter.close();
    cutter.done
}

struct Cutter<'a> {
    size: Size,
    done: Vec<Vec<Span<'a>>>,
    open: Vec<Span<'a>>,
    /// Characters in `open`.
    length: usize,
}

impl<'a> Cutter<'a> {
    fn add(&mut self, block: &'a Block) {
        for text in pieces(&block.body, self.size.limit) {
            let length = text.chars().count();
            let has_new = self.open.iter().any(|span| !span.repeated);
            let only_heading = self.open.iter().all(|span| span.block.kind == BlockKind::Heading);
            if has_new && !only_heading && self.length + length > self.size.limit {
                let tail = self.tail();
                self.close();
                self.length = tail.as_ref().map_or(0, |span| span.text.chars().count());
                self.open.extend(tail);
            }
            self.open.push(Span { block, text, repeated: false });
            self.length += length;
        }
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.done.push(std::mem::take(&mut self.open));
        }
        self.length = 0;
    }

    /// The end of the open passage, from the start of a word on. Code is not repeated: half a
    /// listing helps nobody.
    fn tail(&self) -> Option<Span<'a>> {
        let last = self.open.last().filter(|span| span.block.kind != BlockKind::Code)?;
        let all = last.text.chars().count();
        let skip = all.saturating_sub(self.size.overlap);
        let start = last.text.char_indices().nth(skip).map_or(last.text.len(), |(at, _)| at);
        let tail = last.text.get(start..)?;
        let text = if skip == 0 { tail } else { tail.split_once(char::is_whitespace)?.1 };
        (!text.is_empty()).then_some(Span { block: last.block, text, repeated: true })
    }
}

/// Cuts `text` into pieces of at most `limit` characters: after a sentence where one ends in the
/// second half of the piece, else after a white space, else anywhere. Joined they are `text`.
fn pieces(text: &str, limit: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((end, _)) = rest.char_indices().nth(limit) {
        let (window, _) = rest.split_at(end);
        let (piece, after) = rest.split_at(break_in(window));
        pieces.push(piece);
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

fn break_in(window: &str) -> usize {
    let half = window.len() / 2;
    let (mut sentence, mut space) = (None, None);
    let mut before = ' ';
    for (at, c) in window.char_indices() {
        if c.is_whitespace() {
            let after = at + c.len_utf8();
            space = Some(after);
            if after > half && (c == '\n' || matches!(before, '.' | '!' | '?')) {
                sentence = Some(after);
            }
        }
        before = c;
    }
    sentence.or(space).unwrap_or(window.len())
}

fn block_ids(spans: &[Span<'_>]) -> Vec<BlockId> {
    let mut ids: Vec<BlockId> = spans.iter().map(|span| span.block.id.clone()).collect();
    ids.dedup();
    ids
}

fn join(spans: &[Span<'_>]) -> String {
    let mut text = String::new();
    let mut before: Option<&Span<'_>> = None;
    for span in spans {
        if before.is_some_and(|before| before.block.id != span.block.id) {
            text.push_str(BETWEEN_BLOCKS);
        }
        text.push_str(span.text);
        before = Some(span);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::course::BlockList;

    fn blocks(texts: &[(BlockKind, String)]) -> Vec<Block> {
        let mut list = BlockList::default();
        for (kind, text) in texts {
            list.push(*kind, String::new(), text.clone());
        }
        list.finish()
    }

    fn lesson(texts: &[(BlockKind, String)]) -> Lesson {
        Lesson {
            id: LessonId::new("l"),
            stage: Stage::FIRST,
            title: "T".into(),
            blocks: blocks(texts),
        }
    }

    fn sentences(count: usize) -> String {
        let sentence = |n| format!("Sentence number {n} says a thing. ");
        (0..count).map(sentence).collect::<Vec<_>>().concat()
    }

    #[test]
    fn a_passage_does_not_run_over_a_heading() {
        let lesson = lesson(&[
            (BlockKind::Heading, "One".into()),
            (BlockKind::Paragraph, "First.".into()),
            (BlockKind::Heading, "Two".into()),
            (BlockKind::Paragraph, "Second.".into()),
        ]);

        let found = chunks(&CourseId::new("c"), &lesson, Size::PASSAGE);

        let texts: Vec<_> = found.iter().map(|chunk| chunk.text.as_str()).collect();
        assert_eq!(texts, ["One\n\nFirst.", "Two\n\nSecond."]);
        assert_eq!((found[1].heading.as_str(), found[1].blocks.len()), ("Two", 2));
        assert_eq!(found[1].id, "l/1");
    }

    #[test]
    fn a_long_section_is_cut_between_paragraphs_and_starts_with_the_end_of_the_one_before() {
        let paragraph = |n: usize| (BlockKind::Paragraph, format!("P{n}. {}", sentences(15)));
        let lesson =
            lesson(&[(BlockKind::Heading, "H".into()), paragraph(0), paragraph(1), paragraph(2)]);

        let found = chunks(&CourseId::new("c"), &lesson, Size::PASSAGE);

        assert_eq!(found.len(), 2);
        assert!(found[1].text.contains("\n\nP2. "), "{}", found[1].text);
        let overlap = found[1].text.split("\n\n").next().unwrap();
        assert!(found[0].text.ends_with(overlap) && !overlap.is_empty());
        assert!(found.iter().all(|chunk| chunk.heading == "H"));
    }

    #[test]
    fn a_paragraph_that_is_too_long_is_cut_after_a_sentence() {
        let found = chunks(
            &CourseId::new("c"),
            &lesson(&[(BlockKind::Paragraph, sentences(100))]),
            Size::PASSAGE,
        );

        assert!(found.len() > 2);
        assert!(found.iter().all(|chunk| chunk.text.trim_end().ends_with('.')));
    }

    fn kind() -> impl Strategy<Value = BlockKind> {
        prop_oneof![
            1 => Just(BlockKind::Heading),
            1 => Just(BlockKind::Code),
            4 => Just(BlockKind::Paragraph),
        ]
    }

    proptest! {
        #[test]
        fn no_character_is_lost_and_no_passage_is_much_longer_than_the_limit(
            texts in proptest::collection::vec((kind(), "[a-zé .\n]{1,300}"), 0..20),
            limit in 20_usize..120,
            overlap in 0_usize..20,
        ) {
            let blocks = blocks(&texts);
            let cuts = cut(&blocks, Size { limit, overlap });

            for block in &blocks {
                let fresh: String = cuts
                    .iter()
                    .flatten()
                    .filter(|span| span.block.id == block.id && !span.repeated)
                    .map(|span| span.text)
                    .collect();
                prop_assert_eq!(&fresh, &block.body);
            }
            for spans in &cuts {
                let heading = spans
                    .iter()
                    .take_while(|span| span.block.kind == BlockKind::Heading)
                    .map(|span| span.text.chars().count())
                    .sum::<usize>();
                let length: usize = spans.iter().map(|span| span.text.chars().count()).sum();
                prop_assert!(length <= limit + overlap + heading);
                prop_assert!(spans.iter().all(|span| span.block.heading == spans[0].block.heading));
            }
        }
    }
}
