use super::*;

/// The path and query of the newest link to an address.
async fn link(bench: &Bench, to: &str) -> String {
    let mails = bench.store.mails(Some(to), Some("verify-email")).await.unwrap();
    let links: Vec<String> = serde_json::from_str(&mails[0].links).unwrap();
    links[0].strip_prefix(PAGE).unwrap().to_owned()
}

async fn verified(bench: &Bench, email: &str) -> bool {
    bench.store.user_by_email(email).await.unwrap().email_verified
}

fn token(link: &str) -> &str {
    link.split("token=").nth(1).unwrap().split('&').next().unwrap()
}

/// Attack B5: a mail scanner opens the link. C7: no other page frames ours. C8: a browser that is led
/// on after a form does not send the form again (303).
#[actix_web::test]
async fn opening_the_link_shows_a_button_and_pressing_it_verifies() {
    let bench = Bench::new().await;
    bench.sign_up("ada@school.example").await;
    let link = link(&bench, "ada@school.example").await;

    for mode in [None, Some("navigate"), Some("no-cors")] {
        let call = bench.get(&link);
        let page = match mode {
            Some(mode) => call.with("sec-fetch-mode", mode),
            None => call,
        };
        let page = page.send().await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains(r#"<form id="verify-email" method="post""#), "{}", page.text);
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    }
    assert!(!verified(&bench, "ada@school.example").await);

    let form = format!("token={}&callbackURL=%2F", token(&link));
    // What a browser sends from a page without referrer.
    let press = async || {
        bench
            .call(Method::POST, "/api/auth/verify-email")
            .with("cookie", "a=b")
            .with("origin", "null")
            .with("sec-fetch-site", "same-origin")
            .body("application/x-www-form-urlencoded", form.clone())
            .send()
            .await
    };
    let done = press().await;
    assert_eq!((done.status, done.header("location")), (303, Some("/")), "{}", done.text);
    assert!(verified(&bench, "ada@school.example").await);
    // Pressing twice answers as if it had worked (B5); nothing else happens.
    assert_eq!(press().await.status, 303);
    assert!(done.cookies().is_empty());
}

#[actix_web::test]
async fn the_client_librarys_fetch_verifies_at_once() {
    let bench = Bench::new().await;
    bench.sign_up("ada@school.example").await;
    let link = link(&bench, "ada@school.example").await;

    let bare = format!("/api/auth/verify-email?token={}", token(&link));
    let done = bench.get(&bare).with("sec-fetch-mode", "cors").send().await;

    assert_eq!((done.status, done.json()), (200, json!({"status": true, "user": null})));
    assert!(verified(&bench, "ada@school.example").await);
    let led = bench.get(&link).with("sec-fetch-mode", "same-origin").send().await;
    assert_eq!((led.status, led.header("location")), (302, Some("/")));
}

#[actix_web::test]
async fn verification_reaches_the_person_at_once_and_every_node_is_told() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up("ada@school.example").await.cookie();
    let link = link(&bench, "ada@school.example").await;
    let before = bench.store.last_change().await.unwrap();

    bench.get(&link).with("sec-fetch-mode", "cors").send().await;

    let me = bench.get("/api/auth/get-session").with("cookie", &cookie).send().await;
    assert_eq!(me.json()["user"]["emailVerified"], true);
    let told = bench.store.changes_after(before).await.unwrap();
    assert_eq!(told[0].kind, "user");
}

/// Attack B3: an old, a forged, a foreign link.
#[actix_web::test]
async fn a_link_that_is_old_or_not_ours_does_nothing() {
    let bench = Bench::new().await;
    let answer = bench.sign_up("ada@school.example").await;
    let link = link(&bench, "ada@school.example").await;
    let ada = answer.json()["token"].as_str().unwrap().to_owned();
    let access = bench.auth.by_session_token(&ada).await.unwrap();
    let access = bench.auth.issue_access_token(&access).unwrap();
    let fetch = async |token: &str, more: &str| {
        let path = format!("/api/auth/verify-email?token={token}{more}");
        bench.get(&path).with("sec-fetch-mode", "cors").send().await
    };
    let good = token(&link);
    let forged = format!("{good}x");
    for bad in [forged.as_str(), "x", "", access.as_str(), ada.as_str(), "a.b.c"] {
        let answer = fetch(bad, "").await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "INVALID_TOKEN"), "{bad}");
    }
    let led = fetch("x", "&callbackURL=/welcome").await;
    assert_eq!(led.header("location"), Some("/welcome?error=INVALID_TOKEN"));
    assert_eq!(fetch(good, "&callbackURL=//evil").await.code(), "INVALID_CALLBACK_URL");

    bench.clock.advance(3_600_000);
    assert_eq!(fetch(good, "").await.code(), "TOKEN_EXPIRED");
    let page = bench.get(&link).send().await;
    assert_eq!(page.status, 401);
    assert!(page.text.contains("older than an hour"));
    assert!(!verified(&bench, "ada@school.example").await);
}

