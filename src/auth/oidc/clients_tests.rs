use super::*;
use crate::{
    auth::tests::Bench,
    domain::{clock::DAY, role::Role},
    store::sample,
};

fn given(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("no object") };
    map
}

fn everyday() -> Map<String, Value> {
    given(json!({"client_name": "Timetable", "redirect_uris": ["https://app.example/cb"]}))
}

/// Ownership of each call: GHSA-xr8f-h2gw-9xh6.
#[tokio::test(flavor = "multi_thread")]
async fn an_instructor_has_her_own_apps_and_no_others() {
    let bench = Bench::new().await;
    let device = Device::default();
    let ina = bench.signed_in("ina", Role::Instructor).await;
    let ivo = bench.signed_in("ivo", Role::Instructor).await;
    let root = bench.signed_in("root", Role::Admin).await;
    let [ina, ivo, root] =
        [&ina, &ivo, &root].map(|admin| Hand::Staff(By { admin, device: &device }));
    let hers = bench.auth.register_client(ina, &everyday()).await.unwrap();
    let operators = bench.auth.register_client(Hand::Operator, &everyday()).await.unwrap();
    let selves = bench.auth.register_client(Hand::App(&device), &everyday()).await.unwrap();
    let seen = async |hand| {
        let found = bench.auth.list_clients(hand, None, None, 9).await.unwrap();
        found.into_iter().map(|it| it.row.id).collect::<std::collections::BTreeSet<_>>()
    };

    assert_eq!(seen(ina).await, [hers.row.id.clone()].into());
    assert!(seen(ivo).await.is_empty() && seen(Hand::App(&device)).await.is_empty());
    assert_eq!(seen(root).await.len(), 3);
    let id = hers.row.id.as_str();
    for (hand, id) in [
        (ivo, id),
        (Hand::App(&device), id),
        (ina, operators.row.id.as_str()),
        (ina, selves.row.id.as_str()),
        (ina, "nothing"),
    ] {
        let found = bench.auth.find_client(hand, id).await;
        assert!(matches!(found, Err(ClientError::NotFound)), "{hand:?} {id}");
    }
    for hand in [ina, root, Hand::Operator] {
        assert_eq!(bench.auth.find_client(hand, id).await.unwrap().row, hers.row);
    }
    // Nobody gives herself what is the operator's.
    let greedy = given(json!({"skip_consent": true, "verified": true, "disabled": true}));
    let found = bench.auth.find_client(ina, id).await.unwrap();
    let same = bench.auth.change_client(ina, found, &greedy, Change::Some).await.unwrap();
    assert_eq!((&same.metadata.ours, same.row.disabled), (&hers.metadata.ours, false));
}

