//! How an app proves that it is itself (RFC 6749 §2.3, attack D11): by exactly the method that it
//! registered, and before anything else of a request is looked at.

use actix_web::{HttpRequest, http::header};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{error::OauthError, params::Params};
use crate::{
    auth::{Auth, oidc::client::Client},
    domain::oidc::client::AuthMethod,
};

/// What a request shows of its sender.
enum Shown {
    Basic { id: String, secret: String },
    Post { id: String, secret: String },
    Nothing { id: String },
}

/// The app behind a request to the token endpoint or one like it.
pub(crate) async fn authenticate(
    request: &HttpRequest,
    auth: &Auth,
    params: &Params,
) -> Result<Client, OauthError> {
    let shown = shown(request, params)?;
    let (Shown::Basic { id, .. } | Shown::Post { id, .. } | Shown::Nothing { id }) = &shown;
    let client = auth.client(id).await?.ok_or_else(refused)?;
    let proved = match (&shown, client.metadata.token_endpoint_auth_method) {
        (Shown::Basic { secret, .. }, AuthMethod::ClientSecretBasic)
        | (Shown::Post { secret, .. }, AuthMethod::ClientSecretPost) => client.is_secret(secret),
        (Shown::Nothing { .. }, AuthMethod::None) => true,
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
    let (id, secret) = (params.get("client_id"), params.get("client_secret"));
    match (basic.transpose()?, id, secret) {
        (Some(_), _, Some(_)) => {
            Err(OauthError::invalid_request("The client proves itself in two ways at once."))
        }
        (Some((name, _)), Some(id), None) if name != id => {
            Err(OauthError::invalid_request("The request names two clients."))
        }
        (Some((id, secret)), _, None) => Ok(Shown::Basic { id, secret }),
        (None, Some(id), Some(secret)) => {
            Ok(Shown::Post { id: id.to_owned(), secret: secret.to_owned() })
        }
        (None, Some(id), None) => Ok(Shown::Nothing { id: id.to_owned() }),
        (None, None, _) => Err(refused()),
    }
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
