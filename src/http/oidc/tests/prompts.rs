//! When a person is asked, and for what.

use super::*;

/// Signs Ada in on the page that an authorization led to. Gives the cookie and where it goes on.
async fn sign_in(bench: &Bench, page: &str, cookie: &str) -> (String, String) {
    assert!(page.starts_with("/api/auth/oauth2/sign-in?"), "{page}");
    let form = bench.visit(page, cookie).await;
    let back = form.field("continue");
    let fields = [("continue", &*back), ("email", ADA), ("password", PASSWORD)];
    let done = bench.submit("/api/auth/oauth2/sign-in", &fields, cookie).await;
    assert_eq!(done.leads_to(), back);
    (done.cookie(), back)
}

/// `oidcc-prompt-none-not-logged-in`, `oidcc-prompt-none-logged-in`.
#[actix_web::test]
async fn prompt_none_asks_nobody() {
    let bench = Bench::new().await;
    bench.own_app().await;
    let ask = Ask::of("own").with("prompt", "none");

    assert_eq!(bench.open(&ask, "").await.error(), "login_required");
    let cookie = bench.ada().await;
    assert!(bench.open(&ask, &cookie).await.told(BACK).contains_key("code"));
    let stale = ask.with("max_age", "0");
    assert_eq!(bench.open(&stale, &cookie).await.error(), "login_required");
}

/// `oidcc-prompt-login`: whoever is signed in must sign in again, and the app hears when.
#[actix_web::test]
async fn prompt_login_is_met_by_a_later_sign_in_alone() {
    let bench = Bench::new().await;
    bench.own_app().await;
    let cookie = bench.ada().await;
    let told = bench.open(&Ask::of("own"), &cookie).await.told(BACK);
    let before = bench.code_in("own", &told).granted.auth_time;
    bench.clock.advance(5_000);

    let page = bench.open(&Ask::of("own").with("prompt", "login"), &cookie).await.leads_to();
    let back = bench.visit(&page, &cookie).await.field("continue");
    let again = bench.visit(&back, &cookie).await.leads_to();
    assert!(again.starts_with("/api/auth/oauth2/sign-in?"), "nothing has happened yet");
    let (cookie, back) = sign_in(&bench, &again, &cookie).await;

    let told = bench.visit(&back, &cookie).await.told(BACK);
    assert!(bench.code_in("own", &told).granted.auth_time > before);
}

/// `oidcc-max-age-1`, `oidcc-max-age-10000`.
#[actix_web::test]
async fn a_sign_in_that_is_too_old_for_the_app_is_done_again() {
    let bench = Bench::new().await;
    bench.own_app().await;
    bench.app("strict", json!({ "skip_consent": true, "default_max_age": 1 })).await;
    let cookie = bench.ada().await;
    bench.clock.advance(2_000);

    let long = Ask::of("own").with("max_age", "10000");
    assert!(bench.open(&long, &cookie).await.told(BACK).contains_key("code"));
    for ask in [
        Ask::of("own").with("max_age", "1"),
        Ask::of("own").with("max_age", "0"),
        Ask::of("strict"),
    ] {
        let page = bench.open(&ask, &cookie).await.leads_to();
        assert!(page.starts_with("/api/auth/oauth2/sign-in?"), "{page}");
    }
    let page = bench.open(&Ask::of("own").with("max_age", "0"), &cookie).await.leads_to();
    let (cookie, back) = sign_in(&bench, &page, &cookie).await;
    bench.clock.advance(3_000);
    assert!(bench.visit(&back, &cookie).await.told(BACK).contains_key("code"));
}

#[actix_web::test]
async fn an_essential_class_that_is_not_reached_is_no_sign_in() {
    let bench = Bench::new().await;
    bench.own_app().await;
    let cookie = bench.ada().await;
    let claims = |class: &str| {
        let acr = json!({ "essential": true, "value": class });
        Ask::of("own").with("claims", &json!({ "id_token": { "acr": acr } }).to_string())
    };

    assert!(bench.open(&claims("1"), &cookie).await.told(BACK).contains_key("code"));
    let page = bench.open(&claims("2"), &cookie).await.leads_to();
    let (cookie, back) = sign_in(&bench, &page, &cookie).await;
    assert_eq!(bench.visit(&back, &cookie).await.error(), "unmet_authentication_requirements");
}

#[actix_web::test]
async fn prompt_select_account_offers_the_account_that_is_signed_in_and_another() {
    let bench = Bench::new().await;
    bench.own_app().await;
    let cookie = bench.ada().await;
    let ask = Ask::of("own").with("prompt", "select_account");

    let page = bench.open(&ask, &cookie).await.leads_to();
    let page = bench.visit(&page, &cookie).await;
    assert!(
        page.text.contains(ADA) && page.text.contains("id=\"another-account\""),
        "{}",
        page.text
    );
    let (query, token) = (page.field("oauth_query"), page.field("form_token"));
    let chosen = |token: &str| {
        vec![
            ("oauth_query".to_owned(), query.clone()),
            ("form_token".to_owned(), token.to_owned()),
            ("selected".to_owned(), "true".to_owned()),
        ]
    };
    for (token, status) in [("", 403), ("nonsense", 403), (&*token, 303)] {
        let fields = chosen(token);
        let fields: Vec<_> = fields.iter().map(|(a, b)| (&**a, &**b)).collect();
        let answer = bench.submit("/api/auth/oauth2/continue", &fields, &cookie).await;
        assert_eq!(answer.status, status, "{token}");
        if status == 303 {
            let back = answer.leads_to();
            assert!(bench.visit(&back, &cookie).await.told(BACK).contains_key("code"));
        }
    }
}

#[actix_web::test]
async fn prompt_create_leads_to_the_page_for_new_people_and_back() {
    let bench = Bench::new().await;
    bench.own_app().await;
    let old = bench.ada().await;
    let ask = Ask::of("own").with("prompt", "create");

    for cookie in ["", &*old] {
        let page = bench.open(&ask, cookie).await.leads_to();
        assert!(page.starts_with("/sign-up?"), "{page}");
        let url = url::Url::parse(&format!("http://localhost{page}")).unwrap();
        let back = url.query_pairs().find(|(name, _)| name == "callbackURL").unwrap().1;
        bench.clock.advance(1);
        let new = bench.sign_up(&format!("bob{}@school.example", cookie.len())).await.cookie();
        assert!(bench.visit(&back, &new).await.told(BACK).contains_key("code"));
    }
}
