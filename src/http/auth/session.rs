//! Sessions: `get-session`, `sign-out`, `list-sessions`, `revoke-*`, `token`.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{self, ContentType},
    },
    web::{self, Data, ServiceConfig},
};
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::{
    admin, at, body::Fields, caller, cookies, device, error::Refusal, get, post, schema,
    session_token, shapes,
};
use crate::{
    auth::{Auth, AuthError},
    http::extract::{Shown, shown},
};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    let methods = vec![web::get().to(get_session), web::post().to(deferred)];
    at(cfg, "/get-session", methods);
    post(cfg, "/sign-out", sign_out);
    get(cfg, "/list-sessions", list);
    post(cfg, "/revoke-session", revoke);
    post(cfg, "/revoke-sessions", revoke_all);
    post(cfg, "/revoke-other-sessions", revoke_others);
    get(cfg, "/token", token);
}

#[derive(OpenApi)]
#[openapi(paths(get_session, sign_out, list, revoke, revoke_all, revoke_others, token))]
pub(in crate::http) struct Docs;

/// `null` where nobody is signed in. Answered from memory: no question to the store, no signature. A
/// store that cannot be asked is a 503 and clears no cookie.
#[utoipa::path(
    get,
    path = "/get-session",
    operation_id = "getSession",
    tag = "account",
    summary = "The session and its person, or null",
    params(("disableRefresh" = Option<bool>, Query, description = "Do not renew the session")),
    security(()),
    responses(
        (status = 200, description = "Who is signed in", body = Option<schema::CurrentBody>),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn get_session(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, Refusal> {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response.insert_header((header::PRAGMA, "no-cache"));
    let Some(token) = session_token(&request, &auth) else {
        // A browser that was closed has lost the cookie of an acting session, but not the admin's.
        let own = admin::acting::own_again(&request, &auth).await?;
        return Ok(own.unwrap_or_else(|| response.json(Value::Null)));
    };
    let mut known = match auth.known_session(&token).await {
        Ok(known) => known,
        Err(AuthError::NotSignedIn | AuthError::Banned) => {
            if let Some(own) = admin::acting::own_again(&request, &auth).await? {
                return Ok(own);
            }
            cookies::clear(&mut response, &auth);
            return Ok(response.json(Value::Null));
        }
        Err(error) => return Err(error.into()),
    };
    if !request.query_string().contains("disableRefresh=true")
        && let Some(prolonged) = auth.renew(&token, &known).await?
    {
        known = prolonged;
        if matches!(shown(&request, &auth), Shown::Cookie(_)) {
            cookies::set(&mut response, &auth, &token, true);
        }
    }
    response.insert_header(("set-auth-jwt", &*auth.session_jwt(&known)?));
    response.insert_header((header::ACCESS_CONTROL_EXPOSE_HEADERS, cookies::EXPOSED));
    let (token, rest) = (Value::from(token), known.shown(shapes::behind_token));
    let body = format!("{{\"session\":{{\"token\":{token}{rest}");
    Ok(response.content_type(ContentType::json()).body(body))
}

async fn deferred() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED",
        "POST method requires deferSessionRefresh to be enabled in session config",
    )
}

/// Also for those who are not signed in.
#[utoipa::path(
    post,
    path = "/sign-out",
    operation_id = "signOut",
    tag = "account",
    summary = "Ends the session",
    security(()),
    responses(
        (status = 200, description = "Ended", body = schema::SuccessBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn sign_out(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, Refusal> {
    match caller(&request, &auth).await {
        Ok(caller) => auth.sign_out(&caller, &device(&request, &auth).0).await?,
        Err(refusal) if refusal.is_unauthorized() => {}
        Err(refusal) => return Err(refusal),
    }
    let mut response = HttpResponse::Ok();
    forget_sign_in(&request, &mut response, &auth);
    Ok(response.json(json!({ "success": true })))
}

/// Takes away what a browser has of a sign-in that has ended.
pub(in crate::http) fn forget_sign_in(
    request: &HttpRequest,
    response: &mut HttpResponseBuilder,
    auth: &Auth,
) {
    cookies::clear(response, auth);
    admin::acting::forget(request, response, auth);
}

/// What stands as `token` is a handle: `revoke-session` takes it, and it signs nobody in.
#[utoipa::path(
    get,
    path = "/list-sessions",
    operation_id = "listSessions",
    tag = "account",
    summary = "The sessions of the caller",
    responses(
        (status = 200, description = "The sessions", body = Vec<schema::ListedBody>),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn list(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, Refusal> {
    let caller = caller(&request, &auth).await?;
    let sessions = auth.sessions(&caller).await?;
    let shown: Vec<_> =
        sessions.iter().map(|(session, app)| shapes::listed(session, app.as_deref())).collect();
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(shown))
}

#[utoipa::path(
    post,
    path = "/revoke-session",
    operation_id = "revokeSession",
    tag = "account",
    summary = "Ends one session of the caller",
    request_body = schema::TokenBody,
    responses(
        (status = 200, description = "Ended", body = schema::StatusBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn revoke(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let caller = caller(&request, &auth).await?;
    let name = fields.text("token");
    fields.finish()?;
    auth.revoke(&caller, &name, &device(&request, &auth).0).await?;
    Ok(HttpResponse::Ok().json(json!({ "status": true })))
}

#[utoipa::path(
    post,
    path = "/revoke-sessions",
    operation_id = "revokeSessions",
    tag = "account",
    summary = "Ends all sessions of the caller",
    responses(
        (status = 200, description = "Ended", body = schema::StatusBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn revoke_all(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, Refusal> {
    let caller = caller(&request, &auth).await?;
    auth.revoke_all(&caller, &device(&request, &auth).0).await?;
    let mut response = HttpResponse::Ok();
    cookies::clear(&mut response, &auth);
    Ok(response.json(json!({ "status": true })))
}

#[utoipa::path(
    post,
    path = "/revoke-other-sessions",
    operation_id = "revokeOtherSessions",
    tag = "account",
    summary = "Ends all sessions of the caller but this",
    responses(
        (status = 200, description = "Ended", body = schema::StatusBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn revoke_others(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, Refusal> {
    let caller = caller(&request, &auth).await?;
    auth.revoke_others(&caller, &device(&request, &auth).0).await?;
    Ok(HttpResponse::Ok().json(json!({ "status": true })))
}

/// An access token for our own API.
#[utoipa::path(
    get,
    path = "/token",
    operation_id = "accessToken",
    tag = "account",
    summary = "A short-lived access token for this API",
    responses(
        (status = 200, description = "The token, a JWT", body = schema::TokenBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn token(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, Refusal> {
    let caller = caller(&request, &auth).await?;
    let token = auth.issue_access_token(&caller)?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    Ok(response.json(json!({ "token": token })))
}
