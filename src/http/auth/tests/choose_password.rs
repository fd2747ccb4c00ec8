use super::{change_email::mailed, *};

const ADA: &str = "ada@school.example";
const NEW: &str = "Fox-Kite-9 lane";
const FORM: &str = "/api/auth/choose-password";

/// Follows the mailed link to the clean page; gives the cookie that it came with.
async fn arrive(bench: &Bench) -> String {
    bench.sign_up(ADA).await;
    asked(bench, &json!({"email": ADA}), FORM).await
}

/// Follows the link that a request is answered with; `clean` is where it leads to.
async fn asked(bench: &Bench, request: &Value, clean: &str) -> String {
    bench.post("/api/auth/request-password-reset", request).send().await;
    let opened = bench.get(&mailed(bench, ADA, "reset-password").await).send().await;
    let led = opened.header("location").unwrap().strip_prefix(PAGE).unwrap().to_owned();
    assert!(led.starts_with("/api/auth/choose-password?") && led.contains("token="), "{led}");
    let swapped = bench.get(&led).send().await;
    assert_eq!((swapped.status, swapped.header("location")), (303, Some(clean)));
    assert_eq!(swapped.header("referrer-policy"), Some("no-referrer"));
    let cookie = swapped.cookies().remove(0);
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax"), "{cookie}");
    assert!(cookie.contains("; Path=/api/auth/choose-password"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

async fn choose(bench: &Bench, cookie: &str, password: &str, again: &str) -> Answer {
    send(bench, cookie, &[("password", password), ("again", again)]).await
}

async fn send(bench: &Bench, cookie: &str, fields: &[(&str, &str)]) -> Answer {
    let form: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("email", ADA)
        .extend_pairs(fields)
        .finish();
    let call = bench.call(Method::POST, FORM).by_page(cookie);
    call.body("application/x-www-form-urlencoded", form).send().await
}

/// Attack B2: the token is in no URL that is shown, and the page loads nothing from elsewhere.
#[actix_web::test]
async fn the_link_leads_to_a_clean_page_with_a_form_that_needs_no_script() {
    let bench = Bench::new().await;
    let cookie = arrive(&bench).await;

    let page = bench.get(FORM).with("cookie", &cookie).send().await;

    assert_eq!(page.status, 200);
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    for part in [r#"id="choose-password" method="post""#, r#"name="password""#, r#"name="again""#] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    let token = cookie.split('=').nth(1).unwrap();
    assert!(!page.text.contains(token) && !page.text.contains("<script"));
    assert!(!page.text.contains("http://") && !page.text.contains("https://"), "{}", page.text);
}

#[actix_web::test]
async fn the_form_says_what_is_wrong_and_then_sets_the_password_once() {
    let bench = Bench::new().await;
    let cookie = arrive(&bench).await;
    for (password, again, why) in [
        (NEW, "Fox-Kite-8 lane", "differ"),
        ("Sh0rt!", "Sh0rt!", "too short"),
        ("fox-kite-9-lane", "fox-kite-9-lane", "upper-case"),
        ("Password123!", "Password123!", "tried first"),
    ] {
        let page = choose(&bench, &cookie, password, again).await;
        assert_eq!(page.status, 400);
        assert!(page.text.contains(r#"role="alert""#) && page.text.contains(why), "{}", page.text);
        assert!(!page.text.contains(password), "what was typed is not shown");
    }

    let done = choose(&bench, &cookie, NEW, NEW).await;
    assert!(done.status == 200 && done.text.contains("was changed"), "{}", done.text);
    assert!(done.cookies()[0].contains("Max-Age=0"), "{:?}", done.cookies());
    assert_eq!(bench.sign_in(ADA, NEW).await.status, 200);
    assert_eq!(choose(&bench, &cookie, NEW, NEW).await.status, 401);
    assert_eq!(bench.get(FORM).with("cookie", &cookie).send().await.status, 401);
}

/// She was on her way to an app, whose request she goes on with.
#[actix_web::test]
async fn who_names_where_she_was_going_goes_on_there_with_the_new_password() {
    let bench = Bench::new().await;
    bench.sign_up(ADA).await;
    let going = "/api/auth/oauth2/authorize?client_id=a&state=%22";
    let escaped: String = url::form_urlencoded::byte_serialize(going.as_bytes()).collect();
    let page = format!("{FORM}?continue={escaped}");
    let cookie = asked(&bench, &json!({"email": ADA, "redirectTo": page}), &page).await;

    let form = bench.get(&page).with("cookie", &cookie).send().await;
    let field = r#"name="continue" value="/api/auth/oauth2/authorize?client_id=a&amp;state=%22">"#;
    assert!(form.text.contains(field), "{}", form.text);
    let fields = |password| [("password", password), ("again", NEW), ("continue", going)];
    let refused = send(&bench, &cookie, &fields("another")).await;
    assert!(refused.status == 400 && refused.text.contains(field), "{}", refused.text);
    let done = send(&bench, &cookie, &fields(NEW)).await;
    let link = r#"<a id="go-on" href="/api/auth/oauth2/authorize?client_id=a&amp;state=%22">"#;
    assert!(done.status == 200 && done.text.contains(link), "{}", done.text);
}

/// Attack B6: nobody is led elsewhere, by neither the address nor the form.
#[actix_web::test]
async fn the_form_leads_on_to_nobody_elses_site() {
    let bench = Bench::new().await;
    let cookie = arrive(&bench).await;
    for odd in ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"] {
        let escaped: String = url::form_urlencoded::byte_serialize(odd.as_bytes()).collect();
        let page = bench.get(&format!("{FORM}?continue={escaped}")).with("cookie", &cookie);
        assert_eq!(page.send().await.status, 403, "{odd}");
        let fields = [("password", NEW), ("again", NEW), ("continue", odd)];
        assert_eq!(send(&bench, &cookie, &fields).await.status, 403, "{odd}");
    }
    assert_eq!(choose(&bench, &cookie, NEW, NEW).await.status, 200, "the link is good still");
}

#[actix_web::test]
async fn the_form_is_shown_in_german_and_in_arabic_from_right_to_left() {
    let bench = Bench::new().await;
    let cookie = arrive(&bench).await;
    for (language, lang) in [("de", r#"lang="de" dir="ltr""#), ("ar", r#"lang="ar" dir="rtl""#)] {
        let call = bench.get(FORM).with("cookie", &cookie).with("accept-language", language);
        let page = call.send().await;
        assert!(page.text.contains(lang) && page.text.contains(ADA), "{}", page.text);
        assert!(!page.text.contains("New password"));
    }
}

#[actix_web::test]
async fn without_a_good_link_there_is_no_form() {
    let bench = Bench::new().await;
    for path in [FORM, "/api/auth/choose-password?error=INVALID_TOKEN"] {
        assert_eq!(bench.get(path).send().await.status, 401, "{path}");
    }
    // Attack E2: nothing of a token gets into a header but letters and digits.
    for odd in ["a%0d%0aSet-Cookie:%20x=y", "a;b", "%22"] {
        let path = format!("{FORM}?token={odd}");
        let page = bench.get(&path).send().await;
        assert_eq!((page.status, page.cookies().len()), (401, 0), "{odd}");
    }
}
