//! `/api/auth`: the account API that Better-Auth's client speaks (`auth-api.md`), and what the
//! outside world needs to check our tokens.

use actix_web::{
    Handler, HttpRequest, HttpResponse, Responder, Route,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
    middleware::{Next, from_fn},
    web::{self, PayloadConfig, QueryConfig, ServiceConfig},
};

use super::{
    cors,
    extract::{self, Page, Shown},
    methods::reading,
    words,
};
use crate::auth::{Auth, Identity, sessions::Device};

mod about;
mod account;
mod admin;
mod backchannel;
pub(super) mod body;
mod choose_password;
pub(in crate::http) mod cookies;
mod delete_user;
pub(super) mod error;
mod factor_schema;
mod mailed_codes;
mod pages;
mod passkey;
mod profile;
mod reset;
pub(super) mod schema;
mod session;
mod shapes;
pub(in crate::http) mod sign_in;
mod sign_up;
mod social;
mod social_accounts;
pub(in crate::http) mod two_factor;
mod verify;
mod ways;

use error::Refusal;
pub(super) use session::forget_sign_in;

/// The account calls, relative to `/api/auth`.
pub(super) fn docs() -> utoipa::openapi::OpenApi {
    use utoipa::OpenApi;
    let mut all = sign_up::Docs::openapi();
    let areas: [fn() -> utoipa::openapi::OpenApi; _] = [
        sign_in::Docs::openapi,
        session::Docs::openapi,
        profile::Docs::openapi,
        ways::Docs::openapi,
        verify::Docs::openapi,
        reset::Docs::openapi,
        choose_password::Docs::openapi,
        account::Docs::openapi,
        delete_user::Docs::openapi,
        about::Docs::openapi,
        social::Docs::openapi,
        social_accounts::Docs::openapi,
        two_factor::Docs::openapi,
        mailed_codes::Docs::openapi,
        passkey::Docs::openapi,
        backchannel::Docs::openapi,
        admin::Docs::openapi,
        super::oidc::docs,
    ];
    for area in areas {
        all.merge(area());
    }
    all
}

/// The largest body of an account call.
const MAX_BODY: usize = 64 * 1_024;

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(
        web::scope("/api/auth")
            .app_data(PayloadConfig::new(MAX_BODY))
            .app_data(
                QueryConfig::default().error_handler(|error, _| {
                    Refusal::validation(format!("[query] {error}")).into()
                }),
            )
            .wrap(from_fn(guard))
            .wrap(from_fn(cors::share))
            // Routes are tried in turn: those that programs ask for all day come first.
            .configure(session::routes)
            .configure(super::oidc::routes)
            .configure(sign_up::routes)
            .configure(sign_in::routes)
            .configure(profile::routes)
            .configure(ways::routes)
            .configure(verify::routes)
            .configure(reset::routes)
            .configure(choose_password::routes)
            .configure(account::routes)
            .configure(delete_user::routes)
            .configure(about::routes)
            .configure(social::routes)
            .configure(social_accounts::routes)
            .configure(two_factor::routes)
            .configure(mailed_codes::routes)
            .configure(passkey::routes)
            .configure(backchannel::routes)
            .configure(admin::routes)
            .default_service(web::to(nothing)),
    )
    .configure(super::oidc::well_known);
}

/// On a node without accounts of its own: another issuer's word is heard, the rest is not here.
pub(crate) fn routes_elsewhere(cfg: &mut ServiceConfig) {
    cfg.service(
        web::scope("/api/auth")
            .app_data(PayloadConfig::new(MAX_BODY))
            .configure(backchannel::routes)
            .default_service(web::to(super::not_served::account_call)),
    );
}

/// A path that answers these methods, and nothing to all others.
pub(super) fn at(cfg: &mut ServiceConfig, path: &str, routes: Vec<Route>) {
    let resource = routes.into_iter().fold(web::resource(path), actix_web::Resource::route);
    cfg.service(resource.default_service(web::to(nothing)));
}

pub(super) fn post<F, Args>(cfg: &mut ServiceConfig, path: &str, handler: F)
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    at(cfg, path, vec![web::post().to(handler)]);
}

/// What is read, and not changed by it.
pub(super) fn get<F, Args>(cfg: &mut ServiceConfig, path: &str, handler: F)
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    at(cfg, path, vec![reading().to(handler)]);
}

/// An unknown path or a wrong method: 404, empty, no content type.
async fn nothing() -> HttpResponse {
    HttpResponse::NotFound().finish()
}

/// Stands before every account call, so that no handler can forget it.
async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if let Err(refusal) = check_origin(request.request()) {
        return Ok(request.into_response(refusal.into_response()).map_into_right_body());
    }
    let changes = may_change(request.request());
    let response = next.call(request).await?;
    if changes && let Ok(auth) = extract::auth_of(response.request()) {
        // Whoever hears the answer finds no more in memory what was before it.
        auth.catch_up().await;
    }
    Ok(response.map_into_left_body())
}

/// Whether a call may change a session or a person that is there already. A sign-in or sign-up
/// makes new ones; of the links that are opened by GET, some change what they are about.
fn may_change(request: &HttpRequest) -> bool {
    let has = |parts: &[&str]| parts.iter().any(|part| request.path().contains(part));
    if extract::reads(request) {
        has(&["/verify-email", "/callback", "/end-session"])
    } else {
        // What a token endpoint ends, it hears of by itself.
        !has(&["/sign-in/email", "/sign-up/email"]) && !is_by_token(request)
    }
}

