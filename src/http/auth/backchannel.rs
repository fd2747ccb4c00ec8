//! `POST /api/auth/backchannel-logout`: an issuer says that somebody has signed out there (OpenID
//! Connect Back-Channel Logout 1.0). It speaks OAuth's dialect (RFC 6749 §5.2).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Form, ServiceConfig},
};
use serde::Deserialize;
use serde_json::json;
use utoipa::{OpenApi, ToSchema};

use super::{device, post, schema};
use crate::{
    auth::{Auth, AuthError, LogoutError},
    store::StoreError,
};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    post(cfg, "/backchannel-logout", logout);
}

#[derive(OpenApi)]
#[openapi(paths(logout))]
pub(in crate::http) struct Docs;

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = LogoutForm)]
struct LogoutForm {
    logout_token: String,
}

/// Where no other issuer is configured there is nothing here.
#[utoipa::path(
    post,
    path = "/backchannel-logout",
    operation_id = "backchannelLogout",
    tag = "account",
    summary = "The configured issuer ends sign-ins",
    security(()),
    request_body(content = LogoutForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "They have ended, here and on every node"),
        (status = "4XX", description = "Refused", body = schema::OAuthRefusalBody),
        (status = "5XX", description = "Failed: worth another try", body = schema::OAuthRefusalBody),
    ),
)]
async fn logout(
    request: HttpRequest,
    auth: Data<Auth>,
    form: Result<Form<LogoutForm>, actix_web::Error>,
) -> HttpResponse {
    let Ok(Form(LogoutForm { logout_token })) = form else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_request", "logout_token is missing");
    };
    let (device, _) = device(&request, &auth);
    match auth.end_at_issuers_word(&logout_token, &device).await {
        Ok(()) => HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).finish(),
        Err(LogoutError::NoIssuer) => refuse(
            StatusCode::NOT_FOUND,
            "not_found",
            "no issuer sends logout tokens to this server: see issuer.url in its settings",
        ),
        Err(LogoutError::Refused(why)) => refuse(StatusCode::BAD_REQUEST, "invalid_request", why),
        Err(LogoutError::Auth(error)) => fail(&error),
    }
}

fn fail(error: &AuthError) -> HttpResponse {
    if !matches!(error, AuthError::IssuerAway) {
        tracing::error!(%error, "a logout token could not be obeyed");
    }
    let again = matches!(
        error,
        AuthError::IssuerAway
            | AuthError::Store(StoreError::Unavailable(_) | StoreError::Overloaded)
    );
    if again {
        let why = "try again in a moment";
        let mut answer = refuse(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", why);
        answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
        return answer;
    }
    refuse(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "something went wrong")
}

fn refuse(status: StatusCode, error: &str, why: &str) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "error": error, "error_description": why }))
}
