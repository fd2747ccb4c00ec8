//! Codes for tokens.

use futures_util::future::join_all;

use super::*;
use crate::domain::clock::HOUR;

#[actix_web::test]
async fn a_code_becomes_tokens_that_say_who_signed_in_and_open_what_was_granted() {
    let world = World::new().await;

    let answer = world.tokens("openid email tutor offline_access").await;

    let body = answer.json();
    assert_eq!(
        (body["token_type"].as_str(), body["expires_in"].as_i64()),
        (Some("Bearer"), Some(21_600))
    );
    assert_eq!(body["expires_at"], world.now() + 21_600);
    assert_eq!(body["scope"], "openid email tutor offline_access");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    let access = claims(&answer.text_of("access_token"));
    assert_eq!(
        access["aud"],
        json!(["http://localhost:8080/api", format!("{ISSUER}/oauth2/userinfo")])
    );
    assert_eq!((&access["iss"], &access["sub"]), (&json!(ISSUER), &json!("ada")));
    assert_eq!((&access["client_id"], &access["role"]), (&json!("app"), &json!("student")));
    assert_eq!((&access["email_verified"], &access["acr"]), (&json!(true), &json!("1")));
    assert_eq!(access["auth_time"], world.now() - 5);
    assert!(access.get("act").is_none() && access.get("stage").is_none());
    let id = claims(&answer.text_of("id_token"));
    assert_eq!((&id["aud"], &id["azp"]), (&json!("app"), &json!("app")));
    assert_eq!((&id["nonce"], &id["sid"]), (&json!("the-nonce"), &json!(world.ada.session)));
    assert_eq!((&id["amr"], &id["acr"]), (&json!(["pwd"]), &json!("1")));
    assert_eq!(id["exp"].as_i64().unwrap() - id["iat"].as_i64().unwrap(), 3_600);
    assert!(id.get("email").is_none(), "what a scope tells is told at userinfo");
    assert_ne!(access["sid"], id["sid"], "a grant is a session of its own");
    assert_eq!(world.api(&answer.text_of("access_token")).await, 200);
    assert_eq!(world.userinfo(&answer.text_of("access_token")).await.status, 200);
}

#[actix_web::test]
async fn without_offline_access_there_is_no_refresh_token_and_it_ends_with_the_sign_in() {
    let world = World::new().await;
    let online = world.tokens("openid tutor").await;
    let offline = world.tokens("openid tutor offline_access").await;
    assert!(online.json().get("refresh_token").is_none());
    let (online, offline) = (online.text_of("access_token"), offline.text_of("access_token"));
    assert_eq!((world.api(&online).await, world.api(&offline).await), (200, 200));

    world.bench.auth.sign_out(&world.ada, &Device::default()).await.unwrap();

    assert_eq!((world.api(&online).await, world.api(&offline).await), (401, 200));
}

#[actix_web::test]
async fn a_client_that_may_not_refresh_gets_no_refresh_token() {
    let world = World::new().await;
    world.app("once", json!({"grant_types": ["authorization_code"]})).await;
    let granted = world.granted("openid offline_access");
    let code = world.code_for("once", &granted, |_| ());

    let answer = world.redeem(&code, &[("client_id", "once"), ("client_secret", SECRET)]).await;

    assert_eq!((answer.status, answer.text_of("scope").as_str()), (200, "openid"));
    assert!(answer.json().get("refresh_token").is_none());
}

/// Attack D3.
#[actix_web::test]
async fn a_code_without_its_verifier_or_a_verifier_without_a_challenge_is_refused() {
    let world = World::new().await;
    let code = world.code(&world.granted("openid"));
    let other = "b-verifier-of-at-least-forty-three-characters.";
    for verifier in ["", "short", other, &challenge(), &format!("{VERIFIER}%")] {
        let answer = world.redeem(&code, &[("code_verifier", verifier)]).await;
        assert_eq!(answer.refusal(), (400, "invalid_grant".to_owned()), "{verifier}");
    }
    assert_eq!(world.redeem(&code, &[]).await.status, 200);
    let plain = world.code_for("app", &world.granted("openid"), |code| code.challenge = None);
    assert_eq!(world.redeem(&plain, &[]).await.refusal().1, "invalid_grant");
    assert_eq!(world.redeem(&plain, &[("code_verifier", "")]).await.status, 200);
}

