//! Nodes that serve a part (issue 4): what each answers, and a chat node alone that takes the tokens
//! of an issuer on another node or of somebody else's.

mod elsewhere;
mod foreign;
mod shared;

use reqwest::Client;
use serde_json::{Value, json};

use crate::support::{live::Live, person::read};

/// Somebody with an access token and no cookie.
struct Bearer {
    http: Client,
    url: String,
    token: String,
}

impl Bearer {
    fn new(url: &str, token: &str) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Self { http: Client::new(), url: url.to_owned(), token: token.to_owned() }
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
        request.send().await.unwrap()
    }

    async fn status(&self) -> u16 {
        self.get("/api/v1/courses").await.status().as_u16()
    }

    /// Posts a logout token, as an issuer does.
    async fn logout(&self, token: &str) -> (u16, Value) {
        let request = self.http.post(format!("{}/api/auth/backchannel-logout", self.url));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        read(request.body(format!("logout_token={token}")).send().await.unwrap()).await
    }

    async fn ticket(&self) -> (u16, Value) {
        let request = self.http.post(format!("{}/api/v1/live/ticket", self.url));
        read(request.bearer_auth(&self.token).send().await.unwrap()).await
    }

    /// A socket whose hello has the token.
    async fn hello(&self) -> Live {
        let mut live = Live::open(&self.url, None, None).await.unwrap();
        let hello = json!({ "type": "hello", "id": 1, "client": "it", "token": self.token });
        live.send(hello).await;
        live
    }

    async fn live(&self) -> Live {
        let mut live = self.hello().await;
        let welcome = live.expect("welcome").await;
        live.welcome = welcome;
        live
    }
}
