//! `/passkey/*`: the calls of Better-Auth's passkey plugin. Binary is base64url, as browsers and the
//! plugin's client have it.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Data, Query, ServiceConfig},
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::{
    at, body::Fields, caller, cookies, device, error::Refusal, factor_schema, fresh_caller, get,
    own_caller, post, schema, session_token, shapes,
};
use crate::{
    auth::{
        Auth,
        factors::{CEREMONY_LIFE, PasskeyError},
    },
    domain::clock::Millis,
    store::passkeys::Passkey,
};

/// What is under way with an authenticator.
const CEREMONY: &str = "better-auth.better-auth-passkey";

pub(super) fn routes(cfg: &mut ServiceConfig) {
    at(cfg, "/passkey/generate-register-options", vec![web::get().to(register_options)]);
    post(cfg, "/passkey/verify-registration", register);
    at(cfg, "/passkey/generate-authenticate-options", vec![web::get().to(authenticate_options)]);
    post(cfg, "/passkey/verify-authentication", authenticate);
    get(cfg, "/passkey/list-user-passkeys", list);
    post(cfg, "/passkey/delete-passkey", delete);
    post(cfg, "/passkey/update-passkey", update);
}

#[derive(OpenApi)]
#[openapi(paths(
    register_options,
    register,
    authenticate_options,
    authenticate,
    list,
    delete,
    update
))]
pub(in crate::http) struct Docs;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    name: Option<String>,
    /// `platform` or `cross-platform`.
    #[serde(rename = "authenticatorAttachment")]
    attachment: Option<String>,
}

