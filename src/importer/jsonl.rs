//! Reads a file of documents, `{"id","title","text"}` a line: collections to measure retrieval by.

use std::{collections::BTreeMap, io::BufRead};

use serde::Deserialize;

use super::{ImportError, Progress, html::escape};
use crate::domain::{
    course::{Block, BlockKind, BlockList, Course, Lesson, Source, StageTitle},
    ids::{CourseId, LessonId},
    stage::Stage,
};

/// Longer ids are a mistake, and would not fit an address.
const LONGEST_ID: usize = 256;

#[derive(Deserialize)]
struct Document {
    #[serde(alias = "_id")]
    id: Id,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    text: Option<String>,
}

/// Some collections number their documents.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(i64),
}

/// Reads line by line; each document becomes a lesson of the one stage. The first bad line ends
/// the import, and since nothing was stored yet, nothing is half imported.
pub(crate) fn read(
    mut lines: impl BufRead,
    size: u64,
    id: &CourseId,
    title: &str,
    progress: Progress<'_>,
) -> Result<Course, ImportError> {
    let mut lessons = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let (mut line, mut number, mut done) = (Vec::new(), 0, 0_u64);
    loop {
        line.clear();
        number += 1;
        let bad = |why: String| ImportError::BadLine { line: number, why };
        let read = lines.read_until(b'\n', &mut line).map_err(|error| bad(error.to_string()))?;
        if read == 0 {
            break;
        }
        done += u64::try_from(read).unwrap_or_default();
        progress(done, size);
        let text = std::str::from_utf8(&line).map_err(|_| bad("not UTF-8".to_owned()))?;
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            continue;
        }
        let lesson = lesson(text).map_err(bad)?;
        if let Some(first) = seen.insert(lesson.id.as_str().to_owned(), number) {
            return Err(bad(format!(
                "the id {:?} stands on line {first} already",
                lesson.id.as_str()
            )));
        }
        lessons.push(lesson);
    }
    if lessons.is_empty() {
        return Err(ImportError::Unsound("the file holds no document".to_owned()));
    }
    Ok(Course {
        id: id.clone(),
        title: title.to_owned(),
        description: format!("{} imported documents.", lessons.len()),
        source: Source::Jsonl,
        stages: vec![StageTitle { number: Stage::FIRST, title: "Documents".to_owned() }],
        lessons,
        quiz: Vec::new(),
    })
}

fn lesson(line: &str) -> Result<Lesson, String> {
    let document: Document = serde_json::from_str(line)
        .map_err(|error| format!("not a document {{\"id\",\"title\",\"text\"}}: {error}"))?;
    let id = match document.id {
        Id::Text(id) => id,
        Id::Number(id) => id.to_string(),
    };
    if id.is_empty() || id.len() > LONGEST_ID || id.chars().any(|c| c.is_control() || c == ' ') {
        return Err(format!("the id {id:?} is empty, longer than {LONGEST_ID} or has white space"));
    }
    let title = document.title.filter(|title| !title.trim().is_empty());
    let title = title.map_or_else(|| id.clone(), |title| title.trim().to_owned());
    let blocks = paragraphs(document.text.as_deref().unwrap_or_default());
    Ok(Lesson { id: LessonId::new(id), stage: Stage::FIRST, title, blocks })
}

fn paragraphs(text: &str) -> Vec<Block> {
    let mut list = BlockList::default();
    let normal = text.replace("\r\n", "\n");
    for part in normal.split("\n\n").map(str::trim).filter(|part| !part.is_empty()) {
        let mut html = String::from("<p>");
        escape(part, &mut html);
        html.push_str("</p>");
        list.push(BlockKind::Paragraph, html, part.to_owned());
    }
    list.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(text: &str) -> Result<Course, ImportError> {
        read(text.as_bytes(), 0, &CourseId::new("c"), "T", &|_, _| {})
    }

    #[test]
    fn each_line_is_a_document() {
        let course = import(
            "{\"id\":\"d1\",\"title\":\"One\",\"text\":\"First <b>part</b>.\\n\\nSecond.\"}\n\n\
             {\"id\":2,\"text\":\"No title.\",\"more\":true}\r\n{\"_id\":\"d3\",\"title\":\"Empty\"}",
        )
        .unwrap();

        let told: Vec<_> = course
            .lessons
            .iter()
            .map(|l| (l.id.as_str(), l.title.as_str(), l.blocks.len()))
            .collect();
        assert_eq!(told, [("d1", "One", 2), ("2", "2", 1), ("d3", "Empty", 0)]);
        assert_eq!(course.lessons[0].blocks[0].html, "<p>First &lt;b&gt;part&lt;/b&gt;.</p>");
        assert_eq!(course.lessons[0].blocks[0].body, "First <b>part</b>.");
    }

    #[test]
    fn a_bad_line_is_named_and_nothing_is_imported() {
        for (text, line) in [
            ("{\"id\":\"a\",\"text\":\"x\"}\n{\"id\":\"b\"", 2),
            ("{\"text\":\"no id\"}", 1),
            ("{\"id\":\"a\"}\n\n{\"id\":\"a\"}", 3),
            ("{\"id\":\"\"}", 1),
            ("{\"id\":\"a b\"}", 1),
            ("[]", 1),
        ] {
            let refused = import(text).unwrap_err().to_string();
            assert!(refused.starts_with(&format!("line {line}: ")), "{refused}");
            assert!(refused.ends_with("nothing was imported"), "{refused}");
        }
    }

    #[test]
    fn text_that_is_not_utf_8_is_refused_with_its_line() {
        let text = b"{\"id\":\"a\"}\n{\"id\":\"\xff\"}";
        let refused = read(text.as_slice(), 0, &CourseId::new("c"), "T", &|_, _| {}).unwrap_err();

        assert_eq!(refused.to_string(), "line 2: not UTF-8; nothing was imported");
    }

    #[test]
    fn an_empty_file_is_refused() {
        assert!(import("\n\n").unwrap_err().to_string().contains("no document"));
    }
}
