//! The live protocol, spoken to a real server over a real socket.

mod acting;
mod actions;
mod again;
mod ask;
mod door;
mod feeds;
mod figures;
mod framing;
mod signs;
mod slow;
mod sse;
mod survive;
mod upgrade;
mod watch;

use serde_json::{Value, json};

use crate::support::live::{Live, Reader};

/// Asks in a new thread and gives the `ok` and a reader of the answer.
pub(crate) async fn ask(live: &mut Live, message: &str, text: &str) -> (Value, Reader) {
    ask_from(live, message, text, json!({ "course": "agree", "lesson": "clocks" })).await
}

async fn ask_from(live: &mut Live, message: &str, text: &str, page: Value) -> (Value, Reader) {
    let request =
        json!({ "type": "send", "id": 2, "message_id": message, "text": text, "page": page });
    live.send(request).await;
    let ok = live.expect("ok").await;
    let reader = Reader::of(&ok);
    (ok, reader)
}
