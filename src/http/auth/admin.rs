//! `/api/auth/admin`: what Better-Auth's admin client asks for (`auth-api.md` §6). Roles are a
//! closed set and every deed is audited.

use std::fmt;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::StatusCode,
    web::{Data, ServiceConfig},
};
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::{body::Fields, caller, error::Refusal, get, post, schema};
use crate::{
    auth::{Auth, Identity, admin::AdminError, sign_up::SignUpError},
    domain::role::{Role, UnknownRole},
};

pub(super) mod acting;
mod docs;
mod query;
mod sessions;
mod users;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    get(cfg, "/admin/list-users", users::list);
    get(cfg, "/admin/get-user", users::show);
    post(cfg, "/admin/create-user", users::create);
    post(cfg, "/admin/update-user", users::update);
    post(cfg, "/admin/set-role", users::set_role);
    post(cfg, "/admin/ban-user", users::ban);
    post(cfg, "/admin/unban-user", users::unban);
    post(cfg, "/admin/set-user-password", users::set_password);
    post(cfg, "/admin/remove-user", users::remove);
    post(cfg, "/admin/list-user-sessions", sessions::list);
    post(cfg, "/admin/revoke-user-session", sessions::revoke);
    post(cfg, "/admin/revoke-user-sessions", sessions::revoke_all);
    post(cfg, "/admin/impersonate-user", acting::begin);
    post(cfg, "/admin/stop-impersonating", acting::stop);
    post(cfg, "/admin/has-permission", has_permission);
}

#[derive(OpenApi)]
#[openapi(paths(
    users::list,
    users::show,
    users::create,
    users::update,
    users::set_role,
    users::ban,
    users::unban,
    users::set_password,
    users::remove,
    sessions::list,
    sessions::revoke,
    sessions::revoke_all,
    acting::begin,
    acting::stop,
    has_permission,
))]
pub(in crate::http) struct Docs;

/// A refusal under `/admin`: to whom is not signed in it says nothing, not even a body.
#[derive(Debug)]
pub(in crate::http) struct Denied(Refusal);

impl<E: Into<Refusal>> From<E> for Denied {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Denied {
    fn status_code(&self) -> StatusCode {
        self.0.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        if self.0.is_unauthorized() {
            return HttpResponse::Unauthorized().finish();
        }
        self.0.error_response()
    }
}

impl From<AdminError> for Refusal {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::NotFound => {
                Self::new(StatusCode::NOT_FOUND, "USER_NOT_FOUND", "User not found")
            }
            AdminError::Taken => Self::bad(
                "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL",
                "User already exists. Use another email.",
            ),
            AdminError::LastAdmin => Self::bad(
                "LAST_ADMIN",
                "This is the last admin. Make somebody else an admin first.",
            ),
            AdminError::Yourself => {
                Self::bad("YOU_CANNOT_DO_THIS_TO_YOURSELF", "You cannot do this to yourself")
            }
            AdminError::Weak(why) => SignUpError::Weak(why).into(),
            AdminError::Auth(error) => error.into(),
        }
    }
}

/// What an admin may do, in the words that others are refused with.
type Right = (&'static str, &'static str);

/// The admin behind a request. Nobody who acts as somebody else is one.
async fn admin(request: &HttpRequest, auth: &Auth, right: Right) -> Result<Identity, Denied> {
    let identity = caller(request, auth).await?;
    if identity.is_admin() && identity.impersonated_by.is_none() {
        return Ok(identity);
    }
    let (code, message) = right;
    Err(Refusal::forbidden(code, message).into())
}

/// `role`: one text, or a list of one. A person has one role here.
fn role(fields: &mut Fields) -> Result<Option<Role>, Refusal> {
    let text = match fields.value("role") {
        None => return Ok(None),
        Some(Value::String(text)) => text,
        Some(Value::Array(list)) => {
            if let Ok([Value::String(text)]) = <[Value; 1]>::try_from(list) {
                text
            } else {
                fields.issue("role", "one role");
                return Ok(None);
            }
        }
        Some(_) => {
            fields.issue("role", "string");
            return Ok(None);
        }
    };
    let unknown = |_: UnknownRole| {
        Refusal::bad(
            "YOU_ARE_NOT_ALLOWED_TO_SET_NON_EXISTENT_VALUE",
            "You are not allowed to set a non-existent role value",
        )
    };
    text.parse().map(Some).map_err(unknown)
}

/// What an admin may do. Others may do nothing of it.
const PERMITTED: [(&str, &[&str]); 2] = [
    (
        "user",
        &[
            "create",
            "list",
            "set-role",
            "ban",
            "impersonate",
            "delete",
            "set-password",
            "set-email",
            "get",
            "update",
        ],
    ),
    ("session", &["list", "revoke", "delete"]),
];

fn is_permitted(area: &str, deeds: &Value) -> bool {
    let known = PERMITTED.iter().find(|(name, _)| *name == area);
    let (Some((_, known)), Some(deeds)) = (known, deeds.as_array()) else { return false };
    deeds.iter().all(|deed| deed.as_str().is_some_and(|deed| known.contains(&deed)))
}

#[utoipa::path(
    post,
    path = "/admin/has-permission",
    operation_id = "hasPermission",
    tag = "admin accounts",
    summary = "Whether the caller may do all of this",
    request_body = docs::PermissionsBody,
    responses(
        (status = 200, description = "Whether", body = docs::PermittedBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn has_permission(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Denied> {
    let identity = caller(&request, &auth).await?;
    let asked = fields.value("permissions").or_else(|| fields.value("permission"));
    // The peer's server may ask about others; a caller is answered about herself.
    for name in ["permission", "userId", "role"] {
        fields.value(name);
    }
    fields.finish()?;
    let Some(Value::Object(asked)) = asked else {
        let message = "invalid permission check. no permission(s) were passed.";
        return Err(Refusal::bad("INVALID_PERMISSION_CHECK", message).into());
    };
    let may = identity.is_admin() && identity.impersonated_by.is_none();
    let success = may && asked.iter().all(|(area, deeds)| is_permitted(area, deeds));
    Ok(HttpResponse::Ok().json(json!({ "error": null, "success": success })))
}
