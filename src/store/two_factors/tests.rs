use futures_util::FutureExt;

use super::*;
use crate::{
    domain::role::Role,
    store::{
        accounts::tests::login,
        auth_events::{AuthEventKind, tests::event},
        contract::on_both,
        sessions::tests::row as session_row,
        users::tests::person,
    },
};

fn ada() -> UserId {
    UserId::new("ada")
}

fn factor(verified: bool) -> TwoFactor {
    TwoFactor {
        user_id: ada(),
        secret_sealed: "sealed".to_owned(),
        verified,
        last_step: 0,
        failures: 0,
        locked_until: 0,
        created_at: 1,
        updated_at: 1,
        by_mail: false,
    }
}

fn waiting(name: &str) -> Challenge {
    Challenge {
        token_hash: name.to_owned(),
        user_id: ada(),
        remember: true,
        tries: 0,
        expires_at: 100,
        created_at: 1,
    }
}

async fn with_ada(store: &Store, verified: bool) {
    store.insert_user(person("ada", Role::Student), login("ada"), None).await.unwrap();
    let codes = vec!["code1".to_owned(), "code2".to_owned()];
    store.begin_two_factor(factor(verified), codes).await.unwrap();
}

fn happened(id: &str) -> AuthEvent {
    event(id, AuthEventKind::SignIn, 2)
}

fn sign_in(challenge: &str, session: &str) -> After {
    After::SignIn { challenge: challenge.to_owned(), session: session_row(session, "ada") }
}

/// Attack A17: one code used by many at once, each with a sign-in of its own.
#[tokio::test(flavor = "multi_thread")]
async fn of_eight_uses_of_one_code_at_once_one_signs_in() {
    on_both(async |store| {
        with_ada(&store, true).await;
        for means in [Means::Step(7), Means::Code("code1".to_owned())] {
            let kind = format!("{means:?}");
            for n in 0..8 {
                store.begin_challenge(waiting(&format!("{kind}{n}"))).await.unwrap();
            }
            let uses = (0..8).map(|n| {
                let name = format!("{kind}{n}");
                let after = sign_in(&name, &name);
                let (means, store) = (means.clone(), &store);
                async move { store.prove_factor(&ada(), means, after, happened(&name)).await }
            });
            let won = futures_util::future::join_all(uses).await;

            assert_eq!(won.into_iter().filter(|it| matches!(it, Ok(true))).count(), 1, "{kind}");
        }
        assert_eq!(store.sessions_of(&ada(), Millis(2)).await.unwrap().len(), 2);
        let after = After::Prove(SessionId::new("none"));
        let again = store.prove_factor(&ada(), Means::Step(6), after, happened("older")).await;
        assert!(!again.unwrap(), "nor is an older step taken");
    })
    .await;
}

