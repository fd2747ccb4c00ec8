//! Apps in the words of Better-Auth's client (`auth-api.md` §9): verified instructors and admins
//! register them; each sees and changes her own, an admin all.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, ServiceConfig},
};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::{error::OauthError, object::Object, params::Params};
use crate::{
    auth::{
        Auth, Identity,
        admin::By,
        oidc::clients::{Change, ClientError, Hand, Registered},
        sessions::Device,
    },
    http::auth::{caller, device, error::Refusal, get, own_caller, post},
};

/// The apps of one answer.
const MOST: i64 = 200;

#[derive(OpenApi)]
#[openapi(paths(create, list, show, show_to_all, update, rotate, remove))]
pub(super) struct Docs;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    post(cfg, "/oauth2/create-client", create);
    get(cfg, "/oauth2/get-clients", list);
    get(cfg, "/oauth2/get-client", show);
    get(cfg, "/oauth2/public-client", show_to_all);
    post(cfg, "/oauth2/update-client", update);
    post(cfg, "/oauth2/client/rotate-secret", rotate);
    post(cfg, "/oauth2/delete-client", remove);
}

/// Whoever may have apps, in her own hand.
struct Staff {
    who: Identity,
    device: Device,
}

impl Staff {
    async fn of(request: &HttpRequest, auth: &Auth) -> Result<Self, Refusal> {
        let who = own_caller(request, auth).await?;
        if !who.is_staff() {
            return Err(Refusal::forbidden(
                "YOU_ARE_NOT_ALLOWED_TO_MANAGE_CLIENTS",
                "Instructors and admins register apps",
            ));
        }
        if !who.user.email_verified {
            return Err(Refusal::forbidden("EMAIL_NOT_VERIFIED", "Email not verified"));
        }
        Ok(Self { who, device: device(request, auth).0 })
    }

    const fn hand(&self) -> Hand<'_> {
        Hand::Staff(By { admin: &self.who, device: &self.device })
    }
}

fn named(request: &HttpRequest) -> Result<String, OauthError> {
    let params = Params::parse(request.query_string().as_bytes())?;
    params.required("client_id").map(str::to_owned)
}

fn body(app: &Registered) -> Map<String, Value> {
    let mut body = app.to_json(false);
    if let Some(owner) = &app.row.owner_id {
        body.insert("user_id".to_owned(), owner.as_str().into());
    }
    body
}

fn ok(body: impl serde::Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}

