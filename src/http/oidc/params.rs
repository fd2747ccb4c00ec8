//! The parameters of an OAuth request, each at most once (RFC 6749 §3.1; attack D22), but for
//! `resource` (RFC 8707 §2).

use std::{
    collections::{BTreeMap, btree_map::Entry},
    future::Future,
    pin::Pin,
};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, ResponseError,
    dev::Payload,
    http::{StatusCode, header},
    web::Bytes,
};
use serde_json::json;

use super::error::OauthError;

/// What may stand more than once.
const MANY: &str = "resource";

/// What was sent, by name. Empty values count as absent (RFC 6749 §3.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Params {
    values: BTreeMap<String, String>,
    resources: Vec<String>,
}

impl Params {
    /// Reads a query, or a body of the same form. A repeated name is refused.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, OauthError> {
        let mut params = Self::default();
        for (name, value) in url::form_urlencoded::parse(text) {
            if name == MANY {
                if !value.is_empty() {
                    params.resources.push(value.into_owned());
                }
                continue;
            }
            match params.values.entry(name.into_owned()) {
                Entry::Vacant(free) => drop(free.insert(value.into_owned())),
                Entry::Occupied(taken) => {
                    let name = taken.key().chars();
                    let name: String = name.filter(char::is_ascii_alphanumeric).collect();
                    return Err(OauthError::invalid_request(format!(
                        "The parameter {name} stands more than once."
                    )));
                }
            }
        }
        params.values.retain(|_, value| !value.is_empty());
        Ok(params)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// A parameter that must be there.
    pub(crate) fn required(&self, name: &'static str) -> Result<&str, OauthError> {
        self.get(name)
            .ok_or_else(|| OauthError::invalid_request(format!("The parameter {name} is missing.")))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.values.remove(name);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn resources(&self) -> &[String] {
        &self.resources
    }

    pub(crate) fn set_resources(&mut self, resources: Vec<String>) {
        self.resources = resources;
    }

    /// As it stands in a URL.
    pub(crate) fn to_query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.iter());
        query.extend_pairs(self.resources.iter().map(|it| (MANY, it)));
        query.finish()
    }
}

/// The parameters of a form body; any other kind of body is refused, and so are parameters of the
/// query.
#[derive(Debug)]
pub(crate) struct Form(pub(crate) Params);

/// Why a body is none of ours.
#[derive(Debug)]
pub(crate) enum FormError {
    Type(String),
    TooLarge,
    Params(OauthError),
}

impl std::fmt::Display for FormError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Type(kind) => write!(f, "content type {kind}"),
            Self::TooLarge => f.write_str("too large"),
            Self::Params(error) => error.fmt(f),
        }
    }
}

impl ResponseError for FormError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Type(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Params(error) => error.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Params(error) => error.error_response(),
            Self::Type(kind) => HttpResponse::UnsupportedMediaType().json(json!({
                "message": format!(
                    "Content-Type \"{kind}\" is not allowed. Allowed types: \
                     application/x-www-form-urlencoded"
                ),
                "code": "UNSUPPORTED_MEDIA_TYPE",
            })),
            Self::TooLarge => OauthError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "invalid_request",
                "The body is too large.",
            )
            .error_response(),
        }
    }
}

impl FromRequest for Form {
    type Error = FormError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, FormError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
            .unwrap_or_default();
        let in_query = !request.query_string().is_empty();
        let bytes = Bytes::from_request(request, payload);
        Box::pin(async move {
            if kind != "application/x-www-form-urlencoded" {
                return Err(FormError::Type(kind.escape_default().to_string()));
            }
            if in_query {
                let text = "Parameters belong into the body, not into the URL.";
                return Err(FormError::Params(OauthError::invalid_request(text)));
            }
            let bytes = bytes.await.map_err(|_| FormError::TooLarge)?;
            Params::parse(&bytes).map(Self).map_err(FormError::Params)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attack D22.
    #[test]
    fn a_parameter_stands_once() {
        assert!(Params::parse(b"state=a&state=a").is_err());
        assert!(Params::parse(b"state=&state=a").is_err());
        let both = Params::parse(b"resource=https%3A%2F%2Fa&resource=https%3A%2F%2Fb&x=").unwrap();
        assert_eq!(both.resources(), ["https://a", "https://b"]);
        assert!(!both.has("x"));
        assert_eq!(Params::parse(both.to_query().as_bytes()).unwrap(), both);
    }
}
