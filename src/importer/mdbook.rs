//! Reads an mdBook: the rendered folder (`toc.html` and its pages) or the Markdown sources
//! (`SUMMARY.md` and its chapters).

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{
    ImportError, Progress, html,
    links::{Links, Pages},
    markdown::{self, RawHtml},
};
use crate::domain::{
    course::{Course, Lesson, Source, StageTitle, slug},
    ids::{CourseId, LessonId},
    stage::Stage,
};

mod contents;

use contents::Entry;

/// What the importer cannot read off the book.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// Made from the title if it is not given.
    pub course: Option<CourseId>,
    /// The first entry of the book's contents if it is not given.
    pub title: Option<String>,
    /// The last chapter of each stage but the last; empty puts all into one.
    pub stages: Vec<u16>,
}

/// How "The Rust Programming Language" is divided: 1-3, 4-6, 7-10, 11-15, 16 and on.
pub(crate) const RUST_BOOK_STAGES: [u16; 4] = [3, 6, 10, 15];
pub(crate) const RUST_BOOK_TITLE: &str = "The Rust Programming Language";
pub(crate) const RUST_BOOK_ID: &str = "rust-book";

/// Pages in the form that they were found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Rendered,
    Sources,
}

/// Reads the book at `path`: its folder, or any file in it.
pub(crate) fn read(
    path: &Path,
    settings: &Settings,
    progress: Progress<'_>,
) -> Result<Course, ImportError> {
    let (root, form, entries) = open(path)?;
    let first = entries.first().map_or("Book", |entry| entry.title.as_str());
    let is_rust_book = first == RUST_BOOK_TITLE;
    let title = settings.title.clone().unwrap_or_else(|| first.to_owned());
    let id = settings.course.clone().unwrap_or_else(|| {
        CourseId::new(if is_rust_book { RUST_BOOK_ID.to_owned() } else { slug(&title) })
    });
    let plan = match settings.stages.as_slice() {
        [] if is_rust_book => RUST_BOOK_STAGES.to_vec(),
        given => given.to_vec(),
    };
    let placed = place(&entries, &plan)?;
    let mut pages = Pages::default();
    for page in &placed {
        pages.insert(&page.entry.path, page.lesson.clone(), page.stage);
    }
    let total = u64::try_from(placed.len()).unwrap_or(u64::MAX);
    let mut lessons = Vec::with_capacity(placed.len());
    for (done, page) in (1..).zip(&placed) {
        let links = Links { course: &id, pages: &pages, path: &page.entry.path, stage: page.stage };
        lessons.extend(lesson(&root, form, page, &links)?);
        progress(done, total);
    }
    if lessons.is_empty() {
        return Err(not_a_book(&root, "none of the pages in its contents holds any text"));
    }
    let stages = stage_titles(&placed);
    let description = format!("Imported from the mdBook “{first}”.");
    let (source, quiz) = (Source::Mdbook, Vec::new());
    Ok(Course { id, title, description, source, stages, lessons, quiz })
}

fn not_a_book(path: &Path, why: &str) -> ImportError {
    ImportError::NotABook { path: path.to_owned(), why: why.to_owned() }
}

/// Finds the contents, in the folder or its `src/` or `book/`.
fn open(path: &Path) -> Result<(PathBuf, Form, Vec<Entry>), ImportError> {
    let folder = if path.is_file() { path.parent().unwrap_or(path) } else { path };
    if !folder.is_dir() {
        return Err(not_a_book(path, "there is no such folder"));
    }
    for (inner, file, form) in [
        ("", "toc.html", Form::Rendered),
        ("", "SUMMARY.md", Form::Sources),
        ("src", "SUMMARY.md", Form::Sources),
        ("book", "toc.html", Form::Rendered),
    ] {
        let root = folder.join(inner);
        let contents = root.join(file);
        if contents.is_file() {
            let text = fs::read_to_string(&contents).map_err(ImportError::io(&contents))?;
            let entries = match form {
                Form::Rendered => contents::from_toc(&text),
                Form::Sources => contents::from_summary(&text),
            };
            if entries.is_empty() {
                return Err(not_a_book(&contents, "its contents name no page"));
            }
            return Ok((root, form, entries));
        }
    }
    Err(not_a_book(folder, "it holds neither toc.html (rendered) nor SUMMARY.md (sources)"))
}

