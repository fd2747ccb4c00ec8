//! Somebody with a browser: a cookie, an Origin, and requests that carry both.

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::{live::Live, server::Server};

pub(crate) struct Person {
    pub http: Client,
    pub url: String,
    pub cookie: String,
}

fn client() -> Client {
    // Installed by whoever comes first.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

impl Person {
    /// One of the demo accounts, signed in.
    pub(crate) async fn demo(server: &Server, role: &str) -> Self {
        let account = server.account(role);
        Self::sign_in(server.url(), &account.email, &account.password).await
    }

    pub(crate) async fn sign_in(url: &str, email: &str, password: &str) -> Self {
        let body = json!({ "email": email, "password": password });
        let mut person = Self { http: client(), url: url.to_owned(), cookie: String::new() };
        let answer = person.post("/api/auth/sign-in/email", &body).await;
        person.keep_cookie(answer).await;
        person
    }

    /// A new account whose address is not verified yet.
    pub(crate) async fn sign_up(server: &Server, email: &str) -> Self {
        let mut person =
            Self { http: client(), url: server.url().to_owned(), cookie: String::new() };
        let body = json!({ "name": "New Learner", "email": email, "password": PASSWORD });
        let answer = person.post("/api/auth/sign-up/email", &body).await;
        person.keep_cookie(answer).await;
        person
    }

    pub(crate) async fn keep_cookie(&mut self, answer: Response) {
        let status = answer.status();
        let cookie = answer
            .headers()
            .get_all("set-cookie")
            .iter()
            .filter_map(|line| line.to_str().ok()?.split(';').next().map(str::to_owned))
            .find(|pair| pair.starts_with("better-auth.session_token="));
        match cookie {
            Some(cookie) => self.cookie = cookie,
            None => panic!("no session: {status} {}", answer.text().await.unwrap()),
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        let request = request.header("origin", &self.url);
        if self.cookie.is_empty() { request } else { request.header("cookie", &self.cookie) }
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        read(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path).json(body).send().await.unwrap()
    }

    pub(crate) async fn ticket(&self) -> String {
        let answer = self.post("/api/v1/live/ticket", &json!({})).await;
        let (status, body) = read(answer).await;
        assert_eq!(status, 200, "{body}");
        body["ticket"].as_str().unwrap().to_owned()
    }

    /// A socket that has been welcomed.
    pub(crate) async fn live(&self) -> Live {
        self.resume(json!([])).await
    }

    pub(crate) async fn resume(&self, have: Value) -> Live {
        let ticket = self.ticket().await;
        let mut live = Live::open(&self.url, Some(&ticket), Some(&self.url)).await.unwrap();
        live.send(json!({ "type": "hello", "id": 1, "client": "it", "resume": have })).await;
        let welcome = live.expect("welcome").await;
        live.welcome = welcome;
        live
    }
}

pub(crate) const PASSWORD: &str = "Correct-Horse-7-Battery";

pub(crate) async fn read(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
