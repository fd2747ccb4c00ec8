//! How many requests are kept for whoever is at one address.

use super::*;

const LIMIT: u32 = 3;

async fn bench() -> Bench {
    let bench = Bench::with(crate::auth::tests::PAGE, |settings| {
        settings.demo = true;
        settings.held_per_minute = LIMIT;
        settings.pushed_per_minute = LIMIT;
    })
    .await;
    bench.own_app().await;
    bench
}

async fn send(bench: &Bench, ask: &Ask) -> Answer {
    let call = bench.call(Method::POST, "/api/auth/oauth2/authorize").body(FORM, ask.query());
    call.send().await
}

#[actix_web::test]
async fn requests_that_wait_for_their_person_are_limited_an_address() {
    let bench = bench().await;
    for _ in 0..LIMIT {
        assert_eq!(bench.get(&Ask::of("own").path()).send().await.status, 303);
    }

    let opened = bench.get(&Ask::of("own").path()).send().await;
    let sent = send(&bench, &Ask::of("own")).await;
    for refused in [&opened, &sent] {
        assert!(refused.is_error_page(), "{}", refused.text);
        assert_eq!((refused.status, refused.header("retry-after")), (429, Some("20")));
    }
    let script = bench.get(&Ask::of("own").path()).with("sec-fetch-mode", "cors").send().await;
    assert_eq!((script.status, script.header("retry-after")), (429, Some("20")));
    assert_eq!(script.json()["error"], "temporarily_unavailable");
    let elsewhere = bench.get(&Ask::of("own").path()).from("198.51.100.1:4444").send().await;
    assert_eq!(elsewhere.status, 303);
    bench.clock.advance(20_000);
    assert_eq!(send(&bench, &Ask::of("own")).await.status, 303);
}

#[actix_web::test]
async fn what_keeps_no_request_is_not_limited_and_neither_is_this_machine_in_demo_mode() {
    let bench = bench().await;
    let cookie = bench.ada().await;
    for _ in 0..2 * LIMIT {
        assert!(bench.open(&Ask::of("own"), &cookie).await.told(BACK).contains_key("code"));
        let silent = bench.open(&Ask::of("own").with("prompt", "none"), "").await;
        assert_eq!(silent.error(), "login_required");
        assert!(bench.open(&Ask::of("nobody"), "").await.is_error_page());
    }
    for _ in 0..2 * LIMIT {
        let here = bench.get(&Ask::of("own").path()).from("127.0.0.1:4444").send().await;
        assert_eq!(here.status, 303);
    }
    let page = bench.open(&Ask::of("own"), "").await.leads_to();
    for _ in 0..2 * LIMIT {
        let back = bench.visit(&page, "").await.field("continue");
        assert!(bench.visit(&back, "").await.leads_to().starts_with("/api/auth/oauth2/sign-in?"));
    }
}

#[actix_web::test]
async fn pushed_requests_are_limited_an_address_once_they_are_sound() {
    let bench = bench().await;
    let push = async |ask: &Ask| {
        let call = bench.call(Method::POST, "/api/auth/oauth2/par").body(FORM, ask.query());
        call.send().await
    };
    for _ in 0..LIMIT {
        assert_eq!(push(&Ask::of("nobody")).await.status, 401);
        assert_eq!(push(&Ask::of("own").without("code_challenge")).await.status, 400);
        assert_eq!(push(&Ask::of("own")).await.status, 201);
    }

    let refused = push(&Ask::of("own")).await;

    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("20")));
    assert_eq!(refused.json()["error"], "temporarily_unavailable");
    bench.clock.advance(20_000);
    assert_eq!(push(&Ask::of("own")).await.status, 201);
}
