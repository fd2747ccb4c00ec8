//! OpenAI's Responses API in background mode: the provider writes an answer whether or not somebody
//! listens, and keeps it under an id. So a broken connection is followed by another one behind the
//! last event, and another node reads the answer again from its beginning.
//!
//! A server that refuses `background` is used without it, as chat completions are.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_openai::{
    Client, config::OpenAIConfig, error::OpenAIError, traits::RequestOptionsBuilder,
};
use async_trait::async_trait;
use serde_json::Value;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout, timeout_at},
};

use super::{Chunks, InvalidSettings, Settings, client, patiently, upstream::Refusal};
use crate::llm::{
    Answer, Continuation, Model, ModelError, ModelKind, ModelRequest, generate::generate,
};

mod reading;
#[cfg(test)]
mod tests;
mod wire;

use reading::Reading;

/// The provider is asked for so long to stop an answer.
const CANCEL_WITHIN: Duration = Duration::from_secs(10);
const CANCEL_RETRIES: u32 = 3;

/// A client of one server and one of its models.
pub(crate) struct Responses {
    provider: Provider,
}

impl Responses {
    pub(crate) fn new(settings: Settings) -> Result<Self, InvalidSettings> {
        let client = client(&settings)?;
        Ok(Self { provider: Provider { client, settings, foreground: Arc::default() } })
    }

    /// The answer that was begun before, or a new one.
    async fn open(&self, request: ModelRequest) -> Result<Reading, ModelError> {
        let (retries, seed) = (self.provider.settings.retries, request.seed);
        if let Some(id) = &request.upstream {
            match patiently(retries, seed, || self.provider.find(id, seed)).await {
                Ok(reading) => return Ok(reading),
                Err(error) => tracing::info!(%id, %error, "an answer is not found upstream again"),
            }
        }
        let request = Arc::new(request);
        patiently(retries, seed, || self.provider.begin_or_cancel(Arc::clone(&request))).await
    }
}

#[async_trait]
impl Model for Responses {
    fn kind(&self) -> ModelKind {
        ModelKind::OpenAi
    }

    /// Begins as soon as the provider has named the answer; that there is no first token by its
    /// time then comes in the stream.
    async fn stream(&self, request: ModelRequest) -> Result<Answer, ModelError> {
        let first = self.provider.settings.first_token;
        let deadline = Instant::now() + first;
        let reading = timeout_at(deadline, self.open(request))
            .await
            .map_err(|_| ModelError::Timeout(first.as_millis()))??;
        Ok(generate(move |out| reading.relay(deadline, out)))
    }

    fn continuation(&self) -> Continuation {
        Continuation::Restart
    }

    fn cancel(&self, upstream: &str) {
        let (provider, id) = (self.provider.clone(), upstream.to_owned());
        detach(async move { provider.cancel(&id).await });
    }
}

/// Lets a call go on that whoever began it may leave. What it does is bounded.
#[expect(clippy::disallowed_methods, reason = "it outlives the turn; a shutdown need not wait")]
fn detach(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

/// The server's end points, as far as they are used.
#[derive(Clone)]
struct Provider {
    client: Client<OpenAIConfig>,
    settings: Settings,
    /// The server is known to refuse `background`.
    foreground: Arc<AtomicBool>,
}

impl Provider {
    /// Begins an answer. If whoever waits for it goes away meanwhile, the answer is stopped: nobody
    /// would know its name.
    async fn begin_or_cancel(&self, request: Arc<ModelRequest>) -> Result<Reading, ModelError> {
        let (sender, begun) = oneshot::channel();
        let provider = self.clone();
        detach(async move {
            let first = provider.settings.first_token;
            let begun = timeout(first, provider.begin(&request)).await;
            let begun = begun.unwrap_or_else(|_| Err(ModelError::Timeout(first.as_millis())));
            if let Err(Ok(reading)) = sender.send(begun)
                && let Some(id) = reading.id()
            {
                provider.cancel(id).await;
            }
        });
        let lost = || Err(ModelError::Broken("the request was given up".to_owned()));
        begun.await.unwrap_or_else(|_| lost())
    }

    async fn begin(&self, request: &ModelRequest) -> Result<Reading, ModelError> {
        let background = !self.foreground.load(Ordering::Relaxed);
        match self.post(request, background).await {
            Ok(events) => Reading::begun(self.clone(), events, background, request.seed).await,
            Err(error) if background && Refusal::is_of_the_request(&error) => {
                let events =
                    self.post(request, false).await.map_err(|error| Refusal::read(&error))?;
                // It was `background` that it did not like.
                if !self.foreground.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        "the model's server refuses `background` and is used without: the answers \
                         of a lost node start over"
                    );
                }
                Reading::begun(self.clone(), events, false, request.seed).await
            }
            Err(error) => Err(Refusal::read(&error)),
        }
    }

    async fn post(&self, request: &ModelRequest, background: bool) -> Result<Chunks, OpenAIError> {
        let body = wire::body(&self.settings.model, &request.messages, background);
        self.client.responses().create_stream_byot(body).await
    }

    /// An answer that was begun before, from its beginning. Fails if there is none that could be
    /// read to its end.
    async fn find(&self, id: &str, seed: u64) -> Result<Reading, ModelError> {
        let retrieved = self.client.responses().retrieve_byot(id).await;
        let response: Value = retrieved.map_err(|error| Refusal::read(&error))?;
        if wire::has_failed(&response) {
            return Err(ModelError::Refused("it had failed or was stopped".to_owned()));
        }
        let events = self.follow(id, None).await?;
        Ok(Reading::found(self.clone(), events, id, seed))
    }

    /// The events behind `after`; all, without it.
    async fn follow(&self, id: &str, after: Option<u64>) -> Result<Chunks, ModelError> {
        let mut responses = self.client.responses();
        if let Some(after) = after {
            let query = [("starting_after", after.to_string())];
            responses = responses.query(&query).map_err(|error| Refusal::read(&error))?;
        }
        responses.retrieve_stream_byot(id).await.map_err(|error| Refusal::read(&error))
    }

    async fn cancel(&self, id: &str) {
        let once = async || -> Result<Value, ModelError> {
            let cancelled = self.client.responses().cancel_byot(id).await;
            cancelled.map_err(|error| Refusal::read(&error))
        };
        match timeout(CANCEL_WITHIN, patiently(CANCEL_RETRIES, 0, once)).await {
            Ok(Ok(_)) => {}
            Ok(Err(ModelError::Refused(why))) => {
                tracing::debug!(%id, why, "an answer was not to be stopped upstream");
            }
            Ok(Err(error)) => tracing::warn!(%id, %error, "an answer may run on upstream"),
            Err(_) => tracing::warn!(%id, "an answer may run on upstream: no answer to a stop"),
        }
    }
}
