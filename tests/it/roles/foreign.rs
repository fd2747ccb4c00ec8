//! A chat node alone, on SQLite, and an issuer that is no IntelliStack.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Bearer;
use crate::support::{
    SOON,
    issuer::{Issuer, Mint, now},
    live::Reader,
    person::read,
    server::{Home, Server},
};

/// The issuer, its chat node, and the key that signs.
struct School {
    issuer: Issuer,
    mint: Mint,
    server: Server,
    home: Home,
}

impl School {
    async fn open(away: bool) -> Self {
        let (issuer, mint) = (Issuer::start().await, Mint::new("k1"));
        issuer.publishes(&[&mint]);
        issuer.is_away(away);
        let home = Home::with(&[
            ("INTELLISTACK__TUTOR__PACE_MS", "0"),
            ("INTELLISTACK__ISSUER__URL", &issuer.url),
        ]);
        let server = home.start_with(&["--roles", "chat"]);
        Self { issuer, mint, server, home }
    }

    fn claims(&self, subject: &str, sid: &str) -> Value {
        self.issuer.claims(self.server.url(), subject, sid)
    }

    fn shows(&self, mint: &Mint, claims: &Value) -> Bearer {
        Bearer::new(self.server.url(), &mint.sign("at+jwt", claims))
    }

    fn person(&self, subject: &str, sid: &str) -> Bearer {
        self.shows(&self.mint, &self.claims(subject, sid))
    }

    /// How often the server's log says this.
    fn told(&self, words: &str) -> usize {
        let log = std::fs::read_to_string(self.home.path().join("server.log")).unwrap();
        log.matches(words).count()
    }

    async fn says(&self, claims: &Value) -> u16 {
        let token = self.mint.sign("logout+jwt", claims);
        Bearer::new(self.server.url(), "").logout(&token).await.0
    }
}

#[tokio::test]
async fn a_token_of_the_issuer_makes_a_person_who_learns_by_every_door() {
    let school = School::open(false).await;
    let ada = school.person("ada", "s1");

    assert_eq!(ada.status().await, 200);
    let mut live = ada.live().await;
    assert_eq!(
        (&live.welcome["user"]["name"], &live.welcome["user"]["role"]),
        (&json!("ada"), &json!("student"))
    );
    let page = json!({ "course": "agree", "lesson": "clocks" });
    live.send(json!({
        "type": "send", "id": 2, "message_id": "m1", "text": "What is a clock?", "page": page,
    }))
    .await;
    let ok = live.expect("ok").await;
    let mut reader = Reader::of(&ok);
    reader.finish(&mut live).await;
    assert_eq!(reader.ends[0]["status"], "done");

    let (status, ticket) = ada.ticket().await;
    assert_eq!(status, 200, "{ticket}");
    let ticket = ticket["ticket"].as_str().unwrap();
    let mut by_ticket =
        crate::support::live::Live::open(&ada.url, Some(ticket), None).await.unwrap();
    by_ticket.send(json!({ "type": "hello", "id": 1 })).await;
    let again = by_ticket.expect("welcome").await;
    assert_eq!(again["user"]["id"], live.welcome["user"]["id"]);
    let events = format!("/api/v1/threads/{}/events", ok["thread"].as_str().unwrap());
    assert_eq!(ada.get(&events).await.status(), 200);
    assert_eq!(school.person("bob", "s2").get(&events).await.status(), 404, "somebody else's");

    let mut staff = school.claims("eve", "s3");
    staff["role"] = json!("admin");
    let plain = school.shows(&school.mint, &staff);
    assert_eq!(plain.get("/api/v1/admin/overview").await.status(), 403);
    staff["scope"] = json!("tutor admin");
    let admin = school.shows(&school.mint, &staff);
    assert_eq!(admin.get("/api/v1/admin/overview").await.status(), 200);
}

#[tokio::test]
async fn a_rotated_key_is_found_at_once_and_an_issuer_that_is_away_logs_nobody_out() {
    let school = School::open(false).await;
    let ada = school.person("ada", "s1");
    let mut live = ada.live().await;

    let next = Mint::new("k2");
    school.issuer.publishes(&[&school.mint, &next]);
    let asked = school.issuer.asked();
    let bob = school.shows(&next, &school.claims("bob", "s2"));
    assert_eq!(bob.status().await, 200);
    assert_eq!(school.issuer.asked(), asked + 2);
    let stranger = school.shows(&Mint::new("k3"), &school.claims("eve", "s3"));
    for _ in 0..5 {
        assert_eq!(stranger.status().await, 401);
    }
    assert_eq!(school.issuer.asked(), asked + 2, "once a minute");

    school.issuer.is_away(true);
    assert_eq!((ada.status().await, bob.status().await), (200, 200));
    live.send(json!({ "type": "auth", "id": 7, "token": ada.token })).await;
    assert!(live.expect("ok").await["expires"].is_string());
    let new = school.person("cleo", "s4");
    new.live().await;
}

