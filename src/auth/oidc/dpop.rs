//! Proof of possession (RFC 9449): a token that is bound to a key is worth nothing to whoever only
//! has the token (attack D18).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, jwk::ThumbprintHash};
use sha2::{Digest, Sha256};
use url::Url;

use super::{client::Client, jose};
use crate::{
    auth::{Auth, AuthError, Identity, hash_token, jwt},
    domain::{clock::MINUTE, origin::Origin},
};

/// What proofs may be signed with, as discovery and challenges name it.
pub(crate) const ALGORITHMS: &str = "ES256 EdDSA Ed25519 PS256 RS256";
/// How old a proof may be.
const OLDEST: i64 = MINUTE;
const LONGEST_NAME: usize = 512;

/// The request that a proof stands in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub method: &'a str,
    /// From the root of the host, without a query.
    pub path: &'a str,
}

/// What a proof is shown with.
#[derive(Clone, Copy)]
pub(crate) enum Beside<'a> {
    /// The app that asks for something.
    Client(&'a Client),
    /// The access token that is to open something.
    Token(&'a str),
}

/// Why a proof proves nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProofError {
    #[error("{0}")]
    Refused(&'static str),
    #[error(transparent)]
    Auth(#[from] AuthError),
}

/// Where nobody asks what was wrong, a proof that does not hold is no token.
impl From<ProofError> for AuthError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Refused(_) => Self::BadToken,
            ProofError::Auth(error) => error,
        }
    }
}

impl Auth {
    /// The SHA-256 thumbprint (RFC 7638) of the key that the sender of this call holds. A proof is
    /// used up, on every node.
    pub(crate) async fn key_proved(
        &self,
        proof: &str,
        call: Call<'_>,
        beside: Beside<'_>,
    ) -> Result<String, ProofError> {
        let refused = ProofError::Refused;
        let signed = jose::Signed::read(proof)
            .ok_or(refused("The DPoP proof is no JWT that is signed as we take it."))?;
        let typ = signed.header.get("typ").and_then(|typ| typ.as_str());
        if !typ.is_some_and(|typ| typ.eq_ignore_ascii_case("dpop+jwt")) {
            return Err(refused("The DPoP proof is not of the type dpop+jwt."));
        }
        let (jwk, key) =
            signed
                .header
                .get("jwk")
                .and_then(|jwk| jose::verifier(jwk, signed.alg))
                .ok_or(refused("The DPoP proof does not bring a public key of its algorithm."))?;
        if !signed.is_signed_by(&key) {
            return Err(refused("The DPoP proof is not signed by its key."));
        }
        let token = match beside {
            Beside::Client(_) => None,
            Beside::Token(token) => Some(token),
        };
        self.check_proof(&signed, call, token).map_err(refused)?;
        if !self.is_strong_enough(signed.alg, beside).await? {
            return Err(refused("The DPoP proof of this client is not signed with RS256."));
        }
        let thumbprint = jwk
            .thumbprint(ThumbprintHash::SHA256)
            .map_err(|_| refused("The key of the DPoP proof has no thumbprint."))?;
        let name = signed.text("jti").unwrap_or_default();
        let nonce = hash_token(&serde_json::json!([thumbprint, name]).to_string());
        let until = self.clock.now().plus(OLDEST + 2 * jose::LEEWAY);
        let first = self.store.spend_nonce(&format!("dpop-{nonce}"), until).await;
        if first.map_err(AuthError::from)? {
            Ok(thumbprint)
        } else {
            Err(refused("The DPoP proof was used before."))
        }
    }

    /// A client of FAPI 2.0 signs with none but PS256, ES256 and Ed25519 (§5.4).
    async fn is_strong_enough(
        &self,
        alg: Algorithm,
        beside: Beside<'_>,
    ) -> Result<bool, AuthError> {
        if alg != Algorithm::RS256 {
            return Ok(true);
        }
        let id = match beside {
            Beside::Client(client) => return Ok(!client.metadata.ours.fapi),
            // Whether the token is what it says is looked at later. If it is not, it opens nothing.
            Beside::Token(token) => jwt::claimed_client(token),
        };
        let Some(id) = id else { return Ok(true) };
        Ok(self.client(&id).await?.is_none_or(|client| !client.metadata.ours.fapi))
    }

    fn check_proof(
        &self,
        signed: &jose::Signed<'_>,
        call: Call<'_>,
        token: Option<&str>,
    ) -> Result<(), &'static str> {
        if signed.text("htm") != Some(call.method) {
            return Err("The DPoP proof is for another method (htm).");
        }
        if !signed.text("htu").is_some_and(|htu| self.is_here(htu, call.path)) {
            return Err("The DPoP proof is for another URL (htu).");
        }
        let now = self.clock.now();
        match signed.moment("iat") {
            Ok(Some(at))
                if at <= now.plus(jose::LEEWAY) && at >= now.plus(-OLDEST - jose::LEEWAY) => {}
            _ => return Err("The DPoP proof is not of now (iat)."),
        }
        let late = |name, early: bool| match signed.moment(name) {
            Ok(None) => false,
            Ok(Some(at)) if early => at > now.plus(jose::LEEWAY),
            Ok(Some(at)) => at.plus(jose::LEEWAY) <= now,
            Err(()) => true,
        };
        if late("nbf", true) || late("exp", false) {
            return Err("The DPoP proof is not of now (nbf, exp).");
        }
        let name = signed.text("jti").unwrap_or_default();
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err("The DPoP proof has no name (jti).");
        }
        if let Some(token) = token {
            let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()));
            let shown = signed.text("ath").unwrap_or_default();
            if verify_slices_are_equal(hash.as_bytes(), shown.as_bytes()).is_err() {
                return Err("The DPoP proof is for another access token (ath).");
            }
        }
        Ok(())
    }

    /// Whether a URL is this path of ours, whatever query or fragment it has.
    fn is_here(&self, htu: &str, path: &str) -> bool {
        let Ok(url) = Url::parse(htu) else { return false };
        let plain = url.username().is_empty() && url.password().is_none();
        let ours = Origin::of(&url).is_some_and(|origin| self.origins.is_own(&origin));
        plain && ours && url.path() == path
    }

    /// `Authorization: DPoP`: who shows an access token and proves to hold its key.
    pub(crate) async fn by_dpop(
        &self,
        token: &str,
        proof: &str,
        call: Call<'_>,
    ) -> Result<Identity, ProofError> {
        // A token that is bound to no key is not looked at together with one.
        if jwt::header(token).is_none() {
            return Err(AuthError::BadToken.into());
        }
        let key = self.key_proved(proof, call, Beside::Token(token)).await;
        if let Err(ProofError::Refused(why)) = &key {
            tracing::debug!(why, "a DPoP proof was refused");
        }
        Ok(self.by_token_of_key(token, &key?).await?)
    }
}
