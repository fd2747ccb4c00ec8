//! Passkeys: what is asked for, and what is refused. A real authenticator signs in
//! `web/e2e/passkey.test.mjs`.

use super::*;
use crate::domain::clock::MINUTE;

const ADA: &str = "ada@school.example";

fn ceremony(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let cookies = answer.cookies();
    let cookie = cookies.iter().find(|it| it.contains("better-auth-passkey")).unwrap();
    assert!(cookie.contains("Max-Age=300; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

async fn options(bench: &Bench, cookie: &str) -> Answer {
    let path = "/api/auth/passkey/generate-register-options?name=Laptop";
    bench.get(path).with("cookie", cookie).send().await
}

/// An answer of the right form that nobody signed.
fn nonsense() -> Value {
    json!({ "response": {
        "id": "AAAA", "rawId": "AAAA", "type": "public-key", "clientExtensionResults": {},
        "response": {
            "clientDataJSON": "e30", "authenticatorData": "AAAA", "signature": "AAAA",
            "userHandle": "AAAA", "attestationObject": "AAAA",
        },
    }})
}

#[actix_web::test]
async fn an_authenticator_is_asked_for_a_discoverable_key_that_verifies_its_holder() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up(ADA).await.cookie();

    let answer = options(&bench, &cookie).await;

    ceremony(&answer);
    let asked = answer.json();
    assert_eq!(asked["rp"]["id"], "localhost");
    assert_eq!(asked["user"]["name"], ADA);
    assert_eq!(asked["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(asked["authenticatorSelection"]["userVerification"], "required");
    let handle = asked["user"]["id"].as_str().unwrap();
    assert_eq!(handle.len(), 22, "16 bytes that say nothing of her: {handle}");
    let again = options(&bench, &cookie).await.json();
    assert_eq!(again["user"]["id"], handle);
    assert_ne!(again["challenge"], asked["challenge"]);
    let sign_in = bench.get("/api/auth/passkey/generate-authenticate-options").send().await;
    ceremony(&sign_in);
    assert_eq!(sign_in.json()["userVerification"], "required");
    assert_eq!(sign_in.json()["rpId"], "localhost");
    let names = sign_in.json()["allowCredentials"].as_array().map_or(0, Vec::len);
    assert_eq!(names, 0, "nobody is named");
}

/// Attack A19: a stolen session adds no way in.
#[actix_web::test]
async fn a_passkey_is_added_and_taken_away_by_somebody_who_proved_herself_just_now() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up(ADA).await.cookie();
    bench.clock.advance(6 * MINUTE);

    assert_eq!(options(&bench, &cookie).await.code(), "SESSION_NOT_FRESH");
    for path in ["verify-registration", "delete-passkey"] {
        let refused = bench.post(&format!("/api/auth/passkey/{path}"), &nonsense());
        assert_eq!(refused.by_page(&cookie).send().await.code(), "SESSION_NOT_FRESH", "{path}");
    }
    for path in ["generate-register-options", "list-user-passkeys"] {
        let refused = bench.get(&format!("/api/auth/passkey/{path}")).send().await;
        assert_eq!(refused.status, 401, "{path}");
    }
}

#[actix_web::test]
async fn a_challenge_is_of_one_browser_one_kind_one_use_and_five_minutes() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up(ADA).await.cookie();
    let finish = async |path: &str, cookies: &str| {
        let path = format!("/api/auth/passkey/{path}");
        bench.post(&path, &nonsense()).by_page(cookies).send().await.code()
    };
    let begin = async || {
        ceremony(&bench.get("/api/auth/passkey/generate-authenticate-options").send().await)
    };

    assert_eq!(finish("verify-authentication", "a=b").await, "CHALLENGE_NOT_FOUND");
    let once = begin().await;
    assert_eq!(finish("verify-authentication", &once).await, "PASSKEY_NOT_FOUND");
    assert_eq!(finish("verify-authentication", &once).await, "CHALLENGE_NOT_FOUND");
    let kind = format!("{}; {cookie}", begin().await);
    assert_eq!(finish("verify-registration", &kind).await, "CHALLENGE_NOT_FOUND");
    let registration = ceremony(&options(&bench, &cookie).await);
    let hers = format!("{registration}; {cookie}");
    assert_eq!(finish("verify-registration", &hers).await, "FAILED_TO_VERIFY_REGISTRATION");
    let eve = bench.sign_up("eve@school.example").await.cookie();
    let registration = ceremony(&options(&bench, &cookie).await);
    let foreign = format!("{registration}; {eve}");
    assert_eq!(finish("verify-registration", &foreign).await, "CHALLENGE_NOT_FOUND");
    let late = begin().await;
    bench.clock.advance(5 * MINUTE);
    assert_eq!(finish("verify-authentication", &late).await, "CHALLENGE_NOT_FOUND");
}

#[actix_web::test]
async fn under_an_address_of_numbers_there_are_no_passkeys_and_it_is_said() {
    let bench = Bench::at("http://127.0.0.1:8080", true).await;

    let answer = bench.get("/api/auth/passkey/generate-authenticate-options").send().await;

    assert_eq!((answer.status, answer.code()), (400, "PASSKEYS_NOT_AVAILABLE".to_owned()));
}

#[actix_web::test]
async fn nobody_renames_or_deletes_a_passkey_that_is_not_hers() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up(ADA).await.cookie();

    for (path, body) in [
        ("delete-passkey", json!({ "id": "x" })),
        ("update-passkey", json!({ "id": "x", "name": "mine" })),
    ] {
        let path = format!("/api/auth/passkey/{path}");
        let refused = bench.post(&path, &body).by_page(&cookie).send().await;
        assert_eq!(refused.code(), "PASSKEY_NOT_FOUND");
    }
    let list = bench.get("/api/auth/passkey/list-user-passkeys").with("cookie", &cookie);
    assert_eq!(list.send().await.json(), json!([]));
}
