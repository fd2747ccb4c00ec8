//! What must fail on the way to a provider and back (`oidc.md` §3.4).

use super::{
    social::{ADA, ada, come_back, google, set_out, to, travel, way, with},
    *,
};
use crate::{
    config::LinkByEmail::{Authoritative, Never, Verified},
    domain::clock::{Clock, MINUTE},
};

async fn users(bench: &Bench) -> i64 {
    bench.store.count_users().await.unwrap()
}

/// What comes back with the browser.
type Pairs = Vec<(String, String)>;

fn pair<'a>(pairs: &'a mut [(String, String)], name: &str) -> &'a mut String {
    &mut pairs.iter_mut().find(|(key, _)| key == name).unwrap().1
}

/// Attack D7: a callback that another browser began, that is used twice, that is too late, or that
/// is of another provider.
#[actix_web::test]
async fn a_state_is_of_one_browser_one_provider_one_use_and_ten_minutes() {
    let (bench, provider) = with(Authoritative).await;
    let own = format!("{PAGE}/api/auth/error?error=state_mismatch");

    let out = set_out(&bench, &google()).await;
    let other = set_out(&bench, &google()).await;
    let back = provider.allow(&out.url);
    let foreign = come_back(&bench, "google", &back, &other.state).await;
    assert_eq!(to(&foreign), "/oops?error=state_mismatch");
    let burnt = come_back(&bench, "google", &back, &out.state).await;
    assert_eq!(to(&burnt), own, "it is used up");

    let out = set_out(&bench, &google()).await;
    let back = provider.allow(&out.url);
    assert_eq!(to(&come_back(&bench, "google", &back, &out.state).await), "/welcome");
    assert_eq!(to(&come_back(&bench, "google", &back, &out.state).await), own);

    let out = set_out(&bench, &google()).await;
    let back = provider.allow(&out.url);
    assert_eq!(
        to(&come_back(&bench, "school", &back, &out.state).await),
        "/oops?error=state_mismatch"
    );

    let out = set_out(&bench, &google()).await;
    let back = provider.allow(&out.url);
    bench.clock.advance(10 * MINUTE);
    assert_eq!(to(&come_back(&bench, "google", &back, &out.state).await), own);

    let unsigned = "better-auth.state=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let made_up = [("state".to_owned(), "A".repeat(32)), ("code".to_owned(), "x".to_owned())];
    assert_eq!(to(&come_back(&bench, "google", &made_up, unsigned).await), own);
    assert_eq!(to(&come_back(&bench, "google", &[], unsigned).await), own);
    assert_eq!(users(&bench).await, 1);
}

/// Attack D7: somebody's code is put into another's answer.
#[actix_web::test]
async fn a_code_of_another_journey_is_worth_nothing() {
    let (bench, provider) = with(Authoritative).await;
    let (mine, theirs) = (set_out(&bench, &google()).await, set_out(&bench, &google()).await);
    let mut back = provider.allow(&mine.url);
    let stolen = provider.allow(&theirs.url);
    *pair(&mut back, "code") = stolen[0].1.clone();

    let answer = come_back(&bench, "google", &back, &mine.state).await;

    assert_eq!(to(&answer), "/oops?error=invalid_code", "PKCE binds the code to its journey");
    let mine = set_out(&bench, &google()).await;
    provider.lies(json!({ "nonce": "another" }));
    let answer = come_back(&bench, "google", &provider.allow(&mine.url), &mine.state).await;
    assert_eq!(to(&answer), "/oops?error=invalid_code", "so does the nonce");
    assert_eq!(users(&bench).await, 0);
}

/// Attack D6: an answer of another authorization server.
#[actix_web::test]
async fn an_answer_that_names_another_issuer_or_none_where_one_is_promised_is_refused() {
    let (bench, provider) = with(Authoritative).await;
    let attempt = async |change: &dyn Fn(&mut Pairs)| {
        let out = set_out(&bench, &google()).await;
        let mut back = provider.allow(&out.url);
        change(&mut back);
        to(&come_back(&bench, "google", &back, &out.state).await).to_owned()
    };

    let evil = attempt(&|back| *pair(back, "iss") = "https://evil.example".to_owned()).await;
    assert_eq!(evil, "/oops?error=issuer_mismatch");
    let silent = attempt(&|back| back.retain(|(name, _)| name != "iss")).await;
    assert_eq!(silent, "/oops?error=issuer_mismatch");
    assert_eq!(users(&bench).await, 0);
    assert_eq!(attempt(&|_| {}).await, "/welcome");
    let redirects = ["google", "school"].map(|name| json!({ "provider": name }));
    let mut seen = std::collections::HashSet::new();
    for body in redirects {
        let url = set_out(&bench, &body).await.url;
        let url = url::Url::parse(&url).unwrap();
        seen.insert(
            url.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.into_owned(),
        );
    }
    assert_eq!(seen.len(), 2, "each provider has a redirect URI of its own");
}

