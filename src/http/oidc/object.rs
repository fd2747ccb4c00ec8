//! JSON bodies of the provider's calls: one object, of which no member stands twice (attack D22).

use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{StatusCode, header},
    web::Bytes,
};
use serde_json::{Map, Value};

use super::error::OauthError;
use crate::http::auth::body::object_of;

#[derive(Debug)]
pub(super) struct Object(pub(super) Map<String, Value>);

impl Object {
    /// A text that must be there.
    pub(super) fn text(&self, name: &'static str) -> Result<&str, OauthError> {
        let missing = || OauthError::invalid_request(format!("The member {name} is missing."));
        self.0.get(name).and_then(Value::as_str).ok_or_else(missing)
    }
}

impl FromRequest for Object {
    type Error = OauthError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, OauthError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.split(';').next())
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
        let bytes = Bytes::from_request(request, payload);
        Box::pin(async move {
            let refused = |status, text| OauthError::new(status, "invalid_request", text);
            if !kind {
                let text = "The body must be JSON, with Content-Type application/json.";
                return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
            }
            let too_large = |_| refused(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.");
            let bytes = bytes.await.map_err(too_large)?;
            let text = "The body must be a JSON object, with each member once.";
            object_of(&bytes).map(Self).ok_or_else(|| OauthError::invalid_request(text))
        })
    }
}
