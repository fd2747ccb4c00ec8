//! The session's cookies, set and cleared as in `auth-api.md` §1.

use actix_web::{HttpRequest, HttpResponseBuilder, http::header};

use crate::{
    auth::{Auth, cookie},
    http::extract::{SESSION_COOKIE, cookie_value, secure_name},
};

/// On which devices somebody has signed in before.
const KNOWN_DEVICE: &str = "intellistack.known_device";
const DONT_REMEMBER: &str = "better-auth.dont_remember";
const SESSION_DATA: &str = "better-auth.session_data";
/// Which account at a provider somebody signed in with here: the name of our row, nothing else.
const ACCOUNT: &str = "better-auth.account_data";

/// What scripts of a page of our own origin need no leave to read; others hear it from `cors.rs`.
pub(crate) const EXPOSED: &str = "set-auth-token, set-auth-jwt";

/// Sets the session's cookie, and tells programs without cookies the signed token.
pub(crate) fn set(response: &mut HttpResponseBuilder, auth: &Auth, token: &str, remember: bool) {
    let signed = auth.signed(token);
    let life = remember.then(|| auth.session_life() / 1_000);
    append(response, auth, SESSION_COOKIE, &cookie::escape(&signed), life);
    if !remember {
        let value = cookie::escape(&auth.signed("true"));
        append(response, auth, DONT_REMEMBER, &value, None);
    }
    response.insert_header(("set-auth-token", signed));
    response.insert_header((header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED));
}

/// The signed value of the known device's cookie, as it came.
pub(crate) fn known_device(request: &HttpRequest, auth: &Auth) -> Option<String> {
    cookie_value(request, &secure_name(auth, KNOWN_DEVICE))
}

/// Remembers that `email` has signed in on this device.
pub(crate) fn know_device(
    response: &mut HttpResponseBuilder,
    request: &HttpRequest,
    auth: &Auth,
    email: &str,
) {
    let before = known_device(request, auth);
    let value = cookie::escape(&auth.know_device(before.as_deref(), email));
    append(response, auth, KNOWN_DEVICE, &value, Some(Auth::KNOWN_DEVICE_AGE));
}

pub(crate) fn clear(response: &mut HttpResponseBuilder, auth: &Auth) {
    for name in [SESSION_COOKIE, SESSION_DATA, DONT_REMEMBER, ACCOUNT] {
        append(response, auth, name, "", Some(0));
    }
}

/// Remembers which account at a provider somebody signed in with in this browser.
pub(super) fn know_account(response: &mut HttpResponseBuilder, auth: &Auth, account: &str) {
    set_signed(response, auth, ACCOUNT, account, auth.session_life());
}

/// What [`know_account`] remembered.
pub(super) fn known_account(request: &HttpRequest, auth: &Auth) -> Option<String> {
    signed_value(request, auth, ACCOUNT)
}

/// Sets a signed cookie of a step on the way in.
pub(in crate::http) fn set_signed(
    response: &mut HttpResponseBuilder,
    auth: &Auth,
    name: &str,
    value: &str,
    life_ms: i64,
) {
    let value = cookie::escape(&auth.signed(value));
    append(response, auth, name, &value, Some(life_ms / 1_000));
}

/// What [`set_signed`] set.
pub(in crate::http) fn signed_value(
    request: &HttpRequest,
    auth: &Auth,
    name: &str,
) -> Option<String> {
    cookie_value(request, &secure_name(auth, name)).and_then(|value| auth.open_signed(&value))
}

pub(in crate::http) fn expire(response: &mut HttpResponseBuilder, auth: &Auth, name: &str) {
    append(response, auth, name, "", Some(0));
}

pub(super) fn append(
    response: &mut HttpResponseBuilder,
    auth: &Auth,
    name: &str,
    value: &str,
    max_age: Option<i64>,
) {
    let name = secure_name(auth, name);
    let age = max_age.map(|seconds| format!("Max-Age={seconds}; ")).unwrap_or_default();
    let secure = if auth.origins().own().is_https() { "; Secure" } else { "" };
    let text = format!("{name}={value}; {age}Path=/; HttpOnly; SameSite=Lax{secure}");
    response.append_header((header::SET_COOKIE, text));
}
