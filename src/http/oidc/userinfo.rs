//! `GET` and `POST /oauth2/userinfo` (OpenID Connect Core §5.3): what an app may know of the person
//! who let it. The token stands in `Authorization`, or alone in a form (RFC 6750 §2).

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::{StatusCode, header},
    web::{self, Data, ServiceConfig},
};
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};

use super::{
    dpop::{call_of, proof},
    error::OauthError,
    params::Form,
    token::RefusalBody,
};
use crate::{
    auth::{
        Auth,
        oidc::{
            UserinfoError,
            dpop::{Beside, ProofError},
        },
    },
    http::{
        auth::at,
        challenge::{self, INVALID_PROOF, INVALID_TOKEN, Scheme},
        methods::reading,
    },
};

const INSUFFICIENT_SCOPE: &str = "insufficient_scope";

pub(super) fn routes(cfg: &mut ServiceConfig) {
    let methods = vec![reading().to(userinfo), web::post().to(userinfo_posted)];
    at(cfg, "/oauth2/userinfo", methods);
}

#[derive(OpenApi)]
#[openapi(paths(userinfo, userinfo_posted))]
pub(in crate::http) struct Docs;

/// For the document: each stands there if the app may know it.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Userinfo)]
#[expect(dead_code, reason = "for the document")]
struct UserinfoBody {
    sub: String,
    name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    picture: Option<String>,
    updated_at: Option<i64>,
    email: Option<String>,
    email_verified: Option<bool>,
    role: Option<String>,
    /// In the course that the app is bound to.
    stage: Option<u8>,
}

/// How a token came.
enum Token {
    Bearer(String),
    Dpop(String),
}

#[utoipa::path(
    get,
    path = "/oauth2/userinfo",
    operation_id = "oauth2Userinfo",
    tag = "account",
    summary = "What an app may know of the person who let it",
    security(()),
    responses(
        (status = 200, description = "Her claims", body = UserinfoBody),
        (status = "4XX", description = "Refused", body = RefusalBody),
        (status = "5XX", description = "Failed", body = RefusalBody),
    ),
)]
async fn userinfo(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, OauthError> {
    match in_header(&request)? {
        Some(token) => tell(&request, &auth, token).await,
        None => Ok(bare_challenge()),
    }
}

/// The token may also be the body's `access_token`.
#[utoipa::path(
    post,
    path = "/oauth2/userinfo",
    operation_id = "oauth2UserinfoPosted",
    tag = "account",
    summary = "As with GET",
    security(()),
    responses(
        (status = 200, description = "Her claims", body = UserinfoBody),
        (status = "4XX", description = "Refused", body = RefusalBody),
        (status = "5XX", description = "Failed", body = RefusalBody),
    ),
)]
async fn userinfo_posted(
    request: HttpRequest,
    auth: Data<Auth>,
    body: web::Payload,
) -> Result<HttpResponse, OauthError> {
    let shown = in_header(&request)?;
    let posted = in_body(&request, body.into_inner()).await?;
    match (shown, posted) {
        (Some(_), Some(_)) => {
            Err(OauthError::invalid_request("The token stands in two places at once."))
        }
        (Some(token), None) => tell(&request, &auth, token).await,
        (None, Some(token)) => tell(&request, &auth, Token::Bearer(token)).await,
        (None, None) => Ok(bare_challenge()),
    }
}

fn in_header(request: &HttpRequest) -> Result<Option<Token>, OauthError> {
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let Some(value) = values.next() else { return Ok(None) };
    let odd = || OauthError::invalid_request("Send one Authorization header: Bearer or DPoP.");
    if values.next().is_some() {
        return Err(odd());
    }
    let (scheme, token) = value.to_str().ok().and_then(|it| it.split_once(' ')).ok_or_else(odd)?;
    let token = token.trim().to_owned();
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Ok(Some(Token::Bearer(token))),
        "dpop" => Ok(Some(Token::Dpop(token))),
        _ => Err(odd()),
    }
}

/// A body of another kind has no token in it.
async fn in_body(request: &HttpRequest, mut body: Payload) -> Result<Option<String>, OauthError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let form = kind.is_some_and(|kind| {
        kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
    });
    if !form {
        return Ok(None);
    }
    let why = "The body is no form, or says something twice.";
    let Form(params) = Form::from_request(request, &mut body)
        .await
        .map_err(|_| OauthError::invalid_request(why))?;
    Ok(params.get("access_token").map(str::to_owned))
}

async fn tell(
    request: &HttpRequest,
    auth: &Auth,
    token: Token,
) -> Result<HttpResponse, OauthError> {
    let told = match &token {
        Token::Bearer(token) => auth.userinfo(token, None).await,
        Token::Dpop(token) => {
            let Some(proof) = proof(request)? else {
                return Err(refused(INVALID_PROOF, Scheme::Dpop));
            };
            match auth.key_proved(proof, call_of(request), Beside::Token(token)).await {
                Ok(key) => auth.userinfo(token, Some(&key)).await,
                Err(ProofError::Refused(why)) => {
                    tracing::debug!(why, "a DPoP proof was refused");
                    return Err(refused(INVALID_PROOF, Scheme::Dpop));
                }
                Err(ProofError::Auth(error)) => return Err(error.into()),
            }
        }
    };
    let scheme = match &token {
        Token::Bearer(_) => Scheme::Bearer,
        Token::Dpop(_) => Scheme::Dpop,
    };
    match told {
        Ok(claims) => {
            let mut answer = HttpResponse::Ok();
            Ok(answer.insert_header((header::CACHE_CONTROL, "no-store")).json(claims))
        }
        Err(UserinfoError::InvalidToken) => Err(refused(INVALID_TOKEN, scheme)),
        Err(UserinfoError::InsufficientScope) => Err(refused(INSUFFICIENT_SCOPE, scheme)),
        Err(UserinfoError::Auth(error)) => Err(error.into()),
    }
}

/// With a challenge of the scheme that was used (RFC 6750 §3, RFC 9449 §7.1).
fn refused(code: &'static str, scheme: Scheme) -> OauthError {
    let (status, why) = match code {
        INSUFFICIENT_SCOPE => (StatusCode::FORBIDDEN, "The token lacks the scope openid."),
        INVALID_PROOF => (StatusCode::UNAUTHORIZED, "The DPoP proof is missing, or does not hold."),
        _ => (StatusCode::UNAUTHORIZED, "The token is not valid here."),
    };
    let wanted = if code == INSUFFICIENT_SCOPE { ", scope=\"openid\"" } else { "" };
    let challenge = challenge::refused(scheme, code, why);
    OauthError::new(status, code, why).challenge(format!("{challenge}{wanted}"))
}

/// Who shows nothing is told how to, and no more (RFC 6750 §3.1).
fn bare_challenge() -> HttpResponse {
    let mut answer = HttpResponse::Unauthorized();
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    for challenge in challenge::bare() {
        answer.append_header((header::WWW_AUTHENTICATE, challenge));
    }
    answer.finish()
}
