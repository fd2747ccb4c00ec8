//! `/oauth2/sign-in`: where people sign in whom an app sent here. The rules are those of
//! `POST /sign-in/email`: limits, lockout, known devices, second factors.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
    web::{self, Data, ServiceConfig},
};

use super::{
    AUTHORIZE, SIGN_IN,
    incoming::Incoming,
    params::Params,
    sheet::{Sheet, page_param},
    sign_in_page::{Form, Page},
};
use crate::{
    auth::{
        Auth, AuthError,
        factors::{Code, FactorError, Proved, Prover},
        limits::TooMany,
        sign_in::{SignIn, SignInError},
    },
    domain::{email::Email, password::Password, return_url::ReturnUrl},
    http::{
        auth::{
            at, body::Fields, cookies, device, error::Refusal, session_token, sign_in::outcome,
            two_factor,
        },
        error::seconds_up,
        methods::reading,
    },
    telemetry::Metrics,
};

/// Where all pages of this kind go on.
const OURS: &str = "/api/auth/oauth2/";

pub(super) fn routes(cfg: &mut ServiceConfig) {
    at(cfg, "/oauth2/sign-in", vec![reading().to(shown), web::post().to(sent)]);
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(shown, sent))]
pub(super) struct Docs;

/// Where somebody goes on, and for which app.
pub(super) struct Place {
    pub back: String,
    /// The app's name.
    pub app: Option<String>,
    source: Option<String>,
    pub login_hint: Option<String>,
    ui_locales: Option<String>,
}

impl Place {
    /// `text` is what a URL or a form says; what leads elsewhere is not followed (attack B6).
    async fn of(auth: &Auth, text: Option<&str>) -> Self {
        let back = text.filter(|it| is_ours(auth, it)).unwrap_or("/").to_owned();
        let mut place = Self { back, app: None, source: None, login_hint: None, ui_locales: None };
        let Some((AUTHORIZE, query)) = place.back.split_once('?') else { return place };
        let Ok(params) = Params::parse(query.as_bytes()) else { return place };
        if let Ok(incoming) = Incoming::read(auth, params).await {
            place.source = incoming.reply.source();
            place.app = Some(incoming.client.name.clone());
            if let Ok(request) = incoming.request {
                place.login_hint = request.login_hint;
                place.ui_locales = request.ui_locales;
            }
        }
        place
    }

    fn sheet<'a>(&self, auth: &'a Auth, request: &HttpRequest) -> Sheet<'a> {
        let asked = page_param(request, "ui_locales").or_else(|| self.ui_locales.clone());
        let mut sheet = Sheet::asked(auth, request, asked.as_deref());
        sheet.sources.extend(self.source.clone());
        sheet
    }
}

fn is_ours(auth: &Auth, text: &str) -> bool {
    let path = text.split('?').next().unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_');
    path.starts_with(OURS)
        && path.bytes().all(plain)
        && ReturnUrl::parse(text, auth.origins()).is_ok()
}

/// A page of this URL with one more parameter.
pub(super) fn here(back: &str, more: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("continue", back).extend_pairs(more);
    format!("{SIGN_IN}?{}", query.finish())
}

#[utoipa::path(
    get,
    path = "/oauth2/sign-in",
    operation_id = "showSignIn",
    tag = "openid",
    summary = "The page on which people sign in for an app",
    params(("continue" = Option<String>, Query, description = "Where it goes on: a path under /api/auth/oauth2/"), ("login_hint" = Option<String>, Query, description = "The address to begin with"), ("ui_locales" = Option<String>, Query, description = "Languages, the best first")),
    security(()),
    responses(
        (status = 200, description = "The form", body = String, content_type = "text/html"),
    ),
)]
async fn shown(request: HttpRequest, auth: Data<Auth>) -> HttpResponse {
    let place = Place::of(&auth, page_param(&request, "continue").as_deref()).await;
    let sheet = place.sheet(&auth, &request);
    let page = Page { sheet: &sheet, auth: &auth, place: &place };
    let waits = cookies::signed_value(&request, &auth, two_factor::WAITING).is_some();
    if waits && page_param(&request, "step").as_deref() == Some("code") {
        return page.code(StatusCode::OK, None);
    }
    let hint = page_param(&request, "login_hint").or_else(|| place.login_hint.clone());
    page.form(&Form { email: &hint.unwrap_or_default(), ..Form::default() })
}

