//! `/api/v1/admin/clients`: apps that people sign in to with their account here. Admins see all and
//! choose what the operator chooses; an instructor sees and changes her own.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Data, Json, Path, Query, ServiceConfig},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{OpenApi, ToSchema};

use super::{
    auth::device,
    error::ApiError,
    extract::Staff,
    methods::reading,
    openapi::ErrorBody,
    page::{read_cursor, write_cursor},
};
use crate::{
    auth::{
        Auth,
        admin::By,
        oidc::clients::{Change, ClientError, Hand, Registered},
        sessions::Device,
    },
    domain::{clock::Millis, ids::UserId},
};

const PAGE: usize = 50;
/// Characters of a search.
const LONGEST: usize = 200;

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/admin/clients", reading().to(list))
        .route("/admin/clients", web::post().to(create))
        .route("/admin/clients/{id}", reading().to(show))
        .route("/admin/clients/{id}", web::patch().to(change))
        .route("/admin/clients/{id}", web::delete().to(remove))
        .route("/admin/clients/{id}/secret", web::post().to(rotate));
}

#[derive(OpenApi)]
#[openapi(paths(list, create, show, change, remove, rotate))]
pub(in crate::http) struct Docs;

impl From<ClientError> for ApiError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::NotFound => Self::not_found(),
            ClientError::Fault(fault) => Self::bad_request(fault),
            error @ (ClientError::Changed | ClientError::TooMany) => {
                Self::conflict(error.to_string())
            }
            ClientError::Auth(error) => error.into(),
        }
    }
}

/// One of the staff in her own hand, and from where.
struct Deed {
    staff: Staff,
    device: Device,
}

impl Deed {
    fn new(staff: Staff, request: &HttpRequest, auth: &Auth) -> Result<Self, ApiError> {
        if staff.impersonated_by.is_some() {
            let text = "You are acting as somebody else. Stop impersonating to do this.";
            return Err(ApiError::forbidden(text));
        }
        if !staff.user.email_verified {
            return Err(ApiError::email_unverified());
        }
        Ok(Self { device: device(request, auth).0, staff })
    }

    const fn hand(&self) -> Hand<'_> {
        Hand::Staff(By { admin: &self.staff.0, device: &self.device })
    }

    fn shown(&self, app: &Registered) -> ClientBody {
        let row = &app.row;
        ClientBody {
            name: row.name.clone(),
            owner: row.owner_id.clone(),
            created_at: Millis(row.created_at).to_rfc3339(),
            updated_at: Millis(row.updated_at).to_rfc3339(),
            registered: app.to_json(self.hand().is_trusted()),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Client)]
