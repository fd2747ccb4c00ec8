//! Floor 4, the WebSocket: the upgrade and the socket. No rule lives here; the session actor has
//! them (`actors/session`).

use actix_web::web::{self, ServiceConfig};

mod connection;
mod frames;
mod socket;
mod switch;
mod upgrade;

pub(crate) use switch::switch;

const PATH: &str = "/api/v1/live";

/// Mounts `GET /api/v1/live` on the site that [`switch`] asks. The app must hold `web::Data<Hub>`.
pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.route(PATH, web::get().to(upgrade::live));
}

/// Mounts it on the site that serves everything else: requests that do not ask for the upgrade.
pub(crate) fn refusals(cfg: &mut ServiceConfig) {
    cfg.route(PATH, web::get().to(upgrade::refuse));
}
