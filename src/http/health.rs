//! What machines ask: does it live, may it get traffic, how is it. And what a page must know
//! before anybody has signed in.

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Json, ServiceConfig},
};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{error::ApiError, methods::reading, openapi::ErrorBody};
use crate::{actors::Hub, auth::Auth, telemetry::Metrics};

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/healthz", reading().to(healthz))
        .route("/readyz", reading().to(readyz))
        .route("/metrics", reading().to(metrics));
}

/// Under `/api/v1`.
pub(crate) fn api_routes(cfg: &mut ServiceConfig) {
    cfg.route("/config", reading().to(config));
}

/// What stands at the root of the host.
#[derive(OpenApi)]
#[openapi(paths(healthz, readyz, metrics))]
pub(in crate::http) struct Docs;

/// What stands under `/api/v1`.
#[derive(OpenApi)]
#[openapi(paths(config))]
pub(in crate::http) struct ApiDocs;

/// The process answers. It says nothing of what lies behind it.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "healthz",
    tag = "health",
    summary = "Whether the process answers",
    security(()),
    responses(
        (status = 200, description = "It does", body = String, content_type = "text/plain"),
    ),
)]
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// The store answers and the node is not going: traffic is welcome.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "readyz",
    tag = "health",
    summary = "Whether traffic is welcome",
    security(()),
    responses(
        (status = 200, description = "It is", body = ReadyBody),
        (status = 503, description = "The store does not answer, or the node is going", body = ReadyBody),
    ),
)]
async fn readyz(hub: Data<Hub>) -> HttpResponse {
    let store = hub.store.last_change().await;
    if let Err(error) = &store {
        tracing::warn!(%error, "not ready: the store does not answer");
    }
    let (store, draining) = (store.is_ok(), hub.is_draining());
    let body = ReadyBody {
        ready: store && !draining,
        store: if store { "ok" } else { "unavailable" },
        draining,
        index: if hub.courses.is_ready() { "ok" } else { "loading" },
        redis: match &hub.link {
            None => "none",
            Some(link) if link.is_up() => "up",
            Some(_) => "down",
        },
    };
    if body.ready {
        HttpResponse::Ok().json(body)
    } else {
        HttpResponse::ServiceUnavailable().json(body)
    }
}

#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = "health",
    summary = "Figures for Prometheus",
    security(()),
    responses(
        (status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text"),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn metrics(metrics: Data<Metrics>) -> Result<HttpResponse, ApiError> {
    let text = Arc::clone(&metrics).render().map_err(ApiError::internal)?;
    Ok(HttpResponse::Ok()
        .insert_header((
            header::CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ))
        .body(text))
}

#[derive(Debug, Serialize, ToSchema)]
struct ReadyBody {
    ready: bool,
    /// `ok` or `unavailable`.
    store: &'static str,
    draining: bool,
    /// `ok` or `loading`.
    index: &'static str,
    /// `up`, `down` (answers go on through the store) or `none`.
    redis: &'static str,
}

/// Who writes the answers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TutorBody {
    pub(super) kind: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
struct ConfigBody {
    demo: bool,
    tutor: TutorBody,
    version: &'static str,
    password_policy: PolicyBody,
}

#[derive(Debug, Serialize, ToSchema)]
struct PolicyBody {
    min: usize,
    kind: &'static str,
}

#[utoipa::path(
    get,
    path = "/config",
    operation_id = "config",
    tag = "health",
    summary = "What a page must know before anybody has signed in",
    security(()),
    responses(
        (status = 200, description = "The public settings", body = ConfigBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn config(hub: Data<Hub>, auth: Data<Auth>) -> Json<ConfigBody> {
    Json(ConfigBody {
        demo: auth.is_demo(),
        tutor: TutorBody { kind: hub.tutor_kind },
        version: env!("CARGO_PKG_VERSION"),
        password_policy: PolicyBody { min: crate::domain::password::MIN_CHARS, kind: "classic" },
    })
}
