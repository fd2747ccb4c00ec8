//! Somebody else's issuer: a real HTTP server that publishes its keys, rotates them, and goes away
//! when the test says so.

use std::{
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A key that signs, and its public half.
pub(crate) struct Mint {
    kid: String,
    key: EncodingKey,
    jwk: Value,
}

impl Mint {
    pub(crate) fn new(kid: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = pair.public_key();
        let jwk = json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
            "n": URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
            "e": URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
        });
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let lines = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n");
        Self { kid: kid.to_owned(), key: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(), jwk }
    }

    pub(crate) fn sign(&self, typ: &str, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::RS256);
        (header.typ, header.kid) = (Some(typ.to_owned()), Some(self.kid.clone()));
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }
}

#[derive(Default)]
struct State {
    keys: Vec<Value>,
    away: bool,
    asked: usize,
}

pub(crate) struct Issuer {
    pub url: String,
    state: Arc<Mutex<State>>,
    /// Ends with this.
    _serving: JoinSet<()>,
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/school", listener.local_addr().unwrap());
        let state: Arc<Mutex<State>> = Arc::default();
        let mut serving = JoinSet::new();
        let (shared, own) = (Arc::clone(&state), url.clone());
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                connections.spawn(answer(client, own.clone(), Arc::clone(&shared)));
            }
        });
        Self { url, state, _serving: serving }
    }

    /// From now on these keys stand in its key set.
    pub(crate) fn publishes(&self, mints: &[&Mint]) {
        self.state.lock().unwrap().keys = mints.iter().map(|mint| mint.jwk.clone()).collect();
    }

    /// Whether it hangs up on everybody.
    pub(crate) fn is_away(&self, away: bool) {
        self.state.lock().unwrap().away = away;
    }

    pub(crate) fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }

    /// A good access token's claims for a chat server at `audience`.
    pub(crate) fn claims(&self, audience: &str, subject: &str, sid: &str) -> Value {
        let now = now();
        json!({
            "iss": self.url, "sub": subject, "aud": format!("{audience}/api"), "sid": sid,
            "scope": "openid tutor", "client_id": "app", "iat": now, "exp": now + 300,
            "jti": format!("{subject} {sid}"), "name": subject, "role": "student",
        })
    }

    pub(crate) fn logout_claims(&self, audience: &str, jti: &str) -> Value {
        let now = now();
        json!({
            "iss": self.url, "aud": format!("{audience}/api"), "iat": now, "exp": now + 120,
            "jti": jti, "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "another machine's clock")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

async fn answer(mut client: TcpStream, url: String, state: Arc<Mutex<State>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match client.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let (away, keys) = {
        let mut state = state.lock().unwrap();
        state.asked += 1;
        (state.away, state.keys.clone())
    };
    if away {
        return;
    }
    let path = head.split(' ').nth(1).unwrap();
    let body = match path {
        "/school/.well-known/openid-configuration" => {
            json!({ "issuer": url, "jwks_uri": format!("{url}/keys") })
        }
        "/school/keys" => json!({ "keys": keys }),
        other => panic!("asked for {other}"),
    };
    let body = body.to_string();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    // Whoever hung up needs no answer.
    let _ = client.write_all(answer.as_bytes()).await;
}
