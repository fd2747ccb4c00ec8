//! What a session does by the clock, with a clock that tests move: time-outs, heartbeats, the
//! renewal of tokens, the rate of requests (`live.md` §1, §2.3, §2.4).

use std::{collections::VecDeque, future::Future, path::Path, rc::Rc, sync::Arc, time::Duration};

use actix::{Actor, Addr};
use futures_util::StreamExt;
use serde_json::{Value, json};

use super::{App, Ground, Options, bind};
use crate::{
    actors::{
        Observe,
        session::{
            Gauge, Hung, Incoming, Look, Outgoing, Outlet, Proof, Session, Transport, queue,
        },
        tutor,
    },
    auth::{Identity, NewPerson, sessions::Device, sign_in::SignIn},
    config::{self, Overrides},
    domain::{
        clock::{HOUR, ManualClock, Millis, SECOND, SharedClock},
        email::Email,
        ids::{SeededIds, SharedIds, TurnId},
        password::Password,
        role::Role,
    },
    store::{Place, Store},
    telemetry::Problems,
};

const PATIENCE: Duration = Duration::from_secs(20);
const PASSWORD: &str = "Correct-Horse-7-Battery";

pub(super) struct Node {
    pub app: App,
    clock: Arc<ManualClock>,
}

/// Runs a test on a whole node whose clock stands still until the test moves it.
fn on_node<F: Future<Output = ()>>(test: impl FnOnce(Node) -> F) {
    on_node_with(async || Vec::new(), test);
}

/// The settings are made where servers can be started.
pub(super) fn on_node_with<F: Future<Output = ()>>(
    settings: impl AsyncFnOnce() -> Vec<(String, String)>,
    test: impl FnOnce(Node) -> F,
) {
    let folder = tempfile::tempdir().unwrap();
    on_node_in(folder.path(), 5, settings, test);
}

/// In a folder that another node may have had, with chance of its own.
pub(super) fn on_node_in<F: Future<Output = ()>>(
    folder: &Path,
    seed: u64,
    settings: impl AsyncFnOnce() -> Vec<(String, String)>,
    test: impl FnOnce(Node) -> F,
) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let handle = runtime.handle().clone();
    actix_rt::System::new().block_on(async {
        let overrides = Overrides { data_dir: Some(folder.to_owned()) };
        let config = config::load(None, settings().await, &overrides).unwrap();
        let clock = Arc::new(ManualClock::at(Millis(1_795_400_000_000)));
        let ids: SharedIds = Arc::new(SeededIds::new(seed));
        let shared: SharedClock = Arc::<ManualClock>::clone(&clock);
        let problems = Problems::new(|| 0);
        let ground = Ground { config, clock: shared, ids, problems };
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let place = Place::File(folder.join("test.db"));
        let store = async { Ok(Arc::new(Store::open(&place, &handle).await?)) };
        let app = App::build(&ground, Options::default(), &listener, store).await.unwrap();
        test(Node { app, clock }).await;
    });
}

impl Node {
    /// A verified student, signed in.
    pub(super) async fn person(&self, name: &str) -> Identity {
        let email = Email::parse(&format!("{name}@school.example")).unwrap();
        let password = || Password::parse(PASSWORD).unwrap();
        let new = NewPerson {
            email: email.clone(),
            name: name.to_owned(),
            role: Role::Student,
            verified: true,
        };
        self.app.auth.create_user(new, password()).await.unwrap();
        let (remember, replaces, known_device) = (true, None, None);
        let form = SignIn { email, password: password(), remember, replaces, known_device };
        let started = self.app.auth.sign_in(form, Device::default(), None).await.unwrap();
        self.app.auth.by_session_token(&started.token).await.unwrap()
    }

    fn connect(&self, transport: Transport) -> Client {
        let (outbox, outlet) = queue();
        let gauge = outlet.gauge();
        let hub = Arc::clone(&self.app.hub);
        let session = Session::new(hub, None, transport, Proof::None, outbox).start();
        Client { session, outlet, gauge, waiting: VecDeque::new(), pings: 0 }
    }

    pub(super) async fn welcomed(&self, who: &Identity) -> Client {
        let mut client = self.connect(Transport::WebSocket);
        client.hello(&self.token(who)).await;
        client
    }

    fn token(&self, who: &Identity) -> String {
        self.app.auth.issue_access_token(who).unwrap()
    }
}

/// The other end of a session, without a socket between.
pub(super) struct Client {
    session: Addr<Session>,
    outlet: Outlet,
    gauge: Rc<Gauge>,
    waiting: VecDeque<Value>,
    pings: usize,
}

