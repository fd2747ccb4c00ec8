use super::*;

/// RFC 8628 §3.2.
#[actix_web::test]
async fn a_device_gets_two_codes_and_where_to_type_the_short_one() {
    let school = School::open().await;

    let answer = school.ask(&[("client_id", "tv"), ("scope", "openid email offline_access")]).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let codes = answer.json();
    assert!(codes["device_code"].as_str().unwrap().len() >= 32);
    let shown = codes["user_code"].as_str().unwrap();
    let letters: Vec<&str> = shown.split('-').collect();
    assert_eq!(letters.iter().map(|it| it.len()).collect::<Vec<_>>(), [4, 4], "{shown}");
    assert!(letters.concat().bytes().all(|it| b"BCDFGHJKLMNPQRSTVWXZ".contains(&it)), "{shown}");
    assert_eq!(codes["verification_uri"], format!("{PAGE}/device"));
    assert_eq!(codes["verification_uri_complete"], format!("{PAGE}/device?user_code={shown}"));
    assert_eq!((&codes["expires_in"], &codes["interval"]), (&json!(600), &json!(5)));

    let short = school.bench.get(&format!("/device?user_code={shown}")).send().await;
    assert_eq!(short.status, 303);
    assert_eq!(short.header("location"), Some(&*format!("{VERIFY}?user_code={shown}")));
}

#[actix_web::test]
async fn only_what_the_app_may_ask_for_is_asked_for() {
    let school = School::open().await;
    let have = async |row| school.bench.store.have_app(row).await;
    have(app("web", &json!({ "grant_types": ["authorization_code"] }))).await;
    have(app("small", &json!({ "scope": "openid email" }))).await;
    have(app("staff", &json!({ "scope": "openid admin" }))).await;
    let secret = json!({ "token_endpoint_auth_method": "client_secret_post" });
    let hash = crate::auth::hash_token("right");
    have(ClientRow { secret_hash: Some(hash), ..app("safe", &secret) }).await;
    let library = "https://library.example/api";
    for (fields, error) in [
        (vec![("client_id", "tv")], None),
        (vec![("client_id", "small")], None),
        (vec![("client_id", "staff"), ("scope", "openid admin")], None),
        (vec![("client_id", "tv"), ("resource", library)], None),
        (vec![("client_id", "safe"), ("client_secret", "right")], None),
        (vec![("client_id", "safe"), ("client_secret", "wrong")], Some("invalid_client")),
        (vec![("client_id", "safe")], Some("invalid_client")),
        (vec![("client_id", "nobody")], Some("invalid_client")),
        (vec![], Some("invalid_client")),
        (vec![("client_id", "web")], Some("unauthorized_client")),
        (vec![("client_id", "tv"), ("scope", "openid admin")], Some("invalid_scope")),
        (vec![("client_id", "tv"), ("scope", "openid fly")], Some("invalid_scope")),
        (vec![("client_id", "small"), ("scope", "openid tutor")], Some("invalid_scope")),
        (vec![("client_id", "tv"), ("resource", "https://evil.example")], Some("invalid_target")),
        (vec![("client_id", "tv"), ("scope", "a"), ("scope", "b")], Some("invalid_request")),
    ] {
        let answer = school.ask(&fields).await;
        let got = answer.json();
        assert_eq!(got["error"].as_str(), error, "{fields:?}");
        assert_eq!(answer.status == 200, error.is_none(), "{fields:?}");
    }
    let as_json = school.bench.post(DEVICE, &json!({ "client_id": "tv" })).send().await;
    assert_eq!(as_json.status, 415);
}

