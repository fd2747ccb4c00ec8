//! `/oauth2/authorize` (RFC 6749 §4.1.1): where apps send people.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    web::{self, Data, ServiceConfig},
};

use super::{
    AUTHORIZE, CONSENT, SELECT, SIGN_IN,
    answer::{is_script, on, refuse, send},
    error::OauthError,
    incoming::{Incoming, Unanswered},
    params::{Form, FormError, Params},
    sheet::{PageFault, Sheet},
};
use crate::{
    auth::{
        Auth, AuthError,
        limits::{Limited, TooMany},
        oidc::{
            authorize::{Asking, Seen, Step},
            waiting::Waiting,
        },
    },
    domain::oidc::request::AuthRequest,
    http::auth::{at, device, session_token},
    store::StoreError,
};

/// The app's page for new people.
const SIGN_UP: &str = "/sign-up";

pub(super) fn routes(cfg: &mut ServiceConfig) {
    at(cfg, "/oauth2/authorize", vec![web::get().to(opened), web::post().to(sent)]);
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(opened, sent))]
pub(super) struct Docs;

#[utoipa::path(
    get,
    path = "/oauth2/authorize",
    operation_id = "authorize",
    tag = "openid",
    summary = "Where apps send people (RFC 6749, OpenID Connect Core)",
    params(("client_id" = Option<String>, Query, description = "The app; all else is in the standards"), ("request_uri" = Option<String>, Query, description = "A request that was pushed")),
    security(()),
    responses(
        (status = 200, description = "The address, for a script; with response_mode=form_post a page", body = String, content_type = "text/html"),
        (status = 303, description = "On to the app, or to a page on which the person signs in or agrees"),
        (status = "4XX", description = "A page that says why the app is not answered", body = String, content_type = "text/html"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn opened(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, OauthError> {
    let params = Params::parse(request.query_string().as_bytes());
    match read(&auth, params).await {
        Ok(incoming) => go_on(&request, &auth, &incoming).await,
        Err(why) => unanswered(&request, &auth, why),
    }
}

/// By POST, from a page of another site, the browser sends no cookie of ours: so the request is kept
/// and opened by GET.
#[utoipa::path(
    post,
    path = "/oauth2/authorize",
    operation_id = "authorizeByPost",
    tag = "openid",
    summary = "The same by a form of another site",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    security(()),
    responses(
        (status = 303, description = "On to the same by GET"),
        (status = "4XX", description = "A page that says why the app is not answered", body = String, content_type = "text/html"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn sent(
    request: HttpRequest,
    auth: Data<Auth>,
    form: Result<Form, FormError>,
) -> Result<HttpResponse, OauthError> {
    let params = match form {
        Ok(Form(params)) => Ok(params),
        Err(FormError::Params(error)) => Err(error),
        Err(error) => {
            Err(OauthError::new(error.status_code(), "invalid_request", error.to_string()))
        }
    };
    let incoming = match read(&auth, params).await {
        Ok(incoming) => incoming,
        Err(why) => return unanswered(&request, &auth, why),
    };
    if let Err(fault) = &incoming.request {
        return Ok(refuse(&request, &auth, &incoming.reply, fault));
    }
    let uri = if let Some(waiting) = &incoming.waiting {
        waiting.uri.clone()
    } else {
        match hold(&request, &auth, &incoming, None).await {
            Ok(uri) => uri,
            Err(why) => return not_held(&request, &auth, why),
        }
    };
    Ok(on(&request, &auth, &path_of(incoming.client.id.as_str(), &uri)))
}

async fn read(auth: &Auth, params: Result<Params, OauthError>) -> Result<Incoming, Unanswered> {
    let params = params.map_err(|error| {
        PageFault::BadRequest(error.status_code(), error.description.into_owned())
    })?;
    Incoming::read(auth, params).await
}

/// What a person sees whose app cannot be answered.
pub(super) fn unanswered(
    request: &HttpRequest,
    auth: &Auth,
    why: Unanswered,
) -> Result<HttpResponse, OauthError> {
    match why {
        Unanswered::Page(fault) => Ok(Sheet::asked(auth, request, None).fault(&fault)),
        Unanswered::Error(error) => Err(error),
    }
}

/// Takes a request as far as it goes in this browser.
pub(super) async fn go_on(
    request: &HttpRequest,
    auth: &Auth,
    incoming: &Incoming,
) -> Result<HttpResponse, OauthError> {
    let asked = match &incoming.request {
        Ok(asked) => asked,
        Err(fault) => return Ok(refuse(request, auth, &incoming.reply, fault)),
    };
    let asking = incoming.asking(asked, false);
    let step = auth.authorization_step(asking, session_token(request, auth).as_deref()).await?;
    follow(request, auth, incoming, (asking, step)).await
}

/// Does what comes next.
pub(super) async fn follow(
    request: &HttpRequest,
    auth: &Auth,
    incoming: &Incoming,
    (asking, step): (Asking<'_>, Step),
) -> Result<HttpResponse, OauthError> {
    let page = match step {
        Step::Refused(fault) => return Ok(refuse(request, auth, &incoming.reply, &fault)),
        Step::Allowed(seen) => return allow(request, auth, incoming, (asking, &seen)).await,
        Step::SignIn => SIGN_IN,
        Step::SignUp => SIGN_UP,
        Step::Select(_) => SELECT,
        Step::Consent(_) => CONSENT,
    };
    let client = &incoming.client;
    let uri = match &incoming.waiting {
        Some(waiting) if !waiting.pushed => waiting.uri.clone(),
        pushed => match hold(request, auth, incoming, pushed.as_ref()).await {
            Ok(uri) => uri,
            Err(why) => return not_held(request, auth, why),
        },
    };
    let url = page_url(auth, page, (client.id.as_str(), &uri), asking.request);
    Ok(on(request, auth, &url))
}

/// Keeps a request while its person does something for it.
async fn hold(
    request: &HttpRequest,
    auth: &Auth,
    incoming: &Incoming,
    pushed: Option<&Waiting>,
) -> Result<String, Limited> {
    let (_, address) = device(request, auth);
    auth.hold_request(&incoming.client, incoming.params.to_query(), pushed, address).await
}

/// The app is told nothing: the person may try again herself.
fn not_held(request: &HttpRequest, auth: &Auth, why: Limited) -> Result<HttpResponse, OauthError> {
    match why {
        Limited::TooMany(TooMany::Address(ms) | TooMany::Account(ms)) if !is_script(request) => {
            Ok(Sheet::asked(auth, request, None).fault(&PageFault::TooMany(ms)))
        }
        why => Err(why.into()),
    }
}

async fn allow(
    request: &HttpRequest,
    auth: &Auth,
    incoming: &Incoming,
    (asking, seen): (Asking<'_>, &Seen),
) -> Result<HttpResponse, OauthError> {
    let (device, _) = device(request, auth);
    match auth.issue_code(asking, seen, &device).await {
        Ok(code) => Ok(send(request, auth, &incoming.reply, &[("code", &code)])),
        Err(AuthError::Store(StoreError::Conflict(_))) => {
            Ok(Sheet::asked(auth, request, None).fault(&PageFault::Gone))
        }
        Err(error) => Err(error.into()),
    }
}

/// Where a request that waits goes on.
pub(super) fn path_of(client: &str, uri: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("client_id", client).append_pair("request_uri", uri);
    format!("{AUTHORIZE}?{}", query.finish())
}

/// A page on which the person does something for a request.
pub(super) fn page_url(
    auth: &Auth,
    page: &str,
    (client, uri): (&str, &str),
    request: &AuthRequest,
) -> String {
    let mut more = url::form_urlencoded::Serializer::new(String::new());
    let back = path_of(client, uri);
    if page == SIGN_IN {
        more.append_pair("continue", &back);
    } else if page == SIGN_UP {
        more.append_pair("callbackURL", &back);
    }
    for (name, value) in [("login_hint", &request.login_hint), ("ui_locales", &request.ui_locales)]
    {
        if let Some(value) = value {
            more.append_pair(name, value);
        }
    }
    let (signed, more) = (auth.page_query(client, uri), more.finish());
    let and = if more.is_empty() { "" } else { "&" };
    format!("{page}?{signed}{and}{more}")
}
