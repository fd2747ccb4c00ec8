use super::*;
use crate::store::{audit::tests::entry, contract::on_both};

pub(crate) fn mail(id: &str, to: &str, kind: &str, at: i64) -> OutboxMail {
    OutboxMail {
        id: id.to_owned(),
        kind: kind.to_owned(),
        recipient: to.to_owned(),
        subject: "s".to_owned(),
        body: "b".to_owned(),
        links: r#"["https://x.example/"]"#.to_owned(),
        created_at: at,
        sent_at: None,
        html: "<p>b".to_owned(),
        state: MailState::Queued.as_str().to_owned(),
        sealed: false,
        tries: 0,
        next_try_at: at,
        claim: None,
        last_error: None,
    }
}

async fn fill(store: &Store, count: i64) {
    for number in 1..=count {
        let row = mail(&number.to_string(), "ada", "verify-email", number);
        store.insert_mail(row).await.unwrap();
    }
}

fn ids(mails: &[OutboxMail]) -> Vec<&str> {
    mails.iter().map(|mail| mail.id.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_are_shown_newest_first_and_narrowed() {
    on_both(async |store| {
        for row in [
            mail("1", "ada", "verify-email", 1),
            mail("2", "bob", "verify-email", 2),
            mail("3", "ada", "reset-password", 3),
        ] {
            store.insert_mail(row).await.unwrap();
        }

        let shown = async |to, kind| -> Vec<String> {
            store.mails(to, kind).await.unwrap().into_iter().map(|mail| mail.id).collect()
        };
        assert_eq!(shown(None, None).await, ["3", "2", "1"]);
        assert_eq!(shown(Some("ada"), None).await, ["3", "1"]);
        assert_eq!(shown(Some("ada"), Some("verify-email")).await, ["1"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_eight_claims_at_once_each_mail_goes_to_one() {
    on_both(async |store| {
        fill(&store, 20).await;

        let names: Vec<_> = (0..8).map(|n| format!("c{n}")).collect();
        let claims = names.iter().map(|name| store.claim_mails(name, 5, 100, Millis(30)));
        let taken = futures_util::future::join_all(claims).await;
        let mut all: Vec<_> = taken.into_iter().flat_map(Result::unwrap).collect();
        // Those that lost a race ask again.
        all.extend(store.claim_mails("last", 20, 100, Millis(30)).await.unwrap());

        let mut seen = ids(&all);
        seen.sort_unstable();
        assert_eq!(seen.len(), 20);
        seen.dedup();
        assert_eq!(seen.len(), 20);
        assert!(all.iter().all(|mail| mail.tries == 1 && mail.next_try_at == 130));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_is_not_used_ends_and_its_holder_has_no_word_left() {
    on_both(async |store| {
        fill(&store, 1).await;
        assert_eq!(store.claim_mails("dead node", 9, 100, Millis(10)).await.unwrap().len(), 1);

        assert_eq!(store.claim_mails("other", 9, 100, Millis(109)).await.unwrap(), []);
        let taken = store.claim_mails("other", 9, 100, Millis(110)).await.unwrap();
        assert_eq!((ids(&taken), taken[0].tries), (vec!["1"], 2));

        let late = store.mail_sent("1", "dead node", false, Millis(111)).await.unwrap();
        assert!(!late);
        let failed = store.mail_failed(("1", "dead node"), "x", None, Millis(111)).await.unwrap();
        assert!(!failed);
        assert!(store.mail_sent("1", "other", false, Millis(112)).await.unwrap());
        assert_eq!(store.claim_mails("c", 9, 100, Millis(999)).await.unwrap(), []);
    })
    .await;
}

/// Attack B4: links in a copy of the database.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_delivered_leaves_no_content_unless_it_stays_to_be_shown() {
    on_both(async |store| {
        fill(&store, 2).await;
        store.claim_mails("c", 9, 100, Millis(10)).await.unwrap();
        store.mail_sent("1", "c", false, Millis(11)).await.unwrap();
        store.mail_sent("2", "c", true, Millis(12)).await.unwrap();

        let mails = store.mails(None, None).await.unwrap();
        assert_eq!((mails[0].body.as_str(), mails[0].links.len()), ("b", 22));
        let wiped = &mails[1];
        assert_eq!(
            (wiped.body.as_str(), wiped.html.as_str(), wiped.links.as_str()),
            ("", "", "[]")
        );
        assert_eq!((wiped.state.as_str(), wiped.sent_at), ("sent", Some(11)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_try_waits_and_the_last_one_makes_a_dead_letter() {
    on_both(async |store| {
        fill(&store, 2).await;
        store.claim_mails("c", 9, 100, Millis(10)).await.unwrap();
        store.mail_failed(("1", "c"), "451 later", Some(50), Millis(10)).await.unwrap();
        store.mail_failed(("2", "c"), "550 no", None, Millis(10)).await.unwrap();

        let counts = store.mail_counts().await.unwrap();
        assert_eq!(counts, MailCounts { queued: 1, dead: 1, next: Some(Millis(60)) });
        assert_eq!(store.claim_mails("d", 9, 100, Millis(59)).await.unwrap(), []);
        let again = store.claim_mails("d", 9, 100, Millis(60)).await.unwrap();
        assert_eq!((ids(&again), again[0].last_error.as_deref()), (vec!["1"], Some("451 later")));
        let dead = store.mails_page(Some(MailState::Dead), None).await.unwrap();
        assert_eq!((ids(&dead), dead[0].last_error.as_deref()), (vec!["2"], Some("550 no")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_tried_anew_or_removed_and_the_audit_has_it() {
    on_both(async |store| {
        fill(&store, 3).await;
        store.claim_mails("c", 2, 100, Millis(10)).await.unwrap();
        for id in ["1", "2"] {
            store.mail_failed((id, "c"), "550 no", None, Millis(10)).await.unwrap();
        }

        store.retry_mail("1", entry("a1", "retry_mail", "1")).await.unwrap();
        store.remove_mail("2", entry("a2", "remove_mail", "2")).await.unwrap();
        // It is not dead; it is not there.
        let queued = store.retry_mail("3", entry("a3", "retry_mail", "3")).await;
        assert!(matches!(queued, Err(StoreError::NotFound)));
        let gone = store.remove_mail("2", entry("a4", "remove_mail", "2")).await;
        assert!(matches!(gone, Err(StoreError::NotFound)));

        let taken = store.claim_mails("d", 9, 100, Millis(20)).await.unwrap();
        assert_eq!((ids(&taken), taken[0].tries), (vec!["1", "3"], 1));
        let audit: Vec<_> = store.audit_page(None).await.unwrap();
        let audit: Vec<_> = audit.iter().map(|(entry, _)| entry.id.as_str()).collect();
        assert_eq!(audit, ["a2", "a1"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_of_one_moment_are_paged_without_gap_and_old_ones_go() {
    on_both(async |store| {
        for number in 0..SHOWN + 3 {
            let row = mail(&format!("{number:04}"), "ada", "verify-email", 7);
            store.insert_mail(row).await.unwrap();
        }

        let first = store.mails_page(None, None).await.unwrap();
        let last = first.last().map(|mail| (mail.created_at, mail.id.clone()));
        let rest = store.mails_page(None, last).await.unwrap();

        let all: Vec<_> = ids(&first).into_iter().chain(ids(&rest)).collect();
        assert_eq!((all.len(), all[0], all[102]), (103, "0102", "0000"));
        assert_eq!(store.forget_mails(Millis(7)).await.unwrap(), 0);
        assert_eq!(store.forget_mails(Millis(8)).await.unwrap(), 103);
    })
    .await;
}
