//! Who is calling: proved by the type of a handler's argument, so that no body asks for a role.
//!
//! A session cookie counts on a reading request, and on any other only if the page's Origin is
//! allowed. `Authorization: Bearer` (a session token, or an access token for this API) needs no
//! Origin, since no page sends it unasked, nor does `Authorization: DPoP` (an access token whose key
//! the sender proves to hold); where either stands, the cookie is not looked at.

use std::{future::Future, ops::Deref, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{
        Method,
        header::{self, HeaderMap},
    },
    web::Data,
};

use super::{
    challenge::{self, Scheme},
    error::ApiError,
};
use crate::auth::{
    Auth, AuthError, Identity, cookie,
    oidc::dpop::{Call, ProofError},
};

/// The session cookie's name; behind https with the prefix that browsers guard.
pub(crate) const SESSION_COOKIE: &str = "better-auth.session_token";

macro_rules! caller {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub(crate) struct $name(pub(crate) Identity);

        impl Deref for $name {
            type Target = Identity;

            fn deref(&self) -> &Identity {
                &self.0
            }
        }

        impl FromRequest for $name {
            type Error = ApiError;
            type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                let request = request.clone();
                Box::pin(async move {
                    let identity = identify(&request).await?;
                    let check: fn(&Identity) -> Result<(), ApiError> = $check;
                    check(&identity).map(|()| Self(identity))
                })
            }
        }
    };
}

caller! {
    /// Anybody with a session, verified or not.
    SignedIn, |_| Ok(())
}

caller! {
    /// Somebody whose email address is verified: may read lessons and ask the tutor.
    Learner, |who| if who.user.email_verified { Ok(()) } else { Err(ApiError::email_unverified()) }
}

caller! {
    /// An instructor or an admin.
    Staff, |who| if who.is_staff() { Ok(()) } else { Err(not_allowed()) }
}

caller! {
    /// An admin.
    Admin, |who| if who.is_admin() { Ok(()) } else { Err(not_allowed()) }
}

fn not_allowed() -> ApiError {
    ApiError::forbidden("You are not allowed to do this.")
}

/// What a request shows to prove who sends it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Text behind `Bearer`.
    Bearer(String),
    /// An access token that is bound to a key (RFC 9449 §7.1); the proof stands beside it.
    Dpop(String),
    /// The token in a session cookie with a good signature.
    Cookie(String),
    Nothing,
}

async fn identify(request: &HttpRequest) -> Result<Identity, ApiError> {
    let auth = auth_of(request)?;
    match shown(request, auth) {
        Shown::Bearer(token) => {
            auth.by_bearer(&token).await.map_err(|error| bad_token(Scheme::Bearer, error))
        }
        Shown::Dpop(token) => {
            let proof = only_proof(request.headers()).ok_or_else(bad_proof)?;
            auth.by_dpop(&token, proof, call_of(request)).await.map_err(|error| match error {
                ProofError::Refused(_) => bad_proof(),
                ProofError::Auth(error) => bad_token(Scheme::Dpop, error),
            })
        }
        Shown::Cookie(token) => {
            if !reads(request) && page_of(request, auth) != Page::Allowed {
                return Err(ApiError::forbidden("This request's Origin is not allowed."));
            }
            Ok(auth.known_by_token(&token).await?)
        }
        Shown::Nothing => Err(AuthError::NotSignedIn.into()),
    }
}

fn bad_token(scheme: Scheme, error: AuthError) -> ApiError {
    let why = "The token is not valid here.";
    ApiError::from(error).shown(scheme, challenge::INVALID_TOKEN, why)
}

fn bad_proof() -> ApiError {
    let why = "The DPoP proof is missing, or does not hold.";
    let refused = ApiError::unauthorized().saying(why);
    refused.shown(Scheme::Dpop, challenge::INVALID_PROOF, why)
}

/// Whether a request changes nothing by its method.
pub(crate) fn reads(request: &HttpRequest) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
}

pub(crate) fn auth_of(request: &HttpRequest) -> Result<&Auth, ApiError> {
    request
        .app_data::<Data<Auth>>()
        .map(Data::get_ref)
        .ok_or_else(|| ApiError::internal("the app was built without Data<Auth>"))
}

