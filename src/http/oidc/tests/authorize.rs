//! What is refused, where, and what an app gets.

use super::*;

/// `oidcc-server`.
#[actix_web::test]
async fn an_app_gets_a_code_its_state_and_our_name() {
    let bench = Bench::new().await;
    bench.own_app().await;
    let cookie = bench.ada().await;

    let told = bench.open(&Ask::of("own"), &cookie).await.told(BACK);

    assert_eq!(told["state"], "s1");
    assert!(told["code"].len() < 700, "it stands in a URL: {}", told["code"].len());
    assert_eq!(told["iss"], "http://localhost:8080/api/auth");
    assert!(!told.contains_key("error"));
    let other = bench.auth.open_code(&ClientId::new("other"), &told["code"]);
    assert_eq!(other, None, "it is this app's alone");
    let code = bench.code_in("own", &told);
    let life = code.expires_at - bench.auth.now().0;
    assert_eq!((code.redirect_uri.as_str(), life), (BACK, 60_000));
    assert_eq!(code.challenge.as_deref(), Some(CHALLENGE));
    assert_eq!(code.agreed, None, "nobody is asked of the school's own app");
    let granted = code.granted;
    assert_eq!(granted.scopes.to_string(), "openid email");
    assert_eq!((granted.nonce.as_deref(), granted.acr.as_str()), (Some("n1"), "1"));
    assert_eq!(granted.amr, ["pwd"]);
}

/// Attack D1. `oidcc-ensure-registered-redirect-uri`.
#[actix_web::test]
async fn nothing_goes_to_an_address_that_was_not_registered_character_by_character() {
    let bench = Bench::new().await;
    bench.own_app().await;
    let cookie = bench.ada().await;
    for trick in [
        "https://client.example/cb/",
        "https://client.example/cb.evil",
        "https://client.example.evil.example/cb",
        "https://client.example@evil.example/cb",
        "https://evil.example/cb",
        "https://user@client.example/cb",
        "https://client.example:8443/cb",
        "https://client.example:443/cb",
        "https://client.example/cb?x=1",
        "https://client.example/cb?",
        "https://client.example/cb#x",
        "https://client.example/cb#",
        "https://client.example%2Fcb",
        "https://client.example/%63b",
        "https://client.example/x/../cb",
        "https://client.example/cb/..",
        "https://client.example\\cb",
        "https://evil.example\\@client.example/cb",
        "https://CLIENT.example/cb",
        "HTTPS://client.example/cb",
        "https://client.example/CB",
        "http://client.example/cb",
        "https://client.example/cb\r\nx: y",
        " https://client.example/cb",
        "https://client.example/cb\0",
        "https://*.example/cb",
        "//client.example/cb",
        "/cb",
        "javascript:alert(1)",
        "https://client.example/cb https://evil.example",
        "",
    ] {
        for more in [("prompt", "none"), ("response_type", "token"), ("response_mode", "form_post")]
        {
            let ask = Ask::of("own").with("redirect_uri", trick).with(more.0, more.1);
            let answer = bench.open(&ask, &cookie).await;
            assert!(answer.is_error_page(), "{trick:?} {}", answer.status);
        }
    }
    let ask = Ask::of("own").without("redirect_uri");
    assert!(bench.open(&ask, &cookie).await.is_error_page());
    let twice = format!("{}&redirect_uri=https://evil.example", Ask::of("own").path());
    assert!(bench.visit(&twice, &cookie).await.is_error_page());
    for id in ["nobody", ""] {
        assert!(bench.open(&Ask::of(id), &cookie).await.is_error_page(), "{id:?}");
    }
}

/// Attack D2.
#[actix_web::test]
async fn a_native_app_on_this_machine_may_use_any_port() {
    let bench = Bench::new().await;
    let own = "http://127.0.0.1/cb";
    for (id, kind) in [("native", "native"), ("web", "web")] {
        let metadata = json!({
            "application_type": kind, "skip_consent": true, "redirect_uris": [own],
        });
        bench.app(id, metadata).await;
    }
    let cookie = bench.ada().await;
    let at = |id, uri| Ask::of(id).with("redirect_uri", uri);

    let there = "http://127.0.0.1:51004/cb";
    let told = bench.open(&at("native", there), &cookie).await.told(there);
    assert_eq!(bench.code_in("native", &told).redirect_uri, there);
    for (id, uri) in [("web", there), ("native", "http://localhost:51004/cb")] {
        assert!(bench.open(&at(id, uri), &cookie).await.is_error_page(), "{id} {uri}");
    }
}

