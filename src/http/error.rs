//! The one error map: what a floor below says, as a status and a code (`live.md` §2.6). A 5xx is
//! logged here, once; its cause never reaches the client.
//!
//! `/api/auth` speaks Better-Auth's dialect instead, see `auth/error.rs`.

use std::{borrow::Cow, fmt};

use actix_web::{
    HttpResponse, ResponseError,
    error::JsonPayloadError,
    http::{StatusCode, header},
};
use serde_json::{Map, json};

use super::challenge::{self, Scheme};
use crate::{
    auth::{AuthError, TicketError},
    course::CourseError,
    store::StoreError,
};

/// A refusal under `/api/v1`: `{"error":{"code","message",…}}`.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
    retry_after_ms: Option<i64>,
    /// What a 401 says of what was shown; none: nothing was.
    challenge: Option<String>,
    /// For the log alone.
    cause: Option<String>,
    /// The log has it already.
    is_told: bool,
}

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let message = message.into();
        Self {
            status,
            code,
            message,
            retry_after_ms: None,
            challenge: None,
            cause: None,
            is_told: false,
        }
    }

    /// Says when to try again: `retry_after_ms`, and `Retry-After` in whole seconds.
    pub(crate) fn retry_after(mut self, ms: i64) -> Self {
        self.retry_after_ms = Some(ms.max(0));
        self
    }

    /// In other words.
    pub(crate) fn saying(mut self, message: &'static str) -> Self {
        self.message = message.into();
        self
    }

    /// Says what was wrong with the access token that stood in the request.
    pub(crate) fn shown(mut self, scheme: Scheme, error: &str, why: &str) -> Self {
        self.challenge = Some(challenge::refused(scheme, error, why));
        self
    }

    pub(crate) fn bad_request(why: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", why.to_string())
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Sign in first.")
    }

    pub(crate) fn forbidden(why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", why)
    }

    pub(crate) fn email_unverified() -> Self {
        let message = "Verify your email address first: open the link that was mailed to you.";
        Self::new(StatusCode::FORBIDDEN, "email_unverified", message)
    }

    /// Also the answer for a lesson that does not exist.
    pub(crate) fn stage_locked() -> Self {
        let message = "This part of the course is not open to you yet.";
        Self::new(StatusCode::FORBIDDEN, "stage_locked", message)
    }

    /// Also the answer for what is somebody else's.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here.")
    }

    pub(crate) fn conflict(why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", why)
    }

    pub(crate) fn too_large(why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", why)
    }

    pub(crate) fn overloaded() -> Self {
        let message = "The server is busy. Try again in a moment.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", message).retry_after(1_000)
    }

    pub(crate) fn store_unavailable(cause: impl fmt::Display) -> Self {
        let message = "The server cannot reach its data just now. Try again in a moment.";
        Self {
            cause: Some(cause.to_string()),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", message)
                .retry_after(1_000)
        }
    }

    /// Whoever keeps the issuer's keys has told the log; not each request does.
    fn issuer_away() -> Self {
        let message = "Your sign-in cannot be checked just now. Try again in a moment.";
        Self {
            is_told: true,
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", message)
                .retry_after(5_000)
        }
    }

    pub(crate) fn internal(cause: impl fmt::Display) -> Self {
        let message = "Something went wrong on the server.";
        Self {
            cause: Some(cause.to_string()),
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        if self.status.is_server_error() && !self.is_told {
            let cause = self.cause.as_deref().unwrap_or(&self.message);
            tracing::error!(code = self.code, cause, "request failed");
        }
        let mut error = Map::new();
        error.insert("code".to_owned(), self.code.into());
        error.insert("message".to_owned(), self.message.as_ref().into());
        let mut response = HttpResponse::build(self.status);
        if let Some(ms) = self.retry_after_ms {
            error.insert("retry_after_ms".to_owned(), ms.into());
            response.insert_header((header::RETRY_AFTER, seconds_up(ms).to_string()));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let challenges =
                self.challenge.clone().map_or_else(|| challenge::bare().to_vec(), |it| vec![it]);
            for challenge in challenges {
                response.append_header((header::WWW_AUTHENTICATE, challenge));
            }
        }
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        response.json(json!({ "error": error }))
    }
}

/// Whole seconds, rounded up: who waits that long waits long enough.
pub(crate) const fn seconds_up(ms: i64) -> i64 {
    let whole = ms / 1_000;
    if ms % 1_000 > 0 { whole + 1 } else { whole }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::not_found(),
            StoreError::Conflict(_) => Self::conflict("This was changed or taken meanwhile."),
            StoreError::Overloaded => Self::overloaded(),
            error @ StoreError::Unavailable(_) => Self::store_unavailable(error),
            error @ StoreError::Broken(_) => Self::internal(error),
        }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::NotSignedIn | AuthError::BadToken => Self::unauthorized(),
            AuthError::IssuerAway => Self::issuer_away(),
            AuthError::Banned => Self::forbidden("This account is banned."),
            AuthError::Overloaded => Self::overloaded(),
            AuthError::Store(error) => error.into(),
            error @ AuthError::Broken(_) => Self::internal(error),
        }
    }
}

impl From<TicketError> for ApiError {
    fn from(error: TicketError) -> Self {
        match error {
            TicketError::Auth(error) => error.into(),
            other => Self::forbidden(other.to_string()),
        }
    }
}

impl From<CourseError> for ApiError {
    fn from(error: CourseError) -> Self {
        match error {
            CourseError::StageLocked => Self::stage_locked(),
            CourseError::NotFound => Self::not_found(),
            CourseError::Store(error) => error.into(),
            CourseError::Index(error) => Self::internal(error),
        }
    }
}

impl From<JsonPayloadError> for ApiError {
    fn from(error: JsonPayloadError) -> Self {
        match error {
            JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => {
                Self::too_large("The body is too large.")
            }
            other => Self::bad_request(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use serde_json::Value;

    use super::*;

    async fn shown(error: ApiError) -> (u16, Option<String>, Value) {
        let response = error.error_response();
        let retry = response.headers().get("retry-after").map(|v| v.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body()).await.unwrap();
        (status, retry, serde_json::from_slice(&body).unwrap())
    }

    #[actix_web::test]
    async fn an_error_has_a_code_a_message_and_what_belongs_to_it() {
        let error = ApiError::overloaded().retry_after(1_200);

        let (status, retry, body) = shown(error).await;

        assert_eq!((status, retry.as_deref()), (503, Some("2")));
        let expected = json!({"error": {
            "code": "overloaded", "message": "The server is busy. Try again in a moment.",
            "retry_after_ms": 1_200,
        }});
        assert_eq!(body, expected);
    }

    #[actix_web::test]
    async fn the_cause_of_a_server_error_stays_in_the_log() {
        let broken = StoreError::Broken("column secret_thing is missing".to_owned());

        let (status, _, body) = shown(broken.into()).await;

        assert_eq!(status, 500);
        assert!(!body.to_string().contains("secret_thing"));
    }
}
