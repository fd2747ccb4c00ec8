//! `POST /api/auth/sign-up/email`

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, ServiceConfig},
};
use serde_json::json;
use utoipa::OpenApi;

use super::{body::Fields, cookies, device, error::Refusal, post, schema, shapes};
use crate::{
    auth::{
        Auth,
        sign_up::{SignUp, SignUpError, SignedUp},
    },
    domain::{password::Weakness, return_url::ReturnUrl},
    http::oidc::{go_on, next_url},
};

pub(super) const MAX_NAME: usize = 256;
pub(super) const MAX_IMAGE: usize = 2_048;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    post(cfg, "/sign-up/email", sign_up);
}

#[derive(OpenApi)]
#[openapi(paths(sign_up))]
pub(in crate::http) struct Docs;

#[utoipa::path(
    post,
    path = "/sign-up/email",
    operation_id = "signUpEmail",
    tag = "account",
    summary = "Makes an account; mails a link that verifies its address",
    request_body = schema::SignUpBody,
    security(()),
    responses(
        (status = 200, description = "Made; the token is null where the address must be verified first", body = schema::SignedUpBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn sign_up(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let app = next_url(&auth, fields.optional_text("oauth_query").as_deref())?;
    let form = form(&auth, fields)?;
    let remember = form.remember;
    let (device, address) = device(&request, &auth);
    let done = auth.sign_up(form, device, address).await?;
    let mut response = HttpResponse::Ok();
    let (token, user) = match &done {
        SignedUp::In(started) => {
            cookies::set(&mut response, &auth, &started.token, remember);
            if remember {
                cookies::know_device(&mut response, &request, &auth, &started.user.email);
            }
            (Some(&started.token), &started.user)
        }
        SignedUp::Neutral(user) => (None, &**user),
    };
    let mut body = json!({ "token": token, "user": shapes::user(user) });
    if let (Some(path), Some(_)) = (app, token) {
        go_on(&mut response, &mut body, &auth, &path);
    }
    Ok(response.json(body))
}

fn form(auth: &Auth, mut fields: Fields) -> Result<SignUp, Refusal> {
    let name = fields.text("name");
    let email = fields.email("email");
    let password = fields.password("password")?;
    let image = fields.optional_text("image");
    let remember = fields.flag("rememberMe", true);
    let back = fields.callback(auth)?.unwrap_or_else(ReturnUrl::home);
    // Whatever else a person has is not hers to set: role, verification, ban, id (attack A21).
    fields.none_left()?;
    fields.finish()?;
    let too_long = name.chars().count() > MAX_NAME
        || image.as_ref().is_some_and(|image| image.len() > MAX_IMAGE);
    match (email, password) {
        (Some(email), Some(password)) if !too_long => {
            Ok(SignUp { name, email, password, image, remember, back })
        }
        _ => Err(Refusal::validation("[body] Invalid input: a field is too long")),
    }
}

impl From<SignUpError> for Refusal {
    fn from(error: SignUpError) -> Self {
        match error {
            SignUpError::Closed => Self::bad(
                "EMAIL_PASSWORD_SIGN_UP_DISABLED",
                "Email and password sign up is not enabled",
            ),
            SignUpError::Weak(Weakness::TooShort) => {
                Self::bad("PASSWORD_TOO_SHORT", "Password too short")
            }
            SignUpError::Weak(Weakness::TooLong) => {
                Self::bad("PASSWORD_TOO_LONG", "Password too long")
            }
            SignUpError::Weak(why @ (Weakness::TooPlain | Weakness::Common)) => {
                Self::bad("PASSWORD_TOO_WEAK", format!("Password too weak: {why}"))
            }
            SignUpError::Taken => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL",
                "User already exists. Use another email.",
            ),
            SignUpError::TooMany(error) => error.into(),
            SignUpError::Auth(error) => error.into(),
        }
    }
}