/// Attack D4. `oidcc-codereuse-30seconds`.
#[actix_web::test]
async fn a_code_is_good_once_for_a_minute_and_its_second_use_ends_what_it_became() {
    let world = World::new().await;
    let code = world.code(&world.granted("openid tutor offline_access"));
    let first = world.redeem(&code, &[]).await;
    let (access, refresh) = (first.text_of("access_token"), first.text_of("refresh_token"));
    assert_eq!(world.api(&access).await, 200);

    world.bench.clock.advance(30 * SECOND);
    assert_eq!(world.redeem(&code, &[]).await.refusal(), (400, "invalid_grant".to_owned()));

    assert_eq!(world.api(&access).await, 401);
    assert_eq!(world.userinfo(&access).await.status, 401);
    assert_eq!(world.refresh(&refresh, &[]).await.refusal().1, "invalid_grant");
    let events = world.bench.store.newest_auth_events(1).await.unwrap();
    assert_eq!(events[0].kind, "token_reused");

    let late = world.code(&world.granted("openid"));
    world.bench.clock.advance(60 * SECOND);
    assert_eq!(world.redeem(&late, &[]).await.refusal().1, "invalid_grant");
}

/// Attack D4: a race.
#[actix_web::test]
async fn of_twelve_that_redeem_a_code_at_once_one_wins_and_none_fails() {
    let world = World::new().await;
    for _ in 0..3 {
        let code = world.code(&world.granted("openid tutor offline_access"));
        let answers = join_all((0..12).map(|_| world.redeem(&code, &[]))).await;

        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1);
        let lost = answers.iter().filter(|answer| answer.status != 200);
        for answer in lost {
            assert_eq!(answer.refusal(), (400, "invalid_grant".to_owned()));
        }
        assert_eq!(world.api(&won[0].text_of("access_token")).await, 401, "it was used twice");
    }
}

/// Attack D4: another client, another `redirect_uri`. Neither uses the code up.
#[actix_web::test]
async fn a_code_is_its_clients_and_for_the_place_it_was_sent_to() {
    let world = World::new().await;
    world.app("other", json!({})).await;
    let code = world.code(&world.granted("openid tutor"));

    let theirs = world.redeem(&code, &[("client_id", "other"), ("client_secret", SECRET)]).await;
    assert_eq!(theirs.refusal(), (400, "invalid_grant".to_owned()));
    for place in ["https://app.example/cb/", "https://app.example/CB", "https://evil.example/cb"] {
        let answer = world.redeem(&code, &[("redirect_uri", place)]).await;
        assert_eq!(answer.refusal().1, "invalid_grant", "{place}");
    }
    assert_eq!(world.redeem(&code, &[("redirect_uri", "")]).await.refusal().1, "invalid_request");

    let own = world.redeem(&code, &[]).await;
    assert_eq!(own.status, 200);
    let again = world.redeem(&code, &[("client_id", "other"), ("client_secret", SECRET)]).await;
    assert_eq!(again.status, 400);
    assert_eq!(world.api(&own.text_of("access_token")).await, 200, "a stranger ends nothing");
}

/// Attack D10.
#[actix_web::test]
async fn there_is_no_password_grant_no_implicit_one_and_none_for_whom_it_is_not_registered() {
    let world = World::new().await;
    for kind in ["password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer"] {
        let form = [("grant_type", kind), ("username", "ada"), ("password", "x")];
        let answer = world.form(TOKEN, &form, &[]).await;
        assert_eq!(answer.refusal(), (400, "unsupported_grant_type".to_owned()), "{kind}");
    }
    let without = world.form(TOKEN, &[("code", "x")], &[]).await;
    assert_eq!(without.refusal(), (400, "invalid_request".to_owned()));
    let body = json!({"grant_type": "password"}).to_string().into_bytes();
    let kind = ("content-type", "application/json");
    assert_eq!(world.send(Method::POST, TOKEN, &[kind], body).await.status, 415);

    world.app("machine", json!({"grant_types": ["client_credentials"]})).await;
    let granted = world.granted("openid");
    let code = world.code_for("machine", &granted, |_| ());
    let who = [("client_id", "machine"), ("client_secret", SECRET)];
    let answer = world.redeem(&code, &who).await;
    assert_eq!(answer.refusal(), (400, "unauthorized_client".to_owned()));
}

