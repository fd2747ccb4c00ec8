use super::*;

const APP: &str = "https://app.example";

fn shared(answer: &Answer) -> (Option<&str>, Option<&str>) {
    (
        answer.header("access-control-allow-origin"),
        answer.header("access-control-allow-credentials"),
    )
}

/// Attack C9: a page that is not on the list, by any disguise.
#[actix_web::test]
async fn an_answer_is_shared_with_the_listed_pages_alone() {
    let bench = Bench::new().await;
    for path in ["/api/auth/get-session", "/api/v1/me", "/api/auth/nothing"] {
        for origin in [
            "null",
            "https://app.example.evil",
            "https://evil-app.example",
            "https://app.example:444",
            "http://app.example",
            "https://app.example/x",
            "https://app.example@evil",
            "https://APP.example.",
            "*",
        ] {
            let answer = bench.get(path).with("origin", origin).send().await;
            assert_eq!(shared(&answer), (None, None), "{path} {origin}");
            assert_eq!(answer.header("vary"), Some("Origin"), "{path} {origin}");
        }
        let twice = bench.get(path).with("origin", APP).with("origin", APP).send().await;
        assert_eq!(shared(&twice), (None, None));

        let answer = bench.get(path).with("origin", APP).send().await;
        assert_eq!(shared(&answer), (Some(APP), Some("true")), "{path}");
        let shown = answer.header("access-control-expose-headers").unwrap();
        for name in ["set-auth-token", "set-auth-jwt", "Retry-After", "X-Retry-After", "Location"] {
            assert!(shown.split(", ").any(|it| it == name), "{name} of {shown}");
        }
        let nobody = bench.get(path).send().await;
        assert_eq!((shared(&nobody), nobody.header("vary")), ((None, None), Some("Origin")));
    }
}

#[actix_web::test]
async fn a_listed_page_may_ask_beforehand_and_then_sign_in_and_open_a_socket() {
    let bench = Bench::new().await;
    for path in ["/api/auth/sign-in/email", "/api/v1/live/ticket"] {
        let ask = async |origin: &str| {
            let call = bench.call(Method::OPTIONS, path).with("origin", origin);
            let call = call.with("access-control-request-method", "POST");
            call.with("access-control-request-headers", "content-type").send().await
        };

        let allowed = ask(APP).await;
        assert_eq!((allowed.status, allowed.text.as_str()), (204, ""));
        assert_eq!(shared(&allowed), (Some(APP), Some("true")));
        let methods = allowed.header("access-control-allow-methods").unwrap();
        assert!(methods.contains("POST"), "{methods}");
        let headers = allowed.header("access-control-allow-headers").unwrap();
        assert!(headers.contains("Authorization, Content-Type"), "{headers}");

        for foreign in ["https://app.example.evil", "null"] {
            let refused = ask(foreign).await;
            assert_eq!((refused.status, shared(&refused)), (403, (None, None)), "{foreign}");
            assert_eq!(refused.header("access-control-allow-methods"), None);
        }
    }
    bench.sign_up("ada@school.example").await;
    let body = json!({"email": "ada@school.example", "password": PASSWORD});
    let answer = bench.post("/api/auth/sign-in/email", &body).with("origin", APP).send().await;
    assert_eq!((answer.status, shared(&answer)), (200, (Some(APP), Some("true"))));

    let bearer = format!("Bearer {}", answer.header("set-auth-token").unwrap());
    let call = bench.post("/api/v1/live/ticket", &json!({})).with("origin", APP);
    let ticket = call.with("authorization", &bearer).send().await;
    assert_eq!((ticket.status, shared(&ticket)), (200, (Some(APP), Some("true"))));
    let ticket = ticket.json()["ticket"].as_str().unwrap().to_owned();
    assert!(bench.auth.redeem_ticket(&ticket, Some(PAGE)).await.is_err(), "it is the app's");
    assert!(bench.auth.redeem_ticket(&ticket, Some(APP)).await.is_ok());
}

/// Attack C9: what is public is for everybody, and nobody's cookie goes with it.
#[actix_web::test]
async fn public_documents_are_shared_with_everybody_without_cookies() {
    let bench = Bench::new().await;
    for path in [
        "/api/auth/jwks",
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
        "/api/auth/.well-known/openid-configuration",
    ] {
        for origin in ["https://evil.example", APP, "null"] {
            let answer = bench.get(path).with("origin", origin).send().await;
            assert_eq!(shared(&answer), (Some("*"), None), "{path} {origin}");
        }
    }
}

/// A page may ask beforehand, for its own headers, and for the head alone.
#[actix_web::test]
async fn public_documents_are_had_by_head_and_after_a_question() {
    let bench = Bench::new().await;
    for path in [
        "/api/auth/jwks",
        "/api/auth/.well-known/jwks.json",
        "/api/auth/.well-known/openid-configuration",
        "/api/auth/.well-known/oauth-authorization-server",
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/api/auth",
    ] {
        let asked = bench.call(Method::OPTIONS, path).with("origin", "https://evil.example");
        let asked = asked.with("access-control-request-method", "GET");
        let asked = asked.with("access-control-request-headers", "content-type").send().await;
        assert_eq!((asked.status, shared(&asked)), (204, (Some("*"), None)), "{path}");
        let methods = asked.header("access-control-allow-methods").unwrap();
        assert!(methods.contains("GET"), "{path}: {methods}");
        let whole = bench.get(path).send().await;
        let head = bench.call(Method::HEAD, path).send().await;
        assert_eq!((head.status, shared(&head)), (200, (Some("*"), None)), "{path}");
        for name in ["etag", "cache-control", "content-type"] {
            assert_eq!(head.header(name), whole.header(name), "{path} {name}");
        }
    }
}

/// A refusal must be readable too, with the time to come back.
#[actix_web::test]
async fn a_listed_page_reads_why_it_was_refused() {
    let bench = Bench::new().await;
    for _ in 0..5 {
        bench.sign_in("ada@school.example", "Wrong-Lamp-7 road").await;
    }
    let body = json!({"email": "ada@school.example", "password": PASSWORD});

    let answer = bench.post("/api/auth/sign-in/email", &body).with("origin", APP).send().await;

    assert_eq!((answer.status, shared(&answer)), (429, (Some(APP), Some("true"))));
    assert_eq!(answer.header("x-retry-after"), Some("1800"));
}
