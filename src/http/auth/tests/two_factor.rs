//! A second factor, from setting it up to losing it.

use totp_rs::Totp;

use super::*;
use crate::domain::clock::{MINUTE, SECOND};

const ADA: &str = "ada@school.example";

pub(super) struct Ada {
    pub cookie: String,
    totp: Totp,
    codes: Vec<String>,
}

impl Ada {
    pub(super) fn code(&self, bench: &Bench) -> String {
        code_at(bench, &self.totp)
    }
}

pub(super) fn code_at(bench: &Bench, totp: &Totp) -> String {
    use crate::domain::clock::Clock;
    let seconds = u64::try_from(bench.clock.now().0 / SECOND).unwrap();
    totp.generate(seconds).to_string()
}

/// As a browser with these cookies does it.
pub(super) async fn act(bench: &Bench, cookie: &str, path: &str, body: &Value) -> Answer {
    bench.post(&format!("/api/auth{path}"), body).by_page(cookie).send().await
}

async fn enable(bench: &Bench, cookie: &str) -> (Totp, Vec<String>) {
    let answer = act(bench, cookie, "/two-factor/enable", &json!({ "password": PASSWORD })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    let codes = serde_json::from_value(body["backupCodes"].clone()).unwrap();
    (Totp::from_url(body["totpURI"].as_str().unwrap()).unwrap(), codes)
}

/// Ada with a second factor that counts.
pub(super) async fn with_factor(bench: &Bench) -> Ada {
    let cookie = bench.sign_up(ADA).await.cookie();
    let (totp, codes) = enable(bench, &cookie).await;
    let code = code_at(bench, &totp);
    let done = act(bench, &cookie, "/two-factor/verify-totp", &json!({ "code": code })).await;
    assert_eq!(done.status, 200, "{}", done.text);
    bench.clock.advance(MINUTE);
    Ada { cookie: done.cookie(), totp, codes }
}

/// `name=value` of a cookie that an answer sets.
pub(super) fn cookie_named(answer: &Answer, name: &str) -> Option<String> {
    let cookies = answer.cookies();
    let found = cookies.iter().find(|it| it.starts_with(&format!("{name}=")))?;
    Some(found.split(';').next().unwrap().to_owned())
}

/// The cookie of a sign-in that waits.
pub(super) async fn waiting(bench: &Bench) -> String {
    let answer = bench.sign_in(ADA, PASSWORD).await;
    assert_eq!(answer.json()["twoFactorRedirect"], true, "{}", answer.text);
    cookie_named(&answer, "better-auth.two_factor").unwrap()
}

pub(super) async fn verify(bench: &Bench, cookie: &str, code: &str) -> Answer {
    act(bench, cookie, "/two-factor/verify-totp", &json!({ "code": code })).await
}

async fn sessions(bench: &Bench) -> usize {
    use crate::domain::clock::Clock;
    let ada = bench.store.user_by_email(ADA).await.unwrap();
    bench.store.sessions_of(&ada.id, bench.clock.now()).await.unwrap().len()
}

#[actix_web::test]
async fn a_factor_counts_from_its_first_code_on_and_ends_all_other_sessions() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up(ADA).await.cookie();
    let other = bench.sign_in(ADA, PASSWORD).await;
    let (totp, codes) = enable(&bench, &cookie).await;

    assert_eq!(totp.account_name(), ADA);
    assert_eq!(codes.len(), 10);
    assert!(codes.iter().all(|code| code.len() == 11 && code.as_bytes()[5] == b'-'), "{codes:?}");
    assert_eq!(bench.sign_in(ADA, PASSWORD).await.json()["redirect"], false, "not yet");
    let early = json!({ "code": codes[0] });
    let early = act(&bench, &cookie, "/two-factor/verify-backup-code", &early).await;
    assert_eq!(early.code(), "TWO_FACTOR_NOT_ENABLED");

    let done = verify(&bench, &cookie, &code_at(&bench, &totp)).await;

    assert_eq!((done.status, &done.json()["user"]["twoFactorEnabled"]), (200, &json!(true)));
    for old in [cookie, other.cookie()] {
        let me = bench.get("/api/auth/get-session").with("cookie", &old).send().await;
        assert_eq!(me.json(), Value::Null);
    }
    let me = bench.get("/api/auth/get-session").with("cookie", &done.cookie()).send().await;
    assert_eq!(me.json()["user"]["twoFactorEnabled"], true);
    let mails = bench.store.mails(Some(ADA), Some("security-notice")).await.unwrap();
    assert_eq!(mails.len(), 1);
    let again = json!({ "password": PASSWORD });
    let again = act(&bench, &done.cookie(), "/two-factor/enable", &again).await;
    assert_eq!(again.code(), "TWO_FACTOR_ALREADY_ENABLED");
}

