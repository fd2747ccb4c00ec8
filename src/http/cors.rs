//! Cross-origin requests (Fetch, CORS): which pages of other sites may read our answers. Exactly
//! those that the operator lists (`server.allowed_origins`), with their cookies; the pages of apps
//! that run in a browser, what is answered for a token or a code, without; everybody may read what is
//! public anyway (`*`, without cookies), and register an app where everybody may.

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

use super::{extract::auth_of, oidc};
use crate::{auth::Auth, domain::origin::Origin};

const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";
/// What our clients send beyond the headers that need no leave.
const SENT: &str = "Authorization, Content-Type, DPoP, Last-Event-ID, X-Request-Id";
/// What scripts may read of an answer.
const SHOWN: &str = "set-auth-token, set-auth-jwt, Retry-After, X-Retry-After, Location, X-Request-Id, WWW-Authenticate";
/// What apps in a browser ask for.
const BY_APPS: [&str; 3] =
    ["/api/auth/oauth2/token", "/api/auth/oauth2/userinfo", "/api/auth/oauth2/revoke"];
/// Seconds that a browser need not ask again.
const ASKED_FOR: &str = "600";

/// A page that may read an answer.
struct Reader {
    /// As we write it, not as it came.
    origin: HeaderValue,
    with_cookies: bool,
}

impl Reader {
    fn everybody() -> Self {
        Self { origin: HeaderValue::from_static("*"), with_cookies: false }
    }
}

/// What a browser asks beforehand of what is public, outside of an area.
pub(super) async fn public() -> HttpResponse {
    beforehand(Some(Reader::everybody()))
}

/// Around all calls of an area. Answers what a browser asks beforehand (preflight) by itself.
pub(crate) async fn share(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let reader = reader(request.request()).await;
    if asks_beforehand(request.request()) {
        let answer = beforehand(reader);
        return Ok(request.into_response(answer).map_into_right_body());
    }
    let mut response = next.call(request).await?.map_into_left_body();
    let headers = response.headers_mut();
    // Also without Origin: a cache must not give this answer to a page that has one.
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(reader) = reader
        && !headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN)
    {
        allow(headers, reader);
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

fn beforehand(reader: Option<Reader>) -> HttpResponse {
    let mut response = match reader {
        Some(_) => HttpResponse::NoContent().finish(),
        None => HttpResponse::Forbidden().finish(),
    };
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(reader) = reader {
        allow(headers, reader);
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

fn allow(headers: &mut HeaderMap, reader: Reader) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, reader.origin);
    if reader.with_cookies {
        let yes = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
    }
}

/// The one origin of the request, if it is on the list, or an app's where apps ask; or everybody.
async fn reader(request: &HttpRequest) -> Option<Reader> {
    let auth = auth_of(request).ok()?;
    let listed = listed(request, auth).await;
    listed.or_else(|| oidc::is_public(request.path(), auth).then(Reader::everybody))
}

async fn listed(request: &HttpRequest, auth: &Auth) -> Option<Reader> {
    let mut given = request.headers().get_all(header::ORIGIN);
    let only = given.next()?;
    if given.next().is_some() {
        return None;
    }
    let page = Origin::parse(only.to_str().ok()?).ok()?;
    let with_cookies = auth.origins().allow_origin(&page);
    let for_apps = BY_APPS.contains(&request.path());
    let may_read = with_cookies || (for_apps && auth.is_app_origin(&page).await);
    if !may_read {
        return None;
    }
    let origin = HeaderValue::try_from(page.to_string()).ok()?;
    Some(Reader { origin, with_cookies })
}
