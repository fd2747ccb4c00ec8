use futures_util::{FutureExt, future::LocalBoxFuture};

use super::*;
use crate::{
    domain::{
        clock::HOUR,
        ids::{ClientId, UserId},
        role::Role,
    },
    store::{
        accounts::tests::login,
        auth_events::{AuthEventKind, tests::event},
        contract::on_both,
        oauth_clients::{ClientRow, tests::client},
        oauth_consents::ConsentRow,
        oauth_devices::{Approval, NewDevice},
        oauth_requests::{Answered, RequestRow},
        sessions::tests::row,
        users::tests::person,
    },
};

const RACERS: usize = 12;

/// Ada, signed in by `web`; an app `app`.
async fn begin(store: &Store) {
    store.insert_user(person("ada", Role::Student), login("ada"), None).await.unwrap();
    let signed_in = event("in", AuthEventKind::SignIn, 1);
    store.insert_session(row("web", "ada"), signed_in).await.unwrap();
    let made = event("made", AuthEventKind::ClientCreated, 1);
    store.insert_client(client("app"), made).await.unwrap();
}

const CODE: Redeemed = Redeemed { expires_at: 60, agreed: None };

fn token(hash: &str, grant: &str) -> RefreshRow {
    RefreshRow {
        hash: hash.to_owned(),
        session_id: SessionId::new(grant),
        expires_at: 90,
        created_at: 1,
        used_at: None,
        replay: None,
        replay_until: None,
    }
}

fn grant(id: &str, offline: bool) -> NewGrant {
    let mut session = row(id, "ada");
    session.client_id = Some(ClientId::new("app"));
    session.parent_id = (!offline).then(|| SessionId::new("web"));
    let grant = GrantRow { browser_sid: SessionId::new("web"), granted: "{}".to_owned() };
    NewGrant { session, grant, refresh: offline.then(|| token(&format!("{id}-0"), id)) }
}

fn exchange(used: &str, next: &str, grant: &str) -> Exchange {
    Exchange {
        used: used.to_owned(),
        replay: None,
        next: RefreshRow { expires_at: 95, ..token(next, grant) },
    }
}

fn reused(id: &str) -> AuthEvent {
    event(id, AuthEventKind::TokenReused, 5)
}

