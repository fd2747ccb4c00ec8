//! What a node serves, by configuration: which areas are mounted, and which actors it goes without.

use std::sync::Arc;

use actix::{Addr, Arbiter};
use actix_web::web::{self, ServiceConfig};

use super::supervise;
use crate::{
    actors::{issuer::KeyKeeper, turn::Bench, tutor::TutorActor},
    auth::Auth,
    config::{NodeRole, Roles},
    http::{self, not_served},
    ws,
};

/// Everything that is asked for without leaving HTTP.
pub(super) fn site(roles: Roles) -> impl FnOnce(&mut ServiceConfig) {
    move |cfg| {
        if roles.has(NodeRole::Chat) {
            cfg.configure(ws::refusals);
        }
        cfg.configure(http::routes(roles));
        if roles.has(NodeRole::Web) {
            cfg.default_service(web::to(http::pages::serve));
        } else {
            cfg.default_service(web::to(not_served::pages));
        }
    }
}

/// What may be asked for with an upgrade to a WebSocket.
pub(super) fn sockets(roles: Roles) -> impl FnOnce(&mut ServiceConfig) {
    move |cfg| {
        if roles.has(NodeRole::Chat) {
            cfg.configure(ws::routes);
        } else {
            cfg.default_service(web::to(not_served::live));
        }
    }
}

/// The tutor actor; on a node without chat one that never claims a turn.
pub(super) fn tutor(roles: Roles, bench: Arc<Bench>) -> Addr<TutorActor> {
    let writes = roles.has(NodeRole::Chat);
    supervise(&Arbiter::new(), move || {
        if writes { TutorActor::new(bench) } else { TutorActor::idle(bench) }
    })
}

/// Keeps the keys of another issuer, if there is one.
pub(super) fn keep_issuer_keys(auth: &Arc<Auth>, control: &Arbiter) {
    if auth.has_issuer() {
        let auth = Arc::clone(auth);
        supervise(control, move || KeyKeeper::new(auth));
    }
}
