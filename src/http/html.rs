//! Small pages that the server writes itself.

use crate::domain::locale::Locale;

/// Text that stands in HTML as it is, in an attribute too.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2330;--paper:#f6f7f9;--card:#fff;--line:#dfe3ea;--act:#2f5bd7}\
@media(prefers-color-scheme:dark){:root{--ink:#e8ebf1;--paper:#12161d;--card:#1a202a;\
--line:#2c3441;--act:#7fa2ff}}\
*{box-sizing:border-box}body{margin:0;padding:2rem 1rem;background:var(--paper);color:var(--ink);\
font:16px/1.5 system-ui,sans-serif}main{max-width:46rem;margin:0 auto;padding:1.5rem;\
background:var(--card);border:1px solid var(--line);border-radius:12px}h1{margin-top:0;\
font-size:1.4rem}a{color:var(--act);overflow-wrap:anywhere}button{font:inherit;padding:.6rem 1.2rem;\
border:0;border-radius:8px;background:var(--act);color:var(--card);cursor:pointer}\
article{border-top:1px solid var(--line);padding:.75rem 0}pre{white-space:pre-wrap;\
overflow-wrap:anywhere}label{display:block}input{font:inherit;width:100%;padding:.6rem;\
color:inherit;background:var(--paper);border:1px solid var(--line);border-radius:8px}\
#fault{color:#c0392b;font-weight:600}";

/// A whole page. `body` is HTML, `title` is text.
pub(crate) fn page(title: &str, body: &str) -> String {
    page_in(Locale::English, title, body)
}

/// The same in another language, which may run the other way.
pub(crate) fn page_in(locale: Locale, title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"{}\" dir=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{} · IntelliStack</title><style>{STYLE}</style></head>\
         <body><main>{body}</main></body></html>\n",
        locale.tag(),
        locale.direction(),
        escape(title)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_becomes_markup() {
        assert_eq!(escape("<a b='c'>&"), "&lt;a b=&#39;c&#39;&gt;&amp;");
        assert!(page("</title><script>", "").contains("&lt;/title&gt;&lt;script&gt;"));
    }
}
