//! `/api/v1/threads`: a learner's own conversations. Their text is read over the live protocol.

use actix_web::{
    HttpResponse,
    web::{self, Data, Json, Path, Query, ServiceConfig},
};
use serde::{Deserialize, Serialize};

use super::{error::ApiError, extract::Learner};
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
    cfg.route("/threads", web::get().to(list))
        .route("/threads/{id}", web::patch().to(rename))
        .route("/threads/{id}", web::delete().to(remove));
}

#[derive(Debug, Deserialize)]
struct ListParams {
    course: Option<CourseId>,
    lesson: Option<LessonId>,
    /// Words of the title or of a message.
    q: Option<String>,
    /// The `next` of the page before.
    before: Option<String>,
}

#[derive(Debug, Serialize)]
struct ListBody {
    threads: Vec<ThreadBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct ThreadBody {
    id: ThreadId,
    title: String,
    course: Option<CourseId>,
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

async fn list(
    learner: Learner,
    hub: Data<Hub>,
    params: Query<ListParams>,
) -> Result<Json<ListBody>, ApiError> {
    let ListParams { course, lesson, q, before } = params.into_inner();
    let before = before.as_deref().map(read_cursor).transpose()?;
    let search = q.filter(|words| !words.trim().is_empty());
    let filter = ThreadFilter { course, lesson, search, before };
    let rows = hub.store.threads_of(&learner.user.id, &filter).await?;
    let full = i64::try_from(rows.len()).is_ok_and(|rows| rows == PAGE);
    let next = rows.last().filter(|_| full).map(|(row, _)| write_cursor(row));
    let threads = rows.into_iter().map(|(row, title)| ThreadBody::new(row, title)).collect();
    Ok(Json(ListBody { threads, next }))
}

/// Time and id of the last thread of a page: threads of the same millisecond are not lost.
fn write_cursor(row: &ThreadRow) -> String {
    format!("{}.{}", row.updated_at, row.id)
}

fn read_cursor(cursor: &str) -> Result<(i64, ThreadId), ApiError> {
    cursor
        .split_once('.')
        .and_then(|(time, id)| Some((time.parse().ok()?, ThreadId::new(id))))
        .ok_or_else(|| ApiError::bad_request("`before` is not a cursor of ours"))
}

#[derive(Debug, Deserialize)]
struct RenameBody {
    title: String,
}

async fn rename(
    learner: Learner,
    hub: Data<Hub>,
    id: Path<ThreadId>,
    body: Json<RenameBody>,
) -> Result<Json<ThreadBody>, ApiError> {
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

async fn remove(
    learner: Learner,
    hub: Data<Hub>,
    id: Path<ThreadId>,
) -> Result<HttpResponse, ApiError> {
    hub.store.delete_thread(&learner.user.id, &id).await?;
    // Without its log the owner of a running answer stops at its next word.
    hub.log.forget(&id).await;
    hub.bus.wake(Wake::Thread(id.into_inner()));
    Ok(HttpResponse::NoContent().finish())
}
