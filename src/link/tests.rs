use std::time::Instant;

use super::*;
use crate::link::servers::{Server, link, link_up, prefix, until};

fn ping() -> Cmd {
    redis::cmd("PING")
}

#[tokio::test(flavor = "multi_thread")]
async fn it_opens_when_redis_comes_and_again_when_it_comes_back() {
    let Some(mut server) = Server::start(&[]).await else { return };
    server.kill();
    let link = link(&server.url(), &prefix());
    assert_eq!((link.is_up(), link.call(ping()).await), (false, Err(Fault::Down)));

    server.start_again().await;
    until("it is up", async || link.call(ping()).await.is_ok()).await;
    assert_eq!((link.figures().up.get(), link.figures().reconnects.get()), (1, 0));

    server.kill();
    // Without anybody asking: the pipe breaks at the next PING in the background.
    until("it is down", async || !link.is_up()).await;
    server.start_again().await;
    until("it is up again", async || link.is_up()).await;
    until("it is counted", async || link.figures().reconnects.get() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_wait_are_told_together_that_it_hangs() {
    let Some(server) = Server::start(&[]).await else { return };
    let link = link_up(&server.url(), &prefix()).await;
    server.freeze();
    let began = Instant::now();
    let calls = (0..2_000).map(|_| link.call(ping()));
    let results = futures_util::future::join_all(calls).await;
    assert!(results.iter().all(|result| *result == Err(Fault::Down)));
    assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
    server.thaw();
    until("it is up", async || link.is_up()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_one_command_is_its_own() {
    let Some(server) = Server::start(&[]).await else { return };
    let link = link_up(&server.url(), &prefix()).await;
    let (wrong, right) = tokio::join!(link.call(redis::cmd("NONSENSE")), link.call(ping()));
    assert!(matches!(wrong, Err(Fault::Refused { code, .. }) if code == "ERR"));
    assert_eq!(right, Ok(Value::SimpleString("PONG".into())));
    assert!(link.is_up());
}
