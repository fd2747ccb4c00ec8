//! `/api/v1/admin/mail`: how mail stands, for admins. Never what is in it: its links let people in.

use actix_web::{
    HttpResponse,
    web::{self, Data, Json, Path, Query, ServiceConfig},
};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{
    error::ApiError,
    extract::Admin,
    methods::reading,
    openapi::ErrorBody,
    page::{read_cursor, write_cursor},
};
use crate::{
    auth::Auth,
    domain::clock::Millis,
    store::{
        Store,
        outbox::{MailState, OutboxMail, SHOWN},
    },
};

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/admin/mail", reading().to(list))
        .route("/admin/mail/{id}/retry", web::post().to(retry))
        .route("/admin/mail/{id}", web::delete().to(remove));
}

#[derive(OpenApi)]
#[openapi(paths(list, retry, remove))]
pub(in crate::http) struct Docs;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// `queued`, `kept` (only shown, in demo mode), `sent` or `dead`; all without it.
    state: Option<String>,
    /// The `next` of the page before.
    before: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailList)]
struct ListBody {
    mails: Vec<MailBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Mail)]
struct MailBody {
    id: String,
    at: String,
    /// Such as `reset-password`.
    kind: String,
    to: String,
    subject: String,
    state: String,
    tries: i32,
    /// When it is tried again, if it waits for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_try_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<String>,
    /// Why the last try failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

impl From<OutboxMail> for MailBody {
    fn from(row: OutboxMail) -> Self {
        let waits = row.state == MailState::Queued.as_str();
        let time = |ms: i64| Millis(ms).to_rfc3339();
        Self {
            id: row.id,
            at: time(row.created_at),
            kind: row.kind,
            to: row.recipient,
            subject: row.subject,
            state: row.state,
            tries: row.tries,
            next_try_at: waits.then(|| time(row.next_try_at)),
            sent_at: row.sent_at.map(time),
            last_error: row.last_error,
        }
    }
}

#[utoipa::path(
    get,
    path = "/admin/mail",
    operation_id = "listMail",
    tag = "admin",
    summary = "A page of mails without their content, the newest first, for admins",
    params(ListParams),
    responses(
        (status = 200, description = "The page", body = ListBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn list(
    _: Admin,
    store: Data<Store>,
    params: Query<ListParams>,
) -> Result<Json<ListBody>, ApiError> {
    let ListParams { state, before } = params.into_inner();
    let state = state.map(|name| {
        let known = MailState::ALL.into_iter().find(|state| state.as_str() == name);
        known.ok_or_else(|| ApiError::bad_request("`state` is queued, kept, sent or dead"))
    });
    let before = before.as_deref().map(read_cursor).transpose()?;
    let rows = store.mails_page(state.transpose()?, before).await?;
    let full = i64::try_from(rows.len()).is_ok_and(|rows| rows == SHOWN);
    let next = rows.last().filter(|_| full).map(|row| write_cursor(row.created_at, &row.id));
    Ok(Json(ListBody { mails: rows.into_iter().map(MailBody::from).collect(), next }))
}

#[utoipa::path(
    post,
    path = "/admin/mail/{id}/retry",
    operation_id = "retryMail",
    tag = "admin",
    summary = "Tries a dead letter anew, for admins",
    params(("id" = String, Path)),
    responses(
        (status = 204, description = "It will be tried"),
        (status = "4XX", description = "Refused, or it is no dead letter", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn retry(admin: Admin, auth: Data<Auth>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    auth.retry_mail(&admin, &named(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

#[utoipa::path(
    delete,
    path = "/admin/mail/{id}",
    operation_id = "removeMail",
    tag = "admin",
    summary = "Removes a mail, however it stands, for admins",
    params(("id" = String, Path)),
    responses(
        (status = 204, description = "It is gone"),
        (status = "4XX", description = "Refused, or there is no such mail", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn remove(
    admin: Admin,
    auth: Data<Auth>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    auth.remove_mail(&admin, &named(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// No id of ours has a NUL, and PostgreSQL takes none.
fn named(id: &str) -> Result<String, ApiError> {
    if id.contains('\0') { Err(ApiError::not_found()) } else { Ok(id.to_owned()) }
}

#[cfg(test)]
mod tests;
