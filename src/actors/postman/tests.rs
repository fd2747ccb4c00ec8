use std::{collections::HashMap, sync::Mutex};

use futures_util::{FutureExt, future::BoxFuture};

use super::*;
use crate::{
    auth::{sessions::Device, tests::Bench},
    domain::{clock::SECOND, role::Role},
    mail::{Letter, Mailer, Patience, Undelivered},
};

/// Takes letters as a script says: what to answer next, and then yes.
#[derive(Default)]
struct Desk {
    answers: Mutex<Vec<Result<(), Undelivered>>>,
    taken: Mutex<HashMap<String, u32>>,
}

impl Mailer for Desk {
    fn deliver<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<(), Undelivered>> {
        let answer = self.answers.lock().unwrap().pop().unwrap_or(Ok(()));
        *self.taken.lock().unwrap().entry(letter.id.clone()).or_default() += 1;
        // Whoever else wants the same mail gets a chance.
        async move {
            tokio::task::yield_now().await;
            answer
        }
        .boxed()
    }
}

const PATIENCE: Patience = Patience { tries: 3, first: 10 * SECOND };

async fn bench() -> Bench {
    Bench::with("http://localhost:8080", |settings| {
        settings.posting = crate::auth::Posting { leaves: true, shown: false };
    })
    .await
}

fn delivery(bench: &Bench, desk: &Arc<Desk>) -> Arc<Delivery> {
    let mailer: Arc<dyn Mailer> = Arc::<Desk>::clone(desk);
    Arc::new(Delivery {
        auth: Arc::clone(&bench.auth),
        mailer: Some(mailer),
        patience: PATIENCE,
        timeout: 5 * SECOND,
        kept: 1_000 * SECOND,
    })
}

fn start(bench: &Bench, desk: &Arc<Desk>) -> (Addr<Postman>, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new());
    let (delivery, figures) = (delivery(bench, desk), Arc::clone(&metrics));
    (Postman::new(delivery, figures, 2).start(), metrics)
}

/// Makes a person ask for a mail.
async fn post(bench: &Bench, name: &str) {
    let email = crate::domain::email::Email::parse(&format!("{name}@school.example")).unwrap();
    let (back, device) = (crate::domain::return_url::ReturnUrl::home(), Device::default());
    bench.auth.request_reset(&email, &back, &device).await.unwrap();
}

async fn state(bench: &Bench) -> (String, i32, Option<String>) {
    let row = bench.store.mails(None, None).await.unwrap().remove(0);
    (row.state, row.tries, row.last_error)
}

/// Waits until the newest mail stands so.
async fn until(bench: &Bench, expected: &str, tries: i32) {
    let reached = async {
        loop {
            let row = bench.store.mails(None, None).await.unwrap().remove(0);
            if row.state == expected && row.tries == tries && row.claim.is_none() {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(20), reached).await;
    assert!(found.is_ok(), "{:?} is not {expected} after {tries}", state(bench).await);
}

/// Waits until a counter stands so: it is counted behind what it counts.
async fn counted(count: impl Fn() -> u64, expected: u64) {
    let reached = async {
        while count() < expected {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached).await.unwrap();
    assert_eq!(count(), expected);
}

#[actix::test]
async fn a_mail_is_delivered_as_soon_as_it_is_written_and_leaves_no_content() {
    let (bench, desk) = (bench().await, Arc::new(Desk::default()));
    bench.signed_in("ada", Role::Student).await;
    let (postman, metrics) = start(&bench, &desk);
    postman.send(Observe::<View>::default()).await.unwrap();

    post(&bench, "ada").await;
    until(&bench, "sent", 1).await;

    let row = bench.store.mails(None, None).await.unwrap().remove(0);
    assert_eq!((row.body.as_str(), row.sealed), ("", false));
    counted(|| metrics.mail.sent.get(), 1).await;
}

#[actix::test]
async fn a_mail_that_is_not_taken_waits_longer_each_time_and_then_is_a_dead_letter() {
    let (bench, desk) = (bench().await, Arc::new(Desk::default()));
    bench.signed_in("ada", Role::Student).await;
    let later = || Err(Undelivered::Later("451 come back".to_owned()));
    *desk.answers.lock().unwrap() = vec![later(), later(), later()];
    post(&bench, "ada").await;
    let (_postman, metrics) = start(&bench, &desk);

    until(&bench, "queued", 1).await;
    bench.clock.advance(12 * SECOND + 1);
    until(&bench, "queued", 2).await;
    bench.clock.advance(30 * SECOND + 1);
    until(&bench, "dead", 3).await;

    assert_eq!(state(&bench).await.2.as_deref(), Some("451 come back"));
    counted(|| metrics.mail.dead.get(), 1).await;
    assert_eq!(metrics.mail.failed.get(), 2);
    // An admin starts over.
    let admin = bench.signed_in("root", Role::Admin).await;
    let id = bench.store.mails(None, None).await.unwrap().remove(0).id;
    bench.auth.retry_mail(&admin, &id).await.unwrap();
    until(&bench, "sent", 1).await;
}

#[actix::test]
async fn a_letter_that_is_refused_for_good_is_not_tried_again() {
    let (bench, desk) = (bench().await, Arc::new(Desk::default()));
    bench.signed_in("ada", Role::Student).await;
    *desk.answers.lock().unwrap() = vec![Err(Undelivered::Never("550 nobody here".to_owned()))];
    post(&bench, "ada").await;
    start(&bench, &desk);

    until(&bench, "dead", 1).await;
}

/// Two nodes, many mails: each goes to one of them.
#[actix::test]
async fn two_postmen_on_one_outbox_deliver_each_mail_once() {
    let (bench, desk) = (bench().await, Arc::new(Desk::default()));
    for number in 0..20 {
        let name = format!("pupil{number}");
        bench.signed_in(&name, Role::Student).await;
        post(&bench, &name).await;
    }
    let (_one, first) = start(&bench, &desk);
    let (_two, second) = start(&bench, &desk);

    counted(|| first.mail.sent.get() + second.mail.sent.get(), 20).await;

    let taken = desk.taken.lock().unwrap();
    assert_eq!(taken.len(), 20);
    assert!(taken.values().all(|times| *times == 1), "{taken:?}");
}

/// A node that died between the server's answer and its note: at least once, with the same id.
#[actix::test]
async fn what_a_dead_node_had_claimed_is_delivered_when_its_claim_is_over() {
    let (bench, desk) = (bench().await, Arc::new(Desk::default()));
    bench.signed_in("ada", Role::Student).await;
    post(&bench, "ada").await;
    let dead = delivery(&bench, &desk);
    assert_eq!(dead.claim(9).await.unwrap().len(), 1);

    let (postman, _) = start(&bench, &desk);
    postman.send(Observe::<View>::default()).await.unwrap();
    assert_eq!(state(&bench).await.0, "queued");
    bench.clock.advance(15 * SECOND);
    until(&bench, "sent", 2).await;
}

#[actix::test]
async fn old_mail_goes() {
    let (bench, desk) = (bench().await, Arc::new(Desk::default()));
    bench.signed_in("ada", Role::Student).await;
    post(&bench, "ada").await;
    bench.clock.advance(1_000 * SECOND + 1);

    assert_eq!(delivery(&bench, &desk).forget().await.unwrap(), 1);
}
