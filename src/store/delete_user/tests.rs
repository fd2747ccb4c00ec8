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
        let signed_in = event(name, AuthEventKind::SignIn, 1);
        let signed_in = AuthEvent { address: Some("192.0.2.1".to_owned()), ..signed_in };
        let signed_in = signed_in.of(&UserId::new(name), &format!("{name}@school.example"));
        store.insert_session(row(&format!("s-{name}"), name), signed_in).await.unwrap();
        let to = format!("{name}@school.example");
        store.insert_mail(mail(name, &to, "verify-email", 1)).await.unwrap();
    }
    let new = NewProof { proof: proof("delete-user:1"), mail: None };
    let asked = event("asked", AuthEventKind::DeletionRequested, 1);
    store.insert_verification(new, asked).await.unwrap();
}

fn last(id: &str) -> AuthEvent {
    event(id, AuthEventKind::UserDeleted, 2)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_admins_who_go_at_once_one_stays() {
    on_both(async |store| {
        fill(&store).await;
        for name in ["root", "boss"] {
            store.insert_user(person(name, Role::Admin), login(name), None).await.unwrap();
        }
        let (root, boss) = (UserId::new("root"), UserId::new("boss"));

        let (one, two) = tokio::join!(
            store.delete_user(&root, None, last("1")),
            store.delete_user(&boss, None, last("2"))
        );

        assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "{one:?} {two:?}");
        let left = if one.is_ok() { boss } else { root };
        let refused = store.delete_user(&left, None, last("3")).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
        assert_eq!(store.user(&left).await.unwrap().role, Role::Admin);
        store.delete_user(&UserId::new("ada"), None, last("4")).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_person_goes_and_nothing_of_others() {
    on_both(async |store| {
        fill(&store).await;
        let ada = UserId::new("ada");

        store.delete_user(&ada, None, last("gone")).await.unwrap();

        assert!(matches!(store.user(&ada).await, Err(StoreError::NotFound)));
        assert_eq!(store.login_by_email("ada@school.example").await.unwrap(), None);
        assert_eq!(store.sessions_of(&ada, Millis(2)).await.unwrap(), []);
        let proof = store.verification("delete-user:1", Millis(2)).await;
        assert!(matches!(proof, Err(StoreError::NotFound)));
        let mails = store.mails(None, None).await.unwrap();
        assert_eq!((mails.len(), mails[0].recipient.as_str()), (1, "eve@school.example"));
        let events = store.newest_auth_events(9).await.unwrap();
        let of = |id: &str| events.iter().find(|event| event.id == id).unwrap();
        assert_eq!((&of("ada").email, &of("ada").address), (&None, &None));
        assert!(of("eve").email.is_some() && of("eve").address.is_some());
        assert_eq!(of("gone").user_id.as_ref(), Some(&ada));
        let told = store.changes_after(0).await.unwrap();
        assert_eq!((told[0].kind.as_str(), told[0].subject.as_str()), ("user_sessions", "ada"));
        // Nobody is deleted twice.
        let again = store.delete_user(&ada, None, last("again")).await;
        assert!(matches!(again, Err(StoreError::NotFound)));
    })
    .await;
}

/// Attack B3: somebody else's link, a used one.
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_deletes_its_owner_alone() {
    on_both(async |store| {
        fill(&store).await;
        let by = |proof: &str| Some(proof.to_owned());

        let eve = store.delete_user(&UserId::new("eve"), by("delete-user:1"), last("1")).await;
        assert!(matches!(eve, Err(StoreError::NotFound)));
        let unknown = store.delete_user(&UserId::new("ada"), by("delete-user:2"), last("2")).await;
        assert!(matches!(unknown, Err(StoreError::NotFound)));
        store.delete_user(&UserId::new("ada"), by("delete-user:1"), last("3")).await.unwrap();
        assert_eq!(store.count_users().await.unwrap(), 1);
    })
    .await;
}
