//! Signing in with an account that somebody has elsewhere, and joining one to hers
//! (`auth-api.md` §5).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Data, Path, Query, ServiceConfig},
};
use serde::Deserialize;
use serde_json::json;
use utoipa::OpenApi;

use super::{
    at, body::Fields, cookies, device, error::Refusal, factor_schema, fresh_caller, get, post,
    schema, session_token, shapes, two_factor,
};
use crate::{
    auth::{
        Auth,
        social::{
            Begin, BeginError, Browser, ByIdToken, Failure, Outcome, ProviderError, Returned,
            STATE_LIFE,
        },
    },
    domain::{ids::UserId, return_url::ReturnUrl},
};

const STATE: &str = "better-auth.state";

pub(super) fn routes(cfg: &mut ServiceConfig) {
    get(cfg, "/social-providers", providers);
    post(cfg, "/sign-in/social", sign_in);
    post(cfg, "/link-social", link);
    let methods = vec![web::get().to(callback), web::post().to(posted)];
    at(cfg, "/callback/{provider}", methods);
}

#[derive(OpenApi)]
#[openapi(paths(providers, sign_in, link, callback, posted))]
pub(in crate::http) struct Docs;

#[utoipa::path(
    get,
    path = "/social-providers",
    operation_id = "socialProviders",
    tag = "account",
    summary = "The providers with whose accounts people can sign in",
    security(()),
    responses(
        (status = 200, description = "Maybe none", body = Vec<factor_schema::ProviderBody>),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
    ),
)]
async fn providers(auth: Data<Auth>) -> HttpResponse {
    let list = auth.providers().iter().map(|(id, name)| json!({ "id": id, "name": name }));
    HttpResponse::Ok().json(list.collect::<Vec<_>>())
}

