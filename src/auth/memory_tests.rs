use super::*;
use crate::{
    auth::{
        sessions::Device,
        tests::{Bench, START},
    },
    domain::{clock::DAY, role::Role},
    store::{auth_events::AuthEventKind, oauth_requests::Answered, users::tests::ban},
};

impl Bench {
    /// What the reader of the change log does four times a second.
    async fn read_changes(&self) {
        let asked_at = self.auth.now();
        let changes = self.store.changes_after(0).await.unwrap();
        let seq = self.store.last_change().await.unwrap();
        self.auth.heard(&changes, seq, asked_at);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_looked_up_in_memory_while_the_change_log_is_read() {
    let bench = Bench::new().await;
    let (ada, token) = bench.signed_in_with_token("ada", Role::Student).await;
    let known = async || bench.auth.known_session(&token).await;

    let (first, second) = (known().await.unwrap(), known().await.unwrap());
    assert!(!Arc::ptr_eq(&first, &second), "nobody reads the log: nothing is believed");

    bench.read_changes().await;
    let (first, second) = (known().await.unwrap(), known().await.unwrap());
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(bench.auth.known_by_token(&token).await.unwrap(), ada);

    // A ban that the log does not tell of, as if it could not be read any more.
    ban(&bench.store, &ada.user.id).await.unwrap();
    bench.clock.advance(BELIEVED);
    assert!(known().await.is_ok());
    bench.clock.advance(1);
    assert!(matches!(known().await, Err(AuthError::Banned)));
}

/// Attack C11: what is ended or changed is not served from memory.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_change_log_names_leaves_the_memory_at_once() {
    let bench = Bench::new().await;
    let (ada, token) = bench.signed_in_with_token("ada", Role::Student).await;
    let jwt = bench.auth.issue_access_token(&ada).unwrap();
    bench.read_changes().await;
    for shown in [&token, &jwt] {
        assert_eq!(bench.auth.by_bearer(shown).await.unwrap().user.role, Role::Student);
    }

    let email = crate::domain::email::Email::parse(&ada.user.email).unwrap();
    bench.auth.set_role(&email, Role::Instructor).await.unwrap();
    bench.auth.catch_up().await;
    for shown in [&token, &jwt] {
        assert_eq!(bench.auth.by_bearer(shown).await.unwrap().user.role, Role::Instructor);
    }

    bench.auth.sign_out(&ada, &Device::default()).await.unwrap();
    bench.read_changes().await;
    assert!(matches!(bench.auth.by_bearer(&token).await, Err(AuthError::NotSignedIn)));
    assert!(matches!(bench.auth.by_bearer(&jwt).await, Err(AuthError::BadToken)));
}

/// A row that was read before a change and is kept after it would be served for good.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_before_a_change_is_not_kept_after_it() {
    let bench = Bench::new().await;
    let (ada, token) = bench.signed_in_with_token("ada", Role::Student).await;
    bench.read_changes().await;
    let (key, generation) = (hash_token(&token), bench.auth.memory.generation());
    let old = Arc::new(Known::new(bench.store.session(&ada.session).await.unwrap()));

    bench.auth.sign_out(&ada, &Device::default()).await.unwrap();
    bench.auth.catch_up().await;
    bench.auth.memory.put(key, &old, generation);

    assert!(matches!(bench.auth.known_session(&token).await, Err(AuthError::NotSignedIn)));
}

/// Attack C11, of apps.
#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_looked_up_in_memory_until_the_change_log_names_it() {
    let bench = Bench::new().await;
    let row = crate::store::oauth_clients::tests::client("an-app");
    let event = |kind| bench.auth.event(kind, &Device::default());
    let made = event(AuthEventKind::ClientCreated);
    bench.store.insert_client(row.clone(), made).await.unwrap();
    let known = async || bench.auth.client("an-app").await.unwrap();

    let (first, second) = (known().await.unwrap(), known().await.unwrap());
    assert!(!Arc::ptr_eq(&first, &second), "nobody reads the log: nothing is believed");
    bench.read_changes().await;
    let (first, second) = (known().await.unwrap(), known().await.unwrap());
    assert!(Arc::ptr_eq(&first, &second));

    let removed = event(AuthEventKind::ClientRemoved);
    bench.store.remove_client(&row.id, removed.into()).await.unwrap();
    assert!(known().await.is_some(), "the log has not been read yet");
    bench.read_changes().await;
    assert!(known().await.is_none());
}

