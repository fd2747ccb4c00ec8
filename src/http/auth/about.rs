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
    Pages::new(&auth, words::locale(&request)).failed(code)
}
