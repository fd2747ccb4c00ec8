//! A forgotten password: `request-password-reset` (by its older name `forget-password`), the link
//! in the mail, and `reset-password`. Opening the link uses nothing up, so mail scanners do no harm.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path, Query, ServiceConfig},
};
use serde::Deserialize;
use serde_json::json;
use utoipa::OpenApi;

use super::{
    body::{Fields, callback},
    choose_password, device,
    error::Refusal,
    get, post, schema,
};
use crate::{
    auth::{Auth, LinkError, sign_up::SignUpError},
    domain::return_url::ReturnUrl,
};

const SENT: &str = "If this email exists in our system, check your email for the reset link";

pub(super) fn routes(cfg: &mut ServiceConfig) {
    post(cfg, "/request-password-reset", request_reset);
    post(cfg, "/forget-password", request_reset);
    get(cfg, "/reset-password/{token}", opened);
    post(cfg, "/reset-password", reset);
}

#[derive(OpenApi)]
#[openapi(paths(request_reset, opened, reset))]
pub(in crate::http) struct Docs;

/// Also mounted by its older name, `forget-password`.
#[utoipa::path(
    post,
    path = "/request-password-reset",
    operation_id = "requestPasswordReset",
    tag = "account",
    summary = "Mails a link that sets another password",
    request_body = schema::RequestResetBody,
    security(()),
    responses(
        (status = 200, description = "The same for an unknown address", body = schema::SentBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn request_reset(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let email = fields.email("email");
    let back = fields.optional_text("redirectTo");
    fields.finish()?;
    let back = match back {
        Some(text) => ReturnUrl::parse(&text, auth.origins())
            .map_err(|_| Refusal::forbidden("INVALID_REDIRECT_URL", "Invalid redirectURL"))?,
        // A page of ours that needs no JavaScript.
        None => {
            ReturnUrl::parse(choose_password::PATH, auth.origins()).map_err(Refusal::internal)?
        }
    };
    let (device, address) = device(&request, &auth);
    if let Some(email) = email {
        auth.may_mail_to(email.as_str(), address).await?;
        auth.request_reset(&email, &back, &device).await?;
    }
    Ok(HttpResponse::Ok().json(json!({ "status": true, "message": SENT })))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Opened {
    #[serde(rename = "callbackURL")]
    callback: Option<String>,
}

#[utoipa::path(
    get,
    path = "/reset-password/{token}",
    operation_id = "openReset",
    tag = "account",
    summary = "The link of the mail: on to callbackURL with the token or an error",
    params(("token" = String, Path), Opened),
    security(()),
    responses(
        (status = 302, description = "On to callbackURL"),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn opened(
    auth: Data<Auth>,
    token: Path<String>,
    query: Query<Opened>,
) -> Result<HttpResponse, Refusal> {
    let Some(text) = &query.callback else {
        let message = "[query.callbackURL] Invalid input: expected string, received undefined";
        return Err(Refusal::validation(message));
    };
    let back = callback(text, &auth)?.absolute(auth.origins());
    let back = match auth.check_reset(&token).await {
        Ok(_) => back.with("token", &token),
        Err(LinkError::Auth(error)) => return Err(error.into()),
        Err(_) => back.with("error", "INVALID_TOKEN"),
    };
    Ok(HttpResponse::build(StatusCode::FOUND)
        .insert_header((header::LOCATION, back.as_str()))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .finish())
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct TokenQuery {
    token: Option<String>,
}

#[utoipa::path(
    post,
    path = "/reset-password",
    operation_id = "resetPassword",
    tag = "account",
    summary = "Sets another password with the token of a mail",
    params(TokenQuery),
    request_body = schema::ResetBody,
    security(()),
    responses(
        (status = 200, description = "Set", body = schema::StatusBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn reset(
    request: HttpRequest,
    auth: Data<Auth>,
    query: Query<TokenQuery>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let password = fields.password("newPassword")?;
    let token = fields.optional_text("token").or_else(|| query.token.clone());
    fields.finish()?;
    let invalid = || Refusal::bad("INVALID_TOKEN", "Invalid token");
    let (Some(token), Some(password)) = (token, password) else { return Err(invalid()) };
    // A weak password is told before the link is used up.
    auth.check_password(&password).map_err(SignUpError::Weak)?;
    match auth.reset_password(&token, password, &device(&request, &auth).0).await {
        Ok(()) => Ok(HttpResponse::Ok().json(json!({ "status": true }))),
        Err(LinkError::Auth(error)) => Err(error.into()),
        Err(LinkError::Invalid | LinkError::Expired) => Err(invalid()),
    }
}
