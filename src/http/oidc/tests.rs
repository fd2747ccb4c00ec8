//! The OpenID Provider over HTTP, against the real store. Attack ids are those of `oidc.md` §3.

use std::collections::BTreeMap;

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::{
    auth::{hash_token, oidc::code::Code, tests::Bench},
    domain::ids::ClientId,
    http::auth::tests::{Answer, Call, PASSWORD},
    store::{
        auth_events::{AuthEventKind, tests::event},
        oauth_clients::ClientRow,
    },
};

mod authorize;
mod clients;
mod consents;
mod discovery;
mod limits;
mod pages;
mod prompts;
mod pushed;
mod registration;
mod sign_in;

const ADA: &str = "ada@school.example";
const BACK: &str = "https://client.example/cb";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const SECRET: &str = "a-secret-that-only-the-app-knows";
const FORM: &str = "application/x-www-form-urlencoded";

/// What an app asks for, parameter by parameter.
#[derive(Clone)]
struct Ask(Vec<(String, String)>);

impl Ask {
    /// A sound request of the app `id`.
    fn of(id: &str) -> Self {
        Self(Vec::new())
            .with("client_id", id)
            .with("response_type", "code")
            .with("redirect_uri", BACK)
            .with("scope", "openid email")
            .with("state", "s1")
            .with("nonce", "n1")
            .with("code_challenge", CHALLENGE)
            .with("code_challenge_method", "S256")
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(own, _)| own != name);
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.0.retain(|(own, _)| own != name);
        self
    }

    fn query(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    fn path(&self) -> String {
        format!("/api/auth/oauth2/authorize?{}", self.query())
    }
}

impl Bench {
    /// An app with this metadata; `redirect_uris` are there.
    async fn app(&self, id: &str, metadata: Value) {
        self.app_row(id, metadata, |_| {}).await;
    }

    async fn app_row(&self, id: &str, metadata: Value, change: impl FnOnce(&mut ClientRow)) {
        let mut all = json!({ "redirect_uris": [BACK], "token_endpoint_auth_method": "none" });
        for (name, value) in metadata.as_object().unwrap() {
            all[name] = value.clone();
        }
        let mut row = ClientRow {
            id: ClientId::new(id),
            name: format!("The {id} app"),
            secret_hash: Some(hash_token(SECRET)),
            registration_hash: None,
            owner_id: None,
            disabled: false,
            metadata: all.to_string(),
            created_at: 1,
            updated_at: 1,
            unused_since: None,
        };
        change(&mut row);
        let made = event(&format!("made-{id}"), AuthEventKind::ClientCreated, 1);
        self.store.insert_client(row, made).await.unwrap();
    }

    /// The school's own app: nobody is asked.
    async fn own_app(&self) {
        self.app("own", json!({ "skip_consent": true })).await;
    }

    /// Ada, signed in, a while ago. Gives her cookie.
    async fn ada(&self) -> String {
        let cookie = self.sign_up(ADA).await.cookie();
        self.clock.advance(1_000);
        cookie
    }

    async fn open(&self, ask: &Ask, cookie: &str) -> Answer {
        self.visit(&ask.path(), cookie).await
    }

    /// A browser goes there; empty: without a cookie.
    async fn visit(&self, path: &str, cookie: &str) -> Answer {
        self.clock.advance(1);
        self.get(path).cookies_if(cookie).send().await
    }

    /// A browser sends a form of ours.
    async fn submit(&self, path: &str, fields: &[(&str, &str)], cookie: &str) -> Answer {
        self.clock.advance(1);
        let body =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.call(Method::POST, path)
            .body(FORM, body)
            .with("origin", "null")
            .with("sec-fetch-site", "same-origin")
            .with("sec-fetch-mode", "navigate")
            .cookies_if(cookie)
            .send()
            .await
    }

    /// What the code stands for that `client` was told.
    fn code_in(&self, client: &str, told: &BTreeMap<String, String>) -> Code {
        self.auth.open_code(&ClientId::new(client), &told["code"]).unwrap()
    }

    /// The consent page's form, sent with one of its buttons.
    async fn agree(&self, page: &Answer, button: &str, cookie: &str) -> Answer {
        let (query, token) = (page.field("oauth_query"), page.field("form_token"));
        let fields = [("oauth_query", &*query), ("form_token", &*token), (button, "yes")];
        self.submit("/api/auth/oauth2/consent", &fields, cookie).await
    }
}

impl Call<'_> {
    fn cookies_if(self, cookie: &str) -> Self {
        if cookie.is_empty() { self } else { self.with("cookie", cookie) }
    }
}

impl Answer {
    /// Where a 303 leads.
    fn leads_to(&self) -> String {
        assert_eq!(self.status, 303, "{}", self.text);
        self.header("location").unwrap().to_owned()
    }

    /// The parameters that the app gets.
    fn told(&self, back: &str) -> BTreeMap<String, String> {
        let url = self.leads_to();
        assert!(url.starts_with(back), "{url}");
        url::Url::parse(&url).unwrap().query_pairs().into_owned().collect()
    }

    fn error(&self) -> String {
        let told = self.told(BACK);
        assert_eq!(told["iss"], "http://localhost:8080/api/auth");
        let sound = |c: char| c.is_ascii_graphic() || c == ' ';
        assert!(told["error_description"].chars().all(sound), "{told:?}");
        told["error"].clone()
    }

    /// The value of a hidden field.
    fn field(&self, name: &str) -> String {
        let rest = self.text.split(&format!("name=\"{name}\" value=\"")).nth(1);
        let value = rest.unwrap_or_else(|| panic!("no {name}: {}", self.text));
        let value = value.split('"').next().unwrap();
        value.replace("&quot;", "\"").replace("&lt;", "<").replace("&amp;", "&")
    }

    fn is_error_page(&self) -> bool {
        (400..500).contains(&self.status)
            && self.text.contains("id=\"error\"")
            && self.header("location").is_none()
    }
}
