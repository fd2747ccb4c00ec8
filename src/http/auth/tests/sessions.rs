use super::*;

async fn two_sessions(bench: &Bench) -> (String, String) {
    let first = bench.sign_up("ada@school.example").await.cookie();
    let second = bench.sign_in("ada@school.example", PASSWORD).await.cookie();
    (first, second)
}

async fn alive(bench: &Bench, cookie: &str) -> bool {
    let me = bench.get("/api/auth/get-session").with("cookie", cookie).send().await;
    assert_eq!(me.status, 200);
    me.json()["user"].is_object()
}

#[actix_web::test]
async fn get_session_shows_session_and_user_and_is_never_stored() {
    let bench = Bench::new().await;
    let answer = bench.sign_up("ada@school.example").await;

    let me = bench.get("/api/auth/get-session").with("cookie", &answer.cookie()).send().await;

    assert_eq!(me.header("cache-control"), Some("no-store"));
    assert_eq!(me.header("pragma"), Some("no-cache"));
    let body = me.json();
    assert_eq!(body["session"]["token"], answer.json()["token"]);
    assert_eq!(body["session"]["userId"], body["user"]["id"]);
    assert_eq!(body["session"]["ipAddress"], "192.0.2.7");
    assert_eq!(body["session"]["createdAt"], "2026-11-23T02:13:20.000Z");
    assert_eq!(body["session"]["expiresAt"], "2026-11-30T02:13:20.000Z");
    let keys = |value: &Value| value.as_object().unwrap().len();
    assert_eq!((keys(&body["session"]), keys(&body["user"])), (9, 12));
}

#[actix_web::test]
async fn nobody_is_null_and_a_bad_signature_clears_nothing() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up("ada@school.example").await.cookie();
    let forged = cookie.replace("%3D", "A%3D");
    for cookie in ["x=y", forged.as_str()] {
        let me = bench.get("/api/auth/get-session").with("cookie", cookie).send().await;
        assert_eq!((me.status, me.text.as_str()), (200, "null"));
        assert!(me.cookies().is_empty());
    }
    let deferred = bench.post("/api/auth/get-session", &json!({})).send().await;
    assert_eq!(deferred.status, 405);
    assert_eq!(deferred.code(), "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED");
}

/// Who is signed in stays so while nobody can be asked.
#[actix_web::test]
async fn a_store_that_fails_clears_no_cookie() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up("ada@school.example").await.cookie();
    bench.store.lose_sessions().await;

    let me = bench.get("/api/auth/get-session").with("cookie", &cookie).send().await;

    assert!(me.status >= 500, "{}", me.status);
    assert!(me.cookies().is_empty());
}

/// Attack C11, on the node that did it, before its answer is read.
#[actix_web::test]
async fn what_a_call_has_changed_is_in_nobodys_memory_when_it_answers() {
    let bench = Bench::new().await;
    let (first, second) = two_sessions(&bench).await;
    bench.auth.heard(&[], 0, bench.auth.now());
    let name = async |cookie: &str| {
        let me = bench.get("/api/auth/get-session").with("cookie", cookie).send().await;
        me.json()["user"]["name"].clone()
    };
    assert_eq!((name(&first).await, name(&second).await), (json!("Ada"), json!("Ada")));

    let rename = bench.post("/api/auth/update-user", &json!({"name": "Ada L."}));
    rename.by_page(&first).send().await;
    assert_eq!((name(&first).await, name(&second).await), (json!("Ada L."), json!("Ada L.")));
    bench.post("/api/auth/revoke-other-sessions", &json!({})).by_page(&first).send().await;
    assert!(alive(&bench, &first).await && !alive(&bench, &second).await);
}

