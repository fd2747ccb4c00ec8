//! Signing in with accounts at a provider that answers over real HTTP.

use super::{
    provider::{CLIENT, Provider},
    *,
};
use crate::config::LinkByEmail::{self, Authoritative};

pub(super) const ADA: &str = "ada@gmail.com";

pub(super) fn ada() -> Value {
    json!({ "sub": "g1", "email": ADA, "email_verified": true, "name": "Ada" })
}

/// A browser, with what it keeps of the way out.
pub(super) struct Way {
    pub url: String,
    pub state: String,
}

pub(super) async fn set_out(bench: &Bench, body: &Value) -> Way {
    let answer = bench.post("/api/auth/sign-in/social", body).send().await;
    way(&answer)
}

pub(super) fn way(answer: &Answer) -> Way {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let cookie = answer.cookies().into_iter().find(|it| it.contains("better-auth.state")).unwrap();
    assert!(cookie.contains("Max-Age=600; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    Way {
        url: answer.json()["url"].as_str().unwrap().to_owned(),
        state: cookie.split(';').next().unwrap().to_owned(),
    }
}

pub(super) async fn come_back(
    bench: &Bench,
    provider: &str,
    pairs: &[(String, String)],
    cookie: &str,
) -> Answer {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let path = format!("/api/auth/callback/{provider}?{query}");
    let answer = bench.get(&path).with("cookie", cookie).send().await;
    assert_eq!(answer.status, 302, "{}", answer.text);
    answer
}

/// There and back. The answer is that of the callback.
pub(super) async fn travel(bench: &Bench, provider: &Provider, body: &Value) -> Answer {
    let way = set_out(bench, body).await;
    let name = body["provider"].as_str().unwrap();
    come_back(bench, name, &provider.allow(&way.url), &way.state).await
}

pub(super) fn to(answer: &Answer) -> &str {
    answer.header("location").unwrap()
}

pub(super) fn google() -> Value {
    json!({
        "provider": "google", "callbackURL": "/home", "newUserCallbackURL": "/welcome",
        "errorCallbackURL": "/oops",
    })
}

pub(super) async fn with(link: LinkByEmail) -> (Bench, Provider) {
    let (bench, provider) = Bench::with_provider(link, true).await;
    provider.is(ada());
    (bench, provider)
}

async fn me(bench: &Bench, answer: &Answer) -> Value {
    let me = bench.get("/api/auth/get-session").with("cookie", &answer.cookie()).send().await;
    me.json()["user"].clone()
}

#[actix_web::test]
async fn the_way_to_google_is_as_better_auth_has_it() {
    let (bench, provider) = with(Authoritative).await;
    let mut body = google();
    body["scopes"] = json!(["calendar"]);
    body["loginHint"] = json!(ADA);

    let answer = bench.post("/api/auth/sign-in/social", &body).send().await;

    let url = way(&answer).url;
    assert_eq!(answer.header("location"), Some(url.as_str()));
    assert_eq!(answer.json()["redirect"], true);
    let url = url::Url::parse(&url).unwrap();
    let query: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(url.as_str().split('?').next().unwrap(), format!("{}/authorize", provider.url));
    assert_eq!(query["redirect_uri"], format!("{PAGE}/api/auth/callback/google"));
    assert_eq!(query["scope"], "openid email profile calendar");
    assert_eq!((query["state"].len(), query["code_challenge"].len()), (32, 43));
    assert_eq!((query["access_type"].as_str(), query["login_hint"].as_str()), ("offline", ADA));
    body["disableRedirect"] = json!(true);
    let quiet = bench.post("/api/auth/sign-in/social", &body).send().await;
    assert_eq!((quiet.header("location"), &quiet.json()["redirect"]), (None, &json!(false)));
}

#[actix_web::test]
async fn a_new_person_gets_an_account_and_the_next_time_the_same() {
    let (bench, provider) = with(Authoritative).await;

    let first = travel(&bench, &provider, &google()).await;

    assert_eq!(to(&first), "/welcome");
    let cleared = first.cookies();
    assert!(cleared.iter().any(|it| it.starts_with("better-auth.state=; Max-Age=0")));
    let user = me(&bench, &first).await;
    assert_eq!((&user["email"], &user["emailVerified"]), (&json!(ADA), &json!(true)));
    assert_eq!((&user["name"], &user["role"]), (&json!("Ada"), &json!("student")));
    let second = travel(&bench, &provider, &google()).await;
    assert_eq!(to(&second), "/home");
    assert_eq!(me(&bench, &second).await["id"], user["id"]);
}

/// Attack D9: the address is another one tomorrow, and somebody else has it.
#[actix_web::test]
async fn people_are_known_by_their_subject_and_never_by_their_address() {
    let (bench, provider) = with(Authoritative).await;
    let first = me(&bench, &travel(&bench, &provider, &google()).await).await;
    provider.is(json!({ "sub": "g1", "email": "countess@gmail.com", "email_verified": true }));

    let renamed = me(&bench, &travel(&bench, &provider, &google()).await).await;
    assert_eq!((&renamed["id"], &renamed["email"]), (&first["id"], &json!(ADA)));

    // Another subject with her address at another provider, which does not run that mailbox.
    provider.is(json!({ "sub": "g2", "email": ADA, "email_verified": true }));
    let body = json!({ "provider": "school", "errorCallbackURL": "/oops" });
    let other = travel(&bench, &provider, &body).await;
    assert_eq!(to(&other), "/oops?error=account_not_linked");
    // The same subject at another provider is somebody else.
    provider.is(json!({ "sub": "g1", "email": "eve@school.example", "email_verified": true }));
    let eve = me(&bench, &travel(&bench, &provider, &body).await).await;
    assert_ne!(eve["id"], first["id"]);
}

#[actix_web::test]
async fn github_tells_who_somebody_is_by_its_api() {
    let (bench, provider) = with(Authoritative).await;
    provider.tell(|says| {
        says.github = json!({ "id": 42, "login": "ada", "name": null, "email": "old@x.example" });
        says.github_emails = json!([
            { "email": "other@x.example", "primary": false, "verified": true },
            { "email": "Ada@School.example", "primary": true, "verified": true },
        ]);
    });

    let way = set_out(&bench, &json!({ "provider": "github" })).await;
    assert!(way.url.contains("/login/oauth/authorize?response_type=code&client_id=us"));
    assert!(way.url.contains("scope=read%3Auser+user%3Aemail"), "{}", way.url);
    let back = come_back(&bench, "github", &provider.allow(&way.url), &way.state).await;

    let user = me(&bench, &back).await;
    assert_eq!((&user["email"], &user["name"]), (&json!("ada@school.example"), &json!("ada")));
    provider.tell(|says| says.github = json!({ "login": "ada" }));
    let body = json!({ "provider": "github", "errorCallbackURL": "/oops" });
    assert_eq!(to(&travel(&bench, &provider, &body).await), "/oops?error=provider_unavailable");
}

#[actix_web::test]
async fn the_providers_that_are_offered_are_listed_and_no_other_answers() {
    let (bench, _provider) = with(Authoritative).await;

    let listed = bench.get("/api/auth/social-providers").send().await;

    let names = json!([
        { "id": "google", "name": "Google" },
        { "id": "github", "name": "GitHub" },
        { "id": "school", "name": "school" },
    ]);
    assert_eq!(listed.json(), names);
    let body = json!({ "provider": "apple" });
    let none = bench.post("/api/auth/sign-in/social", &body).send().await;
    assert_eq!((none.status, none.code()), (404, "PROVIDER_NOT_FOUND".to_owned()));
    let plain = Bench::new().await;
    assert_eq!(plain.get("/api/auth/social-providers").send().await.json(), json!([]));
    let none = plain.post("/api/auth/sign-in/social", &google()).send().await;
    assert_eq!(none.status, 404);
}

#[actix_web::test]
async fn somebody_signed_in_links_the_account_of_her_own_address() {
    let (bench, provider) = with(Authoritative).await;
    bench.sign_up(ADA).await;
    let cookie = bench.sign_in(ADA, PASSWORD).await.cookie();
    let link = async |body: &Value| {
        let answer = bench.post("/api/auth/link-social", body).by_page(&cookie).send().await;
        way(&answer)
    };

    let out = link(&google()).await;
    let back = provider.allow(&out.url);
    let both = format!("{}; {cookie}", out.state);
    assert_eq!(to(&come_back(&bench, "google", &back, &both).await), "/home");

    let signed_in = travel(&bench, &provider, &google()).await;
    assert_eq!(me(&bench, &signed_in).await["email"], ADA);
    let mails = bench.store.mails(Some(ADA), Some("security-notice")).await.unwrap();
    assert!(mails[0].body.contains("Google"), "{}", mails[0].body);
    provider.is(json!({ "sub": "g9", "email": "bob@gmail.com", "email_verified": true }));
    let out = link(&google()).await;
    let both = format!("{}; {cookie}", out.state);
    let other = come_back(&bench, "google", &provider.allow(&out.url), &both).await;
    assert_eq!(to(&other), "/oops?error=email_does_not_match");
    let nobody = bench.post("/api/auth/link-social", &google()).send().await;
    assert_eq!(nobody.status, 401);
}

/// What the provider gave is sealed, handed to its owner alone, and renewed when it is over.
#[actix_web::test]
async fn a_providers_token_is_its_owners_and_renewed_when_it_is_over() {
    let (bench, provider) = with(Authoritative).await;
    let back = travel(&bench, &provider, &google()).await;
    let cookie = back.cookie();
    let act = async |path: &str, body: &Value, cookie: &str| {
        bench.post(&format!("/api/auth{path}"), body).by_page(cookie).send().await
    };
    let named = json!({ "providerId": "google" });

    let token = act("/get-access-token", &named, &cookie).await;
    assert_eq!(token.json()["accessToken"], "access0", "{}", token.text);
    assert_eq!(token.json()["scopes"], json!(["openid", "email"]));
    bench.clock.advance(600_000);
    let token = act("/get-access-token", &named, &cookie).await;
    assert_eq!(token.json()["accessToken"], "access1", "{}", token.text);
    let renewed = act("/refresh-token", &named, &cookie).await;
    assert_eq!(renewed.json()["accessToken"], "access2", "{}", renewed.text);
    assert_eq!(renewed.json()["refreshToken"], "refresh me", "kept where none is given anew");
    let id = renewed.json()["accountId"].as_str().unwrap().to_owned();
    let by_cookie = json!({ "useAccountCookie": true });
    let none = act("/get-access-token", &by_cookie, &cookie).await;
    assert_eq!(none.code(), "ACCOUNT_NOT_FOUND", "the cookie says which");
    let both = json!({ "useAccountCookie": true, "accountId": id });
    assert_eq!(act("/get-access-token", &both, &cookie).await.code(), "VALIDATION_ERROR");
    let with_cookie = format!("{cookie}; {}", back.cookie_named("better-auth.account_data"));
    let token = act("/get-access-token", &by_cookie, &with_cookie).await;
    assert_eq!(token.json()["accessToken"], "access2", "{}", token.text);
    let forged = format!("{cookie}; better-auth.account_data={id}");
    assert_eq!(act("/get-access-token", &by_cookie, &forged).await.code(), "ACCOUNT_NOT_FOUND");
    let by_id = act("/get-access-token", &json!({ "accountId": id }), &cookie).await;
    assert_eq!(by_id.json()["accessToken"], "access2");
    let info = bench.get(&format!("/api/auth/account-info?accountId={id}"));
    let info = info.with("cookie", &cookie).send().await;
    assert_eq!(info.json()["user"]["email"], ADA, "{}", info.text);
    assert_eq!(info.json()["account"]["accountId"], "g1");

    let eve = bench.sign_up("eve@school.example").await.cookie();
    let hers = format!("{eve}; {}", back.cookie_named("better-auth.account_data"));
    assert_eq!(act("/refresh-token", &by_cookie, &hers).await.code(), "ACCOUNT_NOT_FOUND");
    let body = json!({ "accountId": id });
    assert_eq!(act("/get-access-token", &body, &eve).await.code(), "ACCOUNT_NOT_FOUND");
    let user = bench.store.user_by_email(ADA).await.unwrap();
    let row = bench.store.provider_accounts(&user.id).await.unwrap().remove(0);
    let text = format!("{row:?}");
    assert!(!text.contains("access2") && !text.contains("refresh me"), "{text}");
    assert_eq!((row.account_id.as_str(), CLIENT), ("g1", "us"));
}

/// As Apple does it: from its own page, so that the browser brings no cookie of ours, or all of them.
#[actix_web::test]
async fn an_answer_in_a_form_is_sent_on_and_signs_in_by_get() {
    let (bench, provider) = with(Authoritative).await;
    let way = set_out(&bench, &google()).await;
    let mut pairs = provider.allow(&way.url);
    pairs.push(("user".to_owned(), r#"{"name":"Eve"}"#.to_owned()));
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    let post = async |cookie: Option<&str>| {
        let call = bench.call(Method::POST, "/api/auth/callback/google");
        let call = call.body("application/x-www-form-urlencoded", form.as_str());
        let call = call.with("origin", "https://appleid.apple.com");
        let call = match cookie {
            Some(cookie) => call.with("cookie", cookie),
            None => call,
        };
        call.send().await
    };

    let led = post(None).await;
    let with_cookies = post(Some(&way.state)).await;

    assert_eq!((led.status, led.cookies()), (303, vec![]), "{}", led.text);
    assert_eq!(to(&led), to(&with_cookies));
    let path = to(&led).strip_prefix(PAGE).unwrap();
    assert!(path.starts_with("/api/auth/callback/google?code=") && !path.contains("Eve"), "{path}");
    let done = bench.get(path).with("cookie", &way.state).send().await;
    assert_eq!((done.status, to(&done)), (302, "/welcome"));
    assert_eq!(me(&bench, &done).await["email"], ADA);
    // The exception is for providers' answers alone.
    let other = bench.call(Method::POST, "/api/auth/delete-user/callback").with("cookie", "a=b");
    let other = other.with("origin", "https://appleid.apple.com");
    let other = other.body("application/x-www-form-urlencoded", "token=x").send().await;
    assert_eq!(other.code(), "INVALID_ORIGIN");
}

/// Once each, and only one that was made for us.
#[actix_web::test]
async fn an_id_token_that_an_app_got_signs_in_once() {
    let (bench, provider) = with(Authoritative).await;
    let sign_in = async |token: &str, nonce: Option<&str>| {
        let body = json!({ "provider": "google", "idToken": { "token": token, "nonce": nonce } });
        bench.post("/api/auth/sign-in/social", &body).send().await
    };
    let token = provider.id_token(Some("n1"));

    assert_eq!(sign_in(&token, Some("n2")).await.code(), "INVALID_TOKEN");
    let good = sign_in(&token, Some("n1")).await;
    assert_eq!((good.status, &good.json()["redirect"]), (200, &json!(false)), "{}", good.text);
    assert_eq!(good.json()["user"]["email"], ADA);
    let again = sign_in(&token, Some("n1")).await;
    assert_eq!((again.status, again.code()), (401, "INVALID_TOKEN".to_owned()));
    provider.lies(json!({ "aud": "another app" }));
    assert_eq!(sign_in(&provider.id_token(None), None).await.code(), "INVALID_TOKEN");
    assert_eq!(sign_in("nonsense", None).await.code(), "INVALID_TOKEN");
    let github = json!({ "provider": "github", "idToken": { "token": token } });
    let github = bench.post("/api/auth/sign-in/social", &github).send().await;
    assert_eq!(github.code(), "INVALID_TOKEN");
}

/// Nobody waits for a provider that is away, and nobody is sent round in circles.
#[actix_web::test]
async fn a_provider_that_is_away_ends_on_a_page_that_says_so() {
    let (bench, provider) = with(Authoritative).await;
    provider.tell(|says| says.away = true);
    let answer = bench.post("/api/auth/sign-in/social", &google()).send().await;
    assert_eq!((answer.status, answer.code()), (503, "PROVIDER_UNAVAILABLE".to_owned()));
    bench.post("/api/auth/sign-in/social", &google()).send().await;
    assert_eq!(provider.says.lock().unwrap().discoveries, 1, "not asked again at once");
    provider.tell(|says| says.away = false);
    bench.clock.advance(5_000);

    let out = set_out(&bench, &json!({ "provider": "google" })).await;
    provider.tell(|says| says.away = true);
    let back = come_back(&bench, "google", &provider.allow(&out.url), &out.state).await;

    let page = to(&back).strip_prefix(PAGE).unwrap().to_owned();
    assert_eq!(page, "/api/auth/error?error=provider_unavailable");
    let page = bench.get(&page).send().await;
    assert!(page.text.contains("does not answer just now"), "{}", page.text);
    let odd = bench.get("/api/auth/error?error=%3Cscript%3E").send().await;
    assert!(!odd.text.contains("<script>"), "{}", odd.text);
}
