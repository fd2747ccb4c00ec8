use super::*;

/// `oidcc-rp-initiated-logout`.
#[actix_web::test]
async fn a_hint_of_this_sign_in_ends_it_and_leads_back_with_the_state() {
    let browser = Browser::open().await;
    let query = [
        ("id_token_hint", &*browser.hint()),
        ("post_logout_redirect_uri", OUT),
        ("state", "here again&x=1"),
        ("logout_hint", "ada@school.example"),
    ];

    let answer = browser.end(&query).await;

    let expected = format!("{OUT}?state=here+again%26x%3D1");
    assert!(leads_to(&answer, &expected), "{} {:?}", answer.status, answer.headers);
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert!(answer.cookies().iter().any(|it| it.contains("session_token=;")), "cleared");
    assert!(!browser.is_signed_in().await);
    let events = browser.bench.store.newest_auth_events(9).await.unwrap();
    assert_eq!(events.iter().filter(|it| it.kind == "sign_out").count(), 1);
    // Once more: there is nobody to ask.
    assert!(leads_to(&browser.end(&query).await, &expected));
}

/// `oidcc-rp-initiated-logout-no-state`.
#[actix_web::test]
async fn without_a_state_the_address_stands_as_it_is_registered() {
    let browser = Browser::open().await;
    let hint = browser.hint();

    let answer = browser.end(&[("id_token_hint", &hint), ("post_logout_redirect_uri", OUT)]).await;

    assert!(leads_to(&answer, OUT), "{:?}", answer.headers);
}

/// `oidcc-rp-initiated-logout-no-post-logout-redirect-uri`.
#[actix_web::test]
async fn without_an_address_the_person_is_signed_out_on_a_page_of_ours() {
    let browser = Browser::open().await;

    let answer = browser.end(&[("id_token_hint", &browser.hint()), ("state", "x")]).await;

    assert!(is_signed_out_page(&answer), "{}", answer.text);
    assert!(!browser.is_signed_in().await);
}

/// `oidcc-rp-initiated-logout-bad-post-logout-redirect-uri` and
/// `oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri`; attack D20.
#[actix_web::test]
async fn an_address_that_is_not_registered_is_led_to_by_nothing() {
    let browser = Browser::open().await;
    for address in [
        "https://app.example/signed-out/other",
        "https://app.example/signed-out?foo=bar",
        "https://app.example/signed-out#x",
        "https://app.example/Signed-out",
        "https://app.example/cb",
        "https://app.example.evil/signed-out",
        "https://app.example@evil.example/signed-out",
        "//evil.example",
        "javascript:alert(1)",
        "https://evil.example/\r\nset-cookie: x=y",
    ] {
        let hint = browser.hint();
        let query = [("id_token_hint", &*hint), ("post_logout_redirect_uri", address)];
        assert!(is_error(&browser.end(&query).await), "{address}");
        let query = [("client_id", "app"), ("post_logout_redirect_uri", address)];
        assert!(is_error(&browser.end(&query).await), "{address}");
        assert!(is_error(&browser.confirm(&query).await), "{address}");
    }
    assert!(browser.is_signed_in().await);
}

/// `oidcc-rp-initiated-logout-modified-id-token-hint`, `oidcc-rp-initiated-logout-bad-id-token-hint`;
/// attacks D16 and D20.
#[actix_web::test]
async fn a_hint_that_we_did_not_issue_as_an_id_token_is_refused() {
    let browser = Browser::open().await;
    let good = browser.hint();
    let mut parts = good.split('.');
    let (head, claims) = (parts.next().unwrap(), parts.next().unwrap());
    let claims_of = |typ: &str| {
        let now = browser.bench.auth.now_s();
        let claims = json!({
            "iss": browser.bench.auth.issuer(), "sub": browser.user, "aud": "app", "iat": now,
            "exp": now + 60, "sid": browser.sid,
        });
        browser.bench.auth.sign_for_tests(typ, &claims)
    };
    // {"alg":"none"} and {"alg":"RS256","kid":"foreign"}.
    let unsigned = format!("eyJhbGciOiJub25lIn0.{claims}.");
    let unknown = format!("eyJhbGciOiJSUzI1NiIsImtpZCI6ImZvcmVpZ24ifQ.{claims}.AAAA");
    for (what, hint) in [
        ("alg none", unsigned),
        ("an unknown key", unknown),
        ("another signature", format!("{head}.{claims}.{}", "A".repeat(342))),
        ("other claims", browser.id_token(&json!({ "sub": null }))),
        ("another issuer", browser.id_token(&json!({ "iss": "https://evil.example" }))),
        ("an access token", claims_of("at+jwt")),
        ("a logout token", claims_of("logout+jwt")),
        ("text", "nonsense".to_owned()),
        ("too much", "a.".repeat(9_000)),
    ] {
        let query = [("id_token_hint", &*hint), ("post_logout_redirect_uri", OUT)];
        assert!(is_error(&browser.end(&query).await), "{what}");
        assert!(is_error(&browser.confirm(&query).await), "{what}");
    }
    assert!(browser.is_signed_in().await);
}