#[actix_web::test]
async fn a_session_in_use_slides_on_and_an_unused_one_ends() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up("ada@school.example").await.cookie();
    let ask = async || bench.get("/api/auth/get-session").with("cookie", &cookie).send().await;

    bench.clock.advance(DAY - 1);
    assert!(ask().await.cookies().is_empty());
    bench.clock.advance(1);
    let renewed = ask().await;
    assert_eq!(renewed.cookie(), cookie);
    assert_eq!(renewed.json()["session"]["expiresAt"], "2026-12-01T02:13:20.000Z");
    bench.clock.advance(7 * DAY - 1);
    assert!(alive(&bench, &cookie).await);
    bench.clock.advance(7 * DAY);
    assert!(!alive(&bench, &cookie).await);
}

#[actix_web::test]
async fn sign_out_ends_the_session_and_clears_its_cookies() {
    let bench = Bench::new().await;
    let (first, second) = two_sessions(&bench).await;

    let foreign = bench.post("/api/auth/sign-out", &json!({})).with("cookie", &first).send().await;
    assert_eq!((foreign.status, foreign.code().as_str()), (403, "MISSING_OR_NULL_ORIGIN"));
    assert!(alive(&bench, &first).await);

    let out = bench.post("/api/auth/sign-out", &json!({})).by_page(&first).send().await;
    assert_eq!(out.json(), json!({"success": true}));
    assert_eq!(out.cookies().len(), 4);
    assert!(!alive(&bench, &first).await);
    assert!(alive(&bench, &second).await);
    let again = bench.post("/api/auth/sign-out", &json!({})).send().await;
    assert_eq!((again.status, again.json()), (200, json!({"success": true})));
}

#[actix_web::test]
async fn the_list_holds_handles_that_revoke_and_sign_nobody_in() {
    let bench = Bench::new().await;
    let (first, second) = two_sessions(&bench).await;

    let list = bench.get("/api/auth/list-sessions").with("cookie", &second).send().await;
    let list = list.json();
    let current = bench.get("/api/auth/get-session").with("cookie", &second).send().await.json();
    let other = list.as_array().unwrap().iter().find(|it| it["id"] != current["session"]["id"]);
    let handle = other.unwrap()["token"].as_str().unwrap();
    assert_eq!(list.as_array().unwrap().len(), 2);

    let bearer = format!("Bearer {handle}");
    let me = bench.get("/api/auth/get-session").with("authorization", &bearer).send().await;
    assert_eq!(me.json(), Value::Null);

    let revoke = bench.post("/api/auth/revoke-session", &json!({"token": handle})).by_page(&second);
    assert_eq!(revoke.send().await.json(), json!({"status": true}));
    assert!(!alive(&bench, &first).await);
    assert!(alive(&bench, &second).await);
}

#[actix_web::test]
async fn somebody_elses_session_is_silently_left_alone() {
    let bench = Bench::new().await;
    let ada = bench.sign_up("ada@school.example").await;
    let eve = bench.sign_up("eve@school.example").await.cookie();
    let id = bench.get("/api/auth/get-session").with("cookie", &ada.cookie()).send().await.json()
        ["session"]["id"]
        .clone();
    for name in [ada.json()["token"].clone(), id, json!("unknown")] {
        let call = bench.post("/api/auth/revoke-session", &json!({"token": name}));
        assert_eq!(call.by_page(&eve).send().await.json(), json!({"status": true}));
    }
    assert!(alive(&bench, &ada.cookie()).await);
}

/// Attack C11.
#[actix_web::test]
async fn all_other_sessions_or_all_sessions_end_at_once() {
    let bench = Bench::new().await;
    let (first, second) = two_sessions(&bench).await;

    let call = bench.post("/api/auth/revoke-other-sessions", &json!({})).by_page(&first);
    assert_eq!(call.send().await.json(), json!({"status": true}));
    assert!(alive(&bench, &first).await && !alive(&bench, &second).await);

    let all = bench.post("/api/auth/revoke-sessions", &json!({})).by_page(&first).send().await;
    assert_eq!((all.json(), all.cookies().len()), (json!({"status": true}), 4));
    assert!(!alive(&bench, &first).await);
    let kinds: Vec<_> =
        bench.store.changes_after(0).await.unwrap().into_iter().map(|it| it.kind).collect();
    assert!(kinds.ends_with(&["session".to_owned(), "user_sessions".to_owned()]), "{kinds:?}");
}

