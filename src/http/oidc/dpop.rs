//! The key that a request proves to hold (RFC 9449 §4).

use actix_web::{HttpRequest, http::header::HeaderValue};

use super::error::OauthError;
use crate::auth::{
    Auth,
    oidc::{
        client::Client,
        dpop::{Beside, Call},
    },
};

pub(super) fn call_of(request: &HttpRequest) -> Call<'_> {
    Call { method: request.method().as_str(), path: request.path() }
}

/// The proof that stands in a request, if one does.
pub(super) fn proof(request: &HttpRequest) -> Result<Option<&str>, OauthError> {
    let mut proofs = request.headers().get_all("dpop");
    let first = proofs.next().map(HeaderValue::to_str).transpose();
    if let (Ok(proof), None) = (first, proofs.next()) {
        return Ok(proof);
    }
    let why = "There is more than one DPoP proof, or it is not readable.";
    Err(OauthError::bad("invalid_dpop_proof", why))
}

/// The thumbprint of the key that a client's request to an endpoint of ours proves to hold; none if
/// it shows none. The proof is used up.
pub(crate) async fn dpop_key(
    request: &HttpRequest,
    auth: &Auth,
    client: &Client,
) -> Result<Option<String>, OauthError> {
    match proof(request)? {
        None => Ok(None),
        Some(proof) => {
            let key = auth.key_proved(proof, call_of(request), Beside::Client(client));
            Ok(Some(key.await?))
        }
    }
}
