//! Better-Auth's calls: pages of somebody's own, and what a person has agreed to.

use super::*;
use crate::{domain::clock::Millis, store::sessions::tests::row as session_row};

/// The signed query of the page that an authorization leads to.
async fn oauth_query(bench: &Bench, ask: &Ask, cookie: &str) -> String {
    let page = bench.open(ask, cookie).await.leads_to();
    let query = page.split_once('?').unwrap().1.to_owned();
    // As Better-Auth's client does it: what `ba_param` names, and `sig`.
    let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let named = |name: &str| {
        name == "sig" || pairs.iter().any(|(own, value)| own == "ba_param" && value == name)
    };
    let kept = pairs.iter().filter(|(name, _)| named(name));
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish()
}

async fn call(bench: &Bench, path: &str, body: &Value, cookie: &str) -> Answer {
    bench.clock.advance(1);
    bench.post(&format!("/api/auth{path}"), body).by_page(cookie).send().await
}

/// Where a script is told to go.
fn url_of(answer: &Answer) -> String {
    assert_eq!((answer.status, &answer.json()["redirect"]), (200, &json!(true)), "{}", answer.text);
    answer.json()["url"].as_str().unwrap().to_owned()
}

fn path_of(url: &str) -> &str {
    url.strip_prefix("http://localhost:8080").unwrap()
}

#[actix_web::test]
async fn a_sign_in_by_another_page_goes_on_with_the_apps_request() {
    let bench = Bench::new().await;
    bench.own_app().await;
    bench.ada().await;
    let query = oauth_query(&bench, &Ask::of("own"), "").await;

    let body = json!({ "email": ADA, "password": PASSWORD, "oauth_query": query });
    let answer = bench.post("/api/auth/sign-in/email", &body).send().await;
    let told = bench.visit(path_of(&url_of(&answer)), &answer.cookie()).await.told(BACK);
    assert!(told.contains_key("code"));

    let query = oauth_query(&bench, &Ask::of("own"), "").await;
    let body = json!({
        "name": "Bob", "email": "bob@school.example", "password": PASSWORD, "oauth_query": query,
    });
    let answer = bench.post("/api/auth/sign-up/email", &body).send().await;
    assert!(
        bench
            .visit(path_of(&url_of(&answer)), &answer.cookie())
            .await
            .told(BACK)
            .contains_key("code")
    );

    let tampered = query.replace("client_id=own", "client_id=other");
    let body = json!({ "email": ADA, "password": PASSWORD, "oauth_query": tampered });
    let answer = bench.post("/api/auth/sign-in/email", &body).send().await;
    assert_eq!((answer.code().as_str(), answer.cookies().len()), ("INVALID_SIGNATURE", 0));
}

#[actix_web::test]
async fn a_page_of_somebodys_own_agrees_declines_and_goes_on() {
    let bench = Bench::new().await;
    bench.app("shop", json!({})).await;
    let cookie = bench.ada().await;
    let consent = "/oauth2/consent";
    let query = oauth_query(&bench, &Ask::of("shop"), &cookie).await;

    let missing = call(&bench, consent, &json!({ "accept": true }), &cookie).await;
    assert_eq!((missing.status, &missing.json()["error"]), (400, &json!("invalid_request")));
    let tampered = json!({ "accept": true, "oauth_query": format!("{query}x") });
    let tampered = call(&bench, consent, &tampered, &cookie).await;
    assert_eq!((tampered.status, &tampered.json()["error"]), (400, &json!("invalid_signature")));
    let wider = json!({ "accept": true, "oauth_query": query, "scope": "openid tutor" });
    assert_eq!(call(&bench, consent, &wider, &cookie).await.json()["error"], "invalid_scope");

    let less = json!({ "accept": true, "oauth_query": query, "scope": "openid" });
    let url = url_of(&call(&bench, consent, &less, &cookie).await);
    assert!(url.starts_with(BACK), "{url}");
    let told = url::Url::parse(&url).unwrap().query_pairs().into_owned().collect();
    assert_eq!(bench.code_in("shop", &told).granted.scopes.to_string(), "openid");
    let query = oauth_query(&bench, &Ask::of("shop"), &cookie).await;
    let no = json!({ "accept": false, "oauth_query": query });
    let url = url_of(&call(&bench, consent, &no, &cookie).await);
    assert!(url.starts_with(BACK) && url.contains("error=access_denied"), "{url}");

    let ask = Ask::of("shop").with("scope", "openid").with("prompt", "select_account");
    let query = oauth_query(&bench, &ask, &cookie).await;
    let chosen = json!({ "selected": true, "oauth_query": query });
    let url = url_of(&call(&bench, "/oauth2/continue", &chosen, &cookie).await);
    assert!(bench.visit(path_of(&url), &cookie).await.told(BACK).contains_key("code"));
}

