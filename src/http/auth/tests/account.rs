use super::*;
use crate::{auth::sessions::Device, store::auth_events::AuthEventKind};

const ADA: &str = "ada@school.example";
const NEW: &str = "Fox-Kite-9 lane";

async fn change(bench: &Bench, cookie: &str, old: &str, new: &str, more: Value) -> Answer {
    let mut body = json!({"currentPassword": old, "newPassword": new});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    bench.post("/api/auth/change-password", &body).by_page(cookie).send().await
}

async fn prove(bench: &Bench, cookie: &str, password: &str) -> Answer {
    let body = json!({"password": password});
    bench.post("/api/auth/verify-password", &body).by_page(cookie).send().await
}

async fn is_signed_in(bench: &Bench, cookie: &str) -> bool {
    bench.get("/api/auth/get-session").with("cookie", cookie).send().await.json() != Value::Null
}

/// Attacks A19 and C2: others are signed out in any case; who asks for it gets a new token.
#[actix_web::test]
async fn a_new_password_signs_others_out_and_renews_the_session_if_asked() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up(ADA).await.cookie();
    let other = bench.sign_in(ADA, PASSWORD).await.cookie();

    let changed = change(&bench, &cookie, PASSWORD, NEW, json!({})).await;
    assert_eq!((changed.status, &changed.json()["token"]), (200, &Value::Null));
    assert_eq!(changed.json()["user"]["email"], ADA);
    assert!(is_signed_in(&bench, &cookie).await && !is_signed_in(&bench, &other).await);
    assert_eq!(bench.sign_in(ADA, PASSWORD).await.status, 401);
    let told = bench.store.mails(Some(ADA), Some("password-changed")).await.unwrap();
    assert_eq!(told.len(), 1);

    let other = bench.sign_in(ADA, NEW).await.cookie();
    let revoke = json!({"revokeOtherSessions": true});
    let renewed = change(&bench, &cookie, NEW, PASSWORD, revoke).await;
    let token = renewed.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(renewed.header("set-auth-token").unwrap().split('.').next(), Some(token.as_str()));
    for old in [&cookie, &other] {
        assert!(!is_signed_in(&bench, old).await);
    }
    assert!(is_signed_in(&bench, &renewed.cookie()).await);
}

#[actix_web::test]
async fn what_is_wrong_with_a_change_is_told_and_changes_nothing() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up(ADA).await.cookie();
    let long = "Aa1!".repeat(300);
    for (old, new, code) in [
        ("Wrong-Lamp-7 road", NEW, "INVALID_PASSWORD"),
        (PASSWORD, "Sh0rt!", "PASSWORD_TOO_SHORT"),
        (PASSWORD, "Password123!", "PASSWORD_TOO_WEAK"),
        (PASSWORD, long.as_str(), "PASSWORD_TOO_LONG"),
    ] {
        let answer = change(&bench, &cookie, old, new, json!({})).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code));
    }
    let nobody = json!({"currentPassword": PASSWORD, "newPassword": NEW});
    let nobody = bench.post("/api/auth/change-password", &nobody).send().await;
    assert_eq!((nobody.status, nobody.code().as_str()), (401, "UNAUTHORIZED"));
    assert_eq!(bench.sign_in(ADA, PASSWORD).await.status, 200);
}

/// Attack A19: who stole a session guesses the password in place of the sign-in's.
#[actix_web::test]
async fn wrong_passwords_of_a_session_count_for_the_lockout_and_the_owner_is_told() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up(ADA).await.cookie();
    for _ in 0..4 {
        let wrong = prove(&bench, &cookie, "Wrong-Lamp-7 road").await;
        assert_eq!((wrong.status, wrong.code().as_str()), (400, "INVALID_PASSWORD"));
    }
    assert_eq!(change(&bench, &cookie, "x", NEW, json!({})).await.status, 400);

    let locked = prove(&bench, &cookie, PASSWORD).await;
    assert_eq!((locked.status, locked.code().as_str()), (429, "ACCOUNT_LOCKED"));
    assert!(locked.header("retry-after").is_some());
    assert_eq!(bench.sign_in(ADA, PASSWORD).await.status, 429);
    assert!(is_signed_in(&bench, &cookie).await);
    let told = bench.store.mails(Some(ADA), Some("account-locked")).await.unwrap();
    assert_eq!(told.len(), 1);
}

/// Attack C10: an admin who acts as somebody.
#[actix_web::test]
async fn an_admin_who_acts_as_somebody_changes_neither_password_nor_address_nor_account() {
    let bench = Bench::new().await;
    let who = bench.signed_in("ada", Role::Student).await;
    let root = bench.signed_in("root", Role::Admin).await;
    let (mut session, token) = bench.auth.new_session(&who.user.id, true, Device::default());
    session.impersonated_by = Some(root.user.id.to_string());
    let event = bench.auth.event(AuthEventKind::SignIn, &Device::default());
    bench.store.insert_session(session, event).await.unwrap();
    for (path, body) in [
        ("verify-password", json!({"password": PASSWORD})),
        ("change-password", json!({"currentPassword": PASSWORD, "newPassword": NEW})),
        ("change-email", json!({"newEmail": "new@school.example"})),
        ("delete-user", json!({})),
        ("delete-user/callback", json!({"token": "x"})),
    ] {
        let call = bench.post(&format!("/api/auth/{path}"), &body);
        let answer = call.with("authorization", &format!("Bearer {token}")).send().await;
        let refused = (answer.status, answer.code());
        assert_eq!(refused, (403, "IMPERSONATION_NOT_ALLOWED".to_owned()), "{path}");
    }
}

#[actix_web::test]
async fn who_has_no_password_is_told_so() {
    let bench = Bench::new().await;
    let mut user = person("ada", Role::Student);
    user.email_verified = true;
    let mut login = login("ada");
    (login.provider_id, login.password) = ("google".to_owned(), None);
    let (session, token) = bench.auth.new_session(&user.id, true, Device::default());
    bench.store.insert_user(user, login, Some(session)).await.unwrap();

    let call = bench.post("/api/auth/verify-password", &json!({"password": PASSWORD}));
    let answer = call.with("authorization", &format!("Bearer {token}")).send().await;

    assert_eq!((answer.status, answer.code().as_str()), (400, "CREDENTIAL_ACCOUNT_NOT_FOUND"));
}
