use super::*;
use crate::store::{
    auth_events::{AuthEventKind, tests::event},
    contract::on_both,
    sessions::tests::row,
    users::tests::person,
};

fn who(subject: &str) -> Subject {
    Subject { issuer: "https://id.example".to_owned(), subject: subject.to_owned() }
}

/// The sign-in `id` of `subject`, with a token of the time `issued_at`.
fn arrival(id: &str, subject: &str, issued_at: i64) -> Arrival {
    Arrival {
        who: who(subject),
        issued_at,
        person: person(&format!("user of {id}"), Role::Student),
        spare_email: format!("{id}@nowhere.invalid"),
        session: row(id, "whoever"),
        account_id: format!("link of {id}"),
        names: vec![id.to_owned(), format!("all of {subject}")],
        event: event(&format!("in {id} {issued_at}"), AuthEventKind::SignIn, 1),
    }
}

fn ending(nonce: &str, subject: Option<&str>, session: Option<&str>) -> Ending {
    let all = subject.filter(|_| session.is_none()).map(|subject| format!("all of {subject}"));
    Ending {
        nonce: nonce.to_owned(),
        nonce_expires: Millis(1_000),
        issuer: "https://id.example".to_owned(),
        subject: subject.map(str::to_owned),
        session: session.map(SessionId::new),
        unnamed: "u-",
        names: session.map(str::to_owned).into_iter().chain(all).collect(),
        closes_at: 50,
        event: event(nonce, AuthEventKind::SignOut, 40),
    }
}

async fn begin(store: &Store, arrival: Arrival) -> bool {
    store.begin_foreign_session(arrival, Millis(10)).await.unwrap()
}

async fn stands(store: &Store, id: &str, subject: &str) -> bool {
    store.foreign_session(&SessionId::new(id), &who(subject)).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_found_by_issuer_and_subject_and_her_session_by_its_name() {
    on_both(async |store| {
        assert!(begin(&store, arrival("s1", "ada", 10)).await);
        assert!(begin(&store, arrival("s2", "ada", 11)).await);

        let (session, user, believed) =
            store.foreign_session(&SessionId::new("s2"), &who("ada")).await.unwrap();
        assert_eq!((session.user_id, believed), (user.id.clone(), 10));
        assert_eq!(user.id.as_str(), "user of s1");
        assert_eq!(store.count_users().await.unwrap(), 1);
        assert!(!stands(&store, "s2", "eve").await);
        let again = store.begin_foreign_session(arrival("s1", "eve", 12), Millis(10)).await;
        assert!(!again.unwrap(), "a sign-in has one person");
        assert_eq!(store.count_users().await.unwrap(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_first_sights_at_once_one_begins_it() {
    on_both(async |store| {
        let all = (0..8).map(|n| {
            let mut arrival = arrival("s1", "ada", 10);
            arrival.person = person(&format!("user {n}"), Role::Student);
            arrival.account_id = format!("link {n}");
            arrival.event.id = format!("event {n}");
            store.begin_foreign_session(arrival, Millis(10))
        });
        let all = futures_util::future::join_all(all).await;

        assert_eq!(all.iter().filter(|begun| matches!(begun, Ok(true))).count(), 1);
        for begun in &all {
            assert!(matches!(begun, Ok(_) | Err(StoreError::Conflict(_))), "{begun:?}");
        }
        assert_eq!(store.count_users().await.unwrap(), 1);
        assert!(stands(&store, "s1", "ada").await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_address_is_left_to_its_owner() {
    on_both(async |store| {
        assert!(begin(&store, arrival("s1", "ada", 10)).await);
        let mut eve = arrival("s2", "eve", 10);
        eve.person.email = "user of s1@school.example".to_owned();
        assert!(begin(&store, eve).await);

        let (_, eve, _) = store.foreign_session(&SessionId::new("s2"), &who("eve")).await.unwrap();
        assert_eq!(eve.email, "s2@nowhere.invalid");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_newer_token_is_believed() {
    on_both(async |store| {
        assert!(begin(&store, arrival("s1", "ada", 10)).await);
        let user = UserId::new("user of s1");
        let claimed = |issued_at: i64, role: Role| Claimed {
            who: who("ada"),
            user: user.clone(),
            issued_at,
            name: format!("Ada {issued_at}"),
            role,
            verified: true,
            event: None,
        };

        store.believe_claims(claimed(12, Role::Admin), Millis(20)).await.unwrap();
        store.believe_claims(claimed(11, Role::Student), Millis(20)).await.unwrap();

        let now = store.user(&user).await.unwrap();
        assert_eq!((now.name.as_str(), now.role, now.version), ("Ada 12", Role::Admin, 2));
        assert_eq!(store.changes_after(0).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_issuer_ended_begins_no_more_with_older_tokens() {
    on_both(async |store| {
        for (id, subject) in [("s1", "ada"), ("u-2", "ada"), ("s3", "ada"), ("s4", "bob")] {
            assert!(begin(&store, arrival(id, subject, 10)).await, "{id}");
        }
        let end = async |ending: Ending| store.end_foreign_sessions(ending).await.unwrap();

        assert_eq!(end(ending("1", Some("ada"), Some("s4"))).await, Ended::Sessions(1), "u-2");
        assert_eq!(end(ending("2", Some("ada"), Some("s1"))).await, Ended::Sessions(1));
        assert_eq!(end(ending("2", Some("ada"), None)).await, Ended::Heard);
        assert!(stands(&store, "s3", "ada").await && stands(&store, "s4", "bob").await);
        assert!(!begin(&store, arrival("s1", "ada", 49)).await);
        assert_eq!(end(ending("3", Some("ada"), None)).await, Ended::Sessions(1));
        assert_eq!(end(ending("4", None, Some("s4"))).await, Ended::Sessions(1));
        assert_eq!(end(ending("5", Some("nobody"), None)).await, Ended::Sessions(0));

        assert!(!begin(&store, arrival("s9", "ada", 49)).await, "closed before it was seen");
        assert!(begin(&store, arrival("s9", "ada", 50)).await);
        let told = store.changes_after(0).await.unwrap();
        let told: Vec<_> = told.iter().map(|change| change.subject.as_str()).collect();
        assert_eq!(told, ["u-2", "s1", "s3", "s4"]);
    })
    .await;
}
