//! `/two-factor/send-otp` and `/two-factor/verify-otp`: codes by mail (`auth-api.md` §8).

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, ServiceConfig},
};
use serde_json::json;
use utoipa::OpenApi;

use super::{
    body::Fields,
    device,
    error::Refusal,
    factor_schema, post, schema,
    two_factor::{Shown, Waiting, prove, secret},
};
use crate::auth::{Auth, factors::Code};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    post(cfg, "/two-factor/send-otp", send);
    post(cfg, "/two-factor/verify-otp", verify);
}

#[derive(OpenApi)]
#[openapi(paths(send, verify))]
pub(in crate::http) struct Docs;

/// Six digits, good for five minutes, five tries and one use. For those who enabled it.
#[utoipa::path(
    post,
    path = "/two-factor/send-otp",
    operation_id = "sendOtp",
    tag = "account",
    summary = "Mails a code that proves the second factor",
    request_body = factor_schema::SendBody,
    security(()),
    responses(
        (status = 200, description = "On its way", body = schema::StatusBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn send(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let _ = fields.flag("trustDevice", false);
    let _ = fields.optional_text("oauth_query");
    fields.finish()?;
    let waiting = Waiting::of(&request, &auth).await?;
    let (device, address) = device(&request, &auth);
    auth.mail_code(waiting.prover(), (&device, address)).await?;
    Ok(secret().json(json!({ "status": true })))
}

/// Ends a sign-in that waits; with a session proves the factor once more.
#[utoipa::path(
    post,
    path = "/two-factor/verify-otp",
    operation_id = "verifyOtp",
    tag = "account",
    summary = "Proves the second factor by a mailed code",
    request_body = factor_schema::CodeBody,
    security(()),
    responses(
        (status = 200, description = "Proved", body = factor_schema::ProvedBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn verify(
    request: HttpRequest,
    auth: Data<Auth>,
    fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let shown = Shown::read(&auth, fields)?;
    prove(&request, &auth, Code::Mailed(&shown.code), &shown).await
}
