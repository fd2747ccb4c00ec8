//! Codes by mail as a second factor.

use super::{
    two_factor::{act, code_at, cookie_named, verify, waiting, with_factor},
    *,
};
use crate::domain::clock::MINUTE;

const ADA: &str = "ada@school.example";

/// Ada, who reads her mail, signed in.
async fn ada(bench: &Bench) -> String {
    let cookie = bench.sign_up(ADA).await.cookie();
    prove_address(bench).await;
    cookie
}

async fn prove_address(bench: &Bench) {
    use crate::store::auth_events::{AuthEventKind, tests::event};
    let user = bench.store.user_by_email(ADA).await.unwrap();
    let verified = event("verified", AuthEventKind::EmailVerified, 1);
    bench.store.set_verified(&user.id, ADA, verified).await.unwrap();
}

/// Ada with codes by mail: her session.
async fn with_codes(bench: &Bench) -> String {
    let cookie = ada(bench).await;
    let body = json!({ "password": PASSWORD, "method": "otp" });
    let enabled = act(bench, &cookie, "/two-factor/enable", &body).await;
    assert_eq!((enabled.status, enabled.json()), (200, json!({ "method": "otp" })));
    enabled.cookie()
}

async fn send(bench: &Bench, cookie: &str) -> Answer {
    bench.clock.advance(MINUTE);
    act(bench, cookie, "/two-factor/send-otp", &json!({})).await
}

/// The code of the newest mail.
async fn code(bench: &Bench) -> String {
    let mail = bench.store.mails(Some(ADA), Some("sign-in-code")).await.unwrap().remove(0);
    let words = mail.body.split(|c: char| !c.is_ascii_digit());
    words.filter(|word| word.len() == 6).map(str::to_owned).next().unwrap()
}

async fn sent(bench: &Bench, cookie: &str) -> String {
    let sent = send(bench, cookie).await;
    assert_eq!((sent.status, sent.json()), (200, json!({ "status": true })), "{}", sent.text);
    code(bench).await
}

async fn show(bench: &Bench, cookie: &str, code: &str) -> Answer {
    act(bench, cookie, "/two-factor/verify-otp", &json!({ "code": code })).await
}

