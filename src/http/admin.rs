//! `/api/v1/admin`: figures for those who run the school. The live tables come over the socket.

use actix_web::web::{Data, Json, ServiceConfig};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{
    error::ApiError, extract::Staff, health::TutorBody, methods::reading, openapi::ErrorBody,
};
use crate::{
    actors::{Hub, Observe, registry, tutor},
    domain::{clock::SECOND, ids::NodeId, quota::window_start},
    store::turns::TurnCounts,
};

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/admin/overview", reading().to(overview));
}

#[derive(OpenApi)]
#[openapi(paths(overview))]
pub(in crate::http) struct Docs;

#[derive(Debug, Serialize, ToSchema)]
struct Overview {
    /// Sockets of all nodes that have said hello.
    connected: usize,
    /// Answers that are being written, on all nodes.
    streaming: usize,
    users: i64,
    /// Questions of the last 24 hours.
    messages_24h: i64,
    turns: TurnsBody,
    /// The node that answers.
    #[schema(value_type = String)]
    node: NodeId,
    uptime_s: i64,
    version: &'static str,
    tutor: TutorBody,
}

/// How many turns stand how.
#[derive(Debug, Serialize, ToSchema)]
struct TurnsBody {
    queued: i64,
    running: i64,
    done: i64,
    failed: i64,
    cancelled: i64,
}

impl From<TurnCounts> for TurnsBody {
    fn from(counts: TurnCounts) -> Self {
        let TurnCounts { queued, running, done, failed, cancelled } = counts;
        Self { queued, running, done, failed, cancelled }
    }
}

#[utoipa::path(
    get,
    path = "/admin/overview",
    operation_id = "adminOverview",
    tag = "admin",
    summary = "Figures of the school and of its servers, for staff",
    responses(
        (status = 200, description = "The figures", body = Overview),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn overview(_: Staff, hub: Data<Hub>) -> Result<Json<Overview>, ApiError> {
    let now = hub.clock.now();
    let sessions = hub.registry.send(Observe::<registry::View>::default()).await;
    let tutor = hub.tutor.send(Observe::<tutor::View>::default()).await;
    let turns = hub.store.turn_counts(window_start(now)).await?;
    // The other nodes tell with each renewal of their lease, every two seconds.
    let others = hub.store.nodes(now).await?.into_iter();
    let others = others.filter(|node| node.alive && node.id != hub.node).map(|node| node.stats);
    let (sessions_there, turns_there) = others.fold((0, 0), |(sessions, turns), stats| {
        (sessions + whole(stats.sessions), turns + whole(stats.turns))
    });
    Ok(Json(Overview {
        connected: sessions.map_err(ApiError::internal)?.sessions + sessions_there,
        streaming: tutor.map_err(ApiError::internal)?.running + turns_there,
        users: hub.store.count_users().await?,
        messages_24h: turns.all(),
        turns: turns.into(),
        node: hub.node.clone(),
        uptime_s: now.since(hub.started_at) / SECOND,
        version: env!("CARGO_PKG_VERSION"),
        tutor: TutorBody { kind: hub.tutor_kind },
    }))
}

fn whole(figure: i64) -> usize {
    usize::try_from(figure).unwrap_or_default()
}
