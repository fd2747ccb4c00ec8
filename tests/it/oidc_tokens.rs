//! What an app was granted on the real program: given back, it is worth nothing at once and for good.

use std::{path::PathBuf, time::Instant};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{
    SOON,
    live::{Live, hash},
    person::{Person, read},
    postgres,
    server::{Home, Server},
};

const BACK: &str = "https://app.example/cb";
const SECRET: &str = "the-secret-of-the-app-in-32-letters";

/// Where the program keeps its data.
enum Data {
    File(PathBuf),
    Postgres(String),
}

impl Data {
    async fn run(&self, statements: &str) {
        match self {
            Self::File(path) => {
                let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
                let patient = "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON;";
                connection.batch_execute(&format!("{patient} {statements}")).unwrap();
            }
            Self::Postgres(url) => {
                let (client, connection) =
                    tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
                tokio::runtime::Handle::current().spawn(connection);
                client.batch_execute(statements).await.unwrap();
            }
        }
    }
}

/// The student of the demo, who lets the app `app` do things.
struct World {
    person: Person,
}

impl World {
    async fn new(server: &Server, data: Data) -> Self {
        let person = Person::demo(server, "student").await;
        let metadata = json!({
            "redirect_uris": [BACK],
            "skip_consent": true,
            "grant_types": ["authorization_code", "refresh_token"],
        });
        let app = format!(
            "INSERT INTO oauth_client (id, name, secret_hash, disabled, metadata, created_at, \
             updated_at) VALUES ('app', 'App', '{}', FALSE, '{metadata}', 1, 1);",
            hash(SECRET)
        );
        data.run(&app).await;
        Self { person }
    }

    /// A code, as a browser brings it back.
    async fn code(&self) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", "app")
            .append_pair("response_type", "code")
            .append_pair("redirect_uri", BACK)
            .append_pair("scope", "openid tutor offline_access")
            .finish();
        let path = format!("/api/auth/oauth2/authorize?{query}");
        let opened = self.person.request(Method::GET, &path).send().await.unwrap();
        let location = url::Url::parse(opened.headers()["location"].to_str().unwrap()).unwrap();
        let code = location.query_pairs().find(|(name, _)| name == "code");
        code.unwrap_or_else(|| panic!("no code: {location}")).1.into_owned()
    }

    async fn form(&self, path: &str, form: &[(&str, &str)]) -> Response {
        self.form_with(path, form, None).await
    }

    async fn form_with(
        &self,
        path: &str,
        form: &[(&str, &str)],
        proof: Option<String>,
    ) -> Response {
        let who = [("client_id", "app"), ("client_secret", SECRET)];
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .extend_pairs(who)
            .finish();
        let request = self.person.http.post(format!("{}/api/auth/oauth2{path}", self.person.url));
        let kind = "application/x-www-form-urlencoded";
        let request = request.header("content-type", kind).body(body);
        let request = match proof {
            Some(proof) => request.header("dpop", proof),
            None => request,
        };
        request.send().await.unwrap()
    }

    async fn redeem(&self, code: &str) -> (u16, Value) {
        let form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", BACK)];
        read(self.form("/token", &form).await).await
    }

    async fn refresh(&self, tokens: &Value) -> (u16, Value) {
        let token = tokens["refresh_token"].as_str().unwrap();
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        read(self.form("/token", &form).await).await
    }

    async fn live(&self, tokens: &Value) -> Live {
        let mut live = self.socket("Bearer", tokens, None).await;
        live.expect("welcome").await;
        live
    }

    async fn socket(&self, scheme: &str, tokens: &Value, proof: Option<String>) -> Live {
        let shown = format!("{scheme} {}", tokens["access_token"].as_str().unwrap());
        let mut headers =
            vec![("sec-websocket-protocol", "tutor.v1.json".to_owned()), ("authorization", shown)];
        headers.extend(proof.map(|proof| ("dpop", proof)));
        let mut live = Live::open_with(&self.person.url, &headers).await.unwrap();
        live.send(json!({ "type": "hello", "id": 1, "client": "it" })).await;
        live
    }

    async fn api(&self, tokens: &Value) -> u16 {
        let request = self.person.http.get(format!("{}/api/v1/courses", self.person.url));
        let token = tokens["access_token"].as_str().unwrap();
        request.bearer_auth(token).send().await.unwrap().status().as_u16()
    }
}