fn other_than(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

/// Attacks A17 and A18.
#[actix_web::test]
async fn a_mailed_code_signs_in_once_and_only_the_newest() {
    let bench = Bench::new().await;
    let first = ada(&bench).await;
    let body = json!({ "password": PASSWORD, "method": "otp" });
    let enabled = act(&bench, &first, "/two-factor/enable", &body).await;
    let me = bench.get("/api/auth/get-session").with("cookie", &first).send().await;
    assert_eq!(me.json(), Value::Null, "the session is another");
    let me = bench.get("/api/auth/get-session").with("cookie", &enabled.cookie()).send().await;
    assert_eq!(me.json()["user"]["twoFactorEnabled"], true);

    let answer = bench.sign_in(ADA, PASSWORD).await;
    assert_eq!(answer.json(), json!({"twoFactorRedirect": true, "twoFactorMethods": ["otp"]}));
    let half = cookie_named(&answer, "better-auth.two_factor").unwrap();
    let me = bench.get("/api/auth/get-session").with("cookie", &half).send().await;
    assert_eq!(me.json(), Value::Null, "no session before the code");
    let old = sent(&bench, &half).await;
    let new = sent(&bench, &half).await;

    assert_ne!(old, new);
    assert_eq!(show(&bench, &half, &old).await.code(), "INVALID_CODE");
    let done = show(&bench, &half, &format!("{} {}", &new[..3], &new[3..])).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let me = bench.get("/api/auth/get-session").with("cookie", &done.cookie()).send().await;
    assert_eq!(me.json()["user"]["email"], ADA);
    let again = show(&bench, &waiting(&bench).await, &new).await;
    assert_eq!(again.code(), "OTP_HAS_EXPIRED", "none was mailed for this sign-in");
}

/// Attack A17.
#[actix_web::test]
async fn a_code_is_good_for_five_minutes_and_five_tries() {
    let bench = Bench::new().await;
    let cookie = with_codes(&bench).await;
    let half = waiting(&bench).await;
    let right = sent(&bench, &half).await;
    bench.clock.advance(5 * MINUTE);
    assert_eq!(show(&bench, &half, &right).await.code(), "OTP_HAS_EXPIRED");

    let right = sent(&bench, &cookie).await;
    for _ in 0..5 {
        assert_eq!(show(&bench, &cookie, &other_than(&right)).await.code(), "INVALID_CODE");
    }
    let sixth = show(&bench, &cookie, &right).await;
    assert_eq!((sixth.status, sixth.code().as_str()), (400, "TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE"));
}

/// Attack A17: new codes and new sign-ins make no more tries.
#[actix_web::test]
async fn guessing_at_mailed_codes_locks_the_factor_after_ten() {
    let bench = Bench::new().await;
    with_codes(&bench).await;
    for _ in 0..2 {
        let half = waiting(&bench).await;
        let right = sent(&bench, &half).await;
        for _ in 0..5 {
            assert_eq!(show(&bench, &half, &other_than(&right)).await.code(), "INVALID_CODE");
        }
        let more = send(&bench, &half).await;
        assert_eq!(more.code(), "TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE");
    }
    let half = waiting(&bench).await;
    let locked = send(&bench, &half).await;
    assert_eq!((locked.status, locked.code().as_str()), (429, "ACCOUNT_TEMPORARILY_LOCKED"));
    bench.clock.advance(15 * MINUTE);
    let half = waiting(&bench).await;
    let right = sent(&bench, &half).await;
    assert_eq!(show(&bench, &half, &right).await.status, 200);
}

/// Attack A18: whoever reads the mail of somebody with an app gets past no app.
#[actix_web::test]
async fn nobody_gets_a_code_who_did_not_choose_it() {
    let bench = Bench::new().await;
    with_factor(&bench).await;
    let half = waiting(&bench).await;
    let refused = send(&bench, &half).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "TWO_FACTOR_NOT_ENABLED"));
    assert_eq!(show(&bench, &half, "000000").await.code(), "OTP_HAS_EXPIRED");
    assert_eq!(send(&bench, "a=b").await.code(), "INVALID_TWO_FACTOR_COOKIE");
    assert_eq!(bench.store.mails(None, Some("sign-in-code")).await.unwrap(), []);
}

#[actix_web::test]
async fn an_app_and_mailed_codes_may_stand_beside_each_other() {
    let bench = Bench::new().await;
    let ada = with_factor(&bench).await;
    let body = json!({ "password": PASSWORD, "method": "otp" });
    let unproved = act(&bench, &ada.cookie, "/two-factor/enable", &body).await;
    assert_eq!((unproved.status, unproved.code().as_str()), (403, "EMAIL_NOT_VERIFIED"));
    prove_address(&bench).await;
    let wrong = json!({ "password": "Wrong-Lamp-7 road", "method": "otp" });
    let wrong = act(&bench, &ada.cookie, "/two-factor/enable", &wrong).await;
    assert_eq!(wrong.code(), "INVALID_PASSWORD");
    let enabled = act(&bench, &ada.cookie, "/two-factor/enable", &body).await;
    assert_eq!(enabled.status, 200, "{}", enabled.text);
    let again = act(&bench, &enabled.cookie(), "/two-factor/enable", &body).await;
    assert_eq!(again.code(), "TWO_FACTOR_ALREADY_ENABLED");

    let answer = bench.sign_in(ADA, PASSWORD).await;
    assert_eq!(answer.json()["twoFactorMethods"], json!(["totp", "otp"]));
    let half = waiting(&bench).await;
    assert_eq!(verify(&bench, &half, &ada.code(&bench)).await.status, 200);
    let half = waiting(&bench).await;
    let code = sent(&bench, &half).await;
    let body = json!({ "code": code, "trustDevice": true });
    let done = act(&bench, &half, "/two-factor/verify-otp", &body).await;
    let trust = cookie_named(&done, "better-auth.trust_device").unwrap();
    let body = json!({ "email": ADA, "password": PASSWORD });
    let known = bench.post("/api/auth/sign-in/email", &body).by_page(&trust).send().await;
    assert_eq!(known.json()["redirect"], false, "{}", known.text);

    let off = json!({ "password": PASSWORD });
    let off = act(&bench, &known.cookie(), "/two-factor/disable", &off).await;
    assert_eq!(off.status, 200, "{}", off.text);
    assert_eq!(bench.sign_in(ADA, PASSWORD).await.json()["redirect"], false);
}