/// Attack D14 (and D15 as far as we are a client): an ID token whose signature or claims do not
/// hold.
#[actix_web::test]
async fn an_id_token_that_does_not_hold_signs_nobody_in() {
    let (bench, provider) = with(Authoritative).await;
    let now = bench.clock.now().0 / 1_000;
    for lie in [
        json!({ "iss": "https://evil.example" }),
        json!({ "aud": "somebody else" }),
        json!({ "aud": ["us", "somebody else"] }),
        json!({ "exp": now - 11 }),
        json!({ "iat": now + 60 }),
        json!({ "sub": null }),
        json!({ "sub": "" }),
        json!({ "nonce": null }),
    ] {
        provider.lies(lie.clone());
        let answer = travel(&bench, &provider, &google()).await;
        assert_eq!(to(&answer), "/oops?error=invalid_code", "{lie}");
    }
    provider.lies(json!({}));
    provider.tell(|says| says.by_secret = true);
    let answer = travel(&bench, &provider, &google()).await;
    assert_eq!(to(&answer), "/oops?error=invalid_code", "a signature by a shared secret");
    provider.tell(|says| (says.by_secret, says.signs_with) = (false, 1));
    let answer = travel(&bench, &provider, &google()).await;
    assert_eq!(to(&answer), "/oops?error=invalid_code", "a key that is not the provider's");
    assert_eq!(users(&bench).await, 0);
}

/// Attack D14: unknown keys make us ask once a minute; the last good ones hold meanwhile.
#[actix_web::test]
async fn unknown_keys_make_us_ask_once_a_minute_and_a_rotation_is_followed() {
    let (bench, provider) = with(Authoritative).await;
    travel(&bench, &provider, &google()).await;
    let asked = || provider.says.lock().unwrap().discoveries;
    bench.clock.advance(MINUTE);
    let before = asked();
    provider.tell(|says| says.signs_with = 1);
    for _ in 0..5 {
        let answer = travel(&bench, &provider, &google()).await;
        assert_eq!(to(&answer), "/oops?error=invalid_code");
    }
    assert_eq!(asked(), before + 1);

    provider.tell(|says| says.publishes = 1);
    bench.clock.advance(MINUTE);
    assert_eq!(to(&travel(&bench, &provider, &google()).await), "/home", "the new key");
    provider.tell(|says| says.away = true);
    bench.clock.advance(6 * MINUTE);
    let out = set_out(&bench, &google()).await;
    provider.tell(|says| says.away = false);
    let back = come_back(&bench, "google", &provider.allow(&out.url), &out.state).await;
    assert_eq!(to(&back), "/home", "the last good documents hold while it is away");
}

/// Attack D13: a body without end.
#[actix_web::test]
async fn an_answer_that_is_too_long_is_not_read_to_its_end() {
    let (bench, provider) = with(Authoritative).await;
    provider.tell(|says| says.padding = 2_000_000);

    let answer = travel(&bench, &provider, &google()).await;

    assert_eq!(to(&answer), "/oops?error=provider_unavailable");
}

