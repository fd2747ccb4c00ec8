//! `POST /api/v1/live/ticket`: what a page shows instead of its cookie when it opens a socket.

use actix_web::{
    HttpRequest,
    http::header,
    web::{self, Data, Json, ServiceConfig},
};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{error::ApiError, extract::SignedIn, openapi::ErrorBody};
use crate::auth::{Auth, TICKET_LIFE};

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/live/ticket", web::post().to(ticket));
}

#[derive(OpenApi)]
#[openapi(paths(ticket))]
pub(in crate::http) struct Docs;

#[derive(Debug, Serialize, ToSchema)]
struct TicketBody {
    ticket: String,
    /// Seconds.
    expires_in: i64,
}

#[utoipa::path(
    post,
    path = "/live/ticket",
    operation_id = "liveTicket",
    tag = "live",
    summary = "A ticket that opens a WebSocket at /api/v1/live, once",
    responses(
        (status = 200, description = "The ticket", body = TicketBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn ticket(
    caller: SignedIn,
    request: HttpRequest,
    auth: Data<Auth>,
) -> Result<Json<TicketBody>, ApiError> {
    let origin = request.headers().get(header::ORIGIN).and_then(|value| value.to_str().ok());
    let ticket = auth.issue_ticket(&caller, origin);
    Ok(Json(TicketBody { ticket, expires_in: TICKET_LIFE / 1_000 }))
}
