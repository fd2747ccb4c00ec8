//! The signing keys: one an algorithm, made at the first start, sealed at rest, published as a JWK
//! set (RFC 7517). A new one takes over by [`Auth::rotate_keys`]; the old one stays published until
//! its longest token is dead.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use aws_lc_rs::{rand::SystemRandom, rsa::KeyPair as RsaKeyPair, signature::RSA_PKCS1_SHA256};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, jwk::Jwk};
use serde::Serialize;

use super::{Auth, AuthError, secret::Secret, sessions::Device};
use crate::{
    domain::{
        clock::{Millis, SECOND, SharedClock},
        ids::SharedIds,
        oidc::alg::SigningAlg,
    },
    store::{Store, auth_events::AuthEventKind, keys::SigningKey},
};

mod pair;

use pair::{PublicJwk, Seal, algorithm, broken};

/// An unknown name makes us look at the store at most this often.
const LOOK: i64 = SECOND;

struct Signer {
    alg: SigningAlg,
    kid: String,
    key: EncodingKey,
    /// The same, read: the library reads an RSA key anew for each signature.
    rsa: Option<RsaKeyPair>,
}

impl Signer {
    fn sign(&self, header: &Header, claims: &impl Serialize) -> Result<String, AuthError> {
        let failed =
            |error: &dyn fmt::Display| AuthError::Broken(format!("cannot sign a token: {error}"));
        let Some(rsa) = &self.rsa else {
            return jsonwebtoken::encode(header, claims, &self.key).map_err(|error| failed(&error));
        };
        let part = |json: serde_json::Result<Vec<u8>>| {
            json.map(|json| URL_SAFE_NO_PAD.encode(json)).map_err(|error| failed(&error))
        };
        let head = part(serde_json::to_vec(header))?;
        let mut token = format!("{head}.{}", part(serde_json::to_vec(claims))?);
        let mut signature = vec![0; rsa.public_modulus_len()];
        rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
            .map_err(|error| failed(&error))?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

struct Published {
    kid: String,
    algorithm: Algorithm,
    verifier: DecodingKey,
    jwk: PublicJwk,
    dead_at: Option<Millis>,
}

impl Published {
    fn is_alive(&self, now: Millis) -> bool {
        self.dead_at.is_none_or(|at| now < at)
    }
}

/// What is signed with, and what is still believed.
struct Ring {
    signers: Vec<Signer>,
    published: Vec<Published>,
    /// All that are published, as they are sent.
    jwks: Bytes,
}

/// The keys as last loaded; [`Keys::reload`] follows a change of kind `key`.
pub(crate) struct Keys {
    store: Arc<Store>,
    clock: SharedClock,
    seal: Seal,
    ring: RwLock<Arc<Ring>>,
    /// When the store was last looked at for an unknown name.
    looked_at: tokio::sync::Mutex<Millis>,
}

impl Keys {
    /// Loads the keys, and makes those that are not there.
    pub(crate) async fn open(
        store: Arc<Store>,
        secret: &Secret,
        clock: &SharedClock,
        ids: &SharedIds,
    ) -> Result<Self, AuthError> {
        let (seal, now) = (Seal::new(secret)?, clock.now());
        let mut rows = store.signing_keys().await?;
        let missing = SigningAlg::ALL.into_iter().filter(|alg| signing(&rows, *alg).is_none());
        let mut made = Vec::new();
        for alg in missing {
            made.push(pair::make(alg, &seal, now, &**ids).await?);
        }
        if !made.is_empty() {
            store.insert_first_keys(made, now).await?;
            rows = store.signing_keys().await?;
        }
        let ring = RwLock::new(Arc::new(ring_of(&rows, &seal)?));
        let looked_at = tokio::sync::Mutex::new(now);
        Ok(Self { store, clock: Arc::clone(clock), seal, ring, looked_at })
    }

    pub(crate) async fn reload(&self) -> Result<(), AuthError> {
        let rows = self.store.signing_keys().await?;
        let ring = Arc::new(ring_of(&rows, &self.seal)?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(())
    }

    /// The JWK set, ready to send.
    pub(crate) fn jwks(&self) -> Bytes {
        let (ring, now) = (self.ring(), self.clock.now());
        if ring.published.iter().all(|key| key.is_alive(now)) {
            return ring.jwks.clone();
        }
        // Until the janitor comes by, which is within a minute.
        let alive: Vec<_> = ring.published.iter().filter(|key| key.is_alive(now)).collect();
        set_of(&alive).unwrap_or_else(|_| ring.jwks.clone())
    }

    /// A signed token of these claims, of this type (`typ`, RFC 8725 §3.11).
    pub(crate) fn sign(
        &self,
        alg: SigningAlg,
        typ: Option<&str>,
        claims: &impl Serialize,
    ) -> Result<String, AuthError> {
        let ring = self.ring();
        let signer = ring.signers.iter().find(|signer| signer.alg == alg);
        let signer = signer
            .ok_or_else(|| AuthError::Broken(format!("there is no signing key for {alg}")))?;
        let mut header = Header::new(algorithm(alg));
        (header.typ, header.kid) = (typ.map(str::to_owned), Some(signer.kid.clone()));
        signer.sign(&header, claims)
    }

    /// Gives a header that names the signing key, and the key.
    #[cfg(test)]
    pub(super) fn sign_with<T>(
        &self,
        alg: SigningAlg,
        sign: impl FnOnce(&mut Header, &EncodingKey) -> T,
    ) -> Option<T> {
        let ring = self.ring();
        let signer = ring.signers.iter().find(|signer| signer.alg == alg)?;
        let mut header = Header::new(algorithm(alg));
        header.kid = Some(signer.kid.clone());
        Some(sign(&mut header, &signer.key))
    }

    /// The key named `kid`, if it is ours and not dead, with the one algorithm that it is for: what
    /// a token's header says of that counts for nothing (RFC 8725 §3.1). No other place is ever
    /// asked for a key.
    pub(crate) fn verifier(&self, kid: &str) -> Option<(Algorithm, DecodingKey)> {
        let (ring, now) = (self.ring(), self.clock.now());
        let key = ring.published.iter().find(|key| key.kid == kid && key.is_alive(now))?;
        Some((key.algorithm, key.verifier.clone()))
    }

    /// Whether the key named `kid` is ours and not dead.
    pub(crate) fn believes(&self, kid: &str) -> bool {
        let (ring, now) = (self.ring(), self.clock.now());
        ring.published.iter().any(|key| key.kid == kid && key.is_alive(now))
    }

    /// As [`Keys::verifier`], and looks at the store for a name that is new: another node may sign
    /// with a new key before this one has heard of it. Names cost an attacker nothing, so it looks
    /// once a second at most.
    pub(crate) async fn find(&self, kid: &str) -> Option<(Algorithm, DecodingKey)> {
        if let Some(known) = self.verifier(kid) {
            return Some(known);
        }
        let mut looked_at = self.looked_at.lock().await;
        let now = self.clock.now();
        if (0..LOOK).contains(&now.since(*looked_at)) {
            // Whoever held the lock may have found it.
            return self.verifier(kid);
        }
        *looked_at = now;
        if let Err(error) = self.reload().await {
            tracing::warn!(%error, "the signing keys cannot be read");
            return None;
        }
        self.verifier(kid)
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// There is one that is not retired for each algorithm, so that every node picks the same.
fn signing(rows: &[SigningKey], alg: SigningAlg) -> Option<&SigningKey> {
    rows.iter().find(|row| row.alg == alg.as_str() && row.retired_at.is_none())
}

fn ring_of(rows: &[SigningKey], seal: &Seal) -> Result<Ring, AuthError> {
    let mut signers = Vec::new();
    for alg in SigningAlg::ALL {
        let row = signing(rows, alg)
            .ok_or_else(|| AuthError::Broken(format!("there is no signing key for {alg}")))?;
        let (key, rsa) = seal.signer(row, alg)?;
        signers.push(Signer { alg, kid: row.kid.clone(), key, rsa });
    }
    let mut published = Vec::with_capacity(rows.len());
    for row in rows {
        // One that we do not know is a newer version's.
        let Ok(alg) = row.alg.parse::<SigningAlg>() else { continue };
        let jwk: Jwk = serde_json::from_str(&row.public_jwk).map_err(broken)?;
        published.push(Published {
            kid: row.kid.clone(),
            algorithm: algorithm(alg),
            verifier: DecodingKey::from_jwk(&jwk).map_err(broken)?,
            jwk: serde_json::from_str(&row.public_jwk).map_err(broken)?,
            dead_at: row.dead_at(),
        });
    }
    let jwks = set_of(&published.iter().collect::<Vec<_>>())?;
    Ok(Ring { signers, published, jwks })
}

fn set_of(keys: &[&Published]) -> Result<Bytes, AuthError> {
    let keys: Vec<&PublicJwk> = keys.iter().map(|key| &key.jwk).collect();
    let set = serde_json::to_vec(&serde_json::json!({ "keys": keys })).map_err(broken)?;
    Ok(set.into())
}

impl Auth {
    /// A signed token of these claims.
    pub(crate) fn sign(
        &self,
        alg: SigningAlg,
        typ: Option<&str>,
        claims: &impl Serialize,
    ) -> Result<String, AuthError> {
        self.keys.sign(alg, typ, claims)
    }

    /// Every key that signs or is still published, oldest first.
    pub(crate) async fn signing_keys(&self) -> Result<Vec<SigningKey>, AuthError> {
        let (rows, now) = (self.store.signing_keys().await?, self.clock.now());
        Ok(rows.into_iter().filter(|row| row.dead_at().is_none_or(|at| now < at)).collect())
    }

    /// New keys sign from now on, here at once and on every node within a second. Gives them.
    pub(crate) async fn rotate_keys(
        &self,
        algs: &[SigningAlg],
    ) -> Result<Vec<SigningKey>, AuthError> {
        let now = self.clock.now();
        let mut made = Vec::with_capacity(algs.len());
        for alg in algs {
            made.push(pair::make(*alg, &self.keys.seal, now, &*self.ids).await?);
        }
        let names: Vec<&str> = made.iter().map(|key| key.kid.as_str()).collect();
        let event = self.event(AuthEventKind::KeysRotated, &Device::default());
        let event = event.with("keys", names.join(" "));
        self.store.rotate_keys(made.clone(), event, now).await?;
        self.reload_keys().await?;
        Ok(made)
    }
}

#[cfg(test)]
mod tests;
