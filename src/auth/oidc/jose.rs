//! Signed objects that apps send: assertions, proofs of possession (RFC 7515, RFC 8725). Read without
//! trust in their shape; nothing in a header is ever fetched.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse},
};
use serde_json::{Map, Value};

use crate::{
    auth::jwt::MAX_LENGTH,
    domain::clock::{Millis, SECOND},
};

/// How far the clocks of two machines may differ.
pub(crate) const LEEWAY: i64 = 10 * SECOND;

/// A signed object whose signature nobody has looked at yet.
pub(crate) struct Signed<'a> {
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
    pub alg: Algorithm,
    message: &'a str,
    signature: &'a str,
}

impl<'a> Signed<'a> {
    /// Nothing if it is no object of the compact form, is signed by what we do not take, or asks
    /// for something that we do not understand (`crit`, RFC 7515 §4.1.11).
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let (message, signature) = text.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let (header, claims) = (object(header)?, object(claims)?);
        let plain = ["crit", "enc", "zip", "b64"].iter().all(|name| !header.contains_key(*name));
        let alg = algorithm(header.get("alg")?.as_str()?)?;
        plain.then_some(Self { header, claims, alg, message, signature })
    }

    pub(crate) fn is_signed_by(&self, key: &DecodingKey) -> bool {
        jsonwebtoken::crypto::verify(self.signature, self.message.as_bytes(), key, self.alg)
            .unwrap_or(false)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    /// A moment (RFC 7519 §2, `NumericDate`): absent, there, or nonsense.
    pub(crate) fn moment(&self, name: &str) -> Result<Option<Millis>, ()> {
        let Some(value) = self.claims.get(name) else { return Ok(None) };
        let whole = value.as_i64();
        let seconds = whole.or_else(|| value.as_f64().and_then(whole_seconds)).ok_or(())?;
        Ok(Some(Millis(seconds.saturating_mul(SECOND))))
    }
}

/// Rounded down; nothing where no clock goes.
fn whole_seconds(seconds: f64) -> Option<i64> {
    format!("{:.0}", seconds.floor()).parse().ok()
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// What apps may sign with. Never "none", never a shared secret (attack D15).
pub(crate) fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "ES256" => Some(Algorithm::ES256),
        "PS256" => Some(Algorithm::PS256),
        "RS256" => Some(Algorithm::RS256),
        // RFC 9864 gives EdDSA with this curve a name of its own.
        "EdDSA" | "Ed25519" => Some(Algorithm::EdDSA),
        _ => None,
    }
}

