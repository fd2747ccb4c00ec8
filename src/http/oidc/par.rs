//! `POST /oauth2/par`: an app pushes its request before it sends the browser (RFC 9126).

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, ServiceConfig},
};
use serde_json::json;

use super::{
    client_auth,
    dpop::dpop_key,
    error::OauthError,
    incoming::{asked, unfolded},
    params::Form,
    schema::PushedBody,
};
use crate::{
    auth::{Auth, oidc::waiting::PUSHED_LIFE},
    domain::{
        clock::SECOND,
        oidc::{reply::Reply, request::Fault},
    },
    http::auth::{device, post},
};

/// What proves the app, and says nothing about the request.
const OF_THE_APP: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];

pub(super) fn routes(cfg: &mut ServiceConfig) {
    post(cfg, "/oauth2/par", push);
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(push))]
pub(super) struct Docs;

impl From<Fault> for OauthError {
    fn from(fault: Fault) -> Self {
        Self::bad(fault.code, fault.description)
    }
}

#[utoipa::path(
    post,
    path = "/oauth2/par",
    operation_id = "pushRequest",
    tag = "openid",
    summary = "An app pushes its request beforehand (RFC 9126)",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    security(()),
    responses(
        (status = 201, description = "Where it waits, and how long", body = PushedBody),
        (status = "4XX", description = "Refused"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn push(
    request: HttpRequest,
    auth: Data<Auth>,
    Form(mut params): Form,
) -> Result<HttpResponse, OauthError> {
    let client = client_auth::authenticate(&request, &auth, &params).await?;
    if params.has("request_uri") {
        return Err(OauthError::invalid_request("A request_uri is not pushed."));
    }
    for name in OF_THE_APP {
        params.remove(name);
    }
    params.set("client_id", client.id.as_str());
    let params = unfolded(&auth, &client, &params).await?.unwrap_or(params);
    Reply::read(|name| params.get(name), &client.metadata)
        .map_err(|error| OauthError::invalid_request(error.to_string()))?;
    let asked = asked(&auth, &client, &params)?;
    let jkt = match (dpop_key(&request, &auth, &client).await?, asked.jkt) {
        (Some(proved), Some(named)) if proved != named => {
            let text = "dpop_jkt is another key than that of the DPoP proof.";
            return Err(OauthError::bad("invalid_dpop_proof", text));
        }
        (proved, named) => proved.or(named),
    };
    let (_, address) = device(&request, &auth);
    let uri = auth.push_request(&client, params.to_query(), jkt, address).await?;
    Ok(HttpResponse::Created()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "request_uri": uri, "expires_in": PUSHED_LIFE / SECOND })))
}
