//! What is read of another issuer's tokens, and what is not. Attack ids are those of `oidc.md` §3.

use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};

use super::*;
use crate::{
    auth::tests::START,
    domain::clock::{HOUR, ManualClock, Millis, SECOND},
};

pub(crate) const URL: &str = "https://id.example/realms/school";
const AUDIENCE: &str = "http://localhost:8080/api";

/// Somebody who can sign.
pub(crate) struct Mint {
    kid: String,
    key: EncodingKey,
}

impl Mint {
    pub(crate) fn new(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let der = pair.to_pkcs8v1().unwrap();
        Self { kid: kid.to_owned(), key: EncodingKey::from_ec_der(der.as_ref()) }
    }

    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, Algorithm::ES256).unwrap();
        jwk.common.key_id = Some(self.kid.clone());
        serde_json::to_value(jwk).unwrap()
    }

    /// A token with a good signature, as far from a good one as the test wants.
    pub(crate) fn sign(&self, claims: &Value, change: impl FnOnce(&mut Header)) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(jwt::ACCESS.to_owned());
        header.kid = Some(self.kid.clone());
        change(&mut header);
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }

    pub(crate) fn access(&self, claims: &Value) -> String {
        self.sign(claims, |_| {})
    }

    pub(crate) fn logout(&self, claims: &Value) -> String {
        self.sign(claims, |header| header.typ = Some(LOGOUT.to_owned()))
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        url: URL.to_owned(),
        audience: String::new(),
        client_id: "tutor-client".to_owned(),
        shared_accounts: false,
        scope: "tutor".to_owned(),
        roles_claim: "role".to_owned(),
        roles: BTreeMap::new(),
        leeway: 10 * SECOND,
    }
}

pub(crate) const NOW: i64 = START.0 / SECOND;

pub(crate) fn claims() -> Value {
    json!({
        "iss": URL, "sub": "u-17", "aud": AUDIENCE, "scope": "openid tutor", "iat": NOW,
        "exp": NOW + 300, "jti": "t1", "sid": "s1", "role": "instructor", "name": "Ada L.",
        "email": "Ada@School.example", "email_verified": true,
    })
}

