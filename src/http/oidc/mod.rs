//! The OpenID Provider over HTTP, within `/api/auth`: endpoints of RFC 6749 and its kin, and the
//! pages on which people sign in and agree.

use actix_web::web::ServiceConfig;
use utoipa::OpenApi;

use crate::{auth::Auth, config::Registration};

mod answer;
mod authorize;
pub(crate) mod client_auth;
mod clients;
mod consent;
mod consents;
mod device;
mod device_pages;
mod discovery;
pub(crate) mod dpop;
pub(crate) mod error;
mod incoming;
mod introspect;
mod logout;
mod oauth_query;
mod object;
mod par;
pub(crate) mod params;
mod plain;
mod registration;
mod revoke;
mod schema;
mod select;
mod sheet;
mod sign_in;
mod sign_in_page;
mod token;
mod userinfo;

pub(super) use oauth_query::{go_on, next_url};

/// Where apps send people.
pub(super) const AUTHORIZE: &str = "/api/auth/oauth2/authorize";
/// Where people without a session are sent.
pub(super) const SIGN_IN: &str = "/api/auth/oauth2/sign-in";
const SELECT: &str = "/api/auth/oauth2/select-account";
const CONSENT: &str = "/api/auth/oauth2/consent";

/// The calls' descriptions, relative to `/api/auth`.
pub(super) fn docs() -> utoipa::openapi::OpenApi {
    let mut all = discovery::Docs::openapi();
    let areas: [fn() -> utoipa::openapi::OpenApi; _] = [
        authorize::Docs::openapi,
        par::Docs::openapi,
        sign_in::Docs::openapi,
        select::Docs::openapi,
        consent::Docs::openapi,
        consents::Docs::openapi,
        token::Docs::openapi,
        userinfo::Docs::openapi,
        introspect::Docs::openapi,
        revoke::Docs::openapi,
        registration::Docs::openapi,
        clients::Docs::openapi,
        device::Docs::openapi,
        device_pages::Docs::openapi,
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
        .configure(authorize::routes)
        .configure(par::routes)
        .configure(sign_in::routes)
        .configure(select::routes)
        .configure(consent::routes)
        .configure(consents::routes)
        .configure(token::routes)
        .configure(userinfo::routes)
        .configure(introspect::routes)
        .configure(revoke::routes)
        .configure(registration::routes)
        .configure(clients::routes)
        .configure(device::routes)
        .configure(device_pages::routes)
        .configure(logout::routes);
}

/// Whether the pages of all sites may read what a path answers: what is public, and, where apps
/// register themselves, that. It goes by a token of the app's and never by a cookie.
pub(super) fn is_public(path: &str, auth: &Auth) -> bool {
    let Some(path) = path.strip_prefix("/api/auth") else { return false };
    let open = auth.oidc().registration == Registration::Open;
    discovery::is_document(path) || (open && registration::is_here(path))
}

/// At the root of the host.
pub(super) fn well_known(cfg: &mut ServiceConfig) {
    cfg.configure(discovery::well_known).configure(device::short);
}

#[cfg(test)]
mod device_tests;
#[cfg(test)]
mod logout_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod token_tests;
