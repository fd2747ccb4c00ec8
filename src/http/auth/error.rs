//! Refusals in Better-Auth's dialect: `{"message","code"}` (`auth-api.md` §0). A 5xx is logged
//! here, once.

use std::{borrow::Cow, fmt};

use actix_web::{
    HttpRequest, HttpResponse, Responder, ResponseError,
    body::BoxBody,
    http::{StatusCode, header},
};
use serde_json::json;

use crate::{
    auth::{
        AuthError,
        limits::{Limited, TooMany},
    },
    http::error::seconds_up,
    store::StoreError,
};

/// An account call's refusal.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
    retry_after_ms: Option<i64>,
    /// For the log alone.
    cause: Option<String>,
}

impl Refusal {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code, message: message.into(), retry_after_ms: None, cause: None }
    }

    pub(crate) fn bad(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// One of the few that carry no code.
    pub(crate) fn without_code(message: &'static str) -> Self {
        Self::bad("", message)
    }

    pub(crate) fn validation(message: impl Into<Cow<'static, str>>) -> Self {
        Self::bad("VALIDATION_ERROR", message)
    }

    pub(crate) fn forbidden(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "Unauthorized")
    }

    pub(crate) fn internal(cause: impl fmt::Display) -> Self {
        let message = "Internal server error";
        Self {
            cause: Some(cause.to_string()),
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR", message)
        }
    }

    fn unavailable(cause: impl fmt::Display) -> Self {
        let message = "The service is unavailable just now. Try again in a moment.";
        Self {
            cause: Some(cause.to_string()),
            retry_after_ms: Some(1_000),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE", message)
        }
    }

    /// With the time after which it is worth another try.
    #[must_use]
    pub(super) fn retry_after(self, ms: i64) -> Self {
        Self { retry_after_ms: Some(ms), ..self }
    }

    pub(crate) fn is_unauthorized(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    /// The response itself, for where no handler is.
    pub(crate) fn into_response(self) -> HttpResponse {
        self.error_response()
    }
}

impl Responder for Refusal {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.into_response()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        if self.status.is_server_error() {
            let cause = self.cause.as_deref().unwrap_or(&self.message);
            tracing::error!(code = self.code, cause, "account call failed");
        }
        let mut response = HttpResponse::build(self.status);
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some(ms) = self.retry_after_ms {
            let seconds = seconds_up(ms).to_string();
            response.insert_header((header::RETRY_AFTER, seconds.as_str()));
            response.insert_header(("X-Retry-After", seconds));
        }
        if self.code.is_empty() {
            return response.json(json!({ "message": self.message }));
        }
        response.json(json!({ "message": self.message, "code": self.code }))
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::NotSignedIn | AuthError::BadToken => Self::unauthorized(),
            AuthError::Banned => Self::forbidden(
                "BANNED_USER",
                "You have been banned from this application. Please contact support if you \
                 believe this is an error.",
            ),
            error @ (AuthError::Overloaded | AuthError::IssuerAway) => Self::unavailable(error),
            AuthError::Store(error) => error.into(),
            error @ AuthError::Broken(_) => Self::internal(error),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            error @ (StoreError::Unavailable(_) | StoreError::Overloaded) => {
                Self::unavailable(error)
            }
            error => Self::internal(error),
        }
    }
}

impl From<Limited> for Refusal {
    fn from(error: Limited) -> Self {
        match error {
            Limited::TooMany(error) => error.into(),
            Limited::Auth(error) => error.into(),
        }
    }
}

impl From<TooMany> for Refusal {
    fn from(error: TooMany) -> Self {
        let (code, message, ms) = match error {
            TooMany::Address(ms) => {
                ("TOO_MANY_REQUESTS", "Too many requests. Please try again later.", ms)
            }
            TooMany::Account(ms) => {
                ("ACCOUNT_LOCKED", "Account temporarily locked. Try again later.", ms)
            }
        };
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, code, message);
        Self { retry_after_ms: Some(ms), ..refusal }
    }
}
