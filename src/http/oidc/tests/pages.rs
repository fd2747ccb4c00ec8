//! Consent, and what the pages let in and out.

use super::*;

async fn consent_page(bench: &Bench, ask: &Ask, cookie: &str) -> Answer {
    let page = bench.open(ask, cookie).await.leads_to();
    assert!(page.starts_with("/api/auth/oauth2/consent?"), "{page}");
    bench.visit(&page, cookie).await
}

#[actix_web::test]
async fn a_person_is_asked_once_and_again_for_more_or_when_the_app_wants_it() {
    let bench = Bench::new().await;
    bench.app("shop", json!({ "verified": true })).await;
    let cookie = bench.ada().await;
    let ask = Ask::of("shop");

    let page = consent_page(&bench, &ask, &cookie).await;
    assert_eq!(page.status, 200);
    for part in ["The shop app", ADA, "client.example", "see your e-mail address"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert!(!page.text.contains("id=\"unverified\"") && !page.text.contains("your lessons"));
    let told = bench.agree(&page, "accept", &cookie).await.told(BACK);
    assert_eq!(told["state"], "s1");
    let agreed = bench.code_in("shop", &told).agreed.unwrap();
    assert_eq!(agreed.to_string(), "openid email");
    assert!(bench.agree(&page, "accept", &cookie).await.status == 400, "it was answered");

    assert!(bench.open(&ask, &cookie).await.told(BACK).contains_key("code"));
    let narrower = ask.clone().with("scope", "openid");
    assert!(bench.open(&narrower, &cookie).await.told(BACK).contains_key("code"));
    for more in [("scope", "openid email tutor"), ("prompt", "consent")] {
        consent_page(&bench, &ask.clone().with(more.0, more.1), &cookie).await;
    }
    let by_claim = ask.clone().with("claims", r#"{"userinfo":{"given_name":null}}"#);
    consent_page(&bench, &by_claim, &cookie).await;
    let resource = ask.with("resource", "https://library.example/api");
    let page = consent_page(&bench, &resource, &cookie).await;
    assert!(page.text.contains("https://library.example/api"));
    let events = bench.store.newest_auth_events(9).await.unwrap();
    assert_eq!(events[0].kind, "consent_given");
}

/// Attack D19.
#[actix_web::test]
async fn no_app_gets_more_in_silence_and_one_that_registered_itself_is_marked() {
    let bench = Bench::new().await;
    let google = |row: &mut ClientRow| {
        "Google".clone_into(&mut row.name);
        row.registration_hash = Some("x".to_owned());
    };
    bench.app_row("other", json!({}), google).await;
    bench.app_row("checked", json!({ "verified": true }), google).await;
    let cookie = bench.ada().await;
    let page = consent_page(&bench, &Ask::of("other"), &cookie).await;
    assert!(page.text.contains("id=\"unverified\""), "{}", page.text);
    let checked = consent_page(&bench, &Ask::of("checked"), &cookie).await;
    assert!(!checked.text.contains("id=\"unverified\""), "an admin knows who runs it");
    bench.agree(&page, "accept", &cookie).await.told(BACK);

    let silent = Ask::of("other").with("prompt", "none");
    assert!(bench.open(&silent, &cookie).await.told(BACK).contains_key("code"));
    for scope in ["openid email profile", "openid email offline_access"] {
        let more = silent.clone().with("scope", scope);
        assert_eq!(bench.open(&more, &cookie).await.error(), "consent_required");
    }
}

/// `fapi2-…-user-rejects-authentication`.
#[actix_web::test]
async fn whoever_declines_is_sent_back_with_access_denied() {
    let bench = Bench::new().await;
    bench.app("shop", json!({})).await;
    let cookie = bench.ada().await;
    let page = consent_page(&bench, &Ask::of("shop"), &cookie).await;

    let answer = bench.agree(&page, "decline", &cookie).await;
    let told = answer.told(BACK);
    assert_eq!((answer.error().as_str(), told["state"].as_str()), ("access_denied", "s1"));
    assert!(!told.contains_key("code"));
}

#[actix_web::test]
async fn a_consent_form_is_good_for_its_session_and_request_alone() {
    let bench = Bench::new().await;
    bench.app("shop", json!({})).await;
    let cookie = bench.ada().await;
    let bob = bench.sign_up("bob@school.example").await.cookie();
    let page = consent_page(&bench, &Ask::of("shop"), &cookie).await;
    let other = consent_page(&bench, &Ask::of("shop"), &cookie).await;

    assert_eq!(bench.agree(&page, "accept", &bob).await.code(), "INVALID_FORM");
    assert_eq!(bench.agree(&page, "accept", "").await.status, 401);
    let (query, token) = (page.field("oauth_query"), other.field("form_token"));
    let mixed = [("oauth_query", &*query), ("form_token", &*token), ("accept", "yes")];
    let answer = bench.submit("/api/auth/oauth2/consent", &mixed, &cookie).await;
    assert_eq!(answer.code(), "INVALID_FORM");
    let foreign = bench
        .call(Method::POST, "/api/auth/oauth2/consent")
        .body(FORM, "accept=yes")
        .with("cookie", &cookie)
        .with("origin", "https://evil.example")
        .send()
        .await;
    assert_eq!(foreign.code(), "INVALID_ORIGIN");
}

/// Attack D21.
#[actix_web::test]
async fn nothing_that_an_app_says_becomes_markup() {
    let bench = Bench::new().await;
    let evil = "\"><script>alert(1)</script>";
    bench.app_row("shop", json!({}), |row| evil.clone_into(&mut row.name)).await;
    bench.own_app().await;
    let cookie = bench.ada().await;

    let sign_in = bench.open(&Ask::of("shop").with("login_hint", evil), "").await.leads_to();
    let pages = [
        bench.visit(&sign_in, "").await,
        consent_page(&bench, &Ask::of("shop"), &cookie).await,
        bench.open(&Ask::of(evil).with("redirect_uri", evil), &cookie).await,
        bench
            .visit(
                &format!("{}&{}=1&{}=2", Ask::of("own").path(), "%3Cscript%3E", "%3Cscript%3E"),
                "",
            )
            .await,
    ];
    for page in &pages {
        assert!(!page.text.contains("<script"), "{}", page.text);
        assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    }
    let ask = Ask::of("own").with("response_mode", "form_post").with("state", evil);
    let page = bench.open(&ask, &cookie).await;
    assert_eq!((page.status, page.text.matches("<script").count()), (200, 1), "{}", page.text);
    assert_eq!(page.field("state").replace("&gt;", ">"), evil);
    assert!(bench.auth.open_code(&ClientId::new("own"), &page.field("code")).is_some());
    assert_eq!(page.field("iss").len(), 30);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'sha256-") && !policy.contains("script-src 'unsafe"));
    assert!(policy.contains("form-action 'self'") && policy.contains(" https://client.example"));
    assert!(page.text.contains(&format!("action=\"{BACK}\"")));
}

/// Attack C7: nothing frames a page; and browsers let its form lead to the app.
#[actix_web::test]
async fn pages_are_not_framed_and_their_forms_lead_to_the_app_alone() {
    let bench = Bench::new().await;
    bench.app("shop", json!({})).await;
    let cookie = bench.ada().await;
    let sign_in = bench.open(&Ask::of("shop"), "").await.leads_to();
    let select = bench.open(&Ask::of("shop").with("prompt", "select_account"), &cookie).await;

    for page in [
        bench.visit(&sign_in, "").await,
        bench.visit(&select.leads_to(), &cookie).await,
        consent_page(&bench, &Ask::of("shop"), &cookie).await,
    ] {
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(
            policy.ends_with("form-action 'self' https://app.example https://client.example"),
            "{policy}"
        );
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(page.header("cross-origin-opener-policy"), None);
    }
    assert!(
        bench
            .open(&Ask::of("none"), "")
            .await
            .header("content-security-policy")
            .unwrap()
            .contains("frame-ancestors 'none'")
    );
}

/// `oidcc-ui-locales`.
#[actix_web::test]
async fn pages_speak_the_language_that_the_app_or_the_browser_wants() {
    let bench = Bench::new().await;
    bench.app("shop", json!({})).await;
    for (ask, accept, title) in [
        (Ask::of("shop").with("ui_locales", "fr de"), "ar", "Anmelden"),
        (Ask::of("shop").with("ui_locales", "fr"), "ar", "تسجيل الدخول"),
        (Ask::of("shop"), "de", "Anmelden"),
        (Ask::of("shop"), "", "Sign in"),
    ] {
        let page = bench.open(&ask, "").await.leads_to();
        let page = bench.get(&page).with("accept-language", accept).send().await;
        assert!(page.text.contains(&format!("<h1>{title}</h1>")), "{accept}: {}", page.text);
    }
}