struct ClientBody {
    /// What people are told: its `client_name`, or the host that they come back to.
    name: String,
    /// Whose it is; null: the school's, or its own.
    #[schema(value_type = Option<String>)]
    owner: Option<UserId>,
    created_at: String,
    updated_at: String,
    /// What it registered (RFC 7591), with `client_id`, `disabled`, and once `client_secret`; for
    /// admins also `skip_consent`, `verified`, `fapi`, `course`, `resource` and
    /// `client_credentials_scopes`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    registered: Map<String, Value>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientList)]
struct ListBody {
    clients: Vec<ClientBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Params {
    /// Words of the name, or the whole id.
    search: Option<String>,
    /// The `next` of the page before.
    before: Option<String>,
}

#[utoipa::path(
    get,
    path = "/admin/clients",
    operation_id = "listClients",
    tag = "admin",
    summary = "A page of the apps, the newest first: all for admins, their own for instructors",
    params(Params),
    responses(
        (status = 200, description = "The page", body = ListBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn list(
    staff: Staff,
    request: HttpRequest,
    auth: Data<Auth>,
    params: Query<Params>,
) -> Result<Json<ListBody>, ApiError> {
    let deed = Deed::new(staff, &request, &auth)?;
    let Params { search, before } = params.into_inner();
    let search = search.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let odd = |text: &String| text.chars().count() > LONGEST || text.chars().any(char::is_control);
    if search.as_ref().is_some_and(odd) {
        return Err(ApiError::bad_request("`search` is no such text"));
    }
    let before = before.filter(|text| !text.is_empty());
    let before = before.map(|text| read_cursor(&text)).transpose()?;
    let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let apps = auth.list_clients(deed.hand(), search, before, limit).await?;
    let last = apps.last().filter(|_| apps.len() == PAGE);
    let next = last.map(|app| write_cursor(app.row.created_at, &app.row.id));
    Ok(Json(ListBody { clients: apps.iter().map(|app| deed.shown(app)).collect(), next }))
}

#[utoipa::path(
    post,
    path = "/admin/clients",
    operation_id = "createClient",
    tag = "admin",
    summary = "Registers an app; the answer alone has its secret",
    request_body = Object,
    responses(
        (status = 201, description = "The app", body = ClientBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn create(
    staff: Staff,
    request: HttpRequest,
    auth: Data<Auth>,
    given: Json<Map<String, Value>>,
) -> Result<HttpResponse, ApiError> {
    let deed = Deed::new(staff, &request, &auth)?;
    let app = auth.register_client(deed.hand(), &given).await?;
    Ok(HttpResponse::Created()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(deed.shown(&app)))
}

#[utoipa::path(
    get,
    path = "/admin/clients/{id}",
    operation_id = "showClient",
    tag = "admin",
    summary = "One app",
    params(("id" = String, Path)),
    responses(
        (status = 200, description = "The app", body = ClientBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn show(
    staff: Staff,
    request: HttpRequest,
    auth: Data<Auth>,
    id: Path<String>,
) -> Result<Json<ClientBody>, ApiError> {
    let deed = Deed::new(staff, &request, &auth)?;
    let app = auth.find_client(deed.hand(), &id).await?;
    Ok(Json(deed.shown(&app)))
}

#[utoipa::path(
    patch,
    path = "/admin/clients/{id}",
    operation_id = "changeClient",
    tag = "admin",
    summary = "Changes what is named of an app; with `disabled`, all that people granted to it ends",
    params(("id" = String, Path)),
    request_body = Object,
    responses(
        (status = 200, description = "The app", body = ClientBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn change(
    staff: Staff,
    request: HttpRequest,
    auth: Data<Auth>,
    id: Path<String>,
    given: Json<Map<String, Value>>,
) -> Result<HttpResponse, ApiError> {
    let deed = Deed::new(staff, &request, &auth)?;
    let app = auth.find_client(deed.hand(), &id).await?;
    let app = auth.change_client(deed.hand(), app, &given, Change::Some).await?;
    Ok(once(&deed.shown(&app)))
}

#[utoipa::path(
    delete,
    path = "/admin/clients/{id}",
    operation_id = "removeClient",
    tag = "admin",
    summary = "Removes an app and ends all that people granted to it",
    params(("id" = String, Path)),
    responses(
        (status = 204, description = "Removed"),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn remove(
    staff: Staff,
    request: HttpRequest,
    auth: Data<Auth>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let deed = Deed::new(staff, &request, &auth)?;
    let app = auth.find_client(deed.hand(), &id).await?;
    auth.remove_client(deed.hand(), &app).await?;
    Ok(HttpResponse::NoContent().finish())
}

#[utoipa::path(
    post,
    path = "/admin/clients/{id}/secret",
    operation_id = "rotateClientSecret",
    tag = "admin",
    summary = "Gives an app another secret; the old one is good for nothing from then on",
    params(("id" = String, Path)),
    responses(
        (status = 200, description = "The app, with its new secret", body = ClientBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn rotate(
    staff: Staff,
    request: HttpRequest,
    auth: Data<Auth>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let deed = Deed::new(staff, &request, &auth)?;
    let app = auth.find_client(deed.hand(), &id).await?;
    let app = auth.rotate_client_secret(deed.hand(), app).await?;
    Ok(once(&deed.shown(&app)))
}

/// An answer that may hold a secret: nobody keeps it.
fn once(body: &ClientBody) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}
