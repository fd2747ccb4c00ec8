//! A course as it is read from a file, before and after it is stored: stages that hold lessons that
//! hold anchored blocks.

use std::{collections::BTreeMap, fmt::Write as _, str::FromStr};

use sha2::{Digest, Sha256};

use super::{
    ids::{BlockId, CourseId, LessonId},
    quiz::QuizItem,
    stage::Stage,
};

/// Everything that a learner can study under one title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    pub id: CourseId,
    pub title: String,
    pub description: String,
    pub source: Source,
    pub stages: Vec<StageTitle>,
    /// In reading order; the stages of neighbours never go down.
    pub lessons: Vec<Lesson>,
    pub quiz: Vec<QuizItem>,
}

/// Where a course came from. A document of a JSONL file is searched as one passage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Builtin,
    Mdbook,
    Jsonl,
}

impl Source {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::Mdbook => "mdbook",
            Self::Jsonl => "jsonl",
        }
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown source of a course {0:?}")]
pub struct UnknownSource(String);

impl FromStr for Source {
    type Err = UnknownSource;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Builtin, Self::Mdbook, Self::Jsonl]
            .into_iter()
            .find(|source| source.as_str() == text)
            .ok_or_else(|| UnknownSource(text.to_owned()))
    }
}

/// The name of one stage of a course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageTitle {
    pub number: Stage,
    pub title: String,
}

/// One page of a course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lesson {
    pub id: LessonId,
    pub stage: Stage,
    pub title: String,
    pub blocks: Vec<Block>,
}

/// The smallest thing that can be pointed at: a paragraph, a heading, a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub id: BlockId,
    pub kind: BlockKind,
    /// The heading that it stands under; empty before the first.
    pub heading: String,
    /// Made or sanitised by us, so that a page may show it as it is.
    pub html: String,
    /// The same as plain text.
    pub body: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    Heading,
    Paragraph,
    Code,
    List,
    Quote,
    Table,
}

impl BlockKind {
    const ALL: [Self; 6] =
        [Self::Heading, Self::Paragraph, Self::Code, Self::List, Self::Quote, Self::Table];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Heading => "heading",
            Self::Paragraph => "paragraph",
            Self::Code => "code",
            Self::List => "list",
            Self::Quote => "quote",
            Self::Table => "table",
        }
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown kind of block {0:?}")]
pub struct UnknownKind(String);

impl FromStr for BlockKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

/// Collects the blocks of one lesson, names them, and knows the heading that holds.
///
/// A block's id is its heading's slug and a hash of its text: it stays when text is added around
/// it, and goes when its own words change, so that a stored citation never points at other words.
#[derive(Debug, Default)]
pub struct BlockList {
    blocks: Vec<Block>,
    heading: String,
    seen: BTreeMap<String, u32>,
}

impl BlockList {
    pub fn push(&mut self, kind: BlockKind, html: String, body: String) {
        if body.trim().is_empty() {
            return;
        }
        if kind == BlockKind::Heading {
            body.clone_into(&mut self.heading);
        }
        let hash = hex(&Sha256::digest(body.as_bytes()), 10);
        let slug = slug(&self.heading);
        let mut id = if slug.is_empty() { format!("b-{hash}") } else { format!("{slug}-{hash}") };
        let times = self.seen.entry(id.clone()).or_default();
        *times += 1;
        if *times > 1 {
            let _ = write!(id, "-{times}");
        }
        let heading = self.heading.clone();
        self.blocks.push(Block { id: BlockId::new(id), kind, heading, html, body });
    }

    pub fn finish(self) -> Vec<Block> {
        self.blocks
    }
}

/// The words of `text` in lower case with hyphens between, at most 60 bytes of them.
pub fn slug(text: &str) -> String {
    let mut slug = String::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let word = word.to_lowercase();
        if !slug.is_empty() && slug.len() + word.len() >= 60 {
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(&word);
    }
    slug
}