/// Attack A18: what a right password alone opens.
#[actix_web::test]
async fn no_session_exists_before_the_second_factor_is_proved() {
    let bench = Bench::new().await;
    let ada = with_factor(&bench).await;
    let before = sessions(&bench).await;

    let answer = bench.sign_in(ADA, PASSWORD).await;

    assert_eq!(answer.json(), json!({"twoFactorRedirect": true, "twoFactorMethods": ["totp"]}));
    assert_eq!(answer.header("set-auth-token"), None);
    let cookies = answer.cookies();
    let session = cookies.iter().find(|it| it.contains(SESSION_COOKIE)).unwrap();
    assert!(session.contains("=; Max-Age=0"), "{session}");
    let half = cookies.iter().find(|it| it.starts_with("better-auth.two_factor=2fa-")).unwrap();
    assert!(half.contains("Max-Age=600; Path=/; HttpOnly; SameSite=Lax"), "{half}");
    assert_eq!(sessions(&bench).await, before);

    let half = half.split(';').next().unwrap().to_owned();
    let name = half.split('=').nth(1).unwrap().split('.').next().unwrap().to_owned();
    let me = bench.get("/api/auth/get-session").with("cookie", &half).send().await;
    assert_eq!(me.json(), Value::Null);
    for path in ["/api/auth/list-sessions", "/api/auth/token"] {
        for (header, value) in [
            ("cookie", half.clone()),
            ("cookie", half.replace("two_factor", "session_token")),
            ("authorization", format!("Bearer {name}")),
            ("authorization", format!("Bearer {}", bench.auth.signed(&name))),
        ] {
            let refused = bench.get(path).with(header, &value).send().await;
            assert_eq!(refused.status, 401, "{path} {header}: {}", refused.text);
        }
    }
    let ticket = bench.post("/api/v1/live/ticket", &json!({})).by_page(&half).send().await;
    assert_eq!(ticket.status, 401, "{}", ticket.text);

    let done = verify(&bench, &half, &ada.code(&bench)).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(sessions(&bench).await, before + 1);
}

/// Attack A18: a new password by mail takes no factor away.
#[actix_web::test]
async fn a_reset_password_keeps_the_second_factor() {
    let bench = Bench::new().await;
    with_factor(&bench).await;
    let asked = json!({ "email": ADA });
    bench.post("/api/auth/request-password-reset", &asked).send().await;
    let mail = bench.store.mails(Some(ADA), Some("reset-password")).await.unwrap().remove(0);
    let token = mail.body.split("/reset-password/").nth(1).unwrap().split('?').next().unwrap();
    let body = json!({ "newPassword": "Heron-Lamp-8 road", "token": token });
    let reset = bench.post("/api/auth/reset-password", &body).send().await;
    assert_eq!(reset.status, 200, "{}", reset.text);

    let answer = bench.sign_in(ADA, "Heron-Lamp-8 road").await;

    assert_eq!(answer.json()["twoFactorRedirect"], true);
}

/// Attack A17: a code seen over somebody's shoulder, in its own half minute and before it.
#[actix_web::test]
async fn a_code_is_taken_once_and_none_that_is_older() {
    let bench = Bench::new().await;
    let ada = with_factor(&bench).await;
    let code = ada.code(&bench);
    bench.clock.advance(30 * SECOND);
    let next = ada.code(&bench);

    assert_eq!(verify(&bench, &waiting(&bench).await, &next).await.status, 200);
    for used in [&next, &code] {
        let replayed = verify(&bench, &waiting(&bench).await, used).await;
        assert_eq!((replayed.status, replayed.code()), (401, "INVALID_CODE".to_owned()));
    }
}

/// Attack A17: guessing. Five tries a sign-in, ten an account, then the right code too is refused.
#[actix_web::test]
async fn guessing_ends_the_sign_in_after_five_codes_and_locks_the_factor_after_ten() {
    let bench = Bench::new().await;
    let ada = with_factor(&bench).await;
    for _ in 0..2 {
        let half = waiting(&bench).await;
        for _ in 0..5 {
            assert_eq!(verify(&bench, &half, "000000").await.code(), "INVALID_CODE");
        }
        let sixth = verify(&bench, &half, &ada.code(&bench)).await;
        assert_eq!(sixth.code(), "TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE");
    }

    let locked = verify(&bench, &waiting(&bench).await, &ada.code(&bench)).await;
    assert_eq!((locked.status, locked.code()), (429, "ACCOUNT_TEMPORARILY_LOCKED".to_owned()));
    assert_eq!(locked.header("retry-after"), Some("900"));
    let by_session = verify(&bench, &ada.cookie, &ada.code(&bench)).await;
    assert_eq!(by_session.status, 429, "a session makes no more tries");
    bench.clock.advance(15 * MINUTE);
    let later = verify(&bench, &waiting(&bench).await, &ada.code(&bench)).await;
    assert_eq!(later.status, 200, "{}", later.text);
}