impl Client {
    pub(super) async fn say(&self, frame: Value) {
        // A session that has closed hears nothing more; the test reads its reason.
        let _ = self.session.send(Incoming(frame.to_string())).await;
    }

    async fn hello(&mut self, token: &str) {
        self.say(json!({ "type": "hello", "id": 1, "token": token })).await;
        assert_eq!(self.next().await.unwrap()["type"], "welcome");
    }

    /// Lets the session look at its clock.
    async fn look(&self) {
        let _ = self.session.send(Look).await;
    }

    /// The next frame, or the code with which the session ended.
    pub(super) async fn next(&mut self) -> Result<Value, u16> {
        loop {
            if let Some(frame) = self.waiting.pop_front() {
                return Ok(frame);
            }
            let outgoing = tokio::time::timeout(PATIENCE, self.outlet.next()).await;
            let outgoing = outgoing.expect("the session says nothing");
            self.gauge.took(outgoing.as_ref().map_or(0, Outgoing::on_the_wire));
            match outgoing {
                Some(Outgoing::Text(text)) => {
                    self.waiting
                        .extend(text.lines().map(|line| serde_json::from_str(line).unwrap()));
                }
                Some(Outgoing::Ping) => self.pings += 1,
                None => return Err(self.gauge.close().code()),
            }
        }
    }

    /// Says something whose answer shows that nothing else was said before it, but for how many
    /// sockets there are.
    async fn is_silent(&mut self) {
        self.say(json!({ "type": "fly", "id": 99 })).await;
        let mut frame = self.next().await.unwrap();
        while frame["type"] == "presence" {
            frame = self.next().await.unwrap();
        }
        assert_eq!(frame["code"], "unknown_type");
    }
}

#[test]
fn a_socket_says_hello_within_five_seconds() {
    on_node(async |node| {
        let mut client = node.connect(Transport::WebSocket);
        node.clock.advance(4_999);
        client.look().await;
        node.clock.advance(1);
        client.look().await;
        assert_eq!(client.next().await, Err(4100));
    });
}

#[test]
fn a_silent_client_is_asked_once_and_given_up_after_35_seconds() {
    on_node(async |node| {
        let ada = node.person("ada").await;
        let mut client = node.welcomed(&ada).await;
        node.clock.advance(22 * SECOND);
        client.look().await;
        client.is_silent().await;
        node.clock.advance(28 * SECOND);
        client.look().await;
        client.look().await;
        assert_eq!(client.next().await.unwrap()["type"], "heartbeat");
        client.session.send(Hung::Alive).await.unwrap();
        client.is_silent().await;
        assert_eq!(client.pings, 1);
        node.clock.advance(35 * SECOND);
        client.look().await;
        assert_eq!(client.next().await, Err(4302));
    });
}

/// On a short road the answer comes within the heartbeat's own millisecond.
#[test]
fn a_client_that_answers_at_once_is_asked_again() {
    on_node(async |node| {
        let ada = node.person("ada").await;
        let mut client = node.welcomed(&ada).await;
        for _ in 0..3 {
            node.clock.advance(28 * SECOND);
            client.look().await;
            assert_eq!(client.next().await.unwrap()["type"], "heartbeat");
            client.session.send(Hung::Alive).await.unwrap();
        }
    });
}

#[test]
fn an_event_stream_is_kept_alive_and_never_given_up_for_its_silence() {
    on_node(async |node| {
        let ada = node.person("ada").await;
        let mut client = node.connect(Transport::Sse);
        client.hello(&node.token(&ada)).await;
        for _ in 0..3 {
            node.clock.advance(36 * SECOND);
            client.look().await;
            assert_eq!(client.next().await.unwrap()["type"], "heartbeat");
        }
    });
}

#[test]
fn a_token_is_renewed_in_band_or_ends_the_socket_thirty_seconds_late() {
    on_node(async |node| {
        let (ada, bob) = (node.person("ada").await, node.person("bob").await);
        let mut renews = node.welcomed(&ada).await;
        let mut forgets = node.welcomed(&ada).await;
        let mut cheats = node.welcomed(&ada).await;
        let near = 6 * HOUR - 59 * SECOND;
        node.clock.advance(near);
        for client in [&mut renews, &mut forgets, &mut cheats] {
            client.session.send(Hung::Alive).await.unwrap();
            client.look().await;
            while client.next().await.unwrap()["type"] != "auth" {}
        }
        let token = node.token(&ada);
        renews.say(json!({ "type": "auth", "id": 9, "token": token })).await;
        while renews.next().await.unwrap()["type"] != "ok" {}
        cheats.say(json!({ "type": "auth", "id": 9, "token": node.token(&bob) })).await;
        while cheats.next().await.is_ok() {}
        assert_eq!(cheats.gauge.close().code(), 4101, "another person's token");

        node.clock.advance(59 * SECOND + 30 * SECOND);
        for client in [&mut renews, &mut forgets] {
            client.session.send(Hung::Alive).await.unwrap();
            client.look().await;
        }
        renews.is_silent().await;
        forgets.is_silent().await;
        node.clock.advance(1);
        forgets.look().await;
        assert_eq!(forgets.next().await, Err(4102));
        renews.look().await;
        renews.is_silent().await;
    });
}

