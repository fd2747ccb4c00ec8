//! The OpenID Provider over HTTP, within `/api/auth`: endpoints of RFC 6749 and its kin, and the
//! pages on which people sign in and agree.

use actix_web::web::ServiceConfig;
use utoipa::OpenApi;

pub(crate) mod client_auth;
mod discovery;
pub(crate) mod dpop;
pub(crate) mod error;
mod introspect;
mod logout;
pub(crate) mod params;
mod plain;
mod revoke;
mod token;
mod userinfo;

/// The calls' descriptions, relative to `/api/auth`.
pub(super) fn docs() -> utoipa::openapi::OpenApi {
    let mut all = discovery::Docs::openapi();
    let areas: [fn() -> utoipa::openapi::OpenApi; _] = [
        token::Docs::openapi,
        userinfo::Docs::openapi,
        introspect::Docs::openapi,
        revoke::Docs::openapi,
        logout::Docs::openapi,
    ];
    for area in areas {
        all.merge(area());
    }
    all
}

/// Relative to `/api/auth`.
pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.configure(discovery::routes)
        .configure(token::routes)
        .configure(userinfo::routes)
        .configure(introspect::routes)
        .configure(revoke::routes)
        .configure(logout::routes);
}

/// At the root of the host.
pub(super) fn well_known(cfg: &mut ServiceConfig) {
    cfg.configure(discovery::well_known);
}

#[cfg(test)]
mod logout_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod token_tests;
