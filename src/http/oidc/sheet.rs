//! The provider's own pages: they work without JavaScript, load nothing, leave no referrer, and
//! nothing frames them (attack C7).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};

use crate::{
    auth::Auth,
    domain::locale::Locale,
    http::{
        error::seconds_up,
        html::{escape, page_in},
        words::{self, Done, consent},
    },
};

/// What comes out of a URL or a registration is cut.
const LONGEST_VALUE: usize = 200;

/// Why a request is answered by a page of ours instead of going back to the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PageFault {
    UnknownApp,
    BadAddress,
    /// Answered before, expired, or never there.
    Gone,
    /// Come back in so many milliseconds.
    TooMany(i64),
    /// Unreadable; what is wrong with it, in English.
    BadRequest(StatusCode, String),
}

/// A page of one language.
pub(super) struct Sheet<'a> {
    auth: &'a Auth,
    pub(super) locale: Locale,
    /// Where a form may lead in the end, beside our own pages: browsers hold `form-action` against
    /// the redirect that answers a form.
    pub(super) sources: Vec<String>,
    /// The hash of the one script that may run.
    pub(super) script: Option<String>,
}

impl<'a> Sheet<'a> {
    pub(super) const fn new(auth: &'a Auth, locale: Locale) -> Self {
        Self { auth, locale, sources: Vec::new(), script: None }
    }

    /// In the language that the app asks for, where it is one of ours; else in the browser's.
    pub(super) fn asked(auth: &'a Auth, request: &HttpRequest, locales: Option<&str>) -> Self {
        let header = request.headers().get(header::ACCEPT_LANGUAGE);
        let accepted = header.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let locale = match locales {
            None => words::locale(request),
            Some(tags) => {
                let tags: Vec<_> = tags.split(' ').filter(|it| !it.contains([',', ';'])).collect();
                Locale::preferred(&format!("{},{accepted}", tags.join(",")))
            }
        };
        Self::new(auth, locale)
    }

    pub(super) fn answer(&self, status: StatusCode, title: &str, body: &str) -> HttpResponse {
        let others = self.auth.origins().others().iter().map(ToString::to_string);
        let targets: Vec<_> =
            others.chain(self.sources.iter().cloned()).map(|it| format!(" {it}")).collect();
        let script =
            self.script.as_ref().map(|it| format!("script-src '{it}'; ")).unwrap_or_default();
        let policy = format!(
            "default-src 'none'; {script}style-src 'unsafe-inline'; base-uri 'none'; \
             frame-ancestors 'none'; form-action 'self'{}",
            targets.concat()
        );
        let body = format!("<h1>{title}</h1>{body}", title = filled(title, &[]));
        HttpResponse::build(status)
            .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((header::CONTENT_LANGUAGE, self.locale.tag()))
            .insert_header((header::VARY, "Accept-Language"))
            .insert_header((header::CONTENT_SECURITY_POLICY, policy))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(page_in(self.locale, title, &body))
    }

    pub(super) fn fault(&self, fault: &PageFault) -> HttpResponse {
        let words = consent::of(self.locale);
        let (status, done, code): (_, &Done, &str) = match fault {
            PageFault::UnknownApp => (StatusCode::BAD_REQUEST, &words.unknown_app, ""),
            PageFault::BadAddress => (StatusCode::BAD_REQUEST, &words.bad_address, ""),
            PageFault::Gone => (StatusCode::BAD_REQUEST, &words.gone, ""),
            PageFault::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, &words.too_many, ""),
            PageFault::BadRequest(status, why) => (*status, &words.bad_request, why),
        };
        let text = filled(done.text, &[("{code}", code)]);
        let start = escape(words::of(self.locale).start_page);
        let body =
            format!(r#"<p id="error" role="alert">{text}</p><p><a href="/">{start}</a></p>"#);
        let mut answer = self.answer(status, done.title, &body);
        if let PageFault::TooMany(ms) = fault {
            answer.headers_mut().insert(header::RETRY_AFTER, seconds_up(*ms).into());
        }
        answer
    }
}

/// Text with its places filled, ready to stand in HTML.
pub(super) fn filled(text: &str, places: &[(&str, &str)]) -> String {
    places.iter().fold(escape(text), |text, (place, value)| {
        text.replace(place, &format!("<bdi>{}</bdi>", escape(&cut(value))))
    })
}

/// A title with its places filled, as text.
pub(super) fn titled(text: &str, place: &str, value: &str) -> String {
    text.replace(place, &cut(value))
}

fn cut(value: &str) -> String {
    // What turns the writing around could make one name look like another.
    let turns = |c: &char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    value.chars().filter(|c| !c.is_control() && !turns(c)).take(LONGEST_VALUE).collect()
}

/// A parameter of a page's own URL, the first of its name.
pub(super) fn page_param(request: &HttpRequest, name: &str) -> Option<String> {
    url::form_urlencoded::parse(request.query_string().as_bytes())
        .find(|(own, value)| own == name && !value.is_empty())
        .map(|(_, value)| value.into_owned())
}
