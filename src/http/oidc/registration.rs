//! `/oauth2/register`: apps that register themselves (RFC 7591) and look after what they registered
//! (RFC 7592).

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
    web::{self, Data, Path, ServiceConfig},
};
use serde_json::{Map, Value};
use utoipa::OpenApi;

use super::{error::OauthError, object::Object};
use crate::{
    auth::{
        Auth,
        oidc::{
            clients::{Change, ClientError, Hand, Registered},
            registration::RegistrationError,
        },
    },
    http::{
        auth::{at, device},
        extract::{Shown, shown},
        methods::reading,
    },
};

#[derive(OpenApi)]
#[openapi(paths(register, show, change, remove))]
pub(super) struct Docs;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    at(cfg, "/oauth2/register", vec![web::post().to(register)]);
    let methods = vec![reading().to(show), web::put().to(change), web::delete().to(remove)];
    at(cfg, "/oauth2/register/{client_id}", methods);
}

/// Whether a path under `/api/auth` is one of these.
pub(super) fn is_here(path: &str) -> bool {
    let rest = path.strip_prefix("/oauth2/register");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl From<ClientError> for OauthError {
    fn from(error: ClientError) -> Self {
        match error {
            // To whom shows no right of hers, all look alike.
            ClientError::NotFound => Self::new(
                StatusCode::NOT_FOUND,
                "invalid_client",
                "There is no such app, or it is somebody else's.",
            ),
            ClientError::Fault(fault) => Self::bad(fault.code(), plain(&fault.to_string())),
            error @ (ClientError::Changed | ClientError::TooMany) => {
                let text = plain(&error.to_string());
                Self::new(StatusCode::CONFLICT, "invalid_request", text)
            }
            ClientError::Auth(error) => error.into(),
        }
    }
}

/// What an `error_description` may hold (RFC 6749 §5.2).
fn plain(text: &str) -> String {
    text.chars()
        .map(|it| match it {
            '"' | '\\' => '\'',
            ' '..='~' => it,
            _ => '?',
        })
        .collect()
}

impl From<RegistrationError> for OauthError {
    fn from(error: RegistrationError) -> Self {
        match error {
            RegistrationError::Off => Self::new(
                StatusCode::FORBIDDEN,
                "access_denied",
                "Apps do not register themselves here. Ask an admin, or the operator: \
                 intellistack client create.",
            ),
            RegistrationError::Token => unproved("A registration token is needed as Bearer."),
            RegistrationError::Limited(error) => error.into(),
        }
    }
}

/// RFC 6750 §3.
fn unproved(text: &'static str) -> OauthError {
    OauthError::new(StatusCode::UNAUTHORIZED, "invalid_token", text)
        .challenge("Bearer error=\"invalid_token\"")
}

fn bearer(request: &HttpRequest, auth: &Auth) -> Option<String> {
    match shown(request, auth) {
        Shown::Bearer(token) => Some(token),
        Shown::Dpop(_) | Shown::Cookie(_) | Shown::Nothing => None,
    }
}

/// With all that it needs to manage itself; nobody keeps such an answer.
fn answer(
    mut response: HttpResponseBuilder,
    auth: &Auth,
    app: &Registered,
    token: &str,
) -> HttpResponse {
    let mut body = app.to_json(false);
    let uri = format!("{}/oauth2/register/{}", auth.issuer(), app.row.id);
    body.insert("registration_client_uri".to_owned(), uri.into());
    body.insert("registration_access_token".to_owned(), token.into());
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::PRAGMA, "no-cache"))
        .json(body)
}

