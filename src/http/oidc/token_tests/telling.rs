//! Userinfo and introspection: what is told, and to whom.

use jsonwebtoken::Header;

use super::*;

#[actix_web::test]
async fn userinfo_tells_what_the_scopes_say_by_each_way_a_token_may_come() {
    let world = World::new().await;
    let token = world.tokens("openid profile email").await.text_of("access_token");

    let told = world.userinfo(&token).await;

    assert_eq!(told.header("cache-control"), Some("no-store"));
    let told = told.json();
    assert_eq!(
        (&told["sub"], &told["name"], &told["role"]),
        (&json!("ada"), &json!("ada"), &json!("student"))
    );
    assert_eq!(told["email_verified"], true);
    assert!(told["email"].is_string() && told["updated_at"].is_number());
    let (empty, bearer) = (Vec::new(), format!("Bearer {token}"));
    let header = [("authorization", bearer.as_str())];
    assert_eq!(world.send(Method::POST, USERINFO, &header, empty).await.json(), told);
    let form = [("access_token", token.as_str()), ("client_id", "x")];
    assert_eq!(world.form(USERINFO, &form, &[]).await.json(), told);
    let both = world.form(USERINFO, &form, &header).await;
    assert_eq!(both.refusal(), (400, "invalid_request".to_owned()));

    let least = world.tokens("openid").await.text_of("access_token");
    assert_eq!(world.userinfo(&least).await.json(), json!({"sub": "ada"}));
}

/// RFC 6750 §3.1.
#[actix_web::test]
async fn who_shows_no_token_or_a_wrong_one_is_told_so_in_the_challenge() {
    let world = World::new().await;
    let none = world.get(USERINFO, &[]).await;
    assert_eq!((none.status, none.header("www-authenticate")), (401, Some("Bearer")));
    let wrong = world.userinfo("a.b.c").await;
    assert_eq!(wrong.refusal(), (401, "invalid_token".to_owned()));
    let challenge = wrong.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer error=\"invalid_token\""), "{challenge}");
    let without = world.tokens("tutor").await;
    assert!(without.json().get("id_token").is_none());
    let answer = world.userinfo(&without.text_of("access_token")).await;
    assert_eq!(answer.refusal(), (403, "insufficient_scope".to_owned()));
}

/// `oidcc-claims-essential`.
#[actix_web::test]
async fn claims_asked_for_by_name_stand_where_they_were_asked_for() {
    let world = World::new().await;
    let mut granted = world.granted("openid");
    granted.claims = Some(json!({
        "userinfo": {"name": {"essential": true}},
        "id_token": {"email": null, "sub": null, "unknown": null},
    }));
    let code = world.code(&granted);

    let answer = world.redeem(&code, &[]).await;

    let id = claims(&answer.text_of("id_token"));
    assert!(id["email"].is_string() && id.get("name").is_none() && id.get("unknown").is_none());
    let told = world.userinfo(&answer.text_of("access_token")).await.json();
    assert_eq!(told, json!({"sub": "ada", "name": "ada"}));
}

/// Attacks D15 and D16: what is no access token of ours opens nothing here or at the API.
#[actix_web::test]
async fn only_an_access_token_of_ours_opens_something() {
    let world = World::new().await;
    let answer = world.tokens("openid tutor offline_access").await;
    let access = answer.text_of("access_token");
    let said = claims(&access);
    let auth = &world.bench.auth;
    let sign = |typ: &str, change: &dyn Fn(&mut Value)| {
        let mut claims = said.clone();
        change(&mut claims);
        auth.sign(crate::domain::oidc::alg::SigningAlg::Rs256, Some(typ), &claims).unwrap()
    };
    let mut shared = Header::new(jsonwebtoken::Algorithm::HS256);
    shared.typ = Some("at+jwt".to_owned());
    let public = jsonwebtoken::EncodingKey::from_secret(&auth.jwks());
    let none = URL_SAFE_NO_PAD.encode(json!({"alg": "none", "typ": "at+jwt"}).to_string());
    let body = access.split('.').nth(1).unwrap();
    for (name, token) in [
        ("an ID token", answer.text_of("id_token")),
        ("a refresh token", answer.text_of("refresh_token")),
        ("a logout token", sign("logout+jwt", &|_| ())),
        ("none", format!("{none}.{body}.")),
        ("HS256", jsonwebtoken::encode(&shared, &said, &public).unwrap()),
        ("another client's", sign("at+jwt", &|c| c["client_id"] = json!("other"))),
        ("a first-party one", sign("at+jwt", &|c| c["client_id"] = json!("intellistack"))),
        ("another audience", sign("at+jwt", &|c| c["aud"] = json!(["https://library.example"]))),
        ("no session", sign("at+jwt", &|c| drop(c.as_object_mut().unwrap().remove("sid")))),
        ("expired", sign("at+jwt", &|c| c["exp"] = json!(c["iat"].as_i64().unwrap() - 10))),
        ("deep", format!("{none}.{}.x", URL_SAFE_NO_PAD.encode("[".repeat(5_000)))),
        ("huge", "A".repeat(60_000)),
    ] {
        assert_eq!(world.userinfo(&token).await.status, 401, "{name}");
        assert_eq!(world.api(&token).await, 401, "{name}");
    }
    assert_eq!(world.api(&sign("at+jwt", &|_| ())).await, 200);
}

/// Attack D24.
#[actix_web::test]
async fn an_app_learns_of_its_own_tokens_and_an_api_of_those_that_are_for_it() {
    let world = World::new().await;
    world.app("other", json!({})).await;
    world.app("library", json!({"resource": "https://library.example/api"})).await;
    world.app("spa", json!({"token_endpoint_auth_method": "none"})).await;
    let mut granted = world.granted("openid tutor offline_access");
    granted.resources = vec!["https://library.example/api".to_owned()];
    let code = world.code(&granted);
    let answer = world.redeem(&code, &[]).await;
    let (access, refresh) = (answer.text_of("access_token"), answer.text_of("refresh_token"));

    let own = world.introspect(&access, "app").await;
    for (name, value) in [
        ("active", json!(true)),
        ("iss", json!(ISSUER)),
        ("client_id", json!("app")),
        ("azp", json!("app")),
        ("sub", json!("ada")),
        ("scope", json!("openid tutor offline_access")),
        ("token_type", json!("Bearer")),
    ] {
        assert_eq!(own[name], value, "{name}");
    }
    assert!(own["exp"].is_number() && own["iat"].is_number() && own["sid"].is_string());
    assert_eq!(world.introspect(&refresh, "app").await["active"], true);
    assert_eq!(world.introspect(&access, "library").await["active"], true);
    let nothing = json!({"active": false});
    for (token, who) in [
        (access.as_str(), "other"),
        (&refresh, "other"),
        (&refresh, "library"),
        ("unknown", "app"),
        (&answer.text_of("id_token"), "app"),
    ] {
        assert_eq!(world.introspect(token, who).await, nothing, "{who}");
    }
    let form = [("token", access.as_str()), ("client_id", "spa")];
    assert_eq!(world.form(INTROSPECT, &form, &[]).await.refusal().1, "invalid_client");

    world.refresh(&refresh, &[]).await;
    assert_eq!(world.introspect(&refresh, "app").await, nothing, "it was used");
    world.form(REVOKE, &[("token", &access)], &[]).await;
    for who in ["app", "library"] {
        assert_eq!(world.introspect(&access, who).await, nothing, "{who}");
    }
}
