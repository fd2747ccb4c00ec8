//! Floor 4, HTTP: a file an area, extractors that prove who may call, the one error map.

use std::net::IpAddr;

use actix_web::{
    HttpRequest,
    middleware::from_fn,
    web::{self, JsonConfig, PathConfig, QueryConfig, ServiceConfig},
};

use crate::{
    auth::Auth,
    config::{NodeRole, Roles},
};

mod admin;
mod audit;
pub(crate) mod auth;
mod auth_events;
pub(crate) mod bounds;
mod challenge;
mod clients;
mod cors;
pub(crate) mod dev;
pub(crate) mod error;
pub(crate) mod extract;
mod health;
pub(crate) mod html;
mod lessons;
mod live;
mod mail;
pub(crate) mod methods;
pub(crate) mod not_served;
pub(crate) mod observe;
mod oidc;
pub(crate) mod openapi;
mod page;
pub(crate) mod pages;
mod sse;
mod threads;
pub(crate) mod wire;
pub(crate) mod words;

use error::ApiError;

/// The largest JSON body of `/api/v1`.
const MAX_JSON: usize = 64 * 1_024;

/// Mounts the areas of a node with these roles; the others answer that they are not served here.
/// Health and the public settings are everybody's. The app must hold `web::Data` of what the areas
/// take: [`Auth`], [`Store`](crate::store::Store).
pub(crate) fn routes(roles: Roles) -> impl FnOnce(&mut ServiceConfig) {
    move |cfg| {
        cfg.app_data(
            QueryConfig::default().error_handler(|error, _| ApiError::bad_request(error).into()),
        )
        .app_data(PathConfig::default().error_handler(|_, _| ApiError::not_found().into()))
        .configure(health::routes);
        if roles.has(NodeRole::Auth) {
            cfg.configure(auth::routes).configure(dev::routes);
        } else {
            cfg.configure(auth::routes_elsewhere).configure(not_served::well_known);
        }
        let chat = roles.has(NodeRole::Chat);
        let api = if chat { api } else { api_elsewhere };
        cfg.service(
            web::scope("/api/v1")
                .wrap(from_fn(cors::share))
                .configure(health::api_routes)
                .configure(api),
        );
    }
}

/// `/api/v1`: an area's paths are relative to it. What does not parse is a `bad_request`, what is
/// not there a `not_found`, in the dialect of `live.md` §2.6.
fn api(cfg: &mut ServiceConfig) {
    let json = JsonConfig::default().limit(MAX_JSON);
    cfg.app_data(json.error_handler(|error, _| ApiError::from(error).into()))
        .configure(lessons::routes)
        .configure(admin::routes)
        .configure(audit::routes)
        .configure(mail::routes)
        .configure(auth_events::routes)
        .configure(clients::routes)
        .configure(live::routes)
        .configure(threads::routes)
        .configure(sse::routes)
        .default_service(web::to(|| async { Err::<&str, _>(ApiError::not_found()) }));
}

fn api_elsewhere(cfg: &mut ServiceConfig) {
    cfg.default_service(web::to(not_served::live));
}

/// The client's address: the connection's, or what a trusted proxy says.
pub(crate) fn address(request: &HttpRequest, auth: &Auth) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    let lines: Vec<_> = request
        .headers()
        .get_all("x-forwarded-for")
        .filter_map(|value| value.to_str().ok())
        .collect();
    Some(auth.client_address(peer, lines.into_iter()))
}
