//! What nodes see of each other's logs, on one server and on a cluster.

use std::sync::Arc;

use super::*;
use crate::{
    domain::{
        clock::ManualClock,
        event::{TurnNews, merge},
        ids::{ItemId, TurnId},
        item::Item,
    },
    link::servers::{Cluster, link_up, prefix, shared_url},
    turnlog::contract,
};

pub(super) fn log(link: &Link, clock: &Arc<ManualClock>) -> RedisLog {
    RedisLog::start(link, Arc::<ManualClock>::clone(clock))
}

/// Two nodes on one Redis, with one clock.
pub(super) struct Two {
    pub(super) a: RedisLog,
    pub(super) b: RedisLog,
    pub(super) link: Link,
    pub(super) clock: Arc<ManualClock>,
}

pub(super) async fn two(url: &str) -> Two {
    let (clock, prefix) = (Arc::new(ManualClock::default()), prefix());
    let (link, other) = (link_up(url, &prefix).await, link_up(url, &prefix).await);
    Two { a: log(&link, &clock), b: log(&other, &clock), link, clock }
}

pub(super) fn thread() -> ThreadId {
    ThreadId::new("thr")
}

pub(super) fn epoch() -> Epoch {
    Epoch::new("e")
}

pub(super) fn start(fence: i64, seq: i64) -> Start {
    Start { epoch: epoch(), fence, seq, running: None }
}

pub(super) fn delta(seq: i64, text: &str) -> Entry {
    let (turn, text) = (TurnId::new("t"), text.to_owned());
    Entry::single(seq, LogEvent::Delta { turn, attempt: 1, text })
}

/// The text of the deltas behind 0, as that node reads them.
pub(super) async fn text(log: &RedisLog) -> Result<String, LogError> {
    let Tail::Entries(entries) = log.read(&thread(), &epoch(), 0, 1_000).await? else {
        return Ok("gap".to_owned());
    };
    let merged = merge(entries);
    Ok(match merged.first() {
        Some(Entry { first: 1, event: LogEvent::Delta { text, .. }, .. }) => text.clone(),
        other => format!("{other:?}"),
    })
}

mod on_one_server {
    use super::*;

    contract::suite!(async |clock: Arc<ManualClock>| {
        let link = link_up(&shared_url()?, &prefix()).await;
        Some((log(&link, &clock), ()))
    });

    #[tokio::test(flavor = "multi_thread")]
    async fn a_later_owner_fences_off_an_earlier_one_and_all_read_the_same() {
        if let Some(url) = shared_url() {
            takeover(two(&url).await).await;
        }
    }
}

mod on_a_cluster {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_later_owner_fences_off_an_earlier_one_and_all_read_the_same() {
        let Some(cluster) = Cluster::start().await else { return };
        takeover(two(&cluster.url()).await).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn threads_of_all_slots_are_written_at_once() {
        let Some(cluster) = Cluster::start().await else { return };
        let Two { a, b, .. } = two(&cluster.url()).await;
        let threads: Vec<ThreadId> = (0..50).map(|n| ThreadId::new(format!("thr_{n}"))).collect();
        let write = async |thread: &ThreadId| {
            a.open(thread, start(1, 0)).await.unwrap();
            for seq in 1..=20 {
                a.append(thread, 1, vec![delta(seq, "x")]).await.unwrap();
            }
        };
        futures_util::future::join_all(threads.iter().map(write)).await;
        for thread in &threads {
            let view = b.view(thread).await.unwrap().unwrap();
            assert_eq!((view.seq, view.running.unwrap().text.len()), (20, 20));
        }
        for server in &cluster.0 {
            assert!(server.ask_number(&["DBSIZE"]).await > 20, "each master has its share");
        }
    }

    /// One cluster for all tests of the suite, as long as the last of them.
    fn maker() -> impl AsyncFnMut(Arc<ManualClock>) -> Option<RedisLog> {
        let mut kept = None;
        async move |clock| {
            if kept.is_none() {
                kept = Some(Cluster::start().await?);
            }
            let cluster = kept.as_ref()?;
            Some(log(&link_up(&cluster.url(), &prefix()).await, &clock))
        }
    }

