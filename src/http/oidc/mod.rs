//! The OpenID Provider over HTTP, within `/api/auth`: endpoints of RFC 6749 and its kin, and the
//! pages on which people sign in and agree.

use actix_web::web::ServiceConfig;

pub(crate) mod client_auth;
mod discovery;
pub(crate) mod error;
pub(crate) mod params;

/// The calls' descriptions, relative to `/api/auth`.
pub(super) fn docs() -> utoipa::openapi::OpenApi {
    use utoipa::OpenApi;
    discovery::Docs::openapi()
}

/// Relative to `/api/auth`.
pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.configure(discovery::routes);
}

/// At the root of the host.
pub(super) fn well_known(cfg: &mut ServiceConfig) {
    cfg.configure(discovery::well_known);
}

#[cfg(test)]
mod tests;
