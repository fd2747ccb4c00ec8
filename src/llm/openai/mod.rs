//! Any server that speaks OpenAI's chat completions: OpenAI, vLLM, Ollama, llama.cpp. Who has the
//! Responses API is in `responses`.
//!
//! Time-outs (to the first token, between tokens) and retries (before the first token only, with
//! jitter) are ours. Dropping an answer closes the connection to the server.

use std::{future::Future, time::Duration};

use async_openai::{Client, config::OpenAIConfig};
use async_trait::async_trait;
use futures_util::StreamExt;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{
    Answer, Continuation, Model, ModelError, ModelEvent, ModelKind, ModelRequest,
    generate::{Yielder, generate},
    mix,
};

mod responses;
mod settings;
mod upstream;
mod wire;

#[cfg(test)]
pub(crate) mod server;
#[cfg(test)]
mod tests;

pub(crate) use responses::Responses;
pub(crate) use settings::{InvalidSettings, Settings};

use upstream::{Refusal, Upstream};
use wire::{Chunk, body};

/// A client of one server and one of its models.
pub(crate) struct OpenAi {
    client: Client<OpenAIConfig>,
    settings: Settings,
}

type Chunks = async_openai::types::stream::StreamResponse<Value>;

/// A first pause of up to this long; each further one may be twice as long.
const PAUSE: Duration = Duration::from_millis(500);

impl OpenAi {
    pub(crate) fn new(settings: Settings) -> Result<Self, InvalidSettings> {
        Ok(Self { client: client(&settings)?, settings })
    }

    /// Opens a stream and waits for its first event that says something.
    async fn open(&self, body: &Value) -> Result<Opened, ModelError> {
        let chat = self.client.chat();
        let mut chunks: Chunks =
            chat.create_stream_byot(body).await.map_err(|error| Refusal::read(&error))?;
        let mut end = End::default();
        loop {
            match next(&mut chunks, &mut end).await? {
                Some(ModelEvent::Text(first)) => return Ok(Opened { chunks, end, first }),
                Some(_) => {}
                None => return Err(ModelError::Refused("an answer without text".to_owned())),
            }
        }
    }
}

fn client(settings: &Settings) -> Result<Client<OpenAIConfig>, InvalidSettings> {
    let http = settings.http_client()?;
    // The organisation and project would else be read from the environment.
    let config = OpenAIConfig::new()
        .with_api_base(settings.base_url())
        .with_api_key(settings.api_key().reveal())
        .with_org_id("")
        .with_project_id("");
    Ok(Client::build(http.clone(), config).with_http_service(Upstream::new(http)))
}

/// Tries until it works or cannot, with a pause of random length before each retry.
async fn patiently<T, F>(retries: u32, seed: u64, once: impl Fn() -> F) -> Result<T, ModelError>
where
    F: Future<Output = Result<T, ModelError>>,
{
    let mut tried = 0;
    loop {
        let error = match once().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let again = matches!(error, ModelError::Unavailable(_) | ModelError::Broken(_));
        if !again || tried >= retries {
            return Err(error);
        }
        tracing::warn!(%error, tried, "the model did not answer; trying again");
        sleep(jitter(seed, tried)).await;
        tried += 1;
    }
}

/// Full jitter: anything up to a bound that doubles.
fn jitter(seed: u64, tried: u32) -> Duration {
    let bound = u64::try_from(PAUSE.as_millis()).unwrap_or(500) << tried.min(5);
    Duration::from_millis(mix(seed, u64::from(tried)) % (bound + 1))
}

struct Opened {
    chunks: Chunks,
    end: End,
    first: String,
}

/// What a stream has said about its end so far.
#[derive(Debug, Default)]
struct End {
    finished: bool,
    usage: Option<(u32, u32)>,
}

/// The next text, or the usage at the end of a stream that ended well, once.
async fn next(chunks: &mut Chunks, end: &mut End) -> Result<Option<ModelEvent>, ModelError> {
    while let Some(chunk) = chunks.next().await {
        let chunk = Chunk::new(chunk.map_err(|error| Refusal::read(&error))?);
        if let Some(fault) = chunk.fault() {
            return Err(ModelError::Broken(fault));
        }
        end.usage = chunk.usage().or(end.usage);
        match chunk.finish_reason() {
            Some("content_filter") => return Err(ModelError::Moderated),
            Some(_) => end.finished = true,
            None => {}
        }
        if let Some(text) = chunk.text() {
            return Ok(Some(ModelEvent::Text(text)));
        }
    }
    if !end.finished {
        // A body that ends with its connection looks the same when it is cut.
        return Err(ModelError::Broken("it ended without a reason to finish".to_owned()));
    }
    Ok(end.usage.take().map(|(input, output)| ModelEvent::Usage { input, output }))
}

async fn relay(opened: Opened, between: Duration, out: Yielder<Result<ModelEvent, ModelError>>) {
    let Opened { mut chunks, mut end, first } = opened;
    out.send(Ok(ModelEvent::Text(first))).await;
    loop {
        let item = match timeout(between, next(&mut chunks, &mut end)).await {
            Ok(Ok(Some(event))) => Ok(event),
            Ok(Ok(None)) => return,
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ModelError::Timeout(between.as_millis())),
        };
        let ends = !matches!(item, Ok(ModelEvent::Text(_)));
        out.send(item).await;
        if ends {
            return;
        }
    }
}

#[async_trait]
impl Model for OpenAi {
    fn kind(&self) -> ModelKind {
        ModelKind::OpenAi
    }

    async fn stream(&self, request: ModelRequest) -> Result<Answer, ModelError> {
        let first = self.settings.first_token;
        let body = body(&self.settings.model, &request, self.settings.prefill);
        let opening = patiently(self.settings.retries, request.seed, || self.open(&body));
        let opened = timeout_at(Instant::now() + first, opening)
            .await
            .map_err(|_| ModelError::Timeout(first.as_millis()))??;
        let between = self.settings.between_tokens;
        Ok(generate(move |out| relay(opened, between, out)))
    }

    fn continuation(&self) -> Continuation {
        if self.settings.prefill { Continuation::Prefix } else { Continuation::Restart }
    }
}
