//! The ways in which a person can sign in: `list-accounts`, `unlink-account`.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, ServiceConfig},
};
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::{body::Fields, caller, error::Refusal, fresh_caller, get, post, schema};
use crate::{
    auth::Auth,
    domain::clock::Millis,
    store::accounts::{Unlinked, Way, Which},
};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    get(cfg, "/list-accounts", list);
    post(cfg, "/unlink-account", unlink);
}

#[derive(OpenApi)]
#[openapi(paths(list, unlink))]
pub(in crate::http) struct Docs;

#[utoipa::path(
    get,
    path = "/list-accounts",
    operation_id = "listAccounts",
    tag = "account",
    summary = "The ways in which the caller can sign in, without secrets",
    responses(
        (status = 200, description = "The ways", body = Vec<schema::WayBody>),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn list(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, Refusal> {
    let caller = caller(&request, &auth).await?;
    let ways: Vec<_> = auth.ways(&caller).await?.iter().map(shape).collect();
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(ways))
}

/// Takes the row's id as newer clients send it, and the provider with or without the name there as
/// older ones do.
#[utoipa::path(
    post,
    path = "/unlink-account",
    operation_id = "unlinkAccount",
    tag = "account",
    summary = "Takes one of the ways to sign in away, never the last",
    request_body = schema::UnlinkBody,
    responses(
        (status = 200, description = "Taken away", body = schema::StatusBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn unlink(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let caller = fresh_caller(&request, &auth).await?;
    let provider = fields.optional_text("providerId");
    let account = match provider {
        Some(_) => fields.optional_text("accountId"),
        None => Some(fields.text("accountId")),
    };
    fields.finish()?;
    match auth.unlink(&caller, Which { account, provider }).await? {
        Unlinked::Done => Ok(HttpResponse::Ok().json(json!({ "status": true }))),
        Unlinked::Unknown => Err(Refusal::bad("ACCOUNT_NOT_FOUND", "Account not found")),
        Unlinked::Last => {
            Err(Refusal::bad("FAILED_TO_UNLINK_LAST_ACCOUNT", "You can't unlink your last account"))
        }
    }
}

fn shape(way: &Way) -> Value {
    let scopes = way.scope.as_deref().unwrap_or_default().split([',', ' ']);
    json!({
        "id": way.id,
        "accountId": way.account_id,
        "providerId": way.provider_id,
        "userId": way.user_id,
        "createdAt": Millis(way.created_at).to_rfc3339(),
        "updatedAt": Millis(way.updated_at).to_rfc3339(),
        "scopes": scopes.filter(|scope| !scope.is_empty()).collect::<Vec<_>>(),
    })
}
