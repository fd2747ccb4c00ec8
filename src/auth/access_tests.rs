use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
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
    let mut claims = claims.clone();
    bench.auth.keys.sign_with(|kid, key| {
        let mut header = Header::new(keys::ALGORITHM);
        header.typ = Some(jwt::ACCESS.to_owned());
        header.kid = Some(kid.to_owned());
        change(&mut header, &mut claims);
        jsonwebtoken::encode(&header, &claims, key).unwrap()
    })
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

/// Attack D15: forged and confused signatures.
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

    let mut forged = vec![
        format!("{}.{}.", encode(&json!({"alg":"none","typ":"at+jwt"})), encode(&claims)),
        with(&|h| h["alg"] = json!("none")),
        with(&|h| h["kid"] = json!("../../etc/passwd")),
        with(&|h| h["kid"] = json!("' OR 1=1--")),
        with(&|h| h["kid"] = Value::Null),
        with(&|h| h["jku"] = json!("http://127.0.0.1:1/jwks")),
        with(&|h| h["x5u"] = json!("http://127.0.0.1:1/cert")),
        jwt.replace('.', ".."),
        format!("{jwt}.more"),
        format!("{jwt}{}", "A".repeat(1_000_000)),
        format!("{}.{}.{signature}", encode(&header), URL_SAFE_NO_PAD.encode("[".repeat(4_000))),
        "..".to_owned(),
        "a.b.c".to_owned(),
    ];
    // HS256 with the public key as the secret.
    let mut confused = Header::new(jsonwebtoken::Algorithm::HS256);
    confused.typ = Some(jwt::ACCESS.to_owned());
    confused.kid = header["kid"].as_str().map(str::to_owned);
    let public = jsonwebtoken::EncodingKey::from_secret(&bench.auth.jwks());
    forged.push(jsonwebtoken::encode(&confused, &claims, &public).unwrap());
    // RS384 with our own key is not what we sign with.
    forged.push(signed(&bench, |h, _| h.alg = jsonwebtoken::Algorithm::RS384, &claims));
    forged.push(signed(&bench, |h, _| h.crit = Some(vec!["b64".to_owned()]), &claims));
    for jwt in forged {
        assert!(refused(&bench, &jwt).await, "{}", &jwt[..jwt.len().min(200)]);
    }
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