pub(crate) fn shown(request: &HttpRequest, auth: &Auth) -> Shown {
    if let Some(value) = request.headers().get(header::AUTHORIZATION) {
        let bearer = value.to_str().ok().and_then(|text| text.split_once(' '));
        return match bearer {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                let token = token.trim();
                Shown::Bearer(cookie::unescape(token).unwrap_or_else(|| token.to_owned()))
            }
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("dpop") => {
                Shown::Dpop(token.trim().to_owned())
            }
            _ => Shown::Nothing,
        };
    }
    let name = session_cookie_name(auth);
    cookie_value(request, &name)
        .and_then(|value| auth.open_signed(&value))
        .map_or(Shown::Nothing, Shown::Cookie)
}

/// The proof of a request that has exactly one.
fn only_proof(headers: &HeaderMap) -> Option<&str> {
    let mut proofs = headers.get_all("dpop");
    let only = proofs.next()?;
    if proofs.next().is_some() { None } else { only.to_str().ok() }
}

fn call_of(request: &HttpRequest) -> Call<'_> {
    Call { method: request.method().as_str(), path: request.path() }
}

pub(crate) fn session_cookie_name(auth: &Auth) -> String {
    secure_name(auth, SESSION_COOKIE)
}

/// `__Secure-` in front where the site is https (`auth-api.md`, "Where we differ" 6).
pub(crate) fn secure_name(auth: &Auth, name: &str) -> String {
    if auth.origins().own().is_https() { format!("__Secure-{name}") } else { name.to_owned() }
}

/// The unescaped value of the cookie `name`. Of two cookies of one name neither is believed: one
/// of them may have been set by a neighbouring host.
pub(crate) fn cookie_value(request: &HttpRequest, name: &str) -> Option<String> {
    let mut values = request
        .headers()
        .get_all(header::COOKIE)
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(found, _)| *found == name)
        .map(|(_, value)| value);
    let only = values.next()?;
    if values.next().is_some() {
        return None;
    }
    cookie::unescape(only)
}

/// Which page sent a request, as its browser says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    Allowed,
    Foreign,
    /// No Origin and no Referer, or the origin `null`.
    Unknown,
}

/// Goes by Origin, and where that is absent by Referer. `null` from a page of our own (one with
/// `Referrer-Policy: no-referrer`) is our own: a browser then says `Sec-Fetch-Site: same-origin`.
pub(crate) fn page_of(request: &HttpRequest, auth: &Auth) -> Page {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let same_origin =
        text(header::HeaderName::from_static("sec-fetch-site")) == Some("same-origin");
    match (text(header::ORIGIN), text(header::REFERER)) {
        (Some("null"), _) if same_origin => Page::Allowed,
        (Some("null"), _) | (None, None) => Page::Unknown,
        (Some(origin), _) => allowed(auth.origin_allowed(origin)),
        (None, Some(referer)) => allowed(
            url::Url::parse(referer)
                .ok()
                .and_then(|url| crate::domain::origin::Origin::of(&url))
                .is_some_and(|origin| auth.origins().allow_origin(&origin)),
        ),
    }
}

const fn allowed(yes: bool) -> Page {
    if yes { Page::Allowed } else { Page::Foreign }
}

#[cfg(test)]
mod tests {
    use actix_web::{App, HttpResponse, test, web};

    use super::*;
    use crate::{
        auth::tests::{Bench, PAGE},
        domain::role::Role,
    };

