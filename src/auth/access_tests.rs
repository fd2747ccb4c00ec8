use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::*;
use crate::auth::{sessions::Device, tests::Bench};

fn parts(jwt: &str) -> (Value, Value, String) {
    let mut parts = jwt.split('.');
    let mut json =
        || serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap()).unwrap();
    let (header, claims) = (json(), json());
    (header, claims, parts.next().unwrap().to_owned())
}

fn encode(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

/// A token signed with our real key, as far from an access token as the test wants.
fn signed(bench: &Bench, change: impl FnOnce(&mut Header, &mut Value), claims: &Value) -> String {
    signed_with(bench, SigningAlg::Rs256, change, claims)
}

fn signed_with(
    bench: &Bench,
    alg: SigningAlg,
    change: impl FnOnce(&mut Header, &mut Value),
    claims: &Value,
) -> String {
    let mut claims = claims.clone();
    let sign = |header: &mut Header, key: &EncodingKey| {
        header.typ = Some(jwt::ACCESS.to_owned());
        change(header, &mut claims);
        jsonwebtoken::encode(header, &claims, key).unwrap()
    };
    bench.auth.keys.sign_with(alg, sign).unwrap()
}

/// The published keys by their algorithm.
fn public(bench: &Bench, alg: &str) -> Value {
    let set: Value = serde_json::from_slice(&bench.auth.jwks()).unwrap();
    let keys = set["keys"].as_array().unwrap();
    keys.iter().find(|key| key["alg"] == alg).unwrap().clone()
}

async fn refused(bench: &Bench, jwt: &str) -> bool {
    matches!(bench.auth.by_access_token(jwt).await, Err(AuthError::BadToken))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_names_issuer_audience_client_scope_session_and_lives_six_hours() {
    let bench = Bench::new().await;
    let ada = bench.signed_in("ada", Role::Student).await;

    let jwt = bench.auth.issue_access_token(&ada).unwrap();

    let (header, claims, _) = parts(&jwt);
    assert_eq!((header["typ"].as_str(), header["alg"].as_str()), (Some("at+jwt"), Some("RS256")));
    assert!(header["kid"].is_string());
    assert_eq!(claims["iss"], "http://localhost:8080/api/auth");
    assert_eq!(claims["aud"], "http://localhost:8080/api");
    assert_eq!(claims["sub"], "ada");
    assert_eq!(claims["scope"], "tutor");
    assert_eq!(claims["sid"], ada.session.as_str());
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 6 * 3_600);
    let back = bench.auth.by_bearer(&jwt).await.unwrap();
    assert_eq!((back.user, back.session), (ada.user, ada.session));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_an_admin_carries_no_staff_rights_without_the_scope() {
    let bench = Bench::new().await;
    let root = bench.signed_in("root", Role::Admin).await;
    assert!(root.is_staff());
    let jwt = bench.auth.issue_access_token(&root).unwrap();

    let plain = bench.auth.by_access_token(&jwt).await.unwrap();
    assert!(!plain.is_staff());
    assert!(!bench.auth.refreshed(&plain).await.unwrap().is_staff());

    let (_, claims, _) = parts(&jwt);
    let with = signed(&bench, |_, claims| claims["scope"] = json!("tutor admin"), &claims);
    assert!(bench.auth.by_access_token(&with).await.unwrap().is_staff());
}

/// Attack C6: sign-out with a token still within its six hours.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_worth_nothing_once_its_session_is_gone() {
    let bench = Bench::new().await;
    let ada = bench.signed_in("ada", Role::Student).await;
    let jwt = bench.auth.issue_access_token(&ada).unwrap();
    assert!(!refused(&bench, &jwt).await);

    bench.auth.sign_out(&ada, &Device::default()).await.unwrap();

    assert!(refused(&bench, &jwt).await);
}

/// Attack D15: what was found good once stands for that very token alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_opened_before_opens_with_its_own_signature_alone() {
    let bench = Bench::new().await;
    let ada = bench.signed_in("ada", Role::Student).await;
    let jwt = bench.auth.issue_access_token(&ada).unwrap();
    let first = bench.auth.open_access_token(&jwt).await.unwrap();
    let second = bench.auth.open_access_token(&jwt).await.unwrap();
    assert!(Arc::ptr_eq(&first, &second), "its signature was checked once");

    let (signed, signature) = jwt.rsplit_once('.').unwrap();
    let (start, end) = signature.split_at(signature.len() - 4);
    let other = if end == "AAAA" { "BBBB" } else { "AAAA" };
    for jwt in [format!("{signed}.{start}{other}"), format!("{signed}."), format!("{jwt} ")] {
        assert!(refused(&bench, &jwt).await, "{jwt}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_each_algorithm_opens() {
    let bench = Bench::new().await;
    let ada = bench.signed_in("ada", Role::Student).await;
    let (_, claims, _) = parts(&bench.auth.issue_access_token(&ada).unwrap());
    for alg in SigningAlg::ALL {
        let jwt = signed_with(&bench, alg, |_, _| {}, &claims);
        assert!(!refused(&bench, &jwt).await, "{alg}");
        let api = bench.auth.sign(alg, Some(jwt::ACCESS), &claims).unwrap();
        assert!(!refused(&bench, &api).await, "{alg}");
    }
}

/// Attack D15: what a header says of algorithms and keys.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_another_algorithm_or_key_is_refused() {
    let bench = Bench::new().await;
    let ada = bench.signed_in("ada", Role::Student).await;
    let jwt = bench.auth.issue_access_token(&ada).unwrap();
    let (header, claims, signature) = parts(&jwt);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut header = header.clone();
        change(&mut header);
        format!("{}.{}.{signature}", encode(&header), encode(&claims))
    };
    let jwk = public(&bench, "RS256");

    let mut forged = vec![
        format!("{}.{}.", encode(&json!({"alg":"none","typ":"at+jwt"})), encode(&claims)),
        with(&|h| h["alg"] = json!("none")),
        with(&|h| h["alg"] = json!("None")),
        with(&|h| h["alg"] = json!("")),
        with(&|h| h["kid"] = json!("../../etc/passwd")),
        with(&|h| h["kid"] = json!("' OR 1=1--")),
        with(&|h| h["kid"] = json!("\u{0}")),
        with(&|h| h["kid"] = json!(["x"])),
        with(&|h| h["kid"] = Value::Null),
        with(&|h| h["jku"] = json!("http://127.0.0.1:1/jwks")),
        with(&|h| h["x5u"] = json!("http://127.0.0.1:1/cert")),
        with(&|h| h["x5c"] = json!(["MIIB"])),
        with(&|h| h["jwk"] = jwk.clone()),
        with(&|h| h["crit"] = json!(["exp"])),
        with(&|h| h["b64"] = json!(false)),
    ];
    let mut confuse = |algorithm: Algorithm, kid: &Value, key: &EncodingKey| {
        let mut confused = Header::new(algorithm);
        confused.typ = Some(jwt::ACCESS.to_owned());
        confused.kid = kid.as_str().map(str::to_owned);
        forged.push(jsonwebtoken::encode(&confused, &claims, key).unwrap());
    };
    // HS256 with what is public as the secret: the set, a key of it, its number.
    let number = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    for secret in [&bench.auth.jwks()[..], jwk.to_string().as_bytes(), &number] {
        confuse(Algorithm::HS256, &header["kid"], &EncodingKey::from_secret(secret));
    }
    let x = URL_SAFE_NO_PAD.decode(public(&bench, "EdDSA")["x"].as_str().unwrap()).unwrap();
    let kid = public(&bench, "EdDSA")["kid"].clone();
    confuse(Algorithm::HS256, &kid, &EncodingKey::from_secret(&x));
    // Rightly signed with our own key, but not as that key signs.
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        forged.push(signed(&bench, |h, _| h.alg = algorithm, &claims));
    }
    forged.push(signed(&bench, |h, _| h.crit = Some(vec!["b64".to_owned()]), &claims));
    forged.push(signed(&bench, |h, _| h.extras.insert("b64", false), &claims));
    forged.push(signed(&bench, |h, _| h.kid = None, &claims));
    // A good signature under the name of another key of ours.
    let other = public(&bench, "ES256")["kid"].as_str().unwrap().to_owned();
    forged.push(signed(&bench, |h, _| h.kid = Some(other), &claims));
    for jwt in forged {
        assert!(refused(&bench, &jwt).await, "{}", &jwt[..jwt.len().min(200)]);
    }
}

