//! The endpoints that go by tokens and secrets, against the real store. Attack ids are those of
//! `oidc.md` §3. A code is sealed as the authorization endpoint does it.

use std::{net::SocketAddr, sync::Arc};

use actix_web::{
    App,
    http::{Method, header::HeaderMap},
    test,
    web::Data,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    auth::{
        Identity, Settings, hash_token,
        oidc::{code::Code, jose::tests::Pair},
        sessions::Device,
        tests::Bench,
    },
    domain::{
        clock::{Clock, MINUTE, SECOND},
        ids::SessionId,
        oidc::{granted::Granted, scope::Scopes},
        role::Role,
    },
    store::{
        auth_events::AuthEventKind,
        oauth_clients::{ClientRow, tests::client},
    },
};

mod bound;
mod by_key;
mod codes;
mod pages;
mod refreshing;
mod relying_party;
mod telling;

const TOKEN: &str = "/api/auth/oauth2/token";
const USERINFO: &str = "/api/auth/oauth2/userinfo";
const INTROSPECT: &str = "/api/auth/oauth2/introspect";
const REVOKE: &str = "/api/auth/oauth2/revoke";
/// A call of the tutor's API that anybody may make who is signed in.
const API: &str = "/api/v1/live/ticket";
const ISSUER: &str = "http://localhost:8080/api/auth";
const BACK: &str = "https://app.example/cb";
const SECRET: &str = "the-secret-of-the-app-in-32-letters";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters.";

struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// Status and code of a refusal.
    fn refusal(&self) -> (u16, String) {
        (self.status, self.json()["error"].as_str().unwrap_or_default().to_owned())
    }

    fn text_of(&self, name: &str) -> String {
        let body = self.json();
        body[name].as_str().unwrap_or_else(|| panic!("no {name}: {body}")).to_owned()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// What stands in the claims of a token, whoever signed it.
fn claims(jwt: &str) -> Value {
    let part = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&part).unwrap()
}

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER.as_bytes()))
}

/// A server, Ada who is signed in, and apps.
struct World {
    bench: Bench,
    ada: Identity,
}

