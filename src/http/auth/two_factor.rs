//! `/two-factor/*`: the authenticator app and its recovery codes (`auth-api.md` §8).

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
    web::{Data, ServiceConfig},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::{
    body::Fields, caller, cookies, device, error::Refusal, factor_schema, own_caller, post, schema,
    session_token, shapes,
};
use crate::{
    auth::{
        Auth, Identity,
        factors::{CHALLENGE_LIFE, Challenge, Code, FactorError, Proved, Prover, TRUST_LIFE},
        sign_up::Started,
    },
    http::oidc::{go_on, next_url},
};

/// A sign-in that waits for its second factor.
pub(in crate::http) const WAITING: &str = "better-auth.two_factor";
pub(in crate::http) const TRUSTED: &str = "better-auth.trust_device";
/// Where that sign-in goes on.
const FOR_APP: &str = "intellistack.for_app";

pub(super) fn routes(cfg: &mut ServiceConfig) {
    post(cfg, "/two-factor/enable", enable);
    post(cfg, "/two-factor/verify-totp", verify_totp);
    post(cfg, "/two-factor/verify-backup-code", verify_backup_code);
    post(cfg, "/two-factor/get-totp-uri", get_uri);
    post(cfg, "/two-factor/generate-backup-codes", generate_codes);
    post(cfg, "/two-factor/disable", disable);
}

#[derive(OpenApi)]
#[openapi(paths(enable, verify_totp, verify_backup_code, get_uri, generate_codes, disable))]
pub(in crate::http) struct Docs;

/// What follows a right password where there is a second factor: nothing more on a device that is
/// trusted, otherwise the cookie of a sign-in that waits. Sets the cookies of either.
pub(in crate::http) async fn ask(
    request: &HttpRequest,
    auth: &Auth,
    challenge: &Challenge,
    response: &mut HttpResponseBuilder,
) -> Result<Option<Started>, Refusal> {
    if let Some(value) = cookies::signed_value(request, auth, TRUSTED) {
        let (device, _) = device(request, auth);
        if let Some((started, next)) = auth.enter_by_trust(challenge, &value, device).await? {
            cookies::set_signed(response, auth, TRUSTED, &next, TRUST_LIFE);
            cookies::set(response, auth, &started.token, challenge.remember);
            return Ok(Some(started));
        }
        cookies::expire(response, auth, TRUSTED);
    }
    cookies::clear(response, auth);
    cookies::set_signed(response, auth, WAITING, &challenge.name, CHALLENGE_LIFE);
    Ok(None)
}

/// What the page is told of a sign-in that waits.
pub(super) fn waits(challenge: &Challenge) -> Value {
    json!({ "twoFactorRedirect": true, "twoFactorMethods": challenge.methods })
}

