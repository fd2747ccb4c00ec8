//! What the plain pages of signing out and of devices have in common: who looks at them, in which
//! language, and the headers that no such page goes without.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
};
use url::Url;

use crate::{
    auth::{Auth, AuthError, Identity},
    domain::locale::Locale,
    http::{
        extract::{Shown, shown},
        html::{escape, page_in},
    },
};

/// What comes out of a request is cut.
const LONGEST_VALUE: usize = 300;

/// A page, as far as its text goes.
pub(super) struct Page<'a> {
    pub locale: Locale,
    pub title: &'a str,
    /// HTML.
    pub body: String,
    /// Where a form of it may lead beside our own site: browsers hold the policy against the
    /// redirect that answers the form, too.
    pub leads_to: Option<String>,
}

impl<'a> Page<'a> {
    pub(super) const fn new(locale: Locale, title: &'a str, body: String) -> Self {
        Self { locale, title, body, leads_to: None }
    }

    /// Nothing frames it (attack C7), nothing is loaded from elsewhere, no referrer leaves it.
    pub(super) fn answer(&self, response: &mut HttpResponseBuilder) -> HttpResponse {
        let leads_to = self.leads_to.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
        let policy = format!(
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors \
             'none'; form-action 'self'{leads_to}"
        );
        let body = format!("<h1>{}</h1>{}", escape(self.title), self.body);
        response
            .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((header::CONTENT_LANGUAGE, self.locale.tag()))
            .insert_header((header::VARY, "Accept-Language"))
            .insert_header((header::CONTENT_SECURITY_POLICY, policy))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(page_in(self.locale, self.title, &body))
    }
}

/// A page that says what is wrong.
pub(super) fn error_page(
    status: StatusCode,
    locale: Locale,
    (title, why): (&str, &str),
) -> HttpResponse {
    let body = format!(r#"<p id="error" role="alert">{}</p>"#, escape(why));
    Page::new(locale, title, body).answer(&mut HttpResponse::build(status))
}

/// The same for what is our fault, which is logged here.
pub(super) fn failed(error: &AuthError, locale: Locale, words: (&str, &str)) -> HttpResponse {
    tracing::error!(%error, "a page could not be shown");
    let status = match error {
        AuthError::Store(_) | AuthError::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    error_page(status, locale, words)
}

/// On to another place, whatever was sent here (attack C8).
pub(super) fn see_other(response: &mut HttpResponseBuilder, to: &str) -> HttpResponse {
    response
        .insert_header((header::LOCATION, to))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

/// Whoever is signed in in this browser.
pub(super) async fn signed_in(
    request: &HttpRequest,
    auth: &Auth,
) -> Result<Option<Identity>, AuthError> {
    let Shown::Cookie(token) = shown(request, auth) else { return Ok(None) };
    match auth.by_session_token(&token).await {
        Ok(who) => Ok(Some(who)),
        Err(AuthError::NotSignedIn | AuthError::Banned) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The language that `ui_locales` (OpenID Connect Core §3.1.2.1) likes best, else the browser.
pub(super) fn locale(request: &HttpRequest, ui_locales: Option<&str>) -> Locale {
    let header = request.headers().get(header::ACCEPT_LANGUAGE);
    let header = header.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asked = ui_locales.unwrap_or_default().replace([' ', ';'], ",");
    Locale::preferred(&format!("{asked},{header}"))
}

/// Where a redirect to this address leads, as a policy's `form-action` has it.
pub(super) fn source_of(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok()?;
    // Policies have no words for an IPv6 address, and an app's own scheme has no host.
    let named = match url.host() {
        Some(url::Host::Domain(_) | url::Host::Ipv4(_)) => {
            matches!(url.scheme(), "http" | "https")
        }
        Some(url::Host::Ipv6(_)) | None => false,
    };
    Some(if named { url.origin().ascii_serialization() } else { format!("{}:", url.scheme()) })
}

/// Text with its places filled, ready to stand in HTML.
pub(super) fn filled(text: &str, places: &[(&str, &str)]) -> String {
    places.iter().fold(escape(text), |text, (place, value)| {
        let value: String = value.chars().take(LONGEST_VALUE).collect();
        text.replace(place, &format!("<bdi>{}</bdi>", escape(&value)))
    })
}

/// A field that nobody sees.
pub(super) fn hidden((name, value): (&str, &str)) -> String {
    format!(r#"<input type="hidden" name="{}" value="{}">"#, escape(name), escape(value))
}
