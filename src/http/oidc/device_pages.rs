//! Where the person of a device types its code, sees what it wants, and agrees or declines (RFC 8628
//! §3.3). Codes can be guessed at and sent to others: wrong ones are limited, and the page says
//! which app asks, for what and from where (attack D23).

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{StatusCode, header},
    web::{self, Data, ServiceConfig},
};
use url::form_urlencoded::Serializer;
use utoipa::OpenApi;

use super::{
    params::{Form, FormError, Params},
    plain::{Page, error_page, failed, filled, hidden, locale, see_other, signed_in},
};
use crate::{
    auth::{
        Auth, AuthError, Identity,
        limits::{Limited, TooMany},
        oidc::device::{CodeError, Typed, Waiting},
    },
    domain::{locale::Locale, oidc::scope},
    http::{
        auth::{at, device, post},
        error::seconds_up,
        extract,
        html::escape,
        words::{
            Done,
            device::{self as words, Words},
        },
    },
};

pub(super) const PAGE: &str = "/api/auth/oauth2/device/verify";
const DECIDE: &str = "/api/auth/oauth2/device/decide";
const SIGN_IN: &str = "/api/auth/oauth2/sign-in";

pub(super) fn routes(cfg: &mut ServiceConfig) {
    at(cfg, "/oauth2/device/verify", vec![web::get().to(opened), web::post().to(typed)]);
    post(cfg, "/oauth2/device/decide", decided);
}

#[derive(OpenApi)]
#[openapi(paths(opened, typed, decided))]
pub(super) struct Docs;

/// What stands in the way of an answer.
enum Fault {
    Code(CodeError),
    Auth(AuthError),
    /// An admin who acts as somebody (attack C10).
    Acting,
    /// Not from a page of ours.
    Foreign,
}

impl From<AuthError> for Fault {
    fn from(error: AuthError) -> Self {
        Self::Auth(error)
    }
}

impl From<CodeError> for Fault {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Limited(Limited::Auth(error)) => Self::Auth(error),
            error => Self::Code(error),
        }
    }
}

impl Fault {
    /// `code` is shown again.
    fn page(&self, locale: Locale, code: &str) -> HttpResponse {
        let words = words::of(locale);
        let refused = |status, why| error_page(status, locale, (words.refused, why));
        match self {
            Self::Code(CodeError::Unknown) => {
                let mut response = HttpResponse::BadRequest();
                enter(&mut response, locale, (code, Some(words.wrong)))
            }
            Self::Code(CodeError::Limited(Limited::TooMany(
                TooMany::Address(ms) | TooMany::Account(ms),
            ))) => {
                let mut response = HttpResponse::TooManyRequests();
                response.insert_header((header::RETRY_AFTER, seconds_up(*ms)));
                enter(&mut response, locale, (code, Some(words.wait)))
            }
            Self::Auth(error) | Self::Code(CodeError::Limited(Limited::Auth(error))) => {
                failed(error, locale, (words.refused, words.failed))
            }
            Self::Acting => refused(StatusCode::FORBIDDEN, words.acting),
            Self::Foreign => refused(StatusCode::FORBIDDEN, words.foreign_page),
        }
    }
}

/// By its own link or the device's. A code in the link is looked up only for who is signed in.
#[utoipa::path(
    get,
    path = "/oauth2/device/verify",
    operation_id = "openDevicePage",
    tag = "openid",
    summary = "The page for a device's code",
    params(("user_code" = Option<String>, Query, description = "The code")),
    security(()),
    responses(
        (status = 200, description = "The form, or what the device asks for", body = String, content_type = "text/html"),
        (status = "4XX", description = "The form, with what is wrong", body = String, content_type = "text/html"),
        (status = "5XX", description = "Failed", body = String, content_type = "text/html"),
    ),
)]
async fn opened(request: HttpRequest, auth: Data<Auth>) -> HttpResponse {
    let Ok(params) = Params::parse(request.query_string().as_bytes()) else {
        return damaged(&request, StatusCode::BAD_REQUEST);
    };
    let locale = locale(&request, params.get("ui_locales"));
    let code = params.get("user_code").unwrap_or_default();
    let answer = async {
        match signed_in(&request, &auth).await? {
            Some(who) if !code.is_empty() => ask(&request, &auth, (&who, code), locale).await,
            _ => Ok(enter(&mut HttpResponse::Ok(), locale, (code, None))),
        }
    };
    answer.await.unwrap_or_else(|fault: Fault| fault.page(locale, code))
}

