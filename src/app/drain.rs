//! Going: take no new turn, send the clients elsewhere, give running answers time, leave the rest
//! to others.

use std::time::Duration;

use super::App;
use crate::actors::peers::Goodbye;

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Returns when nothing is being written here any more and the clients are gone, or after `limit`.
pub(crate) async fn drain(app: &App, limit: Duration) {
    let leaving = &app.hub.leaving;
    let running = leaving.begin(limit).await;
    tracing::info!(running, limit_s = limit.as_secs(), "going: finishing the running answers");
    let mut time = limit;
    let running = loop {
        let (clients, running) = leaving.left().await;
        if time.is_zero() || clients + running == 0 {
            break running;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        time = time.saturating_sub(LOOK_EVERY);
    };
    if running > 0 {
        let turns = leaving.hand_over().await;
        tracing::warn!(turns, "answers are left to other nodes or to the next start");
    }
    // Whoever does not hear it sees that the lease is over.
    let _ = app.hub.peers.send(Goodbye).await;
    if let Err(error) = app.store.release_lease(&app.me).await {
        tracing::warn!(%error, "the lease could not be released; others wait for its end");
    }
}
