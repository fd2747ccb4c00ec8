//! RP-initiated logout and what apps are told of it. Modules of the OpenID Foundation's plans
//! `oidcc-rp-initiated-logout` and `oidcc-backchannel-rp-initiated-logout` by name.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::{
    auth::tests::{Bench, PAGE},
    domain::{
        clock::{DAY, SECOND},
        ids::ClientId,
    },
    http::auth::tests::Answer,
    store::{oauth_clients::ClientRow, oauth_clients::tests::client},
};

mod backchannel;
mod end_session;
mod pages;

const END: &str = "/api/auth/oauth2/end-session";
const CONFIRM: &str = "/api/auth/oauth2/end-session/confirm";
const OUT: &str = "https://app.example/signed-out";
const FORM: &str = "application/x-www-form-urlencoded";

/// A browser in which somebody is signed in, and an app that she signed in to.
struct Browser {
    bench: Bench,
    cookie: String,
    user: String,
    sid: String,
}

/// What an app registers here, with what is put over it.
fn app(id: &str, more: &Value) -> ClientRow {
    let mut metadata =
        json!({ "redirect_uris": ["https://app.example/cb"], "post_logout_redirect_uris": [OUT] });
    for (name, value) in more.as_object().unwrap() {
        metadata[name] = value.clone();
    }
    ClientRow { metadata: metadata.to_string(), ..client(id) }
}

impl Browser {
    async fn open() -> Self {
        let bench = Bench::new().await;
        bench.store.have_app(app("app", &json!({}))).await;
        let cookie = bench.sign_up("ada@school.example").await.cookie();
        let session = bench.get("/api/auth/get-session").with("cookie", &cookie).send().await;
        let session = session.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (user, sid) = (text(&session["user"]["id"]), text(&session["session"]["id"]));
        Self { bench, cookie, user, sid }
    }

    /// An ID token as the token endpoint issues it, with what is put over it; null takes away.
    fn id_token(&self, more: &Value) -> String {
        let now = self.bench.auth.now_s();
        let mut claims = json!({
            "iss": self.bench.auth.issuer(), "sub": self.user, "aud": "app", "sid": self.sid,
            "iat": now, "exp": now + 3_600, "auth_time": now,
        });
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.bench.auth.sign_for_tests("JWT", &claims)
    }

    fn hint(&self) -> String {
        self.id_token(&json!({}))
    }

    async fn end(&self, query: &[(&str, &str)]) -> Answer {
        let query = form(query);
        let call = self.bench.get(&format!("{END}?{query}"));
        call.with("cookie", &self.cookie).send().await
    }

    /// Presses the button of the page that asks.
    async fn confirm(&self, fields: &[(&str, &str)]) -> Answer {
        let call = self.bench.call(Method::POST, CONFIRM).with("cookie", &self.cookie);
        let call = call.with("origin", "null").with("sec-fetch-site", "same-origin");
        call.body(FORM, form(fields)).send().await
    }

    async fn is_signed_in(&self) -> bool {
        let answer = self.bench.get("/api/auth/get-session").with("cookie", &self.cookie);
        answer.send().await.text != "null"
    }
}

fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A page that says what is wrong, and leads nowhere.
fn is_error(answer: &Answer) -> bool {
    (400..500).contains(&answer.status)
        && answer.text.contains(r#"id="error""#)
        && answer.header("location").is_none()
}

fn asks(answer: &Answer) -> bool {
    answer.status == 200
        && answer.text.contains(r#"id="sign-out""#)
        && answer.text.contains(r#"id="stay""#)
        && answer.header("location").is_none()
}

fn is_signed_out_page(answer: &Answer) -> bool {
    answer.status == 200 && answer.text.contains(r#"id="signed-out""#)
}

fn leads_to(answer: &Answer, place: &str) -> bool {
    answer.status == 303 && answer.header("location") == Some(place)
}