/// Attacks D3 and D10. `oidcc-response-type-missing`, `fapi2-…-par-plain-pkce-rejected`.
#[actix_web::test]
async fn what_is_wrong_otherwise_is_told_to_the_app() {
    let bench = Bench::new().await;
    bench.own_app().await;
    let cookie = bench.ada().await;
    for (name, value, code) in [
        ("response_type", "", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "id_token", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("scope", "openid admin", "invalid_scope"),
        ("prompt", "none login", "invalid_request"),
        ("resource", "https://else.example", "invalid_target"),
        ("request_uri", "https://client.example/request", "request_uri_not_supported"),
        ("registration", "{}", "registration_not_supported"),
        ("id_token_hint", "nonsense", "invalid_request"),
    ] {
        let answer = bench.open(&Ask::of("own").with(name, value), &cookie).await;
        assert_eq!(answer.error(), code, "{name}={value}");
        assert_eq!(answer.told(BACK)["state"], "s1");
    }
    let known = Ask::of("own")
        .with("resource", "http://localhost:8080/api")
        .with("unknown", "parameter")
        .with("scope", "email phone address openid")
        .with("display", "popup")
        .with("acr_values", "1 2");
    let granted = bench.code_in("own", &bench.open(&known, &cookie).await.told(BACK)).granted;
    assert_eq!(granted.resources, ["http://localhost:8080/api"]);
    assert_eq!(granted.scopes.to_string(), "email openid");
}

/// Attack D22.
#[actix_web::test]
async fn a_parameter_that_stands_twice_makes_the_request_unreadable() {
    let bench = Bench::new().await;
    bench.own_app().await;
    let cookie = bench.ada().await;

    for twice in ["scope=openid", "state=x", "client_id=own", "prompt=none&prompt=none"] {
        let path = format!("{}&{twice}", Ask::of("own").path());
        assert!(bench.visit(&path, &cookie).await.is_error_page(), "{twice}");
    }
}

/// Attack E2.
#[actix_web::test]
async fn a_state_comes_back_as_it_went_or_not_at_all() {
    let bench = Bench::new().await;
    bench.own_app().await;
    let cookie = bench.ada().await;
    let long = "x".repeat(4_096);

    for state in ["a\r\nset-cookie: x=y", "ä&b=c#d", &*long] {
        let answer = bench.open(&Ask::of("own").with("state", state), &cookie).await;
        assert_eq!(answer.told(BACK)["state"], state);
        assert!(answer.cookies().is_empty());
    }
    let longer = Ask::of("own").with("state", &format!("{long}x"));
    assert!(bench.open(&longer, &cookie).await.is_error_page());
}

/// `oidcc-ensure-post-request-succeeds`.
#[actix_web::test]
async fn a_request_by_post_from_another_site_is_kept_and_opened_by_get() {
    let bench = Bench::new().await;
    bench.own_app().await;
    let cookie = bench.ada().await;
    let post = |ask: &Ask| {
        let call = bench.call(Method::POST, "/api/auth/oauth2/authorize").body(FORM, ask.query());
        call.with("origin", "https://client.example").with("sec-fetch-site", "cross-site").send()
    };

    let next = post(&Ask::of("own")).await.leads_to();
    assert!(next.starts_with("/api/auth/oauth2/authorize?") && !next.contains("nonce"), "{next}");
    assert_eq!(bench.visit(&next, &cookie).await.told(BACK)["state"], "s1");
    assert!(bench.visit(&next, &cookie).await.is_error_page(), "it was answered");

    assert!(
        post(&Ask::of("own").with("redirect_uri", "https://evil.example")).await.is_error_page()
    );
    assert_eq!(post(&Ask::of("own").with("scope", "admin")).await.error(), "invalid_scope");
}

#[actix_web::test]
async fn a_script_is_told_the_address_instead_of_being_sent_there() {
    let bench = Bench::new().await;
    bench.own_app().await;
    let cookie = bench.ada().await;

    for header in [("accept", "application/json"), ("sec-fetch-mode", "cors")] {
        let call = bench.get(&Ask::of("own").path()).with("cookie", &cookie);
        let answer = call.with(header.0, header.1).send().await;
        assert_eq!((answer.status, &answer.json()["redirect"]), (200, &json!(true)));
        assert!(answer.json()["url"].as_str().unwrap().starts_with(BACK));
    }
}

#[actix_web::test]
async fn whoever_acts_as_somebody_else_lets_no_app_in_for_her() {
    use crate::domain::role::Role;
    let bench = Bench::new().await;
    bench.own_app().await;
    let (admin, token) = bench.signed_in_with_token("root", Role::Admin).await;
    bench.signed_in("bob", Role::Student).await;
    let own = format!(
        "better-auth.session_token={}",
        crate::auth::cookie::escape(&bench.auth.signed(&token))
    );
    assert!(admin.is_admin());
    let acting = bench
        .post("/api/auth/admin/impersonate-user", &json!({ "userId": "bob" }))
        .by_page(&own)
        .send()
        .await;
    assert_eq!(acting.status, 200, "{}", acting.text);

    let answer = bench.open(&Ask::of("own"), &acting.cookie()).await;
    assert_eq!(answer.error(), "access_denied");
}
