//! A person's sessions: listed, ended. What stands as `token` is a handle that signs nobody in.

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use serde_json::json;

use super::{
    super::{body::Fields, device, schema, shapes},
    Denied, Right, admin, docs,
    users::user_id,
};
use crate::auth::{Auth, admin::By};

const LIST: Right =
    ("YOU_ARE_NOT_ALLOWED_TO_LIST_USERS_SESSIONS", "You are not allowed to list users sessions");
const REVOKE: Right = (
    "YOU_ARE_NOT_ALLOWED_TO_REVOKE_USERS_SESSIONS",
    "You are not allowed to revoke users sessions",
);

#[utoipa::path(
    post,
    path = "/admin/list-user-sessions",
    operation_id = "listUserSessions",
    tag = "admin accounts",
    summary = "The live sessions of a person",
    request_body = docs::OfUserBody,
    responses(
        (status = 200, description = "The sessions", body = docs::SessionsBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
pub(super) async fn list(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Denied> {
    admin(&request, &auth, LIST).await?;
    let id = user_id(&mut fields);
    fields.finish()?;
    let sessions = auth.admin_sessions(&id).await?;
    let sessions: Vec<_> =
        sessions.iter().map(|(session, app)| shapes::listed(session, app.as_deref())).collect();
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json!({ "sessions": sessions })))
}

#[utoipa::path(
    post,
    path = "/admin/revoke-user-session",
    operation_id = "revokeUserSession",
    tag = "admin accounts",
    summary = "Ends one session of a person",
    request_body = docs::OfSessionBody,
    responses(
        (status = 200, description = "Done", body = schema::SuccessBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
pub(super) async fn revoke(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Denied> {
    let caller = admin(&request, &auth, REVOKE).await?;
    let name = fields.text("sessionToken");
    fields.finish()?;
    let device = device(&request, &auth).0;
    auth.admin_revoke(By { admin: &caller, device: &device }, &name).await?;
    Ok(HttpResponse::Ok().json(json!({ "success": true })))
}

#[utoipa::path(
    post,
    path = "/admin/revoke-user-sessions",
    operation_id = "revokeUserSessions",
    tag = "admin accounts",
    summary = "Ends all sessions of a person",
    request_body = docs::OfUserBody,
    responses(
        (status = 200, description = "Done", body = schema::SuccessBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
pub(super) async fn revoke_all(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Denied> {
    let caller = admin(&request, &auth, REVOKE).await?;
    let id = user_id(&mut fields);
    fields.finish()?;
    let device = device(&request, &auth).0;
    auth.admin_revoke_all(By { admin: &caller, device: &device }, &id).await?;
    Ok(HttpResponse::Ok().json(json!({ "success": true })))
}
