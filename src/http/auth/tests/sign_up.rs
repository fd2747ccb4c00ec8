use super::*;

#[actix_web::test]
async fn signing_up_makes_a_student_signs_her_in_and_mails_a_link() {
    let bench = Bench::new().await;

    let answer = bench.sign_up("Ada@School.example").await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    assert_eq!(body["user"]["email"], "ada@school.example");
    assert_eq!(body["user"]["role"], "student");
    assert_eq!(body["user"]["emailVerified"], false);
    assert_eq!(body["token"].as_str().unwrap().len(), 32);
    let mail = bench.store.mails(Some("ada@school.example"), Some("verify-email")).await.unwrap();
    assert_eq!(mail.len(), 1);
    let me = bench.get("/api/auth/get-session").with("cookie", &answer.cookie()).send().await;
    assert_eq!(me.json()["user"]["id"], body["user"]["id"]);
}

/// Attack A21, and issue 2, "To show": a role in the body.
#[actix_web::test]
async fn nobody_sets_her_own_role_verification_ban_or_id() {
    let bench = Bench::new().await;
    for (field, value) in [
        ("role", json!("admin")),
        ("emailVerified", json!(true)),
        ("email_verified", json!(true)),
        ("banned", json!(false)),
        ("id", json!("root")),
        ("userId", json!("root")),
        ("data", json!({"role": "admin"})),
    ] {
        let mut body = json!({"name": "Eve", "email": "eve@school.example", "password": PASSWORD});
        body[field] = value;
        let answer = bench.post("/api/auth/sign-up/email", &body).send().await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "FIELD_NOT_ALLOWED"), "{field}");
        assert_eq!(answer.json()["message"], format!("{field} is not allowed to be set"));
    }
    let twice = format!(
        r#"{{"name":"Eve","email":"e@x.example","password":"{PASSWORD}","role":"admin","role":"student"}}"#
    );
    let call = bench.call(Method::POST, "/api/auth/sign-up/email");
    assert_eq!(call.body("application/json", twice).send().await.code(), "FIELD_NOT_ALLOWED");
    assert_eq!(bench.store.count_users().await.unwrap(), 0);
}

#[actix_web::test]
async fn a_taken_address_is_422_in_any_spelling() {
    let bench = Bench::new().await;
    assert_eq!(bench.sign_up("ada@school.example").await.status, 200);

    let answer = bench.sign_up("ＡDA@SCHOOL.example").await;

    assert_eq!(answer.status, 422);
    assert_eq!(answer.code(), "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
    assert!(answer.cookies().is_empty());
}

/// Attack A2 with `accounts.hide_existing`.
#[actix_web::test]
async fn hidden_addresses_look_the_same_and_their_owner_gets_a_mail() {
    let bench = Bench::with(PAGE, |settings| settings.hide_existing = true).await;

    let first = bench.sign_up("ada@school.example").await;
    let second = bench.sign_up("ada@school.example").await;

    for answer in [&first, &second] {
        assert_eq!((answer.status, &answer.json()["token"]), (200, &Value::Null));
        assert!(answer.cookies().is_empty());
    }
    let keys = |answer: &Answer| -> Vec<String> {
        answer.json()["user"].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(&first), keys(&second));
    assert_eq!(bench.store.count_users().await.unwrap(), 1);
    let told = bench.store.mails(None, Some("account-exists")).await.unwrap();
    assert_eq!(told.len(), 1);
}

#[actix_web::test]
async fn a_closed_school_takes_no_sign_ups() {
    let bench = Bench::with(PAGE, |settings| settings.allow_sign_up = false).await;

    let answer = bench.sign_up("ada@school.example").await;

    assert_eq!((answer.status, answer.code().as_str()), (400, "EMAIL_PASSWORD_SIGN_UP_DISABLED"));
}

#[actix_web::test]
async fn a_weak_password_is_refused_with_its_reason() {
    let bench = Bench::new().await;
    for (password, code) in [
        ("Sh0rt!", "PASSWORD_TOO_SHORT"),
        ("all-lower-case-7", "PASSWORD_TOO_WEAK"),
        ("Password123!", "PASSWORD_TOO_WEAK"),
    ] {
        let body = json!({"name": "Ada", "email": "ada@school.example", "password": password});
        let answer = bench.post("/api/auth/sign-up/email", &body).send().await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{password}");
    }
}

/// Attack A11: a password of 2 KB, 1 MB, 10 MB. None is hashed.
#[actix_web::test]
async fn a_huge_password_is_refused_before_it_is_hashed() {
    let bench = Bench::new().await;
    for (length, status) in [(1_025, 400), (1_000_000, 413), (10_000_000, 413)] {
        let password = "Aa1!".repeat(length / 4 + 1);
        for path in ["sign-up", "sign-in"] {
            let mut body = json!({"email": "ada@school.example", "password": password});
            if path == "sign-up" {
                body["name"] = json!("Ada");
            }
            let answer = bench.post(&format!("/api/auth/{path}/email"), &body).send().await;
            assert_eq!(answer.status, status, "{path} {length}");
        }
    }
    assert_eq!(bench.auth.password_checks(), 0);
    assert_eq!(bench.store.count_users().await.unwrap(), 0);
}

/// Attacks A22 and E2: no text breaks a query, a header or the database.
#[actix_web::test]
async fn hostile_text_is_refused_or_kept_as_text() {
    let bench = Bench::new().await;
    for (name, status) in [
        ("' OR 1=1--", 200),
        ("%_\\", 200),
        ("<script>alert(1)</script>", 200),
        ("Ada\u{0}", 400),
        ("Ada\r\nBcc: eve@x.example", 400),
        (&*"x".repeat(300), 400),
    ] {
        let email = format!("a{}@school.example", name.len());
        let body = json!({"name": name, "email": email, "password": PASSWORD});
        let answer = bench.post("/api/auth/sign-up/email", &body).send().await;
        assert_eq!(answer.status, status, "{name:?}: {}", answer.text);
        if status == 200 {
            assert_eq!(answer.json()["user"]["name"], name);
        }
    }
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let call = bench.call(Method::POST, "/api/auth/sign-up/email");
    assert_eq!(call.body("application/json", deep).send().await.status, 400);
}

#[actix_web::test]
async fn what_is_missing_or_of_the_wrong_type_is_named() {
    let bench = Bench::new().await;
    let cases = [
        (json!({}), "[body.name] Invalid input: expected string, received undefined"),
        (json!({"name": 1}), "[body.name] Invalid input: expected string, received number"),
        (json!({"name": "Ada", "email": "ada"}), "[body.email] Invalid email address"),
        (
            json!({"name": "Ada", "email": ["a@b.example", "c@d.example"]}),
            "[body.email] Invalid input: expected string, received array",
        ),
        (json!([]), "[body] Invalid input: expected object, received array"),
    ];
    for (body, message) in cases {
        let answer = bench.post("/api/auth/sign-up/email", &body).send().await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "VALIDATION_ERROR"), "{body}");
        let got = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(got.starts_with(message), "{got}");
    }
    let empty = bench.call(Method::POST, "/api/auth/sign-up/email").send().await;
    assert_eq!(
        empty.json()["message"],
        "[body] Invalid input: expected object, received undefined"
    );
}

