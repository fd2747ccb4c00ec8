use super::*;

const NEW: &str = "Fox-Kite-9 lane";

async fn ask(bench: &Bench, path: &str, email: &str) -> Answer {
    let body = json!({"email": email, "redirectTo": "/reset"});
    bench.post(&format!("/api/auth/{path}"), &body).send().await
}

/// The token of the newest link, as the page that it leads to gets it.
async fn opened(bench: &Bench, email: &str) -> String {
    let mails = bench.store.mails(Some(email), Some("reset-password")).await.unwrap();
    let links: Vec<String> = serde_json::from_str(&mails[0].links).unwrap();
    let page = bench.get(links[0].strip_prefix(PAGE).unwrap()).send().await;
    assert_eq!(page.status, 302);
    let led = page.header("location").unwrap();
    led.strip_prefix("http://localhost:8080/reset?token=").unwrap().to_owned()
}

async fn reset(bench: &Bench, token: &str, password: &str) -> (u16, String) {
    let body = json!({"newPassword": password, "token": token});
    let answer = bench.post("/api/auth/reset-password", &body).send().await;
    (answer.status, answer.code())
}

/// Attacks A3 and A6: the same answer for all; a reset gets the owner of a locked account in.
#[actix_web::test]
async fn a_reset_ends_all_sessions_and_the_lockout_and_works_once() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up("ada@school.example").await.cookie();
    for _ in 0..5 {
        bench.sign_in("ada@school.example", "Wrong-Lamp-7 road").await;
    }
    let known = ask(&bench, "request-password-reset", "ada@school.example").await;
    let unknown = ask(&bench, "forget-password", "nobody@school.example").await;
    assert_eq!((known.status, &known.text), (unknown.status, &unknown.text));
    assert_eq!(known.json()["status"], true);
    let token = opened(&bench, "ada@school.example").await;
    assert_eq!(token.len(), 24);

    let weak = reset(&bench, &token, "Sh0rt!").await;
    assert_eq!(weak, (400, "PASSWORD_TOO_SHORT".to_owned()));
    assert_eq!(reset(&bench, &token, NEW).await.0, 200);
    assert_eq!(reset(&bench, &token, NEW).await, (400, "INVALID_TOKEN".to_owned()));

    let me = bench.get("/api/auth/get-session").with("cookie", &cookie).send().await;
    assert_eq!(me.json(), Value::Null);
    assert_eq!(bench.sign_in("ada@school.example", NEW).await.status, 200);
    assert_eq!(bench.sign_in("ada@school.example", PASSWORD).await.status, 401);
}

/// Attack B3: an older link, a late one, none of ours.
#[actix_web::test]
async fn only_the_newest_link_works_and_for_an_hour() {
    let bench = Bench::new().await;
    bench.sign_up("ada@school.example").await;
    ask(&bench, "request-password-reset", "ada@school.example").await;
    let old = opened(&bench, "ada@school.example").await;
    bench.clock.advance(1);
    ask(&bench, "request-password-reset", "ada@school.example").await;
    let new = opened(&bench, "ada@school.example").await;

    let invalid = (400, "INVALID_TOKEN".to_owned());
    assert_eq!(reset(&bench, &old, NEW).await, invalid);
    assert_eq!(reset(&bench, "x", NEW).await, invalid);
    bench.clock.advance(3_600_000);
    assert_eq!(reset(&bench, &new, NEW).await, invalid);
    let path = format!("/api/auth/reset-password/{new}?callbackURL=/reset");
    let late = bench.get(&path).send().await;
    assert_eq!(late.header("location"), Some("http://localhost:8080/reset?error=INVALID_TOKEN"));
}

/// Attack B6.
#[actix_web::test]
async fn a_reset_leads_nowhere_foreign() {
    let bench = Bench::new().await;
    let body = json!({"email": "ada@school.example", "redirectTo": "//evil"});
    let answer = bench.post("/api/auth/request-password-reset", &body).send().await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "INVALID_REDIRECT_URL"));
    let opened = bench.get("/api/auth/reset-password/x?callbackURL=//evil").send().await;
    assert_eq!(opened.code(), "INVALID_CALLBACK_URL");
    assert_eq!(bench.get("/api/auth/reset-password/x").send().await.status, 400);
}