/// Attack D20: an expired one of our own says as well whose sign-in it means.
#[actix_web::test]
async fn an_expired_hint_is_as_good_as_a_fresh_one() {
    let browser = Browser::open().await;
    let hint = browser.hint();
    browser.bench.clock.advance(2 * DAY);

    let answer = browser.end(&[("id_token_hint", &hint), ("post_logout_redirect_uri", OUT)]).await;

    assert!(leads_to(&answer, OUT), "{}", answer.text);
    assert!(!browser.is_signed_in().await);
}

#[actix_web::test]
async fn the_client_must_be_the_one_that_the_hint_was_issued_to() {
    let browser = Browser::open().await;
    browser.bench.store.have_app(app("other", &json!({}))).await;
    let hint = browser.hint();
    for client in ["other", "nobody"] {
        let query = [("id_token_hint", &*hint), ("client_id", client)];
        assert!(is_error(&browser.end(&query).await), "{client}");
    }
    assert!(is_error(&browser.end(&[("client_id", "nobody")]).await));
    assert!(browser.is_signed_in().await);

    let two = browser.id_token(&json!({ "aud": ["app", "other"], "azp": "app" }));
    let query = [("id_token_hint", &*two), ("client_id", "app"), ("post_logout_redirect_uri", OUT)];
    assert!(leads_to(&browser.end(&query).await, OUT));
}

/// `oidcc-rp-initiated-logout-no-params` and `oidcc-rp-initiated-logout-only-state`; attack C12.
#[actix_web::test]
async fn without_a_hint_nobody_is_signed_out_before_the_person_says_so() {
    for query in [&[][..], &[("state", "x")]] {
        let browser = Browser::open().await;
        assert!(asks(&browser.end(query).await), "{query:?}");
        assert!(browser.is_signed_in().await);

        let answer = browser.confirm(query).await;

        assert!(is_signed_out_page(&answer), "{}", answer.text);
        assert!(!browser.is_signed_in().await);
        assert!(is_signed_out_page(&browser.end(query).await), "there is nobody to ask");
    }
}

/// `oidcc-rp-initiated-logout-no-id-token-hint`: nobody vouches for the address.
#[actix_web::test]
async fn an_address_without_a_hint_and_without_a_client_is_led_to_by_nothing() {
    let browser = Browser::open().await;
    let query = [("post_logout_redirect_uri", OUT), ("state", "x")];

    assert!(asks(&browser.end(&query).await));
    assert!(is_signed_out_page(&browser.confirm(&query).await));
    assert!(is_signed_out_page(&browser.end(&query).await));
}