/// Needs a proof within the last five minutes that the caller is herself.
#[utoipa::path(
    get,
    path = "/passkey/generate-register-options",
    operation_id = "passkeyRegisterOptions",
    tag = "account",
    summary = "What an authenticator is asked to make",
    params(Wanted),
    responses(
        (status = 200, description = "PublicKeyCredentialCreationOptionsJSON", body = Value),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn register_options(
    request: HttpRequest,
    auth: Data<Auth>,
    wanted: Query<Wanted>,
) -> Result<HttpResponse, Refusal> {
    let caller = fresh_caller(&request, &auth).await?;
    let Wanted { name, attachment } = wanted.into_inner();
    let name = name.filter(|name| !name.contains(char::is_control));
    let (mut options, ceremony) = auth.begin_passkey(&caller, name).await?;
    if let Some(kind @ ("platform" | "cross-platform")) = attachment.as_deref()
        && let Some(selection) = options.get_mut("authenticatorSelection")
    {
        selection["authenticatorAttachment"] = kind.into();
    }
    Ok(with_ceremony(&auth, &ceremony, &options))
}

#[utoipa::path(
    post,
    path = "/passkey/verify-registration",
    operation_id = "passkeyVerifyRegistration",
    tag = "account",
    summary = "Keeps the passkey that an authenticator made",
    request_body = factor_schema::ResponseBody,
    responses(
        (status = 200, description = "Kept", body = factor_schema::PasskeyBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn register(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let caller = fresh_caller(&request, &auth).await?;
    let response = fields.object("response");
    let name = fields.optional_text("name");
    let _ = fields.flag("createSession", false);
    fields.finish()?;
    let ceremony = cookies::signed_value(&request, &auth, CEREMONY)
        .ok_or_else(|| Refusal::from(PasskeyError::NoChallenge))?;
    let (device, _) = device(&request, &auth);
    let made = auth.finish_passkey(&caller, &ceremony, (response, name), &device).await;
    let made = made.map_err(|error| match error {
        PasskeyError::Refused(why) => {
            tracing::info!(why, "a passkey was not registered");
            Refusal::bad("FAILED_TO_VERIFY_REGISTRATION", "Failed to verify registration")
        }
        other => other.into(),
    })?;
    let mut response = HttpResponse::Ok();
    cookies::expire(&mut response, &auth, CEREMONY);
    Ok(response.json(shape(&made)))
}

/// For anybody: the passkey says who she is.
#[utoipa::path(
    get,
    path = "/passkey/generate-authenticate-options",
    operation_id = "passkeyAuthenticateOptions",
    tag = "account",
    summary = "What an authenticator is asked to sign",
    security(()),
    responses(
        (status = 200, description = "PublicKeyCredentialRequestOptionsJSON", body = Value),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn authenticate_options(auth: Data<Auth>) -> Result<HttpResponse, Refusal> {
    let (options, ceremony) = auth.begin_passkey_sign_in().await?;
    Ok(with_ceremony(&auth, &ceremony, &options))
}

/// Counts as both factors: the authenticator has verified its holder.
#[utoipa::path(
    post,
    path = "/passkey/verify-authentication",
    operation_id = "passkeyVerifyAuthentication",
    tag = "account",
    summary = "Signs in with a passkey",
    request_body = factor_schema::ResponseBody,
    security(()),
    responses(
        (status = 200, description = "Signed in", body = schema::CurrentBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn authenticate(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let answer = fields.object("response");
    fields.finish()?;
    let ceremony = cookies::signed_value(&request, &auth, CEREMONY)
        .ok_or_else(|| Refusal::from(PasskeyError::NoChallenge))?;
    let (device, _) = device(&request, &auth);
    let replaced = session_token(&request, &auth);
    let started = auth.finish_passkey_sign_in(&ceremony, answer, device, replaced).await?;
    let (session, user) = auth.session_by_token(&started.token).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    cookies::expire(&mut response, &auth, CEREMONY);
    cookies::set(&mut response, &auth, &started.token, true);
    let session = shapes::session(&session, &started.token);
    Ok(response.json(json!({ "session": session, "user": shapes::user(&user) })))
}

#[utoipa::path(
    get,
    path = "/passkey/list-user-passkeys",
    operation_id = "listPasskeys",
    tag = "account",
    summary = "The passkeys of the caller",
    responses(
        (status = 200, description = "The passkeys", body = Vec<factor_schema::PasskeyBody>),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn list(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, Refusal> {
    let caller = caller(&request, &auth).await?;
    let keys = auth.passkeys(&caller).await?;
    let shown: Vec<_> = keys.iter().map(shape).collect();
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(shown))
}

#[utoipa::path(
    post,
    path = "/passkey/delete-passkey",
    operation_id = "deletePasskey",
    tag = "account",
    summary = "Takes a passkey away",
    request_body = factor_schema::IdBody,
    responses(
        (status = 200, description = "Taken away", body = schema::StatusBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn delete(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let caller = fresh_caller(&request, &auth).await?;
    let id = fields.text("id");
    fields.finish()?;
    auth.remove_passkey(&caller, &id, &device(&request, &auth).0).await?;
    Ok(HttpResponse::Ok().json(json!({ "status": true })))
}

#[utoipa::path(
    post,
    path = "/passkey/update-passkey",
    operation_id = "updatePasskey",
    tag = "account",
    summary = "Gives a passkey another name",
    request_body = factor_schema::NameBody,
    responses(
        (status = 200, description = "Renamed", body = factor_schema::UpdatedBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn update(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let caller = own_caller(&request, &auth).await?;
    let (id, name) = (fields.text("id"), fields.text("name"));
    fields.finish()?;
    let renamed = auth.rename_passkey(&caller, &id, &name).await?;
    Ok(HttpResponse::Ok().json(json!({ "passkey": shape(&renamed) })))
}

fn with_ceremony(auth: &Auth, ceremony: &str, options: &Value) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    cookies::set_signed(&mut response, auth, CEREMONY, ceremony, CEREMONY_LIFE);
    response.json(options)
}

/// The plugin's shape, without the public key: nobody but the server has a use for it.
fn shape(key: &Passkey) -> Value {
    let many = serde_json::from_str::<Value>(&key.credential)
        .ok()
        .and_then(|it| it.pointer("/cred/backup_eligible").and_then(Value::as_bool))
        .unwrap_or_default();
    json!({
        "id": key.id,
        "name": key.name,
        "userId": key.user_id,
        "credentialID": key.credential_id,
        "counter": key.counter,
        "deviceType": if many { "multiDevice" } else { "singleDevice" },
        "backedUp": key.backed_up,
        "transports": key.transports,
        "createdAt": Millis(key.created_at).to_rfc3339(),
    })
}

impl From<PasskeyError> for Refusal {
    fn from(error: PasskeyError) -> Self {
        let unauthorized = |code, message| Self::new(StatusCode::UNAUTHORIZED, code, message);
        match error {
            PasskeyError::NoDomain => Self::bad(
                "PASSKEYS_NOT_AVAILABLE",
                "Passkeys need a name in place of an address of numbers, such as localhost.",
            ),
            PasskeyError::NoChallenge => Self::bad("CHALLENGE_NOT_FOUND", "Challenge not found"),
            PasskeyError::Refused(why) => {
                tracing::info!(why, "a passkey was refused");
                unauthorized("AUTHENTICATION_FAILED", "Authentication failed")
            }
            PasskeyError::NotFound => unauthorized("PASSKEY_NOT_FOUND", "Passkey not found"),
            PasskeyError::Known => Self::bad("PREVIOUSLY_REGISTERED", "Previously registered"),
            PasskeyError::TooMany => {
                Self::bad("TOO_MANY_PASSKEYS", "You have too many passkeys. Delete one first.")
            }
            PasskeyError::Auth(error) => error.into(),
        }
    }
}
