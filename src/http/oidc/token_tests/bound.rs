//! Tokens that are bound to a key (attack D18).

use super::*;

struct Bound {
    pair: Pair,
    access: String,
    refresh: String,
}

impl World {
    async fn bound(&self) -> Bound {
        let pair = Pair::es256();
        let code = self.code(&self.granted("openid tutor offline_access"));
        let answer = self.redeem_with(&code, &self.proof(&pair, ("POST", TOKEN), None)).await;
        assert_eq!(answer.text_of("token_type"), "DPoP");
        let (access, refresh) = (answer.text_of("access_token"), answer.text_of("refresh_token"));
        Bound { pair, access, refresh }
    }

    async fn redeem_with(&self, code: &str, proof: &str) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
        ];
        self.form(TOKEN, &form, &[("dpop", proof)]).await
    }

    async fn refresh_with(&self, token: &str, proof: &str) -> Answer {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.form(TOKEN, &form, &[("dpop", proof)]).await
    }

    async fn api_by(&self, token: &str, proof: &str) -> u16 {
        let shown = format!("DPoP {token}");
        self.api_with(&[("authorization", &shown), ("dpop", proof)]).await
    }
}

#[actix_web::test]
async fn a_bound_token_opens_the_api_and_userinfo_for_the_holder_of_its_key() {
    let world = World::new().await;
    let Bound { pair, access, .. } = world.bound().await;
    assert_eq!(claims(&access)["cnf"]["jkt"], pair.thumbprint());

    let proof = world.proof(&pair, ("POST", API), Some(&access));
    assert_eq!(world.api_by(&access, &proof).await, 200);
    assert_eq!(world.api_by(&access, &proof).await, 401, "a proof counts once");

    let shown = format!("DPoP {access}");
    for method in ["GET", "POST"] {
        let proof = world.proof(&pair, (method, USERINFO), Some(&access));
        let headers = [("authorization", shown.as_str()), ("dpop", proof.as_str())];
        let method: Method = method.parse().unwrap();
        let answer = world.send(method, USERINFO, &headers, Vec::new()).await;
        assert_eq!((answer.status, answer.text_of("sub").as_str()), (200, "ada"));
    }
}

