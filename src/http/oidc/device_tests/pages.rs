use super::*;
use crate::http::extract::SESSION_COOKIE;

/// RFC 8628 §3.3, by forms alone.
#[actix_web::test]
async fn a_code_is_typed_the_person_signs_in_sees_who_asks_and_agrees() {
    let school = School::open().await;
    let (device, code) = school.begin().await;
    let page = school.open_page(&[], "").await;
    assert!(page.status == 200 && asks_for_code(&page), "{}", page.text);

    let typed = code.to_lowercase().replace('-', " ");
    let sign_in = school.press(VERIFY, &[("user_code", &typed)], "").await;
    assert_eq!(sign_in.status, 303);
    let place = sign_in.header("location").unwrap();
    let query = place.strip_prefix("/api/auth/oauth2/sign-in?").unwrap();
    let (name, back) = url::form_urlencoded::parse(query.as_bytes()).next().unwrap();
    assert_eq!((&*name, &*back), ("continue", &*format!("{VERIFY}?user_code={code}")));

    // She has signed in, and comes back.
    let page = school.open_page(&[("user_code", &code)], &school.cookie).await;
    assert!(asks_to_agree(&page), "{}", page.text);
    for said in ["App tv", &code, "your email address", "192.0.2.7", "ada@school.example"] {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    assert!(page.text.contains(r#"id="warning""#));
    let fields = [("user_code", &*code), ("accept", "yes")];
    let done = school.press(DECIDE, &fields, &school.cookie).await;
    assert!(done.status == 200 && done.text.contains(r#"id="done""#), "{}", done.text);
    assert!(school.poll(&device).await.is_ok());
}

/// Attack D23: a link that somebody sends. It has the code in it, and still nothing happens by
/// itself.
#[actix_web::test]
async fn a_link_with_the_code_asks_and_warns_and_agrees_to_nothing() {
    let school = School::open().await;
    let (device, code) = school.begin().await;

    let page = school.open_page(&[("user_code", &code)], "").await;
    assert!(asks_for_code(&page) && page.text.contains(&code), "{}", page.text);
    let page = school.open_page(&[("user_code", &code), ("accept", "yes")], &school.cookie).await;
    assert!(asks_to_agree(&page) && page.text.contains(r#"id="warning""#));

    assert!(matches!(school.poll(&device).await, Err(DeviceError::Pending)));
}

/// Attack D23: unknown, used, declined and expired codes, and what is none.
#[actix_web::test]
async fn every_wrong_code_gets_the_same_answer() {
    let school = School::open().await;
    let (_, used) = school.begin().await;
    let (_, declined) = school.begin().await;
    let (_, expired) = school.begin().await;
    school.bench.clock.advance(9 * MINUTE);
    for (code, choice) in [(&used, "yes"), (&declined, "no")] {
        let fields = [("user_code", &**code), ("accept", choice)];
        assert_eq!(school.press(DECIDE, &fields, &school.cookie).await.status, 200);
    }
    school.bench.clock.advance(MINUTE);
    let mut texts = Vec::new();
    for code in ["BBBB-BBBB", &used, &declined, &expired, "nonsense"] {
        let answer = school.type_code(code).await;
        assert!(is_wrong(&answer), "{code}: {} {}", answer.status, answer.text);
        texts.push(answer.text.replace(code, ""));
        school.bench.clock.advance(MINUTE);
    }
    assert!(texts.iter().all(|text| *text == texts[0]));
}

/// Attack D23.
#[actix_web::test]
async fn after_five_wrong_codes_in_a_minute_not_even_a_right_one_is_looked_at() {
    let school = School::open().await;
    let (_, right) = school.begin().await;
    for _ in 0..7 {
        assert!(asks_to_agree(&school.type_code(&right).await), "right ones do not count");
    }
    for n in 0..5 {
        assert!(is_wrong(&school.type_code("BBBB-BBBB").await), "{n}");
    }
    let decide = [("user_code", &*right), ("accept", "yes")];
    for answer in [
        school.type_code("BBBB-BBBB").await,
        school.type_code(&right).await,
        school.open_page(&[("user_code", &right)], &school.cookie).await,
        school.press(VERIFY, &[("user_code", &right)], "").await,
        school.press(DECIDE, &decide, &school.cookie).await,
    ] {
        assert_eq!(answer.status, 429);
        assert!(answer.text.contains(r#"id="fault""#) && asks_for_code(&answer));
        assert!(answer.header("retry-after").is_some());
    }
    school.bench.clock.advance(MINUTE);
    assert!(asks_to_agree(&school.type_code(&right).await));
}

/// Attacks C7, C8 and D21.
#[actix_web::test]
async fn the_pages_are_framed_by_nobody_and_what_the_device_says_is_text() {
    let school = School::open().await;
    let evil = "<script>alert(1)</script>";
    let row = ClientRow { name: evil.to_owned(), ..app("evil", &json!({})) };
    school.bench.store.have_app(row).await;
    let codes = school.ask(&[("client_id", "evil"), ("scope", "openid")]).await.json();
    let code = codes["user_code"].as_str().unwrap();

    let entering = school.open_page(&[("user_code", evil)], "").await;
    let wrong = school.type_code(evil).await;
    let asking = school.type_code(code).await;
    assert!(asks_to_agree(&asking));
    assert!(asking.text.contains("TV/1 &lt;b&gt;big"), "{}", asking.text);
    let fields = [("user_code", code), ("accept", "yes")];
    let done = school.press(DECIDE, &fields, &school.cookie).await;

    for page in [entering, wrong, asking, done] {
        assert!(!page.text.contains("<script") && !page.text.contains("<b>big"), "{}", page.text);
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
    }
}

/// Attack C1.
#[actix_web::test]
async fn only_a_page_of_ours_and_a_person_who_is_signed_in_decides() {
    let school = School::open().await;
    let (device, code) = school.begin().await;
    let fields = form(&[("user_code", &*code), ("accept", "yes")]);
    for headers in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
        &[],
    ] {
        for cookie in [&*school.cookie, ""] {
            let mut call = school.bench.call(Method::POST, DECIDE);
            for (name, value) in headers {
                call = call.with(name, value);
            }
            let call = if cookie.is_empty() { call } else { call.with("cookie", cookie) };
            assert_eq!(call.body(FORM, fields.clone()).send().await.status, 403, "{headers:?}");
        }
    }
    let answer = school.press(DECIDE, &[("user_code", &code), ("accept", "yes")], "").await;
    assert_eq!(answer.status, 303);
    assert!(answer.header("location").unwrap().starts_with("/api/auth/oauth2/sign-in?continue="));

    assert!(matches!(school.poll(&device).await, Err(DeviceError::Pending)));
}

/// Attack C10.
#[actix_web::test]
async fn an_admin_who_acts_as_somebody_connects_no_device_of_hers() {
    let school = School::open().await;
    let bench = &school.bench;
    let (device, code) = school.begin().await;
    let (root, _) = bench.signed_in_with_token("root", crate::domain::role::Role::Admin).await;
    let place = crate::auth::sessions::Device::default();
    let by = crate::auth::admin::By { admin: &root, device: &place };
    let session = bench.get("/api/auth/get-session").with("cookie", &school.cookie).send().await;
    let ada = crate::domain::ids::UserId::new(session.json()["user"]["id"].as_str().unwrap());
    let acting = bench.auth.impersonate(by, &ada).await.unwrap();
    let token = crate::auth::cookie::escape(&bench.auth.signed(&acting.token));
    let cookie = format!("{SESSION_COOKIE}={token}");

    let page = school.open_page(&[("user_code", &code)], &cookie).await;
    assert!(page.status == 403 && page.text.contains(r#"id="error""#), "{}", page.text);
    let fields = [("user_code", &*code), ("accept", "yes")];
    assert_eq!(school.press(DECIDE, &fields, &cookie).await.status, 403);

    assert!(matches!(school.poll(&device).await, Err(DeviceError::Pending)));
}

#[actix_web::test]
async fn the_pages_speak_three_languages() {
    let school = School::open().await;
    for language in ["en", "de", "ar"] {
        let (_, code) = school.begin().await;
        let call = school.bench.get(&format!("{VERIFY}?user_code={code}"));
        let call = call.with("cookie", &school.cookie).with("accept-language", language);
        let page = call.send().await;
        assert!(asks_to_agree(&page));
        assert_eq!(page.header("content-language"), Some(language));
        assert_eq!(page.text.contains(r#"dir="rtl""#), language == "ar");
    }
}