#[utoipa::path(
    post,
    path = "/oauth2/create-client",
    operation_id = "createOauthClient",
    tag = "openid",
    summary = "Registers an app of the caller",
    request_body(content = Object, description = "Metadata of RFC 7591"),
    responses(
        (status = 200, description = "With its secret, which is shown this once"),
        (status = "4XX", description = "Refused"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn create(
    request: HttpRequest,
    auth: Data<Auth>,
    given: Object,
) -> Result<HttpResponse, actix_web::Error> {
    let staff = Staff::of(&request, &auth).await?;
    let app = auth.register_client(staff.hand(), &given.0).await.map_err(OauthError::from)?;
    Ok(HttpResponse::Created().insert_header((header::CACHE_CONTROL, "no-store")).json(body(&app)))
}

#[utoipa::path(
    get,
    path = "/oauth2/get-clients",
    operation_id = "getOauthClients",
    tag = "openid",
    summary = "The apps of the caller",
    responses(
        (status = 200, description = "Newest first"),
        (status = "4XX", description = "Refused"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn list(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, actix_web::Error> {
    let staff = Staff::of(&request, &auth).await?;
    let apps = auth.list_clients(staff.hand(), None, None, MOST).await.map_err(OauthError::from)?;
    Ok(ok(apps.iter().map(body).collect::<Vec<_>>()))
}

#[utoipa::path(
    get,
    path = "/oauth2/get-client",
    operation_id = "getOauthClient",
    tag = "openid",
    summary = "An app of the caller",
    params(("client_id" = String, Query, description = "The app")),
    responses(
        (status = 200, description = "As it stands"),
        (status = "4XX", description = "Refused"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn show(request: HttpRequest, auth: Data<Auth>) -> Result<HttpResponse, actix_web::Error> {
    let staff = Staff::of(&request, &auth).await?;
    let app = auth.find_client(staff.hand(), &named(&request)?).await.map_err(OauthError::from)?;
    Ok(ok(body(&app)))
}

/// What anybody who is signed in may know of an app that asks her for something.
#[utoipa::path(
    get,
    path = "/oauth2/public-client",
    operation_id = "getPublicOauthClient",
    tag = "openid",
    summary = "What anybody signed in may know of an app",
    params(("client_id" = String, Query, description = "The app")),
    responses(
        (status = 200, description = "Its name and where it is"),
        (status = "4XX", description = "Refused"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn show_to_all(
    request: HttpRequest,
    auth: Data<Auth>,
) -> Result<HttpResponse, actix_web::Error> {
    caller(&request, &auth).await?;
    let found = auth.client(&named(&request)?).await.map_err(OauthError::from)?;
    let Some(client) = found else {
        return Err(OauthError::from(ClientError::NotFound).into());
    };
    let metadata = &client.metadata;
    Ok(ok(json!({
        "client_id": client.id, "client_name": client.name, "redirect_uris": [],
        "client_uri": metadata.client_uri, "logo_uri": metadata.logo_uri,
        "tos_uri": metadata.tos_uri, "policy_uri": metadata.policy_uri,
        "contacts": metadata.contacts,
    })))
}

#[utoipa::path(
    post,
    path = "/oauth2/update-client",
    operation_id = "updateOauthClient",
    tag = "openid",
    summary = "Changes an app of the caller",
    request_body(content = Object, description = "client_id, and what is to change"),
    responses(
        (status = 200, description = "As it stands"),
        (status = "4XX", description = "Refused"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn update(
    request: HttpRequest,
    auth: Data<Auth>,
    given: Object,
) -> Result<HttpResponse, actix_web::Error> {
    let staff = Staff::of(&request, &auth).await?;
    let app =
        auth.find_client(staff.hand(), given.text("client_id")?).await.map_err(OauthError::from)?;
    let Some(Value::Object(update)) = given.0.get("update") else {
        return Err(OauthError::invalid_request("The member update must be an object.").into());
    };
    let app = auth.change_client(staff.hand(), app, update, Change::Some).await;
    Ok(ok(body(&app.map_err(OauthError::from)?)))
}

#[utoipa::path(
    post,
    path = "/oauth2/client/rotate-secret",
    operation_id = "rotateOauthClientSecret",
    tag = "openid",
    summary = "Another secret for an app of the caller",
    request_body(content = Object, description = "client_id"),
    responses(
        (status = 200, description = "With the secret, which is shown this once"),
        (status = "4XX", description = "Refused"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn rotate(
    request: HttpRequest,
    auth: Data<Auth>,
    given: Object,
) -> Result<HttpResponse, actix_web::Error> {
    let staff = Staff::of(&request, &auth).await?;
    let app =
        auth.find_client(staff.hand(), given.text("client_id")?).await.map_err(OauthError::from)?;
    let app = auth.rotate_client_secret(staff.hand(), app).await.map_err(OauthError::from)?;
    Ok(ok(body(&app)))
}

#[utoipa::path(
    post,
    path = "/oauth2/delete-client",
    operation_id = "deleteOauthClient",
    tag = "openid",
    summary = "Removes an app of the caller, with all that people granted to it",
    request_body(content = Object, description = "client_id"),
    responses(
        (status = 200, description = "Gone"),
        (status = "4XX", description = "Refused"),
        (status = "5XX", description = "Failed"),
    ),
)]
async fn remove(
    request: HttpRequest,
    auth: Data<Auth>,
    given: Object,
) -> Result<HttpResponse, actix_web::Error> {
    let staff = Staff::of(&request, &auth).await?;
    let app =
        auth.find_client(staff.hand(), given.text("client_id")?).await.map_err(OauthError::from)?;
    auth.remove_client(staff.hand(), &app).await.map_err(OauthError::from)?;
    Ok(ok(json!({ "success": true })))
}
