//! Going: take no new turn, send the clients elsewhere, give running answers time, leave the rest
//! to others.

use std::{sync::Arc, time::Duration};

use super::App;
use crate::{
    actors::{Observe, registry, tutor},
    domain::close::Close,
};

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Returns when nothing is being written here any more, or after `limit`.
pub(crate) async fn drain(app: &App, limit: Duration) {
    let hub = Arc::clone(&app.hub);
    hub.drain();
    let mut running = hub.tutor.send(tutor::Drain).await.unwrap_or(0);
    tracing::info!(running, limit_s = limit.as_secs(), "going: finishing the running answers");
    if let Err(error) = hub.registry.send(registry::CloseAll(Close::GoingAway)).await {
        tracing::warn!(%error, "the clients could not be told");
    }
    let mut left = limit;
    while running > 0 && !left.is_zero() {
        tokio::time::sleep(LOOK_EVERY).await;
        left = left.saturating_sub(LOOK_EVERY);
        let view = hub.tutor.send(Observe::<tutor::View>::default()).await;
        running = view.map_or(0, |view| view.running);
    }
    if running > 0 {
        tracing::warn!(running, "answers are left to the next start or to other nodes");
    }
    if let Err(error) = app.store.release_lease(&app.me).await {
        tracing::warn!(%error, "the lease could not be released; others wait for its end");
    }
}
