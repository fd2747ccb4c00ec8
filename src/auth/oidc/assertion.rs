//! Apps that prove by a key of their own that they are themselves (RFC 7523 §3; attack D12).

use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use super::{client::Client, jose};
use crate::{
    auth::{Auth, AuthError, hash_token},
    domain::{
        clock::{MINUTE, Millis},
        oidc::client::AuthMethod,
    },
};

/// How far ahead an assertion may end.
const LONGEST: i64 = 5 * MINUTE;
/// The longest name of an assertion that is remembered.
const LONGEST_NAME: usize = 512;

/// Whose assertion it says it is. Proves nothing.
pub(crate) fn claimed_client(assertion: &str) -> Option<String> {
    jose::Signed::read(assertion)?.text("sub").map(str::to_owned)
}

impl Auth {
    /// Whether the app signed this for us, now, and for the first time. It is used up by that, on
    /// every node.
    pub(crate) async fn believes_assertion(
        &self,
        client: &Client,
        assertion: &str,
    ) -> Result<bool, AuthError> {
        if client.metadata.token_endpoint_auth_method != AuthMethod::PrivateKeyJwt {
            return Ok(false);
        }
        let Some(signed) = jose::Signed::read(assertion) else { return Ok(false) };
        let Some((name, ends)) = self.read_assertion(client, &signed) else { return Ok(false) };
        let kid = signed.header.get("kid").and_then(Value::as_str);
        let Some(key) = self.key_of_app(client, kid, signed.alg).await else { return Ok(false) };
        if !signed.is_signed_by(&key) {
            return Ok(false);
        }
        // Hashed, since a name of ours may not hold what a database cannot.
        let nonce = hash_token(&serde_json::json!([client.id, name]).to_string());
        let nonce = format!("assertion-{nonce}");
        Ok(self.store.spend_nonce(&nonce, ends.plus(jose::LEEWAY)).await?)
    }

    /// The app's key of that name, registered or published; where none is named, the only one that
    /// fits.
    pub(super) async fn key_of_app(
        &self,
        client: &Client,
        kid: Option<&str>,
        alg: Algorithm,
    ) -> Option<DecodingKey> {
        let (here, there) = (client.metadata.jwks.as_ref(), client.metadata.jwks_uri.as_deref());
        match self.provider.client_keys.key(here, there, kid, alg).await {
            Ok(key) => Some(key),
            Err(error) => {
                tracing::debug!(client = %client.id, %error, "no key of this app");
                None
            }
        }
    }

    /// Gives its name and its end, if all that it says is right.
    fn read_assertion(
        &self,
        client: &Client,
        signed: &jose::Signed<'_>,
    ) -> Option<(String, Millis)> {
        let metadata = &client.metadata;
        let alg = signed.header.get("alg")?.as_str()?;
        let registered = metadata.token_endpoint_auth_signing_alg.as_deref();
        let as_registered =
            registered.is_none_or(|name| name == alg || jose::algorithm(name) == Some(signed.alg));
        if !as_registered || (metadata.ours.fapi && signed.alg == Algorithm::RS256) {
            return None;
        }
        // A token of another type proves nothing here (attack D16).
        let typ = signed.header.get("typ").map(|typ| typ.as_str().unwrap_or("?"));
        let typ = typ.map(str::to_ascii_lowercase);
        let plain = matches!(typ.as_deref(), None | Some("jwt" | "client-authentication+jwt"));
        let id = Some(client.id.as_str());
        if !plain || signed.text("iss") != id || signed.text("sub") != id {
            return None;
        }
        if !self.is_meant(signed.claims.get("aud")?, metadata.ours.fapi) {
            return None;
        }
        let now = self.clock.now();
        let ends = signed.moment("exp").ok()??;
        let begins = [signed.moment("nbf").ok()?, signed.moment("iat").ok()?];
        let timely = ends.plus(jose::LEEWAY) > now
            && ends <= now.plus(LONGEST + jose::LEEWAY)
            && begins.into_iter().flatten().all(|at| at <= now.plus(jose::LEEWAY));
        let name = signed.text("jti").filter(|it| !it.is_empty() && it.len() <= LONGEST_NAME)?;
        timely.then(|| (name.to_owned(), ends))
    }

    /// The issuer; but for FAPI 2.0 also the token endpoint, as RFC 7523 has it. Never one of several
    /// receivers, of which another could send it on.
    fn is_meant(&self, audience: &Value, strict: bool) -> bool {
        let issuer = self.issuer();
        let one = match audience {
            Value::Array(many) if many.len() == 1 && !strict => many.first(),
            one => Some(one),
        };
        one.and_then(Value::as_str).is_some_and(|text| {
            text == issuer || (!strict && text == format!("{issuer}/oauth2/token"))
        })
    }
}