/// Attack D4: many redeem one code at once, and those who lose end the grant at once, also while it
/// is being written.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_redeem_one_code_one_begins_a_grant_and_the_others_end_it_without_a_fault() {
    on_both(async |store| {
        begin(&store).await;
        for round in 0..6 {
            let id = SessionId::new(format!("g-{round}"));
            let tries = (0..RACERS).map(async |racer| {
                let new = NewGrant {
                    refresh: Some(token(&format!("{id}-{racer}"), id.as_str())),
                    ..grant(id.as_str(), true)
                };
                let won = store.begin_grant(Some(CODE), new, Millis(5)).await?;
                if !won {
                    let event = reused(&format!("e-{round}-{racer}"));
                    store.end_grant(&id, event).await?;
                }
                Ok::<_, StoreError>(won)
            });
            let won = futures_util::future::join_all(tries).await;

            let winners = won.into_iter().filter(|won| *won.as_ref().unwrap()).count();
            assert_eq!(winners, 1, "round {round}");
            assert!(matches!(store.session(&id).await, Err(StoreError::NotFound)));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_code_or_one_of_a_sign_in_that_is_over_begins_nothing() {
    on_both(async |store| {
        begin(&store).await;
        let begin = async |code, id, at| {
            store.begin_grant(code, grant(id, false), Millis(at)).await.unwrap()
        };

        assert!(!begin(Some(CODE), "g", 60).await);
        assert!(!begin(None, "g", 100).await);
        assert!(begin(Some(CODE), "g", 59).await);
        assert!(!begin(Some(CODE), "g", 59).await);

        let ended = event("out", AuthEventKind::SignOut, 6);
        store.revoke_session(&UserId::new("ada"), "web", "", ended).await.unwrap();
        assert!(matches!(store.session(&SessionId::new("g")).await, Err(StoreError::NotFound)));
        assert!(!store.begin_grant(None, grant("i", true), Millis(7)).await.unwrap());
        assert!(!store.begin_grant(Some(CODE), grant("i", true), Millis(7)).await.unwrap());
        assert!(matches!(store.session(&SessionId::new("i")).await, Err(StoreError::NotFound)));
    })
    .await;
}

/// Attack D4: what ended stays ended, also for whoever comes with its code within the code's minute.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_counts_once_however_its_grant_ended() {
    on_both(async |store| {
        begin(&store).await;
        let (ada, app) = (UserId::new("ada"), ClientId::new("app"));
        for (way, offline) in (0..4).flat_map(|way| [(way, true), (way, false)]) {
            let name = format!("g{way}-{offline}");
            let id = SessionId::new(&name);
            let new = || grant(&name, offline);
            assert!(store.begin_grant(Some(CODE), new(), Millis(5)).await.unwrap(), "{name}");
            let gone = event(&name, AuthEventKind::TokenRevoked, 6);
            let web = SessionId::new("web");
            match way {
                0 => drop(store.end_grant(&id, gone).await.unwrap()),
                1 => drop(store.revoke_session(&ada, &name, "", gone).await.unwrap()),
                2 => store.end_grants_of(&ada, &app, gone).await.unwrap(),
                // What hangs on the sign-in that stays goes on.
                _ => store.revoke_other_sessions(&ada, &web, gone).await.unwrap(),
            }
            let goes_on = way == 3 && !offline;
            assert_eq!(store.session(&id).await.is_ok(), goes_on, "{name}");

            assert!(!store.begin_grant(Some(CODE), new(), Millis(7)).await.unwrap(), "{name}");
            assert_eq!(store.session(&id).await.is_ok(), goes_on, "{name} came back");
        }
    })
    .await;
}

/// Attack D19: a code that is on its way when its person changes her mind.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_worth_what_its_person_still_agrees_to() {
    on_both(async |store| {
        begin(&store).await;
        let ada = UserId::new("ada");
        let told = |name: &str| event(name, AuthEventKind::ConsentGiven, 1);
        let agree = async |scope: &str| {
            let row = ConsentRow {
                client_id: ClientId::new("app"),
                user_id: ada.clone(),
                id: "consent".to_owned(),
                scope: scope.to_owned(),
                detail: "{}".to_owned(),
                created_at: 1,
                updated_at: 1,
            };
            let consent = Some((row, told(scope)));
            let answered = Answered { consent, ..Answered::default() };
            store.answer_request(answered, Millis(1)).await.unwrap();
        };
        let redeem = async |id: &str| {
            let agreed = Some(Scopes::parse("openid email").unwrap());
            let code = Redeemed { agreed, ..CODE };
            store.begin_grant(Some(code), grant(id, true), Millis(5)).await.unwrap()
        };

        assert!(!redeem("early").await, "there is no consent");
        agree("openid email tutor").await;
        assert!(redeem("first").await);
        let less = store.narrow_consent(&ada, "consent", "openid".to_owned(), told("less")).await;
        assert_eq!(less.unwrap().scope, "openid");
        assert!(!redeem("second").await, "she agrees to less");
        agree("openid email").await;
        assert!(redeem("third").await);
        store.withdraw_consent(&ada, "consent", told("none")).await.unwrap();
        assert!(!redeem("fourth").await);
        for grant in ["first", "third"] {
            let session = store.session(&SessionId::new(grant)).await;
            assert!(matches!(session, Err(StoreError::NotFound)), "{grant}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_outlives_its_sign_in_goes_on_after_it() {
    on_both(async |store| {
        begin(&store).await;
        assert!(store.begin_grant(None, grant("on", true), Millis(5)).await.unwrap());
        assert!(store.begin_grant(None, grant("off", false), Millis(5)).await.unwrap());

        let ended = event("out", AuthEventKind::SignOut, 6);
        store.revoke_session(&UserId::new("ada"), "web", "", ended).await.unwrap();

        let held = store.refresh_token("on-0").await.unwrap();
        assert_eq!(
            (held.session, held.grant),
            (grant("on", true).session, grant("on", true).grant)
        );
        assert!(matches!(store.session(&SessionId::new("off")).await, Err(StoreError::NotFound)));
        let told = store.changes_after(0).await.unwrap();
        let told: Vec<_> = told.iter().map(|it| it.subject.as_str()).collect();
        assert_eq!(told, ["off", "web"], "every node is told of both");
    })
    .await;
}

/// Attack D5: a race of one refresh token, and its end.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_use_one_refresh_token_one_gets_the_next() {
    on_both(async |store| {
        begin(&store).await;
        assert!(store.begin_grant(None, grant("g", true), Millis(5)).await.unwrap());
        let mut current = "g-0".to_owned();
        for round in 0..6 {
            let tries = (0..RACERS).map(async |racer| {
                let next = format!("r-{round}-{racer}");
                let won = store.exchange_refresh(exchange(&current, &next, "g"), Millis(6)).await;
                won.unwrap().then_some(next)
            });
            let won = futures_util::future::join_all(tries).await;
            let mut won: Vec<String> = won.into_iter().flatten().collect();

            assert_eq!(won.len(), 1, "round {round}");
            assert_eq!(store.refresh_token(&current).await.unwrap().token.used_at, Some(6));
            current = won.remove(0);
        }
        let held = store.refresh_token(&current).await.unwrap();
        assert_eq!((held.token.used_at, held.session.expires_at), (None, 95));

        // Who ends the grant while others still use it is in nobody's way.
        let uses = (0..RACERS).map(async |racer| {
            let next = format!("last-{racer}");
            store.exchange_refresh(exchange(&current, &next, "g"), Millis(7)).await.map(drop)
        });
        let ends = (0..RACERS).map(async |racer| {
            let ended = store.end_grant(&SessionId::new("g"), reused(&format!("x-{racer}"))).await;
            ended.map(drop)
        });
        let (uses, ends) = futures_util::join!(
            futures_util::future::join_all(uses),
            futures_util::future::join_all(ends)
        );
        for outcome in uses.into_iter().chain(ends) {
            outcome.unwrap();
        }
        assert!(matches!(store.refresh_token(&current).await, Err(StoreError::NotFound)));
        let late = store.exchange_refresh(exchange(&current, "late", "g"), Millis(8)).await;
        assert!(!late.unwrap());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_may_be_sent_again_is_kept_with_the_used_token() {
    on_both(async |store| {
        begin(&store).await;
        store.begin_grant(None, grant("g", true), Millis(5)).await.unwrap();
        let replay = Some(("sealed".to_owned(), Millis(9)));

        let first = Exchange { replay, ..exchange("g-0", "g-1", "g") };
        assert!(store.exchange_refresh(first, Millis(6)).await.unwrap());

        let used = store.refresh_token("g-0").await.unwrap().token;
        assert_eq!((used.replay.as_deref(), used.replay_until), (Some("sealed"), Some(9)));
        assert!(!store.exchange_refresh(exchange("g-1", "g-2", "g"), Millis(95)).await.unwrap());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_use_any_more_goes_and_used_tokens_stay_until_they_expire() {
    on_both(async |store| {
        begin(&store).await;
        store.begin_grant(Some(CODE), grant("g", true), Millis(5)).await.unwrap();
        store.begin_grant(Some(CODE), grant("h", false), Millis(5)).await.unwrap();
        assert!(store.end_grant(&SessionId::new("h"), reused("end")).await.unwrap());
        store.exchange_refresh(exchange("g-0", "g-1", "g"), Millis(6)).await.unwrap();

        assert_eq!(store.forget_grants(Millis(90)).await.unwrap(), 0);
        assert_eq!(store.forget_grants(Millis(91)).await.unwrap(), 1, "the used token");
        assert!(store.refresh_token("g-1").await.is_ok());
        assert!(!store.begin_grant(Some(CODE), grant("h", false), Millis(6)).await.unwrap());
        assert_eq!(store.forget_grants(Millis(6 + HOUR)).await.unwrap(), 2, "and what has ended");
    })
    .await;
}

/// A person with a sign-in, an app and its owner, and what is on its way between them.
struct Parties {
    person: UserId,
    owner: UserId,
    web: SessionId,
    app: ClientId,
    name: String,
}

const EACH: usize = 6;

impl Parties {
    async fn new(store: &Store, name: &str) -> Self {
        let (ada, owner) = (format!("ada-{name}"), format!("owner-{name}"));
        for id in [&ada, &owner] {
            store.insert_user(person(id, Role::Student), login(id), None).await.unwrap();
        }
        let it = Self {
            person: UserId::new(&ada),
            owner: UserId::new(&owner),
            web: SessionId::new(format!("web-{name}")),
            app: ClientId::new(format!("app-{name}")),
            name: name.to_owned(),
        };
        let signed_in = event(&format!("in-{name}"), AuthEventKind::SignIn, 1);
        store.insert_session(row(it.web.as_str(), &ada), signed_in).await.unwrap();
        let made = event(&format!("made-{name}"), AuthEventKind::ClientCreated, 1);
        let app = ClientRow { owner_id: Some(it.owner.clone()), ..client(it.app.as_str()) };
        store.insert_client(app, made).await.unwrap();
        for n in 0..EACH {
            assert!(store.begin_grant(None, it.grant(n, "old"), Millis(5)).await.unwrap());
            let request = RequestRow {
                hash: it.named(&format!("request-{n}")),
                client_id: it.app.clone(),
                pushed: false,
                params: "{}".to_owned(),
                jkt: None,
                expires_at: 60,
                created_at: 1,
                used_at: None,
            };
            store.insert_request(request).await.unwrap();
            let device = NewDevice {
                hash: it.named(&format!("device-{n}")),
                user_code: it.named(&format!("user-code-{n}")),
                client_id: it.app.clone(),
                scope: "openid".to_owned(),
                detail: "[]".to_owned(),
                address: "192.0.2.1".to_owned(),
                agent: None,
                interval: 5,
                life: 60,
            };
            store.insert_device(device, Millis(1)).await.unwrap();
        }
        it
    }

    fn named(&self, name: &str) -> String {
        format!("{name}-{}", self.name)
    }

    fn grant(&self, n: usize, kind: &str) -> NewGrant {
        let mut new =
            grant(&self.named(&format!("{kind}-{n}")), kind == "old" || n.is_multiple_of(2));
        new.session.user_id = self.person.clone();
        new.session.client_id = Some(self.app.clone());
        new.session.parent_id = new.session.parent_id.map(|_| self.web.clone());
        new.grant.browser_sid = self.web.clone();
        new
    }

    fn event(&self, name: &str) -> AuthEvent {
        event(&self.named(name), AuthEventKind::TokenReused, 5)
    }

    /// The nth of each call by which grants begin, go on and end.
    fn calls<'a>(
        &'a self,
        store: &'a Store,
        n: usize,
    ) -> Vec<LocalBoxFuture<'a, Result<(), StoreError>>> {
        let old = self.named(&format!("old-{n}"));
        let used = format!("{old}-0");
        let consent = ConsentRow {
            client_id: self.app.clone(),
            user_id: self.person.clone(),
            id: self.named("consent"),
            scope: "openid".to_owned(),
            detail: "{}".to_owned(),
            created_at: 1,
            updated_at: 1,
        };
        let answered = Answered {
            requests: vec![self.named(&format!("request-{n}"))],
            consent: Some((consent, self.event(&format!("agreed-{n}")))),
        };
        let agreed = Approval {
            user: self.person.clone(),
            browser_sid: self.web.clone(),
            granted: "{}".to_owned(),
        };
        let decided = async move {
            let code = self.named(&format!("user-code-{n}"));
            store.decide_device(&code, Some(agreed), None, Millis(5)).await.map(drop)
        };
        let next = exchange(&used, &self.named(&format!("next-{n}")), &old);
        let redeemed = async move {
            store.begin_grant(Some(CODE), self.grant(n, "new"), Millis(5)).await.map(drop)
        };
        let mut calls = vec![
            redeemed.boxed_local(),
            decided.boxed_local(),
            async move { store.exchange_refresh(next, Millis(6)).await.map(drop) }.boxed_local(),
            store.answer_request(answered, Millis(5)).boxed_local(),
        ];
        calls.extend(self.ending(store, n));
        calls
    }

    /// One that ends what there is: another for each of the first.
    fn ending<'a>(
        &'a self,
        store: &'a Store,
        n: usize,
    ) -> Option<LocalBoxFuture<'a, Result<(), StoreError>>> {
        let withdrawn = async move {
            let id = self.named("consent");
            store.withdraw_consent(&self.person, &id, self.event("withdrawn")).await
        };
        let reused = async move {
            let grant = SessionId::new(self.named("old-1"));
            store.end_grant(&grant, self.event("reused")).await.map(drop)
        };
        let signed_out = async move {
            let (web, out) = (self.web.as_str(), self.event("out"));
            store.revoke_session(&self.person, web, "", out).await.map(drop)
        };
        match n {
            0 => Some(withdrawn.boxed_local()),
            1 => Some(reused.boxed_local()),
            2 => Some(signed_out.boxed_local()),
            _ => None,
        }
    }
}

/// A person, her sign-in or an app that goes in the very moment of a redemption.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_while_grants_begin_and_go_on_is_gone_and_nobody_waits_in_a_circle() {
    on_both(async |store| {
        for round in 0..12 {
            let it = Parties::new(&store, &round.to_string()).await;
            let mut calls: Vec<_> = (0..EACH).flat_map(|n| it.calls(&store, n)).collect();
            let removal = async {
                match round % 3 {
                    0 => store.delete_user(&it.person, None, it.event("gone")).await,
                    1 => store.delete_user(&it.owner, None, it.event("gone")).await,
                    _ => store.remove_client(&it.app, it.event("gone").into()).await,
                }
            };
            // Not always after the same ones.
            calls.insert(round % calls.len(), removal.boxed_local());

            for result in futures_util::future::join_all(calls).await {
                match result {
                    Ok(()) | Err(StoreError::NotFound | StoreError::Conflict(_)) => {}
                    Err(error) => panic!("round {round}: {error}"),
                }
            }

            for n in 0..EACH {
                for kind in ["old", "new"] {
                    let grant = SessionId::new(it.named(&format!("{kind}-{n}")));
                    let left = store.session(&grant).await;
                    assert!(matches!(left, Err(StoreError::NotFound)), "round {round} {grant}");
                }
            }
        }
    })
    .await;
}
