//! A person's accounts at providers: their tokens, renewed where need be, for her alone, and what
//! the provider says of her (`auth-api.md` §4).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Data, Query, ServiceConfig},
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::{at, body::Fields, cookies, error::Refusal, factor_schema, own_caller, post, schema};
use crate::{
    auth::{
        Auth,
        social::{Opened, ProviderError, TokenError},
    },
    domain::clock::Millis,
};

pub(super) fn routes(cfg: &mut ServiceConfig) {
    post(cfg, "/get-access-token", access_token);
    post(cfg, "/refresh-token", refresh_token);
    at(cfg, "/account-info", vec![web::get().to(info)]);
}

#[derive(OpenApi)]
#[openapi(paths(access_token, refresh_token, info))]
pub(in crate::http) struct Docs;

/// Which account: by the row's id, as older clients do by provider and the provider's name, or that
/// of the last sign-in in this browser.
struct Named {
    provider: Option<String>,
    account: Option<String>,
}

impl Named {
    fn read(request: &HttpRequest, auth: &Auth, mut fields: Fields) -> Result<Self, Refusal> {
        let mut named = Self {
            provider: fields.optional_text("providerId"),
            account: fields.optional_text("accountId"),
        };
        // Those of the one signed in, whoever it is said to be.
        let _ = fields.optional_text("userId");
        let by_cookie = fields.flag("useAccountCookie", false);
        fields.finish()?;
        if by_cookie {
            if named.provider.is_some() || named.account.is_some() {
                return Err(Refusal::validation(
                    "[body] Name the account, or useAccountCookie, not both",
                ));
            }
            let account = cookies::known_account(request, auth);
            named.account = Some(account.ok_or_else(|| refusal(TokenError::NoAccount))?);
        }
        if named.provider.is_none() && named.account.is_none() {
            return Err(Refusal::validation(
                "[body.accountId] Invalid input: expected string, received undefined",
            ));
        }
        Ok(named)
    }

    fn parts(&self) -> (Option<&str>, Option<&str>) {
        (self.provider.as_deref(), self.account.as_deref())
    }
}

#[utoipa::path(
    post,
    path = "/get-access-token",
    operation_id = "getAccessToken",
    tag = "account",
    summary = "A provider's access token, renewed if it is nearly over",
    request_body = factor_schema::AccountNameBody,
    responses(
        (status = 200, description = "The token", body = factor_schema::ProviderTokenBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn access_token(
    request: HttpRequest,
    auth: Data<Auth>,
    fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let caller = own_caller(&request, &auth).await?;
    let named = Named::read(&request, &auth, fields)?;
    let token = auth.provider_token(&caller, named.parts()).await.map_err(refusal)?;
    Ok(answer(&json!({
        "accessToken": token.access,
        "accessTokenExpiresAt": time(token.account.access_token_expires_at),
        "scopes": token.scopes(),
        "idToken": token.id,
    })))
}

#[utoipa::path(
    post,
    path = "/refresh-token",
    operation_id = "refreshProviderToken",
    tag = "account",
    summary = "A new access token from a provider",
    request_body = factor_schema::AccountNameBody,
    responses(
        (status = 200, description = "The tokens", body = factor_schema::RenewedBody),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn refresh_token(
    request: HttpRequest,
    auth: Data<Auth>,
    fields: Fields,
) -> Result<HttpResponse, Refusal> {
    let caller = own_caller(&request, &auth).await?;
    let named = Named::read(&request, &auth, fields)?;
    let renewed = auth.renew_provider_token(&caller, named.parts()).await.map_err(refusal)?;
    let Opened { account, access, refresh, id } = renewed;
    Ok(answer(&json!({
        "accessToken": access,
        "refreshToken": refresh,
        "accessTokenExpiresAt": time(account.access_token_expires_at),
        "refreshTokenExpiresAt": time(account.refresh_token_expires_at),
        "scope": account.scope,
        "idToken": id,
        "providerId": account.provider_id,
        "accountId": account.id,
    })))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    #[serde(rename = "accountId")]
    account: String,
}

#[utoipa::path(
    get,
    path = "/account-info",
    operation_id = "accountInfo",
    tag = "account",
    summary = "What a provider says of the caller",
    params(Asked),
    responses(
        (status = 200, description = "As the provider writes it, in `data`", body = Value),
        (status = "4XX", description = "Refused", body = schema::RefusalBody),
        (status = "5XX", description = "Failed", body = schema::RefusalBody),
    ),
)]
async fn info(
    request: HttpRequest,
    auth: Data<Auth>,
    asked: Query<Asked>,
) -> Result<HttpResponse, Refusal> {
    let caller = own_caller(&request, &auth).await?;
    let named = (None, Some(asked.account.as_str()));
    let (profile, account) = auth.provider_profile(&caller, named).await.map_err(refusal)?;
    Ok(answer(&json!({
        "user": {
            "id": profile.subject,
            "name": profile.name,
            "email": profile.email,
            "emailVerified": profile.email_verified,
            "image": profile.image,
        },
        "data": profile.raw,
        "account": {
            "id": account.id,
            "providerId": account.provider_id,
            "accountId": account.account_id,
        },
    })))
}

fn answer(body: &Value) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}

fn time(ms: Option<i64>) -> Option<String> {
    ms.map(|ms| Millis(ms).to_rfc3339())
}

fn refusal(error: TokenError) -> Refusal {
    match error {
        TokenError::NoAccount => Refusal::bad("ACCOUNT_NOT_FOUND", "Account not found"),
        TokenError::NoRefreshToken => {
            Refusal::bad("REFRESH_TOKEN_NOT_FOUND", "Refresh token not found")
        }
        TokenError::NoProvider => {
            Refusal::new(StatusCode::NOT_FOUND, "PROVIDER_NOT_FOUND", "Provider not found")
        }
        TokenError::Provider(error @ ProviderError::Away(_)) => error.into(),
        TokenError::Provider(error) => {
            tracing::info!(%error, "a provider gave no token");
            Refusal::bad("FAILED_TO_GET_ACCESS_TOKEN", "Failed to get a valid access token")
        }
        TokenError::Auth(error) => error.into(),
    }
}