#[tokio::test]
async fn without_a_key_ever_the_answer_is_try_again_and_later_it_works() {
    let school = School::open(true).await;
    let ada = school.person("ada", "s1");

    let answer = ada.get("/api/v1/courses").await;
    assert_eq!(answer.headers()["retry-after"], "5");
    let (status, body) = read(answer).await;
    assert_eq!((status, &body["error"]["code"]), (503, &json!("store_unavailable")));
    assert_eq!(ada.ticket().await.0, 503);
    assert_eq!(ada.hello().await.closed().await, Some(4202));
    assert_eq!(school.says(&school.issuer.logout_claims(school.server.url(), "l1")).await, 503);

    for _ in 0..20 {
        assert_eq!(ada.status().await, 503);
    }
    assert_eq!(school.told("the issuer's keys cannot be had"), 1, "not once a request");
    assert_eq!(school.told("request failed"), 0);

    school.issuer.is_away(false);
    let began = Instant::now();
    while ada.status().await != 200 {
        assert!(began.elapsed() < Duration::from_secs(20), "the keys are not asked for again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Attacks D14 to D17 at the doors themselves.
#[tokio::test]
async fn a_bad_token_opens_no_door() {
    let school = School::open(false).await;
    assert_eq!(school.person("ada", "s1").status().await, 200);
    let with = |field: &str, value: Value| {
        let mut claims = school.claims("eve", "s9");
        claims[field] = value;
        claims
    };
    let sign = |typ: &str, claims: &Value| school.mint.sign(typ, claims);
    let forged = Mint::new("k1");
    for (what, token) in [
        ("another key", forged.sign("at+jwt", &school.claims("eve", "s9"))),
        ("an ID token", sign("JWT", &school.claims("eve", "s9"))),
        ("a logout token", sign("logout+jwt", &school.claims("eve", "s9"))),
        ("another audience", sign("at+jwt", &with("aud", json!("app")))),
        ("another issuer", sign("at+jwt", &with("iss", json!("https://evil.example")))),
        ("no scope", sign("at+jwt", &with("scope", json!("openid")))),
        ("expired", sign("at+jwt", &with("exp", json!(now() - 60)))),
        ("not yet valid", sign("at+jwt", &with("nbf", json!(now() + 120)))),
        ("no subject", sign("at+jwt", &with("sub", json!(null)))),
    ] {
        let eve = Bearer::new(school.server.url(), &token);
        assert_eq!((eve.status().await, eve.ticket().await.0), (401, 401), "{what}");
        assert_eq!(eve.hello().await.closed().await, Some(4101), "{what}");
    }
}

/// Attack C6, by the issuer's word.
#[tokio::test]
async fn a_logout_at_the_issuer_closes_the_sockets_and_leaves_others_alone() {
    let school = School::open(false).await;
    let (laptop, phone) = (school.person("ada", "s1"), school.person("ada", "s2"));
    let (mut on_laptop, mut on_phone) = (laptop.live().await, phone.live().await);
    let logout = |jti: &str| school.issuer.logout_claims(school.server.url(), jti);

    let mut bad = logout("l0");
    (bad["sid"], bad["nonce"]) = (json!("s1"), json!("n"));
    assert_eq!(school.says(&bad).await, 400);
    assert_eq!(laptop.status().await, 200);

    let mut one = logout("l1");
    one["sid"] = json!("s1");
    let began = Instant::now();
    assert_eq!(school.says(&one).await, 200);
    assert_eq!(on_laptop.closed().await, Some(4103));
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!((laptop.status().await, phone.status().await), (401, 200));
    assert_eq!(school.says(&one).await, 400, "a second time");

    let mut all = logout("l2");
    all["sub"] = json!("ada");
    assert_eq!(school.says(&all).await, 200);
    assert_eq!(on_phone.closed().await, Some(4103));
    assert_eq!(phone.status().await, 401);
    assert_eq!(school.person("bob", "s3").status().await, 200);
}
