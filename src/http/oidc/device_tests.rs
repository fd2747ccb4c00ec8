//! Devices without a browser (RFC 8628), from the first question to what the token endpoint gets.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::{
    auth::{
        oidc::device::{Approved, DeviceError},
        tests::{Bench, PAGE},
    },
    domain::clock::{MINUTE, SECOND},
    http::auth::tests::{Answer, PASSWORD},
    store::{oauth_clients::ClientRow, oauth_clients::tests::client},
};

mod endpoint;
mod pages;

const DEVICE: &str = "/api/auth/oauth2/device";
const VERIFY: &str = "/api/auth/oauth2/device/verify";
const DECIDE: &str = "/api/auth/oauth2/device/decide";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const FORM: &str = "application/x-www-form-urlencoded";

/// A public app for devices, with what is put over what it registers.
fn app(id: &str, more: &Value) -> ClientRow {
    let mut metadata = json!({
        "redirect_uris": [], "grant_types": [GRANT], "token_endpoint_auth_method": "none",
    });
    for (name, value) in more.as_object().unwrap() {
        metadata[name] = value.clone();
    }
    ClientRow { metadata: metadata.to_string(), ..client(id) }
}

fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A school with one app for devices, and Ada's browser.
struct School {
    bench: Bench,
    cookie: String,
}

impl School {
    async fn open() -> Self {
        let bench = Bench::new().await;
        bench.store.have_app(app("tv", &json!({}))).await;
        let cookie = bench.sign_up("ada@school.example").await.cookie();
        Self { bench, cookie }
    }

    /// The device asks for a code.
    async fn ask(&self, fields: &[(&str, &str)]) -> Answer {
        let call = self.bench.call(Method::POST, DEVICE).with("user-agent", "TV/1 <b>big</b>");
        call.body(FORM, form(fields)).send().await
    }

    /// The codes that it gets: the device's and the person's.
    async fn begin(&self) -> (String, String) {
        let answer = self.ask(&[("client_id", "tv"), ("scope", "openid email")]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let codes = answer.json();
        let text = |name: &str| codes[name].as_str().unwrap().to_owned();
        (text("device_code"), text("user_code"))
    }

    /// The device asks whether its person has agreed.
    async fn poll(&self, code: &str) -> Result<Approved, DeviceError> {
        let client = self.bench.auth.client("tv").await.unwrap().unwrap();
        self.bench.auth.poll_device(&client, code).await
    }

    async fn open_page(&self, query: &[(&str, &str)], cookie: &str) -> Answer {
        let call = self.bench.get(&format!("{VERIFY}?{}", form(query)));
        let call = if cookie.is_empty() { call } else { call.with("cookie", cookie) };
        call.send().await
    }

    /// A form of a page of ours, as browsers send it.
    async fn press(&self, path: &str, fields: &[(&str, &str)], cookie: &str) -> Answer {
        let call = self.bench.call(Method::POST, path);
        let call = call.with("origin", "null").with("sec-fetch-site", "same-origin");
        let call = if cookie.is_empty() { call } else { call.with("cookie", cookie) };
        call.body(FORM, form(fields)).send().await
    }

    async fn type_code(&self, code: &str) -> Answer {
        self.press(VERIFY, &[("user_code", code)], &self.cookie).await
    }
}

fn asks_for_code(answer: &Answer) -> bool {
    answer.text.contains(r#"name="user_code""#) && answer.text.contains(r#"id="continue""#)
}

fn asks_to_agree(answer: &Answer) -> bool {
    answer.status == 200
        && answer.text.contains(r#"id="accept""#)
        && answer.text.contains(r#"id="decline""#)
}

fn is_wrong(answer: &Answer) -> bool {
    answer.status == 400 && asks_for_code(answer) && answer.text.contains(r#"id="fault""#)
}
