//! Acting as somebody else, and the way back (attack C10).

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::header, web::Data};
use serde_json::json;

use super::{
    super::{body::Fields, caller, cookies, device, error::Refusal, schema, shapes},
    Denied, Right, admin, docs,
    users::user_id,
};
use crate::{
    auth::{
        Auth, AuthError,
        admin::By,
        cookie,
        impersonate::{Acting, ActingError, is_token_of},
    },
    http::extract::{Shown, cookie_value, secure_name, shown},
    store::{sessions::Session, users::User},
};

const IMPERSONATE: Right =
    ("YOU_ARE_NOT_ALLOWED_TO_IMPERSONATE_USERS", "You are not allowed to impersonate users");
/// Holds the admin's own session while she acts as somebody: its token, a colon, and `true` if it
/// ends with the browser. Signed.
const ADMIN_COOKIE: &str = "better-auth.admin_session";
const DONT_REMEMBER: &str = "better-auth.dont_remember";

impl From<ActingError> for Refusal {
    fn from(error: ActingError) -> Self {
        match error {
            ActingError::IsAdmin => {
                Self::forbidden("YOU_CANNOT_IMPERSONATE_ADMINS", "You cannot impersonate admins")
            }
            ActingError::IsBanned => {
                Self::bad("USER_IS_BANNED", "This person is banned. Lift the ban first.")
            }
            ActingError::NotActing => {
                Self::bad("NOT_IMPERSONATING", "You are not impersonating anyone")
            }
            ActingError::Admin(error) => error.into(),
        }
    }
}

#[utoipa::path(
    post,
    path = "/admin/impersonate-user",
    operation_id = "impersonateUser",
    tag = "admin accounts",
    summary = "Begins a session as somebody else, for an hour at most",
    request_body = docs::OfUserBody,
    responses(
        (status = 200, description = "The session", body = schema::CurrentBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
pub(super) async fn begin(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Denied> {
    let caller = admin(&request, &auth, IMPERSONATE).await?;
    let id = user_id(&mut fields);
    fields.finish()?;
    let device = device(&request, &auth).0;
    let by = By { admin: &caller, device: &device };
    let Acting { session, user, token } = auth.impersonate(by, &id).await?;
    let mut response = HttpResponse::Ok();
    if let Shown::Cookie(own) = shown(&request, &auth) {
        let (own_session, _) = auth.session_by_token(&own).await?;
        let forgets = if own_session.remember { "" } else { "true" };
        let value = cookie::escape(&auth.signed(&format!("{own}:{forgets}")));
        let life = auth.session_life() / 1_000;
        cookies::append(&mut response, &auth, ADMIN_COOKIE, &value.replace(':', "%3A"), Some(life));
    }
    cookies::set(&mut response, &auth, &token, false);
    Ok(current(&mut response, &session, &user, &token))
}

#[utoipa::path(
    post,
    path = "/admin/stop-impersonating",
    operation_id = "stopImpersonating",
    tag = "admin accounts",
    summary = "Back to the own session of the admin",
    responses(
        (status = 200, description = "The session of the admin", body = schema::CurrentBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
pub(super) async fn stop(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, Denied> {
    let caller = match caller(&request, &auth).await {
        // The hour is over: the way back is open still.
        Err(refusal) if refusal.is_unauthorized() => {
            return own_again(&request, &auth).await?.ok_or_else(|| refusal.into());
        }
        found => found?,
    };
    let (session, user) = auth.stop_impersonating(&caller, &device(&request, &auth).0).await?;
    let mut response = HttpResponse::Ok();
    // A program that acted with a bearer token has its own one still: it gets no cookie.
    let own = own_token(&request, &auth).filter(|own| is_token_of(own, &session));
    let Some(own) = own else {
        return Ok(current(&mut response, &session, &user, session.id.as_str()));
    };
    Ok(back(&auth, &session, &user, &own))
}

/// Whoever acted as somebody until that ended by itself is herself again, if her own session lives.
pub(in crate::http::auth) async fn own_again(
    request: &HttpRequest,
    auth: &Auth,
) -> Result<Option<HttpResponse>, Refusal> {
    let Some(own) = own_token(request, auth) else { return Ok(None) };
    match auth.session_by_token(&own).await {
        Ok((session, user)) => Ok(Some(back(auth, &session, &user, &own))),
        Err(AuthError::NotSignedIn | AuthError::Banned) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Takes the cookie away that holds the admin's own session.
pub(in crate::http::auth) fn forget(
    request: &HttpRequest,
    response: &mut HttpResponseBuilder,
    auth: &Auth,
) {
    if cookie_value(request, &secure_name(auth, ADMIN_COOKIE)).is_some() {
        cookies::append(response, auth, ADMIN_COOKIE, "", Some(0));
    }
}

/// The admin's own token. A bearer stands for itself.
fn own_token(request: &HttpRequest, auth: &Auth) -> Option<String> {
    if request.headers().contains_key(header::AUTHORIZATION) {
        return None;
    }
    let value = cookie_value(request, &secure_name(auth, ADMIN_COOKIE))?;
    let opened = auth.open_signed(&value)?;
    let (token, _) = opened.split_once(':')?;
    Some(token.to_owned())
}

fn back(auth: &Auth, session: &Session, user: &User, own: &str) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    cookies::set(&mut response, auth, own, session.remember);
    if session.remember {
        cookies::append(&mut response, auth, DONT_REMEMBER, "", Some(0));
    }
    cookies::append(&mut response, auth, ADMIN_COOKIE, "", Some(0));
    current(&mut response, session, user, own)
}

fn current(
    response: &mut HttpResponseBuilder,
    session: &Session,
    user: &User,
    token: &str,
) -> HttpResponse {
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "session": shapes::session(session, token), "user": shapes::user(user) }))
}
