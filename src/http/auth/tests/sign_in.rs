use super::*;

#[actix_web::test]
async fn the_session_cookie_is_better_auths_with_its_attributes() {
    let bench = Bench::new().await;
    bench.sign_up("ada@school.example").await;

    let answer = bench.sign_in("ada@school.example", PASSWORD).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let cookies = answer.cookies();
    assert_eq!(cookies.len(), 2, "the session and the known device: {cookies:?}");
    let (value, attributes) = cookies[0].split_once("; ").unwrap();
    assert_eq!(attributes, "Max-Age=604800; Path=/; HttpOnly; SameSite=Lax");
    let value = value.strip_prefix("better-auth.session_token=").unwrap();
    assert!(value.starts_with(&format!("{token}.")) && value.ends_with("%3D"), "{value}");
    assert_eq!(answer.header("set-auth-token"), Some(bench.auth.signed(&token).as_str()));
    assert_eq!(
        answer.header("access-control-expose-headers"),
        Some("set-auth-token, set-auth-jwt")
    );
    let body = answer.json();
    assert_eq!((&body["redirect"], body.get("url")), (&json!(false), None));
}

/// Attack C3: the cookie's flags where the site is https.
#[actix_web::test]
async fn on_https_the_cookie_is_secure_and_says_so_in_its_name() {
    let bench = Bench::at("https://school.example", false).await;

    let answer = bench.sign_up("ada@school.example").await;

    let cookie = answer.cookies().remove(0);
    assert!(cookie.starts_with("__Secure-better-auth.session_token="), "{cookie}");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert!(cookie.len() < 4_096);
}

#[actix_web::test]
async fn an_unremembered_session_ends_with_the_browser_and_after_a_day() {
    let bench = Bench::new().await;
    bench.sign_up("ada@school.example").await;
    let body = json!({"email": "ada@school.example", "password": PASSWORD, "rememberMe": false});

    let answer = bench.post("/api/auth/sign-in/email", &body).send().await;

    let cookies = answer.cookies();
    assert!(cookies.iter().all(|cookie| !cookie.contains("Max-Age")), "{cookies:?}");
    assert!(cookies[1].starts_with("better-auth.dont_remember=true."), "{cookies:?}");
    bench.clock.advance(DAY);
    let me = bench.get("/api/auth/get-session").with("cookie", &answer.cookie()).send().await;
    assert_eq!(me.json(), Value::Null);
}

/// Attack A1: is there such an account? The answer and the work are the same.
#[actix_web::test]
async fn a_wrong_password_and_an_unknown_address_are_answered_alike() {
    let bench = Bench::new().await;
    bench.sign_up("ada@school.example").await;

    let known = bench.sign_in("ada@school.example", "Wrong-Lamp-7 road").await;
    let unknown = bench.sign_in("eve@school.example", "Wrong-Lamp-7 road").await;

    assert_eq!((known.status, known.code().as_str()), (401, "INVALID_EMAIL_OR_PASSWORD"));
    assert_eq!((known.status, &known.text), (unknown.status, &unknown.text));
    let names = |answer: &Answer| -> Vec<String> {
        answer.headers.keys().map(ToString::to_string).collect()
    };
    assert_eq!(names(&known), names(&unknown));
    assert_eq!(bench.auth.password_checks(), 2);
}

/// Attack C2: a planted session does not live on beside the new one.
#[actix_web::test]
async fn signing_in_makes_a_new_session_and_ends_the_one_that_was_there() {
    let bench = Bench::new().await;
    let old = bench.sign_up("ada@school.example").await.cookie();
    let body = json!({"email": "ada@school.example", "password": PASSWORD});

    let answer = bench.post("/api/auth/sign-in/email", &body).by_page(&old).send().await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_ne!(answer.cookie(), old);
    let dead = bench.get("/api/auth/get-session").with("cookie", &old).send().await;
    assert_eq!(dead.json(), Value::Null);
    assert_eq!(dead.cookies().len(), 4);
    assert!(dead.cookies().iter().all(|cookie| cookie.contains("=; Max-Age=0; ")));
}

