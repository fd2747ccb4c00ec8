//! Cross-origin requests (Fetch, CORS): which pages of other sites may read our answers. Exactly
//! those that the operator lists (`server.allowed_origins`), with their cookies; everybody may read
//! what is public anyway and says so itself (`*`, without cookies).

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderMap, HeaderValue},
    },
    middleware::Next,
};

use super::extract::auth_of;
use crate::domain::origin::Origin;

const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";
/// What our clients send beyond the headers that need no leave.
const SENT: &str = "Authorization, Content-Type, Last-Event-ID, X-Request-Id";
/// What scripts may read of an answer.
const SHOWN: &str =
    "set-auth-token, set-auth-jwt, Retry-After, X-Retry-After, Location, X-Request-Id";
/// Seconds that a browser need not ask again.
const ASKED_FOR: &str = "600";

/// Around all calls of an area. Answers what a browser asks beforehand (preflight) by itself.
pub(crate) async fn share(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let origin = allowed_origin(request.request());
    if asks_beforehand(request.request()) {
        let answer = beforehand(origin);
        return Ok(request.into_response(answer).map_into_right_body());
    }
    let mut response = next.call(request).await?.map_into_left_body();
    let headers = response.headers_mut();
    // Also without Origin: a cache must not give this answer to a page that has one.
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin
        && !headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN)
    {
        allow(headers, origin);
        let shown = HeaderValue::from_static(SHOWN);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, shown);
    }
    Ok(response)
}

fn asks_beforehand(request: &HttpRequest) -> bool {
    *request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn beforehand(origin: Option<HeaderValue>) -> HttpResponse {
    let mut response = match origin {
        Some(_) => HttpResponse::NoContent().finish(),
        None => HttpResponse::Forbidden().finish(),
    };
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        allow(headers, origin);
        for (name, text) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, SENT),
            (header::ACCESS_CONTROL_MAX_AGE, ASKED_FOR),
        ] {
            headers.insert(name, HeaderValue::from_static(text));
        }
    }
    response
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let yes = HeaderValue::from_static("true");
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
}

/// The one origin of the request, if it is on the list; as we write it, not as it came.
fn allowed_origin(request: &HttpRequest) -> Option<HeaderValue> {
    let mut given = request.headers().get_all(header::ORIGIN);
    let only = given.next()?;
    if given.next().is_some() {
        return None;
    }
    let origin = Origin::parse(only.to_str().ok()?).ok()?;
    let listed = auth_of(request).ok()?.origins().allow_origin(&origin);
    if listed { HeaderValue::try_from(origin.to_string()).ok() } else { None }
}
