//! What a signed-in person does to her own account: `verify-password`, `change-password`,
//! `change-email`. An admin who acts as her may do none of it.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, ServiceConfig},
};
use serde_json::json;
use utoipa::OpenApi;

use super::{
    body::Fields, cookies, device, error::Refusal, fresh_caller, own_caller, post, schema, shapes,
};
use crate::{
    auth::{
        Auth,
        change_email::ChangeEmailError,
        change_password::{Caller, PasswordError},
        sign_up::SignUpError,
    },
    domain::return_url::ReturnUrl,
};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    post(cfg, "/verify-password", verify_password);
    post(cfg, "/change-password", change_password);
    post(cfg, "/change-email", change_email);
}

#[derive(OpenApi)]
#[openapi(paths(verify_password, change_password, change_email))]
pub(in crate::http) struct Docs;

pub(super) fn by(request: &HttpRequest, auth: &Auth) -> Caller {
    let (device, address) = device(request, auth);
    Caller { device, address }
}

/// The session counts as fresh from then on.
#[utoipa::path(
    post,
    path = "/verify-password",
    operation_id = "verifyPassword",
    tag = "account",
    summary = "Proves by the password that the caller is who she is",
    request_body = schema::PasswordBody,
    responses(
        (status = 200, description = "It is right", body = schema::StatusBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn verify_password(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let who = own_caller(&request, &auth).await?;
    let password = fields.password("password")?;
    fields.finish()?;
    let Some(password) = password else { return Err(PasswordError::Wrong.into()) };
    auth.verify_password(&who, password, &by(&request, &auth)).await?;
    Ok(HttpResponse::Ok().json(json!({ "status": true })))
}

/// Other sessions end in any case; with `revokeOtherSessions` the caller's gets a new token too.
#[utoipa::path(
    post,
    path = "/change-password",
    operation_id = "changePassword",
    tag = "account",
    summary = "Changes the password of the caller",
    request_body = schema::ChangePasswordBody,
    responses(
        (status = 200, description = "Changed; the token is null where the session goes on", body = schema::SignedUpBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn change_password(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let who = own_caller(&request, &auth).await?;
    let old = fields.password("currentPassword")?;
    let new = fields.password("newPassword")?;
    let renew = fields.flag("revokeOtherSessions", false);
    fields.finish()?;
    let (Some(old), Some(new)) = (old, new) else { return Err(PasswordError::Wrong.into()) };
    let changed = auth.change_password(&who, (old, new), renew, &by(&request, &auth)).await?;
    let (user, begun) = changed;
    let mut response = HttpResponse::Ok();
    let token = begun.map(|(token, remember)| {
        cookies::set(&mut response, &auth, &token, remember);
        token
    });
    Ok(response.json(json!({ "token": token, "user": shapes::user(&user) })))
}

/// The same answer for an address that is taken.
#[utoipa::path(
    post,
    path = "/change-email",
    operation_id = "changeEmail",
    tag = "account",
    summary = "Mails the links that move the caller's account to another address",
    request_body = schema::ChangeEmailBody,
    responses(
        (status = 200, description = "The same for a taken address", body = schema::StatusBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn change_email(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let who = fresh_caller(&request, &auth).await?;
    let email = fields.email("newEmail");
    let back = fields.callback(&auth)?.unwrap_or_else(ReturnUrl::home);
    fields.finish()?;
    let Some(email) = email else {
        return Err(Refusal::validation("[body.newEmail] Invalid email address"));
    };
    let (device, address) = device(&request, &auth);
    auth.may_mail_to(email.as_str(), address).await?;
    auth.change_email(&who, &email, &back, &device).await?;
    Ok(HttpResponse::Ok().json(json!({ "status": true })))
}

impl From<PasswordError> for Refusal {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Wrong => Self::bad("INVALID_PASSWORD", "Invalid password"),
            PasswordError::None => {
                Self::bad("CREDENTIAL_ACCOUNT_NOT_FOUND", "Credential account not found")
            }
            PasswordError::Weak(why) => SignUpError::Weak(why).into(),
            PasswordError::TooMany(error) => error.into(),
            PasswordError::Auth(error) => error.into(),
        }
    }
}

impl From<ChangeEmailError> for Refusal {
    fn from(error: ChangeEmailError) -> Self {
        match error {
            ChangeEmailError::Same => Self::bad("EMAIL_IS_THE_SAME", "Email is the same"),
            ChangeEmailError::Auth(error) => error.into(),
        }
    }
}