/// Attack A4: whether an address has an account.
#[actix_web::test]
async fn asking_for_another_link_tells_a_stranger_nothing() {
    let bench = Bench::new().await;
    bench.sign_up("ada@school.example").await;
    let ask = async |email: &str| {
        let body = json!({"email": email, "callbackURL": "/welcome"});
        bench.post("/api/auth/send-verification-email", &body).send().await
    };

    bench.clock.advance(1);
    let known = ask("ada@school.example").await;
    let unknown = ask("nobody@school.example").await;

    assert_eq!((known.status, known.json()), (200, json!({"status": true})));
    assert_eq!((known.status, &known.text), (unknown.status, &unknown.text));
    assert!(link(&bench, "ada@school.example").await.ends_with("&callbackURL=%2Fwelcome"));
    assert_eq!(bench.store.mails(None, None).await.unwrap().len(), 2);
}

#[actix_web::test]
async fn a_signed_in_person_hears_more_of_her_own_address() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up("ada@school.example").await.cookie();
    let ask = async |email: &str| {
        let call = bench.post("/api/auth/send-verification-email", &json!({"email": email}));
        call.by_page(&cookie).send().await
    };

    assert_eq!(ask("ada@school.example").await.json(), json!({"status": true}));
    let other = ask("eve@school.example").await;
    assert_eq!((other.status, other.code().as_str()), (400, "EMAIL_MISMATCH"));
    let link = link(&bench, "ada@school.example").await;
    bench.get(&link).with("sec-fetch-mode", "cors").send().await;
    assert_eq!(ask("ada@school.example").await.code(), "EMAIL_ALREADY_VERIFIED");
}

/// Attack B1: the link is built from the configured address, not from the request's Host.
#[actix_web::test]
async fn a_forged_host_does_not_get_into_a_mail() {
    let bench = Bench::new().await;
    let body = json!({"name": "Ada", "email": "ada@school.example", "password": PASSWORD});

    let call = bench.post("/api/auth/sign-up/email", &body);
    let call = call.with("host", "evil.example").with("x-forwarded-host", "evil.example");
    assert_eq!(call.send().await.status, 200);

    let mail = bench.store.mails(None, None).await.unwrap().remove(0);
    assert!(!mail.body.contains("evil"), "{}", mail.body);
    assert!(mail.body.contains("http://localhost:8080/api/auth/verify-email?token="));
}

/// Attack B7: the page says whose account it is about, and pressing the button signs nobody in.
#[actix_web::test]
async fn the_page_of_a_link_names_the_account_in_the_readers_language() {
    let bench = Bench::new().await;
    bench.sign_up("ada@school.example").await;
    let link = link(&bench, "ada@school.example").await;

    for (language, words, lang) in [
        ("de-DE,de;q=0.9", "Meine Adresse best\u{e4}tigen", r#"lang="de" dir="ltr""#),
        (
            "ar",
            "\u{62a}\u{623}\u{643}\u{64a}\u{62f} \u{639}\u{646}\u{648}\u{627}\u{646}\u{64a}",
            r#"lang="ar" dir="rtl""#,
        ),
        ("fr", "Verify my address", r#"lang="en" dir="ltr""#),
    ] {
        let page = bench.get(&link).with("accept-language", language).send().await;
        assert!(page.text.contains(words) && page.text.contains(lang), "{}", page.text);
        assert!(page.text.contains("ada@school.example"));
        assert!(page.cookies().is_empty());
    }
}

#[actix_web::test]
async fn a_mail_is_written_in_the_language_of_the_request() {
    let bench = Bench::new().await;
    let body = json!({"name": "Ada", "email": "ada@school.example", "password": PASSWORD});
    let call = bench.post("/api/auth/sign-up/email", &body);
    assert_eq!(call.with("accept-language", "ar-EG,en;q=0.5").send().await.status, 200);

    let mail = bench.store.mails(None, None).await.unwrap().remove(0);

    assert!(mail.html.contains(r#"lang="ar" dir="rtl""#), "{}", mail.html);
}

#[actix_web::test]
async fn ok_is_answered_and_an_error_page_shows_its_code_as_text() {
    let bench = Bench::new().await;
    assert_eq!(bench.get("/api/auth/ok").send().await.json(), json!({"ok": true}));

    let page = bench.get("/api/auth/error?error=%3Cscript%3Ex%3C/script%3E").send().await;
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains("&lt;script&gt;") && !page.text.contains("<script"),
        "{}",
        page.text
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'"), "{policy}");
}
