//! From a page's HTML to blocks. Nothing of the source's markup is copied: the walk writes HTML of
//! its own from an allow-list of elements, so that no script, style or handler can come through.

use std::fmt;

use scraper::{ElementRef, Html, Node, Selector};

use ego_tree::NodeRef;

use super::links::Links;
use crate::domain::course::{Block, BlockKind, BlockList};

/// Inline elements that are written again, without any attribute of theirs.
const INLINE: [&str; 14] =
    ["b", "br", "cite", "code", "del", "em", "i", "kbd", "mark", "q", "s", "strong", "sub", "sup"];
/// Block elements that may stand inside a list, a quote or a table.
const NESTED: [&str; 15] = [
    "blockquote",
    "dd",
    "dl",
    "dt",
    "li",
    "ol",
    "p",
    "pre",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
];
/// Elements that go with all that is in them.
const DROPPED: [&str; 19] = [
    "audio", "button", "canvas", "embed", "form", "head", "iframe", "input", "link", "meta", "nav",
    "noscript", "object", "script", "select", "style", "svg", "template", "video",
];
/// Elements that begin a block of their own.
const BLOCKS: [&str; 25] = [
    "article",
    "aside",
    "blockquote",
    "body",
    "center",
    "details",
    "div",
    "dl",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "main",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "ul",
];
/// Deeper markup is left out: no lesson has it, and the walk must end.
const DEEPEST: usize = 64;

/// The blocks of a page: of its `main` element where it has one. A first heading that only
/// repeats the lesson's `title` is left out, since the page shows the title itself.
pub(super) fn blocks(html: &str, title: &str, links: &Links<'_>) -> Vec<Block> {
    let page = Html::parse_document(html);
    let main = Selector::parse("main").ok().and_then(|main| page.select(&main).next());
    let mut walk = Walk { links, title, list: BlockList::default(), started: false };
    walk.blocks_in(main.unwrap_or_else(|| page.root_element()), 0);
    walk.list.finish()
}

struct Walk<'a> {
    links: &'a Links<'a>,
    title: &'a str,
    list: BlockList,
    started: bool,
}

impl Walk<'_> {
    fn blocks_in(&mut self, parent: ElementRef<'_>, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        let mut run: Vec<NodeRef<'_, Node>> = Vec::new();
        for node in parent.children() {
            match ElementRef::wrap(node) {
                Some(element) if is_block(element) => {
                    self.paragraph(&std::mem::take(&mut run), depth);
                    self.block(element, depth + 1);
                }
                _ => run.push(node),
            }
        }
        self.paragraph(&run, depth);
    }

    fn block(&mut self, element: ElementRef<'_>, depth: usize) {
        let name = element.value().name();
        match name {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.heading(name, element, depth),
            "pre" => {
                let (html, body) = code(element);
                self.push(BlockKind::Code, html, body);
            }
            "ul" | "ol" | "dl" => self.whole(BlockKind::List, element, depth),
            "blockquote" => self.whole(BlockKind::Quote, element, depth),
            "table" => self.whole(BlockKind::Table, element, depth),
            "p" | "figcaption" => {
                let inside: Vec<_> = element.children().collect();
                self.paragraph(&inside, depth);
            }
            _ => self.blocks_in(element, depth),
        }
    }

    /// The lesson's title is the page's only `h1`.
    fn heading(&mut self, name: &str, element: ElementRef<'_>, depth: usize) {
        let body = tidy(&text(*element, depth)).replace('\n', " ");
        if !self.started && body.to_lowercase() == self.title.to_lowercase() {
            self.started = true;
            return;
        }
        let name = if name == "h1" { "h2" } else { name };
        let mut html = format!("<{name}>");
        self.inline_children(*element, &mut html, depth);
        put(&mut html, format_args!("</{name}>"));
        self.push(BlockKind::Heading, html, body);
    }

    fn whole(&mut self, kind: BlockKind, element: ElementRef<'_>, depth: usize) {
        let mut html = String::new();
        self.write(*element, &mut html, depth);
        self.push(kind, html, tidy(&text(*element, depth)));
    }

    fn paragraph(&mut self, run: &[NodeRef<'_, Node>], depth: usize) {
        let (mut html, mut body) = (String::from("<p>"), String::new());
        for node in run {
            self.write(*node, &mut html, depth);
            body.push_str(&text(*node, depth));
        }
        html.push_str("</p>");
        self.push(BlockKind::Paragraph, html, tidy(&body).replace('\n', " "));
    }

    fn push(&mut self, kind: BlockKind, html: String, body: String) {
        self.started |= !body.is_empty();
        self.list.push(kind, html, body);
    }

    fn inline_children(&self, node: NodeRef<'_, Node>, out: &mut String, depth: usize) {
        for child in node.children() {
            self.write(child, out, depth + 1);
        }
    }

    /// Writes `node` as our own HTML. Of an element that is not allowed only the inside is kept.
    fn write(&self, node: NodeRef<'_, Node>, out: &mut String, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        if let Node::Text(text) = node.value() {
            escape(text, out);
        }
        let Some(element) = ElementRef::wrap(node) else { return };
        let name = element.value().name();
        match name {
            _ if DROPPED.contains(&name) || hidden(element) => {}
            "br" => out.push_str("<br>"),
            "img" => escape(element.attr("alt").unwrap_or_default(), out),
            "pre" => out.push_str(&code(element).0),
            "a" => self.link(element, out, depth),
            "ul" | "ol" => self.list(name, element, out, depth),
            _ if INLINE.contains(&name) || NESTED.contains(&name) => {
                put(out, format_args!("<{name}>"));
                self.inline_children(node, out, depth);
                put(out, format_args!("</{name}>"));
            }
            _ => self.inline_children(node, out, depth),
        }
    }

    fn link(&self, element: ElementRef<'_>, out: &mut String, depth: usize) {
        let href = element.attr("href").and_then(|href| self.links.resolve(href));
        let Some(href) = href else { return self.inline_children(*element, out, depth) };
        out.push_str("<a href=\"");
        escape(&href, out);
        out.push_str(if href.starts_with('/') { "\">" } else { "\" rel=\"noopener noreferrer\">" });
        self.inline_children(*element, out, depth);
        out.push_str("</a>");
    }

    fn list(&self, name: &str, element: ElementRef<'_>, out: &mut String, depth: usize) {
        let start = element.attr("start").and_then(|start| start.parse::<u32>().ok());
        match start.filter(|_| name == "ol") {
            Some(start) => put(out, format_args!("<ol start=\"{start}\">")),
            None => put(out, format_args!("<{name}>")),
        }
        self.inline_children(*element, out, depth);
        put(out, format_args!("</{name}>"));
    }
}

