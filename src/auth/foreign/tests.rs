//! People of another issuer, from their first token to the issuer's last word.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;
use crate::{
    auth::{
        issuer::tests::{Mint, NOW, claims, logout_claims, settings, teach},
        oidc::{dpop::Call, jose::tests::Pair},
        tests::{Bench, PAGE},
    },
    domain::{
        clock::{DAY, HOUR, Millis},
        email::Email,
        return_url::ReturnUrl,
        role::Role,
    },
};

struct School {
    bench: Bench,
    mint: Mint,
}

impl School {
    async fn new() -> Self {
        Self::with(false).await
    }

    async fn with(shared_accounts: bool) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let issuer = super::super::issuer::Settings { shared_accounts, ..settings() };
        let bench = Bench::with(PAGE, |settings| settings.issuer = Some(issuer)).await;
        let mint = Mint::new("k1");
        teach(bench.auth.issuer.as_ref().unwrap(), &[&mint]);
        Self { bench, mint }
    }

    async fn shows(&self, claims: &Value) -> Result<Identity, AuthError> {
        self.bench.auth.by_bearer(&self.mint.access(claims)).await
    }

    async fn lets_in(&self, change: impl FnOnce(&mut Value)) -> Identity {
        let mut claims = claims();
        change(&mut claims);
        self.shows(&claims).await.unwrap()
    }

    async fn refuses(&self, change: impl FnOnce(&mut Value)) {
        let mut claims = claims();
        change(&mut claims);
        let shown = self.shows(&claims).await;
        assert!(matches!(shown, Err(AuthError::BadToken)), "{shown:?}");
    }

    async fn hears(&self, change: impl FnOnce(&mut Value)) -> Result<(), LogoutError> {
        let mut claims = logout_claims();
        change(&mut claims);
        let token = self.mint.logout(&claims);
        self.bench.auth.end_at_issuers_word(&token, &Device::default()).await
    }

    async fn people(&self) -> i64 {
        self.bench.store.count_users().await.unwrap()
    }
}

fn without(claims: &mut Value, name: &str) {
    claims.as_object_mut().unwrap().remove(name);
}

/// A claim of a token `seconds` from now, by the issuer's clock.
fn later(claims: &mut Value, seconds: i64) {
    claims["iat"] = json!(NOW + seconds);
    claims["exp"] = json!(NOW + seconds + 300);
}

/// Attack D9: the key is (iss, sub).
#[tokio::test(flavor = "multi_thread")]
async fn the_first_token_makes_a_person_and_the_next_ones_find_her() {
    let school = School::new().await;

    let first = school.lets_in(|_| {}).await;
    assert_eq!(first.user.role, Role::Instructor);
    assert_eq!((first.user.name.as_str(), first.user.email_verified), ("Ada L.", true));
    assert_eq!(first.user.email, "ada@school.example");
    assert!(!first.is_staff(), "not without the scope");

    let same = school.lets_in(|c| c["jti"] = json!("t2")).await;
    let phone = school.lets_in(|c| c["sid"] = json!("s2")).await;
    let other = school.lets_in(|c| {
        c["sub"] = json!("u-18");
        c["sid"] = json!("s3");
    });
    assert_eq!((&same.user.id, &same.session), (&first.user.id, &first.session));
    assert_eq!(phone.user.id, first.user.id);
    assert_ne!(phone.session, first.session);
    assert_ne!(other.await.user.id, first.user.id, "though the address is the same");
    assert_eq!(school.people().await, 2);
    school.refuses(|c| c["sub"] = json!("u-19")).await;
}