/// Attack D11.
#[actix_web::test]
async fn a_client_proves_itself_in_one_way_before_its_code_is_looked_at() {
    let world = World::new().await;
    world.app("spa", json!({"token_endpoint_auth_method": "none"})).await;
    let code = world.code(&world.granted("openid"));
    let basic = |text: &str| {
        use base64::engine::general_purpose::STANDARD;
        format!("Basic {}", STANDARD.encode(text))
    };
    for who in [
        [("client_id", "app"), ("client_secret", "wrong")],
        [("client_id", "app"), ("client_secret", "")],
        [("client_id", "nobody"), ("client_secret", SECRET)],
        [("client_id", "spa"), ("client_secret", SECRET)],
    ] {
        let answer = world.redeem(&code, &who).await;
        assert_eq!(answer.refusal(), (401, "invalid_client".to_owned()), "{who:?}");
        assert_eq!(answer.header("www-authenticate"), None, "nobody tried by the header");
    }
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    let right = basic(&format!("app:{SECRET}"));
    let both = [&form[..], &[("client_id", "app"), ("client_secret", SECRET)]].concat();
    let answer = world.form(TOKEN, &both, &[("authorization", &right)]).await;
    assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));
    let wrong = basic("app:wrong");
    let answer = world.form(TOKEN, &form, &[("authorization", &wrong)]).await;
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").unwrap().starts_with("Basic"));
    let other = [&form[..], &[("client_id", "spa")]].concat();
    let answer = world.form(TOKEN, &other, &[("authorization", &right)]).await;
    assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));

    assert_eq!(world.form(TOKEN, &form, &[("authorization", &right)]).await.status, 200);
}

#[actix_web::test]
async fn a_public_client_redeems_by_its_verifier_alone() {
    let world = World::new().await;
    world.app("spa", json!({"token_endpoint_auth_method": "none"})).await;
    let code = world.code_for("spa", &world.granted("openid"), |_| ());

    assert_eq!(world.redeem(&code, &[("client_id", "spa")]).await.status, 200);
}

/// Attack C10: an admin who acts as somebody lets no app act as her.
#[actix_web::test]
async fn whose_sign_in_is_over_or_is_not_her_own_gets_no_tokens() {
    let world = World::new().await;
    let (mut acting, _) = world.bench.auth.new_session(&world.ada.user.id, true, Device::default());
    acting.impersonated_by = Some("root".to_owned());
    let event = world.bench.auth.event(AuthEventKind::SignIn, &Device::default());
    world.bench.store.insert_session(acting.clone(), event).await.unwrap();
    let granted = world.granted("openid");
    let code = world.code_for("app", &granted, |code| code.browser_sid = acting.id.clone());
    assert_eq!(world.redeem(&code, &[]).await.refusal().1, "invalid_grant");

    let code = world.code(&granted);
    world.bench.auth.sign_out(&world.ada, &Device::default()).await.unwrap();
    assert_eq!(world.redeem(&code, &[]).await.refusal().1, "invalid_grant");
}

#[actix_web::test]
async fn an_app_that_is_bound_to_a_course_is_told_the_stage() {
    use crate::{
        domain::{ids::CourseId, stage::Stage},
        store::sample::course,
    };
    let world = World::new().await;
    let store = &world.bench.store;
    store.save_course(course("c", &["a", "b", "d"]), world.bench.clock.now()).await.unwrap();
    world.app("bound", json!({"course": "c"})).await;
    let stage = async || {
        let granted = world.granted("openid tutor");
        let code = world.code_for("bound", &granted, |_| ());
        let who = [("client_id", "bound"), ("client_secret", SECRET)];
        world.redeem(&code, &who).await.text_of("access_token")
    };
    let early = stage().await;
    assert_eq!(claims(&early)["stage"], 1);

    let (ada, id) = (&world.ada.user.id, CourseId::new("c"));
    store.unlock(ada, &id, Stage::new(2).unwrap(), world.bench.clock.now()).await.unwrap();

    assert_eq!(claims(&stage().await)["stage"], 2);
    assert_eq!(world.userinfo(&early).await.json()["stage"], 2, "as it is now");
}