#[actix_web::test]
async fn a_client_alone_has_the_browser_back_after_the_person_agreed() {
    let browser = Browser::open().await;
    let query = [("client_id", "app"), ("post_logout_redirect_uri", OUT), ("state", "x")];

    let page = browser.end(&query).await;
    assert!(asks(&page), "{}", page.text);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.ends_with("form-action 'self' https://app.example"), "{policy}");
    assert!(leads_to(&browser.confirm(&query).await, &format!("{OUT}?state=x")));

    // Nobody is signed in: nothing to agree to, so a link and no redirect.
    let page = browser.end(&query).await;
    assert!(is_signed_out_page(&page) && page.text.contains(r#"id="back""#), "{}", page.text);
}

/// Attack C12: a hint of somebody else, or of a sign-in of hers that is over.
#[actix_web::test]
async fn a_hint_of_another_sign_in_asks_first() {
    let browser = Browser::open().await;
    for other in [json!({ "sub": "bob" }), json!({ "sid": "before" })] {
        let hint = browser.id_token(&other);
        let query = [("id_token_hint", &*hint), ("post_logout_redirect_uri", OUT)];
        assert!(asks(&browser.end(&query).await), "{other}");
        assert!(browser.is_signed_in().await);
    }
    let hint = browser.id_token(&json!({ "sid": null }));
    let answer = browser.end(&[("id_token_hint", &hint), ("post_logout_redirect_uri", OUT)]).await;
    assert!(leads_to(&answer, OUT), "without a sid the person alone counts");
}

/// A form on an app's page: no cookie of ours comes with it, and its Origin is foreign.
#[actix_web::test]
async fn a_form_of_an_apps_page_brings_the_browser_back_by_get() {
    let browser = Browser::open().await;
    let hint = browser.hint();
    let fields = [("id_token_hint", &*hint), ("post_logout_redirect_uri", OUT), ("state", "x")];
    for cookie in ["", &*browser.cookie] {
        let call = browser.bench.call(Method::POST, END).with("origin", "https://app.example");
        let call = if cookie.is_empty() { call } else { call.with("cookie", cookie) };
        let answer = call.body(FORM, form(&fields)).send().await;
        assert_eq!(answer.status, 303);
        let place = answer.header("location").unwrap();
        let (path, query) = place.split_once('?').unwrap();
        assert_eq!(path, END);
        assert!(query.contains("state=x"), "{query}");
    }
    assert!(browser.is_signed_in().await);
}

/// Attack D22.
#[actix_web::test]
async fn a_parameter_that_stands_twice_is_refused() {
    let browser = Browser::open().await;
    let hint = browser.hint();
    let twice = [("id_token_hint", &*hint), ("id_token_hint", &*hint)];

    assert!(is_error(&browser.end(&twice).await));
    assert!(is_error(&browser.confirm(&twice).await));
    let call = browser.bench.call(Method::POST, END).body(FORM, form(&twice));
    assert!(is_error(&call.send().await));
    let json = browser.bench.post(END, &json!({ "id_token_hint": hint })).send().await;
    assert_eq!(json.status, 415);
    assert!(browser.is_signed_in().await);
}

/// Attack C1: another site's form presses no button of ours.
#[actix_web::test]
async fn only_a_page_of_ours_confirms() {
    let browser = Browser::open().await;
    for headers in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
        &[],
    ] {
        let mut call = browser.bench.call(Method::POST, CONFIRM).with("cookie", &browser.cookie);
        for (name, value) in headers {
            call = call.with(name, value);
        }
        assert_eq!(call.body(FORM, "").send().await.status, 403, "{headers:?}");
    }
    assert!(browser.is_signed_in().await);
    let call = browser.bench.call(Method::POST, CONFIRM).with("origin", PAGE);
    let call = call.with("cookie", &browser.cookie).body(FORM, "");
    assert!(is_signed_out_page(&call.send().await));
}

/// Whoever signs out while she acts as somebody signs out herself.
#[actix_web::test]
async fn signing_out_of_an_acting_session_ends_both() {
    let browser = Browser::open().await;
    let bench = &browser.bench;
    let (root, own) = bench.signed_in_with_token("root", crate::domain::role::Role::Admin).await;
    let place = crate::auth::sessions::Device::default();
    let by = crate::auth::admin::By { admin: &root, device: &place };
    let ada = crate::domain::ids::UserId::new(&browser.user);
    let acting = bench.auth.impersonate(by, &ada).await.unwrap();
    let cookie = format!(
        "{}={}",
        crate::http::extract::SESSION_COOKIE,
        crate::auth::cookie::escape(&bench.auth.signed(&acting.token))
    );

    let call = bench.call(Method::POST, CONFIRM).by_page(&cookie).body(FORM, "");
    assert!(is_signed_out_page(&call.send().await));

    for token in [&acting.token, &own] {
        assert!(bench.auth.by_session_token(token).await.is_err());
    }
    assert!(browser.is_signed_in().await, "Ada herself");
}

/// A client that is gone keeps nobody signed in.
#[actix_web::test]
async fn a_hint_of_an_app_that_is_gone_signs_out_without_a_way_back() {
    let browser = Browser::open().await;
    let hint = browser.id_token(&json!({ "aud": "gone" }));

    let query = [("id_token_hint", &*hint), ("post_logout_redirect_uri", OUT)];
    assert!(is_error(&browser.end(&query).await));
    assert!(is_signed_out_page(&browser.end(&[("id_token_hint", &hint)]).await));
    assert!(!browser.is_signed_in().await);
}
