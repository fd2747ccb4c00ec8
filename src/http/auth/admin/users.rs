//! People: listed, made, changed, banned, removed.

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use serde_json::{Value, json};

use super::{
    super::{body::Fields, device, error::Refusal, schema, shapes},
    Denied, Right, admin, docs,
    query::{Asked, Params},
    role,
};
use crate::{
    auth::{
        Auth,
        admin::{AdminError, By, NewUser},
    },
    domain::{email::Email, ids::UserId, role::Role},
    store::{user_admin::UserEdit, users::User},
};

const LIST: Right = ("YOU_ARE_NOT_ALLOWED_TO_LIST_USERS", "You are not allowed to list users");
const GET: Right = ("YOU_ARE_NOT_ALLOWED_TO_GET_USER", "You are not allowed to get user");
const CREATE: Right =
    ("YOU_ARE_NOT_ALLOWED_TO_CREATE_USERS", "You are not allowed to create users");
const UPDATE: Right =
    ("YOU_ARE_NOT_ALLOWED_TO_UPDATE_USERS", "You are not allowed to update users");
const ROLE: Right =
    ("YOU_ARE_NOT_ALLOWED_TO_CHANGE_USERS_ROLE", "You are not allowed to change users role");
const BAN: Right = ("YOU_ARE_NOT_ALLOWED_TO_BAN_USERS", "You are not allowed to ban users");
const PASSWORD: Right =
    ("YOU_ARE_NOT_ALLOWED_TO_SET_USERS_PASSWORD", "You are not allowed to set users password");
const DELETE: Right =
    ("YOU_ARE_NOT_ALLOWED_TO_DELETE_USERS", "You are not allowed to delete users");

/// Characters of a name, bytes of a picture's address, characters of a reason.
const MAX_NAME: usize = 200;
const MAX_IMAGE: usize = 2_000;
const MAX_REASON: usize = 1_000;

fn one(user: &User) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "user": shapes::user(user) }))
}

pub(super) fn user_id(fields: &mut Fields) -> UserId {
    UserId::new(fields.text("userId"))
}

