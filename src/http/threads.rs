//! `/api/v1/threads`: a learner's own conversations. Their text is read over the live protocol.

use actix_web::{
    HttpResponse,
    web::{self, Data, Json, Path, Query, ServiceConfig},
};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{
    error::ApiError,
    extract::Learner,
    methods::reading,
    openapi::ErrorBody,
    page::{read_cursor, write_cursor},
};
use crate::{
    actors::Hub,
    bus::Wake,
    domain::{
        clock::Millis,
        ids::{CourseId, LessonId, ThreadId},
        live::limits,
    },
    store::threads::{PAGE, ThreadFilter, ThreadRow},
};

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/threads", reading().to(list))
        .route("/threads/{id}", web::patch().to(rename))
        .route("/threads/{id}", web::delete().to(remove));
}

#[derive(OpenApi)]
#[openapi(paths(list, rename, remove))]
pub(in crate::http) struct Docs;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    #[param(value_type = Option<String>)]
    course: Option<CourseId>,
    #[param(value_type = Option<String>)]
    lesson: Option<LessonId>,
    /// Words of the title or of a message.
    q: Option<String>,
    /// The `next` of the page before.
    before: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ThreadList)]
struct ListBody {
    threads: Vec<ThreadBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Thread)]
struct ThreadBody {
    #[schema(value_type = String)]
    id: ThreadId,
    title: String,
    #[schema(value_type = Option<String>)]
    course: Option<CourseId>,
    #[schema(value_type = Option<String>)]
    lesson: Option<LessonId>,
    lesson_title: Option<String>,
    status: String,
    created_at: String,
    updated_at: String,
}

impl ThreadBody {
    fn new(row: ThreadRow, lesson_title: Option<String>) -> Self {
        Self {
            id: row.id,
            title: row.title,
            course: row.course_id,
            lesson: row.lesson_id,
            lesson_title,
            status: row.status,
            created_at: Millis(row.created_at).to_rfc3339(),
            updated_at: Millis(row.updated_at).to_rfc3339(),
        }
    }
}

#[utoipa::path(
    get,
    path = "/threads",
    operation_id = "listThreads",
    tag = "threads",
    summary = "A page of the caller's conversations, the newest first",
    params(ListParams),
    responses(
        (status = 200, description = "The page", body = ListBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn list(
    learner: Learner,
    hub: Data<Hub>,
    params: Query<ListParams>,
) -> Result<Json<ListBody>, ApiError> {
    let ListParams { course, lesson, q, before } = params.into_inner();
    let before = before.as_deref().map(read_cursor).transpose()?;
    let before = before.map(|(time, id)| (time, ThreadId::new(id)));
    let search = q.filter(|words| !words.trim().is_empty());
    let filter = ThreadFilter { course, lesson, search, before };
    let rows = hub.store.threads_of(&learner.user.id, &filter).await?;
    let full = i64::try_from(rows.len()).is_ok_and(|rows| rows == PAGE);
    let next = rows.last().filter(|_| full).map(|(row, _)| write_cursor(row.updated_at, &row.id));
    let threads = rows.into_iter().map(|(row, title)| ThreadBody::new(row, title)).collect();
    Ok(Json(ListBody { threads, next }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ThreadTitle)]
struct RenameBody {
    title: String,
}

#[utoipa::path(
    patch,
    path = "/threads/{id}",
    operation_id = "renameThread",
    tag = "threads",
    summary = "Gives a conversation another title",
    params(("id" = String, Path)),
    request_body = RenameBody,
    responses(
        (status = 200, description = "The conversation", body = ThreadBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn rename(
    learner: Learner,
    hub: Data<Hub>,
    path: Path<(ThreadId,)>,
    body: Json<RenameBody>,
) -> Result<Json<ThreadBody>, ApiError> {
    let (id,) = path.into_inner();
    let title = body.title.trim();
    if title.is_empty() || title.contains(['\0', '\n', '\r']) {
        return Err(ApiError::bad_request("`title` must be one line of text"));
    }
    if title.chars().count() > limits::TITLE {
        return Err(ApiError::too_large("A title may hold 200 characters."));
    }
    let row = hub.store.rename_thread(&learner.user.id, &id, title).await?;
    hub.bus.wake(Wake::Titled {
        owner: row.owner_id.clone(),
        thread: row.id.clone(),
        title: row.title.clone(),
        updated: Millis(row.updated_at).to_rfc3339(),
    });
    Ok(Json(ThreadBody::new(row, None)))
}

#[utoipa::path(
    delete,
    path = "/threads/{id}",
    operation_id = "deleteThread",
    tag = "threads",
    summary = "Deletes a conversation",
    params(("id" = String, Path)),
    responses(
        (status = 204, description = "It is gone"),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn remove(
    learner: Learner,
    hub: Data<Hub>,
    path: Path<(ThreadId,)>,
) -> Result<HttpResponse, ApiError> {
    let (id,) = path.into_inner();
    hub.store.delete_thread(&learner.user.id, &id).await?;
    // Without its log the owner of a running answer stops at its next word.
    hub.log.forget(&id).await;
    hub.bus.wake(Wake::Thread { thread: id });
    Ok(HttpResponse::NoContent().finish())
}
