//! Refusals as OAuth words them: `{"error","error_description"}` (RFC 6749 §5.2). A 5xx is logged
//! here, once.

use std::{borrow::Cow, fmt};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde_json::json;

use crate::{
    auth::{
        AuthError,
        limits::{Limited, TooMany},
        oidc::{IssueError, device::DeviceError, dpop::ProofError},
    },
    http::error::seconds_up,
    store::StoreError,
};

/// An OAuth endpoint's refusal.
#[derive(Debug)]
pub(crate) struct OauthError {
    status: StatusCode,
    /// A code of the standards' registry.
    pub code: &'static str,
    /// For developers: printable ASCII without quotes and backslashes (RFC 6749 §5.2).
    pub description: Cow<'static, str>,
    challenge: Option<String>,
    /// In seconds.
    retry_after: Option<i64>,
    /// For the log alone.
    cause: Option<String>,
}

impl OauthError {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        description: impl Into<Cow<'static, str>>,
    ) -> Self {
        let description = description.into();
        Self { status, code, description, challenge: None, retry_after: None, cause: None }
    }

    pub(crate) fn bad(code: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, description)
    }

    pub(crate) fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::bad("invalid_request", description)
    }

    pub(crate) fn invalid_grant(description: impl Into<Cow<'static, str>>) -> Self {
        Self::bad("invalid_grant", description)
    }

    /// The client has not proved to be itself (RFC 6749 §5.2).
    pub(crate) fn invalid_client(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_client", description)
            .challenge("Basic realm=\"IntelliStack\"")
    }

    /// With a `WWW-Authenticate` header.
    #[must_use]
    pub(crate) fn challenge(self, value: impl Into<String>) -> Self {
        Self { challenge: Some(value.into()), ..self }
    }

    /// Says when it is worth another try.
    #[must_use]
    pub(crate) fn retry_after(self, seconds: i64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    #[must_use]
    pub(super) fn without_challenge(self) -> Self {
        Self { challenge: None, ..self }
    }

    fn server_error(cause: impl fmt::Display) -> Self {
        let text = "Something went wrong on our side. Try again in a moment.";
        Self {
            cause: Some(cause.to_string()),
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", text)
        }
    }

    fn unavailable(cause: impl fmt::Display) -> Self {
        let text = "The service is unavailable just now. Try again in a moment.";
        Self {
            cause: Some(cause.to_string()),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", text)
                .retry_after(1)
        }
    }
}

impl fmt::Display for OauthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.description)
    }
}

impl ResponseError for OauthError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        if self.status.is_server_error() {
            let cause = self.cause.as_deref().unwrap_or(&self.description);
            tracing::error!(code = self.code, cause, "an OAuth call failed");
        }
        let mut response = HttpResponse::build(self.status);
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some(seconds) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if let Some(challenge) = &self.challenge {
            response.insert_header((header::WWW_AUTHENTICATE, challenge.as_str()));
        }
        let body = json!({ "error": self.code, "error_description": self.description });
        response.json(body)
    }
}

impl From<AuthError> for OauthError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Store(error) => error.into(),
            error @ (AuthError::Overloaded | AuthError::IssuerAway) => Self::unavailable(error),
            AuthError::NotSignedIn | AuthError::BadToken | AuthError::Banned => {
                Self::new(StatusCode::UNAUTHORIZED, "invalid_token", "The token is not valid.")
            }
            error @ AuthError::Broken(_) => Self::server_error(error),
        }
    }
}

impl From<Limited> for OauthError {
    fn from(error: Limited) -> Self {
        match error {
            Limited::Auth(error) => error.into(),
            Limited::TooMany(TooMany::Address(ms) | TooMany::Account(ms)) => {
                let seconds = seconds_up(ms);
                let text = format!("Too many calls from this address. Try again in {seconds} s.");
                Self::new(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", text)
                    .retry_after(seconds)
            }
        }
    }
}

impl From<StoreError> for OauthError {
    fn from(error: StoreError) -> Self {
        match error {
            error @ (StoreError::Unavailable(_) | StoreError::Overloaded) => {
                Self::unavailable(error)
            }
            error => Self::server_error(error),
        }
    }
}

impl From<IssueError> for OauthError {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::InvalidGrant(why) => Self::invalid_grant(why),
            IssueError::InvalidScope(why) => Self::bad("invalid_scope", why),
            IssueError::InvalidTarget(why) => Self::bad("invalid_target", why),
            IssueError::InvalidProof(why) => Self::bad("invalid_dpop_proof", why),
            IssueError::UnauthorizedClient(why) => Self::bad("unauthorized_client", why),
            IssueError::Auth(error) => error.into(),
        }
    }
}

impl From<DeviceError> for OauthError {
    fn from(error: DeviceError) -> Self {
        let code = match error {
            DeviceError::Issue(error) => return error.into(),
            DeviceError::Auth(error) => return error.into(),
            DeviceError::Pending => "authorization_pending",
            DeviceError::SlowDown => "slow_down",
            DeviceError::Denied => "access_denied",
            DeviceError::Expired => "expired_token",
            DeviceError::Unknown => "invalid_grant",
        };
        Self::bad(code, error.to_string())
    }
}

impl From<ProofError> for OauthError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Refused(why) => Self::bad("invalid_dpop_proof", why),
            ProofError::Auth(error) => error.into(),
        }
    }
}