/// A page of the contents with its place in the course.
struct Placed<'a> {
    entry: &'a Entry,
    lesson: LessonId,
    stage: Stage,
}

/// Pages before the first chapter belong to its stage, those after the last to the last.
fn place<'a>(entries: &'a [Entry], plan: &[u16]) -> Result<Vec<Placed<'a>>, ImportError> {
    if !plan.is_sorted() {
        return Err(ImportError::Unsound("the last chapters of the stages must rise".to_owned()));
    }
    let mut placed: Vec<Placed<'a>> = Vec::new();
    let (mut paths, mut names) = (BTreeSet::new(), BTreeSet::new());
    let mut chapters_over = false;
    for entry in entries.iter().filter(|entry| paths.insert(entry.path.as_str())) {
        let stage = match entry.chapter {
            Some(chapter) => {
                chapters_over = true;
                1 + plan.iter().filter(|last| **last < chapter).count()
            }
            None if chapters_over => 1 + plan.len(),
            None => 1,
        };
        let stage = i32::try_from(stage).ok().and_then(Stage::new);
        let stage = stage.ok_or_else(|| ImportError::Unsound("too many stages".to_owned()))?;
        let lesson = name(&entry.path, &mut names);
        placed.push(Placed { entry, lesson, stage });
    }
    placed.sort_by_key(|page| page.stage);
    Ok(placed)
}

/// The path without its ending, as one word.
fn name(path: &str, taken: &mut BTreeSet<String>) -> LessonId {
    let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' };
    let stem: String = stem.chars().map(plain).collect();
    let mut name = stem.clone();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{stem}-{number}");
        number += 1;
    }
    LessonId::new(name)
}

/// `None` for a stub that only leads elsewhere, and for a page without text.
fn lesson(
    root: &Path,
    form: Form,
    page: &Placed<'_>,
    links: &Links<'_>,
) -> Result<Option<Lesson>, ImportError> {
    let path = root.join(&page.entry.path);
    let text = fs::read_to_string(&path).map_err(ImportError::io(&path))?;
    let title = &page.entry.title;
    let blocks = match form {
        Form::Rendered if text.contains("http-equiv=\"refresh\"") => return Ok(None),
        Form::Rendered => html::blocks(&text, title, links),
        Form::Sources => {
            let folder = path.parent().unwrap_or(root);
            let text = contents::with_includes(&text, root, folder)?;
            markdown::blocks(&text, title, RawHtml::Markup, links)
        }
    };
    if blocks.is_empty() {
        return Ok(None);
    }
    let (id, stage, title) = (page.lesson.clone(), page.stage, title.clone());
    Ok(Some(Lesson { id, stage, title, blocks }))
}

fn stage_titles(placed: &[Placed<'_>]) -> Vec<StageTitle> {
    let mut stages: Vec<(Stage, Vec<u16>)> = Vec::new();
    for page in placed {
        match stages.last_mut() {
            Some((stage, chapters)) if *stage == page.stage => chapters.extend(page.entry.chapter),
            _ => stages.push((page.stage, page.entry.chapter.into_iter().collect())),
        }
    }
    let title = |(number, chapters): (Stage, Vec<u16>)| {
        let title = match (chapters.iter().min(), chapters.iter().max()) {
            (Some(first), Some(last)) if first == last => format!("Chapter {first}"),
            (Some(first), Some(last)) => format!("Chapters {first} to {last}"),
            _ => format!("Stage {}", number.number()),
        };
        StageTitle { number, title }
    };
    stages.into_iter().map(title).collect()
}

#[cfg(test)]
mod tests;