/// An element that we do not know, such as a book's own `Listing`, is one if it holds one.
fn is_block(element: ElementRef<'_>) -> bool {
    let name = element.value().name();
    let known = INLINE.contains(&name) || DROPPED.contains(&name);
    BLOCKS.contains(&name)
        || !known
            && element
                .descendants()
                .filter_map(ElementRef::wrap)
                .any(|inner| BLOCKS.contains(&inner.value().name()))
}

/// mdBook's `boring` lines are there for the compiler, not for the reader.
fn hidden(element: ElementRef<'_>) -> bool {
    element.value().classes().any(|class| class == "boring")
}

/// A listing as HTML and as text, without its hidden lines.
fn code(pre: ElementRef<'_>) -> (String, String) {
    let inner = pre.child_elements().find(|child| child.value().name() == "code").unwrap_or(pre);
    let mut body = String::new();
    shown(*inner, &mut body, 0);
    let body = body.trim_matches('\n').trim_end().to_owned();
    let mut html = String::from("<pre><code");
    if let Some(language) = inner.value().classes().find_map(language) {
        put(&mut html, format_args!(" class=\"language-{language}\""));
    }
    html.push('>');
    escape(&body, &mut html);
    html.push_str("</code></pre>");
    (html, body)
}

fn language(class: &str) -> Option<&str> {
    let name = class.strip_prefix("language-")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-#_".contains(c);
    (!name.is_empty() && name.chars().all(plain)).then_some(name)
}

fn shown(node: NodeRef<'_, Node>, out: &mut String, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    for child in node.children() {
        match child.value() {
            Node::Text(text) => out.push_str(text),
            Node::Element(element)
                if DROPPED.contains(&element.name())
                    || element.classes().any(|class| class == "boring") => {}
            _ => shown(child, out, depth + 1),
        }
    }
}

/// The words of `node`: an item of a list and a row of a table start a line, a cell follows a bar.
fn text(node: NodeRef<'_, Node>, depth: usize) -> String {
    let mut out = String::new();
    write_text(node, &mut out, depth);
    out
}

fn write_text(node: NodeRef<'_, Node>, out: &mut String, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    if let Node::Text(text) = node.value() {
        out.extend(text.chars().map(|c| if c == '\n' { ' ' } else { c }));
        return;
    }
    let Some(element) = ElementRef::wrap(node) else { return };
    match element.value().name() {
        name if DROPPED.contains(&name) || hidden(element) => return,
        "img" => return out.push_str(element.attr("alt").unwrap_or_default()),
        "pre" => {
            out.push('\n');
            out.push_str(&code(element).1);
            return out.push('\n');
        }
        "br" => out.push(' '),
        "li" => out.push_str("\n- "),
        "tr" | "p" | "dt" | "dd" | "blockquote" => out.push('\n'),
        "td" | "th" if !out.ends_with('\n') => out.push_str(" | "),
        _ => {}
    }
    for child in node.children() {
        write_text(child, out, depth + 1);
    }
}

/// One space between words, no empty line; an item's dash stands before its first paragraph.
fn tidy(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut tidy = String::new();
    for line in lines.filter(|line| !line.is_empty() && line != "|") {
        if !tidy.is_empty() {
            tidy.push(if tidy.ends_with("\n-") || tidy == "-" { ' ' } else { '\n' });
        }
        tidy.push_str(line.strip_prefix("| ").unwrap_or(&line));
    }
    tidy
}

/// Adds formatted text. Writing to a string cannot fail.
fn put(out: &mut String, text: fmt::Arguments<'_>) {
    let _ = fmt::Write::write_fmt(out, text);
}

pub(super) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests;
