//! How an authorization request is answered: at the app's address, always with our name
//! (RFC 9207).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::sheet::Sheet;
use crate::{
    auth::Auth,
    domain::oidc::{
        reply::{Reply, ResponseMode},
        request::Fault,
    },
    http::{auth::is_fetch, html::escape, words::consent},
};

/// Sends a form where scripts run; its button is for where they do not.
const SUBMIT: &str = "document.forms[0].submit()";

/// Whether a script asks, which cannot follow a redirect to another site
/// (`auth-api.md` §9).
pub(super) fn is_script(request: &HttpRequest) -> bool {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let is_json = |value: Option<&str>| {
        value.is_some_and(|it| it.trim_start().to_ascii_lowercase().starts_with("application/json"))
    };
    is_fetch(request) || is_json(text(header::ACCEPT)) || is_json(text(header::CONTENT_TYPE))
}

/// Sends the browser on: 303 and never 307, so that no password is sent again (attack C8).
pub(super) fn on(request: &HttpRequest, auth: &Auth, url: &str) -> HttpResponse {
    if is_script(request) {
        let own = auth.origins().own();
        let url = if url.starts_with('/') { format!("{own}{url}") } else { url.to_owned() };
        return HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .json(json!({ "redirect": true, "url": url }));
    }
    HttpResponse::build(StatusCode::SEE_OTHER)
        .insert_header((header::LOCATION, url))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .finish()
}

/// Answers the app.
pub(super) fn send(
    request: &HttpRequest,
    auth: &Auth,
    reply: &Reply,
    said: &[(&str, &str)],
) -> HttpResponse {
    let issuer = auth.issuer();
    let mut params = said.to_vec();
    if let Some(state) = &reply.state {
        params.push(("state", state));
    }
    params.push(("iss", &issuer));
    match reply.mode {
        ResponseMode::Query => on(request, auth, &reply.url(&params)),
        ResponseMode::FormPost => form_post(request, auth, reply, &params),
    }
}

/// Tells the app why it gets nothing.
pub(super) fn refuse(
    request: &HttpRequest,
    auth: &Auth,
    reply: &Reply,
    fault: &Fault,
) -> HttpResponse {
    let said = [("error", fault.code), ("error_description", &*fault.description)];
    send(request, auth, reply, &said)
}

fn form_post(
    request: &HttpRequest,
    auth: &Auth,
    reply: &Reply,
    params: &[(&str, &str)],
) -> HttpResponse {
    let mut sheet = Sheet::asked(auth, request, None);
    sheet.sources.extend(reply.source());
    sheet.script = Some(format!("sha256-{}", STANDARD.encode(Sha256::digest(SUBMIT))));
    let words = consent::of(sheet.locale);
    let fields: Vec<_> = params
        .iter()
        .map(|(name, value)| {
            format!(r#"<input type="hidden" name="{}" value="{}">"#, escape(name), escape(value))
        })
        .collect();
    let body = format!(
        r#"<form id="form-post" method="post" action="{}">{}
<button id="continue" type="submit">{}</button></form><script>{SUBMIT}</script>"#,
        escape(&reply.redirect_uri),
        fields.concat(),
        escape(words.back),
    );
    sheet.answer(StatusCode::OK, words.back_title, &body)
}
