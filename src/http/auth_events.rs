//! `/api/v1/admin/auth-events`: what happened to accounts, for admins: page by page, or all of it
//! as CSV or JSON Lines (FR-028).

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, Bytes, Data, Json, Query, ServiceConfig},
};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
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
    domain::{clock::Millis, email::Email, ids::UserId},
    store::{
        Store, StoreError,
        auth_events::{AuthEvent, AuthEventKind, EventQuery},
    },
};

const PAGE: i64 = 50;
/// Rows that an export holds in memory at once.
const BATCH: i64 = 500;
const LONGEST: usize = 320;

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/admin/auth-events", reading().to(list))
        .route("/admin/auth-events/export", web::get().to(export));
}

#[derive(OpenApi)]
#[openapi(paths(list, export))]
pub(in crate::http) struct Docs;

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Params {
    /// Such as `sign_in_failed`.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Id of the account.
    user: Option<String>,
    email: Option<String>,
    /// Where the request came from.
    address: Option<String>,
    /// RFC 3339 in UTC, a date, or milliseconds since the epoch.
    from: Option<String>,
    /// The first moment that is not meant; a date alone is meant to its end.
    to: Option<String>,
    /// The `next` of the page before.
    before: Option<String>,
    /// Of an export: `csv` or `jsonl`.
    format: Option<String>,
}

impl Params {
    /// An empty field counts as absent, as a form sends it.
    fn read(&self) -> Result<EventQuery, ApiError> {
        let kind = text("type", self.kind.as_deref())?.map(|name| {
            let unknown = || ApiError::bad_request(format!("`type` {name:?} is unknown"));
            AuthEventKind::parse(name).ok_or_else(unknown)
        });
        let email = text("email", self.email.as_deref())?.map(|text| {
            Email::parse(text).map_or_else(|_| text.to_owned(), |email| email.as_str().to_owned())
        });
        let to = time("to", self.to.as_deref())?;
        // "To the 5th" means its evening.
        let is_date = self.to.as_ref().is_some_and(|text| text.len() == 10 && text.contains('-'));
        Ok(EventQuery {
            kind: kind.transpose()?,
            user: text("user", self.user.as_deref())?.map(UserId::new),
            email,
            address: text("address", self.address.as_deref())?.map(str::to_owned),
            from: time("from", self.from.as_deref())?,
            to: if is_date { to.map(|to| to.plus(crate::domain::clock::DAY)) } else { to },
        })
    }

    fn before(&self) -> Result<Option<(i64, String)>, ApiError> {
        text("before", self.before.as_deref())?.map(read_cursor).transpose()
    }
}

fn text<'a>(name: &str, given: Option<&'a str>) -> Result<Option<&'a str>, ApiError> {
    let given = given.map(str::trim).filter(|text| !text.is_empty());
    let bad = |text: &&str| text.chars().any(char::is_control) || text.len() > LONGEST;
    if given.as_ref().is_some_and(bad) {
        return Err(ApiError::bad_request(format!("`{name}` is no such text")));
    }
    Ok(given)
}

fn time(name: &str, given: Option<&str>) -> Result<Option<Millis>, ApiError> {
    let Some(text) = text(name, given)? else { return Ok(None) };
    let unread = || {
        ApiError::bad_request(format!(
            "`{name}` is no time: write 2026-11-26, 2026-11-26T08:00:00Z, or milliseconds"
        ))
    };
    Millis::parse(text).map(Some).ok_or_else(unread)
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuthEventList)]
struct ListBody {
    events: Vec<EventBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuthEvent)]
struct EventBody {
    id: String,
    at: String,
    /// Such as `sign_in`, `sign_in_failed`, `role_changed`.
    #[serde(rename = "type")]
    kind: String,
    /// Whose account; null if the address that was tried has none.
    #[schema(value_type = Option<String>)]
    user: Option<UserId>,
    email: Option<String>,
    /// Null on the command line.
    address: Option<String>,
    agent: Option<String>,
    /// What else there is to say; `by` is the admin who did it, `impersonated_by` the one by whose
    /// hand the person did it.
    #[schema(value_type = Object)]
    detail: Map<String, Value>,
}

impl From<AuthEvent> for EventBody {
    fn from(event: AuthEvent) -> Self {
        let (at, detail) = (event.at().to_rfc3339(), event.detail());
        let AuthEvent { id, kind, user_id, email, address, agent, .. } = event;
        Self { id, at, kind, user: user_id, email, address, agent, detail }
    }
}