/// The calls that go by tokens and secrets alone. A cookie is not looked at there, so that no page
/// could misuse it.
fn is_by_token(request: &HttpRequest) -> bool {
    const PATHS: [&str; 6] = ["/token", "/userinfo", "/introspect", "/revoke", "/par", "/device"];
    let path = request.path().strip_prefix("/api/auth/oauth2");
    path.is_some_and(|path| PATHS.contains(&path))
}

/// What others' pages may send by POST: no cookie gives a right to anything there. A provider's form
/// does nothing but lead on, an app's request is stored and opened by GET, and who is to be signed
/// out is asked first.
fn is_from_anywhere(request: &HttpRequest) -> bool {
    let path = request.path();
    path.starts_with("/api/auth/callback/")
        || path == super::oidc::AUTHORIZE
        || path == "/api/auth/oauth2/end-session"
}

/// Which pages may call (`auth-api.md` §2). What changes something and comes with a cookie, and
/// every sign-in or sign-up by a browser, must come from an allowed page; a program that sends
/// neither cookie nor Origin may sign in.
fn check_origin(request: &HttpRequest) -> Result<(), Refusal> {
    use actix_web::http::header;
    if extract::reads(request) || is_by_token(request) || is_from_anywhere(request) {
        return Ok(());
    }
    let auth = extract::auth_of(request).map_err(|error| Refusal::internal(error.to_string()))?;
    let page = extract::page_of(request, auth);
    let headers = request.headers();
    if !headers.contains_key(header::COOKIE) {
        let signs_in = ["/sign-in/", "/sign-up/"].iter().any(|part| request.path().contains(part))
            || request.path() == super::oidc::SIGN_IN;
        if !signs_in {
            return Ok(());
        }
        let fetch = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let browser = ["sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"]
            .iter()
            .any(|name| headers.contains_key(*name));
        if fetch("sec-fetch-site") == Some("cross-site")
            && fetch("sec-fetch-mode") == Some("navigate")
        {
            return Err(Refusal::forbidden(
                "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED",
                "Cross-site navigation login blocked. This request appears to be a CSRF attack.",
            ));
        }
        let silent =
            !headers.contains_key(header::ORIGIN) && !headers.contains_key(header::REFERER);
        if !browser && silent {
            return Ok(());
        }
    }
    match page {
        Page::Allowed => Ok(()),
        Page::Foreign => Err(Refusal::forbidden("INVALID_ORIGIN", "Invalid origin")),
        Page::Unknown => {
            Err(Refusal::forbidden("MISSING_OR_NULL_ORIGIN", "Missing or null Origin"))
        }
    }
}

/// Where a request comes from.
pub(super) fn device(request: &HttpRequest, auth: &Auth) -> (Device, Option<std::net::IpAddr>) {
    let address = super::address(request, auth);
    let agent = request
        .headers()
        .get(actix_web::http::header::USER_AGENT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let text = address.map(|address| address.to_string()).unwrap_or_default();
    (Device { address: text, agent, locale: words::locale(request) }, address)
}

/// Whether a GET is a page's own call and not a link that somebody, or a scanner of mails, opened
/// (attack B5): a browser says so.
pub(in crate::http) fn is_fetch(request: &HttpRequest) -> bool {
    let mode = request.headers().get("sec-fetch-mode").and_then(|value| value.to_str().ok());
    *request.method() == Method::GET && matches!(mode, Some("cors" | "same-origin"))
}

/// The session token that a request shows. An access token manages no account.
pub(in crate::http) fn session_token(request: &HttpRequest, auth: &Auth) -> Option<String> {
    match extract::shown(request, auth) {
        Shown::Cookie(token) => Some(token),
        Shown::Bearer(token) => auth.session_bearer(&token),
        Shown::Dpop(_) | Shown::Nothing => None,
    }
}

/// The person behind a request.
pub(super) async fn caller(request: &HttpRequest, auth: &Auth) -> Result<Identity, Refusal> {
    let token = session_token(request, auth).ok_or_else(Refusal::unauthorized)?;
    Ok(auth.by_session_token(&token).await?)
}

/// The person behind a request, in her own hand: not an admin who acts as her. For what touches
/// passwords, addresses, factors and links (attack C10).
pub(super) async fn own_caller(request: &HttpRequest, auth: &Auth) -> Result<Identity, Refusal> {
    let identity = caller(request, auth).await?;
    if identity.impersonated_by.is_some() {
        return Err(Refusal::forbidden(
            "IMPERSONATION_NOT_ALLOWED",
            "You are acting as somebody else. Stop impersonating to do this.",
        ));
    }
    Ok(identity)
}

/// As [`own_caller`], and who proved within five minutes that she is herself (attack A19).
async fn fresh_caller(request: &HttpRequest, auth: &Auth) -> Result<Identity, Refusal> {
    let identity = own_caller(request, auth).await?;
    if auth.is_fresh(&identity) {
        return Ok(identity);
    }
    Err(Refusal::forbidden(
        "SESSION_NOT_FRESH",
        "Confirm your password first (POST /verify-password), or sign in again.",
    ))
}

#[cfg(test)]
pub(super) mod tests;
