//! Apps hear of sign-outs from real servers: each once, later if they were away, and whatever dies.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

use crate::support::{SOON, databases::free_port, nodes::Nodes, person::Person};

const PATIENCE: Duration = Duration::from_secs(40);
const SETTINGS: [(&str, &str); 1] = [("OIDC__ALLOW_LOOPBACK_URLS", "true")];

/// Where apps want to be told.
struct Receiver {
    port: u16,
    arrived: mpsc::UnboundedReceiver<String>,
    /// Whether it answers what it hears.
    answers: Arc<Mutex<bool>>,
    /// Ends with this.
    _serving: JoinSet<()>,
}

impl Receiver {
    async fn start(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (heard, arrived) = mpsc::unbounded_channel();
        let answers = Arc::new(Mutex::new(true));
        let (mut serving, shared) = (JoinSet::new(), Arc::clone(&answers));
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                connections.spawn(take(client, heard.clone(), Arc::clone(&shared)));
            }
        });
        Self { port, arrived, answers, _serving: serving }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/out", self.port)
    }

    fn answers(&self, answers: bool) {
        *self.answers.lock().unwrap() = answers;
    }

    async fn next(&mut self) -> String {
        tokio::time::timeout(PATIENCE, self.arrived.recv()).await.expect("no token").unwrap()
    }

    async fn is_silent(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.arrived.recv()).await.is_err()
    }
}

/// One request; what is no form with a logout token and nothing else is a fault.
async fn take(
    mut client: TcpStream,
    heard: mpsc::UnboundedSender<String>,
    answers: Arc<Mutex<bool>>,
) {
    let mut text = Vec::new();
    loop {
        let mut piece = [0; 4_096];
        let Ok(length @ 1..) = client.read(&mut piece).await else { return };
        text.extend_from_slice(&piece[..length]);
        let all = String::from_utf8(text.clone()).unwrap();
        let Some((lines, body)) = all.split_once("\r\n\r\n") else { continue };
        let lines = lines.to_ascii_lowercase();
        let length = lines.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
        if body.len() < length.parse().unwrap() {
            continue;
        }
        assert!(lines.starts_with("post /out "), "{lines}");
        assert!(lines.contains("content-type: application/x-www-form-urlencoded"), "{lines}");
        heard.send(body.strip_prefix("logout_token=").unwrap().to_owned()).unwrap();
        break;
    }
    if !*answers.lock().unwrap() {
        // Until whoever asked hangs up.
        let _ = client.read(&mut [0]).await;
        return;
    }
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let _ = client.write_all(answer.as_bytes()).await;
}

/// Somebody who has let apps in, and her sign-in.
struct Visit {
    person: Person,
    user: String,
    sid: String,
}

struct School {
    nodes: Nodes,
    database: tokio_postgres::Client,
}

impl School {
    async fn open(count: usize) -> Option<Self> {
        let nodes = Nodes::start(count, &SETTINGS).await?;
        let url = nodes.postgres.url_at(nodes.postgres.port());
        let (database, connection) =
            tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::runtime::Handle::current().spawn(connection);
        Some(Self { nodes, database })
    }

    async fn have_app(&self, id: &str, url: &str) {
        let metadata = json!({ "redirect_uris": [], "backchannel_logout_uri": url }).to_string();
        let row = "INSERT INTO oauth_client (id, name, disabled, metadata, created_at, updated_at) \
                   VALUES ($1, $1, false, $2, 1, 1)";
        self.database.execute(row, &[&id, &metadata]).await.unwrap();
    }

    /// A person who signs in at that node, and lets these apps in.
    async fn visit(&self, node: usize, name: &str, apps: &[&str]) -> Visit {
        let person = self.nodes.person(node, name, "student").await;
        let (_, session) = person.get("/api/auth/get-session").await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (user, sid) = (text(&session["user"]["id"]), text(&session["session"]["id"]));
        let far = 4_000_000_000_000_i64;
        for app in apps {
            let id = format!("{name} {app}");
            let row = "INSERT INTO session (id, token_hash, user_id, expires_at, remember, \
                       ip_address, parent_id, client_id, browser_sid, granted, proved_at, \
                       created_at, updated_at) \
                       VALUES ($1, $1, $2, $3, false, '', $4, $5, $4, '{}', 1, 1, 1)";
            self.database.execute(row, &[&id, &user, &far, &sid, app]).await.unwrap();
        }
        Visit { person, user, sid }
    }