/// Attack D15: a key of the attacker's own, brought along in the header.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_token_brings_along_is_never_used() {
    let bench = Bench::new().await;
    let ada = bench.signed_in("ada", Role::Student).await;
    let (header, claims, _) = parts(&bench.auth.issue_access_token(&ada).unwrap());
    let eve = crate::auth::issuer::tests::Mint::new("eve");
    let theirs: jsonwebtoken::jwk::Jwk = serde_json::from_value(eve.jwk()).unwrap();
    for kid in [header["kid"].as_str(), public(&bench, "ES256")["kid"].as_str(), Some("eve"), None]
    {
        let jwt = eve.sign(&claims, |it| {
            it.kid = kid.map(str::to_owned);
            it.jwk = Some(theirs.clone());
            it.jku = Some("https://eve.example/jwks".to_owned());
            it.x5u = Some("https://eve.example/cert".to_owned());
        });
        assert!(refused(&bench, &jwt).await, "{kid:?}");
    }
}

/// Attack D15: the ECDSA signature that is right for everything where r and s are not checked
/// (CVE-2022-21449), and its neighbours.
#[tokio::test(flavor = "multi_thread")]
async fn a_signature_of_zeros_is_refused() {
    let bench = Bench::new().await;
    let ada = bench.signed_in("ada", Role::Student).await;
    let (_, claims, _) = parts(&bench.auth.issue_access_token(&ada).unwrap());
    for alg in SigningAlg::ALL {
        let jwt = signed_with(&bench, alg, |_, _| {}, &claims);
        let (body, signature) = jwt.rsplit_once('.').unwrap();
        let length = URL_SAFE_NO_PAD.decode(signature).unwrap().len();
        // An empty sequence in DER, zeros in DER, nothing.
        let der = [0x30, 0x06, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00];
        for bad in [vec![0; length], vec![0xff; length], vec![0; 1], der.to_vec(), Vec::new()] {
            let forged = format!("{body}.{}", URL_SAFE_NO_PAD.encode(bad));
            assert!(refused(&bench, &forged).await, "{alg}: {forged}");
        }
    }
}