#[actix_web::test]
async fn new_accounts_are_limited_an_address_but_not_on_a_demo_machine() {
    let bench = Bench::with(PAGE, |settings| settings.sign_ups_per_minute = 2).await;
    for (number, status) in [(1, 200), (2, 200), (3, 429)] {
        let answer = bench.sign_up(&format!("a{number}@school.example")).await;
        assert_eq!(answer.status, status);
        if status == 429 {
            assert_eq!(answer.json()["message"], "Too many requests. Please try again later.");
            assert_eq!(answer.header("retry-after"), Some("30"));
            assert_eq!(answer.header("x-retry-after"), Some("30"));
        }
    }
}

/// Attack A14: one mailbox in several spellings is one account, for sign-in too.
#[actix_web::test]
async fn another_spelling_of_an_address_is_the_same_account_or_refused() {
    let bench = Bench::new().await;
    assert_eq!(bench.sign_up("Alice@EXAMPLE.com").await.status, 200);
    for same in ["alice@example.com", "ALICE@example.COM", "\u{ff41}lice@example.com"] {
        assert_eq!(bench.sign_up(same).await.status, 422, "{same}");
        let answer = bench.sign_in(same, PASSWORD).await;
        assert_eq!(
            (answer.status, &answer.json()["user"]["email"]),
            (200, &json!("alice@example.com"))
        );
    }
    for refused in [
        "alice@example.com.",
        "al\u{131}ce@example.com",
        "ali\u{301}ce@example.com",
        "alice@example.com\u{0}",
        "alice@example.com\r\nBcc: eve@evil.example",
        "Alice <alice@example.com>",
        "alice@example.com,eve@evil.example",
    ] {
        assert_eq!(bench.sign_up(refused).await.status, 400, "{refused:?}");
        assert_eq!(bench.sign_in(refused, PASSWORD).await.status, 400, "{refused:?}");
    }
    assert_eq!(bench.store.count_users().await.unwrap(), 1);
}

/// Attack A16: the passwords that are tried first, with a reason that helps.
#[actix_web::test]
async fn a_common_password_is_refused_with_the_reason() {
    let bench = Bench::new().await;
    for common in ["Password123!", "!!Football2026"] {
        let body = json!({"name": "Ada", "email": "ada@school.example", "password": common});
        let answer = bench.post("/api/auth/sign-up/email", &body).send().await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "PASSWORD_TOO_WEAK"));
        assert!(answer.text.contains("tried first"), "{}", answer.text);
    }
}
