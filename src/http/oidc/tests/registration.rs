use actix_web::http::Method;
use serde_json::{Value, json};

use crate::{
    auth::tests::Bench,
    config::Registration,
    http::auth::tests::{Answer, Call},
};

fn everyday(changes: Value) -> Value {
    let mut body = json!({
        "client_name": "Timetable", "redirect_uris": ["https://app.example/cb"],
        "grant_types": ["authorization_code", "refresh_token"],
    });
    let Value::Object(changes) = changes else { panic!("no object") };
    body.as_object_mut().unwrap().extend(changes);
    body
}

async fn register(bench: &Bench, changes: Value) -> Answer {
    // The clock stands still: the bucket of registrations is full again by hand.
    bench.clock.advance(crate::domain::clock::MINUTE);
    bench.post("/api/auth/oauth2/register", &everyday(changes)).send().await
}

fn own<'a>(bench: &'a Bench, method: Method, app: &Value) -> Call<'a> {
    let path = app["registration_client_uri"].as_str().unwrap();
    let path = path.strip_prefix("http://localhost:8080").unwrap();
    let token = app["registration_access_token"].as_str().unwrap();
    bench.call(method, path).with("authorization", &format!("Bearer {token}"))
}

/// RFC 7591 §3.2.1.
#[actix_web::test]
async fn an_app_registers_itself_and_is_told_all_that_holds() {
    let bench = Bench::new().await;

    let answer = register(&bench, json!({})).await;

    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    for (name, value) in [
        ("client_name", json!("Timetable")),
        ("client_secret_expires_at", json!(0)),
        ("scope", json!("openid profile email offline_access tutor")),
        ("token_endpoint_auth_method", json!("client_secret_basic")),
        ("grant_types", json!(["authorization_code", "refresh_token"])),
        ("response_types", json!(["code"])),
        ("application_type", json!("web")),
        ("disabled", json!(false)),
        ("dpop_bound_access_tokens", json!(false)),
    ] {
        assert_eq!(body[name], value, "{name}");
    }
    assert!(body["client_id_issued_at"].as_i64().unwrap() > 1_700_000_000);
    let client = bench.auth.client(body["client_id"].as_str().unwrap()).await.unwrap().unwrap();
    assert!(client.is_secret(body["client_secret"].as_str().unwrap()));
    let public = register(&bench, json!({"token_endpoint_auth_method": "none"})).await.json();
    assert!(public.get("client_secret").is_none() && public["client_id"].is_string());
    assert!(public.get("client_secret_expires_at").is_none());
}

/// Attacks D1, D2, D13, D19, D21 as far as registration goes: RFC 7591 §3.2.2.
#[actix_web::test]
async fn what_may_not_be_registered_is_refused_with_its_name() {
    let bench = Bench::new().await;
    for (changes, error, word) in [
        (json!({"redirect_uris": []}), "invalid_redirect_uri", "redirect_uris"),
        (json!({"redirect_uris": ["javascript:alert(1)"]}), "invalid_redirect_uri", "scheme"),
        (json!({"redirect_uris": ["http://rp.example/cb"]}), "invalid_redirect_uri", "https"),
        (json!({"redirect_uris": ["http://127.0.0.1/cb"]}), "invalid_redirect_uri", "native"),
        (json!({"redirect_uris": ["https://a.example/#x"]}), "invalid_redirect_uri", "fragment"),
        (json!({"logo_uri": "javascript:alert(1)"}), "invalid_client_metadata", "logo_uri"),
        (json!({"jwks_uri": "file:///etc/passwd"}), "invalid_client_metadata", "jwks_uri"),
        (json!({"backchannel_logout_uri": "http://10.0.0.1/"}), "invalid_client_metadata", "https"),
        (json!({"scope": "openid admin"}), "invalid_client_metadata", "admin"),
        (json!({"grant_types": ["client_credentials"]}), "invalid_client_metadata", "grant_types"),
        (json!({"client_name": "a\"\\b\u{202e}"}), "invalid_client_metadata", "client_name"),
        (json!({"software_statement": "x"}), "unapproved_software_statement", "software_statement"),
    ] {
        let answer = register(&bench, changes.clone()).await;
        assert_eq!(
            (answer.status, answer.json()["error"].as_str()),
            (400, Some(error)),
            "{changes}"
        );
        let description = answer.json()["error_description"].as_str().unwrap().to_owned();
        assert!(description.contains(word), "{changes}: {description}");
    }
    let native = json!({
        "redirect_uris": ["http://127.0.0.1/cb"], "application_type": "native",
        "token_endpoint_auth_method": "none",
    });
    assert_eq!(register(&bench, native).await.status, 201);
}

