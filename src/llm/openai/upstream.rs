//! One HTTP request, once: without the library's own retries, which would hide behind the first
//! token's time-out, and with the status of every refusal kept.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use async_openai::{
    error::{OpenAIError, StreamError},
    middleware::HttpRequestFactory,
};
use reqwest::{Response, StatusCode};
use tower::Service;

use crate::llm::ModelError;

#[derive(Clone)]
pub(super) struct Upstream {
    http: reqwest::Client,
}

impl Upstream {
    pub(super) const fn new(http: reqwest::Client) -> Self {
        Self { http }
    }
}

impl Service<HttpRequestFactory> for Upstream {
    type Response = Response;
    type Error = OpenAIError;
    type Future = Pin<Box<dyn Future<Output = Result<Response, OpenAIError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let http = self.http.clone();
        Box::pin(async move {
            let response = http.execute(request.build().await?).await?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            // The body may hold anything, the key included: it is neither kept nor logged.
            Err(OpenAIError::Boxed(Box::new(Refusal { status })))
        })
    }
}

/// The server answered, but not with an answer.
#[derive(Debug, thiserror::Error)]
#[error("HTTP status {status}")]
pub(super) struct Refusal {
    status: StatusCode,
}

impl Refusal {
    /// What an error of the client library means for the turn.
    pub(super) fn read(error: &OpenAIError) -> ModelError {
        match error {
            OpenAIError::Boxed(boxed) => match boxed.downcast_ref::<Self>() {
                Some(refusal) => refusal.meaning(),
                None => ModelError::Unavailable("the HTTP client failed".to_owned()),
            },
            // Without the URL: it may hold a key.
            OpenAIError::Reqwest(error) if error.is_builder() => {
                ModelError::Refused("the request could not be made".to_owned())
            }
            OpenAIError::Reqwest(error) if error.is_connect() => {
                ModelError::Unavailable("no connection".to_owned())
            }
            OpenAIError::Reqwest(_) => ModelError::Unavailable("the connection broke".to_owned()),
            OpenAIError::StreamError(error) => match error.as_ref() {
                StreamError::EventStream(_) => ModelError::Broken("the stream was cut".to_owned()),
                StreamError::UnknownEvent(_) => ModelError::Broken("an unknown event".to_owned()),
            },
            OpenAIError::JSONDeserialize(..) => {
                ModelError::Broken("an event is no JSON".to_owned())
            }
            _ => ModelError::Refused("the client library refused the request".to_owned()),
        }
    }

    /// Whether the server did not like how it was asked.
    pub(super) fn is_of_the_request(error: &OpenAIError) -> bool {
        let OpenAIError::Boxed(boxed) = error else { return false };
        let refusal = boxed.downcast_ref::<Self>();
        refusal.is_some_and(|refusal| matches!(refusal.status.as_u16(), 400 | 422))
    }

    fn meaning(&self) -> ModelError {
        let said = self.to_string();
        let passes = matches!(self.status.as_u16(), 408 | 409 | 425 | 429);
        if passes || self.status.is_server_error() {
            ModelError::Unavailable(said)
        } else {
            ModelError::Refused(said)
        }
    }
}