/// Attack D8: an attacker has signed up with the victim's address; then the victim comes with
/// Google.
#[actix_web::test]
async fn whoever_signed_up_with_anothers_address_loses_the_account_when_its_owner_comes() {
    let (bench, provider) = with(Authoritative).await;
    let attacker = bench.sign_up(ADA).await;
    assert_eq!(attacker.status, 200);

    let victim = travel(&bench, &provider, &google()).await;

    assert_eq!(to(&victim), "/oops?error=account_not_linked", "no link to the unverified");
    let me = bench.get("/api/auth/get-session").with("cookie", &attacker.cookie()).send().await;
    assert_eq!(me.json(), Value::Null, "the attacker's session has ended");
    assert_eq!(bench.sign_in(ADA, PASSWORD).await.status, 401, "so has the password");

    // The owner opens the link that she got, and comes again.
    let mail = bench.store.mails(Some(ADA), Some("verify-email")).await.unwrap().remove(0);
    let link = mail.body.split_whitespace().find(|it| it.contains("verify-email")).unwrap();
    let opened = bench.get(link.strip_prefix(PAGE).unwrap()).with("sec-fetch-mode", "cors");
    assert_eq!(opened.send().await.status, 302);
    let linked = travel(&bench, &provider, &google()).await;
    assert_eq!(to(&linked), "/home");
    assert_eq!(bench.sign_in(ADA, PASSWORD).await.status, 401);
    assert_eq!(users(&bench).await, 1);
}

/// Attack D8: an address that the provider has not verified, or that is not its to vouch for.
#[actix_web::test]
async fn a_providers_word_that_does_not_count_leads_into_nobodys_account() {
    for (link, person) in [
        (Authoritative, json!({ "sub": "g1", "email": ADA, "email_verified": false })),
        (
            Authoritative,
            json!({ "sub": "g1", "email": "ada@school.example", "email_verified": true }),
        ),
        (Verified, json!({ "sub": "g1", "email": ADA, "email_verified": false })),
        (Never, ada()),
    ] {
        let (bench, provider) = with(link).await;
        let email = person["email"].as_str().unwrap().to_owned();
        for verified in [false, true] {
            if verified {
                let user = bench.store.user_by_email(&email).await.unwrap();
                verify(&bench, &user).await;
            } else {
                bench.sign_up(&email).await;
            }
            provider.is(person.clone());
            let answer = travel(&bench, &provider, &google()).await;
            assert_eq!(to(&answer), "/oops?error=account_not_linked", "{link:?} {person}");
            assert_eq!(bench.sign_in(&email, PASSWORD).await.status, 200, "nothing was wiped");
        }
    }
}

async fn verify(bench: &Bench, user: &crate::store::users::User) {
    use crate::store::auth_events::{AuthEvent, AuthEventKind};
    let event = AuthEvent {
        id: format!("verified {}", user.email),
        at: bench.clock.now().0,
        kind: AuthEventKind::EmailVerified.as_str().to_owned(),
        user_id: None,
        email: None,
        address: None,
        agent: None,
        detail: "{}".to_owned(),
    };
    bench.store.set_verified(&user.id, &user.email, event).await.unwrap();
}

/// The other side of D8: both sides verified the address and the provider runs the mailbox.
#[actix_web::test]
async fn an_address_that_both_sides_verified_links_the_accounts() {
    let (bench, provider) = with(Authoritative).await;
    bench.sign_up(ADA).await;
    let user = bench.store.user_by_email(ADA).await.unwrap();
    verify(&bench, &user).await;

    assert_eq!(to(&travel(&bench, &provider, &google()).await), "/home");

    assert_eq!(bench.sign_in(ADA, PASSWORD).await.status, 200, "the password stays");
    let mails = bench.store.mails(Some(ADA), Some("security-notice")).await.unwrap();
    assert_eq!(mails.len(), 1, "and she is told");
}

