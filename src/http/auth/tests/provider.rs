//! A small but real provider on this machine: an OpenID Connect issuer that checks PKCE, secret,
//! redirect URI and single use as it must, and GitHub's three calls. What it says of whom, and how
//! it lies, is up to the test.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    web::{self, Bytes, Data},
};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::{
    auth::tests::{Bench, PAGE},
    config::LinkByEmail,
    domain::clock::{Clock, ManualClock, SECOND},
};

pub(super) const CLIENT: &str = "us";
const SECRET: &str = "our secret at the provider";

/// A key that signs, and its public half.
struct Mint {
    key: EncodingKey,
    jwk: Value,
}

fn mint(number: usize) -> &'static Mint {
    static MINTS: OnceLock<Vec<Mint>> = OnceLock::new();
    let make = |kid: &str| {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = pair.public_key();
        let jwk = json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
            "n": URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
            "e": URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
        });
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let lines = STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n");
        Mint { key: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(), jwk }
    };
    &MINTS.get_or_init(|| vec![make("one"), make("two")])[number]
}

/// What the provider remembers of a way to it.
#[derive(Clone)]
struct Asked {
    redirect: String,
    challenge: String,
    nonce: Option<String>,
}

/// What it says, and how it lies.
pub(super) struct Says {
    pub person: Map<String, Value>,
    /// Put over the ID token's claims; null takes one away.
    pub lies: Map<String, Value>,
    /// Which of its keys signs, and which it publishes.
    pub signs_with: usize,
    pub publishes: usize,
    /// Signs by the client's secret (HS256).
    pub by_secret: bool,
    pub names_iss: bool,
    pub away: bool,
    /// How long a body it sends.
    pub padding: usize,
    pub github: Value,
    pub github_emails: Value,
    asked: HashMap<String, Asked>,
    pub discoveries: usize,
    pub refreshes: usize,
}

pub(super) struct Provider {
    pub url: String,
    pub says: Arc<Mutex<Says>>,
    clock: Arc<ManualClock>,
    handle: ServerHandle,
}

impl Drop for Provider {
    fn drop(&mut self) {
        // The handle's answer is of no interest; the order has been given.
        drop(self.handle.stop(false));
    }
}

struct Shared {
    url: Mutex<String>,
    says: Arc<Mutex<Says>>,
    clock: Arc<ManualClock>,
}

impl Provider {
    #[expect(clippy::unused_async, reason = "it needs the runtime of an asynchronous caller")]
    async fn start(clock: Arc<ManualClock>) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let says = Arc::new(Mutex::new(Says {
            person: Map::new(),
            lies: Map::new(),
            signs_with: 0,
            publishes: 0,
            by_secret: false,
            names_iss: true,
            away: false,
            padding: 0,
            github: Value::Null,
            github_emails: json!([]),
            asked: HashMap::new(),
            discoveries: 0,
            refreshes: 0,
        }));
        let shared = Data::new(Shared {
            url: Mutex::default(),
            says: Arc::clone(&says),
            clock: Arc::clone(&clock),
        });
        let data = shared.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .route("/.well-known/openid-configuration", web::get().to(discovery))
                .route("/keys", web::get().to(keys))
                .route("/token", web::post().to(token))
                .route("/userinfo", web::get().to(userinfo))
                .route("/login/oauth/access_token", web::post().to(token))
                .route("/user", web::get().to(github_user))
                .route("/user/emails", web::get().to(github_emails))
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        *shared.url.lock().unwrap() = url.clone();
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { url, says, clock, handle }
    }

    pub(super) fn is(&self, person: Value) {
        let Value::Object(person) = person else { panic!("a person is an object") };
        self.says.lock().unwrap().person = person;
    }

    pub(super) fn lies(&self, lies: Value) {
        let Value::Object(lies) = lies else { panic!("lies are an object") };
        self.says.lock().unwrap().lies = lies;
    }

    pub(super) fn tell(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.says.lock().unwrap());
    }

    /// A person allows us in: what the browser is sent back with.
    pub(super) fn allow(&self, url: &str) -> Vec<(String, String)> {
        let url = url::Url::parse(url).unwrap();
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["client_id"], CLIENT);
        assert_eq!(query["code_challenge_method"], "S256");
        let mut says = self.says.lock().unwrap();
        let code = format!("code{}", says.asked.len());
        let asked = Asked {
            redirect: query["redirect_uri"].clone(),
            challenge: query["code_challenge"].clone(),
            nonce: query.get("nonce").cloned(),
        };
        says.asked.insert(code.clone(), asked);
        let mut back =
            vec![("code".to_owned(), code), ("state".to_owned(), query["state"].clone())];
        if says.names_iss && url.path() == "/authorize" {
            back.push(("iss".to_owned(), self.url.clone()));
        }
        back
    }

    /// An ID token outside of any journey, as an app gets one.
    pub(super) fn id_token(&self, nonce: Option<&str>) -> String {
        let says = self.says.lock().unwrap();
        id_token(&says, &self.url, nonce, self.clock.now().0 / SECOND)
    }
}