/// Attack D18: no proof, the Bearer scheme, another key, another call, another token.
#[actix_web::test]
async fn a_bound_token_without_its_own_proof_opens_nothing() {
    let world = World::new().await;
    let Bound { pair, access, .. } = world.bound().await;
    let here = ("POST", API);
    assert_eq!(world.api(&access).await, 401, "Bearer");
    assert_eq!(world.userinfo(&access).await.status, 401, "Bearer");
    let shown = format!("DPoP {access}");
    assert_eq!(world.api_with(&[("authorization", &shown)]).await, 401, "no proof");
    let good = world.proof(&pair, here, Some(&access));
    let twice = [("authorization", shown.as_str()), ("dpop", &good), ("dpop", &good)];
    assert_eq!(world.api_with(&twice).await, 401, "two proofs");
    for (name, proof) in [
        ("key", world.proof(&Pair::es256(), here, Some(&access))),
        ("htm", world.proof(&pair, ("GET", API), Some(&access))),
        ("htu", world.proof(&pair, ("POST", "/api/v1/courses"), Some(&access))),
        ("no ath", world.proof(&pair, here, None)),
        ("ath", world.proof(&pair, here, Some("another"))),
        ("nonsense", "a.b.c".to_owned()),
    ] {
        assert_eq!(world.api_by(&access, &proof).await, 401, "{name}");
        let headers = [("authorization", shown.as_str()), ("dpop", &proof)];
        let answer = world.get(USERINFO, &headers).await;
        assert_eq!(answer.status, 401, "{name}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("DPoP error="));
    }
    let plain = world.tokens("openid tutor").await.text_of("access_token");
    let proof = world.proof(&pair, here, Some(&plain));
    assert_eq!(world.api_by(&plain, &proof).await, 401, "it is bound to no key");

    assert_eq!(world.api_by(&access, &good).await, 200);
}

/// RFC 9449 §7.1, RFC 6750 §3.1.
#[actix_web::test]
async fn the_api_says_in_the_scheme_that_was_used_what_was_wrong() {
    let world = World::new().await;
    let Bound { pair, access, .. } = world.bound().await;
    let challenges = async |headers: &[(&str, &str)]| {
        let answer = world.send(Method::POST, API, headers, Vec::new()).await;
        assert_eq!(answer.status, 401);
        let all = answer.headers.get_all("www-authenticate");
        all.map(|it| it.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let algs = "algs=\"ES256 EdDSA Ed25519 PS256 RS256\"";
    let token = |scheme: &str| {
        let why = "error_description=\"The token is not valid here.\"";
        format!("{scheme} error=\"invalid_token\", {why}")
    };
    let both = ["Bearer".to_owned(), format!("DPoP {algs}")];

    assert_eq!(challenges(&[]).await, both);
    assert_eq!(challenges(&[("cookie", "better-auth.session_token=a.b")]).await, both);
    let shown = format!("Bearer {access}");
    assert_eq!(challenges(&[("authorization", &shown)]).await, [token("Bearer")]);
    let proof = world.proof(&pair, ("POST", API), Some("a.b.c"));
    let headers = [("authorization", "DPoP a.b.c"), ("dpop", &*proof)];
    assert_eq!(challenges(&headers).await, [format!("{}, {algs}", token("DPoP"))]);
    let other = world.proof(&Pair::es256(), ("POST", API), Some(&access));
    let shown = format!("DPoP {access}");
    let headers = [("authorization", &*shown), ("dpop", &*other)];
    assert_eq!(challenges(&headers).await, [format!("{}, {algs}", token("DPoP"))]);
    let late = world.proof(&pair, ("GET", API), Some(&access));
    for headers in [vec![], vec![("dpop", &*late)]] {
        let headers = [vec![("authorization", &*shown)], headers].concat();
        let [only] = &challenges(&headers).await[..] else { panic!("one challenge") };
        assert!(
            only.starts_with("DPoP error=\"invalid_dpop_proof\"") && only.ends_with(algs),
            "{only}"
        );
    }
}

type Change = fn(&mut Value, &mut Value);

/// Attack D18: `dpop-negative-tests`. Attack D17: ten seconds.
#[actix_web::test]
async fn a_proof_at_the_token_endpoint_is_of_its_type_of_now_and_by_a_public_key() {
    let world = World::new().await;
    let pair = Pair::es256();
    let changes: [(&str, Change); 13] = [
        ("typ", |h, _| h["typ"] = json!("JWT")),
        ("no typ", |h, _| drop(h.as_object_mut().unwrap().remove("typ"))),
        ("none", |h, _| h["alg"] = json!("none")),
        ("HS256", |h, _| h["alg"] = json!("HS256")),
        ("no jwk", |h, _| drop(h.as_object_mut().unwrap().remove("jwk"))),
        ("private", |h, _| h["jwk"]["d"] = json!("AAAA")),
        ("kty", |h, _| h["jwk"]["kty"] = json!("RSA")),
        ("htm", |_, c| c["htm"] = json!("post")),
        ("htu", |_, c| c["htu"] = json!("http://evil.example/api/auth/oauth2/token")),
        ("no iat", |_, c| drop(c.as_object_mut().unwrap().remove("iat"))),
        ("early", |_, c| c["iat"] = json!(c["iat"].as_i64().unwrap() + 11)),
        ("late", |_, c| c["iat"] = json!(c["iat"].as_i64().unwrap() - 71)),
        ("no jti", |_, c| drop(c.as_object_mut().unwrap().remove("jti"))),
    ];
    let code = world.code(&world.granted("openid"));
    for (name, change) in changes {
        let proof = world.odd_proof(&pair, ("POST", TOKEN), None, change);
        let answer = world.redeem_with(&code, &proof).await;
        assert_eq!(answer.refusal(), (400, "invalid_dpop_proof".to_owned()), "{name}");
    }
    let good: [Change; 3] = [
        |_, c| c["iat"] = json!(c["iat"].as_i64().unwrap() + 10),
        |_, c| c["iat"] = json!(c["iat"].as_i64().unwrap() - 10),
        |_, c| c["htu"] = json!(format!("HTTP://LOCALHOST:8080{TOKEN}?a=b#c")),
    ];
    for change in good {
        let code = world.code(&world.granted("openid"));
        let proof = world.odd_proof(&pair, ("POST", TOKEN), None, change);
        assert_eq!(world.redeem_with(&code, &proof).await.status, 200);
        let again = world.redeem_with(&code, &proof).await;
        assert_eq!(again.refusal().1, "invalid_dpop_proof", "a proof counts once");
    }
}

/// Attack D18: a proof that was used on another node.
#[actix_web::test]
async fn a_proof_counts_once_on_all_nodes() {
    use crate::auth::oidc::dpop::{Beside, Call};
    let world = World::new().await;
    let other = world.bench.second_node(|_| ()).await;
    let proof = world.proof(&Pair::es256(), ("POST", TOKEN), None);
    let call = Call { method: "POST", path: TOKEN };
    let app = world.bench.auth.client("app").await.unwrap().unwrap();
    let app = Beside::Client(&app);

    assert!(world.bench.auth.key_proved(&proof, call, app).await.is_ok());
    assert!(other.auth.key_proved(&proof, call, app).await.is_err());
}

/// Attack D18: the key of the code and of the refresh token stays.
#[actix_web::test]
async fn the_key_cannot_change_on_the_way() {
    let world = World::new().await;
    let (pair, other) = (Pair::es256(), Pair::ed25519());
    let mut granted = world.granted("openid");
    granted.jkt = Some(pair.thumbprint());
    let code = world.code(&granted);
    let wrong = world.redeem_with(&code, &world.proof(&other, ("POST", TOKEN), None)).await;
    assert_eq!(wrong.refusal(), (400, "invalid_grant".to_owned()));
    assert_eq!(world.redeem(&code, &[]).await.refusal().1, "invalid_grant", "no key at all");
    let right = world.redeem_with(&code, &world.proof(&pair, ("POST", TOKEN), None)).await;
    assert_eq!(right.status, 200);

    let Bound { pair, refresh, .. } = world.bound().await;
    let wrong = world.refresh_with(&refresh, &world.proof(&other, ("POST", TOKEN), None)).await;
    assert_eq!(wrong.refusal().1, "invalid_grant");
    assert_eq!(world.refresh(&refresh, &[]).await.refusal().1, "invalid_grant");
    let right = world.refresh_with(&refresh, &world.proof(&pair, ("POST", TOKEN), None)).await;
    assert_eq!((right.status, right.text_of("token_type").as_str()), (200, "DPoP"));
}

#[actix_web::test]
async fn a_client_whose_tokens_must_be_bound_gets_none_without_a_key() {
    let world = World::new().await;
    world.app("bound", json!({"dpop_bound_access_tokens": true})).await;
    let granted = world.granted("openid");
    let code = world.code_for("bound", &granted, |_| ());

    let answer = world.redeem(&code, &[("client_id", "bound"), ("client_secret", SECRET)]).await;

    assert_eq!(answer.refusal(), (400, "invalid_dpop_proof".to_owned()));
}

/// FAPI 2.0 Security Profile §5.4: PS256, ES256 and Ed25519, with tokens and for tokens.
#[actix_web::test]
async fn the_proofs_of_a_fapi_client_are_not_signed_with_rs256() {
    const PAR: &str = "/api/auth/oauth2/par";
    let world = World::new().await;
    world.app("bank", json!({"fapi": true})).await;
    let [rs, ps] = Pair::rsa();
    let odd = (400, "invalid_dpop_proof".to_owned());
    let request = [
        ("response_type", "code"),
        ("redirect_uri", BACK),
        ("scope", "openid"),
        ("code_challenge", &*challenge()),
        ("code_challenge_method", "S256"),
    ];
    let push = async |id, pair: &Pair| {
        let proof = world.proof(pair, ("POST", PAR), None);
        let form = [&request[..], &[("client_id", id), ("client_secret", SECRET)]].concat();
        world.form(PAR, &form, &[("dpop", &proof)]).await
    };
    assert_eq!(push("bank", &rs).await.refusal(), odd);
    for (id, pair) in [("bank", &ps), ("bank", &Pair::ed25519()), ("app", &rs)] {
        let pushed = push(id, pair).await;
        assert_eq!(pushed.status, 201, "{id}: {}", pushed.text);
    }

    let granted = world.granted("openid tutor");
    let code = world.code_for("bank", &granted, |_| ());
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
        ("client_id", "bank"),
        ("client_secret", SECRET),
    ];
    let [wrong, right] = [&rs, &ps].map(|pair| world.proof(pair, ("POST", TOKEN), None));
    assert_eq!(world.form(TOKEN, &form, &[("dpop", &wrong)]).await.refusal(), odd);
    let access = world.form(TOKEN, &form, &[("dpop", &right)]).await.text_of("access_token");

    let shown = format!("DPoP {access}");
    for (pair, status) in [(&rs, 401), (&ps, 200)] {
        let proof = world.proof(pair, ("GET", USERINFO), Some(&access));
        let headers = [("authorization", shown.as_str()), ("dpop", proof.as_str())];
        let told = world.get(USERINFO, &headers).await;
        assert_eq!(told.status, status, "{}", told.text);
        assert_eq!(told.text.contains("invalid_dpop_proof"), status == 401);
        let proof = world.proof(pair, ("POST", API), Some(&access));
        assert_eq!(world.api_by(&access, &proof).await, status);
    }
}