    /// The claims of a logout token, checked with the keys that the school publishes.
    async fn verified(&self, token: &str) -> Value {
        let url = format!("{}/api/auth/jwks", self.nodes.url(0));
        let keys: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        let head = jsonwebtoken::decode_header(token).unwrap();
        assert_eq!(head.typ.as_deref(), Some("logout+jwt"));
        let keys = keys["keys"].as_array().unwrap();
        let kid = head.kid.unwrap();
        let key = keys.iter().find(|key| key["kid"] == kid.as_str()).unwrap();
        let part = |name: &str| key[name].as_str().unwrap();
        let key = DecodingKey::from_rsa_components(part("n"), part("e")).unwrap();
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_issuer(&[format!("{}/api/auth", self.nodes.url(0))]);
        rules.validate_aud = false;
        let claims = jsonwebtoken::decode::<Value>(token, &key, &rules).unwrap().claims;
        let event = &claims["events"]["http://schemas.openid.net/event/backchannel-logout"];
        assert_eq!(event, &json!({}));
        assert!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() <= 120);
        assert_eq!(claims.get("nonce"), None);
        claims
    }

    async fn waiting(&self) -> i64 {
        let left = "SELECT count(*) FROM oauth_logout";
        self.database.query_one(left, &[]).await.unwrap().get(0)
    }
}

async fn sign_out(visit: &Visit) {
    assert_eq!(visit.person.post("/api/auth/sign-out", &json!({})).await.status(), 200);
}

/// `oidcc-backchannel-rp-initiated-logout`, on two nodes.
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_tell_each_app_once_of_each_sign_out() {
    let mut receiver = Receiver::start(0).await;
    let Some(school) = School::open(2).await else { return };
    let apps = ["one", "two", "three"];
    for app in apps {
        school.have_app(app, &receiver.url()).await;
    }
    let mut visits = Vec::new();
    for number in 0..4 {
        visits.push(school.visit(number % 2, &format!("pupil{number}"), &apps).await);
    }
    let stays = school.visit(0, "stays", &apps).await;

    let began = Instant::now();
    futures_util::future::join_all(visits.iter().map(sign_out)).await;
    let first = receiver.next().await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    let mut tokens = vec![first];
    for _ in 1..12 {
        tokens.push(receiver.next().await);
    }

    let (mut told, mut names) = (BTreeSet::new(), BTreeSet::new());
    for token in &tokens {
        let claims = school.verified(token).await;
        let text = |name: &str| claims[name].as_str().unwrap().to_owned();
        told.insert((text("sub"), text("sid"), text("aud")));
        names.insert(text("jti"));
    }
    let of = |visit: &Visit, app: &str| (visit.user.clone(), visit.sid.clone(), app.to_owned());
    let expected: BTreeSet<_> =
        visits.iter().flat_map(|visit| apps.map(|app| of(visit, app))).collect();
    assert_eq!(told, expected);
    assert_eq!(names.len(), 12);
    assert!(receiver.is_silent(Duration::from_secs(2)).await);
    assert_eq!(school.waiting().await, 0);
    assert_ne!(stays.person.get("/api/auth/get-session").await.1, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_down_is_told_when_it_is_back() {
    let port = free_port();
    let Some(school) = School::open(1).await else { return };
    school.have_app("app", &format!("http://127.0.0.1:{port}/out")).await;
    let ada = school.visit(0, "ada", &["app"]).await;
    sign_out(&ada).await;
    let tried = async {
        while !std::fs::read_to_string(school.nodes.all[0].log()).unwrap().contains("was not told")
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, tried).await.expect("nobody tried");

    let mut receiver = Receiver::start(port).await;

    let claims = school.verified(&receiver.next().await).await;
    assert_eq!((&claims["sub"], &claims["sid"]), (&json!(ada.user), &json!(ada.sid)));
    assert!(receiver.is_silent(Duration::from_secs(2)).await);
}

/// At least once: the app has heard it when the node dies, and the node has not noted that.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_loses_no_sign_out() {
    let mut receiver = Receiver::start(0).await;
    let Some(mut school) = School::open(1).await else { return };
    school.have_app("app", &receiver.url()).await;
    let mut visits = Vec::new();
    for number in 0..6 {
        visits.push(school.visit(0, &format!("pupil{number}"), &["app"]).await);
    }
    receiver.answers(false);
    futures_util::future::join_all(visits.iter().map(sign_out)).await;
    receiver.next().await;
    school.nodes.all[0].kill();
    while receiver.arrived.try_recv().is_ok() {}

    receiver.answers(true);
    school.nodes.start_node(0);

    let mut expected: BTreeSet<_> = visits.iter().map(|visit| visit.sid.clone()).collect();
    while !expected.is_empty() {
        let claims = school.verified(&receiver.next().await).await;
        expected.remove(claims["sid"].as_str().unwrap());
    }
    let noted = async {
        while school.waiting().await > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, noted).await.expect("not all is noted");
}
