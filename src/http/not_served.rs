//! What a node answers for work that is not its own: 404, in the dialect of the path, and in words
//! that tell the operator what was mixed up.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, ServiceConfig},
};
use serde_json::json;

use super::error::ApiError;
use crate::config::NodeRole;

const fn message(role: NodeRole) -> &'static str {
    match role {
        NodeRole::Auth => {
            "This node does not serve accounts and sign-in (role auth). Ask a node that does."
        }
        NodeRole::Chat => {
            "This node does not serve lessons and conversations (role chat). Ask a node that does."
        }
        NodeRole::Web => "This node does not serve the web pages (role web). Ask a node that does.",
    }
}

/// In the dialect of `/api/v1`.
pub(super) fn refusal(role: NodeRole) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", message(role))
}

/// In Better-Auth's dialect, for `/api/auth`.
pub(super) async fn account_call() -> HttpResponse {
    HttpResponse::NotFound()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "message": message(NodeRole::Auth), "code": "NOT_FOUND" }))
}

/// The documents at the root of the host that others check our tokens by.
pub(super) fn well_known(cfg: &mut ServiceConfig) {
    let elsewhere = web::to(|| async { Err::<&str, _>(refusal(NodeRole::Auth)) });
    cfg.service(web::scope("/.well-known").default_service(elsewhere));
}

/// The live socket, asked for by whoever.
pub(crate) async fn live() -> Result<HttpResponse, ApiError> {
    Err(refusal(NodeRole::Chat))
}

/// The last resort of every path on a node without pages.
pub(crate) async fn pages(_: HttpRequest) -> Result<HttpResponse, ApiError> {
    Err(refusal(NodeRole::Web))
}