/// The first `digits` hexadecimal digits of a hash.
fn hex(hash: &[u8], digits: usize) -> String {
    let mut text = String::with_capacity(hash.len() * 2);
    for byte in hash {
        let _ = write!(text, "{byte:02x}");
    }
    text.truncate(digits);
    text
}

/// Hashes parts so that no two lists of parts can run into one another.
struct Fingerprint(Sha256);

impl Fingerprint {
    fn new() -> Self {
        Self(Sha256::new())
    }

    fn add(&mut self, part: &str) {
        self.0.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.0.update(part.as_bytes());
    }

    fn finish(self) -> String {
        hex(&self.0.finalize(), 64)
    }
}

impl Lesson {
    /// Equal for equal content: an import writes only the lessons whose hash is new.
    pub fn content_hash(&self) -> String {
        let mut hash = Fingerprint::new();
        hash.add(self.id.as_str());
        hash.add(&self.stage.number().to_string());
        hash.add(&self.title);
        for block in &self.blocks {
            for part in [block.id.as_str(), block.kind.as_str(), &block.heading, &block.html] {
                hash.add(part);
            }
            hash.add(&block.body);
        }
        hash.finish()
    }
}

impl Course {
    /// Covers all that is stored of the course: where it stands, nothing has to be written.
    pub fn content_hash(&self) -> String {
        let mut hash = Fingerprint::new();
        for part in [self.id.as_str(), &self.title, &self.description, self.source.as_str()] {
            hash.add(part);
        }
        for stage in &self.stages {
            hash.add(&format!("stage {} {}", stage.number.number(), stage.title));
        }
        for lesson in &self.lessons {
            hash.add(&lesson.content_hash());
        }
        for item in &self.quiz {
            hash.add(&format!("{item:?}"));
        }
        hash.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(texts: &[(BlockKind, &str)]) -> Vec<Block> {
        let mut list = BlockList::default();
        for (kind, text) in texts {
            list.push(*kind, format!("<p>{text}</p>"), (*text).to_owned());
        }
        list.finish()
    }

    #[test]
    fn a_block_is_named_after_its_heading_and_its_text() {
        let found = blocks(&[
            (BlockKind::Paragraph, "Before any heading."),
            (BlockKind::Heading, "What `drop` does"),
            (BlockKind::Paragraph, "It runs."),
        ]);

        assert!(found[0].id.as_str().starts_with("b-"));
        assert!(found[1].id.as_str().starts_with("what-drop-does-"));
        assert!(found[2].id.as_str().starts_with("what-drop-does-"));
        assert_eq!(found[2].heading, "What `drop` does");
    }

    #[test]
    fn a_blocks_id_stays_when_text_is_added_before_it() {
        let before = blocks(&[(BlockKind::Heading, "A"), (BlockKind::Paragraph, "One.")]);
        let after = blocks(&[
            (BlockKind::Heading, "A"),
            (BlockKind::Paragraph, "Zero."),
            (BlockKind::Paragraph, "One."),
        ]);

        assert_eq!(before[1].id, after[2].id);
    }

    #[test]
    fn the_same_words_twice_under_one_heading_get_two_ids() {
        let found = blocks(&[(BlockKind::Paragraph, "Same."), (BlockKind::Paragraph, "Same.")]);

        assert_ne!(found[0].id, found[1].id);
    }

    #[test]
    fn any_change_of_a_lesson_changes_its_hash() {
        let lesson = Lesson {
            id: LessonId::new("l"),
            stage: Stage::FIRST,
            title: "T".into(),
            blocks: blocks(&[(BlockKind::Paragraph, "One.")]),
        };
        let mut moved = lesson.clone();
        moved.stage = Stage::new(2).unwrap();
        let mut edited = lesson.clone();
        edited.blocks = blocks(&[(BlockKind::Paragraph, "Two.")]);

        assert_eq!(lesson.content_hash(), lesson.clone().content_hash());
        assert_ne!(lesson.content_hash(), moved.content_hash());
        assert_ne!(lesson.content_hash(), edited.content_hash());
    }
}