/// Attack D19: nobody has checked the name of an app that registered itself.
#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_calls_itself_google_is_unverified_until_an_admin_says_otherwise() {
    let bench = Bench::new().await;
    let device = Device::default();
    let admin = &bench.signed_in("root", Role::Admin).await;
    let root = Hand::Staff(By { admin, device: &device });
    let mut google = everyday();
    google.insert("client_name".to_owned(), "Google".into());
    google.insert("verified".to_owned(), true.into());

    let app = bench.auth.register_client(Hand::App(&device), &google).await.unwrap();
    assert_eq!((app.row.name.as_str(), app.metadata.ours.verified), ("Google", false));
    let trusted = given(json!({"client_name": "Timetable", "verified": true}));
    let app = bench.auth.change_client(root, app, &trusted, Change::Some).await.unwrap();
    assert!(app.metadata.ours.verified);
    // Another name was not what she looked at.
    let renamed =
        bench.auth.change_client(Hand::App(&device), app, &google, Change::All).await.unwrap();
    assert!(!renamed.metadata.ours.verified);
    let operators = bench.auth.register_client(Hand::Operator, &everyday()).await.unwrap();
    assert!(operators.metadata.ours.verified);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_shown_once_and_goes_with_the_method_that_needs_it() {
    let bench = Bench::new().await;
    let hand = Hand::Operator;
    let app = bench.auth.register_client(hand, &everyday()).await.unwrap();
    let secret = app.secret.clone().unwrap();
    let works = async |secret: &str| {
        let client = bench.auth.client(app.row.id.as_str()).await.unwrap().unwrap();
        client.is_secret(secret)
    };
    assert!(works(&secret).await);
    let found = async || bench.auth.find_client(hand, app.row.id.as_str()).await.unwrap();
    assert!(!found().await.to_json(true).contains_key("client_secret"));

    let rotated = bench.auth.rotate_client_secret(hand, found().await).await.unwrap();
    let new = rotated.secret.unwrap();
    assert!(works(&new).await && !works(&secret).await);
    let public = given(json!({"token_endpoint_auth_method": "none"}));
    let bare = bench.auth.change_client(hand, found().await, &public, Change::Some).await.unwrap();
    assert!(bare.secret.is_none() && !works(&new).await);
    let none = bench.auth.rotate_client_secret(hand, found().await).await;
    assert!(matches!(none, Err(ClientError::Fault(fault)) if fault.field.ends_with("auth_method")));
    let again = given(json!({"token_endpoint_auth_method": "client_secret_post"}));
    let again = bench.auth.change_client(hand, found().await, &again, Change::Some).await.unwrap();
    assert!(works(&again.secret.unwrap()).await);
    // Two who change it at once: the second is told.
    let (one, two) = (found().await, found().await);
    let name = given(json!({"client_name": "One"}));
    bench.auth.change_client(hand, one, &name, Change::Some).await.unwrap();
    let late = bench.auth.change_client(hand, two, &name, Change::Some).await;
    assert!(matches!(late, Err(ClientError::Changed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_named_stays_or_is_gone_as_the_caller_says() {
    let bench = Bench::new().await;
    let hand = Hand::Operator;
    sample::insert_user(&bench.store, "ada").await;
    let course = sample::course("agree", &["one"]);
    bench.store.save_course(course, crate::domain::clock::Millis(1)).await.unwrap();
    let mut all = everyday();
    all.extend(given(json!({
        "tos_uri": "https://app.example/tos", "skip_consent": true, "course": "agree",
        "jwks_uri": "https://app.example/keys",
    })));
    let app = bench.auth.register_client(hand, &all).await.unwrap();
    let device = json!(["urn:ietf:params:oauth:grant-type:device_code"]);
    let key = json!({"keys": [{"kty": "RSA", "n": "AA", "e": "AQAB"}]});

    let some = given(json!({"grant_types": device, "jwks": key}));
    let app = bench.auth.change_client(hand, app, &some, Change::Some).await.unwrap();
    assert!(app.metadata.tos_uri.is_some() && app.metadata.jwks.is_some());
    assert!(app.metadata.jwks_uri.is_none() && app.metadata.response_types.is_empty());
    let app = bench.auth.change_client(hand, app, &everyday(), Change::All).await.unwrap();
    assert!(app.metadata.tos_uri.is_none());
    assert!(app.metadata.ours.skip_consent, "the operator's choices are named to be changed");
    let unknown = given(json!({"course": "nothing"}));
    let refused = bench.auth.change_client(hand, app, &unknown, Change::Some).await;
    assert!(matches!(refused, Err(ClientError::Fault(fault)) if fault.field == "course"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_an_app_is_written_down_without_its_secrets() {
    let bench = Bench::new().await;
    let device = Device { address: "192.0.2.1".to_owned(), ..Device::default() };
    let admin = &bench.signed_in("root", Role::Admin).await;
    let root = Hand::Staff(By { admin, device: &device });
    let app = bench.auth.register_client(Hand::App(&device), &everyday()).await.unwrap();
    let (secret, token) = (app.secret.clone().unwrap(), app.token.clone().unwrap());
    bench.clock.advance(1);
    let off = given(json!({"disabled": true}));
    let app = bench.auth.change_client(root, app, &off, Change::Some).await.unwrap();
    assert!(bench.auth.client(app.row.id.as_str()).await.unwrap().is_none());
    assert!(bench.auth.client_by_token(app.row.id.as_str(), &token).await.unwrap().is_none());
    bench.clock.advance(1);
    bench.auth.remove_client(root, &app).await.unwrap();

    let mut events = bench.store.newest_auth_events(9).await.unwrap();
    events.reverse();
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["client_created", "client_changed", "client_removed"]);
    assert_eq!(events[0].user_id, None);
    assert_eq!(events[1].user_id.as_ref(), Some(&admin.user.id));
    assert_eq!(events[1].detail()["disabled"], true);
    let text = format!("{events:?}");
    assert!(text.contains(app.row.id.as_str()) && text.contains("192.0.2.1"));
    assert!(!text.contains(&secret) && !text.contains(&token));
    let audit = bench.store.audit_page(None).await.unwrap();
    let actions: Vec<_> = audit.iter().map(|(entry, _)| entry.action.as_str()).collect();
    assert_eq!(actions, ["client_removed", "client_changed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_anybody_registered_goes_after_thirty_days_unless_it_is_used_or_looked_after() {
    let bench = Bench::new().await;
    let device = Device::default();
    let root = bench.signed_in("root", Role::Admin).await;
    let staff = Hand::Staff(By { admin: &root, device: &device });
    let register = async |hand| bench.auth.register_client(hand, &everyday()).await.unwrap();
    let unused = register(Hand::App(&device)).await;
    let used = register(Hand::App(&device)).await;
    let cared_for = register(Hand::App(&device)).await;
    let operators = register(Hand::Operator).await;
    let client = bench.auth.client(used.row.id.as_str()).await.unwrap().unwrap();
    bench.auth.note_use(&client).await.unwrap();
    let verified = given(json!({ "verified": true }));
    bench.auth.change_client(staff, cared_for.clone(), &verified, Change::Some).await.unwrap();

    bench.clock.advance(30 * DAY);
    assert_eq!(bench.auth.remove_unused_clients().await.unwrap(), 0, "not yet");
    bench.clock.advance(1);
    assert_eq!(bench.auth.remove_unused_clients().await.unwrap(), 1);

    let found = async |app: &Registered| bench.auth.find_client(staff, app.row.id.as_str()).await;
    assert!(matches!(found(&unused).await, Err(ClientError::NotFound)));
    for app in [&used, &cared_for, &operators] {
        assert!(found(app).await.is_ok());
    }
    let event = bench.store.newest_auth_events(1).await.unwrap().remove(0);
    assert_eq!(event.kind, "client_removed");
    assert_eq!(event.detail()["client"], unused.row.id.as_str());
    assert_eq!(event.detail()["reason"], "unused");
    assert_eq!(event.address, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_app_goes_that_came_with_a_token_or_where_the_operator_keeps_them() {
    let device = Device::default();
    let by_token = Bench::with(crate::auth::tests::PAGE, |settings| {
        settings.oidc.registration = Registration::Token;
    });
    let keeps = Bench::with(crate::auth::tests::PAGE, |settings| settings.oidc.unused_life = None);
    for bench in [by_token.await, keeps.await] {
        let app = bench.auth.register_client(Hand::App(&device), &everyday()).await.unwrap();
        bench.clock.advance(1_000 * DAY);
        assert_eq!(bench.auth.remove_unused_clients().await.unwrap(), 0);
        assert!(bench.auth.find_client(Hand::Operator, app.row.id.as_str()).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instructor_has_at_most_fifty_apps() {
    let bench = Bench::new().await;
    let device = Device::default();
    let admin = &bench.signed_in("ina", Role::Instructor).await;
    let ina = Hand::Staff(By { admin, device: &device });
    for _ in 0..MOST_OWNED {
        bench.auth.register_client(ina, &everyday()).await.unwrap();
    }
    let more = bench.auth.register_client(ina, &everyday()).await;
    assert!(matches!(more, Err(ClientError::TooMany)));
}
