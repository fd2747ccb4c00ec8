use std::sync::{Arc, Mutex};

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::ServerHandle,
    web::{self, Data},
};

use super::*;
use crate::{
    auth::oidc::{Logouts, Told},
    store::oauth_logouts::tests::told_at,
};

/// An app's back-channel endpoint, on this machine: what arrived, and what it answers next.
struct Receiver {
    url: String,
    state: Data<Mutex<State>>,
    handle: ServerHandle,
}

#[derive(Default)]
struct State {
    tokens: Vec<String>,
    status: u16,
}

impl Receiver {
    fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let state = Data::new(Mutex::new(State { status: 200, ..State::default() }));
        let data = state.clone();
        let server = HttpServer::new(move || {
            App::new().app_data(data.clone()).route("/out", web::post().to(take))
        });
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/out", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { url, state, handle }
    }

    fn answers(&self, status: u16) {
        self.state.lock().unwrap().status = status;
    }

    fn tokens(&self) -> Vec<String> {
        self.state.lock().unwrap().tokens.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // The handle's answer is of no interest; the order has been given.
        drop(self.handle.stop(false));
    }
}

async fn take(form: web::Form<Vec<(String, String)>>, state: Data<Mutex<State>>) -> HttpResponse {
    let mut state = state.lock().unwrap();
    let [(name, token)] = &form[..] else { panic!("more than a logout token: {form:?}") };
    assert_eq!(name, "logout_token");
    state.tokens.push(token.clone());
    HttpResponse::build(state.status.try_into().unwrap())
        .insert_header(("location", "/elsewhere"))
        .finish()
}

/// Signs Ada out of a browser in which she had let an app in.
async fn signed_out_of(url: &str) -> (Browser, Logouts) {
    let browser = Browser::open().await;
    browser.bench.store.have_app(told_at("told", url)).await;
    let grant = (browser.user.as_str(), browser.sid.as_str());
    browser.bench.store.have_grant("g", "told", grant, false).await;
    let answer = browser.end(&[("id_token_hint", &browser.hint())]).await;
    assert!(is_signed_out_page(&answer));
    let logouts = Logouts::new(Arc::clone(&browser.bench.auth));
    (browser, logouts)
}

async fn try_all(logouts: &Logouts) -> Vec<Told> {
    let mut all = Vec::new();
    for row in logouts.claim(9).await.unwrap() {
        all.push(logouts.attempt(&row).await.unwrap());
    }
    all
}

fn part(token: &str, number: usize) -> Value {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// `oidcc-backchannel-rp-initiated-logout`.
#[actix_web::test]
async fn an_app_hears_of_a_sign_out_by_a_token_that_names_the_sign_in() {
    let receiver = Receiver::start();
    let (browser, logouts) = signed_out_of(&receiver.url).await;

    assert_eq!(try_all(&logouts).await, [Told::Yes]);
    assert_eq!(try_all(&logouts).await, []);

    let [token] = &receiver.tokens()[..] else { panic!("not once") };
    let now = browser.bench.auth.now_s();
    let mut claims = part(token, 1);
    assert!(claims["jti"].take().as_str().unwrap().len() >= 20);
    let expected = json!({
        "iss": format!("{PAGE}/api/auth"), "sub": browser.user, "aud": "told", "iat": now,
        "exp": now + 120, "jti": null, "sid": browser.sid,
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    assert_eq!(claims, expected);
    assert_eq!(part(token, 0)["typ"], "logout+jwt");
    assert!(browser.bench.auth.is_signed_by_us(token));
    assert!(browser.bench.auth.open_hint(token).await.is_none(), "attack D16");
    assert!(!browser.is_signed_in().await);
}

#[actix_web::test]
async fn an_app_that_is_down_is_told_later_for_some_hours() {
    let receiver = Receiver::start();
    let (browser, logouts) = signed_out_of(&receiver.url).await;
    receiver.answers(503);

    let mut waited = 0;
    let mut tries = 0;
    loop {
        match try_all(&logouts).await[..] {
            [Told::Later] => tries += 1,
            [Told::Never] => break,
            [] => {}
            ref other => panic!("{other:?}"),
        }
        browser.bench.clock.advance(30 * SECOND);
        waited += 30;
        assert!(waited < 24 * 3_600);
    }

    assert!((2 * 3_600..5 * 3_600).contains(&waited), "{waited} s");
    assert_eq!((tries, receiver.tokens().len()), (10, 11));
    assert_eq!(browser.bench.store.queued().await, []);

    // One that comes back in time.
    let (browser, logouts) = signed_out_of(&receiver.url).await;
    assert_eq!(try_all(&logouts).await, [Told::Later]);
    receiver.answers(204);
    browser.bench.clock.advance(3 * SECOND);
    assert_eq!(try_all(&logouts).await, [Told::Yes]);
}

/// Attack D13: no redirect is followed.
#[actix_web::test]
async fn a_redirect_is_no_answer() {
    let receiver = Receiver::start();
    let (_browser, logouts) = signed_out_of(&receiver.url).await;
    receiver.answers(307);

    assert_eq!(try_all(&logouts).await, [Told::Later]);
    assert_eq!(receiver.tokens().len(), 1);
}

/// Attack D13: this machine is asked only where the operator allows it, others only by https.
#[actix_web::test]
async fn nothing_is_sent_in_clear_or_to_this_machine_unless_that_is_allowed() {
    let receiver = Receiver::start();
    let (browser, logouts) = signed_out_of("http://app.example/out").await;
    assert_eq!(try_all(&logouts).await, [Told::Later]);

    let (store, app) = (&browser.bench.store, told_at("here", &receiver.url));
    store.have_app(app).await;
    let closed = browser.bench.second_node(|settings| {
        settings.oidc.allow_loopback_urls = false;
    });
    let closed = closed.await;
    let cookie = closed.sign_up("bob@school.example").await.cookie();
    let session = closed.get("/api/auth/get-session").with("cookie", &cookie).send().await.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (user, sid) = (text(&session["user"]["id"]), text(&session["session"]["id"]));
    store.have_grant("h", "here", (&user, &sid), true).await;
    closed.post("/api/auth/sign-out", &json!({})).by_page(&cookie).send().await;
    let closed_logouts = Logouts::new(Arc::clone(&closed.auth));
    assert_eq!(try_all(&closed_logouts).await, [Told::Later]);
    assert_eq!(receiver.tokens(), Vec::<String>::new());
}

#[actix_web::test]
async fn an_app_that_has_changed_its_mind_is_not_told() {
    let receiver = Receiver::start();
    let (browser, logouts) = signed_out_of(&receiver.url).await;
    browser.bench.store.disable_app(&ClientId::new("told")).await;

    assert_eq!(try_all(&logouts).await, [Told::Never]);
    assert_eq!((receiver.tokens().len(), browser.bench.store.queued().await.len()), (0, 0));
}