/// A code was typed. Whoever is not signed in does that first, and comes back with it.
#[utoipa::path(
    post,
    path = "/oauth2/device/verify",
    operation_id = "enterDeviceCode",
    tag = "openid",
    summary = "The person has typed a code",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    security(()),
    responses(
        (status = 200, description = "What the device asks for", body = String, content_type = "text/html"),
        (status = 303, description = "On to sign in"),
        (status = "4XX", description = "The form, with what is wrong", body = String, content_type = "text/html"),
        (status = "5XX", description = "Failed", body = String, content_type = "text/html"),
    ),
)]
async fn typed(
    request: HttpRequest,
    auth: Data<Auth>,
    form: Result<Form, FormError>,
) -> HttpResponse {
    let params = match form {
        Ok(Form(params)) => params,
        Err(error) => return damaged(&request, error.status_code()),
    };
    let locale = locale(&request, params.get("ui_locales"));
    let code = params.get("user_code").unwrap_or_default();
    let answer = async {
        if let Some(who) = signed_in(&request, &auth).await? {
            return ask(&request, &auth, (&who, code), locale).await;
        }
        let waiting = look_up(&request, &auth, code).await?;
        let page = with_code(PAGE, "user_code", &waiting.user_code);
        let sign_in = with_code(SIGN_IN, "continue", &page);
        Ok(see_other(&mut HttpResponse::SeeOther(), &sign_in))
    };
    answer.await.unwrap_or_else(|fault: Fault| fault.page(locale, code))
}

/// The person has decided.
#[utoipa::path(
    post,
    path = "/oauth2/device/decide",
    operation_id = "decideDevice",
    tag = "openid",
    summary = "The person lets a device in, or not",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "A page that says so", body = String, content_type = "text/html"),
        (status = 303, description = "On to sign in"),
        (status = "4XX", description = "A page that says what is wrong", body = String, content_type = "text/html"),
        (status = "5XX", description = "Failed", body = String, content_type = "text/html"),
    ),
)]
async fn decided(
    request: HttpRequest,
    auth: Data<Auth>,
    form: Result<Form, FormError>,
) -> HttpResponse {
    let params = match form {
        Ok(Form(params)) => params,
        Err(error) => return damaged(&request, error.status_code()),
    };
    let locale = locale(&request, params.get("ui_locales"));
    let words = words::of(locale);
    let code = params.get("user_code").unwrap_or_default();
    let answer = async {
        if extract::page_of(&request, &auth) != extract::Page::Allowed {
            return Err(Fault::Foreign);
        }
        let Some(who) = signed_in(&request, &auth).await? else {
            let page = with_code(PAGE, "user_code", code);
            let sign_in = with_code(SIGN_IN, "continue", &page);
            return Ok(see_other(&mut HttpResponse::SeeOther(), &sign_in));
        };
        if who.impersonated_by.is_some() {
            return Err(Fault::Acting);
        }
        let waiting = look_up(&request, &auth, code).await?;
        if params.get("accept") == Some("yes") {
            auth.approve_device(&who, &waiting, &device(&request, &auth).0).await?;
            return Ok(done(locale, &words.accepted));
        }
        auth.decline_device(&waiting).await?;
        Ok(done(locale, &words.declined))
    };
    answer.await.unwrap_or_else(|fault: Fault| fault.page(locale, code))
}

fn damaged(request: &HttpRequest, status: StatusCode) -> HttpResponse {
    let locale = locale(request, None);
    let words = words::of(locale);
    error_page(status, locale, (words.refused, words.bad_request))
}

fn with_code(path: &str, name: &str, value: &str) -> String {
    let pair = Serializer::new(String::new()).append_pair(name, value).finish();
    format!("{path}?{pair}")
}