#[utoipa::path(
    post,
    path = "/oauth2/register",
    operation_id = "registerApp",
    tag = "openid",
    summary = "An app registers itself (RFC 7591)",
    security(()),
    request_body(content = Object, description = "Metadata of RFC 7591"),
    responses(
        (status = 201, description = "As it was registered, with its secret and the token by which it manages itself"),
        (status = "4XX", description = "Refused"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn register(
    request: HttpRequest,
    auth: Data<Auth>,
    given: Object,
) -> Result<HttpResponse, OauthError> {
    let (device, address) = device(&request, &auth);
    auth.may_register(address, bearer(&request, &auth).as_deref()).await?;
    let app = auth.register_client(Hand::App(&device), &given.0).await?;
    let token = app.token.as_deref().unwrap_or_default();
    Ok(answer(HttpResponse::Created(), &auth, &app, token))
}

/// The app that the request's registration token manages, and the token.
async fn own(
    request: &HttpRequest,
    auth: &Auth,
    id: &str,
) -> Result<(Registered, String), OauthError> {
    let refused = || unproved("The registration token is not this app's.");
    let token = bearer(request, auth).ok_or_else(refused)?;
    let app = auth.client_by_token(id, &token).await?.ok_or_else(refused)?;
    Ok((app, token))
}

#[utoipa::path(
    get,
    path = "/oauth2/register/{client_id}",
    operation_id = "readRegistration",
    tag = "openid",
    summary = "What an app registered (RFC 7592)",
    params(("client_id" = String, Path, description = "The app")),
    responses(
        (status = 200, description = "As it stands"),
        (status = "4XX", description = "Refused"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn show(
    request: HttpRequest,
    auth: Data<Auth>,
    id: Path<String>,
) -> Result<HttpResponse, OauthError> {
    let (app, token) = own(&request, &auth, &id).await?;
    Ok(answer(HttpResponse::Ok(), &auth, &app, &token))
}

/// Replaces all that it registered.
#[utoipa::path(
    put,
    path = "/oauth2/register/{client_id}",
    operation_id = "changeRegistration",
    tag = "openid",
    summary = "An app registers something else (RFC 7592)",
    params(("client_id" = String, Path, description = "The app")),
    request_body(content = Object, description = "All metadata of RFC 7591"),
    responses(
        (status = 200, description = "As it stands"),
        (status = "4XX", description = "Refused"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn change(
    request: HttpRequest,
    auth: Data<Auth>,
    id: Path<String>,
    given: Object,
) -> Result<HttpResponse, OauthError> {
    let (app, token) = own(&request, &auth, &id).await?;
    check_sent(&app, &auth, &given.0).await?;
    let (device, _) = device(&request, &auth);
    let app = auth.change_client(Hand::App(&device), app, &given.0, Change::All).await?;
    Ok(answer(HttpResponse::Ok(), &auth, &app, &token))
}

/// RFC 7592 §2.2: it names itself, chooses no secret, and does not send what is ours to say.
async fn check_sent(
    app: &Registered,
    auth: &Auth,
    given: &Map<String, Value>,
) -> Result<(), OauthError> {
    if given.get("client_id").and_then(Value::as_str) != Some(app.row.id.as_str()) {
        return Err(OauthError::invalid_request("The member client_id must name this app."));
    }
    let ours = [
        "registration_access_token",
        "registration_client_uri",
        "client_secret_expires_at",
        "client_id_issued_at",
    ];
    if let Some(name) = ours.iter().find(|name| given.contains_key(**name)) {
        return Err(OauthError::invalid_request(format!("Leave out the member {name}.")));
    }
    let Some(secret) = given.get("client_secret").filter(|it| !it.is_null()) else {
        return Ok(());
    };
    let client = auth.client(app.row.id.as_str()).await?;
    let secret = secret.as_str().unwrap_or_default();
    if client.is_some_and(|client| client.is_secret(secret)) {
        return Ok(());
    }
    Err(OauthError::invalid_request("The member client_secret is not its secret."))
}

#[utoipa::path(
    delete,
    path = "/oauth2/register/{client_id}",
    operation_id = "removeRegistration",
    tag = "openid",
    summary = "An app goes, with all that people granted to it (RFC 7592)",
    params(("client_id" = String, Path, description = "The app")),
    responses(
        (status = 204, description = "Gone"),
        (status = "4XX", description = "Refused"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn remove(
    request: HttpRequest,
    auth: Data<Auth>,
    id: Path<String>,
) -> Result<HttpResponse, OauthError> {
    let (app, _) = own(&request, &auth, &id).await?;
    let (device, _) = device(&request, &auth);
    auth.remove_client(Hand::App(&device), &app).await?;
    Ok(HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, "no-store")).finish())
}