/// Attack C1: a foreign page signs somebody in or up.
#[actix_web::test]
async fn a_foreign_page_cannot_sign_in_or_up() {
    let bench = Bench::new().await;
    let body = json!({"email": "ada@school.example", "password": PASSWORD});
    let cases: [(&[(&str, &str)], &str); 7] = [
        (&[("origin", "https://evil.example")], "INVALID_ORIGIN"),
        (&[("referer", "https://evil.example/x")], "INVALID_ORIGIN"),
        (&[("origin", "null")], "MISSING_OR_NULL_ORIGIN"),
        (&[("sec-fetch-site", "same-site")], "MISSING_OR_NULL_ORIGIN"),
        (&[("cookie", "a=b")], "MISSING_OR_NULL_ORIGIN"),
        (&[("cookie", "a=b"), ("origin", "https://localhost:8080")], "INVALID_ORIGIN"),
        (
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
            "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED",
        ),
    ];
    for (headers, code) in cases {
        for path in ["/api/auth/sign-in/email", "/api/auth/sign-up/email"] {
            let call = headers
                .iter()
                .fold(bench.post(path, &body), |call, (name, value)| call.with(name, value));
            let answer = call.send().await;
            assert_eq!((answer.status, answer.code().as_str()), (403, code), "{headers:?}");
            assert!(answer.cookies().is_empty());
        }
    }
    let form = "email=ada%40school.example&password=x";
    let plain = bench.call(Method::POST, "/api/auth/sign-in/email").body("text/plain", form);
    assert_eq!(plain.send().await.status, 415);
}

#[actix_web::test]
async fn a_form_of_our_own_page_signs_in_and_is_led_on() {
    let bench = Bench::new().await;
    bench.sign_up("ada@school.example").await;
    let form = "email=ada%40school.example&password=Owl-Lamp-7+road&callbackURL=%2Fcourses";

    let answer = bench
        .call(Method::POST, "/api/auth/sign-in/email")
        .with("origin", PAGE)
        .body("application/x-www-form-urlencoded", form)
        .send()
        .await;

    // Never 307 or 308, which would repeat the password elsewhere (attack C8).
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("location"), Some("/courses"));
    assert_eq!(
        (&answer.json()["redirect"], &answer.json()["url"]),
        (&json!(true), &json!("/courses"))
    );
}

/// Attack B6: an open redirect behind a sign-in.
#[actix_web::test]
async fn a_callback_that_leads_away_is_refused() {
    let bench = Bench::new().await;
    for away in ["//evil", "https:evil", "/\\evil", "javascript:x", "http://localhost:8080@evil"] {
        let body = json!({"email": "a@b.example", "password": "x", "callbackURL": away});
        let answer = bench.post("/api/auth/sign-in/email", &body).send().await;
        let got = (answer.status, answer.code());
        assert_eq!(got, (403, "INVALID_CALLBACK_URL".to_owned()), "{away}");
    }
}

#[actix_web::test]
async fn a_banned_person_is_told_so_after_the_right_password_alone() {
    let bench = Bench::new().await;
    let password = crate::domain::password::Password::parse(PASSWORD).unwrap();
    let person = crate::auth::NewPerson {
        email: crate::domain::email::Email::parse("eve@school.example").unwrap(),
        name: "Eve".to_owned(),
        role: Role::Student,
        verified: true,
    };
    let user = bench.auth.create_user(person, password).await.unwrap();
    crate::store::users::tests::ban(&bench.store, &user.id).await.unwrap();

    assert_eq!(bench.sign_in("eve@school.example", "Wrong-Lamp-7 road").await.status, 401);
    let right = bench.sign_in("eve@school.example", PASSWORD).await;
    assert_eq!((right.status, right.code().as_str()), (403, "BANNED_USER"));
}
