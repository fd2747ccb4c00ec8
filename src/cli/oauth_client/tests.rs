use clap::Parser;

use super::*;
use crate::auth::tests::Bench;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

async fn fed(bench: &Bench, line: &str, mut input: &[u8]) -> Result<Vec<String>, Failure> {
    let words = std::iter::once("client").chain(line.split(' '));
    act(&bench.auth, Line::try_parse_from(words)?.args.action, &mut input).await
}

async fn on(bench: &Bench, line: &str) -> Result<Vec<String>, Failure> {
    fed(bench, line, b"").await
}

async fn json_of(bench: &Bench, line: &str) -> Value {
    let lines = on(bench, line).await.unwrap();
    assert_eq!(lines.len(), 1);
    serde_json::from_str(&lines[0]).unwrap()
}

const URI: &str = "--redirect-uri https://app.example/cb";

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_makes_an_app_and_its_secret_is_shown_once() {
    let bench = Bench::new().await;

    let made = on(&bench, &format!("create --name Timetable {URI}")).await.unwrap();
    assert_eq!(made[0], "Timetable");
    let id = made[1].strip_prefix("client_id      ").unwrap();
    let secret = made[2].strip_prefix("client_secret  ").unwrap();
    assert!(bench.auth.client(id).await.unwrap().unwrap().is_secret(secret));
    let shown = on(&bench, &format!("show {id}")).await.unwrap().join("\n");
    assert!(shown.contains("redirect_uris: https://app.example/cb") && !shown.contains(secret));

    let rotated = json_of(&bench, &format!("rotate-secret {id} --json")).await;
    let client = bench.auth.client(id).await.unwrap().unwrap();
    assert!(client.is_secret(rotated["client_secret"].as_str().unwrap()));
    assert_eq!(on(&bench, &format!("disable {id}")).await.unwrap(), ["Timetable is shut out"]);
    assert!(bench.auth.client(id).await.unwrap().is_none());
    let listed = on(&bench, "list --search time").await.unwrap();
    assert_eq!(listed, [format!("{id}\tTimetable\tof the school, shut out")]);
    assert_eq!(on(&bench, &format!("enable {id}")).await.unwrap(), ["Timetable is let in"]);
    assert_eq!(on(&bench, &format!("delete {id}")).await.unwrap(), ["Timetable is removed"]);
    assert!(on(&bench, "list").await.unwrap().is_empty());
    let gone = on(&bench, &format!("show {id}")).await.unwrap_err();
    assert!(gone.to_string().contains("there is no app"), "{gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_comes_from_standard_input_as_rfc_7591_says_with_the_operators_choices() {
    let bench = Bench::new().await;
    let input = json!({
        "client_name": "Test app", "redirect_uris": ["http://localhost:3000/cb"],
        "scope": "openid admin", "skip_consent": true, "fapi": true, "disabled": true,
        "grant_types": ["authorization_code", "client_credentials"],
        "client_credentials_scopes": ["tutor"], "unknown": 7,
    });

    let made = fed(&bench, "create --json -", input.to_string().as_bytes()).await.unwrap();

    assert_eq!(made.len(), 1);
    let made: Value = serde_json::from_str(&made[0]).unwrap();
    for (name, value) in [
        ("skip_consent", json!(true)),
        ("fapi", json!(true)),
        ("verified", json!(true)),
        ("disabled", json!(true)),
        ("client_credentials_scopes", json!("tutor")),
        ("client_secret_expires_at", json!(0)),
    ] {
        assert_eq!(made[name], value, "{name}");
    }
    for (input, word) in [
        (r#"{"redirect_uris":["javascript:x"]}"#, "redirect_uris: "),
        (r#"{"redirect_uris":["https://a.example"],"scope":"all"}"#, "scope: "),
        (r#"{"redirect_uris":["https://a.example"],"course":"none"}"#, "course: "),
        (r#"{"redirect_uris":["https://a.example"],"resource":"https://b.example"}"#, "resource: "),
        ("[]", "standard input is no JSON object"),
        ("", "standard input is no JSON object"),
    ] {
        let refused = fed(&bench, "create --json -", input.as_bytes()).await.unwrap_err();
        assert!(refused.to_string().contains(word), "{input}: {refused}");
    }
    assert_eq!(on(&bench, "list --json").await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_member_has_a_flag_and_an_update_changes_what_is_named() {
    let bench = Bench::new().await;
    let keys = bench.folder.path().join("keys.json");
    let set = json!({"keys": [{"kty": "RSA", "n": "AA", "e": "AQAB"}]});
    std::fs::write(&keys, set.to_string()).unwrap();
    let line = format!(
        "create --json {URI} --name A --type web --auth-method private_key_jwt --jwks {} \
         --auth-signing-alg PS256 --grant-type authorization_code --grant-type refresh_token \
         --scope openid --id-token-alg ES256 --require-par --dpop --default-max-age 60 \
         --require-auth-time --acr 2 --backchannel-logout-uri https://app.example/out \
         --backchannel-logout-session-required --uri https://app.example \
         --logo-uri https://app.example/l --tos-uri https://app.example/t --policy-uri \
         https://app.example/p --contact a@b.example --software-id s --software-version 1 \
         --post-logout-redirect-uri https://app.example/bye --initiate-login-uri \
         https://app.example/in --request-object-alg ES256 --require-signed-request-object",
        keys.display()
    );

    let made = json_of(&bench, &line.split_whitespace().collect::<Vec<_>>().join(" ")).await;

    assert_eq!(made["jwks"], set);
    assert_eq!(made["default_max_age"], 60);
    assert_eq!(made["require_pushed_authorization_requests"], true);
    assert!(made.get("client_secret").is_none());
    let id = made["client_id"].as_str().unwrap();
    let line = format!(
        "update {id} --json --dpop=false --logo-uri= --name B --resource http://localhost:8080/api"
    );
    let updated = json_of(&bench, &line).await;
    assert_eq!(updated["resource"], "http://localhost:8080/api");
    assert_eq!(
        (&updated["dpop_bound_access_tokens"], &updated["client_name"]),
        (&json!(false), &json!("B"))
    );
    assert!(updated.get("logo_uri").is_none() && updated["tos_uri"].is_string());
    for (line, word) in [
        ("create --name A".to_owned(), "redirect_uris: "),
        (format!("create {URI} --resource https://library.example"), "oidc.resources"),
        ("update nothing --name A".to_owned(), "there is no app nothing"),
        (format!("update {id} --auth-method magic"), "token_endpoint_auth_method: "),
        (format!("rotate-secret {id}"), "no secret"),
        (format!("create {URI} --file /nowhere/x.json"), "cannot be read"),
        (format!("create {URI} --jwks /nowhere/x.json"), "no JSON Web Key Set"),
    ] {
        let refused = on(&bench, &line).await.unwrap_err().to_string();
        assert!(refused.contains(word), "{line}: {refused}");
    }
}
