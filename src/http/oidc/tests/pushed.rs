//! Requests that are pushed (RFC 9126) or signed (RFC 9101).

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};

use super::*;

const PAR: &str = "/api/auth/oauth2/par";

async fn push(bench: &Bench, ask: &Ask) -> Answer {
    bench.call(Method::POST, PAR).body(FORM, ask.query()).send().await
}

/// Where the browser is sent with a pushed request.
fn with_uri(id: &str, answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text);
    let uri = answer.json()["request_uri"].as_str().unwrap().to_owned();
    Ask(Vec::new()).with("client_id", id).with("request_uri", &uri).path()
}

/// `fapi2-…-par-attempt-reuse-request_uri`, `…-ensure-reuse-of-request-uri-prior-to-auth-completion-succeeds`.
#[actix_web::test]
async fn a_pushed_request_is_used_up_when_it_is_answered_and_not_before() {
    let bench = Bench::new().await;
    bench.own_app().await;
    let cookie = bench.ada().await;
    let pushed = push(&bench, &Ask::of("own")).await;
    assert_eq!(pushed.json()["expires_in"], 90);
    assert_eq!(pushed.header("cache-control"), Some("no-store"));
    let path = with_uri("own", &pushed);

    for _ in 0..2 {
        let page = bench.visit(&path, "").await.leads_to();
        assert!(page.starts_with("/api/auth/oauth2/sign-in?"), "{page}");
    }
    let later = {
        let page = bench.visit(&path, "").await.leads_to();
        bench.visit(&page, "").await.field("continue")
    };
    let told = bench.visit(&path, &cookie).await.told(BACK);
    assert!(told["state"] == "s1" && told.contains_key("code"), "{told:?}");
    assert!(bench.visit(&path, &cookie).await.is_error_page(), "it was answered");
    assert!(bench.visit(&later, &cookie).await.is_error_page(), "and so was what came of it");
}

/// `fapi2-…-attempt-to-use-expired-request_uri`, `…-attempt-to-use-request_uri-for-different-client`.
#[actix_web::test]
async fn a_pushed_request_is_its_apps_and_for_a_short_time() {
    let bench = Bench::new().await;
    bench.own_app().await;
    bench.app("other", json!({ "skip_consent": true })).await;
    let cookie = bench.ada().await;
    let pushed = push(&bench, &Ask::of("own")).await;

    assert!(bench.visit(&with_uri("other", &pushed), &cookie).await.is_error_page());
    bench.clock.advance(90_000);
    assert!(bench.visit(&with_uri("own", &pushed), &cookie).await.is_error_page());
    for uri in ["urn:ietf:params:oauth:request_uri:none", "urn:intellistack:request:none"] {
        let ask = Ask::of("own").with("request_uri", uri);
        assert!(bench.open(&ask, &cookie).await.is_error_page());
    }
}

#[actix_web::test]
async fn all_checks_are_made_when_a_request_is_pushed() {
    let bench = Bench::new().await;
    bench.own_app().await;
    bench.app("secret", json!({ "token_endpoint_auth_method": "client_secret_post" })).await;
    let secret = Ask::of("secret").with("client_secret", SECRET);
    for (ask, status, code) in [
        (Ask::of("nobody"), 401, "invalid_client"),
        (Ask::of("secret"), 401, "invalid_client"),
        (secret.clone().with("client_secret", "wrong"), 401, "invalid_client"),
        (Ask::of("own").with("request_uri", "urn:x"), 400, "invalid_request"),
        (Ask::of("own").with("redirect_uri", "https://evil.example"), 400, "invalid_request"),
        (Ask::of("own").without("code_challenge"), 400, "invalid_request"),
        (Ask::of("own").with("code_challenge_method", "plain"), 400, "invalid_request"),
        (Ask::of("own").with("scope", "admin"), 400, "invalid_scope"),
        (Ask::of("own").with("response_type", "token"), 400, "unsupported_response_type"),
    ] {
        let answer = push(&bench, &ask).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (status, &json!(code)),
            "{}",
            ask.query()
        );
    }
    let pushed = push(&bench, &secret).await;
    assert_eq!(pushed.status, 201, "{}", pushed.text);
    assert_eq!(bench.get(PAR).send().await.status, 404);
    assert_eq!(bench.post(PAR, &json!({})).send().await.status, 415);
}

/// `fapi2-…-par-authorization-request-without-request_uri`.
#[actix_web::test]
async fn an_app_that_must_push_its_requests_gets_nothing_for_others() {
    let bench = Bench::new().await;
    let cookie = bench.ada().await;
    for (id, must) in [("par", "require_pushed_authorization_requests"), ("fapi", "fapi")] {
        bench.app(id, json!({ must: true, "skip_consent": true })).await;
        assert_eq!(bench.open(&Ask::of(id), &cookie).await.error(), "invalid_request");
        let pushed = push(&bench, &Ask::of(id)).await;
        let told = bench.visit(&with_uri(id, &pushed), &cookie).await.told(BACK);
        assert!(told.contains_key("code"));
    }
}

