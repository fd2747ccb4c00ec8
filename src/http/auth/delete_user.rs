//! `delete-user`: by password, by a fresh session, or by a link that is mailed to who has neither.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
    web::{self, Data, Query, ServiceConfig},
};
use serde_json::json;
use utoipa::OpenApi;

use super::{
    account::by,
    at,
    body::Fields,
    cookies, device,
    error::Refusal,
    is_fetch, own_caller,
    pages::Pages,
    post, schema,
    verify::{Link, code},
};
use crate::{
    auth::{Auth, DeletionError, LinkError, admin::AdminError},
    http::words,
};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    post(cfg, "/delete-user", delete);
    let methods = vec![web::get().to(opened), web::post().to(confirmed)];
    at(cfg, "/delete-user/callback", methods);
}

#[derive(OpenApi)]
#[openapi(paths(delete, opened, confirmed))]
pub(in crate::http) struct Docs;

/// With `callbackURL`, who has no password and whose session is not fresh is mailed a link.
#[utoipa::path(
    post,
    path = "/delete-user",
    operation_id = "deleteUser",
    tag = "account",
    summary = "Deletes the caller's account and all that belongs to it",
    request_body = schema::DeleteUserBody,
    responses(
        (status = 200, description = "Deleted, or a link is mailed", body = schema::DeletedBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn delete(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let who = own_caller(&request, &auth).await?;
    let has_password = fields.has("password");
    let password = if has_password { fields.password("password")? } else { None };
    let token = fields.optional_text("token");
    let back = fields.callback(&auth)?;
    fields.finish()?;
    let caller = by(&request, &auth);
    if let Some(password) = password {
        auth.delete_by_password(&who, password, &caller).await.map_err(refused)?;
    } else if let Some(token) = token {
        auth.delete_by_link(&who, &token, &caller.device).await.map_err(refused)?;
    } else if auth.is_fresh(&who) {
        auth.delete_fresh(&who, &caller.device).await.map_err(refused)?;
    } else if let Some(back) = back {
        auth.may_mail_to(&who.user.email, caller.address).await?;
        auth.mail_deletion(&who, &back, &caller.device).await?;
        let message = "Verification email sent";
        return Ok(HttpResponse::Ok().json(json!({ "success": true, "message": message })));
    } else {
        return Err(Refusal::bad(
            "SESSION_NOT_FRESH",
            "Session is not fresh. Send the password, or callbackURL to be mailed a link.",
        ));
    }
    Ok(gone(&mut cleared(HttpResponse::Ok(), &auth)))
}

#[utoipa::path(
    get,
    path = "/delete-user/callback",
    operation_id = "openDeletion",
    tag = "account",
    summary = "The link of the mail: a page with a button, or by fetch the act itself",
    params(Link),
    responses(
        (status = 200, description = "A page, or by fetch JSON", content((String = "text/html"), (schema::DeletedBody = "application/json"))),
        (status = 302, description = "Deleted; on to callbackURL"),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn opened(
    request: HttpRequest,
    auth: Data<Auth>,
    link: Query<Link>,
) -> Result<HttpResponse, Refusal> {
    let (token, back) = (link.token()?, link.back(&auth)?);
    let caller = own_caller(&request, &auth).await;
    if is_fetch(&request) {
        let who = caller?;
        let (device, _) = device(&request, &auth);
        auth.delete_by_link(&who, token, &device).await.map_err(refused)?;
        return Ok(match back {
            None => gone(&mut cleared(HttpResponse::Ok(), &auth)),
            Some(back) => led(&auth, StatusCode::FOUND, back.as_str()),
        });
    }
    let pages = Pages::new(&auth, words::locale(&request));
    let who = match caller {
        Err(refusal) if refusal.is_unauthorized() => return Ok(pages.sign_in_first()),
        caller => caller?,
    };
    match auth.check_deletion(&who, token).await {
        Ok(()) => Ok(pages.confirm_deletion(&who.user.email, token, back.as_ref())),
        Err(error) if code(&error).is_some() => Ok(pages.bad_link(&error)),
        Err(error) => Err(error.into()),
    }
}

#[utoipa::path(
    post,
    path = "/delete-user/callback",
    operation_id = "confirmDeletion",
    tag = "account",
    summary = "Deletes the caller's account with the token of a mail",
    request_body = schema::ConfirmBody,
    responses(
        (status = 200, description = "A page that says so", body = String, content_type = "text/html"),
        (status = 303, description = "Deleted; on to callbackURL"),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn confirmed(
    request: HttpRequest,
    auth: Data<Auth>,
    mut fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let who = own_caller(&request, &auth).await?;
    let link = Link::of_form(&mut fields);
    fields.finish()?;
    let (token, back) = (link.token()?, link.back(&auth)?);
    let (device, _) = device(&request, &auth);
    let pages = Pages::new(&auth, device.locale);
    match (auth.delete_by_link(&who, token, &device).await, back) {
        (Ok(()), Some(back)) => Ok(led(&auth, StatusCode::SEE_OTHER, back.as_str())),
        (Ok(()), None) => Ok(pages.deleted()),
        (Err(DeletionError::LastAdmin), _) => Ok(pages.last_admin()),
        (Err(DeletionError::Link(error)), _) if code(&error).is_some() => {
            Ok(pages.bad_link(&error))
        }
        (Err(error), _) => Err(refused(error)),
    }
}

fn cleared(mut response: HttpResponseBuilder, auth: &Auth) -> HttpResponseBuilder {
    cookies::clear(&mut response, auth);
    response
}

fn gone(response: &mut HttpResponseBuilder) -> HttpResponse {
    response.json(json!({ "success": true, "message": "User deleted" }))
}

fn led(auth: &Auth, status: StatusCode, to: &str) -> HttpResponse {
    cleared(HttpResponse::build(status), auth)
        .insert_header((header::LOCATION, to))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

/// A link that is no good is the caller's mistake, who is known.
fn refused(error: DeletionError) -> Refusal {
    match error {
        DeletionError::LastAdmin => AdminError::LastAdmin.into(),
        DeletionError::Password(error) => error.into(),
        DeletionError::Link(LinkError::Auth(error)) => error.into(),
        DeletionError::Link(LinkError::Invalid | LinkError::Expired) => {
            Refusal::bad("INVALID_TOKEN", "Invalid token")
        }
    }
}
