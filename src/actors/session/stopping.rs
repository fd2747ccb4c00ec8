//! `cancel`: stops an answer, whichever node writes it, and says so behind its last event.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::{Hub, Step, threads::store_error};
use crate::{
    actors::tutor,
    auth::Identity,
    bus::Wake,
    domain::{ids::TurnId, live::frame::Frame},
    store::{StoreError, ownership::CancelFound},
};

/// How long a cancelled turn of another node may take to stop.
const CANCEL_POLL: Duration = Duration::from_millis(50);
const CANCEL_POLLS: u32 = 200;

pub(super) async fn stop(hub: Arc<Hub>, id: u32, turn: TurnId, who: Identity) -> Step {
    let user = who.user.id;
    let outcome = async {
        if let CancelFound::Ended(status) = hub.store.request_cancel(&user, &turn).await? {
            return Ok((status, None));
        }
        hub.bus.wake(Wake::Cancelled { turn: turn.clone() });
        let here = hub.tutor.send(tutor::Cancel(turn.clone())).await;
        let mut row = hub.store.turn_of(&user, &turn).await?;
        if !matches!(here, Ok(tutor::Stopped::Here)) {
            for _ in 0..CANCEL_POLLS {
                if !row.is_unfinished() {
                    break;
                }
                actix_rt::time::sleep(CANCEL_POLL).await;
                row = hub.store.turn_of(&user, &turn).await?;
            }
        }
        Ok::<_, StoreError>((row.status, Some(row.thread_id)))
    };
    let outcome = outcome.await;
    Box::new(move |this, ctx| match outcome {
        Ok((status, thread)) => {
            let body = json!({ "turn": turn, "status": status });
            // No delta may follow the ok: it goes behind what the log has.
            match thread.and_then(|id| this.cursors.get_mut(&id).map(|cursor| (id, cursor))) {
                Some((thread, cursor)) => {
                    let body = body.as_object().cloned().unwrap_or_default();
                    cursor.after.push(Frame::Ok { id, body });
                    this.pump(&thread, ctx);
                }
                None => this.ok(id, body, ctx),
            }
        }
        Err(error) => this.refuse(store_error(id, &error), ctx),
    })
}
