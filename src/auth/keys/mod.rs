//! The signing keys: made at the first start, sealed at rest, published as a JWK set (RFC 7517).

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde::{Deserialize, Serialize};

use super::{AuthError, secret::Secret};
use crate::{
    domain::{clock::SharedClock, ids::SharedIds},
    store::{Store, keys::SigningKey},
};

pub(crate) const ALGORITHM: Algorithm = Algorithm::RS256;
const SEALING: &str = "signing keys v1";

/// The public half as it is published.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct PublicJwk {
    kty: String,
    #[serde(rename = "use")]
    usage: String,
    alg: String,
    kid: String,
    n: String,
    e: String,
}

struct Published {
    kid: String,
    verifier: DecodingKey,
}

/// What is signed with, and what is still believed.
struct Ring {
    kid: String,
    signer: EncodingKey,
    published: Vec<Published>,
    jwks: Bytes,
}

/// The keys as last loaded; [`Keys::reload`] follows a change of kind `key`.
pub(crate) struct Keys {
    store: Arc<Store>,
    sealing: LessSafeKey,
    ring: RwLock<Arc<Ring>>,
}

impl Keys {
    /// Loads the keys, and makes the first one if there is none.
    pub(crate) async fn open(
        store: Arc<Store>,
        secret: &Secret,
        clock: &SharedClock,
        ids: &SharedIds,
    ) -> Result<Self, AuthError> {
        let sealing = UnboundKey::new(&AES_256_GCM, &secret.key_for(SEALING))
            .map(LessSafeKey::new)
            .map_err(|_| AuthError::Broken("AES-256-GCM is not to be had".to_owned()))?;
        let mut rows = store.signing_keys().await?;
        if rows.iter().all(|row| row.retired_at.is_some()) {
            let kid = ids.token(16);
            let mut nonce = [0; NONCE_LEN];
            ids.fill(&mut nonce);
            let row = make_key(kid, nonce, &sealing, clock.now().0).await?;
            store.insert_first_key(row).await?;
            rows = store.signing_keys().await?;
        }
        let ring = RwLock::new(Arc::new(ring_of(&rows, &sealing)?));
        Ok(Self { store, sealing, ring })
    }

    pub(crate) async fn reload(&self) -> Result<(), AuthError> {
        let rows = self.store.signing_keys().await?;
        let ring = Arc::new(ring_of(&rows, &self.sealing)?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(())
    }

    /// The JWK set, ready to send.
    pub(crate) fn jwks(&self) -> Bytes {
        self.ring().jwks.clone()
    }

    /// Gives the signing key's `kid` and the key.
    pub(crate) fn sign_with<T>(&self, sign: impl FnOnce(&str, &EncodingKey) -> T) -> T {
        let ring = self.ring();
        sign(&ring.kid, &ring.signer)
    }

    /// The key named `kid`, if it is ours. No other place is ever asked for a key.
    pub(crate) fn verifier(&self, kid: &str) -> Option<DecodingKey> {
        let ring = self.ring();
        ring.published.iter().find(|key| key.kid == kid).map(|key| key.verifier.clone())
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The oldest key that is not retired signs, so that every node picks the same.
fn ring_of(rows: &[SigningKey], sealing: &LessSafeKey) -> Result<Ring, AuthError> {
    let signing = rows
        .iter()
        .find(|row| row.retired_at.is_none())
        .ok_or_else(|| AuthError::Broken("there is no signing key".to_owned()))?;
    let mut published = Vec::with_capacity(rows.len());
    let mut keys = Vec::with_capacity(rows.len());
    for row in rows {
        let jwk: PublicJwk = serde_json::from_str(&row.public_jwk).map_err(broken)?;
        let verifier = DecodingKey::from_rsa_components(&jwk.n, &jwk.e).map_err(broken)?;
        published.push(Published { kid: row.kid.clone(), verifier });
        keys.push(jwk);
    }
    let jwks = serde_json::to_vec(&serde_json::json!({ "keys": keys })).map_err(broken)?;
    let signer = EncodingKey::from_rsa_pem(pem(&unseal(signing, sealing)?).as_bytes())
        .map_err(|error| AuthError::Broken(format!("a signing key is damaged: {error}")))?;
    Ok(Ring { kid: signing.kid.clone(), signer, published, jwks: jwks.into() })
}

async fn make_key(
    kid: String,
    nonce: [u8; NONCE_LEN],
    sealing: &LessSafeKey,
    created_at: i64,
) -> Result<SigningKey, AuthError> {
    let pair = tokio::task::spawn_blocking(|| KeyPair::generate(KeySize::Rsa2048))
        .await
        .map_err(broken)?
        .map_err(broken)?;
    let public = pair.public_key();
    let jwk = PublicJwk {
        kty: "RSA".to_owned(),
        usage: "sig".to_owned(),
        alg: "RS256".to_owned(),
        kid: kid.clone(),
        n: URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
        e: URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
    };
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(broken)?;
    let mut sealed = der.as_ref().to_vec();
    sealing
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(kid.as_bytes()),
            &mut sealed,
        )
        .map_err(broken)?;
    Ok(SigningKey {
        kid,
        alg: jwk.alg.clone(),
        public_jwk: serde_json::to_string(&jwk).map_err(broken)?,
        private_sealed: STANDARD.encode([&nonce[..], &sealed].concat()),
        created_at,
        retired_at: None,
    })
}

/// Gives the key in PKCS #8.
fn unseal(row: &SigningKey, sealing: &LessSafeKey) -> Result<Vec<u8>, AuthError> {
    let closed = || {
        AuthError::Broken(
            "auth.secret does not open the stored signing key: every node on one database needs \
             the same. Set auth.secret on this one to that of the server that made the key (it is \
             in <data.dir>/secret there, if none was configured)"
                .to_owned(),
        )
    };
    let bytes = STANDARD.decode(&row.private_sealed).map_err(|_| closed())?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN).ok_or_else(closed)?;
    let mut sealed = sealed.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| closed())?;
    let opened = sealing
        .open_in_place(nonce, Aad::from(row.kid.as_bytes()), &mut sealed)
        .map_err(|_| closed())?;
    Ok(opened.to_vec())
}

