use super::{super::links::Pages, *};
use crate::domain::{
    ids::{CourseId, LessonId},
    stage::Stage,
};

fn read(html: &str) -> Vec<Block> {
    let mut pages = Pages::default();
    pages.insert("next.html", LessonId::new("next"), Stage::FIRST);
    let course = CourseId::new("c");
    let links = Links { course: &course, pages: &pages, path: "here.html", stage: Stage::FIRST };
    blocks(html, "The title", &links)
}

fn only(html: &str) -> Block {
    let mut found = read(html);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn a_page_becomes_headings_paragraphs_lists_quotes_tables_and_code() {
    let found = read(
        "<nav>menu</nav><main><h1 id=x><a class=header href='#x'>The Title</a></h1>\
         <h2>Part</h2><p>A <em>word</em>\nor two.</p><ul><li>one</li><li><p>two</p></li></ul>\
         <blockquote><p>said</p></blockquote>\
         <div class=table-wrapper><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr>\
         </table></div><pre><code class='language-rust edition2021'>let a = 1;</code></pre></main>",
    );

    let told: Vec<_> = found.iter().map(|b| (b.kind.as_str(), b.body.as_str())).collect();
    assert_eq!(
        told,
        [
            ("heading", "Part"),
            ("paragraph", "A word or two."),
            ("list", "- one\n- two"),
            ("quote", "said"),
            ("table", "a | b\n1 | 2"),
            ("code", "let a = 1;"),
        ]
    );
    assert!(found.iter().all(|block| block.heading == "Part"));
    assert_eq!(found[1].html, "<p>A <em>word</em>\nor two.</p>");
    assert_eq!(found[5].html, "<pre><code class=\"language-rust\">let a = 1;</code></pre>");
}

#[test]
fn hidden_lines_of_code_are_left_out() {
    let block = only(
        "<pre class=playground><code class=language-rust><span class=boring>fn main() {\n</span>\
         let s = 1;\n<span class=boring>}</span></code></pre>",
    );

    assert_eq!(block.body, "let s = 1;");
    assert!(!block.html.contains("main"));
}

#[test]
fn no_script_style_handler_or_foreign_attribute_comes_through() {
    for html in [
        "<p onclick=evil() style='x' class=y id=z>Text</p>",
        "<p>Text<script>evil()</script><style>evil</style></p>",
        "<p>Text<svg onload=evil()><script>evil()</script></svg></p>",
        "<p>Text<iframe src=evil></iframe><object data=evil>evil</object></p>",
        "<div onmouseover=evil()>Text<form action=evil><input value=evil></form></div>",
        "<p><a href='javascript:evil()'>Text</a></p>",
        "<p><a href='&#106;avascript:evil()' onclick='evil()'>Text</a></p>",
        "<p><evil-tag><font face=evil>Text</font></evil-tag></p>",
        "<p>Text<!-- evil --></p>",
        "<p><math><mtext></mtext><style><img src=x onerror=evil></style></math>Text</p>",
    ] {
        let found = read(html);
        let all: String = found.iter().map(|block| block.html.as_str()).collect();
        assert_eq!(all, "<p>Text</p>", "{html}");
    }
}

#[test]
fn what_looks_like_markup_in_text_stays_text() {
    let block = only("<p>&lt;script&gt;alert('1')&lt;/script&gt; &amp; more</p>");

    assert_eq!(block.html, "<p>&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; more</p>");
    assert_eq!(block.body, "<script>alert('1')</script> & more");
}

#[test]
fn links_lead_to_lessons_or_out_and_images_leave_their_words() {
    let block = only(
        "<p><a href='next.html#a'>next</a> <a href='https://example.org/a?b=1&c=2'>out</a> \
         <a href='gone.html'>gone</a> <img src=x.png alt='a \"crab\"'></p>",
    );

    assert_eq!(
        block.html,
        "<p><a href=\"/learn/c/next\">next</a> \
         <a href=\"https://example.org/a?b=1&amp;c=2\" rel=\"noopener noreferrer\">out</a> \
         gone a &quot;crab&quot;</p>"
    );
}

#[test]
fn text_between_blocks_is_a_paragraph_of_its_own() {
    let found = read("<div>Loose <b>words</b>.<p>Then a paragraph.</p>And more.</div>");

    let bodies: Vec<_> = found.iter().map(|block| block.body.as_str()).collect();
    assert_eq!(bodies, ["Loose words.", "Then a paragraph.", "And more."]);
}

#[test]
fn markup_nested_without_end_is_cut_off_and_does_not_exhaust_the_stack() {
    let deep =
        format!("{}<p>deep</p>{}<p>after</p>", "<div>".repeat(5_000), "</div>".repeat(5_000));
    let quotes = format!("{}x{}<p>after</p>", "<em>".repeat(5_000), "</em>".repeat(5_000));

    assert_eq!(read(&deep).last().unwrap().body, "after");
    assert_eq!(read(&quotes).last().unwrap().body, "after");
}
