use super::*;

const ADA: &str = "ada@school.example";
const NEW: &str = "new@school.example";

/// The path and query of the newest link of a kind.
pub(super) async fn mailed(bench: &Bench, to: &str, kind: &str) -> String {
    let mails = bench.store.mails(Some(to), Some(kind)).await.unwrap();
    let links: Vec<String> = serde_json::from_str(&mails[0].links).unwrap();
    links[0].strip_prefix(PAGE).unwrap().to_owned()
}

async fn count(bench: &Bench, kind: &str) -> usize {
    bench.store.mails(None, Some(kind)).await.unwrap().len()
}

async fn ask(bench: &Bench, cookie: &str, new: &str) -> Answer {
    let body = json!({"newEmail": new, "callbackURL": "/settings"});
    bench.post("/api/auth/change-email", &body).by_page(cookie).send().await
}

async fn fetch(bench: &Bench, link: &str) -> Answer {
    bench.get(link).with("sec-fetch-mode", "cors").send().await
}

/// Signed up and verified.
async fn ada(bench: &Bench) -> String {
    let cookie = bench.sign_up(ADA).await.cookie();
    let link = mailed(bench, ADA, "verify-email").await;
    assert_eq!(fetch(bench, &link).await.status, 302);
    cookie
}

async fn me(bench: &Bench, cookie: &str) -> Value {
    bench.get("/api/auth/get-session").with("cookie", cookie).send().await.json()["user"].clone()
}

/// Attack A19: the old address is asked, then the new one; others are signed out, the old is told.
#[actix_web::test]
async fn a_verified_account_moves_when_both_addresses_have_agreed() {
    let bench = Bench::new().await;
    let cookie = ada(&bench).await;
    let other = bench.sign_in(ADA, PASSWORD).await.cookie();

    assert_eq!(ask(&bench, &cookie, NEW).await.json(), json!({"status": true}));
    assert_eq!(count(&bench, "change-email-verification").await, 0);
    let first = mailed(&bench, ADA, "change-email-confirmation").await;
    assert_eq!(fetch(&bench, &first).await.header("location"), Some("/settings"));
    assert_eq!(me(&bench, &cookie).await["email"], ADA);

    let second = mailed(&bench, NEW, "change-email-verification").await;
    assert_eq!(fetch(&bench, &second).await.header("location"), Some("/settings"));

    let moved = me(&bench, &cookie).await;
    assert_eq!((&moved["email"], &moved["emailVerified"]), (&json!(NEW), &json!(true)));
    assert_eq!(me(&bench, &other).await, Value::Null);
    let notice = bench.store.mails(Some(ADA), Some("email-changed")).await.unwrap();
    assert_eq!(notice.len(), 1);
    assert_eq!(bench.sign_in(NEW, PASSWORD).await.status, 200);
    // Attack B3: neither works twice.
    for used in [&first, &second] {
        let again = fetch(&bench, used).await;
        assert_eq!(again.header("location"), Some("/settings?error=INVALID_TOKEN"));
    }
    assert_eq!(count(&bench, "change-email-verification").await, 1);
}

#[actix_web::test]
async fn of_an_unverified_account_the_new_address_alone_is_asked() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up(ADA).await.cookie();

    ask(&bench, &cookie, NEW).await;

    assert_eq!(count(&bench, "change-email-confirmation").await, 0);
    let link = mailed(&bench, NEW, "change-email-verification").await;
    fetch(&bench, &link).await;
    let moved = me(&bench, &cookie).await;
    assert_eq!((&moved["email"], &moved["emailVerified"]), (&json!(NEW), &json!(true)));
}

/// Attack B5: a mail scanner opens both links.
#[actix_web::test]
async fn opening_the_links_shows_pages_and_pressing_the_buttons_moves_the_account() {
    let bench = Bench::new().await;
    let cookie = ada(&bench).await;
    ask(&bench, &cookie, NEW).await;
    let press = async |link: &str| {
        let page = bench.get(link).send().await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains(ADA) && page.text.contains(NEW), "{}", page.text);
        let token = link.split("token=").nth(1).unwrap().split('&').next().unwrap();
        let call = bench.call(Method::POST, "/api/auth/verify-email");
        let form = format!("token={token}");
        call.body("application/x-www-form-urlencoded", form).send().await
    };

    let first = mailed(&bench, ADA, "change-email-confirmation").await;
    let page = press(&first).await;
    assert!(page.text.contains("other mailbox"), "{}", page.text);
    let second = mailed(&bench, NEW, "change-email-verification").await;
    assert_eq!(me(&bench, &cookie).await["email"], ADA);
    assert!(press(&second).await.text.contains("was changed"));
    assert_eq!(me(&bench, &cookie).await["email"], NEW);
    assert_eq!(bench.get(&second).send().await.status, 401);
}

