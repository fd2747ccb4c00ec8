//! What a person says of herself: `update-user`, `update-session`.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, ServiceConfig},
};
use serde_json::json;
use utoipa::OpenApi;

use super::{
    body::Fields,
    caller, cookies,
    error::Refusal,
    post, schema, session_token,
    sign_up::{MAX_IMAGE, MAX_NAME},
};
use crate::{
    auth::Auth,
    http::extract::{Shown, shown},
    store::users::{Image, Profile},
};

const NOTHING: &str = "No fields to update";

pub(super) fn routes(cfg: &mut ServiceConfig) {
    post(cfg, "/update-user", update_user);
    post(cfg, "/update-session", update_session);
}

#[derive(OpenApi)]
#[openapi(paths(update_user, update_session))]
pub(in crate::http) struct Docs;

/// Name and image alone: address, role and the rest have calls of their own or are not hers to set.
#[utoipa::path(
    post,
    path = "/update-user",
    operation_id = "updateUser",
    tag = "account",
    summary = "Changes the caller's name or image",
    request_body = schema::ProfileBody,
    responses(
        (status = 200, description = "Changed", body = schema::StatusBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn update_user(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let caller = caller(&request, &auth).await?;
    if fields.has("email") {
        return Err(Refusal::bad("EMAIL_CAN_NOT_BE_UPDATED", "Email can not be updated"));
    }
    let (name, image) = (fields.optional_text("name"), fields.image("image"));
    fields.none_left()?;
    fields.finish()?;
    if name.is_none() && image.is_none() {
        return Err(Refusal::without_code(NOTHING));
    }
    let too_long = name.as_ref().is_some_and(|name| name.chars().count() > MAX_NAME)
        || matches!(&image, Some(Image::At(place)) if place.len() > MAX_IMAGE);
    if too_long {
        return Err(Refusal::validation("[body] Invalid input: a field is too long"));
    }
    let session = auth.update_profile(&caller, Profile { name, image }).await?;
    let mut response = HttpResponse::Ok();
    if matches!(shown(&request, &auth), Shown::Cookie(_))
        && let Some(token) = session_token(&request, &auth)
    {
        cookies::set(&mut response, &auth, &token, session.remember);
    }
    Ok(response.json(json!({ "status": true })))
}

/// A session has no fields that its holder could set.
#[utoipa::path(
    post,
    path = "/update-session",
    operation_id = "updateSession",
    tag = "account",
    summary = "Refuses: a session has no fields of its holder's choice",
    responses(
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn update_session(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, Refusal> {
    caller(&request, &auth).await?;
    Err(Refusal::without_code(NOTHING))
}
