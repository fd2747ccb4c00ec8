//! Where the links of an imported page may lead: to other lessons, or out with `https`.

use std::collections::BTreeMap;

use crate::domain::{
    ids::{CourseId, LessonId},
    stage::Stage,
};

/// The pages of a book by path, and what became of them.
#[derive(Debug, Default)]
pub(super) struct Pages(BTreeMap<String, (LessonId, Stage)>);

impl Pages {
    pub(super) fn insert(&mut self, path: &str, lesson: LessonId, stage: Stage) {
        self.0.insert(normal(path.split('/')), (lesson, stage));
    }
}

/// Resolves the links of one page.
pub(super) struct Links<'a> {
    pub course: &'a CourseId,
    pub pages: &'a Pages,
    /// The page's own path within the book.
    pub path: &'a str,
    pub stage: Stage,
}

impl Links<'_> {
    /// Where a link leads, or `None` if only its text stays. A link to a later stage goes: who
    /// reads this page may not know of that one yet.
    pub(super) fn resolve(&self, href: &str) -> Option<String> {
        let href = href.trim();
        if href.starts_with("https://") || href.starts_with("http://") {
            let url = url::Url::parse(href).ok()?;
            return Some(url.to_string());
        }
        if href.contains(':') || href.starts_with("//") {
            return None;
        }
        let path = href.split(['#', '?']).next().filter(|path| !path.is_empty())?;
        let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let target = normal(folder.split('/').chain(path.split('/')));
        let as_source = target.strip_suffix(".html").map(|stem| format!("{stem}.md"));
        let (lesson, stage) = self
            .pages
            .0
            .get(&target)
            .or_else(|| as_source.and_then(|path| self.pages.0.get(&path)))?;
        (*stage <= self.stage).then(|| format!("/learn/{}/{lesson}", self.course))
    }
}

/// A path without `.` and `..`; what climbs out of the book ends at its root.
fn normal<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let mut path: Vec<&'a str> = Vec::new();
    for part in parts {
        match part {
            "" | "." => {}
            ".." => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    path.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(href: &str) -> Option<String> {
        let stage = |n| Stage::new(n).unwrap();
        let mut pages = Pages::default();
        pages.insert("ch01/one.md", LessonId::new("one"), stage(1));
        pages.insert("two.html", LessonId::new("two"), stage(2));
        pages.insert("three.html", LessonId::new("three"), stage(3));
        let course = CourseId::new("c");
        Links { course: &course, pages: &pages, path: "ch01/here.md", stage: stage(2) }
            .resolve(href)
    }

    #[test]
    fn a_link_to_a_lesson_leads_to_its_page_here() {
        assert_eq!(resolve("one.md#part").as_deref(), Some("/learn/c/one"));
        assert_eq!(resolve("./one.html").as_deref(), Some("/learn/c/one"));
        assert_eq!(resolve("../two.html?x=1").as_deref(), Some("/learn/c/two"));
    }

    #[test]
    fn a_link_to_a_later_stage_is_dropped() {
        assert_eq!(resolve("../three.html"), None);
    }

    #[test]
    fn a_link_that_could_run_or_lead_astray_is_dropped() {
        for href in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//evil.example/x",
            "#here",
            "",
            " java\nscript:alert(1)",
            "mailto:a@b.example",
            "../../../etc/passwd",
        ] {
            assert_eq!(resolve(href), None, "{href}");
        }
        assert_eq!(
            resolve("https://doc.rust-lang.org/std/\"onclick").as_deref(),
            Some("https://doc.rust-lang.org/std/%22onclick")
        );
    }
}
