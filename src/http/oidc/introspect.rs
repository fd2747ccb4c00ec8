//! `POST /oauth2/introspect` (RFC 7662): an app asks about a token of its own, an API about one that
//! is for it.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, ServiceConfig},
};
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};

use super::{client_auth::authenticate, error::OauthError, params::Form, token::RefusalBody};
use crate::{auth::Auth, http::auth::post};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    post(cfg, "/oauth2/introspect", introspect);
}

#[derive(OpenApi)]
#[openapi(paths(introspect))]
pub(in crate::http) struct Docs;

/// What may stand in the body, for the document.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = OneTokenForm)]
#[expect(dead_code, reason = "read by `Params`, which refuses what stands twice")]
pub(super) struct OneTokenForm {
    token: String,
    /// Not needed: we know our tokens apart.
    token_type_hint: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    client_assertion: Option<String>,
    client_assertion_type: Option<String>,
}

/// For the document: what the standard names stands there for a token that is active.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Introspection)]
#[expect(dead_code, reason = "for the document")]
struct IntrospectionBody {
    active: bool,
    iss: Option<String>,
    client_id: Option<String>,
    sub: Option<String>,
    sid: Option<String>,
    scope: Option<String>,
    exp: Option<i64>,
    iat: Option<i64>,
    token_type: Option<String>,
}

#[utoipa::path(
    post,
    path = "/oauth2/introspect",
    operation_id = "oauth2Introspect",
    tag = "account",
    summary = "Whether a token is good, and what it is good for",
    security(()),
    request_body(content = OneTokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "What the client may know of it", body = IntrospectionBody),
        (status = "4XX", description = "Refused", body = RefusalBody),
        (status = "5XX", description = "Failed", body = RefusalBody),
    ),
)]
async fn introspect(
    request: HttpRequest,
    auth: Data<Auth>,
    form: Form,
) -> Result<HttpResponse, OauthError> {
    let Form(params) = form;
    let client = authenticate(&request, &auth, &params).await?;
    if client.metadata.is_public() {
        let why = "A client that cannot prove to be itself may not ask about tokens.";
        return Err(OauthError::invalid_client(why));
    }
    let found = auth.introspect(&client, params.required("token")?).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(found))
}