#[actix_web::test]
async fn nobody_registers_what_an_operator_alone_gives() {
    let bench = Bench::new().await;
    let greedy = json!({
        "skip_consent": true, "verified": true, "fapi": true, "disabled": true,
        "client_credentials_scopes": "tutor", "client_id": "mine", "client_secret": "mine",
    });

    let body = register(&bench, greedy.clone()).await.json();
    let id = body["client_id"].as_str().unwrap();
    let check = async || {
        let client = bench.auth.client(id).await.unwrap().unwrap();
        assert_eq!(client.metadata.ours, crate::domain::oidc::client::Ours::default());
        assert!(!client.is_secret("mine"));
    };
    assert_ne!(id, "mine");
    check().await;
    let mut change = everyday(greedy);
    change["client_id"] = id.into();
    change.as_object_mut().unwrap().remove("client_secret");
    let changed = own(&bench, Method::PUT, &body).body("application/json", change.to_string());
    assert_eq!(changed.send().await.status, 200);
    check().await;
}

/// Attack D22.
#[actix_web::test]
async fn a_body_is_one_json_object_with_each_member_once() {
    let bench = Bench::new().await;
    for (kind, body, status) in [
        ("application/json", r#"{"redirect_uris":[],"redirect_uris":["https://a.example"]}"#, 400),
        ("application/json", "[]", 400),
        ("application/json", "", 400),
        ("application/json", "{", 400),
        ("application/x-www-form-urlencoded", "redirect_uris=https://a.example", 415),
        ("text/plain", r#"{"redirect_uris":["https://a.example"]}"#, 415),
    ] {
        let call = bench.call(Method::POST, "/api/auth/oauth2/register").body(kind, body);
        let answer = call.send().await;
        assert_eq!(answer.status, status, "{body}");
        assert_eq!(answer.json()["error"], "invalid_request");
    }
    let huge = format!(r#"{{"client_name":"{}"}}"#, "x".repeat(70_000));
    let call = bench.call(Method::POST, "/api/auth/oauth2/register");
    assert_eq!(call.body("application/json", huge).send().await.status, 413);
}

#[actix_web::test]
async fn registration_is_off_or_asks_for_a_token_as_the_operator_says() {
    let with = async |registration| {
        Bench::with("http://localhost:8080", |settings| {
            settings.oidc.registration = registration;
            settings.oidc.registration_token = crate::config::Secret::new("a-token-of-the-school");
        })
        .await
    };
    let off = with(Registration::Off).await;
    let answer = register(&off, json!({})).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (403, Some("access_denied")));

    let bench = with(Registration::Token).await;
    for token in ["", "Bearer wrong", "Basic YTpi"] {
        let mut call = bench.post("/api/auth/oauth2/register", &everyday(json!({})));
        if !token.is_empty() {
            call = call.with("authorization", token);
        }
        let answer = call.send().await;
        assert_eq!(answer.status, 401, "{token}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
    }
    let call = bench.post("/api/auth/oauth2/register", &everyday(json!({})));
    let call = call.with("authorization", "Bearer a-token-of-the-school");
    assert_eq!(call.send().await.status, 201);
}

#[actix_web::test]
async fn one_address_registers_ten_apps_a_minute() {
    let bench = Bench::new().await;
    for _ in 0..10 {
        let call = bench.post("/api/auth/oauth2/register", &everyday(json!({})));
        assert_eq!(call.send().await.status, 201);
    }
    let answer = bench.post("/api/auth/oauth2/register", &everyday(json!({}))).send().await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("6")));
    let demo = Bench::at("http://localhost:8080", true).await;
    for _ in 0..12 {
        let mut call = demo.post("/api/auth/oauth2/register", &everyday(json!({})));
        call = call.from("127.0.0.1:5000");
        assert_eq!(call.send().await.status, 201);
    }
}

/// RFC 7592.
#[actix_web::test]
async fn an_app_reads_changes_and_removes_itself_and_no_other() {
    let bench = Bench::new().await;
    let one = register(&bench, json!({"tos_uri": "https://app.example/tos"})).await.json();
    let two = register(&bench, json!({})).await.json();
    let mut crossed = one.clone();
    crossed["registration_access_token"] = two["registration_access_token"].clone();
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let call = own(&bench, method, &crossed).body("application/json", one.to_string());
        let answer = call.send().await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("invalid_token")));
    }
    let read = own(&bench, Method::GET, &one).send().await;
    assert_eq!((read.status, &read.json()["tos_uri"]), (200, &one["tos_uri"]));
    assert_eq!(read.json()["registration_access_token"], one["registration_access_token"]);
    assert!(read.json().get("client_secret").is_none(), "it was shown once");

    let put = async |changes: Value| {
        let mut body = everyday(changes);
        if body.get("client_id").is_none() {
            body["client_id"] = one["client_id"].clone();
        }
        own(&bench, Method::PUT, &one).body("application/json", body.to_string()).send().await
    };
    for wrong in [
        json!({"client_id": two["client_id"]}),
        json!({"client_secret": "chosen"}),
        json!({"client_id_issued_at": 1}),
        json!({"redirect_uris": ["data:x"]}),
    ] {
        assert_eq!(put(wrong.clone()).await.status, 400, "{wrong}");
    }
    let changed = put(json!({"client_name": "New", "client_secret": one["client_secret"]})).await;
    assert_eq!((changed.status, &changed.json()["client_name"]), (200, &json!("New")));
    assert!(changed.json().get("tos_uri").is_none(), "what is left out is gone");

    assert_eq!(own(&bench, Method::DELETE, &one).send().await.status, 204);
    assert_eq!(own(&bench, Method::GET, &one).send().await.status, 401);
    assert_eq!(own(&bench, Method::GET, &two).send().await.status, 200);
}