/// Attack C11, of consents: one that was narrowed on any node is asked for anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_consent_is_looked_up_in_memory_until_the_change_log_names_it() {
    let bench = Bench::new().await;
    let (ada, _) = bench.signed_in_with_token("ada", Role::Student).await;
    let app = crate::store::oauth_clients::tests::client("an-app");
    let event = |kind| bench.auth.event(kind, &Device::default());
    bench.store.insert_client(app.clone(), event(AuthEventKind::ClientCreated)).await.unwrap();
    let row = |scope: &str| ConsentRow {
        client_id: app.id.clone(),
        user_id: ada.user.id.clone(),
        id: "one".to_owned(),
        scope: scope.to_owned(),
        detail: "{}".to_owned(),
        created_at: 1,
        updated_at: START.0,
    };
    let agree = async |scope: &str| {
        let consent = Some((row(scope), event(AuthEventKind::ConsentGiven)));
        let answered = Answered { consent, ..Answered::default() };
        bench.store.answer_request(answered, START).await.unwrap();
    };
    let known = async || {
        let row = bench.auth.consent(&app.id, &ada.user.id).await.unwrap();
        row.map(|row| row.scope.clone())
    };
    bench.read_changes().await;
    assert_eq!(known().await, None);

    agree("openid").await;
    assert_eq!(known().await.as_deref(), Some("openid"), "that there is none is not kept");
    agree("openid email").await;
    assert_eq!(known().await.as_deref(), Some("openid"), "the log has not been read yet");
    bench.read_changes().await;
    assert_eq!(known().await.as_deref(), Some("openid email"));

    let gone = event(AuthEventKind::ConsentWithdrawn);
    bench.store.withdraw_consent(&ada.user.id, "one", gone).await.unwrap();
    assert!(known().await.is_some());
    bench.read_changes().await;
    assert_eq!(known().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_is_made_once_a_session_and_version_of_its_person() {
    let bench = Bench::new().await;
    let (ada, token) = bench.signed_in_with_token("ada", Role::Student).await;
    let jwt = async || {
        let known = bench.auth.known_session(&token).await.unwrap();
        bench.auth.session_jwt(&known).unwrap()
    };

    let first = jwt().await;
    bench.clock.advance(DAY / 8 - 1);
    assert_eq!(jwt().await, first);
    bench.clock.advance(1);
    let second = jwt().await;
    assert_ne!(second, first, "half of its six hours are over");

    let email = crate::domain::email::Email::parse(&ada.user.email).unwrap();
    bench.auth.set_role(&email, Role::Admin).await.unwrap();
    assert_ne!(jwt().await, second);
    let who = bench.auth.by_bearer(&jwt().await).await.unwrap();
    assert_eq!((who.user.role, who.expires), (Role::Admin, START.plus(DAY / 8 + DAY / 4)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_another_node_has_prolonged_does_not_end_here() {
    let bench = Bench::new().await;
    let (ada, token) = bench.signed_in_with_token("ada", Role::Student).await;
    bench.read_changes().await;
    bench.auth.known_session(&token).await.unwrap();

    let end = START.plus(9 * DAY);
    bench.store.extend_session(&ada.session, end, START.plus(2 * DAY)).await.unwrap();
    bench.clock.advance(7 * DAY);
    bench.read_changes().await;

    let known = bench.auth.known_session(&token).await.unwrap();
    assert_eq!(known.session.expires_at, end.0);
    assert!(bench.auth.renew(&token, &known).await.unwrap().is_some());
}