/// A ban, closed sign-up and the second factor hold for providers too (attack A18).
#[actix_web::test]
async fn what_holds_for_passwords_holds_for_providers() {
    let (closed, provider) = Bench::with_provider(Authoritative, false).await;
    provider.is(ada());
    assert_eq!(to(&travel(&closed, &provider, &google()).await), "/oops?error=signup_disabled");
    provider.is(json!({ "sub": "g1", "email_verified": true }));
    assert_eq!(to(&travel(&closed, &provider, &google()).await), "/oops?error=email_not_found");

    let (bench, provider) = with(Authoritative).await;
    let cookie = travel(&bench, &provider, &google()).await.cookie();
    let body = json!({});
    let enabled = bench.post("/api/auth/two-factor/enable", &body).by_page(&cookie).send().await;
    let uri = enabled.json()["totpURI"].as_str().unwrap().to_owned();
    let totp = totp_rs::Totp::from_url(&uri).unwrap();
    let code = |bench: &Bench| {
        totp.generate(u64::try_from(bench.clock.now().0 / 1_000).unwrap()).to_string()
    };
    let body = json!({ "code": code(&bench) });
    bench.post("/api/auth/two-factor/verify-totp", &body).by_page(&cookie).send().await;
    bench.clock.advance(MINUTE);

    let half = travel(&bench, &provider, &google()).await;
    assert_eq!(
        to(&half),
        "/sign-in?twoFactorRedirect=true&twoFactorMethods=totp&callbackURL=%2Fhome"
    );
    assert_eq!(half.header("set-auth-token"), None);
    let waits = half.cookies().into_iter().find(|it| it.contains("two_factor=2fa-")).unwrap();
    let body = json!({ "code": code(&bench) });
    let waits = waits.split(';').next().unwrap();
    let done = bench.post("/api/auth/two-factor/verify-totp", &body).by_page(waits).send().await;
    assert_eq!(done.status, 200, "{}", done.text);
    let token = provider.id_token(None);
    let body = json!({ "provider": "google", "idToken": { "token": token } });
    let by_token = bench.post("/api/auth/sign-in/social", &body).send().await;
    assert_eq!(by_token.json()["twoFactorRedirect"], true, "{}", by_token.text);

    let user = bench.store.user_by_email(ADA).await.unwrap();
    crate::store::users::tests::ban(&bench.store, &user.id).await.unwrap();
    assert_eq!(to(&travel(&bench, &provider, &google()).await), "/oops?error=banned");
    let body =
        json!({ "provider": "google", "idToken": { "token": provider.id_token(Some("n")) } });
    let banned = bench.post("/api/auth/sign-in/social", &body).send().await;
    assert_eq!((banned.status, banned.code()), (403, "BANNED_USER".to_owned()));
}

/// Attack A19: a link is made in the browser of the person that asked for it.
#[actix_web::test]
async fn a_link_is_made_for_nobody_but_who_asked_and_is_still_signed_in() {
    let (bench, provider) = with(Authoritative).await;
    bench.sign_up(ADA).await;
    let cookie = bench.sign_in(ADA, PASSWORD).await.cookie();
    let eve = bench.sign_up("eve@school.example").await.cookie();
    let set_out =
        async || way(&bench.post("/api/auth/link-social", &google()).by_page(&cookie).send().await);

    for others in [String::new(), format!("; {eve}")] {
        let out = set_out().await;
        let cookies = format!("{}{others}", out.state);
        let answer = come_back(&bench, "google", &provider.allow(&out.url), &cookies).await;
        assert_eq!(to(&answer), "/oops?error=state_mismatch");
    }
    bench.clock.advance(6 * MINUTE);
    let stale = bench.post("/api/auth/link-social", &google()).by_page(&cookie).send().await;
    assert_eq!((stale.status, stale.code()), (403, "SESSION_NOT_FRESH".to_owned()));
}

/// Attack B6 on this road: ways that lead elsewhere.
#[actix_web::test]
async fn no_way_back_leads_to_a_foreign_site() {
    let (bench, _provider) = with(Authoritative).await;
    for (field, code) in [
        ("callbackURL", "INVALID_CALLBACK_URL"),
        ("errorCallbackURL", "INVALID_ERROR_CALLBACK_URL"),
        ("newUserCallbackURL", "INVALID_NEW_USER_CALLBACK_URL"),
    ] {
        for evil in ["//evil.example", "https://evil.example", "/\\evil", "javascript:alert(1)"] {
            let mut body = google();
            body[field] = json!(evil);
            let refused = bench.post("/api/auth/sign-in/social", &body).send().await;
            assert_eq!((refused.status, refused.code()), (403, code.to_owned()), "{evil}");
        }
    }
}

/// The provider's own words of refusal.
#[actix_web::test]
async fn a_refusal_at_the_provider_is_told_and_uses_the_state_up() {
    let (bench, provider) = with(Authoritative).await;
    for (error, told) in [
        ("access_denied", "access_denied"),
        ("temporarily_unavailable", "provider_unavailable"),
        ("<script>", "access_denied"),
    ] {
        let out = set_out(&bench, &google()).await;
        let mut back = provider.allow(&out.url);
        back.retain(|(name, _)| name != "code");
        back.push(("error".to_owned(), error.to_owned()));
        let answer = come_back(&bench, "google", &back, &out.state).await;
        assert_eq!(to(&answer), format!("/oops?error={told}"));
    }
    assert_eq!(users(&bench).await, 0);
}
