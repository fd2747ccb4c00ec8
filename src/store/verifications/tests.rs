use super::*;
use crate::{
    domain::role::Role,
    store::{
        accounts::tests::login,
        auth_events::{AuthEventKind, tests::event},
        contract::on_both,
        outbox::tests::mail,
        users::tests::person,
    },
};

async fn insert(store: &Store, identifier: &str) {
    let id = uuid::Uuid::new_v4().to_string();
    let event = event(&id, AuthEventKind::PasswordResetRequested, 1);
    let new = NewProof { proof: proof(identifier), mail: None };
    store.insert_verification(new, event).await.unwrap();
}

async fn reset(store: &Store, hash: String, at: i64) -> Result<UserId, StoreError> {
    let event = event(&hash, AuthEventKind::PasswordReset, at);
    let notice = Some(mail(&format!("notice {hash}"), "ada", "password-changed", at));
    let proof = "reset-password:1".to_owned();
    store.reset_password(Reset { proof, hash, notice }, event).await
}

pub(crate) fn proof(identifier: &str) -> Verification {
    Verification {
        id: identifier.to_owned(),
        identifier: identifier.to_owned(),
        value: "ada".to_owned(),
        expires_at: 100,
        created_at: 1,
        updated_at: 1,
    }
}

async fn with_ada(store: &Store) {
    store.insert_user(person("ada", Role::Student), login("ada"), None).await.unwrap();
    insert(store, "reset-password:1").await;
}

/// Attack B3: a link used twice at the same moment.
#[tokio::test(flavor = "multi_thread")]
async fn of_eight_uses_of_one_proof_at_once_one_wins() {
    on_both(async |store| {
        with_ada(&store).await;

        let uses = (0..8).map(|n| reset(&store, format!("$hash{n}"), 2));
        let won = futures_util::future::join_all(uses).await.into_iter().flatten().count();

        assert_eq!(won, 1);
        let (_, hash) = store.login_by_email("ada@school.example").await.unwrap().unwrap();
        assert!(hash.unwrap().starts_with("$hash"));
        let told = store.changes_after(0).await.unwrap();
        assert_eq!((told[0].kind.as_str(), told.len()), ("user_sessions", 1));
        let events = store.newest_auth_events(9).await.unwrap();
        assert_eq!((events[0].kind.as_str(), events.len()), ("password_reset", 2));
        assert_eq!(events[0].email.as_deref(), Some("ada@school.example"));
        assert_eq!(store.mails(None, None).await.unwrap().len(), 1, "one notice");
    })
    .await;
}

/// Attack B3: a newer request, another change of the password.
#[tokio::test(flavor = "multi_thread")]
async fn a_newer_proof_of_the_same_kind_and_a_new_password_end_the_older() {
    on_both(async |store| {
        with_ada(&store).await;
        for identifier in ["other:1", "change-email:1", "delete-user:1"] {
            insert(&store, identifier).await;
        }
        insert(&store, "reset-password:2").await;
        let stands = async |name: &str| {
            store.verification(name, Millis(2)).await.is_ok_and(|it| it == "ada")
        };

        assert!(!stands("reset-password:1").await);
        assert!(stands("reset-password:2").await && stands("other:1").await);

        insert(&store, "reset-password:1").await;
        reset(&store, "$new".to_owned(), 2).await.unwrap();
        for gone in ["reset-password:1", "reset-password:2", "change-email:1", "delete-user:1"] {
            assert!(!stands(gone).await, "{gone}");
        }
        assert!(stands("other:1").await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_proof_is_worth_nothing() {
    on_both(async |store| {
        with_ada(&store).await;

        let late = reset(&store, "$x".to_owned(), 100).await;

        assert!(matches!(late, Err(StoreError::NotFound)));
        let (_, hash) = store.login_by_email("ada@school.example").await.unwrap().unwrap();
        assert_eq!(hash.as_deref(), Some("$argon2id$x"));
        assert_eq!(store.forget_verifications(Millis(101)).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_taken_once_and_its_mail_is_stored_with_the_next() {
    on_both(async |store| {
        with_ada(&store).await;
        insert(&store, "change-email:1").await;
        let step = async |next: &str, value: &str| {
            let proof = Verification { value: value.to_owned(), ..proof(next) };
            let new = NewProof { proof, mail: Some(mail(next, "new", "x", 3)) };
            let event = event(next, AuthEventKind::EmailChangeRequested, 3);
            store.replace_verification("change-email:1", new, event).await
        };

        assert!(matches!(step("change-email:9", "eve").await, Err(StoreError::NotFound)));
        step("change-email:2", "ada").await.unwrap();
        assert!(matches!(step("change-email:3", "ada").await, Err(StoreError::NotFound)));

        assert!(store.verification("change-email:2", Millis(4)).await.is_ok());
        let mails = store.mails(None, None).await.unwrap();
        assert_eq!((mails.len(), mails[0].id.as_str()), (1, "change-email:2"));
    })
    .await;
}
