//! `POST /oauth2/token` (RFC 6749 §3.2): codes, refresh tokens and an app's own name, for tokens.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, ServiceConfig},
};
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};

use super::{
    client_auth::authenticate,
    dpop::dpop_key,
    error::OauthError,
    params::{Form, Params},
};
use crate::{
    auth::{
        Auth,
        oidc::{Asked, Redemption, Tokens, client::Client},
        sessions::Device,
    },
    http::auth::{device, post},
};

/// RFC 8628 §3.4.
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub(super) fn routes(cfg: &mut ServiceConfig) {
    post(cfg, "/oauth2/token", token);
}

#[derive(OpenApi)]
#[openapi(paths(token), components(schemas(RefusalBody)))]
pub(in crate::http) struct Docs;

/// What may stand in the body, for the document. `resource` may stand several times.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = TokenForm)]
#[expect(dead_code, reason = "read by `Params`, which refuses what stands twice")]
struct TokenForm {
    grant_type: String,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    refresh_token: Option<String>,
    device_code: Option<String>,
    scope: Option<String>,
    resource: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    client_assertion: Option<String>,
    client_assertion_type: Option<String>,
}

/// The answer, for the document.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Tokens)]
#[expect(dead_code, reason = "for the document")]
struct TokensBody {
    access_token: String,
    /// `Bearer` or `DPoP`.
    token_type: String,
    /// Seconds.
    expires_in: i64,
    /// Seconds since the epoch.
    expires_at: i64,
    refresh_token: Option<String>,
    scope: String,
    id_token: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = OAuthRefusal)]
#[expect(dead_code, reason = "for the document")]
pub(super) struct RefusalBody {
    error: String,
    error_description: String,
}

/// The client proves itself before anything else is looked at. A `DPoP` header binds the tokens to
/// its key.
#[utoipa::path(
    post,
    path = "/oauth2/token",
    operation_id = "oauth2Token",
    tag = "account",
    summary = "Tokens for a code, a refresh token, or a client itself",
    security(()),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The tokens", body = TokensBody),
        (status = "4XX", description = "Refused", body = RefusalBody),
        (status = "5XX", description = "Failed", body = RefusalBody),
    ),
)]
async fn token(
    request: HttpRequest,
    auth: Data<Auth>,
    form: Form,
) -> Result<HttpResponse, OauthError> {
    let Form(params) = form;
    let client = authenticate(&request, &auth, &params).await?;
    let grant = params.required("grant_type")?;
    let key = dpop_key(&request, &auth, &client).await?;
    let asked =
        Asked { scope: params.get("scope"), resources: params.resources(), jkt: key.as_deref() };
    let (device, _) = device(&request, &auth);
    let tokens = match grant {
        "authorization_code" => redeem(&auth, &client, &params, &asked, &device).await?,
        "refresh_token" => {
            let token = params.required("refresh_token")?;
            auth.refresh(&client, token, &asked, &device).await?
        }
        "client_credentials" => auth.issue_machine_token(&client, &asked)?,
        DEVICE_CODE => {
            let code = params.required("device_code")?;
            auth.redeem_device(&client, code, key, &device).await?
        }
        _ => {
            let why = "This server gives tokens for authorization_code, refresh_token, \
                       client_credentials and device_code.";
            return Err(OauthError::bad("unsupported_grant_type", why));
        }
    };
    Ok(answer(&tokens))
}

async fn redeem(
    auth: &Auth,
    client: &Client,
    params: &Params,
    asked: &Asked<'_>,
    device: &Device,
) -> Result<Tokens, OauthError> {
    let shown = Redemption {
        code: params.required("code")?,
        redirect_uri: params.required("redirect_uri")?,
        verifier: params.get("code_verifier"),
    };
    // A code's scope was settled when it was asked for (RFC 6749 §4.1.3).
    let asked = Asked { scope: None, ..*asked };
    Ok(auth.redeem_code(client, shown, &asked, device).await?)
}

fn answer(tokens: &Tokens) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::PRAGMA, "no-cache"))
        .json(tokens)
}
