use super::*;
use crate::{
    domain::{clock::Millis, role::Role},
    store::{
        accounts::tests::login,
        auth_events::{AuthEventKind, tests::event},
        contract::on_both,
        outbox::tests::mail,
        sessions::tests::row,
        users::tests::person,
        verifications::{NewProof, tests::proof},
    },
};

async fn fill(store: &Store) {
    for name in ["ada", "eve"] {
        store.insert_user(person(name, Role::Student), login(name), None).await.unwrap();
    }
    for id in ["a1", "a2"] {
        let begun = event(id, AuthEventKind::SignIn, 1);
        store.insert_session(row(id, "ada"), begun).await.unwrap();
    }
    let new = NewProof { proof: proof("change-email:1"), mail: None };
    let asked = event("asked", AuthEventKind::EmailChangeRequested, 1);
    store.insert_verification(new, asked).await.unwrap();
}

async fn change(store: &Store, from: &str, to: &str, id: &str) -> Result<(), StoreError> {
    let change = MoveEmail {
        user: UserId::new("ada"),
        from: format!("{from}@school.example"),
        to: format!("{to}@school.example"),
        proof: "change-email:1".to_owned(),
        kept: SessionId::new("a2"),
        notice: Some(mail(id, "ada@school.example", "email-changed", 2)),
    };
    store.move_email(change, event(id, AuthEventKind::EmailChanged, 2)).await
}

/// Attack A19: other sessions end, and every node is told.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_moves_once_is_verified_and_other_sessions_end() {
    on_both(async |store| {
        fill(&store).await;

        change(&store, "ada", "new", "m1").await.unwrap();

        let ada = store.user_by_email("new@school.example").await.unwrap();
        assert_eq!((ada.id.as_str(), ada.email_verified, ada.version), ("ada", true, 2));
        let left = store.sessions_of(&ada.id, Millis(2)).await.unwrap();
        assert_eq!(left.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["a2"]);
        let told = store.changes_after(0).await.unwrap();
        let told: Vec<_> = told.iter().map(|it| (it.kind.as_str(), it.subject.as_str())).collect();
        assert_eq!(told, [("session", "a1"), ("user", "ada")]);
        assert_eq!(store.mails(None, None).await.unwrap().len(), 1);
        let again = change(&store, "new", "newer", "m2").await;
        assert!(matches!(again, Err(StoreError::NotFound)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_does_not_move_to_a_taken_address_or_from_another_than_its_own() {
    on_both(async |store| {
        fill(&store).await;

        let taken = change(&store, "ada", "eve", "m1").await;
        assert!(matches!(taken, Err(StoreError::Conflict(_))));
        let moved_before = change(&store, "old", "new", "m2").await;
        assert!(matches!(moved_before, Err(StoreError::NotFound)));

        // All or nothing: the proof stands, nobody was mailed or signed out.
        assert!(store.verification("change-email:1", Millis(2)).await.is_ok());
        assert_eq!(store.mails(None, None).await.unwrap(), []);
        assert_eq!(store.changes_after(0).await.unwrap(), []);
    })
    .await;
}
