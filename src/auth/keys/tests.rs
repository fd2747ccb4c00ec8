use aws_lc_rs::{
    rsa::KeyPair as RsaKeyPair,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::Validation;
use serde_json::{Value, json};

use super::*;
use crate::{
    auth::tests::START,
    domain::{
        clock::{DAY, ManualClock},
        ids::SeededIds,
    },
    store::{
        auth_events::AuthEvent,
        contract::{on_both, on_lite},
    },
};

const SECRET: &str = "a-secret-of-thirty-two-characters";

async fn keys(store: &Arc<Store>, secret: &str) -> Result<Keys, AuthError> {
    node(store, secret, &Arc::new(ManualClock::at(START)), 3).await
}

/// A server on this store; each draws names of its own.
async fn node(
    store: &Arc<Store>,
    secret: &str,
    clock: &Arc<ManualClock>,
    seed: u64,
) -> Result<Keys, AuthError> {
    let clock: SharedClock = Arc::<ManualClock>::clone(clock);
    let ids: SharedIds = Arc::new(SeededIds::new(seed));
    Keys::open(Arc::clone(store), &Secret::new(secret).unwrap(), &clock, &ids).await
}

/// What a rotation does to the store, without the rest of [`Auth`].
async fn rotate(keys: &Keys, alg: SigningAlg, seed: u64) {
    let now = keys.clock.now();
    let made = pair::make(alg, &keys.seal, now, &SeededIds::new(seed)).await.unwrap();
    let event = AuthEvent {
        id: format!("evt_{seed}"),
        at: now.0,
        kind: AuthEventKind::KeysRotated.as_str().to_owned(),
        user_id: None,
        email: None,
        address: None,
        agent: None,
        detail: "{}".to_owned(),
    };
    keys.store.rotate_keys(vec![made], event, now).await.unwrap();
}

fn token(keys: &Keys, alg: SigningAlg) -> String {
    keys.sign(alg, Some("at+jwt"), &json!({ "sub": "ada" })).unwrap()
}

fn kid(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

/// Checks a token as those do who know our keys.
fn believed(keys: &Keys, token: &str) -> bool {
    let Some((algorithm, key)) = keys.verifier(&kid(token)) else { return false };
    let mut rules = Validation::new(algorithm);
    rules.required_spec_claims.clear();
    rules.validate_exp = false;
    let read = jsonwebtoken::decode::<Value>(token, &key, &rules);
    read.is_ok_and(|token| token.claims["sub"] == "ada")
}

fn published(keys: &Keys) -> Vec<Value> {
    let set: Value = serde_json::from_slice(&keys.jwks()).unwrap();
    set["keys"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_the_first_start_are_used_after_a_restart_and_only_its_secret_opens_them() {
    let (store, _folder) = on_lite().await;
    let store = Arc::new(store);

    let first = keys(&store, SECRET).await.unwrap();
    let second = keys(&store, SECRET).await.unwrap();
    let other = keys(&store, "b-secret-of-thirty-two-characters").await;

    assert_eq!(first.jwks(), second.jwks());
    let Err(AuthError::Broken(why)) = other else { panic!("another secret opened the key") };
    assert!(why.contains("auth.secret"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_database_has_rs256_alone_makes_the_others_and_keeps_that_one() {
    let (store, _folder) = on_lite().await;
    let store = Arc::new(store);
    let seal = Seal::new(&Secret::new(SECRET).unwrap()).unwrap();
    let old = pair::make(SigningAlg::Rs256, &seal, START, &SeededIds::new(9)).await.unwrap();
    store.insert_first_keys(vec![old.clone()], START).await.unwrap();

    let keys = keys(&store, SECRET).await.unwrap();

    assert_eq!(kid(&token(&keys, SigningAlg::Rs256)), old.kid);
    let algs: Vec<_> = published(&keys).iter().map(|key| key["alg"].clone()).collect();
    assert_eq!(algs.len(), 3);
    for alg in SigningAlg::ALL {
        assert!(algs.contains(&json!(alg)), "{alg}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_signed_with_each_algorithm_is_checked_by_what_is_published() {
    let (store, _folder) = on_lite().await;
    let keys = keys(&Arc::new(store), SECRET).await.unwrap();
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_slice(&keys.jwks()).unwrap();
    let mut names = Vec::new();
    for alg in SigningAlg::ALL {
        let token = token(&keys, alg);

        let header = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!((header.alg, header.typ.as_deref()), (algorithm(alg), Some("at+jwt")));
        assert!(believed(&keys, &token), "{alg}");
        let published = set.find(header.kid.as_deref().unwrap()).unwrap();
        let mut rules = Validation::new(header.alg);
        rules.required_spec_claims.clear();
        let key = DecodingKey::from_jwk(published).unwrap();
        assert!(jsonwebtoken::decode::<Value>(&token, &key, &rules).is_ok(), "{alg}");
        names.push(header.kid);
    }
    names.dedup();
    assert_eq!(names.len(), 3, "a name is of one key");
    let untyped = keys.sign(SigningAlg::EdDsa, None, &json!({})).unwrap();
    assert_eq!(jsonwebtoken::decode_header(&untyped).unwrap().typ, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_private_keys_are_neither_published_nor_stored_in_clear() {
    let (store, _folder) = on_lite().await;
    let store = Arc::new(store);

    let keys = keys(&store, SECRET).await.unwrap();

    for jwk in published(&keys) {
        let alg = jwk["alg"].as_str().unwrap();
        let expected: &[&str] = match alg {
            "RS256" => &["alg", "e", "kid", "kty", "n", "use"],
            "ES256" => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            _ => &["alg", "crv", "kid", "kty", "use", "x"],
        };
        let mut names: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{alg}");
        assert_eq!(jwk["use"], "sig");
    }
    for row in store.signing_keys().await.unwrap() {
        let stored = STANDARD.decode(&row.private_sealed).unwrap();
        for bytes in [&stored[..], &stored[12..]] {
            assert!(RsaKeyPair::from_pkcs8(bytes).is_err());
            assert!(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes).is_err());
            assert!(Ed25519KeyPair::from_pkcs8(bytes).is_err());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_signed_before_a_rotation_is_valid_after_it_on_every_node() {
    on_both(async |store| {
        let store = Arc::new(store);
        let clock = Arc::new(ManualClock::at(START));
        let here = node(&store, SECRET, &clock, 3).await.unwrap();
        let there = node(&store, SECRET, &clock, 4).await.unwrap();
        for (alg, seed) in SigningAlg::ALL.into_iter().zip(50..) {
            let old = token(&here, alg);
            rotate(&here, alg, seed).await;
            here.reload().await.unwrap();
            there.reload().await.unwrap();

            let new = token(&here, alg);
            assert_ne!(kid(&old), kid(&new), "{alg}");
            for node in [&here, &there] {
                assert!(believed(node, &old) && believed(node, &new), "{alg}");
            }
            assert_eq!(kid(&token(&there, alg)), kid(&new));
        }
        assert_eq!(published(&here).len(), 6);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_another_node_signs_with_already_is_looked_up_once_a_second() {
    let (store, _folder) = on_lite().await;
    let store = Arc::new(store);
    let clock = Arc::new(ManualClock::at(START));
    let here = node(&store, SECRET, &clock, 3).await.unwrap();
    let there = node(&store, SECRET, &clock, 4).await.unwrap();
    clock.advance(LOOK);
    rotate(&here, SigningAlg::Es256, 7).await;
    here.reload().await.unwrap();

    let new = kid(&token(&here, SigningAlg::Es256));
    assert!(there.verifier(&new).is_none());
    assert!(there.find(&new).await.is_some());

    rotate(&here, SigningAlg::Es256, 8).await;
    here.reload().await.unwrap();
    let newer = kid(&token(&here, SigningAlg::Es256));
    assert!(there.find(&newer).await.is_none(), "names cost nothing");
    clock.advance(LOOK);
    assert!(there.find(&newer).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_key_is_published_until_its_longest_token_is_dead_and_then_not_believed() {
    let (store, _folder) = on_lite().await;
    let clock = Arc::new(ManualClock::at(START));
    let keys = node(&Arc::new(store), SECRET, &clock, 3).await.unwrap();
    let old = token(&keys, SigningAlg::EdDsa);
    rotate(&keys, SigningAlg::EdDsa, 7).await;
    keys.reload().await.unwrap();

    clock.advance(30 * DAY - 1);
    assert!(believed(&keys, &old));
    assert_eq!(published(&keys).len(), 4);

    // Neither the janitor nor a change has been by.
    clock.advance(1);
    assert!(!believed(&keys, &old));
    let left = published(&keys);
    assert_eq!(left.len(), 3);
    assert!(left.iter().all(|key| key["kid"] != kid(&old)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_a_newer_version_is_passed_over() {
    let (store, _folder) = on_lite().await;
    let store = Arc::new(store);
    keys(&store, SECRET).await.unwrap();
    let row = SigningKey {
        kid: "future".to_owned(),
        alg: "ML-DSA-65".to_owned(),
        public_jwk: "{\"kty\":\"AKP\"}".to_owned(),
        private_sealed: "sealed".to_owned(),
        created_at: 1,
        retired_at: None,
    };
    store.insert_first_keys(vec![row], START).await.unwrap();

    assert_eq!(published(&keys(&store, SECRET).await.unwrap()).len(), 3);
}