fn pem(pkcs8: &[u8]) -> String {
    let mut text = String::from("-----BEGIN PRIVATE KEY-----\n");
    for line in STANDARD.encode(pkcs8).as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str("-----END PRIVATE KEY-----\n");
    text
}

fn broken(error: impl std::fmt::Display) -> AuthError {
    AuthError::Broken(format!("a signing key cannot be used: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{clock::SystemClock, ids::SeededIds},
        store::contract::on_lite,
    };

    async fn keys(store: &Arc<Store>, secret: &str) -> Result<Keys, AuthError> {
        let clock: SharedClock = Arc::new(SystemClock);
        let ids: SharedIds = Arc::new(SeededIds::new(3));
        Keys::open(Arc::clone(store), &Secret::new(secret).unwrap(), &clock, &ids).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_key_of_the_first_start_is_used_after_a_restart_and_only_its_secret_opens_it() {
        let (store, _folder) = on_lite().await;
        let store = Arc::new(store);

        let first = keys(&store, "a-secret-of-thirty-two-characters").await.unwrap();
        let second = keys(&store, "a-secret-of-thirty-two-characters").await.unwrap();
        let other = keys(&store, "b-secret-of-thirty-two-characters").await;

        assert_eq!(first.jwks(), second.jwks());
        let Err(AuthError::Broken(why)) = other else { panic!("another secret opened the key") };
        assert!(why.contains("auth.secret"), "{why}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_private_key_is_neither_published_nor_stored_in_clear() {
        let (store, _folder) = on_lite().await;
        let store = Arc::new(store);

        let keys = keys(&store, "a-secret-of-thirty-two-characters").await.unwrap();

        let set: serde_json::Value = serde_json::from_slice(&keys.jwks()).unwrap();
        let jwk = set["keys"][0].as_object().unwrap();
        let names: Vec<_> = jwk.keys().map(String::as_str).collect();
        assert_eq!(names.len(), 6, "{names:?}");
        assert_eq!((jwk["kty"].as_str(), jwk["use"].as_str()), (Some("RSA"), Some("sig")));
        let row = store.signing_keys().await.unwrap().remove(0);
        let stored = STANDARD.decode(&row.private_sealed).unwrap();
        assert!(KeyPair::from_pkcs8(&stored).is_err());
        assert!(KeyPair::from_pkcs8(&stored[NONCE_LEN..]).is_err());
    }
}