#[utoipa::path(
    post,
    path = "/oauth2/sign-in",
    operation_id = "signInForApp",
    tag = "openid",
    summary = "The form of that page: a password, or then a code",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    security(()),
    responses(
        (status = 303, description = "Signed in and on, or to the second step"),
        (status = "4XX", description = "The form, with what was wrong", body = String, content_type = "text/html"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn sent(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let place = Place::of(&auth, fields.optional_text("continue").as_deref()).await;
    let sheet = place.sheet(&auth, &request);
    let page = Page { sheet: &sheet, auth: &auth, place: &place };
    if let Some(code) = fields.optional_text("code") {
        fields.finish()?;
        return verify(&request, page, &code).await;
    }
    let email = fields.text("email");
    let password = fields.password("password").ok().flatten();
    fields.finish()?;
    let (Ok(address), Some(password)) = (Email::parse(&email), password) else {
        let (status, fault) = (StatusCode::UNAUTHORIZED, page.words().wrong);
        return Ok(page.form(&Form { status, email: &email, fault: Some(fault) }));
    };
    enter(&request, page, address, password).await
}

async fn enter(
    request: &HttpRequest,
    page: Page<'_>,
    email: Email,
    password: Password,
) -> Result<HttpResponse, Refusal> {
    let auth = page.auth;
    let (device, address) = device(request, auth);
    let form = SignIn {
        email: email.clone(),
        password,
        remember: true,
        replaces: session_token(request, auth),
        known_device: cookies::known_device(request, auth),
    };
    let started = auth.sign_in(form, device, address).await;
    if let Some(metrics) = request.app_data::<Data<Metrics>>() {
        metrics.sign_in(outcome(&started));
    }
    let mut response = HttpResponse::build(StatusCode::SEE_OTHER);
    let user = match started {
        Ok(started) => {
            cookies::set(&mut response, auth, &started.token, true);
            started.user
        }
        Err(SignInError::SecondFactor(challenge)) => {
            let trusted = two_factor::ask(request, auth, &challenge, &mut response).await?;
            let Some(started) = trusted else {
                let code = here(&page.place.back, &[("step", "code")]);
                return Ok(to(&mut response, &code));
            };
            started.user
        }
        Err(error) => return refused(page, &email, error),
    };
    cookies::know_device(&mut response, request, auth, &user.email);
    Ok(to(&mut response, &page.place.back))
}

fn refused(page: Page<'_>, email: &Email, error: SignInError) -> Result<HttpResponse, Refusal> {
    let words = page.words();
    let (status, fault, wait) = match error {
        SignInError::Wrong => (StatusCode::UNAUTHORIZED, words.wrong, None),
        SignInError::TooMany(TooMany::Address(ms) | TooMany::Account(ms)) => {
            (StatusCode::TOO_MANY_REQUESTS, words.locked, Some(ms))
        }
        SignInError::Auth(AuthError::Banned) => (StatusCode::FORBIDDEN, words.banned, None),
        SignInError::Auth(AuthError::Overloaded) => {
            (StatusCode::SERVICE_UNAVAILABLE, words.busy, Some(1_000))
        }
        error => return Err(error.into()),
    };
    let answer = page.form(&Form { status, email: email.as_str(), fault: Some(fault) });
    Ok(after(answer, wait))
}

/// The second step.
async fn verify(
    request: &HttpRequest,
    page: Page<'_>,
    code: &str,
) -> Result<HttpResponse, Refusal> {
    let (auth, words) = (page.auth, page.words());
    let again = |status| page.form(&Form { status, email: "", fault: Some(words.code_over) });
    let Some(name) = cookies::signed_value(request, auth, two_factor::WAITING) else {
        return Ok(again(StatusCode::UNAUTHORIZED));
    };
    let digits = code.chars().filter(|c| !c.is_whitespace()).all(|c| c.is_ascii_digit());
    let code = if digits { Code::Totp(code) } else { Code::Recovery(code) };
    let (device, _) = device(request, auth);
    let proved = match auth.prove(Prover::Challenge(&name), code, device).await {
        Err(FactorError::WrongCode | FactorError::NotEnabled) => {
            return Ok(page.code(StatusCode::UNAUTHORIZED, Some(words.wrong_code)));
        }
        Err(FactorError::NoChallenge | FactorError::UsedUp) => {
            return Ok(again(StatusCode::UNAUTHORIZED));
        }
        Err(FactorError::Locked(ms)) => {
            let answer = page.code(StatusCode::TOO_MANY_REQUESTS, Some(words.locked));
            return Ok(after(answer, Some(ms)));
        }
        proved => proved?,
    };
    let mut response = HttpResponse::build(StatusCode::SEE_OTHER);
    cookies::expire(&mut response, auth, two_factor::WAITING);
    if let Proved::In { started, remember } = proved {
        cookies::set(&mut response, auth, &started.token, remember);
        cookies::know_device(&mut response, request, auth, &started.user.email);
    }
    Ok(to(&mut response, &page.place.back))
}

/// 303 and never 307: the password is not sent again (attack C8).
fn to(response: &mut HttpResponseBuilder, url: &str) -> HttpResponse {
    response
        .insert_header((header::LOCATION, url))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .finish()
}

fn after(mut answer: HttpResponse, wait: Option<i64>) -> HttpResponse {
    if let Some(ms) = wait {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds_up(ms).into());
    }
    answer
}