/// Tells where the browser goes; with `idToken` signs in at once.
#[utoipa::path(
    post,
    path = "/sign-in/social",
    operation_id = "signInSocial",
    tag = "account",
    summary = "Begins to sign in with an account at a provider",
    request_body = factor_schema::SocialBody,
    security(()),
    responses(
        (status = 200, description = "Where to go; with idToken the session", body = factor_schema::RedirectBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn sign_in(
    request: HttpRequest,
    auth: Data<Auth>,
    fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let form = Form::read(&auth, fields)?;
    match form.by_id_token {
        Some(by) => by_id_token(&request, &auth, by, form.begin.back).await,
        None => set_out(&auth, form.begin, form.redirect).await,
    }
}

/// For somebody who has proved within five minutes that she is herself.
#[utoipa::path(
    post,
    path = "/link-social",
    operation_id = "linkSocial",
    tag = "account",
    summary = "Begins to join an account at a provider to the caller's",
    request_body = factor_schema::SocialBody,
    responses(
        (status = 200, description = "Where to go", body = factor_schema::RedirectBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn link(
    request: HttpRequest,
    auth: Data<Auth>,
    fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let caller = fresh_caller(&request, &auth).await?;
    let mut form = Form::read(&auth, fields)?;
    if form.by_id_token.is_some() {
        return Err(Refusal::bad(
            "ID_TOKEN_NOT_SUPPORTED",
            "An account is linked by way of the provider: leave idToken out",
        ));
    }
    form.begin.link = Some(caller.user.id);
    set_out(&auth, form.begin, form.redirect).await
}

struct Form {
    begin: Begin,
    redirect: bool,
    by_id_token: Option<ByIdToken>,
}

impl Form {
    fn read(auth: &Auth, mut fields: Fields) -> Result<Self, Refusal> {
        let provider = fields.text("provider");
        let back = fields.callback(auth)?.unwrap_or_else(ReturnUrl::home);
        let error =
            url(auth, fields.optional_text("errorCallbackURL"), "INVALID_ERROR_CALLBACK_URL")?;
        let new_user =
            url(auth, fields.optional_text("newUserCallbackURL"), "INVALID_NEW_USER_CALLBACK_URL")?;
        let scopes = fields.texts("scopes");
        let login_hint = fields.optional_text("loginHint");
        let redirect = !fields.flag("disableRedirect", false);
        // Whoever is new gets an account where signing up is open, asked for or not.
        let _ = fields.flag("requestSignUp", false);
        let by_id_token = match fields.nested("idToken") {
            None => None,
            Some(mut nested) => {
                let token = nested.text("token");
                let nonce = nested.optional_text("nonce");
                Some(ByIdToken { provider: provider.clone(), token, nonce })
            }
        };
        fields.finish()?;
        let sane = |scope: &String| scope.len() <= 128 && !scope.contains(char::is_whitespace);
        if scopes.len() > 32 || !scopes.iter().all(sane) {
            return Err(Refusal::validation("[body.scopes] Invalid input: too many or too long"));
        }
        let link: Option<UserId> = None;
        let begin = Begin { provider, back, new_user, error, scopes, login_hint, link };
        Ok(Self { begin, redirect, by_id_token })
    }
}

fn url(
    auth: &Auth,
    text: Option<String>,
    code: &'static str,
) -> Result<Option<ReturnUrl>, Refusal> {
    text.map(|text| ReturnUrl::parse(&text, auth.origins()))
        .transpose()
        .map_err(|_| Refusal::forbidden(code, "Invalid callback URL"))
}

async fn set_out(auth: &Auth, begin: Begin, redirect: bool) -> Result<HttpResponse, Refusal> {
    let set_out = auth.set_out(begin).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    cookies::set_signed(&mut response, auth, STATE, &set_out.state, STATE_LIFE);
    if redirect {
        response.insert_header((header::LOCATION, set_out.url.as_str()));
    }
    Ok(response.json(json!({ "url": set_out.url, "redirect": redirect })))
}

async fn by_id_token(
    request: &HttpRequest,
    auth: &Auth,
    by: ByIdToken,
    back: ReturnUrl,
) -> Result<HttpResponse, Refusal> {
    let offered = auth.providers().iter().any(|(name, _)| *name == by.provider);
    if !offered {
        return Err(BeginError::NoProvider.into());
    }
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    let started = match auth.enter_by_id_token(by, browser(request, auth)).await? {
        Outcome::In { started, account, .. } => {
            cookies::set(&mut response, auth, &started.token, true);
            cookies::know_account(&mut response, auth, &account);
            *started
        }
        Outcome::SecondFactor { challenge, .. } => {
            match two_factor::ask(request, auth, &challenge, &mut response).await? {
                Some(started) => started,
                None => return Ok(response.json(two_factor::waits(&challenge))),
            }
        }
        Outcome::Failed { why, .. } => return Err(why.into()),
        Outcome::Linked { .. } => return Err(Failure::StateMismatch.into()),
    };
    let user = shapes::user(&started.user);
    let body = json!({
        "redirect": false, "token": started.token, "url": back.as_str(), "user": user,
    });
    Ok(response.json(body))
}

fn browser(request: &HttpRequest, auth: &Auth) -> Browser {
    let (device, address) = device(request, auth);
    Browser {
        state: cookies::signed_value(request, auth, STATE),
        session: session_token(request, auth),
        device,
        address,
    }
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Back {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    /// RFC 9207.
    iss: Option<String>,
}

/// Goes on to where the caller wanted to go, whatever came of it.
#[utoipa::path(
    get,
    path = "/callback/{provider}",
    operation_id = "socialCallback",
    tag = "account",
    summary = "Where a provider sends the browser back to",
    params(("provider" = String, Path, description = "Which provider"), Back),
    security(()),
    responses(
        (status = 302, description = "On to callbackURL, newUserCallbackURL or, with `error`, errorCallbackURL"),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn callback(
    request: HttpRequest,
    auth: Data<Auth>,
    provider: Path<String>,
    back: Query<Back>,
) -> Result<HttpResponse, Refusal> {
    let Back { code, state, error, iss } = back.into_inner();
    let returned = Returned { code, state, error, iss };
    let outcome = auth.come_back(&provider, returned, browser(&request, &auth)).await?;
    let mut response = HttpResponse::Found();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response.insert_header((header::REFERRER_POLICY, "no-referrer"));
    cookies::expire(&mut response, &auth, STATE);
    let to = match outcome {
        Outcome::In { started, back, account } => {
            cookies::set(&mut response, &auth, &started.token, true);
            cookies::know_account(&mut response, &auth, &account);
            back
        }
        Outcome::SecondFactor { challenge, back, account } => {
            let asked = two_factor::ask(&request, &auth, &challenge, &mut response).await?;
            cookies::know_account(&mut response, &auth, &account);
            match asked {
                Some(_) => back,
                None => second_factor_page(&auth, &challenge.methods, &back),
            }
        }
        Outcome::Linked { back, account } => {
            cookies::know_account(&mut response, &auth, &account);
            back
        }
        Outcome::Failed { way, why } => failure_page(&auth, way).with("error", why.as_str()),
    };
    Ok(response.insert_header((header::LOCATION, to.as_str())).finish())
}

/// An answer in a form (OAuth 2.0 Form Post Response Mode). It comes from the provider's page, so the
/// browser keeps our cookies back: it is sent on to the same by GET, with them.
#[utoipa::path(
    post,
    path = "/callback/{provider}",
    operation_id = "socialCallbackForm",
    tag = "account",
    summary = "Where a provider sends the browser back to with a form",
    params(("provider" = String, Path, description = "Which provider")),
    request_body = factor_schema::CallbackBody,
    security(()),
    responses(
        (status = 303, description = "On to the same address by GET"),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn posted(
    auth: Data<Auth>,
    provider: Path<String>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let mut to = url::Url::parse(&auth.issuer()).map_err(Refusal::internal)?;
    if let Ok(mut path) = to.path_segments_mut() {
        path.extend(["callback", provider.as_str()]);
    }
    for name in ["code", "state", "error", "iss"] {
        if let Some(text) = fields.optional_text(name) {
            to.query_pairs_mut().append_pair(name, &text);
        }
    }
    // Of the rest, such as Apple's `user`, nothing is believed: it bears no signature.
    Ok(HttpResponse::SeeOther()
        .insert_header((header::LOCATION, to.as_str()))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .finish())
}

/// The sign-in page at its second step.
fn second_factor_page(auth: &Auth, methods: &[&str], back: &ReturnUrl) -> ReturnUrl {
    let back: String = url::form_urlencoded::byte_serialize(back.as_str().as_bytes()).collect();
    let page = ReturnUrl::parse("/sign-in?twoFactorRedirect=true", auth.origins());
    let page = page.unwrap_or_else(|_| ReturnUrl::home());
    page.with("twoFactorMethods", &methods.join(",")).with("callbackURL", &back)
}

fn failure_page(auth: &Auth, way: Option<ReturnUrl>) -> ReturnUrl {
    way.unwrap_or_else(|| {
        let own = format!("{}/error", auth.issuer());
        ReturnUrl::parse(&own, auth.origins()).unwrap_or_else(|_| ReturnUrl::home())
    })
}

impl From<BeginError> for Refusal {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::NoProvider => {
                Self::new(StatusCode::NOT_FOUND, "PROVIDER_NOT_FOUND", "Provider not found")
            }
            BeginError::Provider(error) => error.into(),
            BeginError::Auth(error) => error.into(),
        }
    }
}

impl From<ProviderError> for Refusal {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Away(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "PROVIDER_UNAVAILABLE",
                "The provider does not answer just now. Try again in a moment.",
            )
            .retry_after(5_000),
            ProviderError::Refused(why) | ProviderError::Invalid(why) => {
                tracing::info!(why, "a provider refused");
                Self::bad("PROVIDER_REFUSED", "The provider refused. Sign in there again.")
            }
        }
    }
}

impl From<Failure> for Refusal {
    fn from(why: Failure) -> Self {
        let unauthorized = |code, message| Self::new(StatusCode::UNAUTHORIZED, code, message);
        match why {
            Failure::NotLinked | Failure::LinkedElsewhere | Failure::EmailDoesNotMatch => {
                unauthorized("OAUTH_LINK_ERROR", "account not linked")
            }
            Failure::NoEmail => unauthorized("USER_EMAIL_NOT_FOUND", "User email not found"),
            Failure::SignUpClosed => unauthorized("OAUTH_LINK_ERROR", "signup disabled"),
            Failure::Banned => crate::auth::AuthError::Banned.into(),
            Failure::TooMany => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "TOO_MANY_REQUESTS",
                "Too many requests. Please try again later.",
            ),
            Failure::ProviderAway => ProviderError::Away(String::new()).into(),
            Failure::StateMismatch
            | Failure::AccessDenied
            | Failure::LoginRequired
            | Failure::IssuerMismatch
            | Failure::InvalidCode => unauthorized("INVALID_TOKEN", "Invalid token"),
        }
    }
}
