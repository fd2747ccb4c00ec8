use serde_json::json;

use super::*;
use crate::domain::oidc::alg::SigningAlg;

fn given(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("no object") };
    map
}

/// What an everyday app sends, with changes.
fn with(changes: Value) -> Map<String, Value> {
    let mut map = given(json!({
        "client_name": "Timetable", "redirect_uris": ["https://app.example/cb"],
    }));
    map.extend(given(changes));
    map
}

fn anybody(changes: Value) -> Result<Metadata, Fault> {
    read(&with(changes), Rules::default())
}

fn operator(changes: Value) -> Result<Metadata, Fault> {
    read(&with(changes), Rules { trusted: true, own_name: true, ..Rules::default() })
}

#[test]
fn the_least_has_the_standards_defaults_and_unknown_members_count_for_nothing() {
    let least = anybody(json!({
        "sector_identifier_uri": "https://x.example", "client_name#de": "Stundenplan", "x": [1],
        "token_endpoint_auth_method": null,
    }))
    .unwrap();

    assert_eq!(least.token_endpoint_auth_method, AuthMethod::ClientSecretBasic);
    assert_eq!(least.grant_types, [GrantType::AuthorizationCode]);
    assert_eq!(least.response_types, ["code"]);
    let shown = write(&least, false);
    assert_eq!(shown["scope"], "openid profile email offline_access tutor");
    assert!(!shown.contains_key("skip_consent") && !shown.contains_key("x"));
}

#[test]
fn all_that_is_registered_is_written_as_it_was_read() {
    let key = json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "k"});
    let all = with(json!({
        "client_uri": "https://app.example", "logo_uri": "https://app.example/logo.png",
        "tos_uri": "https://app.example/tos", "policy_uri": "https://app.example/policy",
        "contacts": ["ada@app.example"], "software_id": "4711", "software_version": "1.2",
        "initiate_login_uri": "https://app.example/begin",
        "post_logout_redirect_uris": ["https://app.example/out"],
        "backchannel_logout_uri": "https://app.example/logout",
        "backchannel_logout_session_required": true, "application_type": "web",
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        "scope": "openid email", "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256", "jwks": {"keys": [key]},
        "id_token_signed_response_alg": "ES256", "request_object_signing_alg": "Ed25519",
        "require_signed_request_object": true, "require_pushed_authorization_requests": true,
        "dpop_bound_access_tokens": true, "default_max_age": 300, "require_auth_time": true,
        "default_acr_values": ["2"], "subject_type": "public",
    }));

    let metadata = read(&all, Rules::default()).unwrap();

    assert_eq!(metadata.id_token_signed_response_alg, SigningAlg::Es256);
    assert_eq!(write(&metadata, false), all);
    assert_eq!(read(&write(&metadata, false), Rules::default()).unwrap(), metadata);
}

#[test]
fn what_cannot_be_kept_is_refused_by_its_name() {
    let long = "x".repeat(301);
    let many: Vec<_> = (0..51).map(|n| format!("https://app.example/{n}")).collect();
    for (changes, field) in [
        (json!({"redirect_uris": []}), "redirect_uris"),
        (json!({"redirect_uris": "https://app.example/cb"}), "redirect_uris"),
        (json!({"redirect_uris": [7]}), "redirect_uris"),
        (json!({"redirect_uris": many}), "redirect_uris"),
        (json!({"redirect_uris": ["javascript:alert(1)"]}), "redirect_uris"),
        (json!({"redirect_uris": ["http://127.0.0.1/cb"]}), "redirect_uris"),
        (json!({"post_logout_redirect_uris": ["data:x"]}), "post_logout_redirect_uris"),
        (json!({"client_name": long}), "client_name"),
        (json!({"client_name": 7}), "client_name"),
        (json!({"client_name": "Goo\u{202e}elg"}), "client_name"),
        (json!({"client_name": "a\u{0}b"}), "client_name"),
        (json!({"contacts": "me"}), "contacts"),
        (json!({"logo_uri": "javascript:alert(1)"}), "logo_uri"),
        (json!({"logo_uri": "http://app.example/logo.png"}), "logo_uri"),
        (json!({"backchannel_logout_uri": "http://127.0.0.1:9/out"}), "backchannel_logout_uri"),
        (json!({"jwks_uri": "http://169.254.169.254/"}), "jwks_uri"),
        (json!({"application_type": "desktop"}), "application_type"),
        (json!({"grant_types": ["implicit"]}), "grant_types"),
        (json!({"grant_types": ["password"]}), "grant_types"),
        (json!({"grant_types": []}), "grant_types"),
        (json!({"grant_types": ["refresh_token"], "response_types": []}), "grant_types"),
        (json!({"grant_types": ["client_credentials"], "response_types": []}), "grant_types"),
        (json!({"response_types": ["token"]}), "response_types"),
        (json!({"response_types": ["code id_token"]}), "response_types"),
        (json!({"response_types": []}), "response_types"),
        (
            json!({"grant_types": ["client_credentials"], "response_types": ["code"]}),
            "response_types",
        ),
        (json!({"scope": "openid everything"}), "scope"),
        (json!({"scope": "openid admin"}), "scope"),
        (json!({"scope": "a\"b"}), "scope"),
        (json!({"token_endpoint_auth_method": "client_secret_jwt"}), "token_endpoint_auth_method"),
        (json!({"token_endpoint_auth_method": "private_key_jwt"}), "jwks"),
        (json!({"token_endpoint_auth_signing_alg": "HS256"}), "token_endpoint_auth_signing_alg"),
        (json!({"request_object_signing_alg": "none"}), "request_object_signing_alg"),
        (json!({"id_token_signed_response_alg": "none"}), "id_token_signed_response_alg"),
        (json!({"id_token_encrypted_response_alg": "RSA-OAEP"}), "id_token_encrypted_response_alg"),
        (json!({"userinfo_signed_response_alg": "RS256"}), "userinfo_signed_response_alg"),
        (json!({"require_signed_request_object": true}), "jwks"),
        (json!({"dpop_bound_access_tokens": "yes"}), "dpop_bound_access_tokens"),
        (json!({"default_max_age": -1}), "default_max_age"),
        (json!({"default_max_age": 1.5}), "default_max_age"),
        (json!({"subject_type": "pairwise"}), "subject_type"),
        (json!({"software_statement": "e30.e30.x"}), "software_statement"),
    ] {
        let fault = anybody(changes.clone()).expect_err(&changes.to_string());
        assert_eq!(fault.field, field, "{changes}");
        assert!(fault.code().starts_with("invalid_") || field == "software_statement");
    }
}