/// RFC 8628 §3.5, as the token endpoint will say it.
#[actix_web::test]
async fn a_device_waits_until_its_person_agrees_and_gets_what_she_agreed_to_once() {
    let school = School::open().await;
    let (device, code) = school.begin().await;
    assert!(matches!(school.poll(&device).await, Err(DeviceError::Pending)));
    school.bench.clock.advance(SECOND);
    assert!(matches!(school.poll(&device).await, Err(DeviceError::SlowDown)));
    school.bench.clock.advance(10 * SECOND);
    assert!(matches!(school.poll(&device).await, Err(DeviceError::Pending)));

    let fields = [("user_code", &*code), ("accept", "yes")];
    let answer = school.press(DECIDE, &fields, &school.cookie).await;
    assert!(answer.text.contains(r#"id="done""#), "{}", answer.text);
    let polls = (0..12).map(|_| school.poll(&device));
    let polls = futures_util::future::join_all(polls).await;

    let got: Vec<_> = polls.into_iter().filter_map(Result::ok).collect();
    let [Approved { user, browser_sid, granted }] = &got[..] else { panic!("{got:?}") };
    let session = school.bench.get("/api/auth/get-session").with("cookie", &school.cookie);
    let session = session.send().await.json();
    assert_eq!(session["user"]["id"], user.as_str());
    assert_eq!(session["session"]["id"], browser_sid.as_str());
    assert_eq!(granted.scopes.to_string(), "openid email");
    let now = school.bench.auth.now_s();
    assert_eq!((granted.acr.as_str(), granted.auth_time), ("1", now - 11));
    assert!(matches!(school.poll(&device).await, Err(DeviceError::Unknown)));
    let events = school.bench.store.newest_auth_events(9).await.unwrap();
    let consent = events.iter().find(|it| it.kind == "consent_given").unwrap();
    assert_eq!(consent.detail()["client"], "tv");
    assert!(!consent.detail.contains(&device) && !consent.detail.contains(&code));
}

/// Her account has a second factor by now; what counts is how she signed in where she agrees.
#[actix_web::test]
async fn a_device_is_told_how_its_person_signed_in_where_she_agreed() {
    let School { bench, cookie } = School::open().await;
    let act = async |path: &str, body: &Value, cookie: &str| {
        let answer = bench.post(&format!("/api/auth{path}"), body).by_page(cookie).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        bench.clock.advance(MINUTE);
        answer
    };
    let enabled = act("/two-factor/enable", &json!({ "password": PASSWORD }), &cookie).await.json();
    let totp = totp_rs::Totp::from_url(enabled["totpURI"].as_str().unwrap()).unwrap();
    let code = || totp.generate(u64::try_from(bench.auth.now_s()).unwrap()).to_string();
    let body = json!({ "code": code(), "trustDevice": true });
    let strong = act("/two-factor/verify-totp", &body, &cookie).await;
    let body = json!({ "email": "ada@school.example", "password": PASSWORD });
    let trust = strong.cookie_named("better-auth.trust_device");
    let weak = act("/sign-in/email", &body, &trust).await;
    let (strong, weak) = (strong.cookie(), weak.cookie());

    let mut school = School { bench, cookie };
    for (cookie, acr, amr) in [(strong, "2", "otp mfa"), (weak, "1", "pwd")] {
        school.cookie = cookie;
        let (device, code) = school.begin().await;
        let fields = [("user_code", &*code), ("accept", "yes")];
        school.press(DECIDE, &fields, &school.cookie).await;
        let granted = school.poll(&device).await.unwrap().granted;
        assert_eq!((granted.acr.as_str(), granted.amr.join(" ").as_str()), (acr, amr));
    }
}

#[actix_web::test]
async fn who_declines_comes_late_or_has_signed_out_lets_nothing_in() {
    let school = School::open().await;
    let (declined, code) = school.begin().await;
    let fields = [("user_code", &*code), ("accept", "no")];
    school.press(DECIDE, &fields, &school.cookie).await;
    assert!(matches!(school.poll(&declined).await, Err(DeviceError::Denied)));
    assert!(matches!(school.poll("nonsense").await, Err(DeviceError::Unknown)));

    let (late, _) = school.begin().await;
    school.bench.clock.advance(10 * MINUTE);
    assert!(matches!(school.poll(&late).await, Err(DeviceError::Expired)));

    let (device, code) = school.begin().await;
    let fields = [("user_code", &*code), ("accept", "yes")];
    school.press(DECIDE, &fields, &school.cookie).await;
    school.bench.post("/api/auth/sign-out", &json!({})).by_page(&school.cookie).send().await;
    assert!(matches!(school.poll(&device).await, Err(DeviceError::Unknown)));
}