/// An app counts once its first code was verified; codes by mail (`otp`) count at once, which begins
/// a new session.
#[utoipa::path(
    post,
    path = "/two-factor/enable",
    operation_id = "enableTwoFactor",
    tag = "account",
    summary = "Makes a secret for an authenticator app, and recovery codes; or has codes mailed",
    request_body = factor_schema::EnableBody,
    responses(
        (status = 200, description = "Shown once", body = factor_schema::EnabledBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn enable(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let caller = own_caller(&request, &auth).await?;
    let password = fields.optional_password("password")?;
    let method = fields.optional_text("method");
    let issuer = fields.optional_text("issuer");
    fields.finish()?;
    let (device, address) = device(&request, &auth);
    let from = (&device, address);
    match method.as_deref() {
        None | Some("totp") => {}
        Some("otp") => {
            let started = auth.enable_mailed_codes(&caller, password, from).await?;
            let mut response = secret();
            cookies::set(&mut response, &auth, &started.token, true);
            return Ok(response.json(json!({ "method": "otp" })));
        }
        Some(_) => {
            let message = "[body.method] Invalid option: expected one of \"otp\"|\"totp\"";
            return Err(Refusal::validation(message));
        }
    }
    let enrolled = auth.enable_totp(&caller, password, issuer.as_deref(), from).await?;
    let body = json!({
        "method": "totp",
        "totpURI": enrolled.uri,
        "backupCodes": enrolled.codes,
    });
    Ok(secret().json(body))
}

/// Ends a sign-in that waits; with a session makes the factor count, or proves it once more.
#[utoipa::path(
    post,
    path = "/two-factor/verify-totp",
    operation_id = "verifyTotp",
    tag = "account",
    summary = "Proves the second factor by a code of the authenticator app",
    request_body = factor_schema::CodeBody,
    security(()),
    responses(
        (status = 200, description = "Proved", body = factor_schema::ProvedBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn verify_totp(
    request: HttpRequest,
    auth: Data<Auth>,
    fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let shown = Shown::read(&auth, fields)?;
    prove(&request, &auth, Code::Totp(&shown.code), &shown).await
}

/// Each works once.
#[utoipa::path(
    post,
    path = "/two-factor/verify-backup-code",
    operation_id = "verifyBackupCode",
    tag = "account",
    summary = "Proves the second factor by a recovery code",
    request_body = factor_schema::CodeBody,
    security(()),
    responses(
        (status = 200, description = "Proved", body = factor_schema::ProvedBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn verify_backup_code(
    request: HttpRequest,
    auth: Data<Auth>,
    fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let shown = Shown::read(&auth, fields)?;
    prove(&request, &auth, Code::Recovery(&shown.code), &shown).await
}

/// What the calls take that prove.
pub(super) struct Shown {
    pub code: String,
    trust: bool,
    /// Where it goes on for an app.
    app: Option<String>,
}

impl Shown {
    pub(super) fn read(auth: &Auth, mut fields: Fields) -> Result<Self, Refusal> {
        let code = fields.text("code");
        let trust = fields.flag("trustDevice", false);
        let query = fields.optional_text("oauth_query");
        fields.finish()?;
        Ok(Self { code, trust, app: next_url(auth, query.as_deref())? })
    }
}

/// Keeps in the browser where a sign-in that waits goes on for an app.
pub(super) fn remember_app(
    response: &mut HttpResponseBuilder,
    auth: &Auth,
    challenge: &Challenge,
    path: &str,
) {
    let value = format!("{}.{}", challenge.name, URL_SAFE_NO_PAD.encode(path));
    cookies::set_signed(response, auth, FOR_APP, &value, CHALLENGE_LIFE);
}

/// What [`remember_app`] kept for this sign-in, and not for one before it.
fn remembered_app(request: &HttpRequest, auth: &Auth, waiting: &Waiting) -> Option<String> {
    let Waiting::Challenge(name) = waiting else { return None };
    let value = cookies::signed_value(request, auth, FOR_APP)?;
    let (of, path) = value.split_once('.')?;
    let path = String::from_utf8(URL_SAFE_NO_PAD.decode(path).ok()?).ok()?;
    (of == name).then_some(path)
}

/// Who proves, or wants to: somebody signed in, or a sign-in that waits.
pub(super) enum Waiting {
    Session(Box<Identity>),
    Challenge(String),
}

impl Waiting {
    pub(super) async fn of(request: &HttpRequest, auth: &Auth) -> Result<Self, Refusal> {
        match caller(request, auth).await {
            Ok(_) => return Ok(Self::Session(Box::new(own_caller(request, auth).await?))),
            Err(refusal) if refusal.is_unauthorized() => {}
            Err(refusal) => return Err(refusal),
        }
        let name = cookies::signed_value(request, auth, WAITING);
        Ok(Self::Challenge(name.ok_or(FactorError::NoChallenge)?))
    }

    pub(super) fn prover(&self) -> Prover<'_> {
        match self {
            Self::Session(identity) => Prover::Session(identity),
            Self::Challenge(name) => Prover::Challenge(name),
        }
    }
}

pub(super) async fn prove(
    request: &HttpRequest,
    auth: &Auth,
    code: Code<'_>,
    shown: &Shown,
) -> Result<HttpResponse, Refusal> {
    let (device, _) = device(request, auth);
    let waiting = Waiting::of(request, auth).await?;
    let proved = match auth.prove(waiting.prover(), code, device).await {
        Err(FactorError::WrongCode) if matches!(code, Code::Recovery(_)) => {
            let code = "INVALID_BACKUP_CODE";
            return Err(Refusal::new(StatusCode::UNAUTHORIZED, code, "Invalid backup code"));
        }
        proved => proved?,
    };
    let mut response = secret();
    cookies::expire(&mut response, auth, WAITING);
    let app = shown.app.clone().or_else(|| remembered_app(request, auth, &waiting));
    if app.is_some() {
        cookies::expire(&mut response, auth, FOR_APP);
    }
    let (token, user) = match proved {
        Proved::In { started, remember } => {
            cookies::set(&mut response, auth, &started.token, remember);
            (Some(started.token), started.user)
        }
        Proved::Fresh(user) => (session_token(request, auth), *user),
    };
    if shown.trust {
        let value = auth.trust_device(&user).await?;
        cookies::set_signed(&mut response, auth, TRUSTED, &value, TRUST_LIFE);
    }
    let mut body = json!({ "token": token, "user": shapes::user(&user) });
    if let Some(path) = app {
        go_on(&mut response, &mut body, auth, &path);
    }
    Ok(response.json(body))
}

#[utoipa::path(
    post,
    path = "/two-factor/get-totp-uri",
    operation_id = "getTotpUri",
    tag = "account",
    summary = "The secret once more, for another app",
    request_body = factor_schema::PasswordBody,
    responses(
        (status = 200, description = "The otpauth address", body = factor_schema::UriBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn get_uri(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let caller = own_caller(&request, &auth).await?;
    let password = fields.optional_password("password")?;
    fields.finish()?;
    let (device, address) = device(&request, &auth);
    let uri = match auth.totp_uri(&caller, password, (&device, address)).await {
        Err(FactorError::NotEnabled) => {
            return Err(Refusal::bad("TOTP_NOT_ENABLED", "TOTP not enabled"));
        }
        uri => uri?,
    };
    Ok(secret().json(json!({ "totpURI": uri })))
}

#[utoipa::path(
    post,
    path = "/two-factor/generate-backup-codes",
    operation_id = "generateBackupCodes",
    tag = "account",
    summary = "New recovery codes; the old ones are worth nothing",
    request_body = factor_schema::PasswordBody,
    responses(
        (status = 200, description = "Shown once", body = factor_schema::CodesBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn generate_codes(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let caller = own_caller(&request, &auth).await?;
    let password = fields.optional_password("password")?;
    fields.finish()?;
    let (device, address) = device(&request, &auth);
    let codes = auth.renew_recovery_codes(&caller, password, (&device, address)).await?;
    Ok(secret().json(json!({ "status": true, "backupCodes": codes })))
}

/// All other sessions end; the owner gets a mail.
#[utoipa::path(
    post,
    path = "/two-factor/disable",
    operation_id = "disableTwoFactor",
    tag = "account",
    summary = "Takes the second factor away",
    request_body = factor_schema::PasswordBody,
    responses(
        (status = 200, description = "Taken away", body = schema::StatusBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn disable(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let caller = own_caller(&request, &auth).await?;
    let password = fields.optional_password("password")?;
    fields.finish()?;
    let (device, address) = device(&request, &auth);
    auth.disable_totp(&caller, password, (&device, address)).await?;
    let mut response = secret();
    cookies::expire(&mut response, &auth, TRUSTED);
    Ok(response.json(json!({ "status": true })))
}

/// An answer that no cache keeps.
pub(super) fn secret() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response
}

impl From<FactorError> for Refusal {
    fn from(error: FactorError) -> Self {
        let unauthorized = |code, message| Self::new(StatusCode::UNAUTHORIZED, code, message);
        match error {
            FactorError::WrongCode => unauthorized("INVALID_CODE", "Invalid code"),
            FactorError::NoChallenge => {
                unauthorized("INVALID_TWO_FACTOR_COOKIE", "Invalid two factor cookie")
            }
            FactorError::UsedUp => Self::bad(
                "TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE",
                "Too many attempts. Please sign in again.",
            ),
            FactorError::NoCode => Self::bad("OTP_HAS_EXPIRED", "OTP has expired"),
            FactorError::NoMail => Self::bad("OTP_NOT_CONFIGURED", "No mail is sent here"),
            FactorError::Unverified => Self::forbidden("EMAIL_NOT_VERIFIED", "Email not verified"),
            FactorError::Locked(ms) => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "ACCOUNT_TEMPORARILY_LOCKED",
                "Too many wrong codes. Try again later.",
            )
            .retry_after(ms),
            FactorError::NotEnabled => {
                Self::bad("TWO_FACTOR_NOT_ENABLED", "Two factor isn't enabled")
            }
            FactorError::AlreadyEnabled => Self::bad(
                "TWO_FACTOR_ALREADY_ENABLED",
                "Two factor is enabled already. Disable it first to set up another app.",
            ),
            FactorError::WrongPassword => Self::bad("INVALID_PASSWORD", "Invalid password"),
            FactorError::NotFresh => {
                Self::forbidden("SESSION_NOT_FRESH", "Sign in again to do this.")
            }
            FactorError::TooMany(error) => error.into(),
            FactorError::Auth(error) => error.into(),
        }
    }
}
