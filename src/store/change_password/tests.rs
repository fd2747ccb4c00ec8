use super::*;
use crate::{
    domain::role::Role,
    store::{
        accounts::tests::login,
        auth_events::{AuthEventKind, tests::event},
        contract::on_both,
        sessions::tests::row,
        users::tests::person,
        verifications::{NewProof, tests::proof},
    },
};

async fn fill(store: &Store) {
    store.insert_user(person("ada", Role::Student), login("ada"), None).await.unwrap();
    for id in ["a1", "a2"] {
        let begun = event(id, AuthEventKind::SignIn, 1);
        store.insert_session(row(id, "ada"), begun).await.unwrap();
    }
    let new = NewProof { proof: proof("reset-password:1"), mail: None };
    let asked = event("asked", AuthEventKind::PasswordResetRequested, 1);
    store.insert_verification(new, asked).await.unwrap();
}

async fn change(store: &Store, instead: Option<Session>) -> Vec<Session> {
    let ada = UserId::new("ada");
    let change = ChangePassword {
        user: ada.clone(),
        hash: "$new".to_owned(),
        kept: SessionId::new("a2"),
        instead,
        notice: None,
    };
    store.change_password(change, event("c", AuthEventKind::PasswordChanged, 7)).await.unwrap();
    store.sessions_of(&ada, Millis(7)).await.unwrap()
}

/// Attacks A19 and B3: other sessions and mailed links end with the old password.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_other_sessions_and_mailed_links_and_proves_this_one() {
    on_both(async |store| {
        fill(&store).await;

        let left = change(&store, None).await;

        assert_eq!((left.len(), left[0].id.as_str(), left[0].proved_at), (1, "a2", 7));
        let (_, hash) = store.login_by_email("ada@school.example").await.unwrap().unwrap();
        assert_eq!(hash.as_deref(), Some("$new"));
        let link = store.verification("reset-password:1", Millis(7)).await;
        assert!(matches!(link, Err(StoreError::NotFound)));
        let told = store.changes_after(0).await.unwrap();
        let told: Vec<_> = told.iter().map(|it| it.subject.as_str()).collect();
        assert_eq!(told, ["a1", "a2"], "one has ended, the other is proved anew");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_begins_instead_is_the_only_one_left() {
    on_both(async |store| {
        fill(&store).await;

        let left = change(&store, Some(row("a3", "ada"))).await;

        assert_eq!((left.len(), left[0].id.as_str()), (1, "a3"));
        assert_eq!(store.changes_after(0).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_makes_a_session_fresh() {
    on_both(async |store| {
        fill(&store).await;

        store.prove_session(&SessionId::new("a1"), Millis(9)).await.unwrap();

        let (session, _) = store.session(&SessionId::new("a1")).await.unwrap();
        assert_eq!(session.proved_at, 9);
    })
    .await;
}
