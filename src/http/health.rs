//! What machines ask: does it live, may it get traffic, how is it. And what a page must know
//! before anybody has signed in.

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, Data, Json, ServiceConfig},
};
use serde::Serialize;
use serde_json::json;

use super::error::ApiError;
use crate::{actors::Hub, auth::Auth, domain::live::frame::TutorKind, telemetry::Metrics};

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/healthz", web::get().to(healthz))
        .route("/readyz", web::get().to(readyz))
        .route("/metrics", web::get().to(metrics));
}

/// Under `/api/v1`.
pub(crate) fn api_routes(cfg: &mut ServiceConfig) {
    cfg.route("/config", web::get().to(config));
}

/// The process answers. It says nothing of what lies behind it.
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// The store answers and the node is not going: traffic is welcome.
async fn readyz(hub: Data<Hub>) -> HttpResponse {
    let store = hub.store.last_change().await;
    if let Err(error) = &store {
        tracing::warn!(%error, "not ready: the store does not answer");
    }
    let (store, draining) = (store.is_ok(), hub.is_draining());
    let body = json!({
        "ready": store && !draining,
        "store": if store { "ok" } else { "unavailable" },
        "draining": draining,
        "index": if hub.courses.is_ready() { "ok" } else { "loading" },
    });
    if store && !draining {
        HttpResponse::Ok().json(body)
    } else {
        HttpResponse::ServiceUnavailable().json(body)
    }
}

async fn metrics(metrics: Data<Metrics>) -> Result<HttpResponse, ApiError> {
    let text = Arc::clone(&metrics).render().map_err(ApiError::internal)?;
    Ok(HttpResponse::Ok()
        .insert_header((
            header::CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ))
        .body(text))
}

#[derive(Debug, Serialize)]
struct ConfigBody {
    demo: bool,
    tutor: TutorKind,
    version: &'static str,
    password_policy: PolicyBody,
}

#[derive(Debug, Serialize)]
struct PolicyBody {
    min: usize,
    kind: &'static str,
}

async fn config(hub: Data<Hub>, auth: Data<Auth>) -> Json<ConfigBody> {
    Json(ConfigBody {
        demo: auth.is_demo(),
        tutor: TutorKind { kind: hub.tutor_kind },
        version: env!("CARGO_PKG_VERSION"),
        password_policy: PolicyBody { min: crate::domain::password::MIN_CHARS, kind: "classic" },
    })
}
