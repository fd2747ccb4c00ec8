//! The asking itself, over real HTTP, and what a request sees of it.

use std::sync::{Arc, Mutex};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, http::StatusCode, web,
};
use serde_json::{Value, json};

use super::*;
use crate::{
    auth::issuer::{
        Issuer, Refused, Settings, Unread,
        tests::{Mint, claims, settings},
    },
    domain::clock::{ManualClock, SharedClock},
};

type Answer = (u16, String);

/// What a small issuer answers, and how often it was asked.
#[derive(Default)]
struct State {
    discovery: Mutex<Answer>,
    keys: Mutex<Answer>,
    asked: Mutex<usize>,
}

struct Server {
    url: String,
    state: Arc<State>,
    handle: ServerHandle,
}

impl Server {
    #[expect(clippy::unused_async, reason = "it needs the runtime of an asynchronous caller")]
    async fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let state = Arc::new(State::default());
        let data = web::Data::from(Arc::clone(&state));
        let app = move || App::new().app_data(data.clone()).default_service(web::to(answer));
        let server =
            HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/realms/school", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        let started = Self { url, state, handle };
        started.discovers(&json!({ "issuer": started.url, "jwks_uri": started.keys_url() }));
        started
    }

    fn keys_url(&self) -> String {
        format!("{}/keys", self.url)
    }

    fn discovers(&self, document: &Value) {
        *self.state.discovery.lock().unwrap() = (200, document.to_string());
    }

    fn publishes(&self, mints: &[&Mint]) {
        let keys: Vec<Value> = mints.iter().map(|mint| mint.jwk()).collect();
        *self.state.keys.lock().unwrap() = (200, json!({ "keys": keys }).to_string());
    }

    fn asked(&self) -> usize {
        *self.state.asked.lock().unwrap()
    }

    async fn keys(&self) -> Result<KeySet, String> {
        Fetcher::new(&self.url).unwrap().keys().await.map_err(|error| error.to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn answer(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    *state.asked.lock().unwrap() += 1;
    let (status, body) = match request.path() {
        "/realms/school/.well-known/openid-configuration" => {
            state.discovery.lock().unwrap().clone()
        }
        "/realms/school/keys" => state.keys.lock().unwrap().clone(),
        other => panic!("asked for {other}"),
    };
    let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap());
    response.insert_header(("location", "/realms/school/keys")).body(body)
}

#[actix_web::test]
async fn keys_are_found_through_the_discovery_document() {
    let server = Server::start().await;
    server.publishes(&[&Mint::new("k1"), &Mint::new("k2")]);

    let keys = server.keys().await.unwrap();

    assert!(keys.get("k1").is_some() && keys.get("k2").is_some());
    assert_eq!(server.asked(), 2);
}

/// Attacks D13 and D14: another issuer's document, keys from an unsafe place, a redirect, a body
/// without end.
#[actix_web::test]
async fn an_answer_that_cannot_be_trusted_gives_no_keys() {
    let server = Server::start().await;
    server.publishes(&[&Mint::new("k1")]);
    let document = |issuer: &str, keys: &str| json!({ "issuer": issuer, "jwks_uri": keys });
    let url = server.url.clone();
    for (document, why) in [
        (document("https://evil.example", &server.keys_url()), "is not issuer.url"),
        (document(&format!("{url}/"), &server.keys_url()), "is not issuer.url"),
        (document(&url, "http://192.0.2.7/keys"), "neither https"),
        (document(&url, "http://169.254.169.254/keys"), "neither https"),
        (document(&url, "file:///etc/passwd"), "neither https"),
        (document(&url, "keys"), "neither https"),
        (json!({ "issuer": url }), "no discovery document"),
        (json!([]), "no discovery document"),
    ] {
        server.discovers(&document);
        let error = server.keys().await.unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    server.discovers(&document(&url, &server.keys_url()));
    for (answer, why) in [
        ((302, String::new()), "status 302"),
        ((500, String::new()), "status 500"),
        ((200, "{\"keys\":[]}".to_owned()), "no key"),
        ((200, format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(64 * 1_024))), "64 KiB"),
    ] {
        *server.state.keys.lock().unwrap() = answer;
        let error = server.keys().await.unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    server.handle.stop(false).await;
    assert!(server.keys().await.unwrap_err().contains("does not answer"));
}

/// FR-005: the second request asks nobody.
#[actix_web::test]
async fn a_crowd_with_a_new_key_asks_the_issuer_once() {
    let server = Server::start().await;
    let (old, new, unknown) = (Mint::new("k1"), Mint::new("k2"), Mint::new("k3"));
    server.publishes(&[&old]);
    let clock = Arc::new(ManualClock::at(crate::auth::tests::START));
    let shared: SharedClock = Arc::<ManualClock>::clone(&clock);
    let settings = Settings { url: server.url.clone(), ..settings() };
    let issuer = Issuer::new(settings, "http://localhost:8080/api".to_owned(), shared).unwrap();
    let mut claims = claims();
    claims["iss"] = json!(server.url);

    let keeper = async {
        loop {
            issuer.keep_keys().await;
        }
    };
    let test = async {
        issuer.access(&old.access(&claims), None).await.unwrap();
        issuer.access(&old.access(&claims), None).await.unwrap();
        assert_eq!(server.asked(), 2, "discovery and keys, once");

        server.publishes(&[&old, &new]);
        let token = new.access(&claims);
        let crowd = (0..20).map(|_| issuer.access(&token, None));
        for read in futures_util::future::join_all(crowd).await {
            read.unwrap();
        }
        assert_eq!(server.asked(), 4);
        for _ in 0..20 {
            let read = issuer.access(&unknown.access(&claims), None).await;
            assert_eq!(read, Err(Unread::Refused(Refused::Key)));
        }
        assert_eq!(server.asked(), 4, "not again within the minute");
    };
    tokio::select! {
        () = keeper => {}
        () = test => {}
    }
}
