//! `/api/v1/admin`: figures for those who run the school. The live tables come over the socket.

use actix_web::web::{self, Data, Json, ServiceConfig};
use serde::Serialize;

use super::{error::ApiError, extract::Staff};
use crate::{
    actors::{Hub, Observe, registry, tutor},
    domain::{clock::SECOND, ids::NodeId, live::frame::TutorKind, quota::window_start},
    store::turns::TurnCounts,
};

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/admin/overview", web::get().to(overview));
}

#[derive(Debug, Serialize)]
struct Overview {
    /// Sockets of this node that have said hello.
    connected: usize,
    /// Answers that this node is writing.
    streaming: usize,
    users: i64,
    /// Questions of the last 24 hours, on all nodes, as all that follow.
    messages_24h: i64,
    turns: TurnCounts,
    node: NodeId,
    uptime_s: i64,
    version: &'static str,
    tutor: TutorKind,
}

async fn overview(_: Staff, hub: Data<Hub>) -> Result<Json<Overview>, ApiError> {
    let now = hub.clock.now();
    let sessions = hub.registry.send(Observe::<registry::View>::default()).await;
    let tutor = hub.tutor.send(Observe::<tutor::View>::default()).await;
    let turns = hub.store.turn_counts(window_start(now)).await?;
    Ok(Json(Overview {
        connected: sessions.map_err(ApiError::internal)?.sessions,
        streaming: tutor.map_err(ApiError::internal)?.running,
        users: hub.store.count_users().await?,
        messages_24h: turns.all(),
        turns,
        node: hub.node.clone(),
        uptime_s: now.since(hub.started_at) / SECOND,
        version: env!("CARGO_PKG_VERSION"),
        tutor: TutorKind { kind: hub.tutor_kind },
    }))
}