async fn what_is_revoked_stays_revoked(home: Home, data: Data) {
    let server = home.start();
    let address = server.address();
    let mut world = World::new(&server, data).await;
    let (code, other) = (world.code().await, world.code().await);
    let (status, revoked) = world.redeem(&code).await;
    assert_eq!(status, 200, "{revoked}");
    let (_, kept) = world.redeem(&other).await;
    let (mut gone, mut stays) = (world.live(&revoked).await, world.live(&kept).await);

    let began = Instant::now();
    let token = revoked["refresh_token"].as_str().unwrap();
    let answer = world.form("/revoke", &[("token", token)]).await;
    assert_eq!((answer.status().as_u16(), answer.headers().get("content-type")), (200, None));
    assert_eq!(world.api(&revoked).await, 401, "at once");
    assert_eq!(gone.closed().await, Some(4103));
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    stays.send(json!({ "type": "history", "id": 2, "thread": "x" })).await;
    assert_eq!(stays.error().await["code"], "not_found", "the other grant goes on");

    server.kill();
    let _server = home.start_at(&address);
    // The old client's connections died with the server.
    world.person.http = reqwest::Client::new();

    let (status, answer) = world.refresh(&revoked).await;
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_grant")));
    assert_eq!(world.api(&revoked).await, 401);
    assert_eq!(world.api(&kept).await, 200);
    let (status, answer) = world.refresh(&kept).await;
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = world.redeem(&other).await;
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_grant")), "a code is good once");
    assert_eq!(world.api(&kept).await, 401, "and its second use ends what it became");
}

/// Attack C6. Decision 2 of `oidc.md`.
#[tokio::test]
async fn a_revoked_refresh_token_is_refused_after_kill_9_and_its_sockets_close_at_once() {
    let home = Home::quick();
    let data = Data::File(home.data().join("intellistack.db"));
    Box::pin(what_is_revoked_stays_revoked(home, data)).await;
}

/// Attack C6. Decision 2 of `oidc.md`.
#[tokio::test]
async fn a_revoked_refresh_token_is_refused_after_kill_9_on_postgresql_too() {
    let Some(url) = postgres::fresh_schema().await else { return };
    let settings =
        [("INTELLISTACK__DATABASE__URL", url.as_str()), ("INTELLISTACK__TUTOR__PACE_MS", "0")];
    let home = Home::with(&settings);
    Box::pin(what_is_revoked_stays_revoked(home, Data::Postgres(url))).await;
}

/// A proof by this key for a call (RFC 9449 §4.2).
fn proof(pair: &Ed25519KeyPair, (method, url): (&str, &str), token: Option<&str>) -> String {
    let part = |text: &[u8]| URL_SAFE_NO_PAD.encode(text);
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": part(pair.public_key().as_ref()) });
    let header = json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk });
    let claims = json!({
        "jti": uuid::Uuid::new_v4().to_string(),
        "htm": method,
        "htu": url,
        "iat": jsonwebtoken::get_current_timestamp(),
        "ath": token.map(|token| part(&Sha256::digest(token.as_bytes()))),
    });
    let message =
        format!("{}.{}", part(header.to_string().as_bytes()), part(claims.to_string().as_bytes()));
    format!("{message}.{}", part(pair.sign(message.as_bytes()).as_ref()))
}

/// Attack D18, at the live socket.
#[tokio::test]
async fn a_bound_token_opens_a_socket_with_a_proof_of_its_key_and_not_without() {
    let home = Home::quick();
    let data = Data::File(home.data().join("intellistack.db"));
    let server = home.start();
    let world = World::new(&server, data).await;
    let pair = Ed25519KeyPair::generate().unwrap();
    let code = world.code().await;
    let form = [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", BACK)];
    let here = format!("{}/api/auth/oauth2/token", server.url());
    let shown = proof(&pair, ("POST", &here), None);
    let (status, tokens) = read(world.form_with("/token", &form, Some(shown)).await).await;
    assert_eq!((status, &tokens["token_type"]), (200, &json!("DPoP")), "{tokens}");
    let token = tokens["access_token"].as_str();
    let live = format!("{}/api/v1/live", server.url());

    let good = proof(&pair, ("GET", &live), token);
    world.socket("DPoP", &tokens, Some(good.clone())).await.expect("welcome").await;

    let other = Ed25519KeyPair::generate().unwrap();
    for (scheme, shown) in [
        ("DPoP", Some(good)),
        ("DPoP", None),
        ("Bearer", None),
        ("DPoP", Some(proof(&other, ("GET", &live), token))),
        ("DPoP", Some(proof(&pair, ("GET", &here), token))),
    ] {
        let mut refused = world.socket(scheme, &tokens, shown.clone()).await;
        assert_eq!(refused.closed().await, Some(4101), "{scheme} {shown:?}");
    }
}
