//! `POST /oauth2/revoke` (RFC 7009): an app gives back what it was granted.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, ServiceConfig},
};
use utoipa::OpenApi;

use super::{
    client_auth::authenticate, error::OauthError, introspect::OneTokenForm, params::Form,
    token::RefusalBody,
};
use crate::{
    auth::Auth,
    http::auth::{device, post},
};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    post(cfg, "/oauth2/revoke", revoke);
}

#[derive(OpenApi)]
#[openapi(paths(revoke))]
pub(in crate::http) struct Docs;

/// Either kind of token ends the whole grant, and the live sockets that it opened.
#[utoipa::path(
    post,
    path = "/oauth2/revoke",
    operation_id = "oauth2Revoke",
    tag = "account",
    summary = "A client gives a token back",
    security(()),
    request_body(content = OneTokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "It is worth nothing, if it was a token of this client"),
        (status = "4XX", description = "Refused", body = RefusalBody),
        (status = "5XX", description = "Failed", body = RefusalBody),
    ),
)]
async fn revoke(
    request: HttpRequest,
    auth: Data<Auth>,
    form: Form,
) -> Result<HttpResponse, OauthError> {
    let Form(params) = form;
    let client = authenticate(&request, &auth, &params).await?;
    let (device, _) = device(&request, &auth);
    auth.revoke_token(&client, params.required("token")?, &device).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).finish())
}
