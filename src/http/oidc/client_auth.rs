//! How an app proves that it is itself (RFC 6749 §2.3, RFC 7523; attacks D11, D12): as it registered,
//! by its secret (in either of the two places) or by its key, and before anything else of a request is
//! looked at.

use std::sync::Arc;

use actix_web::{HttpRequest, http::header};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{error::OauthError, params::Params};
use crate::{
    auth::{
        Auth,
        oidc::{claimed_client, client::Client},
    },
    domain::oidc::client::AuthMethod,
};

/// What `client_assertion_type` says (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What a request shows of its sender.
enum Shown {
    Secret { id: String, secret: String },
    Assertion { id: String, assertion: String },
    Nothing { id: String },
}

/// The app behind a request to the token endpoint or one like it.
pub(crate) async fn authenticate(
    request: &HttpRequest,
    auth: &Auth,
    params: &Params,
) -> Result<Arc<Client>, OauthError> {
    let proved = proved(request, auth, params).await;
    // Whoever did not try by the header is not told to (RFC 6749 §5.2).
    let by_header = request.headers().contains_key(header::AUTHORIZATION);
    proved.map_err(|error| if by_header { error } else { error.without_challenge() })
}

async fn proved(
    request: &HttpRequest,
    auth: &Auth,
    params: &Params,
) -> Result<Arc<Client>, OauthError> {
    use AuthMethod::{ClientSecretBasic, ClientSecretPost, None, PrivateKeyJwt};
    let shown = shown(request, params)?;
    let (Shown::Secret { id, .. } | Shown::Assertion { id, .. } | Shown::Nothing { id }) = &shown;
    let client = auth.client(id).await?.ok_or_else(refused)?;
    let proved = match (&shown, client.metadata.token_endpoint_auth_method) {
        (Shown::Secret { secret, .. }, ClientSecretBasic | ClientSecretPost) => {
            client.is_secret(secret)
        }
        (Shown::Assertion { assertion, .. }, PrivateKeyJwt) => {
            auth.believes_assertion(&client, assertion).await?
        }
        (Shown::Nothing { .. }, None) => true,
        _ => false,
    };
    if proved { Ok(client) } else { Err(refused()) }
}

/// The same words whatever was wrong.
fn refused() -> OauthError {
    OauthError::invalid_client("The client is unknown, or has not proved to be itself.")
}

fn shown(request: &HttpRequest, params: &Params) -> Result<Shown, OauthError> {
    let basic = request.headers().get(header::AUTHORIZATION).map(|value| {
        let (id, secret) = value.to_str().ok().and_then(read_basic).ok_or_else(refused)?;
        Ok::<_, OauthError>((id, secret))
    });
    let basic = basic.transpose()?;
    let (id, secret) = (params.get("client_id"), params.get("client_secret"));
    let assertion = params.get("client_assertion");
    if params.has("client_assertion_type") != assertion.is_some() {
        return Err(refused());
    }
    let ways = [basic.is_some(), secret.is_some(), assertion.is_some()];
    if ways.into_iter().filter(|way| *way).count() > 1 {
        return Err(OauthError::invalid_request("The client proves itself in two ways at once."));
    }
    if let Some(assertion) = assertion {
        if params.get("client_assertion_type") != Some(JWT_BEARER) {
            return Err(refused());
        }
        let claimed = claimed_client(assertion).ok_or_else(refused)?;
        let assertion = assertion.to_owned();
        return one_name(id, claimed).map(|id| Shown::Assertion { id, assertion });
    }
    match (basic, id, secret) {
        (Some((name, secret)), id, _) => one_name(id, name).map(|id| Shown::Secret { id, secret }),
        (None, Some(id), Some(secret)) => {
            Ok(Shown::Secret { id: id.to_owned(), secret: secret.to_owned() })
        }
        (None, Some(id), None) => Ok(Shown::Nothing { id: id.to_owned() }),
        (None, None, _) => Err(refused()),
    }
}

fn one_name(parameter: Option<&str>, proved: String) -> Result<String, OauthError> {
    if parameter.is_some_and(|id| id != proved) {
        return Err(OauthError::invalid_request("The request names two clients."));
    }
    Ok(proved)
}

/// Both parts are form-encoded before they are joined (RFC 6749 §2.3.1).
fn read_basic(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decoded(id)?, form_decoded(secret)?))
}

fn form_decoded(text: &str) -> Option<String> {
    let pair = format!("v={}", text.replace('&', "%26"));
    let (_, value) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
    Some(value.into_owned())
}