/// Attack A17: guessing, many at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_has_five_tries_and_an_account_ten() {
    on_both(async |store| {
        with_ada(&store, true).await;
        let mut looked_at = 0;
        for name in ["a", "b", "c"] {
            store.begin_challenge(waiting(name)).await.unwrap();
            let tries = (0..9).map(|_| store.try_challenge(name, Millis(2)));
            let answers = futures_util::future::join_all(tries).await;
            looked_at += answers
                .into_iter()
                .filter(|it| matches!(it.as_ref().unwrap().1, Try::Go(_)))
                .count();
        }

        assert_eq!(looked_at, 10);
        let (_, locked) = {
            store.begin_challenge(waiting("d")).await.unwrap();
            store.try_challenge("d", Millis(3)).await.unwrap()
        };
        assert_eq!(locked, Try::Locked(Millis(2).plus(LOCK)));
        let later = store.try_factor(&ada(), Millis(2).plus(LOCK)).await.unwrap();
        assert!(matches!(later, Try::Go(_)), "{later:?}");
        let (_, used_up) = store.try_challenge("a", Millis(3)).await.unwrap();
        assert_eq!(used_up, Try::UsedUp);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_waited_too_long_or_ended_leads_nowhere() {
    on_both(async |store| {
        with_ada(&store, true).await;
        store.begin_challenge(waiting("a")).await.unwrap();

        let late = store.try_challenge("a", Millis(100)).await;
        assert!(matches!(late, Err(StoreError::NotFound)));
        let gone = store
            .prove_factor(&ada(), Means::Step(9), sign_in("unknown", "s"), happened("1"))
            .await;
        assert!(matches!(gone, Err(StoreError::NotFound)));
        assert_eq!(store.sessions_of(&ada(), Millis(2)).await.unwrap(), []);
        assert_eq!(store.two_factor(&ada()).await.unwrap().last_step, 0, "nothing was used up");
    })
    .await;
}

/// She goes in the very moment in which a code of hers is used, and new ones are made.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_while_she_proves_a_factor_is_gone_and_nobody_waits_in_a_circle() {
    on_both(async |store| {
        for round in 0..12 {
            with_ada(&store, true).await;
            let owner = ada();
            let name = |what: &str| format!("{what}{round}");
            for challenge in ["step", "code"] {
                store.begin_challenge(waiting(&name(challenge))).await.unwrap();
            }
            let prove = async |means: Means, by: &str| {
                let by = name(by);
                store.prove_factor(&owner, means, sign_in(&by, &by), happened(&by)).await
            };
            let codes = vec![name("next")];
            let mut calls = vec![
                async { prove(Means::Step(7), "step").await.map(drop) }.boxed_local(),
                async { prove(Means::Code("code1".to_owned()), "code").await.map(drop) }
                    .boxed_local(),
                store.replace_codes(&owner, codes, happened(&name("codes"))).boxed_local(),
            ];
            let removal = store.delete_user(&owner, None, happened(&name("gone")));
            // Not always after the same ones.
            calls.insert(round % (calls.len() + 1), removal.boxed_local());

            for result in futures_util::future::join_all(calls).await {
                match result {
                    Ok(()) | Err(StoreError::NotFound) => {}
                    Err(error) => panic!("round {round}: {error}"),
                }
            }
            assert!(matches!(store.user(&owner).await, Err(StoreError::NotFound)));
        }
    })
    .await;
}

/// Attack A19: what a thief of a session had is over.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_code_makes_the_factor_count_and_ends_all_other_sessions() {
    on_both(async |store| {
        with_ada(&store, false).await;
        let old = session_row("old", "ada");
        store.insert_session(old, happened("1")).await.unwrap();

        let after = After::Activate(session_row("new", "ada"));
        assert!(store.prove_factor(&ada(), Means::Step(5), after, happened("2")).await.unwrap());

        assert!(store.user(&ada()).await.unwrap().two_factor_enabled);
        let left = store.sessions_of(&ada(), Millis(2)).await.unwrap();
        assert_eq!(left, [session_row("new", "ada")]);
        let told: Vec<_> = store.changes_after(0).await.unwrap();
        let told: Vec<_> = told.iter().map(|c| (c.kind.as_str(), c.subject.as_str())).collect();
        assert_eq!(told, [("user", "ada"), ("session", "old")]);
        let second = store.begin_two_factor(factor(false), Vec::new()).await;
        assert!(matches!(second, Err(StoreError::Conflict(_))));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_device_gets_a_new_name_with_each_use_and_the_old_one_is_dead() {
    on_both(async |store| {
        with_ada(&store, true).await;
        let device = |name: &str| TrustedDevice {
            token_hash: name.to_owned(),
            user_id: ada(),
            expires_at: 50,
            created_at: 1,
        };
        store.trust_device(device("one")).await.unwrap();
        for name in ["a", "b"] {
            store.begin_challenge(waiting(name)).await.unwrap();
        }
        let enter = async |old: &str, next: &str, challenge: &str| {
            let after = (challenge.to_owned(), session_row(challenge, "ada"));
            store.enter_by_trust(old, device(next), after, happened(challenge)).await.unwrap()
        };

        assert!(enter("one", "two", "a").await);
        assert!(!enter("one", "three", "b").await);
        store.disable_two_factor(&ada(), &SessionId::new("a"), happened("off")).await.unwrap();
        assert!(!enter("two", "four", "b").await, "gone with the factor");
        assert!(!store.user(&ada()).await.unwrap().two_factor_enabled);
    })
    .await;
}
