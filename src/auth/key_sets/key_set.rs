//! Published keys (RFC 7517), as far as we would believe a signature by them.

use std::collections::{HashMap, HashSet};

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

/// Signatures by RSA keys are believed in these forms.
const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// One key and the algorithms it may be used with. Never a symmetric one.
#[derive(Clone)]
pub(in crate::auth) struct Key {
    pub(in crate::auth) verifier: DecodingKey,
    algorithms: Vec<Algorithm>,
}

impl Key {
    pub(in crate::auth) fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }
}

/// Keys by their names, and those without.
#[derive(Clone)]
pub(in crate::auth) struct KeySet {
    named: HashMap<String, Key>,
    nameless: Vec<Key>,
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.named.keys()).finish()
    }
}

impl KeySet {
    /// What of a JWK set can be used; none if that is nothing. A key for encryption cannot, nor a
    /// symmetric one. Of two with one name neither is believed.
    pub(in crate::auth) fn read(json: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_slice(json).ok()?;
        let (mut named, mut twice) = (HashMap::new(), HashSet::new());
        let mut nameless = Vec::new();
        for mut value in set.keys {
            // RFC 9864 gives EdDSA with this curve a name of its own.
            if let Some(alg) = value.get_mut("alg").filter(|alg| *alg == "Ed25519") {
                *alg = "EdDSA".into();
            }
            let Ok(jwk) = serde_json::from_value::<Jwk>(value) else { continue };
            let Some(key) = usable(&jwk) else { continue };
            let Some(name) = jwk.common.key_id else {
                nameless.push(key);
                continue;
            };
            if named.insert(name.clone(), key).is_some() {
                twice.insert(name);
            }
        }
        named.retain(|name, _| !twice.contains(name));
        let empty = named.is_empty() && nameless.is_empty();
        (!empty).then_some(Self { named, nameless })
    }

    /// As [`KeySet::read`], of an issuer whose tokens all name their key.
    pub(in crate::auth) fn read_named(json: &[u8]) -> Option<Self> {
        Self::read(json).filter(|set| !set.named.is_empty())
    }

    pub(in crate::auth) fn get(&self, name: &str) -> Option<&Key> {
        self.named.get(name)
    }

    /// The one key that can be meant where none is named (RFC 7515 §4.1.4 makes names optional): of
    /// two that fit neither is.
    pub(in crate::auth) fn only(&self, algorithm: Algorithm) -> Option<&Key> {
        let mut fitting =
            self.named.values().chain(&self.nameless).filter(|key| key.fits(algorithm));
        let only = fitting.next()?;
        fitting.next().is_none().then_some(only)
    }
}

fn usable(jwk: &Jwk) -> Option<Key> {
    let common = &jwk.common;
    let signs = common.public_key_use.as_ref().is_none_or(|it| *it == PublicKeyUse::Signature);
    let checks =
        common.key_operations.as_ref().is_none_or(|them| them.contains(&KeyOperations::Verify));
    if !signs || !checks {
        return None;
    }
    let mut algorithms = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => RSA.to_vec(),
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => vec![Algorithm::ES256],
            EllipticCurve::P384 => vec![Algorithm::ES384],
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            vec![Algorithm::EdDSA]
        }
        _ => return None,
    };
    if let Some(named) = common.key_algorithm {
        let named = Algorithm::try_from(named).ok()?;
        algorithms.retain(|algorithm| *algorithm == named);
    }
    if algorithms.is_empty() {
        return None;
    }
    let verifier = DecodingKey::from_jwk(jwk).ok()?;
    Some(Key { verifier, algorithms })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const N: &str = "sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri23bOdgWp4Dy1WlUzewbgBHod5pcM9H95GQRV3JDXboIRROSBigeC5yjU1hGzHHyXss8UDprecbAYxknTcQkhslANGRUZmdTOQ5qTRsLAt6BTYuyvVRdhS8exSZEy_c4gs_7svlJJQ4H9_NxsiIoLwAEk7-Q3UXERGYw_75IDrGA84-lA_-Ct4eTlXHBIY2EaV7t7LjJaynVJCpkv4LKjTTAumiGUIuQhrNhZLuF_RJLqHpM2kgWFLU7-VTdL1VbC2tejvcI2BlMkEpk1BzBZI0KQB0GaDWFLN-aEAw3vRw";

    fn read(keys: &Value) -> Option<KeySet> {
        KeySet::read_named(json!({ "keys": keys }).to_string().as_bytes())
    }

    fn rsa(name: &str) -> Value {
        json!({ "kty": "RSA", "kid": name, "n": N, "e": "AQAB" })
    }

    fn with(name: &str, field: &str, value: Value) -> Value {
        let mut key = rsa(name);
        key[field] = value;
        key
    }

    #[test]
    fn an_rsa_key_verifies_what_its_alg_says_or_all_of_rsa() {
        let set = read(&json!([rsa("any"), with("one", "alg", json!("RS256"))])).unwrap();

        let (any, one) = (set.get("any").unwrap(), set.get("one").unwrap());
        assert!(any.fits(Algorithm::RS256) && any.fits(Algorithm::PS512));
        assert!(one.fits(Algorithm::RS256) && !one.fits(Algorithm::PS256));
        for key in [any, one] {
            assert!(!key.fits(Algorithm::HS256) && !key.fits(Algorithm::ES256));
        }
    }

    /// Attack D14: a symmetric key in the set, two keys of one name, an algorithm of another kind.
    #[test]
    fn what_should_not_be_in_a_key_set_is_not_used() {
        let useless = json!([
            { "kty": "oct", "kid": "oct", "k": "c2VjcmV0", "alg": "HS256" },
            with("enc", "use", json!("enc")),
            with("ops", "key_ops", json!(["encrypt"])),
            with("hs", "alg", json!("HS256")),
            with("es", "alg", json!("ES256")),
            with("oaep", "alg", json!("RSA-OAEP")),
            { "kty": "RSA", "n": N, "e": "AQAB" },
            { "kty": "new", "kid": "new" },
            rsa("twice"),
            rsa("twice"),
            7,
        ]);
        assert!(read(&useless).is_none());
        let mut some = useless.clone();
        some.as_array_mut().unwrap().push(rsa("good"));
        let set = read(&some).unwrap();
        assert_eq!(format!("{set:?}"), "{\"good\"}");
    }

    #[test]
    fn what_is_no_key_set_is_none() {
        for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]}"#] {
            assert!(KeySet::read(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn where_no_key_is_named_the_only_one_that_fits_is_meant() {
        let read = |keys: Value| KeySet::read(json!({ "keys": keys }).to_string().as_bytes());
        let nameless = json!({ "kty": "RSA", "n": N, "e": "AQAB" });
        let one = read(json!([nameless])).unwrap();
        assert!(one.only(Algorithm::RS256).is_some());
        assert!(one.only(Algorithm::ES256).is_none());

        let two = read(json!([nameless, with("k", "alg", json!("RS256"))])).unwrap();
        assert!(two.only(Algorithm::RS256).is_none(), "either may be meant");
        assert!(two.only(Algorithm::PS256).is_some());
    }
}
