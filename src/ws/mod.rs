//! Floor 4, the WebSocket: the upgrade and the socket. No rule lives here; the session actor has
//! them (`actors/session`).

use actix_web::web::{self, ServiceConfig};

mod socket;
mod upgrade;

/// Mounts `GET /api/v1/live`. The app must hold `web::Data<Hub>`.
pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/api/v1/live", web::get().to(upgrade::live));
}