/// Attack D15: what is no token, or too much of one.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_no_set_of_claims_is_refused() {
    let bench = Bench::new().await;
    let ada = bench.signed_in("ada", Role::Student).await;
    let jwt = bench.auth.issue_access_token(&ada).unwrap();
    let (header, claims, signature) = parts(&jwt);
    let deep = |depth: usize| URL_SAFE_NO_PAD.encode("[".repeat(depth) + &"]".repeat(depth));
    let mut bad = vec![
        jwt.replace('.', ".."),
        format!("{jwt}.more"),
        format!("{jwt}={signature}"),
        format!("{jwt}{}", "A".repeat(1_000_000)),
        format!("{}.{}.{signature}", "A".repeat(1_000_000), encode(&claims)),
        format!("{}.{}.{signature}", encode(&header), deep(2_500)),
        format!("{}.{}.{signature}", deep(2_500), encode(&claims)),
        format!("{}.{}.{signature}", encode(&header), deep(10_000)),
        "..".to_owned(),
        "a.b.c".to_owned(),
    ];
    // Another token as the body of one (nested JWT), with a good signature.
    let nested = |header: &mut Header, key: &EncodingKey| {
        header.typ = Some(jwt::ACCESS.to_owned());
        header.cty = Some("JWT".to_owned());
        jsonwebtoken::encode(header, &jwt, key).unwrap()
    };
    bad.push(bench.auth.keys.sign_with(SigningAlg::Rs256, nested).unwrap());
    let mut nest = json!({});
    for _ in 0..100 {
        nest = json!({ "a": nest });
    }
    bad.push(signed(&bench, |_, claims| claims["aud"] = nest, &claims));
    for jwt in bad {
        assert!(refused(&bench, &jwt).await, "{}", &jwt[..jwt.len().min(200)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_outlives_a_rotation_and_not_its_key() {
    let bench = Bench::new().await;
    let ada = bench.signed_in("ada", Role::Student).await;
    let old = bench.auth.issue_access_token(&ada).unwrap();

    let made = bench.auth.rotate_keys(&SigningAlg::ALL).await.unwrap();

    assert_eq!(made.len(), 3);
    assert!(!refused(&bench, &old).await);
    let (header, mut claims, _) = parts(&bench.auth.issue_access_token(&ada).unwrap());
    assert_eq!(header["kid"], made[0].kid.as_str());
    assert_eq!(bench.auth.signing_keys().await.unwrap().len(), 6);
    let event = bench.store.newest_auth_events(1).await.unwrap().remove(0);
    assert!(event.detail.contains(&made[2].kid) && event.kind == "keys_rotated", "{event:?}");

    // The key is what makes the difference: both tokens say that they are good for long.
    claims["exp"] = json!(bench.auth.clock.now().0 / SECOND + 40 * 86_400);
    let stays = signed(&bench, |_, _| {}, &claims);
    bench.auth.rotate_keys(&[SigningAlg::Rs256]).await.unwrap();
    assert!(!refused(&bench, &stays).await);
    bench.store.forget_keys(bench.auth.clock.now().plus(31 * 86_400 * SECOND)).await.unwrap();
    bench.auth.reload_keys().await.unwrap();
    assert!(refused(&bench, &stays).await);
}

type Change = fn(&mut Header, &mut Value);

/// Attack D16: a token of ours, rightly signed, for something else.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_type_audience_issuer_or_scope_is_refused() {
    let bench = Bench::new().await;
    let ada = bench.signed_in("ada", Role::Student).await;
    let (_, claims, _) = parts(&bench.auth.issue_access_token(&ada).unwrap());
    let changes: [(&str, Change); 9] = [
        ("an ID token", |h, _| h.typ = Some("JWT".to_owned())),
        ("no type", |h, _| h.typ = None),
        ("a logout token", |h, _| h.typ = Some("logout+jwt".to_owned())),
        ("another audience", |_, c| c["aud"] = json!("some-client")),
        ("no audience", |_, c| c["aud"] = json!([])),
        ("another issuer", |_, c| c["iss"] = json!("http://localhost:8080")),
        ("openid alone", |_, c| c["scope"] = json!("openid tutorial")),
        ("another's session", |_, c| c["sub"] = json!("eve")),
        ("an unknown session", |_, c| c["sid"] = json!("s")),
    ];
    for (name, change) in changes {
        assert!(refused(&bench, &signed(&bench, change, &claims)).await, "{name}");
    }
    let many = signed(&bench, |_, c| c["aud"] = json!(["x", "http://localhost:8080/api"]), &claims);
    assert!(!refused(&bench, &many).await);
}

/// Attack D17: clocks that differ.
#[tokio::test(flavor = "multi_thread")]
async fn times_may_be_ten_seconds_off_and_no_more() {
    let bench = Bench::new().await;
    let ada = bench.signed_in("ada", Role::Student).await;
    let (_, claims, _) = parts(&bench.auth.issue_access_token(&ada).unwrap());
    let now = bench.auth.clock.now().0 / SECOND;
    for (name, offset, good) in [
        ("exp", -9, true),
        ("exp", -10, false),
        ("iat", 10, true),
        ("iat", 11, false),
        ("nbf", 8, true),
        ("nbf", 120, false),
    ] {
        let jwt = signed(&bench, |_, claims| claims[name] = json!(now + offset), &claims);
        assert_eq!(!refused(&bench, &jwt).await, good, "{name} {offset}");
    }
    let without = signed(&bench, |_, c| drop(c.as_object_mut().unwrap().remove("exp")), &claims);
    assert!(refused(&bench, &without).await);
}
