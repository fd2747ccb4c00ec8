//! The Responses API of the test server: answers are written and kept whether or not somebody reads
//! them, and each connection to one fares as the test says.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{self, Bytes, Data, Json, Query, ServiceConfig, get, post},
};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

/// How a connection to an answer fares.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Link {
    Whole,
    /// It breaks behind so many events, when the test calls [`Provider::cut`].
    Cut(usize),
    /// It ends behind so many events.
    End(usize),
    /// Nothing comes behind so many events.
    Stall(usize),
    /// There is none.
    Status(u16),
}

pub(crate) struct Provider {
    text: Mutex<String>,
    /// In order; then whole ones.
    links: Mutex<VecDeque<Link>>,
    /// By name, its events.
    answers: Mutex<Vec<(String, Vec<Value>)>>,
    failed: AtomicBool,
    has_no_background: AtomicBool,
    /// So many events of each answer are written by now.
    written: watch::Sender<usize>,
    cut: Notify,
    posts: Mutex<Vec<Value>>,
    reads: Mutex<Vec<(String, Option<u64>)>>,
    cancelled: watch::Sender<Vec<String>>,
}

impl Default for Provider {
    fn default() -> Self {
        Self {
            text: Mutex::default(),
            links: Mutex::default(),
            answers: Mutex::default(),
            failed: AtomicBool::default(),
            has_no_background: AtomicBool::default(),
            written: watch::Sender::new(usize::MAX),
            cut: Notify::new(),
            posts: Mutex::default(),
            reads: Mutex::default(),
            cancelled: watch::Sender::default(),
        }
    }
}

impl Provider {
    /// What all new answers say, an event a word behind two events without text.
    pub(crate) fn says(&self, text: &str) {
        text.clone_into(&mut self.text.lock().unwrap());
    }

    /// The first connections to answers, new ones and later ones.
    pub(crate) fn links(&self, links: impl IntoIterator<Item = Link>) {
        self.links.lock().unwrap().extend(links);
    }

    pub(crate) fn has_written(&self, events: usize) {
        self.written.send_replace(events);
    }

    pub(crate) fn cut(&self) {
        self.cut.notify_one();
    }

    /// No answer is known any more.
    pub(crate) fn forget(&self) {
        self.answers.lock().unwrap().clear();
    }

    /// No answer that was begun will come to an end.
    pub(crate) fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_no_background(&self) {
        self.has_no_background.store(true, Ordering::Relaxed);
    }

    /// The bodies of the requests for a new answer.
    pub(crate) fn posts(&self) -> Vec<Value> {
        self.posts.lock().unwrap().clone()
    }

    /// The answers that were read again, and behind which event.
    pub(crate) fn reads(&self) -> Vec<(String, Option<u64>)> {
        self.reads.lock().unwrap().clone()
    }

    /// Waits until an answer is stopped.
    pub(crate) async fn one_is_cancelled(&self) -> String {
        let mut cancelled = self.cancelled.subscribe();
        let cancelled = cancelled.wait_for(|cancelled| !cancelled.is_empty()).await.unwrap();
        cancelled[0].clone()
    }

    fn begin(&self, number: usize) -> Vec<Value> {
        let id = format!("resp_{number}");
        let events = events(&id, &self.text.lock().unwrap());
        self.answers.lock().unwrap().push((id, events.clone()));
        events
    }

    fn answer(&self, id: &str) -> Option<Vec<Value>> {
        let answers = self.answers.lock().unwrap();
        answers.iter().find(|(name, _)| name == id).map(|(_, events)| events.clone())
    }
}

fn events(id: &str, text: &str) -> Vec<Value> {
    let response = json!({ "id": id, "object": "response", "status": "in_progress" });
    let mut events = vec![
        json!({ "type": "response.created", "response": response }),
        json!({ "type": "response.in_progress", "response": response }),
    ];
    events.extend(text.split_inclusive(' ').map(
        |word| json!({ "type": "response.output_text.delta", "item_id": "msg_1", "delta": word }),
    ));
    let usage = json!({ "input_tokens": 11, "output_tokens": 7, "total_tokens": 18 });
    let response = json!({ "id": id, "status": "completed", "usage": usage });
    events.push(json!({ "type": "response.completed", "response": response }));
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = number.into();
    }
    events
}

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .route("/v1/responses", post().to(create))
        .route("/v1/responses/{id}", get().to(retrieve))
        .route("/v1/responses/{id}/cancel", post().to(cancel));
}

async fn create(body: Json<Value>, provider: Data<Provider>) -> HttpResponse {
    let background = body["background"] == true;
    let number = {
        let mut posts = provider.posts.lock().unwrap();
        posts.push(body.into_inner());
        posts.len()
    };
    if background && provider.has_no_background.load(Ordering::Relaxed) {
        return HttpResponse::BadRequest().json(json!({ "error": { "param": "background" } }));
    }
    connect(provider, |provider| provider.begin(number), 0)
}

async fn retrieve(
    id: web::Path<String>,
    query: Query<HashMap<String, String>>,
    provider: Data<Provider>,
) -> HttpResponse {
    let Some(events) = provider.answer(&id) else { return HttpResponse::NotFound().finish() };
    if query.get("stream").is_none() {
        let failed = provider.failed.load(Ordering::Relaxed);
        let status = if failed { "failed" } else { "in_progress" };
        return HttpResponse::Ok().json(json!({ "id": *id, "status": status }));
    }
    let after: Option<u64> = query.get("starting_after").map(|number| number.parse().unwrap());
    provider.reads.lock().unwrap().push((id.into_inner(), after));
    let from = after.map_or(0, |after| usize::try_from(after).unwrap() + 1);
    connect(provider, |_| events, from)
}

async fn cancel(id: web::Path<String>, provider: Data<Provider>) -> HttpResponse {
    if provider.answer(&id).is_none() {
        return HttpResponse::NotFound().finish();
    }
    provider.cancelled.send_modify(|cancelled| cancelled.push(id.clone()));
    HttpResponse::Ok().json(json!({ "id": *id, "status": "cancelled" }))
}

/// The events from `from` on, over the next connection.
fn connect(
    provider: Data<Provider>,
    events: impl FnOnce(&Provider) -> Vec<Value>,
    from: usize,
) -> HttpResponse {
    let link = provider.links.lock().unwrap().pop_front().unwrap_or(Link::Whole);
    if let Link::Status(status) = link {
        return HttpResponse::build(StatusCode::from_u16(status).unwrap()).finish();
    }
    let events = events(&provider);
    let start = (provider, from, 0);
    let body = stream::unfold(start, move |(provider, next, sent)| {
        let event = events.get(next).cloned();
        async move {
            match link {
                Link::End(after) if sent == after => return None,
                Link::Stall(after) if sent == after => std::future::pending().await,
                Link::Cut(after) if sent == after => {
                    provider.cut.notified().await;
                    let cut = Err(std::io::Error::other("cut"));
                    return Some((cut, (provider, usize::MAX, sent)));
                }
                _ => {}
            }
            let event = event?;
            provider.written.subscribe().wait_for(|written| *written > next).await.unwrap();
            let text = format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap());
            Some((Ok(Bytes::from(text)), (provider, next + 1, sent + 1)))
        }
    });
    HttpResponse::Ok().content_type("text/event-stream").streaming(body)
}