impl Bench {
    /// A server that knows one provider in three roles: Google, GitHub, and `school`.
    pub(super) async fn with_provider(link: LinkByEmail, sign_up: bool) -> (Self, Provider) {
        let clock = Arc::new(ManualClock::at(crate::auth::tests::START));
        let provider = Provider::start(Arc::clone(&clock)).await;
        let url = provider.url.clone();
        let bench = Box::pin(Self::with_clock(PAGE, clock, |settings| {
            settings.allow_sign_up = sign_up;
            let social = &mut settings.social;
            social.google_client_id = CLIENT.to_owned();
            social.google_client_secret = crate::config::Secret::new(SECRET);
            social.google_issuer.clone_from(&url);
            social.github_client_id = CLIENT.to_owned();
            social.github_client_secret = crate::config::Secret::new(SECRET);
            social.github_url.clone_from(&url);
            social.github_api_url.clone_from(&url);
            social.link_by_email = link;
            let school = json!({
                "issuer": url, "client_id": CLIENT, "client_secret": SECRET,
                "email_domains": ["school.example"],
            });
            social.oidc.insert("school".to_owned(), serde_json::from_value(school).unwrap());
        }))
        .await;
        (bench, provider)
    }
}

fn id_token(says: &Says, url: &str, nonce: Option<&str>, now: i64) -> String {
    let mut claims = json!({ "iss": url, "aud": CLIENT, "iat": now, "exp": now + 300 });
    let map = claims.as_object_mut().unwrap();
    map.extend(says.person.clone());
    if let Some(nonce) = nonce {
        map.insert("nonce".to_owned(), nonce.into());
    }
    map.extend(says.lies.clone());
    map.retain(|_, value| !value.is_null());
    let (algorithm, key) = if says.by_secret {
        (Algorithm::HS256, EncodingKey::from_secret(SECRET.as_bytes()))
    } else {
        (Algorithm::RS256, mint(says.signs_with).key.clone())
    };
    let mut header = Header::new(algorithm);
    header.kid = Some(mint(says.signs_with).jwk["kid"].as_str().unwrap().to_owned());
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

async fn discovery(shared: Data<Shared>) -> HttpResponse {
    let url = shared.url.lock().unwrap().clone();
    let mut says = shared.says.lock().unwrap();
    says.discoveries += 1;
    if says.away {
        return HttpResponse::BadGateway().finish();
    }
    HttpResponse::Ok().json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "jwks_uri": format!("{url}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "authorization_response_iss_parameter_supported": says.names_iss,
    }))
}

async fn keys(shared: Data<Shared>) -> HttpResponse {
    let says = shared.says.lock().unwrap();
    let shared_key = json!({ "kty": "oct", "kid": "oct", "k": URL_SAFE_NO_PAD.encode(SECRET) });
    HttpResponse::Ok().json(json!({ "keys": [shared_key, mint(says.publishes).jwk] }))
}

async fn token(request: HttpRequest, shared: Data<Shared>, body: Bytes) -> HttpResponse {
    let url = shared.url.lock().unwrap().clone();
    let mut says = shared.says.lock().unwrap();
    if says.away {
        return HttpResponse::ServiceUnavailable().body("<html>");
    }
    let form: HashMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let github = request.path().starts_with("/login");
    let refuse = |error: &str| {
        let mut response = if github { HttpResponse::Ok() } else { HttpResponse::BadRequest() };
        response.json(json!({ "error": error }))
    };
    if form.get("client_id").map(String::as_str) != Some(CLIENT)
        || form.get("client_secret").map(String::as_str) != Some(SECRET)
    {
        return refuse("invalid_client");
    }
    if form["grant_type"] == "refresh_token" {
        if form["refresh_token"] != "refresh me" {
            return refuse("invalid_grant");
        }
        says.refreshes += 1;
        let access = format!("access{}", says.refreshes);
        return HttpResponse::Ok()
            .json(json!({ "access_token": access, "token_type": "Bearer", "expires_in": 600 }));
    }
    let Some(asked) = says.asked.remove(&form["code"]) else { return refuse("invalid_grant") };
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
    if hash != asked.challenge || form["redirect_uri"] != asked.redirect {
        return refuse("invalid_grant");
    }
    let mut answer = json!({
        "access_token": "access0", "token_type": "Bearer", "expires_in": 600,
        "refresh_token": "refresh me", "scope": "openid email",
        "padding": "x".repeat(says.padding),
    });
    if !github {
        let now = shared.clock.now().0 / SECOND;
        answer["id_token"] = id_token(&says, &url, asked.nonce.as_deref(), now).into();
    }
    HttpResponse::Ok().json(answer)
}

fn is_ours(request: &HttpRequest) -> bool {
    let bearer = request.headers().get("authorization").map(|it| it.to_str().unwrap());
    bearer.is_some_and(|it| it.starts_with("Bearer access"))
}

async fn userinfo(request: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    if !is_ours(&request) {
        return HttpResponse::Unauthorized().finish();
    }
    HttpResponse::Ok().json(&shared.says.lock().unwrap().person)
}

async fn github_user(request: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    if !is_ours(&request) {
        return HttpResponse::Unauthorized().finish();
    }
    HttpResponse::Ok().json(&shared.says.lock().unwrap().github)
}

async fn github_emails(request: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    if !is_ours(&request) {
        return HttpResponse::Unauthorized().finish();
    }
    HttpResponse::Ok().json(&shared.says.lock().unwrap().github_emails)
}
