use std::process::Command;

use super::*;
use crate::domain::course::BlockKind;

fn quiet(_: u64, _: u64) {}

/// A rendered book with a preface, two chapters, a stub and a page without text.
fn rendered() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let toc: String = ["title", "ch01", "ch02", "stub", "empty", "end"]
        .iter()
        .map(|name| {
            let number = name.strip_prefix("ch0").map(|n| format!("<strong>{n}.</strong> "));
            format!("<li><a href={name}.html>{}The {name}</a>", number.unwrap_or_default())
        })
        .collect::<Vec<_>>()
        .concat();
    write("toc.html", &format!("<ol class=chapter>{toc}</ol>"));
    for name in ["title", "ch01", "ch02", "end"] {
        let links = "<a href=ch01.html>one</a> <a href=ch02.html>two</a>";
        write(&format!("{name}.html"), &format!("<main><h1>The {name}</h1><p>{links}</main>"));
    }
    write("stub.html", "<meta http-equiv=\"refresh\" content=\"0; URL=ch01.html\"><p>Moved");
    write("empty.html", "<main></main>");
    write("print.html", "<main><p>Everything again</main>");
    folder
}

fn settings(stages: &[u16]) -> Settings {
    Settings { course: Some(CourseId::new("c")), title: None, stages: stages.to_vec() }
}

#[test]
fn a_rendered_book_becomes_a_course_without_stubs_and_print_pages() {
    let book = rendered();
    let course = read(book.path(), &settings(&[1]), &quiet).unwrap();

    let told: Vec<_> =
        course.lessons.iter().map(|l| (l.id.as_str(), l.stage.number(), &*l.title)).collect();
    assert_eq!(
        told,
        [
            ("title", 1, "The title"),
            ("ch01", 1, "The ch01"),
            ("ch02", 2, "The ch02"),
            ("end", 2, "The end")
        ]
    );
    assert_eq!(course.title, "The title");
    let stages: Vec<_> = course.stages.iter().map(|stage| stage.title.as_str()).collect();
    assert_eq!(stages, ["Chapter 1", "Chapter 2"]);
}

#[test]
fn a_page_does_not_link_to_a_stage_that_its_reader_may_not_have_yet() {
    let book = rendered();
    let course = read(book.path(), &settings(&[1]), &quiet).unwrap();

    let html = |at: usize| course.lessons[at].blocks[0].html.clone();
    assert_eq!(html(1), "<p><a href=\"/learn/c/ch01\">one</a> two</p>");
    assert!(html(2).contains("/learn/c/ch02"));
}

#[test]
fn a_file_of_the_book_names_the_book_too() {
    let book = rendered();
    let course = read(&book.path().join("ch01.html"), &settings(&[]), &quiet).unwrap();

    assert_eq!(course.lessons.len(), 4);
    assert_eq!(course.stages.len(), 1);
}

#[test]
fn the_sources_of_a_book_are_read_with_their_includes() {
    let folder = tempfile::tempdir().unwrap();
    let src = folder.path().join("src");
    fs::create_dir(&src).unwrap();
    fs::create_dir(folder.path().join("listings")).unwrap();
    fs::write(folder.path().join("listings/a.rs"), "fn main() {}\n").unwrap();
    fs::write(src.join("SUMMARY.md"), "- [One](one.md)\n- [Two](two.md)\n").unwrap();
    let text = "# One\n\nSee [two](two.md), [one](one.md).\n\n```rust\n{{#include ../listings/a.rs}}\n```\n";
    fs::write(src.join("one.md"), text).unwrap();
    fs::write(src.join("two.md"), "# Two\n\nText.\n").unwrap();

    let course = read(folder.path(), &settings(&[1]), &quiet).unwrap();

    let blocks = &course.lessons[0].blocks;
    assert_eq!(blocks[0].html, "<p>See two, <a href=\"/learn/c/one\">one</a>.</p>");
    assert_eq!(blocks[1].body, "fn main() {}");
    assert_eq!(course.lessons[1].stage.number(), 2);
}

#[test]
fn a_folder_that_is_no_book_says_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let refused = read(folder.path(), &settings(&[]), &quiet).unwrap_err().to_string();
    assert!(refused.contains("neither toc.html"), "{refused}");

    let refused = read(&folder.path().join("none"), &settings(&[]), &quiet).unwrap_err();
    assert!(refused.to_string().contains("no such folder"), "{refused}");
}

/// The Rust book of the toolchain: 101 pages of tutor.md §1. Skips aloud where it is missing.
#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn the_rust_book_of_the_toolchain_is_read_whole() {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
    let sysroot = String::from_utf8(sysroot.stdout).unwrap();
    let path = Path::new(sysroot.trim()).join("share/doc/rust/html/book");
    if !path.is_dir() {
        eprintln!("skipped: this toolchain carries no book");
        return;
    }
    let course = read(&path, &Settings::default(), &quiet).unwrap();

    assert_eq!((course.id.as_str(), course.title.as_str()), (RUST_BOOK_ID, RUST_BOOK_TITLE));
    assert!((95..=125).contains(&course.lessons.len()), "{} lessons", course.lessons.len());
    let stage_of = |id: &str| {
        course.lessons.iter().find(|l| l.id.as_str() == id).map(|lesson| lesson.stage.number())
    };
    assert_eq!(stage_of("ch04-01-what-is-ownership"), Some(2));
    assert_eq!(stage_of("ch16-01-threads"), Some(5));
    assert_eq!(stage_of("appendix-01-keywords"), Some(5));
    let blocks: Vec<_> = course.lessons.iter().flat_map(|lesson| &lesson.blocks).collect();
    let words: usize = blocks.iter().map(|block| block.body.split_whitespace().count()).sum();
    assert!((150_000..=260_000).contains(&words), "{words} words");
    let headings = blocks.iter().filter(|block| block.kind == BlockKind::Heading).count();
    assert!((380..=560).contains(&headings), "{headings} headings");
    for tag in ["<script", "<style", "<svg", "<button", "<span", "<div"] {
        assert!(blocks.iter().all(|block| !block.html.contains(tag)), "{tag}");
    }
}
