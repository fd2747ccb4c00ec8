//! Apps that prove by a key that they are themselves.

use super::*;

const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

struct Signer<'a> {
    world: &'a World,
    pair: Pair,
    id: &'static str,
}

impl<'a> Signer<'a> {
    async fn new(world: &'a World, id: &'static str, metadata: Value) -> Self {
        let pair = Pair::es256();
        let mut all = json!({
            "token_endpoint_auth_method": "private_key_jwt",
            "grant_types": ["client_credentials"],
            "client_credentials_scopes": "books",
            "jwks": pair.jwks(),
        });
        all.as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
        world.app(id, all).await;
        Self { world, pair, id }
    }

    fn assertion(&self, change: impl FnOnce(&mut Value, &mut Value)) -> String {
        let now = self.world.now();
        let mut claims = json!({
            "iss": self.id, "sub": self.id, "aud": ISSUER, "iat": now, "exp": now + 60,
            "jti": uuid::Uuid::new_v4().to_string(),
        });
        let mut header = json!({});
        change(&mut header, &mut claims);
        self.pair.sign(header, &claims)
    }

    async fn ask(&self, assertion: &str) -> Answer {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", BEARER),
            ("client_assertion", assertion),
        ];
        let answer = self.world.form(TOKEN, &form, &[]).await;
        assert!([200, 401].contains(&answer.status), "{}", answer.text);
        answer
    }

    async fn takes(&self, change: impl FnOnce(&mut Value, &mut Value)) -> bool {
        self.ask(&self.assertion(change)).await.status == 200
    }
}

/// Attack D12.
#[actix_web::test]
async fn an_assertion_is_for_us_of_now_and_counts_once() {
    let world = World::new().await;
    let app = Signer::new(&world, "signing", json!({})).await;
    let now = world.now();

    let once = app.assertion(|_, _| ());
    assert_eq!(app.ask(&once).await.status, 200);
    assert_eq!(app.ask(&once).await.refusal(), (401, "invalid_client".to_owned()), "its jti");
    let token_url = format!("{ISSUER}/oauth2/token");
    assert!(app.takes(|_, c| c["aud"] = json!(token_url)).await);
    assert!(app.takes(|_, c| c["aud"] = json!([ISSUER])).await);
    assert!(app.takes(|_, c| c["exp"] = json!(now + 300)).await);
    // Attack D17.
    assert!(app.takes(|_, c| c["nbf"] = json!(now + 8)).await);
    assert!(app.takes(|_, c| c["iat"] = json!(now + 10)).await);
    assert!(app.takes(|_, c| c["exp"] = json!(now - 9)).await);
    for (name, value) in [
        ("aud", json!([ISSUER, "https://other.example"])),
        ("aud", json!("https://other.example")),
        ("aud", json!(format!("{ISSUER}/oauth2/par"))),
        ("aud", json!("http://localhost:8080")),
        ("aud", json!([])),
        ("exp", Value::Null),
        ("exp", json!(now + 311)),
        ("exp", json!(now - 10)),
        ("exp", json!("soon")),
        ("nbf", json!(now + 11)),
        ("iat", json!(now + 60)),
        ("iss", json!("app")),
        ("jti", json!("")),
        ("jti", Value::Null),
    ] {
        assert!(!app.takes(|_, c| c[name] = value.clone()).await, "{name} {value}");
    }
    assert!(!app.takes(|_, c| drop(c.as_object_mut().unwrap().remove("exp"))).await);
}

/// Attack D12: the signature itself. Attack D16: a token of another type.
#[actix_web::test]
async fn an_assertion_is_signed_by_the_apps_own_key_as_it_registered() {
    let world = World::new().await;
    let app = Signer::new(&world, "signing", json!({})).await;
    for header in [
        json!({"alg": "none"}),
        json!({"alg": "HS256"}),
        json!({"alg": "RS256"}),
        json!({"typ": "at+jwt"}),
        json!({"typ": "dpop+jwt"}),
        json!({"kid": "another"}),
        json!({"crit": ["exp"]}),
    ] {
        assert!(!app.takes(|it, _| *it = header.clone()).await, "{header}");
    }
    let good = app.assertion(|_, _| ());
    let (message, _) = good.rsplit_once('.').unwrap();
    assert_eq!(app.ask(&format!("{message}.AAAA")).await.status, 401);
    assert_eq!(app.ask("a.b.c").await.status, 401);
    assert_eq!(app.ask(&"A".repeat(20_000)).await.status, 401);
    let stranger = Signer { world: &world, pair: Pair::es256(), id: "signing" };
    assert_eq!(app.ask(&stranger.assertion(|_, _| ())).await.status, 401);
    // One who brings its own key along.
    let jwk = stranger.pair.public();
    let forged = stranger.assertion(|header, _| header["jwk"] = jwk);
    assert_eq!(app.ask(&forged).await.status, 401);
    // An app with a secret proves nothing by a key, nor the other way round.
    let secret = Signer { world: &world, pair: Pair::es256(), id: "app" };
    assert_eq!(secret.ask(&secret.assertion(|_, _| ())).await.status, 401);
    let form = [("grant_type", "client_credentials"), ("client_id", "signing")];
    assert_eq!(world.form(TOKEN, &form, &[]).await.status, 401);

    assert_eq!(app.ask(&good).await.status, 200);
}

#[actix_web::test]
async fn the_registered_algorithm_is_the_only_one_by_either_of_its_names() {
    let world = World::new().await;
    let rs = json!({"token_endpoint_auth_signing_alg": "RS256"});
    let other = Signer::new(&world, "rs", rs).await;
    assert!(!other.takes(|_, _| ()).await);
    let pair = Pair::ed25519();
    let ed = json!({"token_endpoint_auth_signing_alg": "EdDSA", "jwks": pair.jwks()});
    let mut ed = Signer::new(&world, "ed", ed).await;
    ed.pair = pair;
    assert!(ed.takes(|header, _| header["alg"] = json!("Ed25519")).await);
    assert!(ed.takes(|header, _| header["alg"] = json!("EdDSA")).await);
}

/// FAPI 2.0 Security Profile §5.3.2.1.
#[actix_web::test]
async fn a_fapi_client_names_the_issuer_and_nothing_else_and_its_tokens_are_bound() {
    let world = World::new().await;
    let app = Signer::new(&world, "bank", json!({"fapi": true})).await;
    let token_url = format!("{ISSUER}/oauth2/token");
    assert!(!app.takes(|_, c| c["aud"] = json!(token_url)).await);
    assert!(!app.takes(|_, c| c["aud"] = json!([ISSUER])).await);
    let good = app.assertion(|_, _| ());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", BEARER),
        ("client_assertion", &*good),
    ];
    let proof = world.proof(&Pair::es256(), ("POST", TOKEN), None);

    let answer = world.form(TOKEN, &form, &[("dpop", &proof)]).await;

    assert_eq!((answer.status, answer.text_of("token_type").as_str()), (200, "DPoP"));
    let again = app.assertion(|_, _| ());
    let form = [form[0], form[1], ("client_assertion", &*again)];
    let without = world.form(TOKEN, &form, &[]).await;
    assert_eq!(without.refusal(), (400, "invalid_dpop_proof".to_owned()));
}