impl World {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// With the app `app`, which has a secret and may refresh.
    async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let bench = Bench::with(crate::auth::tests::PAGE, change).await;
        let ada = bench.signed_in("ada", Role::Student).await;
        let world = Self { bench, ada };
        world.app("app", json!({})).await;
        world
    }

    /// An app with a secret, unless it proves itself otherwise.
    async fn app(&self, id: &str, metadata: Value) {
        let mut all = json!({
            "redirect_uris": [BACK],
            "grant_types": ["authorization_code", "refresh_token"],
        });
        all.as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
        let method = all["token_endpoint_auth_method"].as_str().unwrap_or("client_secret_basic");
        let secret = method.starts_with("client_secret").then(|| hash_token(SECRET));
        let row = ClientRow { metadata: all.to_string(), secret_hash: secret, ..client(id) };
        let event = self.bench.auth.event(AuthEventKind::ClientCreated, &Device::default());
        self.bench.store.insert_client(row, event).await.unwrap();
    }

    fn granted(&self, scope: &str) -> Granted {
        Granted {
            scopes: Scopes::parse(scope).unwrap(),
            nonce: Some("the-nonce".to_owned()),
            auth_time: self.now() - 5,
            acr: "1".to_owned(),
            amr: vec!["pwd".to_owned()],
            ..Granted::default()
        }
    }

    /// Seconds since the epoch.
    fn now(&self) -> i64 {
        self.bench.clock.now().0 / SECOND
    }

    /// A code for `app`.
    fn code(&self, granted: &Granted) -> String {
        self.code_for("app", granted, |_| ())
    }

    fn code_for(&self, app: &str, granted: &Granted, change: impl FnOnce(&mut Code)) -> String {
        static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut code = Code {
            grant: SessionId::new(format!("grant-number-{number}")),
            browser_sid: self.ada.session.clone(),
            redirect_uri: BACK.to_owned(),
            challenge: Some(challenge()),
            agreed: None,
            granted: granted.clone(),
            expires_at: self.bench.clock.now().plus(MINUTE).0,
        };
        change(&mut code);
        self.bench.auth.seal_code(&client(app).id, &code).unwrap()
    }

    /// What `app` gets for a code of this scope.
    async fn tokens(&self, scope: &str) -> Answer {
        let code = self.code(&self.granted(scope));
        let answer = self.redeem(&code, &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer
    }

    /// `app` redeems a code; `change` replaces parameters, an empty value removes one.
    async fn redeem(&self, code: &str, change: &[(&str, &str)]) -> Answer {
        let base = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
        ];
        self.form(TOKEN, &merged(&base, change), &[]).await
    }

    async fn refresh(&self, token: &str, more: &[(&str, &str)]) -> Answer {
        let base = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.form(TOKEN, &merged(&base, more), &[]).await
    }

    /// A form by `app`, unless it names another client.
    async fn form(&self, path: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let mut all = form.to_vec();
        let named = |name: &str| form.iter().any(|(it, _)| *it == name);
        let basic = headers.iter().any(|(name, _)| *name == "authorization");
        if !named("client_id") && !named("client_assertion") && !basic {
            all.extend([("client_id", "app"), ("client_secret", SECRET)]);
        }
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&all).finish();
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.send(Method::POST, path, &[&[kind], headers].concat(), body.into_bytes()).await
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(Method::GET, path, headers, Vec::new()).await
    }

    async fn userinfo(&self, token: &str) -> Answer {
        self.get(USERINFO, &[("authorization", &format!("Bearer {token}"))]).await
    }

    /// The status of the tutor's API for a bearer.
    async fn api(&self, token: &str) -> u16 {
        self.api_with(&[("authorization", &format!("Bearer {token}"))]).await
    }

    async fn api_with(&self, headers: &[(&str, &str)]) -> u16 {
        self.send(Method::POST, API, headers, Vec::new()).await.status
    }

    async fn introspect(&self, token: &str, client: &str) -> Value {
        let form = [("token", token), ("client_id", client), ("client_secret", SECRET)];
        self.form(INTROSPECT, &form, &[]).await.json()
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let app = App::new()
            .app_data(Data::from(Arc::clone(&self.bench.auth)))
            .app_data(Data::from(Arc::clone(&self.bench.store)))
            .configure(crate::http::routes(crate::config::Roles::ALL));
        let app = test::init_service(app).await;
        let peer: SocketAddr = "192.0.2.7:4444".parse().unwrap();
        let mut request = test::TestRequest::default().method(method).uri(path).peer_addr(peer);
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        let response = test::call_service(&app, request.set_payload(body).to_request()).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = String::from_utf8(test::read_body(response).await.to_vec()).unwrap();
        Answer { status, headers, text }
    }

    /// A proof by this key for a call of ours (RFC 9449 §4.2).
    fn proof(&self, pair: &Pair, call: (&str, &str), token: Option<&str>) -> String {
        self.odd_proof(pair, call, token, |_, _| ())
    }

    fn odd_proof(
        &self,
        pair: &Pair,
        (method, path): (&str, &str),
        token: Option<&str>,
        change: impl FnOnce(&mut Value, &mut Value),
    ) -> String {
        let mut header = json!({ "typ": "dpop+jwt", "jwk": pair.public() });
        let mut claims = json!({
            "jti": uuid::Uuid::new_v4().to_string(),
            "htm": method,
            "htu": format!("http://localhost:8080{path}"),
            "iat": self.now(),
        });
        if let Some(token) = token {
            claims["ath"] = json!(URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes())));
        }
        change(&mut header, &mut claims);
        pair.sign(header, &claims)
    }
}

fn merged<'a>(
    base: &[(&'a str, &'a str)],
    change: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut all = base.to_vec();
    for (name, value) in change {
        all.retain(|(it, _)| it != name);
        if !value.is_empty() {
            all.push((name, value));
        }
    }
    all
}
