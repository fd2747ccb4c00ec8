//! `send-verification-email` and the link in the mail, `verify-email`.
//!
//! Mail scanners open links, so a GET by navigation changes nothing: it shows a page with a button,
//! and its POST does it (oidc.md B5). A GET by `fetch` is the client library's and does it at once.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Data, Query, ServiceConfig},
};
use serde::Deserialize;
use serde_json::json;
use utoipa::OpenApi;

use super::{
    at,
    body::{Fields, callback},
    caller, device,
    error::Refusal,
    is_fetch,
    pages::Pages,
    post, schema,
};
use crate::{
    auth::{Auth, LinkError, links::Step},
    domain::return_url::ReturnUrl,
};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    post(cfg, "/send-verification-email", send);
    at(cfg, "/verify-email", vec![web::get().to(opened), web::post().to(confirmed)]);
}

#[derive(OpenApi)]
#[openapi(paths(send, opened, confirmed))]
pub(in crate::http) struct Docs;

/// The same answer for an address without account; a signed-in person hears more of her own.
#[utoipa::path(
    post,
    path = "/send-verification-email",
    operation_id = "sendVerificationEmail",
    tag = "account",
    summary = "Mails the link that verifies an address again",
    request_body = schema::SendBody,
    security(()),
    responses(
        (status = 200, description = "The same for an unknown address", body = schema::StatusBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn send(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let email = fields.email("email");
    let back = fields.callback(&auth)?.unwrap_or_else(ReturnUrl::home);
    fields.finish()?;
    let Some(email) = email else { return Err(Refusal::validation("[body.email] Invalid input")) };
    let (device, address) = device(&request, &auth);
    match caller(&request, &auth).await {
        Ok(caller) if caller.user.email != email.as_str() => {
            return Err(Refusal::bad("EMAIL_MISMATCH", "Email mismatch"));
        }
        Ok(caller) if caller.user.email_verified => {
            return Err(Refusal::bad("EMAIL_ALREADY_VERIFIED", "Email is already verified"));
        }
        Ok(_) => {}
        Err(refusal) if refusal.is_unauthorized() => {
            auth.may_mail_to(email.as_str(), address).await?;
        }
        Err(refusal) => return Err(refusal),
    }
    auth.mail_verification_again(&email, &back, &device).await?;
    Ok(HttpResponse::Ok().json(json!({ "status": true })))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Link {
    token: Option<String>,
    #[serde(rename = "callbackURL")]
    callback: Option<String>,
}

impl Link {
    /// From a form of ours.
    pub(super) fn of_form(fields: &mut Fields) -> Self {
        Self { token: Some(fields.text("token")), callback: fields.optional_text("callbackURL") }
    }

    pub(super) fn token(&self) -> Result<&str, Refusal> {
        self.token.as_deref().ok_or_else(|| {
            Refusal::validation("[query.token] Invalid input: expected string, received undefined")
        })
    }

    pub(super) fn back(&self, auth: &Auth) -> Result<Option<ReturnUrl>, Refusal> {
        self.callback.as_deref().map(|text| callback(text, auth)).transpose()
    }
}

#[utoipa::path(
    get,
    path = "/verify-email",
    operation_id = "openVerification",
    tag = "account",
    summary = "The link of the mail: a page with a button, or by fetch the act itself",
    params(Link),
    security(()),
    responses(
        (status = 200, description = "A page, or by fetch JSON", content((String = "text/html"), (schema::StatusBody = "application/json"))),
        (status = 302, description = "Verified; on to callbackURL"),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn opened(
    request: HttpRequest,
    auth: Data<Auth>,
    link: Query<Link>,
) -> Result<HttpResponse, Refusal> {
    let (token, back) = (link.token()?, link.back(&auth)?);
    let (device, _) = device(&request, &auth);
    if !is_fetch(&request) {
        let pages = Pages::new(&auth, device.locale);
        return match auth.check_link(token).await {
            Ok(claims) => Ok(pages.confirm(&claims, token, back.as_ref())),
            Err(error) if code(&error).is_some() => Ok(pages.bad_link(&error)),
            Err(error) => Err(error.into()),
        };
    }
    let next = back.clone().unwrap_or_else(ReturnUrl::home);
    match (auth.verify_email(token, &next, &device).await, back) {
        (Ok(_), None) => Ok(HttpResponse::Ok().json(json!({ "status": true, "user": null }))),
        (Ok(_), Some(back)) => Ok(found(StatusCode::FOUND, &back)),
        (Err(error), Some(back)) if code(&error).is_some() => {
            Ok(found(StatusCode::FOUND, &back.with("error", code(&error).unwrap_or_default())))
        }
        (Err(error), _) => Err(error.into()),
    }
}

#[utoipa::path(
    post,
    path = "/verify-email",
    operation_id = "confirmVerification",
    tag = "account",
    summary = "Verifies the address",
    request_body = schema::ConfirmBody,
    security(()),
    responses(
        (status = 200, description = "A page that says so", body = String, content_type = "text/html"),
        (status = 303, description = "Verified; on to callbackURL"),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn confirmed(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let link = Link::of_form(&mut fields);
    fields.finish()?;
    let (token, back) = (link.token()?, link.back(&auth)?);
    let (device, _) = device(&request, &auth);
    let pages = Pages::new(&auth, device.locale);
    let next = back.clone().unwrap_or_else(ReturnUrl::home);
    match (auth.verify_email(token, &next, &device).await, back) {
        // Whoever has agreed to a change must hear that another mail follows.
        (Ok(step @ Some(Step::ChangeEmailConfirmation)), _) | (Ok(step), None) => {
            Ok(pages.verified(step))
        }
        (Ok(_), Some(back)) => Ok(found(StatusCode::SEE_OTHER, &back)),
        (Err(error), _) if code(&error).is_some() => Ok(pages.bad_link(&error)),
        (Err(error), _) => Err(error.into()),
    }
}

pub(super) fn found(status: StatusCode, back: &ReturnUrl) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::LOCATION, back.as_str()))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

/// The code of a link that is no good; none for a failure of ours.
pub(super) fn code(error: &LinkError) -> Option<&'static str> {
    match error {
        LinkError::Invalid => Some("INVALID_TOKEN"),
        LinkError::Expired => Some("TOKEN_EXPIRED"),
        LinkError::Auth(_) => None,
    }
}

impl From<LinkError> for Refusal {
    fn from(error: LinkError) -> Self {
        let unauthorized = |code, message| Self::new(StatusCode::UNAUTHORIZED, code, message);
        match error {
            LinkError::Invalid => unauthorized("INVALID_TOKEN", "Invalid token"),
            LinkError::Expired => unauthorized("TOKEN_EXPIRED", "Token expired"),
            LinkError::Auth(error) => error.into(),
        }
    }
}