/// Attack A17: a recovery code is good once; spelling does not matter.
#[actix_web::test]
async fn a_recovery_code_signs_in_once_and_new_ones_end_the_old() {
    let bench = Bench::new().await;
    let ada = with_factor(&bench).await;
    let use_code = async |code: &str| {
        let half = waiting(&bench).await;
        act(&bench, &half, "/two-factor/verify-backup-code", &json!({ "code": code })).await
    };

    let first = use_code(&ada.codes[0].replace('-', " ")).await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(use_code(&ada.codes[0]).await.code(), "INVALID_BACKUP_CODE");
    assert_eq!(use_code("").await.code(), "INVALID_BACKUP_CODE");
    let body = json!({ "password": PASSWORD });
    let fresh = act(&bench, &first.cookie(), "/two-factor/generate-backup-codes", &body).await;
    let codes: Vec<String> = serde_json::from_value(fresh.json()["backupCodes"].clone()).unwrap();
    assert_eq!(use_code(&ada.codes[1]).await.code(), "INVALID_BACKUP_CODE");
    assert_eq!(use_code(&codes[1]).await.status, 200);
}

#[actix_web::test]
async fn a_sign_in_waits_ten_minutes_and_no_longer() {
    let bench = Bench::new().await;
    let ada = with_factor(&bench).await;
    let half = waiting(&bench).await;
    bench.clock.advance(10 * MINUTE);

    let late = verify(&bench, &half, &ada.code(&bench)).await;
    assert_eq!((late.status, late.code()), (401, "INVALID_TWO_FACTOR_COOKIE".to_owned()));
    let forged = "better-auth.two_factor=2fa-AAAAAAAAAAAAAAAAAAAA.AAAA";
    assert_eq!(verify(&bench, forged, &ada.code(&bench)).await.code(), "INVALID_TWO_FACTOR_COOKIE");
    let none = bench.post("/api/auth/two-factor/verify-totp", &json!({ "code": "000000" }));
    assert_eq!(none.send().await.code(), "INVALID_TWO_FACTOR_COOKIE");
}

#[actix_web::test]
async fn a_trusted_device_is_not_asked_for_thirty_days_and_its_cookie_changes_with_each_use() {
    let bench = Bench::new().await;
    let ada = with_factor(&bench).await;
    let half = waiting(&bench).await;
    let body = json!({ "code": ada.code(&bench), "trustDevice": true });
    let done = act(&bench, &half, "/two-factor/verify-totp", &body).await;
    let trust = cookie_named(&done, "better-auth.trust_device").unwrap();
    assert!(trust.contains("!trust-device-"), "{trust}");
    let sign_in = async |trust: &str| {
        let body = json!({ "email": ADA, "password": PASSWORD });
        bench.post("/api/auth/sign-in/email", &body).by_page(trust).send().await
    };

    bench.clock.advance(29 * DAY);
    let known = sign_in(&trust).await;
    assert_eq!(known.json()["redirect"], false, "{}", known.text);
    let next = cookie_named(&known, "better-auth.trust_device").unwrap();
    assert_ne!(next, trust);
    assert_eq!(sign_in(&trust).await.json()["twoFactorRedirect"], true, "the old one is dead");
    bench.clock.advance(30 * DAY);
    assert_eq!(sign_in(&next).await.json()["twoFactorRedirect"], true, "after 30 days");
}

/// Whoever had the old password may have been trusted, or be at the second step.
#[actix_web::test]
async fn another_password_forgets_trusted_devices_and_sign_ins_that_wait() {
    let bench = Bench::new().await;
    let ada = with_factor(&bench).await;
    let trusted = async |cookie: &str| {
        bench.clock.advance(MINUTE);
        let body = json!({ "code": ada.code(&bench), "trustDevice": true });
        let done = act(&bench, cookie, "/two-factor/verify-totp", &body).await;
        assert_eq!(done.status, 200, "{}", done.text);
        cookie_named(&done, "better-auth.trust_device").unwrap()
    };
    let asked = async |password: &str, trust: &str| {
        let body = json!({ "email": ADA, "password": password });
        let answer = bench.post("/api/auth/sign-in/email", &body).by_page(trust).send().await;
        answer.json()["twoFactorRedirect"] == true
    };
    let trust = trusted(&ada.cookie).await;
    let half = waiting(&bench).await;
    let body = json!({ "currentPassword": PASSWORD, "newPassword": "Heron-Lamp-8 road" });
    let changed = act(&bench, &ada.cookie, "/change-password", &body).await;
    assert_eq!(changed.status, 200, "{}", changed.text);

    assert!(asked("Heron-Lamp-8 road", &trust).await);
    bench.clock.advance(MINUTE);
    let late = verify(&bench, &half, &ada.code(&bench)).await;
    assert_eq!(late.code(), "INVALID_TWO_FACTOR_COOKIE");

    let trust = trusted(&ada.cookie).await;
    let body = json!({ "email": ADA });
    bench.post("/api/auth/request-password-reset", &body).send().await;
    let mail = bench.store.mails(Some(ADA), Some("reset-password")).await.unwrap().remove(0);
    let token = mail.body.split("/reset-password/").nth(1).unwrap().split('?').next().unwrap();
    let body = json!({ "newPassword": PASSWORD, "token": token });
    let reset = bench.post("/api/auth/reset-password", &body).send().await;
    assert_eq!(reset.status, 200, "{}", reset.text);
    assert!(asked(PASSWORD, &trust).await);
}

