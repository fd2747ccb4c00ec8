use super::*;

/// Attacks C7 and D21.
#[actix_web::test]
async fn the_pages_are_framed_by_nobody_and_an_apps_name_is_text() {
    let browser = Browser::open().await;
    let evil = "<script>alert(1)</script>\"'";
    let row = ClientRow { name: evil.to_owned(), ..app("evil", &json!({})) };
    browser.bench.store.have_app(row).await;
    let state = "\"><script>alert(2)</script>";
    let query = [("client_id", "evil"), ("post_logout_redirect_uri", OUT), ("state", state)];

    let asking = browser.end(&query).await;
    assert!(asks(&asking));
    let refused = browser.end(&[("client_id", state)]).await;
    assert!(is_error(&refused));
    browser.confirm(&[]).await;
    let over = browser.end(&query).await;
    assert!(is_signed_out_page(&over));

    for page in [asking, refused, over] {
        assert!(!page.text.contains("<script"), "{}", page.text);
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(page.header("cross-origin-opener-policy"), None);
    }
}

#[actix_web::test]
async fn the_pages_speak_the_language_that_the_app_or_the_browser_asks_for() {
    let browser = Browser::open().await;
    for (asked, header, expected) in
        [("de", "", "de"), ("fr ar", "de", "ar"), ("fr", "de, en;q=0.5", "de"), ("", "", "en")]
    {
        let query = form(&[("ui_locales", asked)]);
        let call = browser.bench.get(&format!("{END}?{query}")).with("cookie", &browser.cookie);
        let page = call.with("accept-language", header).send().await;
        assert_eq!(page.header("content-language"), Some(expected), "{asked:?} {header:?}");
        assert!(asks(&page));
    }
}

/// An app of its own scheme, and an address that policies have no words for.
#[actix_web::test]
async fn the_policy_lets_the_form_lead_back_to_the_app() {
    for (address, source) in [
        ("http://localhost:5173/out", "http://localhost:5173"),
        ("com.example.app:/out", "com.example.app:"),
        ("http://[::1]:9/out", "http:"),
    ] {
        let browser = Browser::open().await;
        let row = app("native", &json!({ "post_logout_redirect_uris": [address] }));
        browser.bench.store.have_app(row).await;
        let query = [("client_id", "native"), ("post_logout_redirect_uri", address)];

        let page = browser.end(&query).await;

        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.ends_with(&format!("form-action 'self' {source}")), "{policy}");
        assert!(leads_to(&browser.confirm(&query).await, address));
    }
}