pub(crate) fn logout_claims() -> Value {
    json!({
        "iss": URL, "sub": "u-17", "aud": "tutor-client", "iat": NOW, "exp": NOW + 120,
        "jti": "l1", "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    })
}

/// Gives an issuer keys, and lets it ask for others no more for a minute.
pub(crate) fn teach(issuer: &Issuer, mints: &[&Mint]) {
    let keys: Vec<Value> = mints.iter().map(|mint| mint.jwk()).collect();
    let set = || KeySet::read(json!({ "keys": keys }).to_string().as_bytes());
    let now = issuer.clock.now();
    issuer.cache().finish(set());
    assert!(matches!(issuer.cache().look(now, |_| None::<()>), Look::Wait));
    issuer.cache().begin(now);
    issuer.cache().finish(set());
}

fn with(settings: Settings, mint: &Mint) -> Issuer {
    let clock: SharedClock = Arc::new(ManualClock::at(START));
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let issuer = Issuer::new(settings, AUDIENCE.to_owned(), clock).unwrap();
    teach(&issuer, &[mint]);
    issuer
}

struct Bench {
    mint: Mint,
    issuer: Issuer,
}

impl Bench {
    fn new() -> Self {
        let mint = Mint::new("k1");
        let issuer = with(settings(), &mint);
        Self { mint, issuer }
    }

    async fn read(&self, change: impl FnOnce(&mut Value)) -> Result<Vouched, Unread> {
        let mut claims = claims();
        change(&mut claims);
        self.issuer.access(&self.mint.access(&claims), None).await
    }

    async fn refusal(&self, change: impl FnOnce(&mut Value)) -> Refused {
        refused(self.read(change).await)
    }

    async fn shown(&self, token: &str) -> Refused {
        refused(self.issuer.access(token, None).await)
    }
}

fn refused<T: std::fmt::Debug>(read: Result<T, Unread>) -> Refused {
    match read {
        Err(Unread::Refused(why)) => why,
        other => panic!("not refused: {other:?}"),
    }
}

type Change = fn(&mut Value);

fn without(claims: &mut Value, name: &str) {
    claims.as_object_mut().unwrap().remove(name);
}

#[tokio::test]
async fn a_token_of_the_issuer_says_who_somebody_is() {
    let vouched = Bench::new().read(|_| {}).await.unwrap();

    let expected = Vouched {
        subject: "u-17".to_owned(),
        sign_in: SignIn::Named("s1".to_owned()),
        issued_at: START,
        expires: START.plus(300 * SECOND),
        may_administer: false,
        name: "Ada L.".to_owned(),
        email: Some(crate::domain::email::Email::parse("ada@school.example").unwrap()),
        verified: true,
        role: Role::Instructor,
    };
    assert_eq!(vouched, expected);
}

/// Attack D15: what names no algorithm, a symmetric one, or a key of its own.
#[tokio::test]
async fn a_token_chooses_neither_its_algorithm_nor_its_key() {
    let bench = Bench::new();
    let (good, attacker) = (bench.mint.access(&claims()), Mint::new("k1"));
    let signature = good.rsplit('.').next().unwrap();
    let encoded = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let header = |header: Value| format!("{}.{}.{signature}", encoded(header), encoded(claims()));

    let none = encoded(json!({ "alg": "none", "typ": "at+jwt", "kid": "k1" }));
    for token in [
        format!("{none}.{}.", encoded(claims())),
        header(json!({ "alg": "none", "typ": "at+jwt", "kid": "k1" })),
        String::new(),
        "..".to_owned(),
        format!("{good}{}", "A".repeat(1_000_000)),
        bench.mint.sign(&claims(), |it| it.crit = Some(vec!["b64".to_owned()])),
    ] {
        assert_eq!(bench.shown(&token).await, Refused::Malformed, "{token:.80}");
    }
    let mut confused = Header::new(Algorithm::HS256);
    (confused.typ, confused.kid) = (Some("at+jwt".to_owned()), Some("k1".to_owned()));
    let public = EncodingKey::from_secret(bench.mint.jwk().to_string().as_bytes());
    let token = jsonwebtoken::encode(&confused, &claims(), &public).unwrap();
    assert_eq!(bench.shown(&token).await, Refused::Algorithm, "HS256 with the public key");

    let own = attacker.sign(&claims(), |it| {
        it.jwk = serde_json::from_value(attacker.jwk()).ok();
        it.jku = Some("http://127.0.0.1:1/keys".to_owned());
        it.x5u = it.jku.clone();
    });
    assert_eq!(bench.shown(&own).await, Refused::Signature, "a key that it brings along");
    assert_eq!(bench.shown(&good.replace(signature, "AAAA")).await, Refused::Signature);
    let zero = URL_SAFE_NO_PAD.encode([0; 64]);
    assert_eq!(bench.shown(&good.replace(signature, &zero)).await, Refused::Signature);
    for kid in ["../../etc/passwd", "' OR 1=1--", ""] {
        let token = bench.mint.sign(&claims(), |it| it.kid = Some(kid.to_owned()));
        assert_eq!(bench.shown(&token).await, Refused::Key, "{kid}");
    }
    let nameless = bench.mint.sign(&claims(), |it| it.kid = None);
    assert_eq!(bench.shown(&nameless).await, Refused::Key);
}

/// Attack D15: JSON that is no claims, however deep.
#[tokio::test]
async fn a_token_whose_claims_are_no_object_is_refused() {
    let bench = Bench::new();
    let deep = "[".repeat(2_000);
    for claims in [json!([1]), json!("x"), json!(deep)] {
        assert_eq!(bench.shown(&bench.mint.access(&claims)).await, Refused::Signature);
    }
}

/// Attack D16: rightly signed, but for something else.
#[tokio::test]
async fn a_token_of_another_type_is_refused() {
    let bench = Bench::new();
    for typ in [None, Some("JWT"), Some("logout+jwt"), Some("dpop+jwt"), Some("x/at+jwt")] {
        let token = bench.mint.sign(&claims(), |it| it.typ = typ.map(str::to_owned));
        assert_eq!(bench.shown(&token).await, Refused::Type, "{typ:?}");
    }
    let long = bench.mint.sign(&claims(), |it| it.typ = Some("application/AT+JWT".to_owned()));
    assert!(bench.issuer.access(&long, None).await.is_ok());
}

/// Attack D16.
#[tokio::test]
async fn a_token_for_another_audience_issuer_or_scope_is_refused() {
    let bench = Bench::new();
    let changes: [(Change, Refused); 9] = [
        (|c| c["aud"] = json!("another"), Refused::Audience),
        (|c| c["aud"] = json!(["a", "b"]), Refused::Audience),
        (|c| c["aud"] = json!({ "x": AUDIENCE }), Refused::Audience),
        (|c| without(c, "aud"), Refused::Audience),
        (|c| c["iss"] = json!(format!("{URL}/")), Refused::Issuer),
        (|c| c["iss"] = json!("https://evil.example"), Refused::Issuer),
        (|c| c["scope"] = json!("openid tutorial"), Refused::Scope),
        (|c| c["scope"] = json!(["tutor"]), Refused::Scope),
        (|c| without(c, "scope"), Refused::Scope),
    ];
    for (change, why) in changes {
        assert_eq!(bench.refusal(change).await, why);
    }
    assert!(bench.read(|c| c["aud"] = json!(["x", AUDIENCE])).await.is_ok());
    let mint = Mint::new("k1");
    let any = with(Settings { scope: String::new(), ..settings() }, &mint);
    let mut bare = claims();
    without(&mut bare, "scope");
    assert!(any.access(&mint.access(&bare), None).await.is_ok(), "where no scope is asked for");
}

/// Attack D18: a token that is bound to a key, shown as if it were not.
#[tokio::test]
async fn a_token_bound_to_a_key_is_not_taken_without_its_proof() {
    let bench = Bench::new();
    let jkt = json!({ "jkt": "0ZcOCORZNYy" });
    let both = json!({ "jkt": "0ZcOCORZNYy", "x5t#S256": "bwcK0es" });
    let shows = async |cnf: Option<&Value>, key: Option<&str>| {
        let mut claims = claims();
        if let Some(cnf) = cnf {
            claims["cnf"] = cnf.clone();
        }
        bench.issuer.access(&bench.mint.access(&claims), key).await
    };
    let right = Some("0ZcOCORZNYy");
    for cnf in [&jkt, &json!({ "x5t#S256": "bwcK0es" }), &both, &json!({}), &json!(null)] {
        assert_eq!(refused(shows(Some(cnf), None).await), Refused::Bound, "{cnf}");
        assert_eq!(refused(shows(Some(cnf), Some("another")).await), Refused::Bound, "{cnf}");
        assert_eq!(shows(Some(cnf), right).await.is_ok(), *cnf == jkt, "{cnf}");
    }
    assert_eq!(refused(shows(None, right).await), Refused::Bound, "it is bound to no key");
}

/// Attack D17: clocks that differ.
#[tokio::test]
async fn times_may_be_as_far_off_as_the_settings_say() {
    let bench = Bench::new();
    for (name, offset, good) in [
        ("exp", -9, true),
        ("exp", -10, false),
        ("iat", 10, true),
        ("iat", 11, false),
        ("nbf", 8, true),
        ("nbf", 120, false),
    ] {
        let read = bench.read(|claims| claims[name] = json!(NOW + offset)).await;
        assert_eq!(read.is_ok(), good, "{name} {offset}: {read:?}");
    }
    assert_eq!(bench.refusal(|c| without(c, "exp")).await, Refused::Expired);
    assert_eq!(bench.refusal(|c| without(c, "iat")).await, Refused::IssuedAt);
    assert_eq!(bench.refusal(|c| c["exp"] = json!("soon")).await, Refused::Expired);
    let parts = bench.read(|c| c["exp"] = json!(300.5)).await;
    assert_eq!(refused(parts), Refused::Expired, "parts of a second are no error");
}

#[tokio::test]
async fn no_token_is_believed_for_more_than_a_day() {
    let bench = Bench::new();
    let vouched = bench.read(|c| c["exp"] = json!(NOW + 400 * 86_400)).await.unwrap();
    assert_eq!(vouched.expires, Millis(START.0 + 24 * HOUR));
    let old = bench.refusal(|c| {
        c["iat"] = json!(NOW - 86_400 - 10);
        c["exp"] = json!(NOW + 86_400);
    });
    assert_eq!(old.await, Refused::Expired);
}

/// Attack A22: what PostgreSQL or a page would choke on.
#[tokio::test]
async fn a_subject_or_sign_in_that_cannot_be_kept_is_refused() {
    let bench = Bench::new();
    for bad in [json!(""), json!("a\u{0}b"), json!("a\nb"), json!("x".repeat(256)), json!(7)] {
        for name in ["sub", "sid"] {
            let refused = bench.refusal(|claims| claims[name] = bad.clone()).await;
            assert_eq!(refused, Refused::Subject, "{name} {bad}");
        }
    }
    assert_eq!(bench.refusal(|c| without(c, "sub")).await, Refused::Subject);
    let named = bench.read(|c| c["name"] = json!(" A\u{0}d\na ")).await.unwrap();
    assert_eq!(named.name, "Ada");
    let nameless = bench.read(|c| without(c, "name")).await.unwrap();
    assert_eq!(nameless.name, "Learner");
}

#[tokio::test]
async fn a_sign_in_without_a_name_is_called_after_its_time_or_its_token() {
    let bench = Bench::new();
    let unnamed = async |change: Change| {
        let read = bench.read(|claims| {
            without(claims, "sid");
            change(claims);
        });
        read.await.unwrap().sign_in
    };
    let timed = unnamed(|c| c["auth_time"] = json!(NOW - 5)).await;
    assert_eq!(timed, SignIn::Unnamed(format!("auth_time {}", NOW - 5)));
    assert_eq!(unnamed(|_| {}).await, SignIn::Unnamed("jti t1".to_owned()));
}

#[tokio::test]
async fn an_address_is_taken_only_if_it_is_verified_and_silence_vouches_for_the_person() {
    let bench = Bench::new();
    let (no, yes) = (json!(false), json!(true));
    for (verified, address, person) in [
        (Some(&yes), true, true),
        (Some(&no), false, false),
        (Some(&json!("true")), false, true),
        (None, false, true),
    ] {
        let vouched = bench
            .read(|claims| match verified {
                Some(verified) => claims["email_verified"] = verified.clone(),
                None => without(claims, "email_verified"),
            })
            .await
            .unwrap();
        assert_eq!((vouched.email.is_some(), vouched.verified), (address, person), "{verified:?}");
    }
}

#[tokio::test]
async fn a_role_comes_from_the_claim_and_what_is_unknown_is_a_student() {
    let mint = Mint::new("k1");
    let role = async |settings: Settings, value: Value| {
        let issuer = with(settings, &mint);
        let mut claims = claims();
        claims["role"] = value.clone();
        claims["realm"] = json!({ "roles": value });
        issuer.access(&mint.access(&claims), None).await.unwrap().role
    };
    for (value, expected) in [
        (json!("admin"), Role::Admin),
        (json!("Admin"), Role::Student),
        (json!(["student", "instructor", "x"]), Role::Instructor),
        (json!(7), Role::Student),
        (json!(null), Role::Student),
    ] {
        assert_eq!(role(settings(), value.clone()).await, expected, "{value}");
    }
    let mapped = Settings {
        roles_claim: "realm.roles".to_owned(),
        roles: BTreeMap::from([("teacher".to_owned(), Role::Instructor)]),
        ..settings()
    };
    assert_eq!(role(mapped.clone(), json!(["teacher"])).await, Role::Instructor);
    assert_eq!(role(mapped, json!("admin")).await, Role::Student, "not in the map");
    let none = Settings { roles_claim: String::new(), ..settings() };
    assert_eq!(role(none, json!("admin")).await, Role::Student);
}

#[tokio::test]
async fn staff_rights_need_the_admin_scope() {
    let bench = Bench::new();
    let with = bench.read(|c| c["scope"] = json!("tutor admin")).await.unwrap();
    assert!(with.may_administer);
}

/// Attack D16: what is not exactly a logout token ends nothing.
#[tokio::test]
async fn a_logout_token_is_what_the_standard_says() {
    let bench = Bench::new();
    let read = async |change: Change| {
        let mut claims = logout_claims();
        change(&mut claims);
        bench.issuer.logout(&bench.mint.logout(&claims)).await
    };
    assert_eq!(read(|_| {}).await.unwrap().subject.as_deref(), Some("u-17"));
    let by_sid = read(|c| {
        without(c, "sub");
        c["sid"] = json!("s1");
    });
    assert_eq!(by_sid.await.unwrap().sign_in.as_deref(), Some("s1"));

    let changes: [(Change, Refused); 10] = [
        (|c| c["iss"] = json!("https://evil.example"), Refused::Issuer),
        (|c| c["aud"] = json!(AUDIENCE), Refused::Audience),
        (|c| without(c, "iat"), Refused::IssuedAt),
        (|c| without(c, "exp"), Refused::Expired),
        (|c| c["exp"] = json!(NOW - 11), Refused::Expired),
        (|c| without(c, "jti"), Refused::Event),
        (|c| without(c, "events"), Refused::Event),
        (|c| c["events"] = json!({ "other": {} }), Refused::Event),
        (|c| c["nonce"] = json!("n"), Refused::Event),
        (|c| without(c, "sub"), Refused::Subject),
    ];
    for (change, why) in changes {
        assert_eq!(refused(read(change).await), why);
    }
    for typ in ["at+jwt", "JWT"] {
        let token = bench.mint.sign(&logout_claims(), |it| it.typ = Some(typ.to_owned()));
        assert_eq!(refused(bench.issuer.logout(&token).await), Refused::Type, "{typ}");
    }
    let untyped = bench.mint.sign(&logout_claims(), |it| it.typ = None);
    assert!(bench.issuer.logout(&untyped).await.is_ok());
}

#[tokio::test]
async fn without_a_key_ever_nobody_can_say() {
    let bench = Bench::new();
    *bench.issuer.cache() = Cache::default();
    bench.issuer.cache().begin(START);
    bench.issuer.cache().finish(None);

    let read = bench.issuer.access(&bench.mint.access(&claims()), None).await;
    assert_eq!(read, Err(Unread::Away));
}