/// Attack A19: what a stolen session does without the password, and what it leaves.
#[actix_web::test]
async fn factors_are_changed_with_the_password_alone_and_the_owner_is_told() {
    let bench = Bench::new().await;
    let ada = with_factor(&bench).await;
    let other = verify(&bench, &waiting(&bench).await, &ada.code(&bench)).await.cookie();
    for path in ["enable", "disable", "get-totp-uri", "generate-backup-codes"] {
        let path = format!("/two-factor/{path}");
        for body in [json!({}), json!({ "password": "Wrong-Lamp-7 road" })] {
            let refused = act(&bench, &ada.cookie, &path, &body).await;
            assert_eq!(refused.code(), "INVALID_PASSWORD", "{path} {body}");
        }
        // Four wrong passwords; a fifth would lock the account.
        bench.auth.forget_failures(ADA).await;
        let anonymous = bench.post(&format!("/api/auth{path}"), &json!({ "password": PASSWORD }));
        assert_eq!(anonymous.send().await.status, 401);
    }

    let right = json!({ "password": PASSWORD });
    let uri = act(&bench, &ada.cookie, "/two-factor/get-totp-uri", &right).await;
    assert!(uri.json()["totpURI"].as_str().unwrap().starts_with("otpauth://totp/IntelliStack:"));
    let off = bench.post("/api/auth/two-factor/disable", &right).by_page(&ada.cookie);
    let off = off.with("accept-language", "de").send().await;
    assert_eq!(off.json(), json!({ "status": true }));
    let me = bench.get("/api/auth/get-session").with("cookie", &other).send().await;
    assert_eq!(me.json(), Value::Null, "other sessions end");
    let me = bench.get("/api/auth/get-session").with("cookie", &ada.cookie).send().await;
    assert_eq!(me.json()["user"]["twoFactorEnabled"], false);
    assert_eq!(bench.sign_in(ADA, PASSWORD).await.json()["redirect"], false);
    let mails = bench.store.mails(Some(ADA), Some("security-notice")).await.unwrap();
    assert_eq!(mails.len(), 2);
    assert!(mails[0].body.contains("Der zweite Faktor wurde entfernt"), "{}", mails[0].body);
}

/// A code makes a session fresh again, for what asks for that.
#[actix_web::test]
async fn a_code_of_somebody_signed_in_proves_her_once_more() {
    let bench = Bench::new().await;
    let ada = with_factor(&bench).await;
    bench.clock.advance(10 * MINUTE);
    let link = json!({ "provider": "google" });
    assert_eq!(act(&bench, &ada.cookie, "/link-social", &link).await.code(), "SESSION_NOT_FRESH");

    let proved = verify(&bench, &ada.cookie, &ada.code(&bench)).await;

    assert_eq!(proved.status, 200, "{}", proved.text);
    assert_eq!(act(&bench, &ada.cookie, "/link-social", &link).await.code(), "PROVIDER_NOT_FOUND");
}

/// Nothing of a factor stands in the database as it is.
#[actix_web::test]
async fn a_copy_of_the_database_has_no_secret_and_no_code() {
    let bench = Bench::new().await;
    let ada = with_factor(&bench).await;
    let half = waiting(&bench).await;

    let file = std::fs::read(bench.folder.path().join("test.db")).unwrap();
    let wal = std::fs::read(bench.folder.path().join("test.db-wal")).unwrap_or_default();
    let text = format!("{}{}", String::from_utf8_lossy(&file), String::from_utf8_lossy(&wal));

    assert!(text.contains(ADA), "the file is read at all");
    let secret = ada.totp.secret().to_base32();
    let name = half.split('=').nth(1).unwrap().split('.').next().unwrap();
    for hidden in [secret.as_str(), &ada.codes[0], &ada.codes[0].replace('-', ""), name] {
        assert!(!text.contains(hidden), "{hidden}");
    }
}
