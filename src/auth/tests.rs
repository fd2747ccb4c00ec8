//! A bench for tests of accounts: a real store, a clock moved by hand, people by name.

use std::sync::Arc;

use super::{sessions::Device, *};
use crate::{
    domain::{
        clock::{DAY, HOUR, MINUTE, ManualClock},
        ids::SeededIds,
        lockout::Rule,
    },
    store::{accounts::tests::login, contract::on_lite, keys::SigningKey, users::tests::person},
};

pub(crate) const SECRET: &str = "a-secret-of-thirty-two-characters";
pub(crate) const PAGE: &str = "http://localhost:8080";

/// Made once for all tests: a key takes longer than the rest of a bench.
static KEYS: std::sync::OnceLock<Vec<SigningKey>> = std::sync::OnceLock::new();

/// 2026-11-23, so that times look like times.
pub(crate) const START: Millis = Millis(1_795_400_000_000);

pub(crate) fn settings(public_url: &str, folder: &std::path::Path) -> Settings {
    let config = crate::config::load(None, [], &crate::config::Overrides::default()).unwrap();
    Settings {
        public_url: public_url.to_owned(),
        allowed_origins: vec!["https://app.example".to_owned()],
        secret: Secret::new(SECRET).unwrap(),
        trusted_proxies: Vec::new(),
        demo: false,
        data_dir: folder.to_owned(),
        session_life: 7 * DAY,
        token_life: 6 * HOUR,
        hash_threads: 1,
        hash_queue: 256,
        allow_sign_up: true,
        hide_existing: false,
        failures_per_minute: 30,
        sign_ups_per_minute: 20,
        posting: Posting { leaves: false, shown: true },
        mails_per_minute: 3,
        held_per_minute: 300,
        pushed_per_minute: 600,
        lockout: Rule { tries: 5, locked_for: 30 * MINUTE },
        password_policy: Policy::Classic,
        session_cache: 100,
        bearers: Bearers::Any,
        issuer: None,
        social: config.social,
        oidc: oidc::Settings {
            // The scripted apps of tests are on loopback, and register themselves.
            registration: crate::config::Registration::Open,
            allow_loopback_urls: true,
            resources: vec!["https://library.example/api".to_owned()],
            ..oidc::Settings::read(&config.oidc, false)
        },
    }
}

pub(crate) struct Bench {
    pub(crate) auth: Arc<Auth>,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::at(PAGE, true).await
    }

    pub(crate) async fn at(public_url: &str, demo: bool) -> Self {
        Self::with(public_url, |settings| {
            settings.demo = demo;
            settings.posting = Posting { leaves: !demo, shown: demo };
        })
        .await
    }

    pub(crate) async fn with(public_url: &str, change: impl FnOnce(&mut Settings)) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        Box::pin(Self::with_clock(public_url, clock, change)).await
    }

    /// With a clock that somebody else goes by too.
    pub(crate) async fn with_clock(
        public_url: &str,
        clock: Arc<ManualClock>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let (store, folder) = on_lite().await;
        let store = Arc::new(store);
        let shared: SharedClock = Arc::<ManualClock>::clone(&clock);
        let mut settings = settings(public_url, folder.path());
        change(&mut settings);
        let ids: SharedIds = Arc::new(SeededIds::new(11));
        if let Some(keys) = KEYS.get() {
            store.insert_first_keys(keys.clone(), START).await.unwrap();
        }
        let auth = Box::pin(Auth::open(settings, Arc::clone(&store), shared, ids)).await.unwrap();
        let keys = store.signing_keys().await.unwrap();
        KEYS.get_or_init(|| keys);
        Self { auth: Arc::new(auth), store, clock, folder }
    }

    /// Another node on the same store, or this one after a restart.
    pub(crate) async fn second_node(&self, change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(PAGE, folder.path());
        change(&mut settings);
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        let shared: SharedClock = Arc::<ManualClock>::clone(&clock);
        let ids: SharedIds = Arc::new(SeededIds::new(12));
        let auth = Arc::new(
            Box::pin(Auth::open(settings, Arc::clone(&store), shared, ids)).await.unwrap(),
        );
        Self { auth, store, clock, folder }
    }

    /// A verified person with a session.
    pub(crate) async fn signed_in(&self, name: &str, role: Role) -> Identity {
        self.signed_in_with_token(name, role).await.0
    }

    pub(crate) async fn signed_in_with_token(&self, name: &str, role: Role) -> (Identity, String) {
        let mut user = person(name, role);
        user.email_verified = true;
        let (session, token) = self.auth.new_session(&user.id, true, Device::default());
        self.store.insert_user(user, login(name), Some(session)).await.unwrap();
        (self.auth.by_session_token(&token).await.unwrap(), token)
    }

    /// A person who has not opened the mailed link. Gives her session token.
    pub(crate) async fn unverified(&self, name: &str) -> String {
        let user = person(name, Role::Student);
        let (session, token) = self.auth.new_session(&user.id, true, Device::default());
        self.store.insert_user(user, login(name), Some(session)).await.unwrap();
        token
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_token_opens_until_it_expires() {
    let bench = Bench::new().await;
    let (ada, token) = bench.signed_in_with_token("ada", Role::Student).await;

    assert_eq!(ada.user.name, "ada");
    assert!(bench.auth.by_bearer(&token).await.is_ok());
    assert!(bench.auth.by_bearer(&bench.auth.signed(&token)).await.is_ok());
    bench.clock.advance(7 * DAY);
    let late = bench.auth.by_session_token(&token).await;
    assert!(matches!(late, Err(AuthError::NotSignedIn)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_session_list_shows_signs_nobody_in() {
    let bench = Bench::new().await;
    let (ada, _) = bench.signed_in_with_token("ada", Role::Student).await;

    let (row, _) = bench.auth.sessions(&ada).await.unwrap().remove(0);

    for shown in [row.id.as_str(), &row.token_hash] {
        let result = bench.auth.by_bearer(shown).await;
        assert!(matches!(result, Err(AuthError::NotSignedIn)), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_counts_at_once() {
    let bench = Bench::new().await;
    let mut user = person("eve", Role::Student);
    user.banned = true;
    user.ban_expires = Some(START.plus(1_000).0);
    let (session, token) = bench.auth.new_session(&user.id, true, Device::default());
    bench.store.insert_user(user, login("eve"), Some(session)).await.unwrap();

    let banned = bench.auth.by_session_token(&token).await;
    assert!(matches!(banned, Err(AuthError::Banned)));
    bench.clock.advance(1_000);
    assert!(bench.auth.by_session_token(&token).await.is_ok());
}

/// Attack E7: a cookie that travels in clear.
#[tokio::test(flavor = "multi_thread")]
async fn a_public_url_in_clear_starts_on_loopback_only() {
    let bench = Bench::new().await;
    for url in ["http://school.example", "https://school.example/path", "school.example"] {
        let settings = settings(url, bench.folder.path());
        let clock: SharedClock = Arc::<ManualClock>::clone(&bench.clock);
        let ids: SharedIds = Arc::new(SeededIds::new(1));
        let opened = Box::pin(Auth::open(settings, Arc::clone(&bench.store), clock, ids)).await;
        assert!(matches!(opened, Err(AuthError::Broken(_))), "{url}");
    }
}
