//! A book's contents: which pages there are, in which order and chapter; and what a source page
//! takes in from other files.

use std::{fs, path::Path};

use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use scraper::{ElementRef, Html, Selector};

use super::ImportError;

/// One page of the contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Within the book, with `/` between folders.
    pub path: String,
    pub title: String,
    /// Its chapter's number; none for a preface or an appendix.
    pub chapter: Option<u16>,
}

/// Reads the contents that mdBook renders. The print page is no page of its own.
pub(super) fn from_toc(html: &str) -> Vec<Entry> {
    let page = Html::parse_document(html);
    let Ok(links) = Selector::parse("ol.chapter a[href]") else { return Vec::new() };
    page.select(&links).filter_map(toc_entry).collect()
}

fn toc_entry(link: ElementRef<'_>) -> Option<Entry> {
    let path = link.attr("href")?.trim_start_matches("./").to_owned();
    let is_page = Path::new(&path).extension().is_some_and(|ending| ending == "html")
        && !path.contains("..")
        && !path.contains(':');
    if !is_page || path == "print.html" || path.starts_with('/') {
        return None;
    }
    let number = link.child_elements().find(|child| child.value().name() == "strong");
    let number: String = number.map(|strong| strong.text().collect()).unwrap_or_default();
    let whole: String = link.text().collect();
    let title = whole.strip_prefix(number.as_str()).unwrap_or(&whole).trim().to_owned();
    let chapter = number.split('.').next().and_then(|number| number.trim().parse().ok());
    Some(Entry { path, title, chapter })
}

/// Reads `SUMMARY.md`: links in lists are chapters, counted at the outermost list; links outside
/// are prefaces and appendices; a draft without a target is skipped.
pub(super) fn from_summary(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let (mut depth, mut chapter) = (0_u32, 0_u16);
    let mut open: Option<Entry> = None;
    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::List(_)) => depth += 1,
            Event::End(TagEnd::List(_)) => depth = depth.saturating_sub(1),
            Event::Start(Tag::Item) if depth == 1 => chapter += 1,
            Event::Start(Tag::Link { dest_url, .. }) => {
                let path = dest_url.trim_start_matches("./").to_owned();
                let chapter = (depth > 0).then_some(chapter);
                open = Some(Entry { path, title: String::new(), chapter });
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(entry) = &mut open {
                    entry.title.push_str(&text);
                }
            }
            Event::End(TagEnd::Link) => entries.extend(open.take().filter(is_source)),
            _ => {}
        }
    }
    entries
}

fn is_source(entry: &Entry) -> bool {
    let path = Path::new(&entry.path);
    let is_markdown = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("md"));
    is_markdown && path.is_relative() && !entry.path.contains("..")
}

/// Puts the files in that `{{#include FILE}}` (and `rustdoc_include`, with lines `a:b` or an
/// anchor) names. A file outside the book is left out, since a book is not trusted that far.
pub(super) fn with_includes(text: &str, root: &Path, folder: &Path) -> Result<String, ImportError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{#") {
        let Some((directive, later)) = after.split_once("}}") else { break };
        out.push_str(before);
        if let Some(target) = include_target(directive) {
            out.push_str(&include(target, root, folder)?);
        }
        rest = later;
    }
    out.push_str(rest);
    Ok(out)
}

fn include_target(directive: &str) -> Option<&str> {
    let (name, target) = directive.trim().split_once(char::is_whitespace)?;
    matches!(name, "include" | "rustdoc_include" | "playground").then_some(target.trim())
}

fn include(target: &str, root: &Path, folder: &Path) -> Result<String, ImportError> {
    let (file, part) = target.split_once(':').unwrap_or((target, ""));
    let path = folder.join(file);
    // A book's listings stand beside its `src`, so the book's folder is what bounds them.
    let book = if root.ends_with("src") { root.parent().unwrap_or(root) } else { root };
    let inside = match (path.canonicalize(), book.canonicalize()) {
        (Ok(path), Ok(book)) => path.starts_with(book),
        _ => false,
    };
    if !inside {
        return Ok(String::new());
    }
    let text = fs::read_to_string(&path).map_err(ImportError::io(&path))?;
    Ok(select(&text, part))
}