#[utoipa::path(
    get,
    path = "/admin/auth-events",
    operation_id = "listAuthEvents",
    tag = "admin",
    summary = "A page of what happened to accounts, the newest first, for admins",
    params(Params),
    responses(
        (status = 200, description = "The page", body = ListBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn list(
    _: Admin,
    store: Data<Store>,
    params: Query<Params>,
) -> Result<Json<ListBody>, ApiError> {
    let rows = store.auth_events(&params.read()?, params.before()?, PAGE).await?;
    let full = i64::try_from(rows.len()).is_ok_and(|rows| rows == PAGE);
    let next = rows.last().filter(|_| full).map(|event| write_cursor(event.at, &event.id));
    Ok(Json(ListBody { events: rows.into_iter().map(EventBody::from).collect(), next }))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Jsonl,
}

impl Format {
    const fn media(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Jsonl => "application/jsonl",
        }
    }

    const fn head(self) -> &'static str {
        match self {
            Self::Csv => "id,at,type,user,email,address,agent,detail\r\n",
            Self::Jsonl => "",
        }
    }

    fn line(self, event: EventBody) -> String {
        match self {
            Self::Jsonl => {
                let mut line = serde_json::to_string(&event).unwrap_or_default();
                line.push('\n');
                line
            }
            Self::Csv => {
                let detail = Value::Object(event.detail).to_string();
                let user = event.user.map(|user| user.as_str().to_owned());
                let cells = [
                    Some(event.id),
                    Some(event.at),
                    Some(event.kind),
                    user,
                    event.email,
                    event.address,
                    event.agent,
                    Some(detail),
                ];
                let mut line = cells.map(|cell| quoted(&cell.unwrap_or_default())).join(",");
                line.push_str("\r\n");
                line
            }
        }
    }
}

/// A cell (RFC 4180). What a spreadsheet would take for a formula gets an apostrophe in front: the
/// addresses and agents that were tried are strangers' words.
fn quoted(cell: &str) -> String {
    let formula =
        cell.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    let guard = if formula || cell.starts_with(['\t', '\r', '\n']) { "'" } else { "" };
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

#[utoipa::path(
    get,
    path = "/admin/auth-events/export",
    operation_id = "exportAuthEvents",
    tag = "admin",
    summary = "All that happened to accounts, the newest first, as a file, for admins",
    params(Params),
    responses(
        (status = 200, description = "The file", content_type = "text/csv", body = String),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn export(
    admin: Admin,
    auth: Data<Auth>,
    store: Data<Store>,
    params: Query<Params>,
) -> Result<HttpResponse, ApiError> {
    let format = match params.format.as_deref() {
        None | Some("" | "csv") => Format::Csv,
        Some("jsonl") => Format::Jsonl,
        Some(_) => return Err(ApiError::bad_request("`format` is csv or jsonl")),
    };
    let wanted = params.read()?;
    // What is taken away is personal data: who took it is written down before.
    let detail = json!({
        "type": params.kind, "user": params.user, "email": params.email,
        "address": params.address, "from": params.from, "to": params.to,
    });
    let entry = auth.audit_entry(&admin, "export_auth_events", "auth_events", &detail);
    store.insert_audit(entry).await?;
    let first = store.auth_events(&wanted, params.before()?, BATCH).await?;
    let rest = Rest { store: store.into_inner(), wanted, format, next: Next::Rows(first, true) };
    let name = match format {
        Format::Csv => "auth-events.csv",
        Format::Jsonl => "auth-events.jsonl",
    };
    Ok(HttpResponse::Ok()
        .content_type(format.media())
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .streaming(stream::try_unfold(rest, Rest::step)))
}

/// What is still to be written. Only one batch is in memory: the next is read when the client has
/// taken this one.
struct Rest {
    store: Arc<Store>,
    wanted: EventQuery,
    format: Format,
    next: Next,
}

enum Next {
    /// These rows; the head before them if they are the first.
    Rows(Vec<AuthEvent>, bool),
    /// Whatever comes behind this one.
    After(i64, String),
    End,
}

impl Rest {
    async fn step(mut self) -> Result<Option<(Bytes, Self)>, StoreError> {
        let (rows, is_first) = match std::mem::replace(&mut self.next, Next::End) {
            Next::End => return Ok(None),
            Next::Rows(rows, is_first) => (rows, is_first),
            Next::After(at, id) => {
                (self.store.auth_events(&self.wanted, Some((at, id)), BATCH).await?, false)
            }
        };
        if i64::try_from(rows.len()).is_ok_and(|rows| rows == BATCH)
            && let Some(last) = rows.last()
        {
            self.next = Next::After(last.at, last.id.clone());
        }
        let mut text = String::new();
        if is_first {
            text.push_str(self.format.head());
        }
        for event in rows {
            text.push_str(&self.format.line(event.into()));
        }
        Ok(Some((Bytes::from(text), self)))
    }
}

#[cfg(test)]
mod tests;
