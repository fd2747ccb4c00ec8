//! Around every request: an id, the security headers, one line in the log, and the figures.

use std::time::Instant;

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{self, HeaderName, HeaderValue},
    middleware::Next,
    web::Data,
};
use tracing::Instrument;

use crate::{
    domain::{clock::SharedClock, ids::SharedIds},
    telemetry::Metrics,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST_ID: usize = 64;

/// Where request ids come from.
#[derive(Clone)]
pub(crate) struct Source {
    pub clock: SharedClock,
    pub ids: SharedIds,
}

pub(crate) async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let id = request_id(&request);
    let metrics = request.app_data::<Data<Metrics>>().cloned();
    // The path alone: a query may hold a token of a link.
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let span = tracing::info_span!("request", id = %id);
    let began = Instant::now();
    let mut response = next.call(request).instrument(span.clone()).await?;
    let took = began.elapsed();
    let status = response.status();
    if let Some(metrics) = metrics {
        metrics.http_answer(status.as_u16(), took.as_secs_f64());
    }
    span.in_scope(|| {
        tracing::debug!(%method, path, status = status.as_u16(), ms = took.as_millis(), "answered");
    });
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    Ok(response)
}

/// The caller's, if it is a plain name, so that a request can be followed over several programs.
fn request_id(request: &ServiceRequest) -> String {
    let plain = |id: &&str| {
        (1..=LONGEST_ID).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    match (given.filter(plain), request.app_data::<Data<Source>>()) {
        (Some(id), _) => id.to_owned(),
        (None, Some(source)) => source.ids.uuid(source.clock.now()).to_string(),
        (None, None) => String::from("-"),
    }
}