/// The lines that `part` names: `a:b`, `a` alone, `:b`, an anchor's, or all.
fn select(text: &str, part: &str) -> String {
    let is_anchor_line = |line: &&str| line.contains("ANCHOR:") || line.contains("ANCHOR_END:");
    let (first, last) = part.split_once(':').unwrap_or((part, part));
    let by_number =
        part.is_empty() || [first, last].iter().all(|n| n.is_empty() || n.parse::<usize>().is_ok());
    let lines: Vec<&str> = if by_number {
        let from = first.parse::<usize>().unwrap_or(1).max(1);
        let to = last.parse::<usize>().unwrap_or(usize::MAX);
        text.lines().take(to).skip(from - 1).collect()
    } else {
        let (start, end) = (format!("ANCHOR: {part}"), format!("ANCHOR_END: {part}"));
        let inside = text.lines().skip_while(|line| !line.trim_end().ends_with(&start)).skip(1);
        inside.take_while(|line| !line.trim_end().ends_with(&end)).collect()
    };
    lines.into_iter().filter(|line| !is_anchor_line(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(entries: &[Entry]) -> Vec<(&str, &str, Option<u16>)> {
        entries.iter().map(|e| (e.path.as_str(), e.title.as_str(), e.chapter)).collect()
    }

    #[test]
    fn a_rendered_contents_names_its_pages_with_their_chapters() {
        let found = from_toc(
            "<a href=outside.html>no</a><ol class=chapter><li><a href='title-page.html'>Book</a>\
             <li><a href='ch01.html'><strong aria-hidden=true>1.</strong> One</a>\
             <ol><li><a href='ch01/a.html'><strong>1.1.</strong> Part A</a></ol>\
             <li><a href='https://x.example/a.html'>Out</a><li><a href='print.html'>Print</a>\
             <li><a href='../up.html'>Up</a></ol>",
        );

        assert_eq!(
            told(&found),
            [
                ("title-page.html", "Book", None),
                ("ch01.html", "One", Some(1)),
                ("ch01/a.html", "Part A", Some(1)),
            ]
        );
    }

    #[test]
    fn a_summary_names_its_pages_with_their_chapters() {
        let found = from_summary(
            "# Summary\n\n[Book](title.md)\n\n## Part\n\n- [One `x`](./one.md)\n  - [A](one/a.md)\n\
             - [Draft]()\n- [Three](three.md)\n\n---\n\n[Appendix](end.md)\n[Up](../up.md)\n",
        );

        assert_eq!(
            told(&found),
            [
                ("title.md", "Book", None),
                ("one.md", "One x", Some(1)),
                ("one/a.md", "A", Some(1)),
                ("three.md", "Three", Some(3)),
                ("end.md", "Appendix", None),
            ]
        );
    }

    #[test]
    fn lines_and_anchors_of_a_file_are_taken_in() {
        let file = "a\n// ANCHOR: x\nb\n// ANCHOR_END: x\nc";

        assert_eq!(select(file, ""), "a\nb\nc");
        assert_eq!(select(file, "x"), "b");
        assert_eq!(select(file, "3:5"), "b\nc");
        assert_eq!(select(file, ":1"), "a");
        assert_eq!(select(file, "5:"), "c");
        assert_eq!(select(file, "5"), "c");
    }

    #[test]
    fn a_file_outside_the_book_is_not_taken_in() {
        let outer = tempfile::tempdir().unwrap();
        let book = outer.path().join("book");
        fs::create_dir(&book).unwrap();
        fs::write(outer.path().join("secret.txt"), "secret").unwrap();
        fs::write(book.join("in.txt"), "inside").unwrap();

        let text = "{{#include in.txt}} {{#include ../secret.txt}} {{#title x}}!";
        assert_eq!(with_includes(text, &book, &book).unwrap(), "inside  !");
    }
}
