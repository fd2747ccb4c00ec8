use std::sync::Arc;

use super::*;
use crate::{
    bus::{Bus, contract},
    link::servers::{Cluster, Server, Watched, link, link_up, prefix, shared_url, until},
};

/// The end of one node.
async fn bus(link: &Link, node: &str) -> Bus {
    let bus = Bus::with_line(|here| Arc::new(RedisLine::start(link, NodeId::new(node), here)));
    until("the line is whole", async || !bus.is_cut()).await;
    bus
}

async fn two(url: &str) -> (Bus, Bus) {
    let prefix = prefix();
    let (a, b) = (link_up(url, &prefix).await, link_up(url, &prefix).await);
    (bus(&a, "a").await, bus(&b, "b").await)
}

mod on_one_server {
    use super::*;

    contract::suite!(async || {
        let (a, b) = two(&shared_url()?).await;
        Some((a, b, ()))
    });
}

mod on_a_cluster {
    use super::*;

    /// One cluster for all tests of the suite, as long as the last of them.
    fn maker() -> impl AsyncFnMut() -> Option<(Bus, Bus)> {
        let mut kept = None;
        async move || {
            if kept.is_none() {
                kept = Some(Cluster::start().await?);
            }
            let cluster = kept.as_ref()?;
            Some(two(&cluster.url()).await)
        }
    }

    contract::suite!(in the_contract_holds: maker());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_followed_is_not_heard_and_nobody_hears_himself_twice() {
    let Some(url) = shared_url() else { return };
    let (a, b) = two(&url).await;
    let (first, second) = (ThreadId::new("1"), ThreadId::new("2"));
    a.follow(&first).await;
    b.follow(&second).await;
    let (mut at_a, mut at_b) = (a.listen(), b.listen());
    let (mut nodes_at_a, mut nodes_at_b) = (a.listen_to_nodes(), b.listen_to_nodes());
    for thread in [&first, &second] {
        a.wake(Wake::Thread { thread: thread.clone() });
    }
    b.wake(Wake::Changed);
    for thread in [&first, &second] {
        let own = Wake::Thread { thread: thread.clone() };
        assert_eq!(contract::next(&mut at_a).await, own, "its own, from itself");
    }
    assert_eq!(contract::next(&mut at_b).await, Wake::Thread { thread: second });
    assert_eq!(contract::next(&mut nodes_at_a).await, Wake::Changed);
    assert_eq!(contract::next(&mut nodes_at_b).await, Wake::Changed);
    assert!(at_a.is_empty() && nodes_at_a.is_empty() && nodes_at_b.is_empty());
    assert!(at_b.is_empty());
}

/// What `treat` does to the server cuts the line; when it is over the line is whole again.
async fn survives(cut: impl AsyncFnOnce(&mut Server), mend: impl AsyncFnOnce(&mut Server)) {
    let Some(mut server) = Server::start(&[]).await else { return };
    let (a, b) = two(&server.url()).await;
    let thread = ThreadId::new("1");
    b.follow(&thread).await;
    let mut at_b = b.listen();
    cut(&mut server).await;
    until("it is noticed", async || b.is_cut()).await;
    // Does not wait for what cannot be.
    b.follow(&ThreadId::new("2")).await;
    mend(&mut server).await;
    until("the line is whole", async || !b.is_cut()).await;
    assert_eq!(at_b.recv().await, Ok(Wake::Gap), "something may have been missed");
    for thread in [thread, ThreadId::new("2")] {
        until("the other node can speak again", async || {
            a.wake(Wake::Thread { thread: thread.clone() });
            tokio::task::yield_now().await;
            at_b.try_recv().is_ok_and(|wake| wake == Wake::Thread { thread: thread.clone() })
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_redis_is_a_gap_after_which_all_is_heard_again() {
    survives(async |server| server.kill(), async |server| server.start_again().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_is_noticed_without_a_word_from_it() {
    survives(async |server| server.freeze(), async |server| server.thaw()).await;
}

/// The line goes to the server that the Sentinel names, and to its replica when that takes over.
#[tokio::test(flavor = "multi_thread")]
async fn a_failover_by_sentinel_is_a_gap_after_which_all_is_heard_again() {
    let Some(mut watched) = Watched::start().await else { return };
    let (a, b) = two(&watched.url()).await;
    let thread = ThreadId::new("1");
    b.follow(&thread).await;
    let mut at_b = b.listen();
    watched.master.kill();
    assert_eq!(at_b.recv().await, Ok(Wake::Gap));
    until("the other node can speak again", async || {
        a.wake(Wake::Thread { thread: thread.clone() });
        tokio::task::yield_now().await;
        at_b.try_recv().is_ok_and(|wake| wake == Wake::Thread { thread: thread.clone() })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_subscription_is_a_gap_although_redis_lives() {
    let Some(server) = Server::start(&[]).await else { return };
    let (a, b) = two(&server.url()).await;
    let thread = ThreadId::new("1");
    b.follow(&thread).await;
    let mut at_b = b.listen();
    server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    assert_eq!(at_b.recv().await, Ok(Wake::Gap));
    a.wake(Wake::Thread { thread: thread.clone() });
    assert_eq!(contract::next(&mut at_b).await, Wake::Thread { thread });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_said_is_dropped_and_counted() {
    let Some(mut server) = Server::start(&[]).await else { return };
    server.kill();
    let link = link(&server.url(), &prefix());
    let bus = Bus::with_line(|here| Arc::new(RedisLine::start(&link, NodeId::new("a"), here)));
    assert!(bus.is_cut());
    bus.wake(Wake::Changed);
    until("it is counted", async || link.figures().dropped_wakes.get() == 1).await;
}