/// What a key can be used with here, if it is public, for signatures, and of the algorithm's kind.
pub(crate) fn verifier(jwk: &Value, alg: Algorithm) -> Option<(Jwk, DecodingKey)> {
    const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    let mut members = jwk.as_object()?.clone();
    if PRIVATE.iter().any(|name| members.contains_key(*name)) {
        return None;
    }
    if let Some(named) = members.remove("alg")
        && named.as_str().and_then(algorithm) != Some(alg)
    {
        return None;
    }
    let jwk: Jwk = serde_json::from_value(Value::Object(members)).ok()?;
    let common = &jwk.common;
    let signs = common.public_key_use.as_ref().is_none_or(|it| *it == PublicKeyUse::Signature);
    let checks =
        common.key_operations.as_ref().is_none_or(|them| them.contains(&KeyOperations::Verify));
    let fits = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => matches!(alg, Algorithm::RS256 | Algorithm::PS256),
        AlgorithmParameters::EllipticCurve(key) => {
            alg == Algorithm::ES256 && key.curve == EllipticCurve::P256
        }
        AlgorithmParameters::OctetKeyPair(key) => {
            alg == Algorithm::EdDSA && key.curve == EllipticCurve::Ed25519
        }
        _ => false,
    };
    if !(signs && checks && fits) {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some((jwk, key))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use aws_lc_rs::{
        encoding::AsBigEndian,
        rand::SystemRandom,
        rsa::KeySize,
        signature::{
            ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
            RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
        },
    };
    use serde_json::json;

    use super::*;

    type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;

    /// An app's own key.
    pub(crate) struct Pair {
        public: Value,
        sign: Sign,
        alg: &'static str,
    }

    impl Pair {
        pub(crate) fn es256() -> Self {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
            let point: Vec<u8> = {
                use aws_lc_rs::encoding::EcPublicKeyUncompressedBin;
                let bin: EcPublicKeyUncompressedBin<'_> = pair.public_key().as_be_bytes().unwrap();
                bin.as_ref().to_vec()
            };
            let public = json!({
                "kty": "EC", "crv": "P-256",
                "x": URL_SAFE_NO_PAD.encode(&point[1..33]),
                "y": URL_SAFE_NO_PAD.encode(&point[33..]),
            });
            let sign = Box::new(move |message: &[u8]| {
                pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
            });
            Self { public, sign, alg: "ES256" }
        }

        pub(crate) fn ed25519() -> Self {
            let pair = Ed25519KeyPair::generate().unwrap();
            let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
            let sign = Box::new(move |message: &[u8]| pair.sign(message).as_ref().to_vec());
            Self { public: json!({"kty": "OKP", "crv": "Ed25519", "x": x}), sign, alg: "Ed25519" }
        }

        /// One key of RSA, as it signs with RS256 and with PS256.
        pub(crate) fn rsa() -> [Self; 2] {
            let pair = Arc::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
            let modulus = pair.public_key().modulus().big_endian_without_leading_zero();
            let n = URL_SAFE_NO_PAD.encode(modulus);
            let public = json!({"kty": "RSA", "n": n, "e": "AQAB"});
            let with = |alg, how: &'static dyn RsaEncoding| {
                let pair = Arc::clone(&pair);
                let sign = Box::new(move |message: &[u8]| {
                    let mut signature = vec![0; pair.public_modulus_len()];
                    pair.sign(how, &SystemRandom::new(), message, &mut signature).unwrap();
                    signature
                });
                Self { public: public.clone(), sign, alg }
            };
            [with("RS256", &RSA_PKCS1_SHA256), with("PS256", &RSA_PSS_SHA256)]
        }

        pub(crate) fn public(&self) -> Value {
            self.public.clone()
        }

        /// A set of this key alone.
        pub(crate) fn jwks(&self) -> Value {
            json!({ "keys": [self.public] })
        }

        /// With this key whatever the header says; `alg` is added where it says none.
        pub(crate) fn sign(&self, mut header: Value, claims: &Value) -> String {
            let members = header.as_object_mut().unwrap();
            members.entry("alg").or_insert(json!(self.alg));
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let message = format!("{}.{}", part(&header), part(claims));
            format!("{message}.{}", URL_SAFE_NO_PAD.encode((self.sign)(message.as_bytes())))
        }

        pub(crate) fn thumbprint(&self) -> String {
            let jwk: Jwk = serde_json::from_value(self.public.clone()).unwrap();
            jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap()
        }
    }

    fn holds(text: &str, public: &Value) -> bool {
        Signed::read(text).is_some_and(|signed| {
            verifier(public, signed.alg).is_some_and(|(_, key)| signed.is_signed_by(&key))
        })
    }

    #[test]
    fn a_signature_holds_by_its_own_key_and_by_both_names_of_the_edwards_curve() {
        let (ec, ed) = (Pair::es256(), Pair::ed25519());
        for pair in [&ec, &ed] {
            let text = pair.sign(json!({}), &json!({"sub": "app"}));
            assert!(holds(&text, &pair.public()), "{}", pair.alg);
            assert!(!holds(&text, &Pair::es256().public()), "{}", pair.alg);
        }
        assert!(holds(&ed.sign(json!({"alg": "EdDSA"}), &json!({})), &ed.public()));
    }

    /// Attack D15.
    #[test]
    fn what_asks_for_more_or_less_than_we_know_is_not_read() {
        let pair = Pair::es256();
        let headers = [
            json!({"alg": "none"}),
            json!({"alg": "HS256"}),
            json!({"alg": "ES384"}),
            json!({"alg": 7}),
            json!({"crit": ["exp"]}),
            json!({"b64": false}),
            json!({"zip": "DEF"}),
        ];
        for header in headers {
            assert!(!holds(&pair.sign(header.clone(), &json!({})), &pair.public()), "{header}");
        }
        let good = pair.sign(json!({}), &json!({}));
        let (message, _) = good.rsplit_once('.').unwrap();
        let zeros = URL_SAFE_NO_PAD.encode([0; 64]);
        let deep = URL_SAFE_NO_PAD.encode("[".repeat(5_000));
        for text in [
            format!("{message}."),
            format!("{message}.{zeros}"),
            format!("{good}.more"),
            good.replace('.', ""),
            format!("{}.{deep}.x", good.split('.').next().unwrap()),
            "A".repeat(1_000_000),
        ] {
            assert!(!holds(&text, &pair.public()), "{}", &text[..text.len().min(80)]);
        }
    }

    #[test]
    fn only_public_keys_for_signatures_of_the_right_kind_are_used() {
        let pair = Pair::es256();
        let with = |name: &str, value: Value| {
            let mut jwk = pair.public();
            jwk[name] = value;
            jwk
        };
        let es256 = |jwk: &Value| verifier(jwk, Algorithm::ES256).is_some();
        assert!(es256(&pair.public()) && es256(&with("use", json!("sig"))));
        assert!(es256(&with("alg", json!("ES256"))));
        for jwk in [
            with("d", json!("AAAA")),
            with("k", json!("AAAA")),
            with("use", json!("enc")),
            with("key_ops", json!(["sign"])),
            with("alg", json!("RS256")),
            with("crv", json!("P-384")),
            with("kty", json!("oct")),
            json!("text"),
        ] {
            assert!(!es256(&jwk), "{jwk}");
        }
        assert!(verifier(&pair.public(), Algorithm::RS256).is_none());
    }
}
