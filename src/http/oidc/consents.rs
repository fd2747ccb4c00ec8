//! What a person has let apps do, for her account page and Better-Auth's client: seen, narrowed,
//! withdrawn.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, ServiceConfig},
};
use serde_json::{Value, json};

use super::schema::{AgreedBody, NarrowBody, WithdrawBody};
use crate::{
    auth::{
        Auth, Identity,
        oidc::consents::{Consent, ConsentError},
    },
    domain::{clock::Millis, oidc::scope::Scopes},
    http::auth::{body::Fields, device, error::Refusal, get, own_caller, post},
};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    get(cfg, "/oauth2/get-consents", list);
    post(cfg, "/oauth2/update-consent", update);
    post(cfg, "/oauth2/delete-consent", delete);
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(list, update, delete))]
pub(super) struct Docs;

impl From<ConsentError> for Refusal {
    fn from(error: ConsentError) -> Self {
        match error {
            ConsentError::Unknown => {
                Self::new(StatusCode::NOT_FOUND, "CONSENT_NOT_FOUND", "Consent not found")
            }
            ConsentError::Wider => Self::bad(
                "CONSENT_TOO_WIDE",
                "A consent can be narrowed; the app itself asks for more.",
            ),
            ConsentError::NotAgreed => Self::bad(
                "CONSENT_NOT_GIVEN",
                "You were not asked for this access: it can only be withdrawn.",
            ),
            ConsentError::Auth(error) => error.into(),
        }
    }
}

#[utoipa::path(
    get,
    path = "/oauth2/get-consents",
    operation_id = "getOauthConsents",
    tag = "openid",
    summary = "What the caller lets apps do",
    responses(
        (status = 200, description = "Newest first", body = Vec<AgreedBody>),
        (status = "4XX", description = "Refused"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn list(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, Refusal> {
    let caller = own_caller(&request, &auth).await?;
    let consents = auth.consents(&caller).await?;
    let all: Vec<_> = consents.iter().map(|consent| shape(&caller, consent)).collect();
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(all))
}

#[utoipa::path(
    post,
    path = "/oauth2/update-consent",
    operation_id = "updateOauthConsent",
    tag = "openid",
    summary = "Lets an app do less; what it was granted ends",
    request_body(content = NarrowBody),
    responses(
        (status = 200, description = "As it is now", body = AgreedBody),
        (status = "4XX", description = "Refused"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn update(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let id = fields.text("id");
    let update = fields.nested("update");
    fields.finish()?;
    let Some(mut update) = update else {
        return Err(Refusal::validation("[body.update] Invalid input: expected object"));
    };
    let scopes = update.texts("scopes");
    update.finish()?;
    let caller = own_caller(&request, &auth).await?;
    let scopes = Scopes::parse(&scopes.join(" "))
        .map_err(|error| Refusal::validation(format!("[body.update.scopes] {error}")))?;
    let (device, _) = device(&request, &auth);
    let consent = auth.narrow_consent(&caller, &id, &scopes, &device).await?;
    Ok(HttpResponse::Ok().json(shape(&caller, &consent)))
}

/// The app's tokens are worth nothing from here on, on every node within a second.
#[utoipa::path(
    post,
    path = "/oauth2/delete-consent",
    operation_id = "deleteOauthConsent",
    tag = "openid",
    summary = "Shows an app the door",
    request_body(content = WithdrawBody),
    responses(
        (status = 200, description = "Withdrawn"),
        (status = "4XX", description = "Refused"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn delete(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let id = fields.text("id");
    fields.finish()?;
    let caller = own_caller(&request, &auth).await?;
    let (device, _) = device(&request, &auth);
    auth.withdraw_consent(&caller, &id, &device).await?;
    Ok(HttpResponse::Ok().json(json!({ "success": true })))
}

fn shape(caller: &Identity, consent: &Consent) -> Value {
    json!({
        "id": consent.id,
        "clientId": consent.client,
        "clientName": consent.name,
        "userId": caller.user.id,
        "scopes": consent.scopes.iter().collect::<Vec<_>>(),
        "resources": consent.resources,
        "bySchool": consent.by_school,
        "createdAt": Millis(consent.created_at).to_rfc3339(),
        "updatedAt": Millis(consent.updated_at).to_rfc3339(),
    })
}
