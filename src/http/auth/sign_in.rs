//! `POST /api/auth/sign-in/email`

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, ServiceConfig},
};
use serde_json::json;
use utoipa::OpenApi;

use super::{
    body::Fields, cookies, device, error::Refusal, post, schema, session_token, shapes, two_factor,
};
use crate::{
    auth::{
        Auth,
        sign_in::{SignIn, SignInError},
    },
    domain::email::Email,
    http::oidc::{go_on, next_url},
    telemetry::Metrics,
};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    post(cfg, "/sign-in/email", sign_in);
}

#[derive(OpenApi)]
#[openapi(paths(sign_in))]
pub(in crate::http) struct Docs;

#[utoipa::path(
    post,
    path = "/sign-in/email",
    operation_id = "signInEmail",
    tag = "account",
    summary = "Signs in with address and password; sets the session cookie",
    request_body = schema::SignInBody,
    security(()),
    responses(
        (status = 200, description = "Signed in", body = schema::SignedInBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn sign_in(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let email = fields.text("email");
    let password = fields.password("password")?;
    let remember = fields.flag("rememberMe", true);
    let back = fields.callback(&auth)?;
    let app = next_url(&auth, fields.optional_text("oauth_query").as_deref())?;
    fields.finish()?;
    let email = Email::parse(&email).map_err(|_| Refusal::bad("INVALID_EMAIL", "Invalid email"))?;
    let Some(password) = password else {
        return Err(Refusal::validation("[body.password] Invalid input"));
    };
    let replaces = session_token(&request, &auth);
    let (device, address) = device(&request, &auth);
    let known_device = cookies::known_device(&request, &auth);
    let form = SignIn { email, password, remember, replaces, known_device };
    let started = auth.sign_in(form, device, address).await;
    if let Some(metrics) = request.app_data::<Data<Metrics>>() {
        metrics.sign_in(outcome(&started));
    }
    let mut response = HttpResponse::Ok();
    let started = match started {
        Err(SignInError::SecondFactor(challenge)) => {
            let trusted = two_factor::ask(&request, &auth, &challenge, &mut response).await?;
            let Some(started) = trusted else {
                if let Some(path) = app {
                    two_factor::remember_app(&mut response, &auth, &challenge, &path);
                }
                return Ok(response.json(two_factor::waits(&challenge)));
            };
            started
        }
        started => {
            let started = started?;
            cookies::set(&mut response, &auth, &started.token, remember);
            started
        }
    };
    // Who does not want to be remembered is not at her own device.
    if remember {
        cookies::know_device(&mut response, &request, &auth, &started.user.email);
    }
    let mut body = json!({
        "redirect": back.is_some(),
        "token": started.token,
        "user": shapes::user(&started.user),
    });
    if let (Some(back), Some(body)) = (back, body.as_object_mut()) {
        response.insert_header((header::LOCATION, back.as_str()));
        body.insert("url".to_owned(), back.as_str().into());
    }
    if let Some(path) = app {
        go_on(&mut response, &mut body, &auth, &path);
    }
    Ok(response.json(body))
}

/// For the figures.
pub(in crate::http) fn outcome<T>(started: &Result<T, SignInError>) -> &'static str {
    match started {
        Ok(_) => "ok",
        Err(SignInError::Wrong) => "wrong",
        Err(SignInError::TooMany(_)) => "limited",
        Err(SignInError::SecondFactor(_)) => "second_factor",
        Err(SignInError::Auth(_)) => "error",
    }
}

impl From<SignInError> for Refusal {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Wrong => Self::new(
                StatusCode::UNAUTHORIZED,
                "INVALID_EMAIL_OR_PASSWORD",
                "Invalid email or password",
            ),
            SignInError::TooMany(error) => error.into(),
            SignInError::SecondFactor(_) => Self::unauthorized(),
            SignInError::Auth(error) => error.into(),
        }
    }
}
