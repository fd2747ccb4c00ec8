use super::{change_email::mailed, *};

const ADA: &str = "ada@school.example";

async fn delete(bench: &Bench, cookie: &str, body: &Value) -> Answer {
    bench.post("/api/auth/delete-user", body).by_page(cookie).send().await
}

async fn is_there(bench: &Bench) -> bool {
    bench.store.user_by_email(ADA).await.is_ok()
}

const LATER: i64 = 5 * 60_000 + 1;

#[actix_web::test]
async fn a_password_or_a_fresh_session_deletes_an_account() {
    let bench = Bench::new().await;
    for (body, wait) in [(json!({"password": PASSWORD}), LATER), (json!({}), 0)] {
        let cookie = bench.sign_up(ADA).await.cookie();
        bench.clock.advance(wait);
        let wrong = delete(&bench, &cookie, &json!({"password": "Wrong-Lamp-7 road"})).await;
        assert_eq!((wrong.status, wrong.code().as_str()), (400, "INVALID_PASSWORD"));

        let gone = delete(&bench, &cookie, &body).await;

        assert_eq!(gone.json(), json!({"success": true, "message": "User deleted"}));
        assert!(gone.cookies().iter().all(|it| it.contains("Max-Age=0")), "{:?}", gone.cookies());
        assert_eq!(gone.cookies().len(), 4);
        assert!(!is_there(&bench).await);
        let me = bench.get("/api/auth/get-session").with("cookie", &cookie).send().await;
        assert_eq!(me.json(), Value::Null);
    }
}

/// Attacks A19 and B5: a stolen session deletes nothing, and neither does a mail scanner.
#[actix_web::test]
async fn a_stale_session_is_mailed_a_link_that_works_for_its_owner_by_a_button() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up(ADA).await.cookie();
    bench.clock.advance(LATER);
    let stale = delete(&bench, &cookie, &json!({})).await;
    assert_eq!((stale.status, stale.code().as_str()), (400, "SESSION_NOT_FRESH"));

    let mailing = delete(&bench, &cookie, &json!({"callbackURL": "/bye"})).await;
    assert_eq!(mailing.json()["message"], "Verification email sent");
    let link = mailed(&bench, ADA, "delete-account").await;
    let token = link.split("token=").nth(1).unwrap().split('&').next().unwrap();

    // Whoever reads the mail elsewhere; somebody else who is signed in.
    let anonymous = bench.get(&link).send().await;
    assert!(anonymous.status == 401 && anonymous.text.contains("Sign in first"));
    let eve = bench.sign_up("eve@school.example").await.cookie();
    let fetched = bench.get(&link).with("cookie", &eve).with("sec-fetch-mode", "cors").send().await;
    assert_eq!((fetched.status, fetched.code().as_str()), (400, "INVALID_TOKEN"));
    assert_eq!(bench.get(&link).with("cookie", &eve).send().await.status, 401);

    let page = bench.get(&link).with("cookie", &cookie).send().await;
    assert!(page.text.contains(r#"<button id="delete""#) && page.text.contains(ADA));
    assert!(is_there(&bench).await);
    let press = bench.call(Method::POST, "/api/auth/delete-user/callback").by_page(&cookie);
    let form = format!("token={token}&callbackURL=%2Fbye");
    let done = press.body("application/x-www-form-urlencoded", form).send().await;
    assert_eq!((done.status, done.header("location")), (303, Some("/bye")), "{}", done.text);
    assert!(!is_there(&bench).await);
}

#[actix_web::test]
async fn the_client_librarys_fetch_of_the_link_deletes_at_once() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up(ADA).await.cookie();
    bench.clock.advance(LATER);
    delete(&bench, &cookie, &json!({"callbackURL": "/bye"})).await;
    let link = mailed(&bench, ADA, "delete-account").await;
    let foreign = link.replace("%2Fbye", "%2F%2Fevil");
    let fetch = async |link: &str| {
        bench.get(link).with("cookie", &cookie).with("sec-fetch-mode", "cors").send().await
    };

    assert_eq!(fetch(&foreign).await.code(), "INVALID_CALLBACK_URL");
    assert!(is_there(&bench).await);
    let done = fetch(&link).await;
    assert_eq!((done.status, done.header("location")), (302, Some("/bye")));
    assert!(!is_there(&bench).await);
}

/// Attack B3: a link that is late or replaced.
#[actix_web::test]
async fn a_deletion_link_is_good_for_an_hour_and_until_the_next() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up(ADA).await.cookie();
    bench.clock.advance(LATER);
    let mut tokens = Vec::new();
    for _ in 0..2 {
        bench.clock.advance(1);
        delete(&bench, &cookie, &json!({"callbackURL": "/bye"})).await;
        let link = mailed(&bench, ADA, "delete-account").await;
        tokens.push(link.split("token=").nth(1).unwrap().split('&').next().unwrap().to_owned());
    }
    let old = delete(&bench, &cookie, &json!({"token": tokens[0]})).await;
    assert_eq!((old.status, old.code().as_str()), (400, "INVALID_TOKEN"));
    bench.clock.advance(3_600_000);
    let late = delete(&bench, &cookie, &json!({"token": tokens[1]})).await;
    assert_eq!(late.code(), "INVALID_TOKEN");
    assert!(is_there(&bench).await);
}

/// Somebody must be left who can make others admins.
#[actix_web::test]
async fn the_last_admin_stays_until_somebody_else_is_one() {
    let bench = Bench::new().await;
    let (_, root) = bench.signed_in_with_token("root", Role::Admin).await;
    let delete = async || {
        let call = bench.post("/api/auth/delete-user", &json!({}));
        call.with("authorization", &format!("Bearer {root}")).send().await
    };

    let refused = delete().await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "LAST_ADMIN"), "{}", refused.text);
    assert!(bench.store.user_by_email("root@school.example").await.is_ok());
    bench.signed_in_with_token("boss", Role::Admin).await;
    assert_eq!(delete().await.json()["message"], "User deleted");
}