/// Attacks A15 and A14: the mail goes to one address, the stored one, whatever is typed.
#[actix_web::test]
async fn a_reset_for_more_than_one_address_is_refused_and_mail_goes_to_the_stored_one() {
    let bench = Bench::new().await;
    bench.sign_up("ada@school.example").await;
    let url = "/api/auth/request-password-reset";
    let form = "application/x-www-form-urlencoded";
    for (kind, body) in [
        (form, "email[]=ada@school.example&email[]=eve@evil.example"),
        (form, "email=ada@school.example&email=eve@evil.example"),
        (form, "email=ada@school.example,eve@evil.example"),
        ("application/json", r#"{"email":["ada@school.example","eve@evil.example"]}"#),
        ("application/json", r#"{"email":"ada@school.example,eve@evil.example"}"#),
        ("application/json", r#"{"email":"ada@school.example","email":"eve@evil.example"}"#),
        ("application/json", r#"{"email":"ada@school.example\r\nBcc: eve@evil.example"}"#),
    ] {
        let answer = bench.call(Method::POST, url).body(kind, body).send().await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
    }
    assert_eq!(bench.store.mails(None, Some("reset-password")).await.unwrap(), []);

    ask(&bench, "request-password-reset", "\u{ff21}da@SCHOOL.example").await;
    let mail = bench.store.mails(None, Some("reset-password")).await.unwrap().remove(0);
    assert_eq!(mail.recipient, "ada@school.example");
}

/// Attack A3: the same is written for an address without account, so that it takes as long.
#[actix_web::test]
async fn a_reset_of_an_unknown_address_writes_as_much_and_mails_nothing() {
    let bench = Bench::new().await;

    let unknown = ask(&bench, "request-password-reset", "nobody@school.example").await;

    assert_eq!(unknown.status, 200);
    assert_eq!(bench.store.mails(None, None).await.unwrap(), []);
    let event = bench.store.newest_auth_events(1).await.unwrap().remove(0);
    assert_eq!((event.kind.as_str(), event.user_id), ("password_reset_requested", None));
    // What was written opens nothing and is swept away.
    assert_eq!(
        bench.store.forget_verifications(crate::auth::tests::START.plus(1)).await.unwrap(),
        1
    );
}

/// Attacks A18 and A19: a reset leaves the second factor, and the owner hears of it.
#[actix_web::test]
async fn a_reset_keeps_the_second_factor_and_is_told_by_mail() {
    let bench = Bench::new().await;
    let mut ada = person("ada", Role::Student);
    ada.two_factor_enabled = true;
    bench.store.insert_user(ada, login("ada"), None).await.unwrap();
    ask(&bench, "request-password-reset", "ada@school.example").await;
    let token = opened(&bench, "ada@school.example").await;

    let body = json!({"newPassword": NEW});
    let path = format!("/api/auth/reset-password?token={token}");
    assert_eq!(bench.post(&path, &body).send().await.status, 200);

    let ada = bench.store.user_by_email("ada@school.example").await.unwrap();
    assert!(ada.two_factor_enabled);
    let told =
        bench.store.mails(Some("ada@school.example"), Some("password-changed")).await.unwrap();
    assert_eq!(told.len(), 1);
}

/// Attack A3: the same answer and as many writes; the owner is told how she signs in.
#[actix_web::test]
async fn who_has_no_password_is_told_by_mail_how_she_signs_in() {
    let bench = Bench::new().await;
    let unknown = ask(&bench, "request-password-reset", "nobody@school.example").await;
    let mut way = login("ada");
    way.password = None;
    way.provider_id = "school".to_owned();
    bench.store.insert_user(person("ada", Role::Student), way, None).await.unwrap();

    let known = ask(&bench, "request-password-reset", "ada@school.example").await;

    assert_eq!((known.status, &known.text), (unknown.status, &unknown.text));
    let mails = bench.store.mails(Some("ada@school.example"), None).await.unwrap();
    assert_eq!((mails.len(), mails[0].kind.as_str()), (1, "no-password"));
    assert!(mails[0].body.contains("the sign-in of your school"), "{}", mails[0].body);
    assert_eq!(mails[0].links, format!("[\"{PAGE}/sign-in\"]"));
    assert_eq!(bench.store.login_by_email("ada@school.example").await.unwrap().unwrap().1, None);
    // The proof beside it is nobody's.
    let swept = bench.store.forget_verifications(crate::auth::tests::START.plus(1)).await;
    assert_eq!(swept.unwrap(), 1);
}

/// Attack A11: a password of a megabyte is refused before any work, and uses nothing up.
#[actix_web::test]
async fn a_huge_password_costs_nothing_and_leaves_the_link() {
    let bench = Bench::new().await;
    bench.sign_up("ada@school.example").await;
    ask(&bench, "request-password-reset", "ada@school.example").await;
    let token = opened(&bench, "ada@school.example").await;

    let huge = reset(&bench, &token, &"Aa1!".repeat(300)).await;
    assert_eq!(huge, (400, "PASSWORD_TOO_LONG".to_owned()));
    assert_eq!(reset(&bench, &token, &"Aa1!".repeat(262_144)).await.0, 413);
    // Attack A16: one of the passwords that are tried first.
    let common = reset(&bench, &token, "Password123!").await;
    assert_eq!(common, (400, "PASSWORD_TOO_WEAK".to_owned()));
    assert_eq!(reset(&bench, &token, NEW).await.0, 200);
}

/// Attack B4: tokens in a copy of the database.
#[actix_web::test]
async fn the_token_of_a_link_is_stored_nowhere_but_in_the_mail() {
    let bench = Bench::at(PAGE, false).await;
    bench.sign_up("ada@school.example").await;
    ask(&bench, "request-password-reset", "ada@school.example").await;

    let row = bench.store.mails(None, Some("reset-password")).await.unwrap().remove(0);
    let text = bench.auth.letter(&row).unwrap().text;
    let token = text.split("/reset-password/").nth(1).unwrap().split('?').next().unwrap();
    assert_eq!(token.len(), 24);

    let hits: Vec<_> = std::fs::read_dir(bench.folder.path())
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| {
            let bytes = std::fs::read(path).unwrap();
            bytes.windows(token.len()).any(|part| part == token.as_bytes())
        })
        .collect();
    assert!(hits.is_empty(), "{hits:?}");
    assert!(bench.auth.check_reset(token).await.is_ok());
}