#[test]
fn keys_are_public_and_stand_in_one_place() {
    let rsa = json!({"kty": "RSA", "n": "AA", "e": "AQAB"});
    assert!(anybody(json!({"jwks": {"keys": [rsa]}})).is_ok());
    for jwks in [
        json!({"keys": []}),
        json!({"keys": {}}),
        json!([]),
        json!("{}"),
        json!({"keys": [7]}),
        json!({"keys": [{"kty": "oct", "k": "AA"}]}),
        json!({"keys": [{"n": "AA"}]}),
        json!({"keys": [rsa, {"kty": "RSA", "n": "AA", "e": "AQAB", "d": "AA"}]}),
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "AA"}]}),
        json!({"keys": [{"kty": "RSA", "n": "x".repeat(20_000), "e": "AQAB"}]}),
        json!({"keys": vec![rsa.clone(); 21]}),
    ] {
        let fault = anybody(json!({"jwks": jwks})).unwrap_err();
        assert_eq!(fault.field, "jwks");
    }
    let both = json!({"jwks": {"keys": [rsa]}, "jwks_uri": "https://app.example/keys"});
    assert_eq!(anybody(both).unwrap_err().field, "jwks_uri");
}

#[test]
fn an_app_without_people_needs_no_address_to_come_back_to() {
    let device = json!({
        "grant_types": ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
        "redirect_uris": [], "token_endpoint_auth_method": "none",
    });
    assert!(anybody(device).unwrap().response_types.is_empty());
    let robot = json!({"grant_types": ["client_credentials"], "redirect_uris": null});
    assert_eq!(operator(robot.clone()).unwrap().redirect_uris, Vec::<String>::new());
    assert_eq!(anybody(robot).unwrap_err().field, "grant_types");
    let public = json!({
        "grant_types": ["client_credentials"], "token_endpoint_auth_method": "none",
    });
    assert_eq!(operator(public).unwrap_err().field, "grant_types");
}

#[test]
fn the_operators_choices_come_from_her_alone() {
    let greedy = json!({
        "skip_consent": true, "fapi": true, "verified": true, "course": "agree",
        "resource": "https://library.example/api", "client_credentials_scopes": "tutor",
    });
    let mut metadata = anybody(greedy.clone()).unwrap();
    assert_eq!(metadata.ours, super::super::client::Ours::default());

    read_ours(&with(greedy), &mut metadata).unwrap();
    assert!(metadata.ours.skip_consent && metadata.ours.fapi && metadata.ours.verified);
    assert_eq!(write(&metadata, true)["client_credentials_scopes"], "tutor");
    assert_eq!(write(&metadata, true)["resource"], "https://library.example/api");
    for name in OURS {
        assert!(write(&metadata, true).contains_key(name), "{name}");
        assert!(!write(&metadata, false).contains_key(name), "{name} is told to nobody else");
    }
    // What is not named stays; a list will do for scopes.
    let list = given(json!({"fapi": false, "client_credentials_scopes": ["tutor", "admin"]}));
    read_ours(&list, &mut metadata).unwrap();
    assert!(metadata.ours.skip_consent && !metadata.ours.fapi);
    assert_eq!(metadata.ours.client_credentials_scopes.to_string(), "tutor admin");
    for odd in [json!({"fapi": 1}), json!({"client_credentials_scopes": "openid"})] {
        assert!(read_ours(&given(odd), &mut metadata).is_err());
    }
}

#[test]
fn what_an_operator_allowed_once_is_not_lost_when_the_owner_changes_a_name() {
    let before = operator(json!({
        "redirect_uris": ["http://localhost:3000/cb"], "scope": "openid admin",
        "grant_types": ["authorization_code", "client_credentials"],
    }))
    .unwrap();
    let mut renamed = write(&before, false);
    renamed.insert("client_name".to_owned(), "Renamed".into());
    let rules = Rules { before: Some(&before), ..Rules::default() };

    assert_eq!(read(&renamed, rules).unwrap().client_name.as_deref(), Some("Renamed"));
    renamed.insert("redirect_uris".to_owned(), json!(["http://localhost:3001/cb"]));
    assert_eq!(read(&renamed, rules).unwrap_err().code(), "invalid_redirect_uri");
}

/// Attack D21: it is text, and is kept as such; whoever shows it escapes it.
#[test]
fn markup_in_a_name_is_text() {
    let name = "<script>alert(1)</script>";
    assert_eq!(anybody(json!({"client_name": name})).unwrap().client_name.as_deref(), Some(name));
}
