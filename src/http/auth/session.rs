//! Sessions: `get-session`, `sign-out`, `list-sessions`, `revoke-*`, `token`.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Data, ServiceConfig},
};
use serde_json::{Value, json};

use super::{at, body::Fields, caller, cookies, error::Refusal, get, post, session_token, shapes};
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

/// `null` where nobody is signed in. A store that cannot be asked is a 503 and clears no cookie.
async fn get_session(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, Refusal> {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response.insert_header((header::PRAGMA, "no-cache"));
    let Some(token) = session_token(&request, &auth) else {
        return Ok(response.json(Value::Null));
    };
    let (mut session, user) = match auth.session_by_token(&token).await {
        Ok(found) => found,
        Err(AuthError::NotSignedIn | AuthError::Banned) => {
            cookies::clear(&mut response, &auth);
            return Ok(response.json(Value::Null));
        }
        Err(error) => return Err(error.into()),
    };
    if !request.query_string().contains("disableRefresh=true")
        && let Some(end) = auth.renew(&session).await?
    {
        session.expires_at = end.0;
        if matches!(shown(&request, &auth), Shown::Cookie(_)) {
            cookies::set(&mut response, &auth, &token, true);
        }
    }
    let session = shapes::session(&session, &token);
    Ok(response.json(json!({ "session": session, "user": shapes::user(&user) })))
}

async fn deferred() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED",
        "POST method requires deferSessionRefresh to be enabled in session config",
    )
}

/// Also for those who are not signed in.
async fn sign_out(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, Refusal> {
    match caller(&request, &auth).await {
        Ok(caller) => auth.sign_out(&caller).await?,
        Err(refusal) if refusal.is_unauthorized() => {}
        Err(refusal) => return Err(refusal),
    }
    let mut response = HttpResponse::Ok();
    cookies::clear(&mut response, &auth);
    Ok(response.json(json!({ "success": true })))
}

/// What stands as `token` is a handle: `revoke-session` takes it, and it signs nobody in.
async fn list(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, Refusal> {
    let caller = caller(&request, &auth).await?;
    let sessions = auth.sessions(&caller).await?;
    let shown: Vec<_> =
        sessions.iter().map(|session| shapes::session(session, session.id.as_str())).collect();
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(shown))
}

async fn revoke(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let caller = caller(&request, &auth).await?;
    let name = fields.text("token");
    fields.finish()?;
    auth.revoke(&caller, &name).await?;
    Ok(HttpResponse::Ok().json(json!({ "status": true })))
}

async fn revoke_all(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, Refusal> {
    let caller = caller(&request, &auth).await?;
    auth.revoke_all(&caller).await?;
    let mut response = HttpResponse::Ok();
    cookies::clear(&mut response, &auth);
    Ok(response.json(json!({ "status": true })))
}

async fn revoke_others(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, Refusal> {
    let caller = caller(&request, &auth).await?;
    auth.revoke_others(&caller).await?;
    Ok(HttpResponse::Ok().json(json!({ "status": true })))
}

/// An access token for our own API.
async fn token(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, Refusal> {
    let caller = caller(&request, &auth).await?;
    let token = auth.issue_access_token(&caller)?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    Ok(response.json(json!({ "token": token })))
}
