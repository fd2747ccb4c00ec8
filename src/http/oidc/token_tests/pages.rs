//! Apps that run in a browser: whose page may read what is answered.

use super::*;

const PAGE: &str = "https://spa.example";

async fn beforehand(world: &World, path: &str, origin: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,dpop,content-type"),
    ];
    world.send(Method::OPTIONS, path, &headers, Vec::new()).await
}

/// Attack C9.
#[actix_web::test]
async fn the_page_of_a_public_app_may_call_the_token_endpoint_without_cookies() {
    let world = World::new().await;
    assert_eq!(beforehand(&world, TOKEN, PAGE).await.status, 403);
    let spa = json!({
        "token_endpoint_auth_method": "none", "redirect_uris": [format!("{PAGE}/back")],
    });
    world.app("spa", spa).await;
    world.bench.clock.advance(SECOND);

    for path in [TOKEN, USERINFO, REVOKE] {
        let answer = beforehand(&world, path, PAGE).await;
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        let sent = answer.header("access-control-allow-headers").unwrap();
        assert!(["Authorization", "DPoP", "Content-Type"].iter().all(|it| sent.contains(it)));
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
    let form = [("grant_type", "authorization_code"), ("client_id", "spa")];
    let answer = world.form(TOKEN, &form, &[("origin", PAGE)]).await;
    assert_eq!(answer.refusal().0, 400);
    assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
    let strange = [("origin", "https://evil.example"), ("cookie", "a=b")];
    let answer = world.form(TOKEN, &form, &strange).await;
    assert_eq!(answer.refusal().0, 400, "a cookie is not looked at");
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

/// Attack C9.
#[actix_web::test]
async fn no_other_page_and_no_other_call_is_opened_by_an_app() {
    let world = World::new().await;
    let spa = json!({
        "token_endpoint_auth_method": "none", "redirect_uris": [format!("{PAGE}/back")],
    });
    world.app("spa", spa).await;
    for path in [INTROSPECT, "/api/auth/get-session", API] {
        assert_eq!(beforehand(&world, path, PAGE).await.status, 403, "{path}");
    }
    for origin in [
        "https://spa.example.evil",
        "http://spa.example",
        "https://spa.example:444",
        "null",
        // The place of an app with a secret, which needs no page.
        "https://app.example.org",
    ] {
        assert_eq!(beforehand(&world, TOKEN, origin).await.status, 403, "{origin}");
    }
}