#[actix_web::test]
async fn a_consent_is_its_persons_and_ends_what_it_allowed() {
    let bench = Bench::new().await;
    bench.app("shop", json!({})).await;
    let cookie = bench.ada().await;
    let bob = bench.sign_up("bob@school.example").await.cookie();
    let page = bench.open(&Ask::of("shop"), &cookie).await.leads_to();
    let page = bench.visit(&page, &cookie).await;
    let told = bench.agree(&page, "accept", &cookie).await.told(BACK);
    assert_eq!(bench.code_in("shop", &told).agreed.unwrap().to_string(), "openid email");
    let list = async |cookie: &str| {
        let call = bench.get("/api/auth/oauth2/get-consents").with("cookie", cookie);
        call.send().await.json()
    };
    let mine = list(&cookie).await;
    assert_eq!(
        (&mine[0]["clientId"], &mine[0]["clientName"]),
        (&json!("shop"), &json!("The shop app"))
    );
    assert_eq!(mine[0]["scopes"], json!(["openid", "email"]));
    assert_eq!(list(&bob).await, json!([]));
    let user = bench.store.user_by_email(ADA).await.unwrap().id;
    let id = mine[0]["id"].clone();
    let grant = async |name: &str| {
        let mut grant = session_row(name, user.as_str());
        grant.client_id = Some(ClientId::new("shop"));
        grant.expires_at = i64::MAX;
        bench.store.insert_session(grant, event(name, AuthEventKind::SignIn, 1)).await.unwrap();
    };
    let sessions = async || bench.store.sessions_of(&user, Millis(1)).await.unwrap().len();
    grant("first").await;

    for path in ["/oauth2/delete-consent", "/oauth2/update-consent"] {
        let body = if path.ends_with("delete-consent") {
            json!({ "id": id })
        } else {
            json!({ "id": id, "update": { "scopes": ["openid"] } })
        };
        assert_eq!(call(&bench, path, &body, &bob).await.code(), "CONSENT_NOT_FOUND");
        assert_eq!(bench.post(&format!("/api/auth{path}"), &body).send().await.status, 401);
    }
    let wider = json!({ "id": id, "update": { "scopes": ["openid", "tutor"] } });
    assert_eq!(
        call(&bench, "/oauth2/update-consent", &wider, &cookie).await.code(),
        "CONSENT_TOO_WIDE"
    );
    assert_eq!(sessions().await, 2);
    let less = json!({ "id": id, "update": { "scopes": ["openid"] } });
    let less = call(&bench, "/oauth2/update-consent", &less, &cookie).await;
    assert_eq!((less.status, &less.json()["scopes"]), (200, &json!(["openid"])), "{}", less.text);
    assert_eq!(sessions().await, 1, "what was granted has ended");

    grant("second").await;
    let gone = call(&bench, "/oauth2/delete-consent", &json!({ "id": id }), &cookie).await;
    assert_eq!(gone.status, 200, "{}", gone.text);
    assert_eq!((list(&cookie).await, sessions().await), (json!([]), 1));
    let silent = bench.open(&Ask::of("shop").with("prompt", "none"), &cookie).await;
    assert_eq!(silent.error(), "consent_required");
}

/// An app of the school's that Ada has signed in to: what it holds.
async fn redeemed(bench: &Bench, cookie: &str) -> Value {
    let told = bench.open(&Ask::of("own").with("scope", "openid offline_access"), cookie).await;
    let code = told.told(BACK)["code"].clone();
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "own"),
        ("code", &*code),
        ("redirect_uri", BACK),
        ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
    ];
    token(bench, &fields).await.json()
}

async fn token(bench: &Bench, fields: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    bench.call(Method::POST, "/api/auth/oauth2/token").body(FORM, body).send().await
}

