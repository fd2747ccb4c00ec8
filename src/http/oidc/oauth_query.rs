//! The signed query of a page, as it comes back: from our own forms, and from Better-Auth's client as
//! `oauth_query` (`auth-api.md` §9).

use actix_web::{
    HttpResponseBuilder,
    http::{StatusCode, header},
};
use serde_json::Value;

use super::{
    authorize::path_of,
    error::OauthError,
    incoming::{Incoming, Unanswered},
    params::Params,
};
use crate::{auth::Auth, http::auth::error::Refusal};

/// Where a sign-in goes on that was asked for by an app.
pub(crate) fn next_url(auth: &Auth, query: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(query) = query else { return Ok(None) };
    let (client, uri) = auth.open_page_query(query).ok_or_else(|| {
        Refusal::bad("INVALID_SIGNATURE", "The oauth_query is not one of ours, or is too old")
    })?;
    Ok(Some(path_of(&client, &uri)))
}

/// Says in an answer where the browser goes on for an app: `path` is [`next_url`]'s.
pub(crate) fn go_on(response: &mut HttpResponseBuilder, body: &mut Value, auth: &Auth, path: &str) {
    let url = format!("{}{path}", auth.origins().own());
    response.insert_header((header::LOCATION, url.as_str()));
    if let Some(body) = body.as_object_mut() {
        body.insert("redirect".to_owned(), true.into());
        body.insert("url".to_owned(), url.into());
    }
}

/// The request behind a page's query.
pub(super) async fn opened(auth: &Auth, query: Option<&str>) -> Result<Incoming, OauthError> {
    let missing = || OauthError::invalid_request("The oauth_query is missing.");
    let query = query.filter(|it| !it.is_empty()).ok_or_else(missing)?;
    let Some((client, uri)) = auth.open_page_query(query) else {
        let text = "The oauth_query is not one of ours, or is too old.";
        return Err(OauthError::bad("invalid_signature", text));
    };
    let mut params = Params::default();
    params.set("client_id", &client);
    params.set("request_uri", &uri);
    match Incoming::read(auth, params).await {
        Ok(incoming) => Ok(incoming),
        Err(Unanswered::Error(error)) => Err(error),
        Err(Unanswered::Page(_)) => Err(OauthError::new(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "This request is over: it was answered, or it took too long.",
        )),
    }
}
