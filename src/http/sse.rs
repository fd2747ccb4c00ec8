//! `GET /api/v1/threads/{id}/events`: one thread's events as server-sent events, for clients that
//! cannot hold a WebSocket (`live.md` §3; HTML Standard, "Server-sent events").
//!
//! Behind it stands the same session as behind a socket, so that flow control, revocation and the
//! dashboard are the same. `id` is `<epoch>.<seq>`: a browser sends it back as `Last-Event-ID` and
//! gets the rest.

use std::{
    convert::Infallible,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix::{Actor, Addr};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Bytes, Data, Path, ServiceConfig},
};
use futures_util::{Stream, StreamExt};
use serde::Deserialize;
use serde_json::json;
use utoipa::OpenApi;

use super::{error::ApiError, extract::Learner, openapi::ErrorBody};
use crate::{
    actors::{
        Hub,
        session::{Gauge, Hung, Incoming, Outgoing, Outlet, Proof, Session, Transport, queue},
    },
    domain::ids::{Epoch, ThreadId},
};

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/threads/{id}/events", web::get().to(events));
}

#[derive(OpenApi)]
#[openapi(paths(events))]
pub(in crate::http) struct Docs;

#[utoipa::path(
    get,
    path = "/threads/{id}/events",
    operation_id = "threadEvents",
    tag = "threads",
    summary = "A conversation's events as they come, as server-sent events",
    params(
        ("id" = String, Path),
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event"),
    ),
    responses(
        (status = 200, description = "The events", content_type = "text/event-stream"),
        (status = "4XX", description = "Refused", body = ErrorBody),
        (status = "5XX", description = "Failed", body = ErrorBody),
    ),
)]
async fn events(
    learner: Learner,
    request: HttpRequest,
    hub: Data<Hub>,
    path: Path<(ThreadId,)>,
) -> Result<HttpResponse, ApiError> {
    let (thread,) = path.into_inner();
    hub.store.thread_of(&learner.user.id, &thread).await?;
    let have = last_event(&request);
    let (epoch, seq) = have.map_or((None, None), |(epoch, seq)| (Some(epoch), Some(seq)));
    let (outbox, outlet) = queue();
    let proof = Proof::Known(Box::new(learner.0));
    let session = Session::new(hub.into_inner(), None, Transport::Sse, proof, outbox).start();
    let hello = json!({
        "type": "hello", "id": 0, "client": "sse",
        "resume": [{ "thread": thread, "epoch": epoch, "seq": seq }],
    });
    session.try_send(Incoming(hello.to_string())).map_err(ApiError::internal)?;
    let gauge = outlet.gauge();
    let events = Events { session, gauge, outlet, epoch: None, closed: false };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Proxies would otherwise gather what must not wait.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(events))
}

/// `<epoch>.<seq>`. Anything else counts as nothing, and gets a snapshot.
fn last_event(request: &HttpRequest) -> Option<(Epoch, i64)> {
    let id = request.headers().get("last-event-id")?.to_str().ok()?;
    let (epoch, seq) = id.rsplit_once('.')?;
    Some((Epoch::new(epoch), seq.parse().ok()?))
}

/// The session's frames, written as events.
struct Events {
    session: Addr<Session>,
    gauge: Rc<Gauge>,
    outlet: Outlet,
    /// Of the log that the client follows.
    epoch: Option<Epoch>,
    closed: bool,
}

/// What tells how a frame is written.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
    seq: Option<i64>,
    epoch: Option<Epoch>,
}

impl Events {
    fn write(&mut self, frames: &str) -> String {
        frames.split('\n').filter_map(|frame| self.event(frame)).collect()
    }

    /// None for frames that are about a socket.
    fn event(&mut self, frame: &str) -> Option<String> {
        let Head { kind, seq, epoch } = serde_json::from_str(frame).ok()?;
        match kind.as_str() {
            "welcome" | "auth" | "presence" | "you" => return None,
            "heartbeat" => return Some(": heartbeat\n\n".to_owned()),
            _ => {}
        }
        if epoch.is_some() {
            self.epoch = epoch;
        }
        // `resumed` names the seq that is to come, not one that has come.
        let seq = seq.filter(|_| kind != "resumed");
        let id = match (&self.epoch, seq) {
            (Some(epoch), Some(seq)) => format!("id: {epoch}.{seq}\n"),
            _ => String::new(),
        };
        Some(format!("event: {kind}\n{id}data: {frame}\n\n"))
    }

    /// Why it ended. A browser comes back by itself, unless it is refused then.
    fn end(&mut self) -> String {
        self.closed = true;
        let close = self.gauge.close();
        let data = json!({ "code": close.code(), "reason": self.gauge.reason() });
        format!("event: close\ndata: {data}\n\n")
    }
}

impl Stream for Events {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while !this.closed {
            let next = ready!(this.outlet.poll_next_unpin(cx));
            // The framework asks when the peer takes bytes: what it asks for is as good as taken.
            this.gauge.took(next.as_ref().map_or(0, Outgoing::on_the_wire));
            let text = match next {
                None => this.end(),
                Some(Outgoing::Ping) => continue,
                Some(Outgoing::Text(frames)) => this.write(&frames),
            };
            if !text.is_empty() {
                return Poll::Ready(Some(Ok(Bytes::from(text))));
            }
        }
        Poll::Ready(None)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        // A session that is full finds the queue's end gone with its next frame.
        let _ = self.session.try_send(Hung::Up);
    }
}