#[utoipa::path(
    get,
    path = "/admin/list-users",
    operation_id = "listUsers",
    tag = "admin accounts",
    summary = "People, searched, filtered and sorted, a window at a time",
    params(
        ("limit" = Option<i64>, Query, description = "100 by default, at most 1,000"),
        ("offset" = Option<i64>, Query),
        ("sortBy" = Option<String>, Query, description = "A field of a user"),
        ("sortDirection" = Option<String>, Query, description = "asc or desc"),
        ("searchValue" = Option<String>, Query),
        ("searchField" = Option<String>, Query, description = "email or name"),
        ("searchOperator" = Option<String>, Query, description = "contains, starts_with or ends_with"),
        ("filterField" = Option<String>, Query, description = "A field of a user"),
        ("filterValue" = Option<String>, Query),
        ("filterOperator" = Option<String>, Query, description = "eq, ne, lt, lte, gt, gte, in, not_in, contains, starts_with or ends_with"),
    ),
    responses(
        (status = 200, description = "The window", body = docs::UserListBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
pub(super) async fn list(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, Denied> {
    admin(&request, &auth, LIST).await?;
    let Asked { query, limit, offset } = Params::of(&request).read()?;
    let (users, total) = auth.admin_list(&query).await?;
    let users: Vec<_> = users.iter().map(shapes::user).collect();
    let mut body = json!({ "users": users, "total": total });
    for (name, number) in [("limit", limit), ("offset", offset)] {
        if let (Some(number), Some(body)) = (number, body.as_object_mut()) {
            body.insert(name.to_owned(), number.into());
        }
    }
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body))
}

#[utoipa::path(
    get,
    path = "/admin/get-user",
    operation_id = "getUser",
    tag = "admin accounts",
    summary = "One person",
    params(("id" = String, Query)),
    responses(
        (status = 200, description = "The person", body = schema::UserBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
pub(super) async fn show(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, Denied> {
    admin(&request, &auth, GET).await?;
    let params = Params::of(&request);
    let Some(id) = params.text("id")? else {
        let message = "[query.id] Invalid input: expected string, received undefined";
        return Err(Refusal::validation(message).into());
    };
    let user = auth.admin_user(&UserId::new(id)).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(shapes::user(&user)))
}

#[utoipa::path(
    post,
    path = "/admin/create-user",
    operation_id = "createUser",
    tag = "admin accounts",
    summary = "Makes an account",
    request_body = docs::CreateUserBody,
    responses(
        (status = 200, description = "Made", body = docs::OneUserBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
pub(super) async fn create(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Denied> {
    let caller = admin(&request, &auth, CREATE).await?;
    let email = fields.email("email");
    let name = fields.text("name");
    let password = if fields.has("password") { fields.password("password")? } else { None };
    let role = role(&mut fields)?.unwrap_or(Role::Student);
    let (mut verified, mut image) = (false, None);
    if let Some(mut data) = fields.nested("data") {
        verified = data.flag("emailVerified", false);
        image = data.optional_text("image");
        only(data)?;
    }
    fields.finish()?;
    check_lengths(Some(&name), image.as_ref())?;
    let Some(email) = email else { return Err(no_email().into()) };
    let new = NewUser { email, name, password, role, verified, image };
    let device = device(&request, &auth).0;
    let user = auth.admin_create(By { admin: &caller, device: &device }, new).await?;
    Ok(one(&user))
}

#[utoipa::path(
    post,
    path = "/admin/update-user",
    operation_id = "adminUpdateUser",
    tag = "admin accounts",
    summary = "Changes a person",
    request_body = docs::UpdateUserBody,
    responses(
        (status = 200, description = "The person as she is now", body = schema::UserBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
pub(super) async fn update(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Denied> {
    let caller = admin(&request, &auth, UPDATE).await?;
    let id = user_id(&mut fields);
    let Some(mut data) = fields.nested("data") else {
        fields.finish()?;
        return Err(no_data().into());
    };
    fields.finish()?;
    let role = role(&mut data)?;
    let edit = edit(&mut data)?;
    only(data)?;
    if edit == UserEdit::default() && role.is_none() {
        return Err(no_data().into());
    }
    check_lengths(edit.name.as_ref(), edit.image.as_ref().and_then(Option::as_ref))?;
    let device = device(&request, &auth).0;
    let by = By { admin: &caller, device: &device };
    let mut user = None;
    if let Some(role) = role {
        user = Some(auth.admin_set_role(by, &id, role).await?);
    }
    if edit != UserEdit::default() {
        user = Some(auth.admin_edit(by, &id, edit).await?);
    }
    let user = user.ok_or_else(no_data)?;
    Ok(HttpResponse::Ok().json(shapes::user(&user)))
}

fn edit(data: &mut Fields) -> Result<UserEdit, Refusal> {
    let name = data.has("name").then(|| data.text("name"));
    let image = data.has("image").then(|| data.optional_text("image"));
    let verified = data.has("emailVerified").then(|| data.flag("emailVerified", false));
    let email = if data.has("email") {
        Some(Email::parse(&data.text("email")).map_err(|_| no_email())?)
    } else {
        None
    };
    let email = email.map(|email| email.as_str().to_owned());
    Ok(UserEdit { name, email, email_verified: verified, image })
}

/// Refuses what is not an admin's to set so: a ban has a call of its own, an id is for ever
/// (attack A21).
fn only(data: Fields) -> Result<(), Refusal> {
    if let Some(field) = data.left().next() {
        let message = format!("{} is not allowed to be set", field.escape_default());
        return Err(Refusal::bad("FIELD_NOT_ALLOWED", message));
    }
    data.finish()
}

fn check_lengths(name: Option<&String>, image: Option<&String>) -> Result<(), Refusal> {
    let long = name.is_some_and(|name| name.chars().count() > MAX_NAME)
        || image.is_some_and(|image| image.len() > MAX_IMAGE);
    if long {
        return Err(Refusal::validation("[body] Invalid input: a field is too long"));
    }
    Ok(())
}

fn no_email() -> Refusal {
    Refusal::validation("[body.email] Invalid email address")
}

fn no_data() -> Refusal {
    Refusal::bad("NO_DATA_TO_UPDATE", "No data to update")
}

#[utoipa::path(
    post,
    path = "/admin/set-role",
    operation_id = "setRole",
    tag = "admin accounts",
    summary = "Gives a person another role",
    request_body = docs::SetRoleBody,
    responses(
        (status = 200, description = "The person", body = docs::OneUserBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
pub(super) async fn set_role(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Denied> {
    let caller = admin(&request, &auth, ROLE).await?;
    let id = user_id(&mut fields);
    let role = role(&mut fields)?;
    if role.is_none() {
        fields.issue("role", "student, instructor or admin");
    }
    fields.finish()?;
    let Some(role) = role else { return Err(no_data().into()) };
    let device = device(&request, &auth).0;
    let user = auth.admin_set_role(By { admin: &caller, device: &device }, &id, role).await?;
    Ok(one(&user))
}

#[utoipa::path(
    post,
    path = "/admin/ban-user",
    operation_id = "banUser",
    tag = "admin accounts",
    summary = "Shuts a person out and ends her sessions",
    request_body = docs::BanBody,
    responses(
        (status = 200, description = "The person", body = docs::OneUserBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
pub(super) async fn ban(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Denied> {
    let caller = admin(&request, &auth, BAN).await?;
    let id = user_id(&mut fields);
    let reason = fields.optional_text("banReason");
    let seconds = fields.value("banExpiresIn");
    let life = seconds.as_ref().and_then(Value::as_i64).filter(|seconds| *seconds > 0);
    if seconds.is_some() && life.is_none() {
        fields.issue("banExpiresIn", "a whole number of seconds");
    }
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > MAX_REASON) {
        fields.issue("banReason", "a shorter text");
    }
    fields.finish()?;
    let device = device(&request, &auth).0;
    let by = By { admin: &caller, device: &device };
    match auth.admin_ban(by, &id, reason, life).await {
        Err(AdminError::Yourself) => {
            Err(Refusal::bad("YOU_CANNOT_BAN_YOURSELF", "You cannot ban yourself").into())
        }
        banned => Ok(one(&banned?)),
    }
}

#[utoipa::path(
    post,
    path = "/admin/unban-user",
    operation_id = "unbanUser",
    tag = "admin accounts",
    summary = "Lifts a ban",
    request_body = docs::OfUserBody,
    responses(
        (status = 200, description = "The person", body = docs::OneUserBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
pub(super) async fn unban(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Denied> {
    let caller = admin(&request, &auth, BAN).await?;
    let id = user_id(&mut fields);
    fields.finish()?;
    let device = device(&request, &auth).0;
    Ok(one(&auth.admin_unban(By { admin: &caller, device: &device }, &id).await?))
}

#[utoipa::path(
    post,
    path = "/admin/set-user-password",
    operation_id = "setUserPassword",
    tag = "admin accounts",
    summary = "Gives a person another password and ends her sessions",
    request_body = docs::SetPasswordBody,
    responses(
        (status = 200, description = "Done", body = schema::StatusBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
pub(super) async fn set_password(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Denied> {
    let caller = admin(&request, &auth, PASSWORD).await?;
    let id = user_id(&mut fields);
    let password = fields.password("newPassword")?;
    fields.finish()?;
    let Some(password) = password else { return Err(no_data().into()) };
    let device = device(&request, &auth).0;
    auth.admin_set_password(By { admin: &caller, device: &device }, &id, password).await?;
    Ok(HttpResponse::Ok().json(json!({ "status": true })))
}

#[utoipa::path(
    post,
    path = "/admin/remove-user",
    operation_id = "removeUser",
    tag = "admin accounts",
    summary = "Removes a person with all that is hers",
    request_body = docs::OfUserBody,
    responses(
        (status = 200, description = "Done", body = schema::SuccessBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
pub(super) async fn remove(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Denied> {
    let caller = admin(&request, &auth, DELETE).await?;
    let id = user_id(&mut fields);
    fields.finish()?;
    let device = device(&request, &auth).0;
    match auth.admin_remove(By { admin: &caller, device: &device }, &id).await {
        Err(AdminError::Yourself) => {
            Err(Refusal::bad("YOU_CANNOT_REMOVE_YOURSELF", "You cannot remove yourself").into())
        }
        removed => {
            removed?;
            Ok(HttpResponse::Ok().json(json!({ "success": true })))
        }
    }
}
