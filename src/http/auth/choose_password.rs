//! A form for a new password, for browsers without JavaScript: where a reset link leads that names
//! no other page.
//!
//! The link's token moves from the URL into a cookie that no script reads, and the URL is cleaned,
//! so that neither history nor a referrer has it (attack B2).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Data, Query, ServiceConfig},
};
use serde::Deserialize;
use utoipa::OpenApi;

use super::{
    at,
    body::{Fields, callback},
    device,
    error::Refusal,
    pages::{Fault, Pages},
    schema,
};
use crate::{
    auth::{Auth, LinkError},
    domain::return_url::ReturnUrl,
    http::{
        extract::{cookie_value, secure_name},
        methods::reading,
        words,
    },
};

/// Where the form stands.
pub(super) const PATH: &str = "/api/auth/choose-password";
const COOKIE: &str = "better-auth.reset_token";
/// As long as a link is good for at most.
const COOKIE_LIFE_S: u32 = 3_600;
const LONGEST_TOKEN: usize = 128;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    at(cfg, "/choose-password", vec![reading().to(shown), web::post().to(chosen)]);
}

#[derive(OpenApi)]
#[openapi(paths(shown, chosen))]
pub(in crate::http) struct Docs;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Arrival {
    /// What a reset link brings; the answer leads to the same page without it.
    token: Option<String>,
    /// The reset link was no good.
    error: Option<String>,
    /// Where she goes on with the new password: what a `redirectTo` to this page named.
    #[serde(rename = "continue")]
    back: Option<String>,
}

#[utoipa::path(
    get,
    path = "/choose-password",
    operation_id = "showChoosePassword",
    tag = "account",
    summary = "The form for a new password",
    params(Arrival),
    security(()),
    responses(
        (status = 200, description = "The form", body = String, content_type = "text/html"),
        (status = 303, description = "The token has moved into a cookie; on to the form"),
        (status = "4XX", description = "A page that says why not", body = String, content_type = "text/html"),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn shown(
    request: HttpRequest,
    auth: Data<Auth>,
    arrival: Query<Arrival>,
) -> Result<HttpResponse, Refusal> {
    let pages = Pages::new(&auth, words::locale(&request));
    if arrival.error.is_some() {
        return Ok(pages.bad_link(&LinkError::Invalid));
    }
    let back = arrival.back.as_deref().map(|text| callback(text, &auth)).transpose()?;
    if let Some(token) = &arrival.token {
        let plain =
            token.len() <= LONGEST_TOKEN && token.bytes().all(|b| b.is_ascii_alphanumeric());
        if !plain {
            return Ok(pages.bad_link(&LinkError::Invalid));
        }
        return Ok(HttpResponse::build(StatusCode::SEE_OTHER)
            .insert_header((header::LOCATION, here(back.as_ref())))
            .insert_header((header::SET_COOKIE, cookie(&auth, token, COOKIE_LIFE_S)))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .finish());
    }
    let token = cookie_value(&request, &secure_name(&auth, COOKIE)).unwrap_or_default();
    match auth.check_reset(&token).await {
        Ok(user) => Ok(pages.choose_password(&user.email, None, back.as_ref())),
        Err(LinkError::Auth(error)) => Err(error.into()),
        Err(error) => Ok(pages.bad_link(&error)),
    }
}

#[utoipa::path(
    post,
    path = "/choose-password",
    operation_id = "choosePassword",
    tag = "account",
    summary = "Sets the password that the form asks for twice",
    request_body(content = schema::ChooseForm, content_type = "application/x-www-form-urlencoded"),
    security(()),
    responses(
        (status = 200, description = "A page that says so", body = String, content_type = "text/html"),
        (status = "4XX", description = "The form again, with what was wrong", body = String, content_type = "text/html"),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn chosen(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let (device, _) = device(&request, &auth);
    let pages = Pages::new(&auth, device.locale);
    let token = cookie_value(&request, &secure_name(&auth, COOKIE)).unwrap_or_default();
    let user = match auth.check_reset(&token).await {
        Ok(user) => user,
        Err(LinkError::Auth(error)) => return Err(error.into()),
        Err(error) => return Ok(pages.bad_link(&error)),
    };
    // What the browser's password store is told; the account is the link's.
    let _ = fields.optional_text("email");
    let back = fields.optional_text("continue").map(|text| callback(&text, &auth)).transpose()?;
    let again_for = |fault| Ok(pages.choose_password(&user.email, Some(fault), back.as_ref()));
    let (Ok(Some(password)), Ok(Some(again))) =
        (fields.password("password"), fields.password("again"))
    else {
        return again_for(Fault::TooLong);
    };
    fields.finish()?;
    if password.as_bytes() != again.as_bytes() {
        return again_for(Fault::Differ);
    }
    if let Err(why) = auth.check_password(&password) {
        return again_for(Fault::Weak(why));
    }
    let mut page = match auth.reset_password(&token, password, &device).await {
        Ok(()) => pages.password_chosen(back.as_ref()),
        Err(LinkError::Auth(error)) => return Err(error.into()),
        Err(error) => pages.bad_link(&error),
    };
    if let Ok(gone) = header::HeaderValue::from_str(&cookie(&auth, "", 0)) {
        page.headers_mut().append(header::SET_COOKIE, gone);
    }
    Ok(page)
}

/// The form's address without the token.
fn here(back: Option<&ReturnUrl>) -> String {
    back.map_or_else(
        || PATH.to_owned(),
        |back| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            format!("{PATH}?{}", query.append_pair("continue", back.as_str()).finish())
        },
    )
}

/// `Lax` and not `Strict`: whoever comes from a mail comes from another site.
fn cookie(auth: &Auth, token: &str, age: u32) -> String {
    let name = secure_name(auth, COOKIE);
    let secure = if auth.origins().own().is_https() { "; Secure" } else { "" };
    format!("{name}={token}; Max-Age={age}; Path={PATH}; HttpOnly; SameSite=Lax{secure}")
}
