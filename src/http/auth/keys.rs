//! What others need to check our tokens: the key set and the discovery document. Only what is
//! there is advertised.

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, Data, ServiceConfig},
};
use serde_json::json;

use super::get;
use crate::auth::Auth;

const CACHED: &str = "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400";

pub(super) fn routes(cfg: &mut ServiceConfig) {
    get(cfg, "/ok", ok);
    get(cfg, "/jwks", jwks);
    get(cfg, "/.well-known/jwks.json", jwks);
    get(cfg, "/.well-known/openid-configuration", discovery);
    get(cfg, "/.well-known/oauth-authorization-server", discovery);
}

/// The same documents at the root of the host (RFC 8414 §3 puts the issuer's path behind).
pub(super) fn well_known(cfg: &mut ServiceConfig) {
    cfg.route("/.well-known/jwks.json", web::get().to(jwks))
        .route("/.well-known/openid-configuration", web::get().to(discovery))
        .route("/.well-known/oauth-authorization-server/api/auth", web::get().to(discovery));
}

async fn ok() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "ok": true }))
}

async fn jwks(auth: Data<Auth>) -> HttpResponse {
    public(auth.jwks())
}

/// Issuer and keys. There is no authorization or token endpoint yet, so none is named, and the
/// lists that the standard wants are empty.
async fn discovery(auth: Data<Auth>) -> HttpResponse {
    let issuer = auth.issuer();
    let document = json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": [],
        "grant_types_supported": [],
        "subject_types_supported": ["public"],
        "scopes_supported": ["tutor"],
    });
    public(document.to_string().into())
}

fn public(json: bytes::Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, CACHED))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .body(json)
}