    async fn ask(bench: &Bench, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let app = App::new().app_data(Data::from(std::sync::Arc::clone(&bench.auth))).service(
            web::scope("")
                .route(
                    "/me",
                    web::to(async |who: SignedIn| HttpResponse::Ok().body(who.user.id.to_string())),
                )
                .route("/learn", web::to(async |_: Learner| "ok"))
                .route("/staff", web::to(async |_: Staff| "ok"))
                .route("/admin", web::to(async |_: Admin| "ok")),
        );
        let app = test::init_service(app).await;
        let (method, path) = path.split_once(' ').unwrap();
        let mut request = test::TestRequest::default().method(method.parse().unwrap()).uri(path);
        for header in headers {
            request = request.append_header(*header);
        }
        let response = match test::try_call_service(&app, request.to_request()).await {
            Ok(response) => response.into_parts().1.map_into_boxed_body(),
            Err(error) => error.error_response(),
        };
        let status = response.status().as_u16();
        let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn cookie_of(bench: &Bench, token: &str) -> String {
        format!("{SESSION_COOKIE}={}", cookie::escape(&bench.auth.signed(token)))
    }

    #[actix_web::test]
    async fn a_session_is_believed_from_a_signed_cookie_or_a_bearer_token() {
        let bench = Bench::new().await;
        let (ada, token) = bench.signed_in_with_token("ada", Role::Student).await;
        let cookie = cookie_of(&bench, &token);
        let jwt = format!("Bearer {}", bench.auth.issue_access_token(&ada).unwrap());
        let raw = format!("Bearer {token}");
        let forged = format!("{SESSION_COOKIE}={token}.AAAA");
        let unsigned = format!("{SESSION_COOKIE}={token}");
        let twice = format!("{cookie}; {cookie}");
        for (header, status) in [
            (("cookie", cookie.as_str()), 200),
            (("authorization", &jwt), 200),
            (("authorization", &raw), 200),
            (("cookie", &forged), 401),
            (("cookie", &unsigned), 401),
            (("cookie", &twice), 401),
            (("authorization", "Bearer nonsense"), 401),
            (("authorization", "Basic YWRhOmFkYQ=="), 401),
            (("x-user-id", "ada"), 401),
        ] {
            assert_eq!(ask(&bench, "GET /me", &[header]).await.0, status, "{header:?}");
        }
    }

    /// A missing or foreign Origin (issue 2, "To show"; attack C1).
    #[actix_web::test]
    async fn a_cookie_changes_nothing_without_an_allowed_origin() {
        let bench = Bench::new().await;
        let (_, token) = bench.signed_in_with_token("ada", Role::Student).await;
        let cookie = cookie_of(&bench, &token);
        let cookie = ("cookie", cookie.as_str());
        for (extra, status) in [
            (vec![], 403),
            (vec![("origin", "null")], 403),
            (vec![("origin", "http://evil.example")], 403),
            (vec![("referer", "http://evil.example/localhost:8080")], 403),
            (vec![("origin", PAGE)], 200),
            (vec![("origin", "http://127.0.0.1:8080")], 200),
            (vec![("referer", "http://localhost:8080/lesson")], 200),
            (vec![("origin", "https://app.example")], 200),
        ] {
            let headers = [vec![cookie], extra.clone()].concat();
            let (got, body) = ask(&bench, "POST /me", &headers).await;
            assert_eq!(got, status, "{extra:?}");
            assert!(status == 200 || body.contains(r#""code":"forbidden""#), "{body}");
        }
        let bearer = format!("Bearer {token}");
        assert_eq!(ask(&bench, "POST /me", &[("authorization", &bearer)]).await.0, 200);
    }

    #[actix_web::test]
    async fn each_door_asks_for_its_own_right() {
        let bench = Bench::new().await;
        for (name, role, rights) in [
            ("ada", Role::Student, [200, 403, 403]),
            ("ina", Role::Instructor, [200, 200, 403]),
            ("root", Role::Admin, [200, 200, 200]),
        ] {
            let (_, token) = bench.signed_in_with_token(name, role).await;
            let bearer = format!("Bearer {token}");
            for (path, status) in ["GET /learn", "GET /staff", "GET /admin"].iter().zip(rights) {
                let (got, _) = ask(&bench, path, &[("authorization", &bearer)]).await;
                assert_eq!(got, status, "{name} {path}");
            }
        }
    }

    /// Issue 2, "To show": an unverified person.
    #[actix_web::test]
    async fn an_unverified_person_is_signed_in_but_no_learner() {
        let bench = Bench::new().await;
        let token = bench.unverified("eve").await;
        let bearer = format!("Bearer {token}");
        let bearer = [("authorization", bearer.as_str())];

        assert_eq!(ask(&bench, "GET /me", &bearer).await.0, 200);
        let (status, body) = ask(&bench, "GET /learn", &bearer).await;
        assert_eq!(status, 403);
        assert!(body.contains(r#""code":"email_unverified""#), "{body}");
    }

    /// Attack C3: on https only the guarded cookie counts.
    #[actix_web::test]
    async fn on_https_the_unprefixed_cookie_is_not_believed() {
        let bench = Bench::at("https://school.example", false).await;
        let (_, token) = bench.signed_in_with_token("ada", Role::Student).await;
        let plain = cookie_of(&bench, &token);
        let guarded = format!("__Secure-{plain}");

        assert_eq!(ask(&bench, "GET /me", &[("cookie", &plain)]).await.0, 401);
        assert_eq!(ask(&bench, "GET /me", &[("cookie", &guarded)]).await.0, 200);
    }
}
