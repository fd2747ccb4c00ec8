//! One key pair: how it is made, what of it is published, how the rest is sealed.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde::{Deserialize, Serialize};

use super::{AuthError, Secret};
use crate::{
    domain::{clock::Millis, ids::Ids, oidc::alg::SigningAlg},
    store::keys::SigningKey,
};

const SEALING: &str = "signing keys v1";
/// The length of an Ed25519 public key and of a P-256 coordinate.
const SHORT: usize = 32;

/// The public half as it is published. Whatever else a stored row may hold, nothing but this is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PublicJwk {
    #[serde(flatten)]
    material: Material,
    #[serde(rename = "use")]
    usage: String,
    alg: String,
    kid: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kty")]
enum Material {
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    #[serde(rename = "EC")]
    Ec { crv: String, x: String, y: String },
    #[serde(rename = "OKP")]
    Okp { crv: String, x: String },
}

pub(super) const fn algorithm(alg: SigningAlg) -> Algorithm {
    match alg {
        SigningAlg::Rs256 => Algorithm::RS256,
        SigningAlg::Es256 => Algorithm::ES256,
        SigningAlg::EdDsa => Algorithm::EdDSA,
    }
}

/// What private halves are encrypted with.
pub(super) struct Seal(LessSafeKey);

impl Seal {
    pub(super) fn new(secret: &Secret) -> Result<Self, AuthError> {
        UnboundKey::new(&AES_256_GCM, &secret.key_for(SEALING))
            .map(|key| Self(LessSafeKey::new(key)))
            .map_err(|_| AuthError::Broken("AES-256-GCM is not to be had".to_owned()))
    }

    fn close(&self, private: &[u8], kid: &str, ids: &dyn Ids) -> Result<String, AuthError> {
        let mut nonce = [0; NONCE_LEN];
        ids.fill(&mut nonce);
        let mut sealed = private.to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        self.0
            .seal_in_place_append_tag(unique, Aad::from(kid.as_bytes()), &mut sealed)
            .map_err(broken)?;
        Ok(STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// Gives the key in PKCS #8.
    fn open(&self, row: &SigningKey) -> Result<Vec<u8>, AuthError> {
        let closed = || {
            AuthError::Broken(
                "auth.secret does not open the stored signing key: every node on one database \
                 needs the same. Set auth.secret on this one to that of the server that made the \
                 key (it is in <data.dir>/secret there, if none was configured)"
                    .to_owned(),
            )
        };
        let bytes = STANDARD.decode(&row.private_sealed).map_err(|_| closed())?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN).ok_or_else(closed)?;
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| closed())?;
        let opened = self
            .0
            .open_in_place(nonce, Aad::from(row.kid.as_bytes()), &mut sealed)
            .map_err(|_| closed())?;
        Ok(opened.to_vec())
    }

    /// The stored key, ready to sign.
    pub(super) fn signer(
        &self,
        row: &SigningKey,
        alg: SigningAlg,
    ) -> Result<(EncodingKey, Option<RsaKeyPair>), AuthError> {
        let pkcs8 = self.open(row)?;
        match alg {
            SigningAlg::Rs256 => {
                let pair = RsaKeyPair::from_pkcs8(&pkcs8).map_err(broken)?;
                let key = EncodingKey::from_rsa_pem(pem(&pkcs8).as_bytes()).map_err(broken)?;
                Ok((key, Some(pair)))
            }
            SigningAlg::Es256 => Ok((EncodingKey::from_ec_der(&pkcs8), None)),
            SigningAlg::EdDsa => Ok((EncodingKey::from_ed_der(&pkcs8), None)),
        }
    }
}

/// A new pair, as it is stored.
pub(super) async fn make(
    alg: SigningAlg,
    seal: &Seal,
    now: Millis,
    ids: &dyn Ids,
) -> Result<SigningKey, AuthError> {
    let kid = ids.token(16);
    // An RSA key takes a second to find.
    let (material, private) =
        tokio::task::spawn_blocking(move || pair(alg)).await.map_err(broken)??;
    let jwk = PublicJwk {
        material,
        usage: "sig".to_owned(),
        alg: alg.as_str().to_owned(),
        kid: kid.clone(),
    };
    Ok(SigningKey {
        private_sealed: seal.close(&private, &kid, ids)?,
        public_jwk: serde_json::to_string(&jwk).map_err(broken)?,
        kid,
        alg: jwk.alg,
        created_at: now.0,
        retired_at: None,
    })
}

/// The public half, and the private one in PKCS #8.
fn pair(alg: SigningAlg) -> Result<(Material, Vec<u8>), AuthError> {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    match alg {
        SigningAlg::Rs256 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(broken)?;
            let public = pair.public_key();
            let material = Material::Rsa {
                n: text(public.modulus().big_endian_without_leading_zero()),
                e: text(public.exponent().big_endian_without_leading_zero()),
            };
            let der: Pkcs8V1Der<'_> = pair.as_der().map_err(broken)?;
            Ok((material, der.as_ref().to_vec()))
        }
        SigningAlg::Es256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(broken)?;
            // SEC 1 §2.3.3: 04, then both coordinates.
            let point = pair.public_key().as_ref();
            let (x, y) = point
                .strip_prefix(&[4])
                .and_then(|both| both.split_at_checked(SHORT))
                .ok_or_else(|| broken("its public half is no point"))?;
            let material = Material::Ec { crv: "P-256".to_owned(), x: text(x), y: text(y) };
            let der = pair.to_pkcs8v1().map_err(broken)?;
            Ok((material, der.as_ref().to_vec()))
        }
        SigningAlg::EdDsa => {
            let pair = Ed25519KeyPair::generate().map_err(broken)?;
            let x = text(pair.public_key().as_ref());
            let material = Material::Okp { crv: "Ed25519".to_owned(), x };
            let der = pair.to_pkcs8v1().map_err(broken)?;
            Ok((material, der.as_ref().to_vec()))
        }
    }
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

pub(super) fn broken(error: impl std::fmt::Display) -> AuthError {
    AuthError::Broken(format!("a signing key cannot be used: {error}"))
}