    contract::suite!(in the_contract_holds: maker());
}

/// I3, I6.
async fn takeover(Two { a, b, clock, .. }: Two) {
    let thread = thread();
    a.open(&thread, start(1, 0)).await.unwrap();
    for (seq, piece) in (1..).zip(["O", "n", "e "]) {
        a.append(&thread, 1, vec![delta(seq, piece)]).await.unwrap();
        let read = b.read(&thread, &epoch(), seq - 1, 9).await;
        assert_eq!(read, Ok(Tail::Entries(vec![delta(seq, piece)])), "at once, on the other node");
    }

    let head = b.open(&thread, start(2, 0)).await.unwrap();
    assert_eq!(head.seq, 3);
    b.append(&thread, 2, vec![delta(4, "two")]).await.unwrap();
    assert_eq!(text(&b).await.as_deref(), Ok("One two"), "its ring has what the first one wrote");
    clock.advance(SURE_MS);
    assert_eq!(a.read(&thread, &epoch(), 3, 9).await, Ok(Tail::Entries(vec![delta(4, "two")])));

    assert_eq!(a.append(&thread, 1, vec![delta(4, "xxx")]).await, Err(LogError::Fenced));
    assert_eq!(a.open(&thread, start(1, 0)).await, Err(LogError::Fenced));
    assert_eq!(text(&a).await.as_deref(), Ok("One two"));
    let view = a.view(&thread).await.unwrap().unwrap();
    assert_eq!((view.seq, view.oldest, view.running.unwrap().text.as_str()), (4, 1, "One two"));

    b.append(&thread, 2, vec![contract::end(5)]).await.unwrap();
    for node in [&a, &b] {
        assert_eq!(node.view(&thread).await.unwrap().unwrap().running, None);
        assert_eq!(node.read(&thread, &epoch(), 5, 9).await, Ok(Tail::Entries(vec![])));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_event_arrives_as_it_was_written() {
    let Some(url) = shared_url() else { return };
    let Two { a, b, .. } = two(&url).await;
    let (thread, turn) = (thread(), TurnId::new("t"));
    let question = ItemId::new("q");
    let item = Item::question(question.clone(), thread.clone(), Millis(7), "why?", Some("this"));
    let again =
        LogEvent::Delta { turn: turn.clone(), attempt: 2, text: "ünïcode \0 \r\n".into() };
    let merged = LogEvent::Delta { turn: turn.clone(), attempt: 1, text: "two at once".into() };
    let news = LogEvent::Turn {
        turn: turn.clone(),
        attempt: 2,
        status: TurnNews::Restarted,
        hint_level: Some(2),
        drop_from: Some(2),
        replaces: None,
    };
    let entries = vec![
        Entry::single(1, LogEvent::Message { item, replaces: Some(question) }),
        delta(2, "first"),
        Entry { first: 3, seq: 4, event: merged },
        Entry::single(5, news),
        Entry::single(6, again),
        Entry::single(7, LogEvent::Citations { turn, sources: Vec::new() }),
    ];
    a.open(&thread, start(1, 0)).await.unwrap();
    a.append(&thread, 1, entries.clone()).await.unwrap();

    assert_eq!(b.read(&thread, &epoch(), 0, 99).await, Ok(Tail::Entries(entries)));
    let (here, there) = (a.view(&thread).await.unwrap(), b.view(&thread).await.unwrap());
    assert_eq!(here, there);
    b.open(&thread, start(2, 0)).await.unwrap();
    assert_eq!(b.view(&thread).await.unwrap(), there, "and from the ring of who takes over");
}

/// I12: what waits for one answer does not grow with what others write; the house's figure.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_costs_a_few_bytes_and_a_log_goes_with_time() {
    let Some(server) = crate::link::servers::Server::start(&[]).await else { return };
    let Two { a, link, .. } = two(&server.url()).await;
    let (thread, turn) = (thread(), TurnId::new("trn_0192f3a0c0de7abc8def0123456789ab"));
    let keys = ["head", "log"].map(|name| format!("{}:{{thr}}:{name}", link.prefix()));
    a.open(&thread, start(1, 0)).await.unwrap();
    for seq in 1..=1_000 {
        let text = "word ".to_owned();
        let entry = Entry::single(seq, LogEvent::Delta { turn: turn.clone(), attempt: 1, text });
        a.append(&thread, 1, vec![entry]).await.unwrap();
    }
    let bytes = server.ask_number(&["MEMORY", "USAGE", &keys[1], "SAMPLES", "0"]).await;
    assert!(bytes < 26_000, "{bytes} bytes for 1,000 tokens");
    for key in &keys {
        assert!(server.ask_number(&["TTL", key]).await > 86_000, "{key} of an abandoned turn");
    }

    a.append(&thread, 1, vec![contract::end(1_001)]).await.unwrap();
    for key in &keys {
        assert!(
            (890..=900).contains(&server.ask_number(&["TTL", key]).await),
            "{key} after the end"
        );
    }
    assert_eq!(server.ask_number(&["XLEN", &keys[1]]).await, 256);
    a.open(&thread, start(2, 1_001)).await.unwrap();
    assert!(server.ask_number(&["TTL", &keys[1]]).await > 86_000, "of the next turn");
}
