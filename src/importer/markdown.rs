//! From Markdown to blocks: through HTML of our own making and the same walk as a page's.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd, html::push_html};

use super::{html, links::Links};
use crate::domain::course::Block;

/// What to do with HTML that stands in the Markdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RawHtml {
    /// It was meant as text.
    Shown,
    /// It is markup, as in a book's sources: the walk keeps what it allows.
    Markup,
}

fn parser(text: &str) -> Parser<'_> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
    Parser::new_ext(text, options)
}

/// The title in the first `# Title`, and the text after it; `None` if it opens with another thing.
pub(super) fn split_title(text: &str) -> Option<(&str, &str)> {
    let (first, rest) = text.trim_start().split_once('\n')?;
    let title = first.strip_prefix("# ")?.trim();
    (!title.is_empty()).then_some((title, rest))
}

/// The blocks of a lesson written in Markdown.
pub(super) fn blocks(text: &str, title: &str, raw: RawHtml, links: &Links<'_>) -> Vec<Block> {
    let mut page = String::from("<main>");
    let mut in_rust = false;
    let events = parser(text).map(|event| match event {
        Event::Html(html) | Event::InlineHtml(html) if raw == RawHtml::Shown => Event::Text(html),
        Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
            let name = language(&info).to_owned();
            in_rust = name == "rust";
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(name.into())))
        }
        Event::End(TagEnd::CodeBlock) => {
            in_rust = false;
            event
        }
        Event::Text(code) if in_rust && raw == RawHtml::Markup => {
            Event::Text(without_hidden_lines(&code).into())
        }
        event => event,
    });
    push_html(&mut page, events);
    page.push_str("</main>");
    html::blocks(&page, title, links)
}

/// `rust,ignore` says more than the language.
fn language(info: &str) -> &str {
    info.split([',', ' ', '{']).next().unwrap_or_default()
}

/// In a book's sources, lines of Rust that begin with `# ` are for the compiler alone.
fn without_hidden_lines(code: &str) -> String {
    let hidden = |line: &&str| line.trim() == "#" || line.trim_start().starts_with("# ");
    code.split_inclusive('\n').filter(|line| !hidden(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::links::Pages, *};
    use crate::domain::{ids::CourseId, stage::Stage};

    fn read(text: &str, raw: RawHtml) -> Vec<Block> {
        let (course, pages) = (CourseId::new("c"), Pages::default());
        let links = Links { course: &course, pages: &pages, path: "a.md", stage: Stage::FIRST };
        blocks(text, "T", raw, &links)
    }

    #[test]
    fn markdown_becomes_blocks() {
        let found = read(
            "Intro.\n\n## Part\n\n1. one\n2. two\n\n> said\n\n|a|b|\n|-|-|\n|1|2|\n\n\
             ```python\nprint(1)\n```\n",
            RawHtml::Shown,
        );

        let told: Vec<_> = found.iter().map(|b| (b.kind.as_str(), b.body.as_str())).collect();
        assert_eq!(
            told,
            [
                ("paragraph", "Intro."),
                ("heading", "Part"),
                ("list", "- one\n- two"),
                ("quote", "said"),
                ("table", "a | b\n1 | 2"),
                ("code", "print(1)"),
            ]
        );
        assert_eq!(found[5].html, "<pre><code class=\"language-python\">print(1)</code></pre>");
    }

    #[test]
    fn raw_html_is_shown_as_text_where_it_was_meant_so() {
        let found = read("Say <b onclick=x>hi</b>.\n\n<script>x</script>\n", RawHtml::Shown);

        assert_eq!(found[0].body, "Say <b onclick=x>hi</b>.");
        let all: String = found.iter().map(|block| block.html.as_str()).collect();
        assert!(!all.contains("<script") && !all.contains("<b "), "{all}");
    }

    #[test]
    fn a_books_markup_is_cleaned_and_its_hidden_lines_go() {
        let found = read(
            "<Listing number=\"1\">\n\n```rust,ignore\n# fn main() {\nlet s = 1; # not\n#[test]\n# }\n\
             ```\n\n</Listing>\n\nA <em onclick=x>word</em>.<!-- ignore -->\n",
            RawHtml::Markup,
        );

        assert_eq!(found[0].body, "let s = 1; # not\n#[test]");
        assert_eq!(found[1].html, "<p>A <em>word</em>.</p>");
    }

    #[test]
    fn a_title_is_the_first_heading() {
        assert_eq!(split_title("# Clocks \n\nText"), Some(("Clocks", "\nText")));
        assert_eq!(split_title("Text\n# Late"), None);
    }
}
