//! What others need to use us and to check our tokens: the key set and the discovery document
//! (OpenID Connect Discovery 1.0, RFC 8414).

use std::sync::OnceLock;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web::{self, Data, ServiceConfig},
};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use utoipa::OpenApi;

use self::metadata::Metadata;
use crate::{
    auth::Auth,
    config::Registration,
    domain::event::hex,
    http::{auth::get, cors, methods::reading},
};

mod metadata;

const CACHED: &str = "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400";

pub(super) fn routes(cfg: &mut ServiceConfig) {
    get(cfg, "/jwks", jwks);
    get(cfg, "/.well-known/jwks.json", jwks);
    get(cfg, "/.well-known/openid-configuration", discovery);
    get(cfg, "/.well-known/oauth-authorization-server", discovery);
}

/// Whether a path under `/api/auth` is one of these.
pub(super) fn is_document(path: &str) -> bool {
    path == "/jwks" || path.starts_with("/.well-known/")
}

/// The same documents at the root of the host (RFC 8414 §3 puts the issuer's path behind).
pub(super) fn well_known(cfg: &mut ServiceConfig) {
    cfg.app_data(Data::new(Discovery::default()))
        .route("/.well-known/jwks.json", reading().to(jwks))
        .route("/.well-known/openid-configuration", reading().to(discovery))
        .route("/.well-known/oauth-authorization-server/api/auth", reading().to(discovery));
    let documents = [
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/api/auth",
    ];
    for path in documents {
        cfg.route(path, web::method(Method::OPTIONS).to(cors::public));
    }
}

#[derive(OpenApi)]
#[openapi(paths(jwks, discovery))]
pub(super) struct Docs;

#[derive(utoipa::ToSchema)]
#[schema(as = Keys)]
#[expect(dead_code, reason = "it describes what `Auth::jwks` gives")]
struct KeysBody {
    keys: Vec<serde_json::Value>,
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
        (status = 200, description = "A JSON Web Key Set", body = KeysBody),
        (status = 304, description = "As the caller has it"),
    ),
)]
async fn jwks(request: HttpRequest, auth: Data<Auth>) -> HttpResponse {
    Document::new(auth.jwks()).answer(&request)
}

/// Also at `/.well-known/oauth-authorization-server`, and both at the root of the host.
#[utoipa::path(
    get,
    path = "/.well-known/openid-configuration",
    operation_id = "discovery",
    tag = "account",
    summary = "What the OpenID Provider offers and where",
    security(()),
    responses(
        (status = 200, description = "The discovery document", body = Metadata),
        (status = 304, description = "As the caller has it"),
    ),
)]
async fn discovery(
    request: HttpRequest,
    auth: Data<Auth>,
    known: Data<Discovery>,
) -> actix_web::Result<HttpResponse> {
    if let Some(document) = known.0.get() {
        return Ok(document.answer(&request));
    }
    let registration = auth.oidc().registration != Registration::Off;
    let json = serde_json::to_vec(&Metadata::new(&auth.issuer(), registration))?;
    Ok(known.0.get_or_init(|| Document::new(json.into())).answer(&request))
}

/// Written once: it is the same for as long as the server runs.
#[derive(Default)]
struct Discovery(OnceLock<Document>);

/// JSON for everybody, and the tag by which a cache asks whether it has changed (RFC 9110 §8.8.3).
struct Document {
    json: Bytes,
    tag: String,
}

impl Document {
    fn new(json: Bytes) -> Self {
        let tag = format!("\"{}\"", hex(&Sha256::digest(&json)));
        Self { json, tag }
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let known = self.is_known(request);
        let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response
            .insert_header((header::ETAG, self.tag.as_str()))
            .insert_header((header::CACHE_CONTROL, CACHED))
            .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
        if known {
            return response.finish();
        }
        response.insert_header((header::CONTENT_TYPE, "application/json")).body(self.json.clone())
    }

    fn is_known(&self, request: &HttpRequest) -> bool {
        let lines = request.headers().get_all(header::IF_NONE_MATCH);
        let tags = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
        tags.map(str::trim).any(|tag| {
            // A proxy that compresses makes a tag weak.
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.tag
        })
    }
}