/// An app that was begun and not proved lets nobody in, though codes by mail are asked for.
#[actix_web::test]
async fn an_app_that_is_being_set_up_beside_mailed_codes_does_not_count_yet() {
    let bench = Bench::new().await;
    let cookie = with_codes(&bench).await;
    let right = json!({ "password": PASSWORD });
    let none = act(&bench, &cookie, "/two-factor/get-totp-uri", &right).await;
    assert_eq!(none.code(), "TOTP_NOT_ENABLED");
    let begun = act(&bench, &cookie, "/two-factor/enable", &right).await;
    let totp = totp_rs::Totp::from_url(begun.json()["totpURI"].as_str().unwrap()).unwrap();
    let code = code_at(&bench, &totp);

    let answer = bench.sign_in(ADA, PASSWORD).await;
    assert_eq!(answer.json()["twoFactorMethods"], json!(["otp"]));
    let half = waiting(&bench).await;
    assert_eq!(verify(&bench, &half, &code).await.code(), "TWO_FACTOR_NOT_ENABLED");
    assert_eq!(verify(&bench, &cookie, &code).await.status, 200);
    let answer = bench.sign_in(ADA, PASSWORD).await;
    assert_eq!(answer.json()["twoFactorMethods"], json!(["totp", "otp"]));
}

/// Six digits are soon tried out: of a copied database they cannot be.
#[actix_web::test]
async fn a_copy_of_the_database_has_no_mailed_code() {
    let bench = Bench::at(PAGE, false).await;
    let cookie = with_codes(&bench).await;
    assert_eq!(send(&bench, &cookie).await.status, 200);
    let row = bench.store.mails(Some(ADA), Some("sign-in-code")).await.unwrap().remove(0);
    let text = bench.auth.letter(&row).unwrap().text;
    let code = text.split("Your code is ").nth(1).unwrap()[..6].to_owned();
    assert!(code.chars().all(|c| c.is_ascii_digit()), "{code}");

    let file = std::fs::read(bench.folder.path().join("test.db")).unwrap();
    let wal = std::fs::read(bench.folder.path().join("test.db-wal")).unwrap_or_default();
    let text = format!("{}{}", String::from_utf8_lossy(&file), String::from_utf8_lossy(&wal));
    assert!(text.contains(ADA), "the file is read at all");
    for hidden in [format!("is {code}"), crate::auth::hash_token(&code)] {
        assert!(!text.contains(&hidden), "{hidden}");
    }
}

#[actix_web::test]
async fn a_mailed_code_may_come_with_the_query_of_an_apps_page() {
    let bench = Bench::new().await;
    with_codes(&bench).await;
    let half = waiting(&bench).await;
    bench.clock.advance(MINUTE);
    let body = json!({ "oauth_query": "of our page" });
    assert_eq!(act(&bench, &half, "/two-factor/send-otp", &body).await.status, 200);
    let code = code(&bench).await;

    let query = format!("{}x", bench.auth.page_query("app", "urn:intellistack:request:one"));
    let body = json!({ "code": code, "oauth_query": query });
    let tampered = act(&bench, &half, "/two-factor/verify-otp", &body).await;
    assert_eq!(tampered.code(), "INVALID_SIGNATURE");
    let query = bench.auth.page_query("app", "urn:intellistack:request:one");
    let body = json!({ "code": code, "oauth_query": query });
    let done = act(&bench, &half, "/two-factor/verify-otp", &body).await;

    let url = done.json()["url"].as_str().unwrap_or_default().to_owned();
    assert!(url.starts_with(&format!("{PAGE}/api/auth/oauth2/authorize?client_id=app")), "{url}");
}
