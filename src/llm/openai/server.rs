//! A small server of chat completions, and of responses, for tests: real HTTP on a free port, answers
//! by script.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    http::StatusCode,
    web::{Bytes, Data, Json, post},
};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};

use super::{OpenAi, Responses, Settings};
use crate::config::Secret;

mod provider;

pub(crate) use provider::{Link, Provider};

/// What the server does with one request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Status(u16, &'static str),
    Stream(Vec<Step>),
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// These bytes, as they are.
    Send(String),
    /// Nothing until the test calls [`Server::go`].
    Wait,
    /// Nothing, ever.
    Stall,
    /// The connection breaks.
    Cut,
}

#[derive(Default)]
struct State {
    /// In order; then the default for all that follow.
    replies: Mutex<VecDeque<Reply>>,
    default: Mutex<Vec<Step>>,
    seen: Mutex<Vec<(Option<String>, Value)>>,
    go: Notify,
}

pub(crate) struct Server {
    url: String,
    state: Arc<State>,
    /// The Responses API.
    pub(crate) provider: Arc<Provider>,
    /// A permit for each answer that is over, on whichever side.
    over: Arc<Semaphore>,
    handle: ServerHandle,
}

/// An event with `text`.
pub(crate) fn event(text: &str) -> Step {
    let delta = json!({"choices": [{"index": 0, "delta": {"content": text}}]});
    Step::Send(format!("data: {delta}\n\n"))
}

/// The reason to finish, the usage, and the end.
pub(crate) fn finish() -> Step {
    let reason = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7}});
    Step::Send(format!("data: {reason}\n\ndata: {usage}\n\ndata: [DONE]\n\n"))
}

/// `text`, an event a word.
pub(crate) fn spoken(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = text.split_inclusive(' ').map(event).collect();
    steps.push(finish());
    steps
}

impl Server {
    /// Answers every request with `text`.
    pub(crate) async fn speaking(text: &str) -> Self {
        let server = Self::scripted([]).await;
        *server.state.default.lock().unwrap() = spoken(text);
        server
    }

    /// Answers every request for a response with `text`.
    pub(crate) async fn writing(text: &str) -> Self {
        let server = Self::scripted([]).await;
        server.provider.says(text);
        server
    }

    /// Answers the first requests by `replies`.
    #[expect(clippy::unused_async, reason = "it needs the runtime of an asynchronous caller")]
    pub(crate) async fn scripted(replies: impl IntoIterator<Item = Reply>) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let state = Arc::new(State::default());
        state.replies.lock().unwrap().extend(replies);
        let over = Arc::new(Semaphore::new(0));
        let data = (Data::from(Arc::clone(&state)), Data::from(Arc::clone(&over)));
        let provider = Arc::new(Provider::default());
        let responses = Data::from(Arc::clone(&provider));
        let app = move || {
            let (state, over) = data.clone();
            App::new()
                .app_data(state)
                .app_data(over)
                .app_data(Data::clone(&responses))
                .configure(provider::routes)
                .route("/v1/chat/completions", post().to(chat))
        };
        let server = HttpServer::new(app)
            .workers(1)
            .disable_signals()
            .h1_allow_half_closed(false)
            .bind(("127.0.0.1", 0))
            .unwrap();
        let url = format!("http://{}/v1", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { url, state, provider, over, handle }
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings::new(&self.url, &Secret::new("sk-test"), "tutor-1").unwrap()
    }

    pub(crate) fn model(&self) -> OpenAi {
        OpenAi::new(self.settings()).unwrap()
    }

    pub(crate) fn responses(&self) -> Responses {
        Responses::new(self.settings()).unwrap()
    }

    /// The `Authorization` and the body of each request so far.
    pub(crate) fn seen(&self) -> Vec<(Option<String>, Value)> {
        self.state.seen.lock().unwrap().clone()
    }

    /// Closes the port.
    pub(crate) async fn stop(&self) {
        self.handle.stop(false).await;
    }

    pub(crate) fn go(&self) {
        self.state.go.notify_one();
    }

    /// Waits until one more answer is over.
    pub(crate) async fn one_is_over(&self) {
        self.over.acquire().await.unwrap().forget();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

/// Dropped with the response's body: at its end, or when the client went away.
struct Over(Data<Semaphore>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

async fn chat(
    request: HttpRequest,
    body: Json<Value>,
    state: Data<State>,
    over: Data<Semaphore>,
) -> HttpResponse {
    let key = request.headers().get("authorization").map(|key| key.to_str().unwrap().to_owned());
    state.seen.lock().unwrap().push((key, body.into_inner()));
    let reply = state.replies.lock().unwrap().pop_front();
    let steps = match reply {
        Some(Reply::Status(status, body)) => {
            return HttpResponse::build(StatusCode::from_u16(status).unwrap()).body(body);
        }
        Some(Reply::Stream(steps)) => steps,
        None => state.default.lock().unwrap().clone(),
    };
    let script = (steps.into_iter(), state, Over(over));
    let body = stream::unfold(script, |(mut steps, state, over)| async move {
        loop {
            let sent = match steps.next()? {
                Step::Send(text) => Ok(Bytes::from(text)),
                Step::Cut => Err(std::io::Error::other("cut")),
                Step::Stall => std::future::pending().await,
                Step::Wait => {
                    state.go.notified().await;
                    continue;
                }
            };
            return Some((sent, (steps, state, over)));
        }
    });
    HttpResponse::Ok().content_type("text/event-stream").streaming(body)
}