#[actix_web::test]
async fn an_app_that_somebody_lets_in_is_no_longer_one_that_goes_by_itself() {
    let bench = Bench::new().await;
    let cookie = bench.ada().await;
    let app = register(&bench, json!({ "token_endpoint_auth_method": "none" })).await.json();
    let id = app["client_id"].as_str().unwrap();
    let unused = async || bench.auth.client(id).await.unwrap().unwrap().unused;
    let ask = super::Ask::of(id).with("redirect_uri", "https://app.example/cb");

    let page = bench.open(&ask, &cookie).await.leads_to();
    let page = bench.visit(&page, &cookie).await;
    assert!(unused().await, "to be asked for is no use yet");
    let told = bench.agree(&page, "accept", &cookie).await;

    assert!(told.leads_to().contains("code="));
    assert!(!unused().await);
}

/// RFC 7591 for apps that run in a browser: no cookie is looked at, so every page may.
#[actix_web::test]
async fn where_apps_register_themselves_their_pages_may_do_it_from_anywhere() {
    const PATH: &str = "/api/auth/oauth2/register";
    let with = async |registration| {
        Bench::with("http://localhost:8080", |it| it.oidc.registration = registration).await
    };
    let preflight = async |bench: &Bench, path: &str, method: &str, origin: &str| {
        let call = bench.call(Method::OPTIONS, path).with("origin", origin);
        let call = call.with("access-control-request-method", method);
        call.with("access-control-request-headers", "authorization, content-type").send().await
    };
    let shared = |answer: &Answer| {
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        answer.header("access-control-allow-origin").map(str::to_owned)
    };
    let everybody = Some("*".to_owned());
    let open = with(Registration::Open).await;
    for origin in ["https://spa.example", "null"] {
        let asked = preflight(&open, PATH, "POST", origin).await;
        assert_eq!((asked.status, shared(&asked)), (204, everybody.clone()), "{origin}");
        open.clock.advance(crate::domain::clock::MINUTE);
        let call = open.post(PATH, &everyday(json!({}))).with("origin", origin);
        let made = call.send().await;
        assert_eq!((made.status, shared(&made)), (201, everybody.clone()), "{}", made.text);

        let app = made.json();
        let own_path = format!("{PATH}/{}", app["client_id"].as_str().unwrap());
        for method in ["GET", "PUT", "DELETE"] {
            let asked = preflight(&open, &own_path, method, origin).await;
            assert_eq!((asked.status, shared(&asked)), (204, everybody.clone()), "{method}");
            let methods = asked.header("access-control-allow-methods").unwrap();
            assert!(methods.contains(method), "{methods}");
        }
        let gone = own(&open, Method::DELETE, &app).with("origin", origin).send().await;
        assert_eq!((gone.status, shared(&gone)), (204, everybody.clone()));
    }
    let odd = open.post(PATH, &json!({"redirect_uris": []})).with("origin", "null").send().await;
    assert_eq!((odd.status, shared(&odd)), (400, everybody), "a refusal is read too");
    for path in ["/api/auth/oauth2/registered", "/api/auth/oauth2/get-clients"] {
        assert_eq!(shared(&preflight(&open, path, "POST", "https://spa.example").await), None);
    }
    for registration in [Registration::Off, Registration::Token] {
        let bench = with(registration).await;
        let asked = preflight(&bench, PATH, "POST", "https://spa.example").await;
        assert_eq!((asked.status, shared(&asked)), (403, None));
    }
}
