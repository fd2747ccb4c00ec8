//! What others need to check our tokens: the key set and the discovery document. Only what is
//! there is advertised.

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, Data, ServiceConfig},
};
use serde_json::json;
use utoipa::OpenApi;

use super::{get, schema};
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

#[derive(OpenApi)]
#[openapi(paths(ok, jwks, discovery))]
pub(in crate::http) struct Docs;

#[utoipa::path(
    get,
    path = "/ok",
    operation_id = "ok",
    tag = "account",
    summary = "Whether the account API answers",
    security(()),
    responses(
        (status = 200, description = "It does", body = schema::OkBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn ok() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "ok": true }))
}

/// Also at `/.well-known/jwks.json`.
#[utoipa::path(
    get,
    path = "/jwks",
    operation_id = "jwks",
    tag = "account",
    summary = "The keys that check our tokens",
    security(()),
    responses(
        (status = 200, description = "A JSON Web Key Set", body = schema::KeysBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn jwks(auth: Data<Auth>) -> HttpResponse {
    public(auth.jwks())
}

/// Issuer and keys. There is no authorization or token endpoint yet, so none is named, and the
/// lists that the standard wants are empty.
#[utoipa::path(
    get,
    path = "/.well-known/openid-configuration",
    operation_id = "discovery",
    tag = "account",
    summary = "Issuer and place of the keys",
    security(()),
    responses(
        (status = 200, description = "The discovery document", body = schema::DiscoveryBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
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
