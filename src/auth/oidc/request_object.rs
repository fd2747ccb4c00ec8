//! Requests as JWTs that the app signed (RFC 9101), by value.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{client::Client, jose::algorithm};
use crate::{
    auth::{Auth, jwt},
    domain::{
        clock::{Millis, SECOND},
        oidc::request::Fault,
    },
};

/// How far an app's clock may differ from ours.
const LEEWAY: i64 = 10 * SECOND;
/// What says something about the JWT and nothing about the request.
const OF_THE_JWT: [&str; 7] = ["iss", "aud", "sub", "exp", "nbf", "iat", "jti"];

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
    b64: Option<Value>,
}

impl Auth {
    /// What a request object asks for, by parameter.
    pub(crate) async fn open_request_object(
        &self,
        client: &Client,
        object: &str,
    ) -> Result<Map<String, Value>, Fault> {
        let mut claims = self.verified(client, object).await?;
        let text = |claims: &Map<String, Value>, name: &str| {
            claims.get(name).and_then(Value::as_str).map(str::to_owned)
        };
        let id = client.id.as_str();
        if text(&claims, "iss").as_deref() != Some(id) {
            return Err(refused("The request object is not by this app: iss is its client_id."));
        }
        if text(&claims, "client_id").is_some_and(|own| own != id) {
            return Err(refused("The request object names another app."));
        }
        let issuer = self.issuer();
        let ours = match claims.get("aud") {
            Some(Value::String(aud)) => *aud == issuer,
            Some(Value::Array(all)) => all.iter().any(|aud| aud.as_str() == Some(&issuer)),
            _ => false,
        };
        if !ours {
            return Err(refused("The request object is not for this issuer."));
        }
        let now = self.clock.now();
        let at = |name: &str| {
            let seconds = claims.get(name)?;
            // A time that is none has passed, and has not come.
            Some(seconds.as_i64().map(|it| Millis(it.saturating_mul(SECOND))))
        };
        let alive = at("exp").is_none_or(|exp| exp.is_some_and(|exp| exp.plus(LEEWAY) > now));
        let begun = at("nbf").is_none_or(|nbf| nbf.is_some_and(|nbf| nbf <= now.plus(LEEWAY)));
        if !alive || !begun {
            return Err(refused("The request object has expired, or is not valid yet."));
        }
        if claims.contains_key("request") || claims.contains_key("request_uri") {
            return Err(refused("A request object holds no other."));
        }
        for name in OF_THE_JWT {
            claims.remove(name);
        }
        Ok(claims)
    }

    /// The claims, once the signature is known to be the app's.
    async fn verified(&self, client: &Client, object: &str) -> Result<Map<String, Value>, Fault> {
        let broken = || refused("The request object is no JWT.");
        if object.len() > jwt::MAX_LENGTH {
            return Err(refused("The request object is too long."));
        }
        let (signed, signature) = object.rsplit_once('.').ok_or_else(broken)?;
        let (head, body) = signed.split_once('.').ok_or_else(broken)?;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| broken());
        let header: Header = serde_json::from_slice(&decoded(head)?).map_err(|_| broken())?;
        if header.alg.eq_ignore_ascii_case("none") {
            let text = "Request objects must be signed.";
            return Err(Fault::new("request_not_supported", text));
        }
        let known = ["jwt", "oauth-authz-req+jwt", "application/oauth-authz-req+jwt"];
        let typ = header.typ.as_ref().map(|typ| typ.to_ascii_lowercase());
        let odd = header.crit.is_some() || header.b64.is_some();
        if odd || typ.is_some_and(|typ| !known.contains(&typ.as_str())) {
            return Err(refused("The header of the request object asks for what is not known."));
        }
        let algorithm = algorithm(&header.alg)
            .filter(|own| {
                let chosen = client.metadata.request_object_signing_alg.as_deref();
                chosen.is_none_or(|chosen| algorithm(chosen) == Some(*own))
            })
            .ok_or_else(|| refused("The request object is signed with another algorithm."))?;
        let key = self.key_of_app(client, header.kid.as_deref(), algorithm).await;
        let right = key.is_some_and(|key| {
            jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key, algorithm)
                .is_ok_and(|right| right)
        });
        if !right {
            return Err(refused("The request object is not signed with a key of this app."));
        }
        serde_json::from_slice(&decoded(body)?).map_err(|_| broken())
    }
}

fn refused(description: &'static str) -> Fault {
    Fault::new("invalid_request_object", description)
}
