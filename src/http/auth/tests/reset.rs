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
    page.header("location").unwrap().strip_prefix("/reset?token=").unwrap().to_owned()
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
    assert_eq!(late.header("location"), Some("/reset?error=INVALID_TOKEN"));
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
