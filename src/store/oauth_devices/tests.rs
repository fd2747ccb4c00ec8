use futures_util::future::join_all;

use super::*;
use crate::{
    domain::{clock::MINUTE, role::Role},
    store::{
        accounts::tests::login,
        auth_events::{AuthEventKind, tests::event},
        contract::on_both,
        oauth_clients::tests::client,
        sessions::{Session, tests::row},
        users::tests::person,
    },
};

const CODE: &str = "BCDFGHJK";

fn device(hash: &str, user_code: &str) -> NewDevice {
    NewDevice {
        hash: hash.to_owned(),
        user_code: user_code.to_owned(),
        client_id: ClientId::new("tv"),
        scope: "openid".to_owned(),
        detail: "[]".to_owned(),
        address: "192.0.2.1".to_owned(),
        agent: None,
        interval: 5 * SECOND,
        life: 10 * MINUTE,
    }
}

fn by_ada() -> Approval {
    Approval {
        user: UserId::new("ada"),
        browser_sid: SessionId::new("s1"),
        granted: "{}".to_owned(),
    }
}

fn event_of(id: &str) -> AuthEvent {
    event(id, AuthEventKind::ConsentGiven, 1)
}

/// A device that has waited since the beginning of time, and Ada's browser.
async fn with_device(store: &Store) {
    store.have_app(client("tv")).await;
    store.have_app(client("radio")).await;
    store.insert_user(person("ada", Role::Student), login("ada"), None).await.unwrap();
    let browser = Session { expires_at: 10 * MINUTE, ..row("s1", "ada") };
    store.insert_session(browser, event("in", AuthEventKind::SignIn, 1)).await.unwrap();
    store.insert_device(device("h1", CODE), Millis(0)).await.unwrap();
}

async fn poll(store: &Store, at: i64) -> Polled {
    store.poll_device("h1", &ClientId::new("tv"), Millis(at)).await.unwrap()
}

/// RFC 8628 §3.5.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_agreed_to_is_told_once_however_many_ask_at_once() {
    on_both(async |store| {
        with_device(&store).await;
        assert_eq!(poll(&store, MINUTE).await, Polled::Pending);

        let agreed = (Some(by_ada()), Some(event_of("1")));
        assert!(store.decide_device(CODE, agreed.0, agreed.1, Millis(MINUTE)).await.unwrap());
        assert!(!store.decide_device(CODE, None, None, Millis(MINUTE)).await.unwrap(), "decided");
        let asked = join_all((0..12).map(|_| poll(&store, MINUTE))).await;

        let told = asked.iter().filter(|it| **it == Polled::Approved(by_ada())).count();
        let rest = asked.iter().filter(|it| **it == Polled::Unknown).count();
        assert_eq!((told, rest), (1, 11));
        let newest = store.newest_auth_events(9).await.unwrap();
        assert_eq!(newest.iter().filter(|it| it.kind == "consent_given").count(), 1);
    })
    .await;
}

/// RFC 8628 §3.5: `slow_down`.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_asks_too_soon_has_to_wait_five_seconds_longer_from_then_on() {
    on_both(async |store| {
        with_device(&store).await;
        let mut at = MINUTE;
        let expected = [
            (0, Polled::Pending),
            (4, Polled::SlowDown),
            (9, Polled::SlowDown),
            (14, Polled::SlowDown),
            (20, Polled::Pending),
            (20, Polled::Pending),
        ];
        for (after, answer) in expected {
            at += after * SECOND;
            assert_eq!(poll(&store, at).await, answer, "after {after} s, at {at}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_foreign_declined_and_late_devices_get_nothing() {
    on_both(async |store| {
        with_device(&store).await;
        let radio = ClientId::new("radio");
        assert_eq!(store.poll_device("h1", &radio, Millis(1)).await.unwrap(), Polled::Unknown);
        let nobody = store.poll_device("h2", &ClientId::new("tv"), Millis(1)).await.unwrap();
        assert_eq!(nobody, Polled::Unknown);

        let taken = store.insert_device(device("h3", CODE), Millis(1)).await;
        assert!(matches!(taken, Err(StoreError::Conflict(_))));
        let late = store.waiting_device(CODE, Millis(10 * MINUTE)).await;
        assert!(matches!(late, Err(StoreError::NotFound)));
        assert!(!store.decide_device(CODE, None, None, Millis(10 * MINUTE)).await.unwrap());
        assert_eq!(poll(&store, 10 * MINUTE).await, Polled::Expired);

        assert_eq!(store.waiting_device(CODE, Millis(2)).await.unwrap().hash, "h1");
        assert!(store.decide_device(CODE, None, None, Millis(2)).await.unwrap());
        assert_eq!(poll(&store, 3).await, Polled::Denied);
        assert_eq!(poll(&store, 3).await, Polled::Denied);
        assert!(store.waiting_device(CODE, Millis(3)).await.is_err());

        assert_eq!(store.forget_devices(Millis(10 * MINUTE)).await.unwrap(), 0);
        assert_eq!(store.forget_devices(Millis(10 * MINUTE + 1)).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_agreed_to_goes_with_the_sign_in_in_which_it_was() {
    on_both(async |store| {
        with_device(&store).await;
        let agreed = store.decide_device(CODE, Some(by_ada()), None, Millis(2)).await;
        assert!(agreed.unwrap());

        let over = event("1", AuthEventKind::SignOut, 3);
        store.revoke_session(&UserId::new("ada"), "s1", "", over).await.unwrap();

        assert_eq!(poll(&store, 4).await, Polled::Unknown);
        store.insert_device(device("h2", CODE), Millis(4)).await.unwrap();
        let late = store.decide_device(CODE, Some(by_ada()), None, Millis(5)).await;
        assert!(!late.unwrap(), "and nothing is agreed to in one that is over");
    })
    .await;
}