#[test]
fn a_flood_of_requests_is_refused_first_and_then_cut() {
    on_node(async |node| {
        let ada = node.person("ada").await;
        let mut client = node.welcomed(&ada).await;
        for _ in 0..40 {
            client.say(json!({ "type": "heartbeat" })).await;
        }
        assert_eq!(client.next().await.unwrap()["type"], "heartbeat");
        client.say(json!({ "type": "fly", "id": 7 })).await;
        let refused = client.next().await.unwrap();
        assert_eq!((&refused["code"], &refused["id"]), (&json!("rate_limited"), &json!(7)));
        assert_eq!(refused["retry_after_ms"], 50);
        node.clock.advance(50);
        client.is_silent().await;
        for _ in 0..60 {
            client.say(json!({ "type": "fly", "id": 8 })).await;
        }
        let mut refusals = 0;
        while let Ok(frame) = client.next().await {
            assert_eq!(frame["code"], "rate_limited");
            refusals += 1;
        }
        assert!((30..=40).contains(&refusals), "{refusals}");
        assert_eq!(client.gauge.close().code(), 4201);
    });
}

/// `turns.md`, When something is away: the model stalls.
#[test]
fn a_model_that_stalls_is_asked_again() {
    use crate::llm::openai::server::{Reply, Server, Step, event, spoken};

    let stalls = |text| Reply::Stream(vec![event(text), Step::Stall]);
    let (first, second) = (stalls("Two clocks "), stalls("drift apart, "));
    let ends = Reply::Stream(spoken("as you know. Which one is right?"));
    let server = std::cell::OnceCell::new();
    let settings = async || {
        let _ = server.set(Server::scripted([first, second, ends]).await);
        [
            ("MODEL", "openai".to_owned()),
            ("MODEL_NAME", "tutor-1".to_owned()),
            ("BASE_URL", server.get().unwrap().settings().base_url().to_owned()),
            ("BETWEEN_TOKENS_S", "1".to_owned()),
        ]
        .map(|(key, value)| (format!("INTELLISTACK__TUTOR__{key}"), value))
        .into()
    };
    on_node_with(settings, async |node| {
        let ada = node.person("ada").await;
        let mut client = node.welcomed(&ada).await;
        client.say(json!({ "type": "send", "id": 2, "message_id": "m", "text": "hi?" })).await;
        let (mut text, mut attempts) = (String::new(), Vec::new());
        let end = loop {
            let frame = client.next().await.unwrap();
            match frame["type"].as_str().unwrap() {
                "turn" => {
                    attempts.push((frame["attempt"].clone(), frame["status"].clone()));
                    if frame["status"] == "restarted" {
                        text.clear();
                    }
                }
                "delta" => text.push_str(frame["text"].as_str().unwrap()),
                "end" => break frame,
                _ => {}
            }
        };
        assert_eq!((&end["status"], &end["attempt"]), (&json!("done"), &json!(3)));
        assert!(text.contains("Which one is right?") && !text.contains("drift"), "{text}");
        let expected = [(1, "running"), (2, "restarted"), (3, "restarted")];
        let expected = expected.map(|(attempt, status)| (json!(attempt), json!(status)));
        assert_eq!(attempts, expected);
        assert_eq!(server.get().unwrap().seen().len(), 3);
    });
}

#[test]
fn a_node_without_chat_claims_no_turn_however_it_learns_of_one() {
    for (roles, writes) in [(r#"["auth","web"]"#, false), (r#"["chat"]"#, true)] {
        let settings = vec![("INTELLISTACK__SERVER__ROLES".to_owned(), roles.to_owned())];
        on_node_with(
            async || settings,
            async |node| {
                let tutor = &node.app.hub.tutor;
                tutor.send(tutor::Work(TurnId::new("trn_1"))).await.unwrap();
                let view = tutor.send(Observe::<tutor::View>::default()).await.unwrap();

                assert_eq!(!view.draining, writes, "{roles}");
                if !writes {
                    assert_eq!((view.claiming, view.running), (0, 0));
                }
            },
        );
    }
}
