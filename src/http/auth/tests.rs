//! The account calls over HTTP, against the real store. Attack ids are those of `oidc.md` §3.

use std::{net::SocketAddr, sync::Arc};

use actix_web::{
    App,
    http::{Method, header::HeaderMap},
    test,
    web::Data,
};
use serde_json::{Value, json};

use crate::{
    auth::tests::{Bench, PAGE},
    domain::{clock::DAY, ids::UserId, role::Role},
    http::extract::SESSION_COOKIE,
    store::{accounts::tests::login, users::tests::person},
};

mod account;
mod admin;
mod change_email;
mod choose_password;
mod cors;
mod delete_user;
mod guessing;
mod links;
mod mailed_codes;
mod passkeys;
mod profile;
mod provider;
mod reset;
mod sessions;
mod sign_in;
mod sign_up;
mod social;
mod social_attacks;
mod two_factor;

pub(crate) const PASSWORD: &str = "Owl-Lamp-7 road";
const FAR: &str = "192.0.2.7:4444";

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn cookies(&self) -> Vec<String> {
        self.headers.get_all("set-cookie").map(|it| it.to_str().unwrap().to_owned()).collect()
    }

    /// `name=value` of the session's cookie, as a browser sends it back.
    pub(crate) fn cookie(&self) -> String {
        self.cookie_named(SESSION_COOKIE)
    }

    pub(crate) fn known_device(&self) -> String {
        self.cookie_named("intellistack.known_device")
    }

    pub(crate) fn cookie_named(&self, name: &str) -> String {
        let cookies = self.cookies();
        let cookie = cookies.iter().find(|text| text.contains(name)).unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }
}

/// One request to the whole HTTP tree, from far away unless a test says otherwise.
pub(crate) struct Call<'a> {
    bench: &'a Bench,
    request: test::TestRequest,
}

impl Bench {
    pub(crate) fn call(&self, method: Method, path: &str) -> Call<'_> {
        let peer: SocketAddr = FAR.parse().unwrap();
        let request = test::TestRequest::default().method(method).uri(path).peer_addr(peer);
        Call { bench: self, request }
    }

    pub(crate) fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Call<'_> {
        let mut call = self.call(Method::POST, path);
        call.request = call
            .request
            .insert_header(("content-type", "application/json"))
            .set_payload(body.to_string());
        call
    }

    pub(crate) async fn sign_up(&self, email: &str) -> Answer {
        let body = json!({"name": "Ada", "email": email, "password": PASSWORD});
        self.post("/api/auth/sign-up/email", &body).send().await
    }

    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password});
        self.post("/api/auth/sign-in/email", &body).send().await
    }
}

impl Call<'_> {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.append_header((name.to_owned(), value.to_owned()));
        self
    }

    pub(in crate::http) fn from(mut self, peer: &str) -> Self {
        self.request = self.request.peer_addr(peer.parse().unwrap());
        self
    }

    /// As a page of ours sends it.
    pub(crate) fn by_page(self, cookie: &str) -> Self {
        self.with("cookie", cookie).with("origin", PAGE)
    }

    pub(crate) fn body(mut self, kind: &str, body: impl Into<String>) -> Self {
        self.request = self.request.insert_header(("content-type", kind)).set_payload(body.into());
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let app = App::new()
            .app_data(Data::from(Arc::clone(&self.bench.auth)))
            .app_data(Data::from(Arc::clone(&self.bench.store)))
            .configure(crate::http::routes(crate::config::Roles::ALL));
        let app = test::init_service(app).await;
        let response = test::call_service(&app, self.request.to_request()).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = String::from_utf8(test::read_body(response).await.to_vec()).unwrap();
        Answer { status, headers, text }
    }
}