async fn look_up(request: &HttpRequest, auth: &Auth, code: &str) -> Result<Waiting, Fault> {
    let (_, address) = device(request, auth);
    Ok(auth.waiting_device(Typed { code, address }).await?)
}

async fn ask(
    request: &HttpRequest,
    auth: &Auth,
    (who, code): (&Identity, &str),
    locale: Locale,
) -> Result<HttpResponse, Fault> {
    if who.impersonated_by.is_some() {
        return Err(Fault::Acting);
    }
    let waiting = look_up(request, auth, code).await?;
    Ok(confirm(locale, who, &waiting))
}

/// The form for a code, with what was wrong with the last one.
fn enter(
    response: &mut actix_web::HttpResponseBuilder,
    locale: Locale,
    (code, fault): (&str, Option<&str>),
) -> HttpResponse {
    let words = words::of(locale);
    let why = fault
        .map_or(String::new(), |why| format!(r#"<p id="fault" role="alert">{}</p>"#, escape(why)));
    let code: String = code.chars().take(20).collect();
    let body = format!(
        r#"<p>{lead}</p>{why}
<form id="device-form" method="post" action="{PAGE}">
<p><label for="user-code">{label}</label>
<input id="user-code" name="user_code" value="{code}" required maxlength="20" dir="ltr" autocomplete="off" autocapitalize="characters" spellcheck="false"></p>
<button id="continue" type="submit">{button}</button>
</form>"#,
        lead = escape(words.enter.lead),
        label = escape(words.code),
        code = escape(&code),
        button = escape(words.enter.button),
    );
    Page::new(locale, words.enter.title, body).answer(response)
}

/// Who asks, for what, from where; and a warning.
fn confirm(locale: Locale, who: &Identity, waiting: &Waiting) -> HttpResponse {
    let words = words::of(locale);
    let places = [("{app}", waiting.client.name.as_str()), ("{email}", &who.user.email)];
    let lead = filled(words.confirm.lead, &places);
    let asked = waiting.scopes.iter().fold(String::new(), |list, scope| {
        list + "<li>" + &escape(said(words, scope).unwrap_or(scope)) + "</li>"
    });
    let agent = waiting.agent.as_deref().unwrap_or(words.unknown);
    let address = Some(waiting.address.as_str()).filter(|it| !it.is_empty());
    let from = filled(
        "{address} · {agent}",
        &[("{address}", address.unwrap_or(words.unknown)), ("{agent}", agent)],
    );
    let body = format!(
        r#"<p>{lead}</p>
<p>{label}: <strong id="code" dir="ltr">{code}</strong></p>
<p>{asks_for}:</p><ul id="scopes">{asked}</ul>
<p id="asked-from">{asked_from}: {from}</p>
<p id="warning"><strong>{warning}</strong></p>
<form id="decide-form" method="post" action="{DECIDE}">{field}
<button id="accept" type="submit" name="accept" value="yes">{accept}</button>
<button id="decline" type="submit" name="accept" value="no">{decline}</button>
</form>"#,
        label = escape(words.code),
        code = escape(&waiting.user_code),
        asks_for = escape(words.asks_for),
        asked_from = escape(words.asked_from),
        warning = escape(words.warning),
        field = hidden(("user_code", &waiting.user_code)),
        accept = escape(words.confirm.button),
        decline = escape(words.decline),
    );
    Page::new(locale, words.confirm.title, body).answer(&mut HttpResponse::Ok())
}

/// What a scope means to a person.
fn said(words: &Words, scope: &str) -> Option<&'static str> {
    Some(match scope {
        scope::OPENID => words.openid,
        scope::PROFILE => words.profile,
        scope::EMAIL => words.email,
        scope::OFFLINE_ACCESS => words.offline_access,
        scope::TUTOR => words.tutor,
        scope::ADMIN => words.admin,
        _ => return None,
    })
}

fn done(locale: Locale, done: &Done) -> HttpResponse {
    let body = format!(r#"<p id="done">{}</p>"#, escape(done.text));
    Page::new(locale, done.title, body).answer(&mut HttpResponse::Ok())
}