/// Attack D8: nobody gets into an account by claiming its address.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_links_nobody() {
    let school = School::new().await;
    let ada = school.bench.signed_in("ada", Role::Admin).await;

    let foreign = school.lets_in(|_| {}).await;

    assert_eq!(ada.user.email, "ada@school.example");
    assert_ne!(foreign.user.id, ada.user.id);
    assert!(foreign.user.email.ends_with(NOWHERE), "{}", foreign.user.email);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_mailed_to_a_person_without_an_address_and_no_password_is_reset() {
    let school = School::new().await;
    let (auth, store) = (&school.bench.auth, &school.bench.store);
    let back = ReturnUrl::parse("/", auth.origins()).unwrap();
    let unverified = school.lets_in(|c| c["email_verified"] = json!(false)).await;
    assert!(unverified.user.email.ends_with(NOWHERE) && !unverified.user.email_verified);
    let address = Email::parse(&unverified.user.email).unwrap();

    auth.mail_verification_again(&address, &back, &Device::default()).await.unwrap();
    auth.request_reset(&address, &back, &Device::default()).await.unwrap();
    let bob = school
        .lets_in(|c| {
            (c["sub"], c["sid"]) = (json!("u-18"), json!("s2"));
            c["email"] = json!("bob@school.example");
        })
        .await;
    let address = Email::parse(&bob.user.email).unwrap();
    auth.request_reset(&address, &back, &Device::default()).await.unwrap();

    // Whoever has an address is told there that she has no password; a link she gets none.
    let mails = store.mails(None, None).await.unwrap();
    let of = |mail: &crate::store::outbox::OutboxMail| (mail.kind.clone(), mail.recipient.clone());
    let told = ("no-password".to_owned(), "bob@school.example".to_owned());
    assert_eq!(mails.iter().map(of).collect::<Vec<_>>(), [told]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_token_changes_role_and_name_and_an_older_one_does_not_change_them_back() {
    let school = School::new().await;
    let before = school.lets_in(|_| {}).await;

    let newer = school.lets_in(|c| {
        later(c, 5);
        (c["role"], c["name"]) = (json!("student"), json!("Ada King"));
        c["email"] = json!("new@school.example");
    });
    let newer = newer.await;
    assert_eq!((newer.user.role, newer.user.name.as_str()), (Role::Student, "Ada King"));
    assert_eq!(newer.user.id, before.user.id);
    let older = school.lets_in(|_| {}).await;
    assert_eq!((older.user.role, older.user.email.as_str()), (Role::Student, "ada@school.example"));

    let told = school.bench.store.changes_after(0).await.unwrap();
    assert!(told.iter().any(|it| it.kind == "user" && it.subject == before.user.id.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_at_once_at_first_sight_are_one_person_with_one_sign_in() {
    let school = School::new().await;
    let token = school.mint.access(&claims());

    let shown = (0..8).map(|_| school.bench.auth.by_bearer(&token));
    let all = futures_util::future::join_all(shown).await;

    let first = all[0].as_ref().unwrap();
    for shown in &all {
        assert_eq!(shown.as_ref().unwrap().session, first.session);
    }
    assert_eq!(school.people().await, 1);
}

/// Attack C6: a token that still has hours to live.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_was_ended_here_stays_ended_for_its_tokens() {
    let school = School::new().await;
    let ada = school.lets_in(|_| {}).await;

    school.bench.auth.sign_out(&ada, &Device::default()).await.unwrap();

    assert!(matches!(school.bench.auth.refreshed(&ada).await, Err(AuthError::NotSignedIn)));
    school.refuses(|_| {}).await;
    school.refuses(|c| later(c, 5)).await;
    school.lets_in(|c| c["sid"] = json!("s2")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_issuers_word_ends_one_sign_in_by_its_name() {
    let school = School::new().await;
    let (ada, phone) =
        (school.lets_in(|_| {}).await, school.lets_in(|c| c["sid"] = json!("s2")).await);
    let by_sid = |c: &mut Value| {
        c["sid"] = json!("s1");
        without(c, "sub");
    };

    school.hears(by_sid).await.unwrap();

    school.refuses(|_| {}).await;
    assert!(school.bench.auth.refreshed(&phone).await.is_ok());
    let told = school.bench.store.changes_after(0).await.unwrap();
    assert!(told.iter().any(|it| it.kind == "session" && it.subject == ada.session.as_str()));
    let again = school.hears(by_sid).await;
    assert!(matches!(again, Err(LogoutError::Refused(_))), "the same token a second time");
    let of_another = school.hears(|c| {
        (c["sub"], c["sid"], c["jti"]) = (json!("u-18"), json!("s2"), json!("l2"));
    });
    of_another.await.unwrap();
    assert!(school.bench.auth.refreshed(&phone).await.is_ok(), "not that subject's sign-in");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_issuers_word_ends_all_sign_ins_of_a_subject_and_those_never_seen() {
    let school = School::new().await;
    school.lets_in(|_| {}).await;
    school.lets_in(|c| c["sid"] = json!("s2")).await;

    school.hears(|_| {}).await.unwrap();

    for sid in ["s1", "s2", "never seen"] {
        school.refuses(|c| c["sid"] = json!(sid)).await;
    }
    let after = school.lets_in(|c| {
        later(c, 1);
        c["sid"] = json!("s3");
    });
    after.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_without_a_name_end_with_any_of_their_subject() {
    let school = School::new().await;
    let unnamed = |c: &mut Value| without(c, "sid");
    let ada = school.lets_in(unnamed).await;
    let named = school.lets_in(|c| c["sid"] = json!("s2")).await;

    school.hears(|c| c["sid"] = json!("s9")).await.unwrap();

    assert!(matches!(school.bench.auth.refreshed(&ada).await, Err(AuthError::NotSignedIn)));
    school.refuses(unnamed).await;
    assert!(school.bench.auth.refreshed(&named).await.is_ok());
    school
        .lets_in(|c| {
            unnamed(c);
            later(c, 2);
            c["jti"] = json!("t2");
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_lives_as_long_as_its_tokens_are_renewed_and_may_begin_again() {
    let school = School::new().await;
    let first = school.lets_in(|_| {}).await;
    assert_eq!(first.expires, Millis((NOW + 300) * SECOND), "no longer than its token");
    let day = |days: i64| move |c: &mut Value| later(c, days * DAY / SECOND);

    school.bench.clock.advance(5 * DAY);
    school.lets_in(day(5)).await;
    school.bench.clock.advance(5 * DAY);
    let lives = school.lets_in(day(10)).await;
    assert_eq!(lives.signed_in_at, first.signed_in_at);

    school.bench.clock.advance(8 * DAY);
    assert!(school.bench.store.forget_sessions(school.bench.auth.clock.now()).await.unwrap() > 0);
    let again = school.lets_in(day(18)).await;
    assert_eq!(again.session, first.session);
    assert_ne!(again.signed_in_at, first.signed_in_at);
    let kept = school.bench.auth.clock.now().plus(8 * DAY + 25 * HOUR);
    assert_eq!(school.bench.store.forget_foreign_sign_ins(kept).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_after_a_change_does_not_outlast_the_token() {
    let school = School::new().await;
    for scope in ["tutor", "tutor admin"] {
        let ada = school.lets_in(|c| c["scope"] = json!(scope)).await;
        let fresh = school.bench.auth.refreshed(&ada).await.unwrap();
        assert_eq!((fresh.expires, fresh.may_administer), (ada.expires, ada.may_administer));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_of_a_foreign_person_opens_a_socket_until_the_sign_in_ends() {
    let school = School::new().await;
    let auth = &school.bench.auth;
    let ada = school.lets_in(|_| {}).await;

    let ticket = auth.issue_ticket(&ada, Some(PAGE));
    let opened = auth.redeem_ticket(&ticket, Some(PAGE)).await.unwrap();
    assert_eq!((opened.user.id, opened.expires), (ada.user.id.clone(), ada.expires));
    let late = auth.issue_ticket(&ada, Some(PAGE));
    school.hears(|_| {}).await.unwrap();
    assert!(auth.redeem_ticket(&late, Some(PAGE)).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_shared_accounts_subject_and_sign_in_are_rows_of_ours() {
    let school = School::with(true).await;
    let ada = school.bench.signed_in("ada", Role::Student).await;
    let own = |c: &mut Value| {
        (c["sub"], c["sid"]) = (json!("ada"), json!(ada.session.as_str()));
    };

    assert_eq!(school.lets_in(own).await.user, ada.user, "and the claims change nothing");
    school.refuses(|_| {}).await;
    school.refuses(|c| c["sid"] = json!(ada.session.as_str())).await;
    school
        .refuses(|c| {
            c["sub"] = json!("ada");
            without(c, "sid");
        })
        .await;
    assert!(matches!(school.hears(|_| {}).await, Err(LogoutError::NoIssuer)));
    school.bench.auth.sign_out(&ada, &Device::default()).await.unwrap();
    school.refuses(own).await;
    assert_eq!(school.people().await, 1);
}

/// Attack D18, where the issuer is somebody else: chat nodes beside nodes that sign people in.
#[tokio::test(flavor = "multi_thread")]
async fn a_bound_token_of_the_issuer_serves_the_holder_of_its_key_with_a_proof_once_on_all_nodes() {
    const CALL: Call<'static> = Call { method: "POST", path: "/api/v1/live/ticket" };
    for shared in [true, false] {
        let school = School::with(shared).await;
        let issuer = super::super::issuer::Settings { shared_accounts: shared, ..settings() };
        let other = school.bench.second_node(|settings| settings.issuer = Some(issuer)).await;
        teach(other.auth.issuer.as_ref().unwrap(), &[&school.mint]);
        let ada = school.bench.signed_in("ada", Role::Student).await;
        let pair = Pair::es256();
        let token = |cnf: Option<Value>| {
            let mut claims = claims();
            (claims["sub"], claims["sid"]) = (json!("ada"), json!(ada.session.as_str()));
            if let Some(cnf) = cnf {
                claims["cnf"] = cnf;
            }
            school.mint.access(&claims)
        };
        let bound = token(Some(json!({ "jkt": pair.thumbprint() })));
        let proof = |pair: &Pair, token: &str, name: &str| {
            let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(token));
            let htu = format!("http://localhost:8080{}", CALL.path);
            let header = json!({ "typ": "dpop+jwt", "jwk": pair.public() });
            let claims = json!({ "jti": name, "htm": "POST", "htu": htu, "iat": NOW, "ath": hash });
            pair.sign(header, &claims)
        };
        let opens = async |on: &Bench, token: &str, proof: &str| match on
            .auth
            .by_dpop(token, proof, CALL)
            .await
            .map_err(AuthError::from)
        {
            Ok(_) => true,
            Err(AuthError::BadToken) => false,
            Err(error) => panic!("{error}"),
        };

        let once = proof(&pair, &bound, "1");
        assert!(opens(&school.bench, &bound, &once).await);
        assert!(!opens(&school.bench, &bound, &once).await, "a proof counts once");
        assert!(!opens(&other, &bound, &once).await, "on all nodes");
        assert!(opens(&other, &bound, &proof(&pair, &bound, "2")).await);
        let bare = school.bench.auth.by_bearer(&bound).await;
        assert!(matches!(bare, Err(AuthError::BadToken)), "without a proof");
        let stranger = Pair::es256();
        assert!(!opens(&other, &bound, &proof(&stranger, &bound, "3")).await, "another key");
        let free = token(None);
        assert!(!opens(&other, &free, &proof(&pair, &free, "4")).await, "bound to no key");
        assert!(other.auth.by_bearer(&free).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_tokens_open_as_before_beside_an_issuer() {
    let school = School::new().await;
    let ada = school.bench.signed_in("ada", Role::Student).await;
    let own = school.bench.auth.issue_access_token(&ada).unwrap();

    assert_eq!(school.bench.auth.by_bearer(&own).await.unwrap().session, ada.session);
    let mut forged = claims();
    (forged["iss"], forged["sub"]) = (json!(school.bench.auth.issuer()), json!("ada"));
    forged["sid"] = json!(ada.session.as_str());
    let forged = school.mint.access(&forged);
    let shown = school.bench.auth.by_bearer(&forged).await;
    assert!(matches!(shown, Err(AuthError::BadToken)), "the issuer's key signs for itself alone");
}