#[actix_web::test]
async fn a_token_may_be_for_less_than_was_granted_and_never_for_more() {
    let world = World::new().await;
    let mut granted = world.granted("openid tutor");
    granted.resources = vec!["https://library.example/api".to_owned()];
    let code = world.code(&granted);
    let foreign = world.redeem(&code, &[("resource", "https://evil.example")]).await;
    assert_eq!(foreign.refusal(), (400, "invalid_target".to_owned()));

    let narrow = world.redeem(&code, &[("resource", "https://library.example/api")]).await;

    let token = narrow.text_of("access_token");
    let userinfo = format!("{ISSUER}/oauth2/userinfo");
    assert_eq!(claims(&token)["aud"], json!(["https://library.example/api", userinfo]));
    assert_eq!(world.api(&token).await, 401, "it is not for the tutor's API");
}

#[actix_web::test]
async fn an_app_has_tokens_in_its_own_name_only_as_the_operator_said() {
    let world = World::new().await;
    let kinds = json!(["client_credentials"]);
    let may = json!({"grant_types": kinds, "client_credentials_scopes": "tutor books"});
    world.app("machine", may).await;
    world.app("none", json!({"grant_types": kinds})).await;
    let ask = async |id: &str, more: &[(&str, &str)]| {
        let base =
            [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", SECRET)];
        world.form(TOKEN, &merged(&base, more), &[]).await
    };
    for id in ["app", "none"] {
        assert_eq!(ask(id, &[]).await.refusal(), (400, "unauthorized_client".to_owned()), "{id}");
    }
    let wide = ask("machine", &[("scope", "books admin")]).await;
    assert_eq!(wide.refusal(), (400, "invalid_scope".to_owned()));
    let other = ask("machine", &[("resource", "https://evil.example")]).await;
    assert_eq!(other.refusal(), (400, "invalid_target".to_owned()));

    let place = ("resource", "https://library.example/api");
    let answer = ask("machine", &[("scope", "books"), place]).await;

    let token = answer.text_of("access_token");
    let said = claims(&token);
    assert_eq!((&said["sub"], &said["scope"]), (&json!("machine"), &json!("books")));
    assert!(said.get("sid").is_none() && answer.json().get("refresh_token").is_none());
    assert_eq!(said["aud"], json!(["https://library.example/api"]));
    assert_eq!((world.api(&token).await, world.userinfo(&token).await.status), (401, 403));
    assert_eq!(world.introspect(&token, "machine").await["active"], true);
    let form = [("token", token.as_str()), ("client_id", "machine"), ("client_secret", SECRET)];
    assert_eq!(world.form(REVOKE, &form, &[]).await.status, 200);
    assert_eq!(world.introspect(&token, "machine").await, json!({"active": false}));
}

#[actix_web::test]
async fn a_grant_outside_of_a_code_begins_for_the_person_of_the_sign_in_alone() {
    use crate::auth::oidc::issue::Recipient;
    let world = World::new().await;
    let app = world.bench.auth.client("app").await.unwrap().unwrap();
    let to = Recipient {
        user: world.ada.user.id.clone(),
        browser_sid: world.ada.session.clone(),
        granted: world.granted("openid tutor"),
    };
    let other = Recipient { user: crate::domain::ids::UserId::new("eve"), ..to.clone() };
    assert!(world.bench.auth.issue(&app, other, &Device::default()).await.is_err());

    let tokens = world.bench.auth.issue(&app, to, &Device::default()).await.unwrap();

    assert_eq!(world.api(&tokens.access_token).await, 200);
    world.bench.clock.advance(6 * HOUR);
    assert_eq!(world.api(&tokens.access_token).await, 401);
}
