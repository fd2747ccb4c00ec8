//! Redis servers that a test owns: on free ports, in a folder of their own, ended by process id.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{runtime::Handle, time::sleep};

use super::{Link, Target};
use crate::{
    domain::ids::{Ids, SharedIds, SystemIds},
    telemetry::RedisFigures,
};

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The server that `make test` starts; none, said aloud, where there is none.
#[expect(clippy::disallowed_methods, reason = "the harness names the test server")]
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
pub(crate) fn shared_url() -> Option<String> {
    let url = std::env::var("INTELLISTACK_TEST_REDIS").ok();
    if url.is_none() {
        assert!(
            std::env::var("INTELLISTACK_TEST_ALL").is_err(),
            "INTELLISTACK_TEST_ALL asks for Redis, but INTELLISTACK_TEST_REDIS is not set"
        );
        eprintln!("skipped on Redis: INTELLISTACK_TEST_REDIS is not set");
    }
    url
}

/// Names that no other test uses.
pub(crate) fn prefix() -> String {
    format!("t-{}", SystemIds.token(12))
}

pub(crate) fn link(url: &str, prefix: &str) -> Link {
    let ids: SharedIds = Arc::new(SystemIds);
    let target = Target::parse(url).unwrap();
    Link::start(target, prefix, ids, RedisFigures::default(), Handle::current())
}

pub(crate) async fn link_up(url: &str, prefix: &str) -> Link {
    let link = link(url, prefix);
    tokio::time::timeout(PATIENCE, link.up()).await.expect("Redis does not get up");
    link
}

/// Asks until it is so.
pub(crate) async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !is().await {
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("never: {what}"));
}
