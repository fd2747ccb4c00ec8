use super::*;
use crate::{auth::Bearers, domain::clock::MINUTE};

async fn me(bench: &Bench, cookie: &str) -> Value {
    bench.get("/api/auth/get-session").with("cookie", cookie).send().await.json()
}

#[actix_web::test]
async fn a_person_changes_her_name_and_image_and_keeps_her_cookie() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up("ada@school.example").await.cookie();
    let update = async |body: Value| {
        bench.post("/api/auth/update-user", &body).by_page(&cookie).send().await
    };

    let answer = update(json!({"name": "Ada L.", "image": "/ada.png"})).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"status": true})));
    assert_eq!(answer.cookie(), cookie);
    let user = me(&bench, &cookie).await["user"].clone();
    assert_eq!((&user["name"], &user["image"]), (&json!("Ada L."), &json!("/ada.png")));

    update(json!({"image": null})).await;
    let user = me(&bench, &cookie).await["user"].clone();
    assert_eq!((&user["name"], &user["image"]), (&json!("Ada L."), &json!(null)));

    let empty = update(json!({})).await;
    assert_eq!((empty.status, empty.json()), (400, json!({"message": "No fields to update"})));
    assert_eq!(update(json!({"name": 7})).await.code(), "VALIDATION_ERROR");
    assert_eq!(update(json!({"name": "x".repeat(257)})).await.code(), "VALIDATION_ERROR");
    let nobody = bench.post("/api/auth/update-user", &json!({"name": "x"})).send().await;
    assert_eq!(nobody.status, 401);
}

/// Attack A21: fields that are not hers to set, at the door and inside.
#[actix_web::test]
async fn what_a_person_may_not_set_is_refused_wherever_it_stands() {
    let bench = Bench::with(PAGE, |settings| settings.sign_ups_per_minute = 100).await;
    let cookie = bench.sign_up("ada@school.example").await.cookie();
    for (field, value) in [
        ("role", json!("admin")),
        ("emailVerified", json!(true)),
        ("email_verified", json!(true)),
        ("banned", json!(false)),
        ("id", json!("mine")),
        ("userId", json!("mine")),
        ("createdAt", json!("2020-01-01")),
        ("twoFactorEnabled", json!(false)),
        ("quotaLimit", json!(1_000)),
        ("user", json!({"role": "admin"})),
        ("__proto__", json!({"role": "admin"})),
    ] {
        let body = json!({"name": "x", field: value});
        let answer = bench.post("/api/auth/update-user", &body).by_page(&cookie).send().await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "FIELD_NOT_ALLOWED"), "{field}");
        let mut body = json!({"name": "x", "email": "e@f.example", "password": PASSWORD});
        body[field] = value;
        let answer = bench.post("/api/auth/sign-up/email", &body).send().await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "FIELD_NOT_ALLOWED"), "{field}");
        let body = json!({ field: body[field] });
        let answer = bench.post("/api/auth/update-session", &body).by_page(&cookie).send().await;
        assert_eq!((answer.status, answer.json()["message"].clone()), (400, json!(NOTHING)));
    }
    let email = json!({"email": "other@school.example"});
    let answer = bench.post("/api/auth/update-user", &email).by_page(&cookie).send().await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "EMAIL_CAN_NOT_BE_UPDATED"));
    // Which of two would count, others may see otherwise than we do.
    let twice = r#"{"name":"x","name":"y"}"#;
    let call = bench.call(Method::POST, "/api/auth/update-user").body("application/json", twice);
    assert_eq!(call.by_page(&cookie).send().await.status, 400);
    let user = me(&bench, &cookie).await["user"].clone();
    assert!(user["name"] != "x" && user["name"] != "y");
    assert_eq!(user["role"], "student");
}

const NOTHING: &str = "No fields to update";

