//! What becomes of a log when its Redis goes away, hangs, or forgets.

use super::{
    tests::{Two, delta, epoch, log, start, text, thread, two},
    *,
};
use crate::{
    domain::clock::ManualClock,
    link::servers::{Cluster, Server, Watched, link, prefix, until},
    turnlog::contract,
};

/// Opened by `a`, with `abc` in it.
async fn begun(nodes: &Two) {
    nodes.a.open(&thread(), start(1, 0)).await.unwrap();
    for (seq, piece) in (1..).zip(["a", "b", "c"]) {
        nodes.a.append(&thread(), 1, vec![delta(seq, piece)]).await.unwrap();
    }
}

/// Appends as soon as Redis says anything but that it is away.
async fn append_when_up(log: &RedisLog, entry: Entry) -> Result<(), LogError> {
    let mut last = Ok(());
    until("Redis is back", async || {
        last = log.append(&thread(), 1, vec![entry.clone()]).await;
        !matches!(last, Err(LogError::Unavailable(_)))
    })
    .await;
    last
}

async fn reads(log: &RedisLog, wanted: &str) {
    until("the log can be read", async || text(log).await.is_ok_and(|text| text == wanted)).await;
}

fn is_unavailable<T>(result: &Result<T, LogError>) -> bool {
    matches!(result, Err(LogError::Unavailable(_)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_redis_forgot_is_there_again_when_its_owner_opens_it() {
    let Some(server) = Server::start(&[]).await else { return };
    let nodes = two(&server.url()).await;
    begun(&nodes).await;

    server.ask(&["FLUSHALL"]).await;
    assert_eq!(text(&nodes.b).await.as_deref(), Ok("gap"));
    assert_eq!(nodes.a.append(&thread(), 1, vec![delta(4, "d")]).await, Err(LogError::Gone));
    assert_eq!(nodes.a.open(&thread(), start(1, 0)).await.unwrap().seq, 3);
    nodes.a.append(&thread(), 1, vec![delta(4, "d")]).await.unwrap();

    assert_eq!(text(&nodes.b).await.as_deref(), Ok("abcd"), "same epoch, same seqs");
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_that_redis_forgot_are_sent_again() {
    let Some(server) = Server::start(&[]).await else { return };
    let nodes = two(&server.url()).await;
    begun(&nodes).await;

    server.ask(&["SCRIPT", "FLUSH"]).await;
    nodes.a.append(&thread(), 1, vec![delta(4, "d")]).await.unwrap();
    assert_eq!(text(&nodes.b).await.as_deref(), Ok("abcd"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_goes_on_here_alone_while_redis_is_dead_and_there_when_it_is_back() {
    let Some(mut server) = Server::start(&[]).await else { return };
    let nodes = two(&server.url()).await;
    begun(&nodes).await;

    server.kill();
    until("it is noticed", async || {
        is_unavailable(&nodes.a.append(&thread(), 1, vec![delta(4, "d")]).await)
    })
    .await;
    nodes.a.admit(&thread(), 1, vec![delta(4, "d")]).await.unwrap();
    assert_eq!(text(&nodes.a).await.as_deref(), Ok("abcd"), "the ring serves this node");
    assert!(is_unavailable(&text(&nodes.b).await), "the other one must read the store");

    server.start_again().await;
    assert_eq!(append_when_up(&nodes.a, delta(5, "e")).await, Err(LogError::Gone));
    nodes.a.open(&thread(), start(1, 0)).await.unwrap();
    nodes.a.append(&thread(), 1, vec![delta(5, "e")]).await.unwrap();
    reads(&nodes.b, "abcde").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_began_while_redis_was_dead_gets_there_later() {
    let Some(mut server) = Server::start(&[]).await else { return };
    server.kill();
    let (clock, prefix) = (Arc::new(ManualClock::default()), prefix());
    let (link, other) = (link(&server.url(), &prefix), link(&server.url(), &prefix));
    let (a, b) = (log(&link, &clock), log(&other, &clock));

    assert_eq!(a.open(&thread(), start(1, 0)).await.unwrap().seq, 0);
    assert!(is_unavailable(&a.append(&thread(), 1, vec![delta(1, "a")]).await));
    a.admit(&thread(), 1, vec![delta(1, "a")]).await.unwrap();

    server.start_again().await;
    assert_eq!(append_when_up(&a, delta(2, "b")).await, Err(LogError::Gone));
    a.open(&thread(), start(1, 0)).await.unwrap();
    a.append(&thread(), 1, vec![delta(2, "b")]).await.unwrap();
    reads(&b, "ab").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_redis_missed_gets_there_by_itself() {
    let Some(mut server) = Server::start(&[]).await else { return };
    let nodes = two(&server.url()).await;
    begun(&nodes).await;
    server.kill();
    nodes.a.admit(&thread(), 1, vec![contract::end(4)]).await.unwrap();
    assert_eq!(nodes.a.view(&thread()).await.unwrap().unwrap().running, None);

    server.start_again().await;
    until("the other node sees the end", async || {
        let view = nodes.b.view(&thread()).await;
        view.is_ok_and(|view| view.is_some_and(|view| view.seq == 4 && view.running.is_none()))
    })
    .await;
    until("the ring gives it up", async || nodes.a.shared.ring.fence(&thread()).is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_of_an_owner_who_was_fenced_off_meanwhile_is_given_up() {
    let Some(server) = Server::start(&[]).await else { return };
    let nodes = two(&server.url()).await;
    begun(&nodes).await;
    nodes.b.open(&thread(), start(2, 0)).await.unwrap();
    nodes.b.append(&thread(), 2, vec![delta(4, "d")]).await.unwrap();

    nodes.a.admit(&thread(), 1, vec![contract::end(4)]).await.unwrap();
    until("the ring gives it up", async || nodes.a.shared.ring.fence(&thread()).is_none()).await;
    assert_eq!(text(&nodes.a).await.as_deref(), Ok("abcd"));
}

/// As after a failover, or a restart from an older dump.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_tail_is_appended_again_by_itself() {
    let Some(mut server) = Server::start(&[]).await else { return };
    let nodes = two(&server.url()).await;
    begun(&nodes).await;
    server.ask(&["SAVE"]).await;
    for (seq, piece) in (4..).zip(["d", "e"]) {
        nodes.a.append(&thread(), 1, vec![delta(seq, piece)]).await.unwrap();
    }

    server.kill();
    server.start_again().await;
    assert_eq!(append_when_up(&nodes.a, delta(6, "f")).await, Ok(()));
    reads(&nodes.b, "abcdef").await;
}

/// Both ways to hang: stopped as a process, and busy for long.
#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_redis_is_waited_for_once_and_not_again() {
    let Some(server) = Server::start(&[]).await else { return };
    let nodes = two(&server.url()).await;
    begun(&nodes).await;
    let append = async || nodes.a.append(&thread(), 1, vec![delta(4, "d")]).await;
    tokio::select! {
        _ = server.ask(&["DEBUG", "SLEEP", "4"]) => panic!("it was to sleep for longer"),
        () = until("it sleeps", async || is_unavailable(&append().await)) => {}
    }
    assert_eq!(append_when_up(&nodes.a, delta(4, "d")).await, Ok(()));

    server.freeze();
    let began = Instant::now();
    let first = nodes.a.append(&thread(), 1, vec![delta(5, "e")]).await;
    let waited = began.elapsed();
    assert!(
        is_unavailable(&first) && waited < Duration::from_millis(1_500),
        "{first:?} {waited:?}"
    );
    let began = Instant::now();
    for _ in 0..100 {
        assert!(is_unavailable(&nodes.a.append(&thread(), 1, vec![delta(5, "e")]).await));
    }
    let others = began.elapsed();
    assert!(others < Duration::from_millis(200), "100 more took {others:?}");

    server.thaw();
    // It may have taken it all the same; then it passes it over.
    assert_eq!(append_when_up(&nodes.a, delta(5, "e")).await, Ok(()));
    reads(&nodes.b, "abcde").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_without_memory_is_away_for_writers_alone() {
    let Some(server) = Server::start(&[]).await else { return };
    let nodes = two(&server.url()).await;
    begun(&nodes).await;

    server.ask(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert!(is_unavailable(&nodes.a.append(&thread(), 1, vec![delta(4, "d")]).await));
    assert_eq!(text(&nodes.b).await.as_deref(), Ok("abc"));
    assert!(nodes.link.is_up());
    server.ask(&["CONFIG", "SET", "maxmemory", "0"]).await;
    nodes.a.append(&thread(), 1, vec![delta(4, "d")]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_redis_evicted_makes_a_gap_and_no_hole() {
    let Some(server) = Server::start(&[]).await else { return };
    let nodes = two(&server.url()).await;
    begun(&nodes).await;

    let key = format!("{}:{{thr}}:log", nodes.link.prefix());
    server.ask(&["DEL", &key]).await;
    assert_eq!(text(&nodes.b).await.as_deref(), Ok("gap"));
    nodes.a.append(&thread(), 1, vec![delta(4, "d")]).await.unwrap();
    assert_eq!(text(&nodes.b).await.as_deref(), Ok("gap"));
    assert_eq!(nodes.b.view(&thread()).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_by_sentinel_is_survived() {
    let Some(mut watched) = Watched::start().await else { return };
    let nodes = two(&watched.url()).await;
    begun(&nodes).await;

    watched.master.kill();
    let mut said = append_when_up(&nodes.a, delta(4, "d")).await;
    if said == Err(LogError::Gone) {
        // The replica had not even heard that the log was opened.
        nodes.a.open(&thread(), start(1, 0)).await.unwrap();
        said = nodes.a.append(&thread(), 1, vec![delta(4, "d")]).await;
    }
    assert_eq!(said, Ok(()));
    reads(&nodes.b, "abcd").await;
    assert_eq!(watched.replica.ask_number(&["DBSIZE"]).await, 2, "the replica is the master now");
    assert_eq!(nodes.a.read(&thread(), &epoch(), 4, 9).await, Ok(Tail::Entries(vec![])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_lost_a_master_is_away_until_it_is_whole_again() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let nodes = two(&cluster.url()).await;
    begun(&nodes).await;

    let mut has_it = 0;
    for (at, server) in cluster.0.iter().enumerate() {
        if server.ask_number(&["DBSIZE"]).await > 0 {
            has_it = at;
        }
    }
    cluster.0[has_it].kill();
    until("it is noticed", async || {
        is_unavailable(&nodes.a.append(&thread(), 1, vec![delta(4, "d")]).await)
    })
    .await;
    nodes.a.admit(&thread(), 1, vec![delta(4, "d")]).await.unwrap();

    cluster.0[has_it].start_again().await;
    assert_eq!(append_when_up(&nodes.a, delta(5, "e")).await, Err(LogError::Gone));
    until("the log is there again", async || {
        nodes.a.open(&thread(), start(1, 0)).await.unwrap();
        nodes.a.append(&thread(), 1, vec![delta(5, "e")]).await.is_ok()
    })
    .await;
    reads(&nodes.b, "abcde").await;
}

/// I2, I3: an owner who does as the log says loses nothing, whatever befalls Redis on the way.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_befalls_redis_all_nodes_have_the_same_text_in_the_end() {
    let Some(mut server) = Server::start(&[]).await else { return };
    let nodes = two(&server.url()).await;
    nodes.a.open(&thread(), start(1, 0)).await.unwrap();
    let mut wanted = String::new();
    for seq in 1..=600 {
        match seq {
            100 | 500 => drop(server.ask(&["FLUSHALL"]).await),
            150 => drop(server.ask(&["SCRIPT", "FLUSH"]).await),
            200 => drop(server.ask(&["CLIENT", "KILL", "TYPE", "normal"]).await),
            300 => server.kill(),
            350 => server.start_again().await,
            400 => server.freeze(),
            450 => server.thaw(),
            _ => {}
        }
        let piece = format!("{seq} ");
        write(&nodes.a, delta(seq, &piece)).await;
        wanted.push_str(&piece);
        assert_eq!(nodes.a.view(&thread()).await.unwrap().unwrap().seq, seq, "its own readers");
    }

    until("Redis has the last word", async || {
        write(&nodes.a, delta(600, "600 ")).await;
        text(&nodes.b).await.is_ok_and(|text| text == wanted)
    })
    .await;
    assert_eq!(text(&nodes.a).await, Ok(wanted));
}

/// As a writer does: what Redis does not take is shown once it is in the store.
async fn write(log: &RedisLog, entry: Entry) {
    loop {
        match log.append(&thread(), 1, vec![entry.clone()]).await {
            Ok(()) => return,
            Err(LogError::Unavailable(_)) => {
                log.admit(&thread(), 1, vec![entry]).await.unwrap();
                return;
            }
            Err(LogError::Gone) => drop(log.open(&thread(), start(1, 0)).await.unwrap()),
            Err(error) => panic!("{error}"),
        }
    }
}
