use std::collections::BTreeSet;

use serde_json::Value;
use url::Url;

use crate::{auth::tests::Bench, config::Registration};

const ISSUER: &str = "https://school.example/api/auth";
const PATHS: [&str; 4] = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server/api/auth",
    "/api/auth/.well-known/openid-configuration",
    "/api/auth/.well-known/oauth-authorization-server",
];

async fn document(open: bool) -> Value {
    let bench = Bench::with("https://school.example", |settings| {
        settings.oidc.registration = if open { Registration::Open } else { Registration::Off };
    })
    .await;
    let answer = bench.get(PATHS[0]).send().await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    answer.json()
}

fn list(document: &Value, name: &str) -> Vec<String> {
    let list = document[name].as_array().unwrap_or_else(|| panic!("{name} is no list"));
    let list: Vec<_> = list.iter().map(|it| it.as_str().unwrap().to_owned()).collect();
    let distinct: BTreeSet<_> = list.iter().collect();
    assert!(!list.is_empty() && distinct.len() == list.len(), "{name}: {list:?}");
    list
}

/// What a member of the document is (OpenID Connect Discovery 1.0 §3, RFC 8414 §2, and IANA's
/// registry of authorization server metadata for the later ones).
fn is_well_formed(name: &str, value: &Value) -> bool {
    if name == "issuer" || name == "jwks_uri" || name.ends_with("_endpoint") {
        let url = value.as_str().and_then(|text| Url::parse(text).ok());
        return url.is_some_and(|it| it.scheme() == "https" && it.fragment().is_none());
    }
    if name.ends_with("_parameter_supported") || name.starts_with("backchannel_") {
        return value.is_boolean();
    }
    if name.starts_with("require_") {
        return value.is_boolean();
    }
    value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
}

/// `oidcc-discovery-endpoint-verification`.
#[actix_web::test]
async fn the_discovery_document_holds_what_a_conformant_provider_says_of_itself() {
    let document = document(false).await;
    let has = |name: &str, wanted: &[&str]| {
        let list = list(&document, name);
        for one in wanted {
            assert!(list.iter().any(|it| it == one), "{name}: {list:?} lacks {one}");
        }
    };

    assert_eq!(document["issuer"], ISSUER);
    has("response_types_supported", &["code"]);
    has("response_modes_supported", &["query", "form_post"]);
    has("grant_types_supported", &["authorization_code", "refresh_token", "client_credentials"]);
    has("subject_types_supported", &["public"]);
    has("id_token_signing_alg_values_supported", &["RS256"]);
    has("request_object_signing_alg_values_supported", &["RS256"]);
    has("scopes_supported", &["openid", "offline_access", "tutor"]);
    has("claims_supported", &["sub", "iss", "auth_time", "acr", "email_verified"]);
    has("code_challenge_methods_supported", &["S256"]);
    assert_eq!(list(&document, "code_challenge_methods_supported"), ["S256"], "never plain");
    for (name, value) in [
        ("claims_parameter_supported", true),
        ("request_parameter_supported", true),
        ("request_uri_parameter_supported", false),
        ("require_request_uri_registration", false),
        ("authorization_response_iss_parameter_supported", true),
    ] {
        assert_eq!(document[name], value, "{name}");
    }
    for locale in list(&document, "ui_locales_supported") {
        assert!(locale.len() == 2 && locale.chars().all(|it| it.is_ascii_lowercase()), "{locale}");
    }
    for (name, value) in document.as_object().unwrap() {
        assert!(is_well_formed(name, value), "{name}: {value}");
    }
}

/// `oidcc-discovery-endpoint-verification`: every endpoint is https and of this issuer.
#[actix_web::test]
async fn every_endpoint_is_under_the_issuer() {
    let document = document(true).await;
    let mut found = BTreeSet::new();
    for (name, value) in document.as_object().unwrap() {
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            let path = value.as_str().unwrap().strip_prefix(ISSUER);
            found.insert(path.unwrap_or_else(|| panic!("{name}: {value}")).to_owned());
        }
    }
    let expected = [
        "/jwks",
        "/oauth2/authorize",
        "/oauth2/device",
        "/oauth2/end-session",
        "/oauth2/introspect",
        "/oauth2/par",
        "/oauth2/register",
        "/oauth2/revoke",
        "/oauth2/token",
        "/oauth2/userinfo",
    ];
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

