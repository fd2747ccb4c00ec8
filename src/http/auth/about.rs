//! `ok`, and the page that says what went wrong with a link or at another provider.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Query, ServiceConfig},
};
use serde::Deserialize;
use serde_json::json;
use utoipa::OpenApi;

use super::{get, pages::Pages, schema};
use crate::{auth::Auth, http::words};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    get(cfg, "/ok", ok);
    get(cfg, "/error", error);
}

#[derive(OpenApi)]
#[openapi(paths(ok, error))]
pub(in crate::http) struct Docs;

#[utoipa::path(
    get,
    path = "/ok",
    operation_id = "authOk",
    tag = "account",
    summary = "Whether account calls are served here",
    security(()),
    responses((status = 200, description = "They are", body = schema::OkBody)),
)]
async fn ok() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "ok": true }))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Why {
    /// A code such as `state_mismatch`.
    error: Option<String>,
}

#[utoipa::path(
    get,
    path = "/error",
    operation_id = "authError",
    tag = "account",
    summary = "A page that says what went wrong",
    params(Why),
    security(()),
    responses((status = 200, description = "The page", body = String, content_type = "text/html")),
)]
async fn error(request: HttpRequest, auth: Data<Auth>, why: Query<Why>) -> HttpResponse {
    let code = why.error.as_deref().unwrap_or("unknown");
    Pages::new(&auth, words::locale(&request)).failed(code, meaning(code))
}

/// What a code of a failed sign-in at a provider means, and what to do.
fn meaning(code: &str) -> Option<&'static str> {
    Some(match code {
        "access_denied" => "You did not allow it at the provider, so nothing was done.",
        "login_required" => "The provider wants you to sign in there first.",
        "state_mismatch" => {
            "This sign-in was begun in another browser, has been used, or took more than ten minutes."
        }
        "issuer_mismatch" => "The answer came from another provider than you went to.",
        "invalid_code" => "The provider did not confirm who you are.",
        "provider_unavailable" => "The provider does not answer just now. Try again in a moment.",
        "account_not_linked" => {
            "There is an account with your address that is not linked with this provider. Sign in \
             to it in another way and link it on your account page. If you have not verified its \
             address yet, open the link that we mailed to you first."
        }
        "email_does_not_match" => "That account has another address than yours.",
        "account_already_linked_to_different_user" => "That account is linked to somebody else.",
        "email_not_found" => "The provider told us no address of yours.",
        "signup_disabled" => "There is no account of yours, and this school makes accounts itself.",
        "banned" => "This account is banned.",
        "too_many_requests" => "Too many tries. Try again in a few minutes.",
        _ => return None,
    })
}
