//! `/api/v1/admin/audit`: what staff did, for admins.

use actix_web::web::{Data, Json, Query, ServiceConfig};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use super::{
    error::ApiError,
    extract::Admin,
    methods::reading,
    openapi::ErrorBody,
    page::{read_cursor, write_cursor},
};
use crate::{
    domain::{clock::Millis, ids::UserId},
    store::{
        Store,
        audit::{AuditEntry, PAGE},
    },
};

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/admin/audit", reading().to(list));
}

#[derive(OpenApi)]
#[openapi(paths(list))]
pub(in crate::http) struct Docs;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// The `next` of the page before.
    before: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditList)]
struct ListBody {
    entries: Vec<EntryBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
struct EntryBody {
    id: String,
    at: String,
    #[schema(value_type = String)]
    actor: UserId,
    /// Null if the account is gone.
    actor_name: Option<String>,
    /// The request's type on the wire, such as `kick`; `watch` is a look at a conversation.
    action: String,
    /// Id of what it was done to.
    target: String,
    /// What else there is to say.
    #[schema(value_type = Object)]
    detail: Value,
}

impl EntryBody {
    fn new(entry: AuditEntry, actor_name: Option<String>) -> Self {
        let AuditEntry { id, at, actor_id, action, target, detail } = entry;
        let detail = serde_json::from_str(&detail).unwrap_or(Value::Null);
        let at = Millis(at).to_rfc3339();
        Self { id, at, actor: actor_id, actor_name, action, target, detail }
    }
}

#[utoipa::path(
    get,
    path = "/admin/audit",
    operation_id = "listAudit",
    tag = "admin",
    summary = "A page of what staff did, the newest first, for admins",
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
    let before = params.into_inner().before.as_deref().map(read_cursor).transpose()?;
    let rows = store.audit_page(before).await?;
    let full = i64::try_from(rows.len()).is_ok_and(|rows| rows == PAGE);
    let next = rows.last().filter(|_| full).map(|(entry, _)| write_cursor(entry.at, &entry.id));
    let entries = rows.into_iter().map(|(entry, name)| EntryBody::new(entry, name)).collect();
    Ok(Json(ListBody { entries, next }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::{
        App,
        test::{TestRequest, call_service, init_service, read_body_json},
    };

    use super::*;
    use crate::{auth::tests::Bench, domain::role::Role, store::audit::tests::entry};

    async fn get(bench: &Bench, query: &str, token: &str) -> (u16, Value) {
        let app = App::new()
            .app_data(Data::from(Arc::clone(&bench.auth)))
            .app_data(Data::from(Arc::clone(&bench.store)))
            .configure(crate::http::routes(crate::config::Roles::ALL));
        let request = TestRequest::get()
            .uri(&format!("/api/v1/admin/audit{query}"))
            .insert_header(("authorization", format!("Bearer {token}")));
        let answer = call_service(&init_service(app).await, request.to_request()).await;
        (answer.status().as_u16(), read_body_json(answer).await)
    }

    #[actix_web::test]
    async fn an_admin_reads_page_by_page_what_staff_did() {
        let bench = Bench::new().await;
        let (_, token) = bench.signed_in_with_token("root", Role::Admin).await;
        for number in 0..PAGE {
            let entry = entry(&format!("aud_{number:03}"), "kick", "s_1");
            bench.store.insert_audit(entry).await.unwrap();
        }
        let last = AuditEntry {
            at: 8,
            detail: r#"{"reason":"rude"}"#.to_owned(),
            ..entry("aud_100", "kick", "s_9")
        };
        bench.store.insert_audit(last).await.unwrap();

        let (status, page) = get(&bench, "", &token).await;
        assert_eq!(status, 200, "{page}");
        let expected = serde_json::json!({
            "id": "aud_100", "at": "1970-01-01T00:00:00.008Z", "actor": "root",
            "actor_name": "root", "action": "kick", "target": "s_9",
            "detail": { "reason": "rude" },
        });
        assert_eq!(page["entries"][0], expected);
        let next = page["next"].as_str().unwrap();
        let (_, rest) = get(&bench, &format!("?before={next}"), &token).await;
        assert_eq!(rest["entries"].as_array().unwrap().len(), 1);
        assert_eq!((&rest["entries"][0]["id"], rest.get("next")), (&"aud_000".into(), None));
        assert_eq!(get(&bench, "?before=x", &token).await.0, 400);
    }

    #[actix_web::test]
    async fn nobody_below_an_admin_reads_it() {
        let bench = Bench::new().await;
        for (name, role) in [("ada", Role::Student), ("ina", Role::Instructor)] {
            let (_, token) = bench.signed_in_with_token(name, role).await;
            let (status, body) = get(&bench, "", &token).await;
            assert_eq!((status, &body["error"]["code"]), (403, &"forbidden".into()), "{name}");
        }
    }
}