#[actix_web::test]
async fn an_app_of_the_schools_is_listed_while_it_holds_something_and_loses_all_of_it() {
    let bench = Bench::new().await;
    bench
        .app(
            "own",
            json!({ "skip_consent": true, "grant_types": ["authorization_code", "refresh_token"] }),
        )
        .await;
    let cookie = bench.ada().await;
    let bob = bench.sign_up("bob@school.example").await.cookie();
    let list = async |cookie: &str| {
        let call = bench.get("/api/auth/oauth2/get-consents").with("cookie", cookie);
        call.send().await.json()
    };
    assert_eq!(list(&cookie).await, json!([]));
    let (tokens, others) = (redeemed(&bench, &cookie).await, redeemed(&bench, &bob).await);

    let mine = list(&cookie).await;
    assert_eq!(mine.as_array().unwrap().len(), 1, "{mine}");
    let app = &mine[0];
    assert_eq!((&app["clientName"], &app["bySchool"]), (&json!("The own app"), &json!(true)));
    assert_eq!(app["scopes"], json!(["openid", "offline_access"]));
    let sessions = bench.get("/api/auth/list-sessions").with("cookie", &cookie).send().await.json();
    let of = |app: bool| {
        let mut all = sessions.as_array().unwrap().iter();
        all.find(|it| it.get("clientId").is_some() == app).unwrap()
    };
    let grant = of(true);
    assert_eq!((&grant["clientId"], &grant["clientName"]), (&json!("own"), &json!("The own app")));
    let mut alike = grant.clone();
    for more in ["clientId", "clientName"] {
        alike.as_object_mut().unwrap().remove(more);
    }
    let members = |it: &Value| it.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&alike), members(of(false)), "all else is as Better-Auth has it");
    let narrower = json!({ "id": app["id"], "update": { "scopes": ["openid"] } });
    let narrower = call(&bench, "/oauth2/update-consent", &narrower, &cookie).await;
    assert_eq!((narrower.status, &*narrower.code()), (400, "CONSENT_NOT_GIVEN"));
    let gone = call(&bench, "/oauth2/delete-consent", &json!({ "id": app["id"] }), &cookie).await;
    assert_eq!(gone.status, 200, "{}", gone.text);

    assert_eq!(list(&cookie).await, json!([]));
    assert_eq!(list(&bob).await.as_array().unwrap().len(), 1, "Bob's is Bob's");
    for (tokens, status) in [(tokens, 401), (others, 200)] {
        let access = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
        let told = bench.get("/api/auth/oauth2/userinfo").with("authorization", &access);
        assert_eq!(told.send().await.status, status);
        let refresh = tokens["refresh_token"].as_str().unwrap();
        let fields =
            [("grant_type", "refresh_token"), ("client_id", "own"), ("refresh_token", refresh)];
        let refreshed = token(&bench, &fields).await.status;
        assert_eq!(refreshed == 200, status == 200, "{refreshed}");
    }
    let again = call(&bench, "/oauth2/delete-consent", &json!({ "id": app["id"] }), &cookie).await;
    assert_eq!(again.code(), "CONSENT_NOT_FOUND");
}

/// A cookie that an answer sets, if it sets one.
fn set(answer: &Answer, name: &str) -> Option<String> {
    let cookies = answer.cookies();
    let found = cookies.iter().find(|it| it.starts_with(&format!("{name}=")) && !it.contains("=;"));
    found.map(|it| it.split(';').next().unwrap().to_owned())
}

#[actix_web::test]
async fn a_sign_in_with_a_second_factor_goes_on_with_the_apps_request_too() {
    let bench = Bench::new().await;
    bench.own_app().await;
    let cookie = bench.ada().await;
    let password = json!({ "password": PASSWORD });
    let enabled = call(&bench, "/two-factor/enable", &password, &cookie).await.json();
    let totp = totp_rs::Totp::from_url(enabled["totpURI"].as_str().unwrap()).unwrap();
    let code = || {
        bench.clock.advance(60_000);
        totp.generate(u64::try_from(bench.auth.now_s()).unwrap()).to_string()
    };
    let counts = json!({ "code": code() });
    assert_eq!(call(&bench, "/two-factor/verify-totp", &counts, &cookie).await.status, 200);
    let sign_in = async |query: Option<&str>| {
        let body = json!({ "email": ADA, "password": PASSWORD, "oauth_query": query });
        let answer = bench.post("/api/auth/sign-in/email", &body).send().await;
        assert_eq!(answer.json()["twoFactorRedirect"], true, "{}", answer.text);
        let app = set(&answer, "intellistack.for_app").unwrap_or_default();
        (answer.cookie_named("better-auth.two_factor"), app)
    };
    let both = |(waiting, app): &(String, String)| format!("{waiting}; {app}");
    let goes_on = async |answer: Answer| {
        let url = url_of(&answer);
        assert_eq!(answer.header("location"), Some(&*url));
        let told = bench.visit(path_of(&url), &answer.cookie()).await.told(BACK);
        assert!(told.contains_key("code"), "{told:?}");
    };
    let query = oauth_query(&bench, &Ask::of("own"), "").await;

    // The page that asks for the code is another one: the browser remembers.
    let waits = sign_in(Some(&query)).await;
    let body = json!({ "code": code() });
    goes_on(call(&bench, "/two-factor/verify-totp", &body, &both(&waits)).await).await;

    // By a recovery code; the page says itself where it goes on.
    let query = oauth_query(&bench, &Ask::of("own"), "").await;
    let (waits, _) = sign_in(None).await;
    let verify = "/two-factor/verify-backup-code";
    let body = json!({ "code": enabled["backupCodes"][0], "oauth_query": format!("{query}x") });
    assert_eq!(call(&bench, verify, &body, &waits).await.code(), "INVALID_SIGNATURE");
    let body = json!({ "code": enabled["backupCodes"][0], "oauth_query": query });
    goes_on(call(&bench, verify, &body, &waits).await).await;

    // What another sign-in was for says nothing.
    let (_, old) = sign_in(Some(&oauth_query(&bench, &Ask::of("own"), "").await)).await;
    assert!(!old.is_empty());
    let (waits, none) = sign_in(None).await;
    assert!(none.is_empty());
    let body = json!({ "code": code() });
    let plain = call(&bench, "/two-factor/verify-totp", &body, &both(&(waits, old))).await;
    assert_eq!((plain.status, plain.json().get("url")), (200, None), "{}", plain.text);
}