/// Attack A4: whether somebody has the address.
#[actix_web::test]
async fn a_taken_address_is_answered_alike_and_nothing_happens() {
    let bench = Bench::new().await;
    let cookie = ada(&bench).await;
    bench.sign_up("eve@school.example").await;

    let taken = ask(&bench, &cookie, "eve@school.example").await;
    assert_eq!((count(&bench, "change-email-confirmation").await, taken.status), (0, 200));
    let free = ask(&bench, &cookie, NEW).await;

    assert_eq!(taken.text, free.text);
    // Taken between the asking and the agreeing: the link is not valid, and says no more.
    fetch(&bench, &mailed(&bench, ADA, "change-email-confirmation").await).await;
    bench.sign_up(NEW).await;
    let late = fetch(&bench, &mailed(&bench, NEW, "change-email-verification").await).await;
    assert_eq!(late.header("location"), Some("/settings?error=INVALID_TOKEN"));
    assert_eq!(me(&bench, &cookie).await["email"], ADA);
}

/// Attack A19: a stolen session.
#[actix_web::test]
async fn an_address_is_changed_by_who_has_just_proved_herself() {
    let bench = Bench::new().await;
    let cookie = ada(&bench).await;
    bench.clock.advance(5 * 60_000 + 1);

    let stale = ask(&bench, &cookie, NEW).await;
    assert_eq!((stale.status, stale.code().as_str()), (403, "SESSION_NOT_FRESH"));
    let body = json!({"password": PASSWORD});
    let proof = bench.post("/api/auth/verify-password", &body).by_page(&cookie).send().await;
    assert_eq!(proof.json(), json!({"status": true}));
    assert_eq!(ask(&bench, &cookie, NEW).await.status, 200);

    let nobody = bench.post("/api/auth/change-email", &json!({"newEmail": NEW})).send().await;
    assert_eq!((nobody.status, nobody.code().as_str()), (401, "UNAUTHORIZED"));
    let same = ask(&bench, &cookie, "ADA@school.example").await;
    assert_eq!(same.json()["message"], "Email is the same");
    assert_eq!(ask(&bench, &cookie, "x").await.code(), "VALIDATION_ERROR");
}

/// Attack B3: a newer request and a new password end what was mailed before.
#[actix_web::test]
async fn only_the_newest_change_works_and_a_new_password_ends_it() {
    let bench = Bench::new().await;
    let cookie = ada(&bench).await;
    ask(&bench, &cookie, "older@school.example").await;
    let older = mailed(&bench, ADA, "change-email-confirmation").await;
    bench.clock.advance(1);
    ask(&bench, &cookie, NEW).await;
    let newest = mailed(&bench, ADA, "change-email-confirmation").await;
    let invalid = Some("/settings?error=INVALID_TOKEN");

    assert_eq!(fetch(&bench, &older).await.header("location"), invalid);
    let body = json!({"currentPassword": PASSWORD, "newPassword": "Fox-Kite-9 lane"});
    let changed = bench.post("/api/auth/change-password", &body).by_page(&cookie).send().await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(fetch(&bench, &newest).await.header("location"), invalid);
}

/// Attack A20: verified by no other way than a link.
#[actix_web::test]
async fn nobody_verifies_her_own_address_through_a_field() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up(ADA).await.cookie();
    for (path, body) in [
        ("update-user", json!({"name": "Ada", "emailVerified": true})),
        ("update-user", json!({"email_verified": true})),
        ("change-email", json!({"newEmail": NEW, "emailVerified": true})),
        ("send-verification-email", json!({"email": ADA, "emailVerified": true})),
    ] {
        let answer = bench.post(&format!("/api/auth/{path}"), &body).by_page(&cookie).send().await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
    }
    let ada = me(&bench, &cookie).await;
    assert_eq!((&ada["email"], &ada["emailVerified"]), (&json!(ADA), &json!(false)));
}