#[actix_web::test]
async fn the_ways_to_sign_in_are_listed_without_secrets_and_the_last_one_stays() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up("ada@school.example").await.cookie();
    let id = me(&bench, &cookie).await["user"]["id"].clone();

    let list = bench.get("/api/auth/list-accounts").with("cookie", &cookie).send().await;
    let list = list.json();
    let row = list[0].clone();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(row.as_object().unwrap().len(), 7, "{row}");
    assert_eq!((&row["providerId"], &row["scopes"]), (&json!("credential"), &json!([])));
    assert_eq!((&row["accountId"], &row["userId"]), (&id, &id));

    let unlink = async |body: Value| {
        let answer = bench.post("/api/auth/unlink-account", &body).by_page(&cookie).send().await;
        (answer.status, answer.code())
    };
    let last = (400, "FAILED_TO_UNLINK_LAST_ACCOUNT".to_owned());
    assert_eq!(unlink(json!({"accountId": row["id"]})).await, last);
    assert_eq!(unlink(json!({"providerId": "credential"})).await, last);
    assert_eq!(unlink(json!({"providerId": "credential", "accountId": id})).await, last);
    let unknown = (400, "ACCOUNT_NOT_FOUND".to_owned());
    assert_eq!(unlink(json!({"providerId": "google"})).await, unknown);
    assert_eq!(unlink(json!({"accountId": "other"})).await, unknown);
    assert_eq!(unlink(json!({})).await, (400, "VALIDATION_ERROR".to_owned()));

    // Attack A19: a stolen session takes no way in away.
    bench.clock.advance(5 * MINUTE + 1);
    let stale = unlink(json!({"accountId": row["id"]})).await;
    assert_eq!(stale, (403, "SESSION_NOT_FRESH".to_owned()));
}

#[actix_web::test]
async fn an_unlinked_way_is_gone_and_the_other_stays() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up("ada@school.example").await.cookie();
    let id = me(&bench, &cookie).await["user"]["id"].as_str().unwrap().to_owned();
    bench.store.link_google(&UserId::new(&*id)).await;

    let body = json!({"providerId": "google"});
    let answer = bench.post("/api/auth/unlink-account", &body).by_page(&cookie).send().await;

    assert_eq!((answer.status, answer.json()), (200, json!({"status": true})));
    let list = bench.get("/api/auth/list-accounts").with("cookie", &cookie).send().await.json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["providerId"], "credential");
}

#[actix_web::test]
async fn the_session_call_gives_an_access_token_that_stays_the_same() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up("ada@school.example").await.cookie();
    let ask = async || bench.get("/api/auth/get-session").with("cookie", &cookie).send().await;

    let (first, second) = (ask().await, ask().await);

    assert_eq!(first.header("set-auth-jwt"), second.header("set-auth-jwt"));
    assert_eq!(first.header("access-control-expose-headers"), Some("set-auth-token, set-auth-jwt"));
    let jwt = first.header("set-auth-jwt").unwrap();
    let who = bench.auth.by_bearer(jwt).await.unwrap();
    assert_eq!(who.user.email, "ada@school.example");
    let nobody = bench.get("/api/auth/get-session").send().await;
    assert_eq!(nobody.header("set-auth-jwt"), None);
}

#[actix_web::test]
async fn a_bare_token_opens_nothing_where_bearers_must_be_signed() {
    let bench = Bench::with(PAGE, |settings| settings.bearers = Bearers::Signed).await;
    let answer = bench.sign_up("ada@school.example").await;
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    for (bearer, opens) in [(&*token, false), (answer.header("set-auth-token").unwrap(), true)] {
        let header = format!("Bearer {bearer}");
        let me = bench.get("/api/auth/get-session").with("authorization", &header).send().await;
        assert_eq!(me.json()["user"].is_object(), opens);
        assert_eq!(bench.auth.by_bearer(bearer).await.is_ok(), opens);
    }
}

/// Attack C3: a neighbouring host tosses a cookie of its own.
#[actix_web::test]
async fn of_two_session_cookies_neither_is_believed_and_nothing_is_cleared() {
    let bench = Bench::new().await;
    let (ada, eve) =
        (bench.sign_up("ada@school.example").await, bench.sign_up("eve@school.example").await);

    let both = format!("{}; {}", ada.cookie(), eve.cookie());
    let answer = bench.get("/api/auth/get-session").with("cookie", &both).send().await;

    assert_eq!((answer.status, answer.text.as_str()), (200, "null"));
    assert!(answer.cookies().is_empty());
}

#[actix_web::test]
async fn the_nist_policy_takes_a_long_phrase_and_refuses_a_common_word() {
    use crate::domain::password::Policy;
    let bench = Bench::with(PAGE, |settings| settings.password_policy = Policy::Nist).await;
    let sign_up = async |password: &str| {
        let body = json!({"name": "Ada", "email": "ada@school.example", "password": password});
        bench.post("/api/auth/sign-up/email", &body).send().await.code()
    };

    assert_eq!(sign_up("password12345").await, "PASSWORD_TOO_WEAK");
    assert_eq!(sign_up("too short").await, "PASSWORD_TOO_SHORT");
    assert_eq!(sign_up(&"x".repeat(257)).await, "PASSWORD_TOO_LONG");
    assert_eq!(sign_up("an owl under the lamp").await, "");
}