/// An app's key: what it registers, and what it signs with.
struct AppKey {
    jwks: Value,
    signer: EncodingKey,
}

impl AppKey {
    fn new() -> Self {
        let der = Ed25519KeyPair::generate_pkcs8(&aws_lc_rs::rand::SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(der.as_ref()).unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let jwks = json!({ "keys": [{
            "kty": "OKP", "crv": "Ed25519", "alg": "Ed25519", "use": "sig", "kid": "k1", "x": x,
        }] });
        Self { jwks, signer: EncodingKey::from_ed_der(der.as_ref()) }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let tag = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.signer, Algorithm::EdDSA);
        format!("{signed}.{}", tag.unwrap())
    }
}

fn claims(bench: &Bench) -> Value {
    use crate::domain::clock::Clock;
    let now = bench.clock.now().0 / 1_000;
    let mut all = json!({
        "iss": "signer", "aud": "http://localhost:8080/api/auth", "exp": now + 60, "nbf": now,
        "max_age": 9_000,
    });
    for (name, value) in Ask::of("signer").with("state", "inside").0 {
        all[name] = value.into();
    }
    all
}

fn outside(object: &str) -> Ask {
    Ask::of("signer").with("state", "outside").with("scope", "openid").with("request", object)
}

/// RFC 9101: of a signed request what was signed counts.
#[actix_web::test]
async fn a_signed_request_counts_as_it_was_signed() {
    let bench = Bench::new().await;
    let key = AppKey::new();
    let metadata = json!({
        "skip_consent": true, "jwks": key.jwks, "require_signed_request_object": true,
    });
    bench.app("signer", metadata).await;
    let cookie = bench.ada().await;

    for alg in ["EdDSA", "Ed25519"] {
        let object = key.sign(&json!({ "alg": alg, "kid": "k1" }), &claims(&bench));
        let told = bench.open(&outside(&object), &cookie).await.told(BACK);
        assert_eq!(told["state"], "inside");
        let granted = bench.code_in("signer", &told).granted;
        assert_eq!(granted.scopes.to_string(), "openid email");
        let pushed = push(&bench, &outside(&object)).await;
        let told = bench.visit(&with_uri("signer", &pushed), &cookie).await.told(BACK);
        assert_eq!(told["state"], "inside");
    }
    assert_eq!(bench.open(&Ask::of("signer"), &cookie).await.error(), "invalid_request");
}

/// Attack D15. `oidcc-unsigned-request-object`.
#[actix_web::test]
async fn a_request_object_that_is_not_the_apps_own_for_us_and_now_is_refused() {
    let bench = Bench::new().await;
    let (key, other) = (AppKey::new(), AppKey::new());
    bench.app("signer", json!({ "skip_consent": true, "jwks": key.jwks })).await;
    let cookie = bench.ada().await;
    let head = json!({ "alg": "EdDSA", "kid": "k1" });
    let with = |name: &str, value: Value| {
        let mut all = claims(&bench);
        all[name] = value;
        key.sign(&head, &all)
    };
    let none = {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", part(&json!({ "alg": "none" })), part(&claims(&bench)))
    };
    assert_eq!(bench.open(&outside(&none), &cookie).await.error(), "request_not_supported");
    for object in [
        "nonsense".to_owned(),
        format!("{}.", key.sign(&head, &claims(&bench)).rsplit_once('.').unwrap().0),
        other.sign(&head, &claims(&bench)),
        key.sign(&json!({ "alg": "HS256", "kid": "k1" }), &claims(&bench)),
        key.sign(&json!({ "alg": "EdDSA", "kid": "k2" }), &claims(&bench)),
        key.sign(&json!({ "alg": "EdDSA", "kid": "k1", "crit": ["x"] }), &claims(&bench)),
        key.sign(&json!({ "alg": "EdDSA", "kid": "k1", "typ": "at+jwt" }), &claims(&bench)),
        with("iss", json!("other")),
        with("client_id", json!("other")),
        with("aud", json!("https://else.example")),
        with("exp", json!(1)),
        with("exp", json!("soon")),
        with("nbf", json!(i64::MAX)),
        with("request_uri", json!("urn:x")),
        with("response_type", json!("token")),
    ] {
        let answer = bench.open(&outside(&object), &cookie).await;
        assert_eq!(answer.error(), "invalid_request_object", "{object}");
    }
    let evil = with("redirect_uri", json!("https://evil.example"));
    assert!(bench.open(&outside(&evil), &cookie).await.is_error_page());
}
