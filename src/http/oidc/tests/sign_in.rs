//! The page on which people sign in.

use totp_rs::Totp;

use super::*;
use crate::domain::clock::{Clock, MINUTE, SECOND};

const PAGE: &str = "/api/auth/oauth2/sign-in";

async fn try_it(bench: &Bench, back: &str, password: &str) -> Answer {
    let fields = [("continue", back), ("email", ADA), ("password", password)];
    bench.submit(PAGE, &fields, "").await
}

/// Attack C8: what answers a password is a 303.
#[actix_web::test]
async fn a_right_password_sets_the_cookies_and_goes_on_and_a_wrong_one_does_not() {
    let bench = Bench::new().await;
    bench.own_app().await;
    bench.ada().await;
    let page = bench.open(&Ask::of("own").with("login_hint", ADA), "").await.leads_to();
    let form = bench.visit(&page, "").await;
    assert!(form.text.contains("The own app") && form.text.contains(&format!("value=\"{ADA}\"")));
    for id in ["sign-in-form", "email", "password", "sign-in", "sign-up", "forgot", "other-ways"] {
        assert!(form.text.contains(&format!("id=\"{id}\"")), "{id}");
    }
    let back = form.field("continue");
    // Somebody who is signed in is sent here too: the app's page must not send her back unasked.
    let other = form.text.split("id=\"other-ways\" href=\"").nth(1).unwrap();
    let other = other.split('"').next().unwrap().replace("&amp;", "&");
    let other = url::Url::parse("http://localhost").unwrap().join(&other).unwrap();
    let query: Vec<_> = other.query_pairs().into_owned().collect();
    let asked = [("callbackURL", &*back), ("prompt", "login")];
    assert_eq!(query, asked.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(other.path(), "/sign-in");

    let wrong = try_it(&bench, &back, "Wrong-Lamp-7 road").await;
    assert_eq!((wrong.status, wrong.cookies().len()), (401, 0));
    assert!(wrong.text.contains("id=\"fault\"") && !wrong.text.contains("Wrong-Lamp"));
    assert_eq!(wrong.field("continue"), back);
    let right = try_it(&bench, &back, PASSWORD).await;
    assert_eq!(right.leads_to(), back);
    assert!(!right.known_device().is_empty());
    assert!(bench.visit(&back, &right.cookie()).await.told(BACK).contains_key("code"));
}

#[actix_web::test]
async fn the_lockout_is_that_of_all_sign_ins() {
    let bench = Bench::new().await;
    bench.ada().await;
    for _ in 0..5 {
        assert_eq!(try_it(&bench, "", "Wrong-Lamp-7 road").await.status, 401);
    }

    let locked = try_it(&bench, "", PASSWORD).await;
    assert_eq!((locked.status, locked.header("retry-after")), (429, Some("1800")));
    assert_eq!(bench.sign_in(ADA, PASSWORD).await.code(), "ACCOUNT_LOCKED");
}

/// Attack B6.
#[actix_web::test]
async fn a_sign_in_goes_on_at_our_own_pages_alone() {
    let bench = Bench::new().await;
    bench.ada().await;
    for away in [
        "https://evil.example",
        "//evil.example/api/auth/oauth2/",
        "/\\evil.example",
        "/api/auth/oauth2/../../evil",
        "/api/auth/oauth2/%2e%2e/x",
        "/api/auth/sign-out",
        "/courses",
        "javascript:alert(1)",
        "",
    ] {
        assert_eq!(try_it(&bench, away, PASSWORD).await.leads_to(), "/", "{away}");
    }
    let device = "/api/auth/oauth2/device/verify?user_code=BCDF-GHJK";
    assert_eq!(try_it(&bench, device, PASSWORD).await.leads_to(), device);
}

/// Attack C1.
#[actix_web::test]
async fn nobody_is_signed_in_by_another_site() {
    let bench = Bench::new().await;
    let cookie = bench.ada().await;
    let body = format!("email={ADA}&password={}", PASSWORD.replace(' ', "+"));
    for (site, origin, cookie) in [
        ("cross-site", "https://evil.example", ""),
        ("cross-site", "null", ""),
        ("same-site", "https://evil.example", ""),
        ("cross-site", "null", &*cookie),
        ("cross-site", "https://evil.example", &*cookie),
    ] {
        let call = bench.call(Method::POST, PAGE).body(FORM, body.clone());
        let call = call.with("sec-fetch-site", site).with("sec-fetch-mode", "navigate");
        let answer = call.with("origin", origin).cookies_if(cookie).send().await;
        assert_eq!((answer.status, answer.cookies().len()), (403, 0), "{site} {origin}");
    }
}

/// Attack A18.
#[actix_web::test]
async fn a_second_factor_is_asked_for_on_a_page_of_its_own_and_makes_a_stronger_class() {
    let bench = Bench::new().await;
    bench.own_app().await;
    let cookie = bench.ada().await;
    let enabled = bench
        .post("/api/auth/two-factor/enable", &json!({ "password": PASSWORD }))
        .by_page(&cookie)
        .send()
        .await
        .json();
    let totp = Totp::from_url(enabled["totpURI"].as_str().unwrap()).unwrap();
    let code = || totp.generate(u64::try_from(bench.clock.now().0 / SECOND).unwrap()).to_string();
    let verified = bench.post("/api/auth/two-factor/verify-totp", &json!({ "code": code() }));
    assert_eq!(verified.by_page(&cookie).send().await.status, 200);
    bench.clock.advance(MINUTE);

    let back = {
        let page = bench.open(&Ask::of("own"), "").await.leads_to();
        bench.visit(&page, "").await.field("continue")
    };
    let asked = try_it(&bench, &back, PASSWORD).await;
    let next = asked.leads_to();
    let waiting = asked.cookie_named("better-auth.two_factor");
    let page = bench.visit(&next, &waiting).await;
    assert!(
        page.text.contains("id=\"code\"") && page.text.contains("id=\"verify\""),
        "{}",
        page.text
    );
    let stays = bench.visit(&back, &waiting).await.leads_to();
    assert!(stays.starts_with(PAGE), "a password alone opens nothing");

    let wrong = bench.submit(PAGE, &[("continue", &back), ("code", "000000")], &waiting).await;
    assert!(wrong.status == 401 && wrong.text.contains("id=\"fault\""));
    let right = bench.submit(PAGE, &[("continue", &back), ("code", &code())], &waiting).await;
    assert_eq!(right.leads_to(), back);
    let strong = r#"{"id_token":{"acr":{"essential":true,"value":"2"}}}"#;
    let ask = Ask::of("own").with("claims", strong);
    let told = bench.open(&ask, &right.cookie()).await.told(BACK);
    let granted = bench.code_in("own", &told).granted;
    assert_eq!((granted.acr.as_str(), granted.amr.join(" ").as_str()), ("2", "otp mfa"));

    let asked = try_it(&bench, &back, PASSWORD).await;
    let waiting = asked.cookie_named("better-auth.two_factor");
    let recovery = enabled["backupCodes"][0].as_str().unwrap();
    let right = bench.submit(PAGE, &[("continue", &back), ("code", recovery)], &waiting).await;
    assert_eq!(right.leads_to(), back);
    let late = bench.submit(PAGE, &[("continue", &back), ("code", recovery)], &waiting).await;
    assert!(late.status == 401 && late.text.contains("id=\"password\""), "{}", late.text);
}