#[actix_web::test]
async fn every_call_that_needs_a_session_says_unauthorized_without_one() {
    let bench = Bench::new().await;
    let ada = bench.signed_in("ada", Role::Student).await;
    let access = format!("Bearer {}", bench.auth.issue_access_token(&ada).unwrap());
    for path in ["list-sessions", "token"] {
        for call in [
            bench.get(&format!("/api/auth/{path}")),
            // An access token is for the chat; it manages no account.
            bench.get(&format!("/api/auth/{path}")).with("authorization", &access),
        ] {
            let answer = call.send().await;
            assert_eq!(answer.status, 401, "{path}");
            assert_eq!(answer.json(), json!({"message": "Unauthorized", "code": "UNAUTHORIZED"}));
        }
    }
    for path in ["revoke-session", "revoke-sessions", "revoke-other-sessions"] {
        let answer = bench.post(&format!("/api/auth/{path}"), &json!({"token": "x"})).send().await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "UNAUTHORIZED"), "{path}");
    }
}

#[actix_web::test]
async fn the_token_call_gives_what_the_published_keys_check() {
    let bench = Bench::new().await;
    let cookie = bench.sign_up("ada@school.example").await.cookie();

    let token = bench.get("/api/auth/token").with("cookie", &cookie).send().await;
    let token = token.json()["token"].as_str().unwrap().to_owned();

    let set = bench.get("/.well-known/jwks.json").send().await;
    assert_eq!(set.header("access-control-allow-origin"), Some("*"));
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&set.text).unwrap();
    let header = jsonwebtoken::decode_header(&token).unwrap();
    let key = set.find(&header.kid.unwrap()).unwrap();
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    rules.set_audience(&["http://localhost:8080/api"]);
    rules.set_issuer(&["http://localhost:8080/api/auth"]);
    rules.validate_exp = false;
    let key = jsonwebtoken::DecodingKey::from_jwk(key).unwrap();
    let claims = jsonwebtoken::decode::<Value>(&token, &key, &rules).unwrap().claims;
    assert_eq!(claims["role"], "student");
}

#[actix_web::test]
async fn every_copy_of_the_keys_is_the_same() {
    let bench = Bench::new().await;
    let keys: Vec<String> = futures_util::future::join_all(
        ["/api/auth/jwks", "/.well-known/jwks.json", "/api/auth/.well-known/jwks.json"]
            .map(|path| bench.get(path).send()),
    )
    .await
    .into_iter()
    .map(|answer| answer.text)
    .collect();
    assert!(keys.iter().all(|text| *text == keys[0] && text.contains("\"kid\"")));
}

#[actix_web::test]
async fn an_unknown_path_or_method_is_an_empty_404() {
    let bench = Bench::new().await;
    for (method, path) in [
        (Method::GET, "/api/auth/nothing"),
        (Method::GET, "/api/auth/sign-in/email"),
        (Method::DELETE, "/api/auth/list-sessions"),
        (Method::GET, "/api/auth//ok"),
        (Method::GET, "/api/auth/OK"),
    ] {
        let answer = bench.call(method, path).send().await;
        assert_eq!((answer.status, answer.text.as_str()), (404, ""), "{path}");
        assert_eq!(answer.header("content-type"), None, "{path}");
    }
    assert_eq!(bench.get("/api/auth/ok").send().await.json(), json!({"ok": true}));
    let api = bench.get("/api/v1/nothing").send().await;
    assert_eq!((api.status, &api.json()["error"]["code"]), (404, &json!("not_found")));
}
