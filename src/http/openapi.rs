//! The HTTP API as an `OpenAPI` 3.1 document, put together from what the areas say of themselves.

use utoipa::{
    OpenApi, ToSchema,
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use super::{
    admin, audit, auth, auth_events, clients, extract::SESSION_COOKIE, health, lessons, live, mail,
    sse, threads,
};

/// Public calls say so with an empty requirement of their own.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "IntelliStack",
        description = "The HTTP API of a school's chat server. Conversations run over the \
                       WebSocket at `/api/v1/live`, which this document does not describe.",
    ),
    security(("cookie" = []), ("bearer" = [])),
)]
struct Root;

/// A refusal under `/api/v1`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what `ApiError` writes")]
pub(super) struct ErrorBody {
    error: ErrorDetail,
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what `ApiError` writes")]
struct ErrorDetail {
    code: String,
    message: String,
    /// When to try again.
    retry_after_ms: Option<i64>,
}

/// What `intellistack openapi` prints.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let mut document = Root::openapi();
    document.merge(health::Docs::openapi());
    for area in [
        lessons::Docs::openapi(),
        admin::Docs::openapi(),
        audit::Docs::openapi(),
        mail::Docs::openapi(),
        auth_events::Docs::openapi(),
        clients::Docs::openapi(),
        health::ApiDocs::openapi(),
        live::Docs::openapi(),
        threads::Docs::openapi(),
        sse::Docs::openapi(),
    ] {
        document = document.nest("/api/v1", area);
    }
    document = document.nest("/api/auth", auth::docs());
    let components = document.components.get_or_insert_default();
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(SESSION_COOKIE)));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("cookie", cookie);
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    document
}

#[cfg(test)]
mod tests;