/// `oidcc-backchannel-rp-initiated-logout`, discovery.
#[actix_web::test]
async fn logout_is_announced_in_all_its_parts() {
    let document = document(false).await;
    assert_eq!(document["backchannel_logout_supported"], true);
    assert_eq!(document["backchannel_logout_session_supported"], true);
    assert!(document["end_session_endpoint"].is_string());
}

/// RFC 8414 §2: methods that sign need their algorithms, and `none` is none of them.
#[actix_web::test]
async fn clients_learn_how_they_may_prove_themselves() {
    let document = document(false).await;
    for endpoint in ["token", "introspection", "revocation"] {
        let methods = list(&document, &format!("{endpoint}_endpoint_auth_methods_supported"));
        assert!(methods.iter().any(|it| it == "private_key_jwt"));
        let algs =
            list(&document, &format!("{endpoint}_endpoint_auth_signing_alg_values_supported"));
        assert_eq!(algs, ["ES256", "PS256", "RS256", "EdDSA", "Ed25519"]);
    }
    let dpop = list(&document, "dpop_signing_alg_values_supported");
    assert!(dpop.iter().all(|it| it != "none" && !it.starts_with("HS")), "{dpop:?}");
}

#[actix_web::test]
async fn registration_is_announced_where_it_is_open() {
    assert!(document(true).await["registration_endpoint"].is_string());
    assert_eq!(document(false).await.get("registration_endpoint"), None);
}

#[actix_web::test]
async fn every_copy_of_the_document_has_the_same_bytes_and_may_be_read_by_everybody() {
    let bench = Bench::new().await;
    let first = bench.get(PATHS[0]).send().await;
    for path in PATHS {
        let answer = bench.get(path).with("host", "evil.example").send().await;
        assert_eq!((answer.status, &answer.text), (200, &first.text), "{path}");
        assert_eq!(answer.header("etag"), first.header("etag"));
        assert!(answer.header("cache-control").unwrap().contains("max-age=15"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
}

#[actix_web::test]
async fn what_a_cache_has_already_is_not_sent_again() {
    let bench = Bench::new().await;
    for path in ["/api/auth/jwks", "/.well-known/jwks.json", PATHS[0], PATHS[2]] {
        let first = bench.get(path).send().await;
        let tag = first.header("etag").unwrap().to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            let again = bench.get(path).with("if-none-match", &known).send().await;
            assert_eq!((again.status, again.text.as_str()), (304, ""), "{path} {known}");
            assert_eq!(again.header("etag"), Some(tag.as_str()));
            assert_eq!(again.header("access-control-allow-origin"), Some("*"));
        }
        let other = bench.get(path).with("if-none-match", "\"x\"").send().await;
        assert_eq!((other.status, other.text), (200, first.text), "{path}");
    }
}

/// `oidcc-server-rotate-keys`: the new key and the old one.
#[actix_web::test]
async fn after_a_rotation_both_keys_are_published_under_another_tag() {
    let bench = Bench::new().await;
    let before = bench.get("/api/auth/jwks").send().await;
    let made =
        bench.auth.rotate_keys(&[crate::domain::oidc::alg::SigningAlg::Rs256]).await.unwrap();

    let after = bench.get("/api/auth/jwks").send().await;

    assert_ne!(before.header("etag"), after.header("etag"));
    let names = |answer: &Value| {
        let keys = answer["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let (old, new) = (names(&before.json()), names(&after.json()));
    assert_eq!((old.len(), new.len()), (3, 4), "kids are distinct");
    assert!(old.is_subset(&new) && new.contains(&made[0].kid));
    for key in after.json()["keys"].as_array().unwrap() {
        assert_eq!(key["use"], "sig");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert_eq!(key.get(private), None);
        }
    }
}
