//! Redis servers that a test owns: on free ports, in a folder of their own, ended by process id.

use std::{
    fs::File,
    net::TcpListener,
    path::Path,
    process::{Child, Command},
    sync::Arc,
    time::Duration,
};

use redis::{AsyncConnectionConfig, Client, Cmd, Value};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{runtime::Handle, time::sleep};

use super::{Chance, Link, Target};
use crate::{
    domain::ids::{Ids, SystemIds},
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
    let chance: Chance = Arc::new(|bytes| SystemIds.fill(bytes));
    let target = Target::parse(url).unwrap();
    Link::start(target, prefix, chance, RedisFigures::default(), Handle::current())
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

/// A server that a test may treat badly.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    options: Vec<String>,
    folder: TempDir,
}

impl Server {
    /// None, said aloud, where there is no `redis-server`.
    pub(crate) async fn start(options: &[&str]) -> Option<Self> {
        shared_url()?;
        let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
        let fixed = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        let open = ["--enable-debug-command", "yes", "--repl-diskless-sync-delay", "0"];
        let options: Vec<String> = ["--port", &port.to_string()]
            .iter()
            .chain(&fixed)
            .chain(&open)
            .chain(options)
            .map(|option| (*option).to_owned())
            .collect();
        let child = spawn(folder.path(), &options);
        let server = Self { child, port, options, folder };
        server.answers().await;
        Some(server)
    }

    /// A Sentinel with this text as its configuration.
    async fn sentinel(text: &str) -> Self {
        let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
        let file = folder.path().join("sentinel.conf");
        std::fs::write(&file, format!("port {port}\nbind 127.0.0.1\n{text}")).unwrap();
        let options = vec![file.display().to_string(), "--sentinel".to_owned()];
        let child = spawn(folder.path(), &options);
        let server = Self { child, port, options, folder };
        server.answers().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    async fn answers(&self) {
        until("the server answers", async || self.try_ask(&["PING"]).await.is_ok()).await;
    }

    async fn try_ask(&self, words: &[&str]) -> redis::RedisResult<Value> {
        let client = Client::open(self.url())?;
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let mut conn = client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut command = Cmd::new();
        command.arg(words);
        command.query_async(&mut conn).await
    }

    /// A command over a connection of its own.
    pub(crate) async fn ask(&self, words: &[&str]) -> Value {
        self.try_ask(words).await.unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    pub(crate) async fn ask_text(&self, words: &[&str]) -> String {
        redis::from_redis_value(self.ask(words).await).unwrap()
    }

    pub(crate) async fn ask_number(&self, words: &[&str]) -> i64 {
        redis::from_redis_value(self.ask(words).await).unwrap()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// It hangs, with its sockets open.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// On the same port, with what it has saved.
    pub(crate) async fn start_again(&mut self) {
        self.child = spawn(self.folder.path(), &self.options);
        self.answers().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(folder: &Path, options: &[String]) -> Child {
    let log = File::create(folder.join("log")).unwrap();
    let mut command = Command::new("redis-server");
    command.args(options).current_dir(folder).stdout(log);
    command.spawn().expect("there is a Redis to test with, but no redis-server")
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Three masters that share the slots.
pub(crate) struct Cluster(pub(crate) Vec<Server>);

impl Cluster {
    pub(crate) async fn start() -> Option<Self> {
        const SLOTS: [[&str; 2]; 3] = [["0", "5460"], ["5461", "10922"], ["10923", "16383"]];
        let (mut servers, mut buses) = (Vec::new(), Vec::new());
        for (epoch, [first, last]) in (1..).zip(SLOTS) {
            let bus = free_port().to_string();
            let options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
            let port = ["--cluster-port", &bus];
            let server = Server::start(&[options.as_slice(), &port].concat()).await?;
            server.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch.to_string()]).await;
            server.ask(&["CLUSTER", "ADDSLOTSRANGE", first, last]).await;
            servers.push(server);
            buses.push(bus);
        }
        let cluster = Self(servers);
        for (server, bus) in cluster.0.iter().zip(&buses).skip(1) {
            let port = server.port.to_string();
            cluster.0[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &port, bus]).await;
        }
        for server in &cluster.0 {
            until("the cluster is whole", async || {
                let info = server.ask_text(&["CLUSTER", "INFO"]).await;
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
            })
            .await;
        }
        Some(cluster)
    }

    pub(crate) fn url(&self) -> String {
        let hosts: Vec<_> = self.0.iter().map(|one| format!("127.0.0.1:{}", one.port)).collect();
        format!("redis+cluster://{}", hosts.join(","))
    }
}

/// A master, its replica, and a Sentinel that watches over them.
pub(crate) struct Watched {
    pub(crate) master: Server,
    pub(crate) replica: Server,
    sentinel: Server,
}

impl Watched {
    pub(crate) async fn start() -> Option<Self> {
        let master = Server::start(&[]).await?;
        let port = master.port.to_string();
        let replica = Server::start(&["--replicaof", "127.0.0.1", &port]).await?;
        let sentinel = Server::sentinel(&format!(
            "sentinel monitor school 127.0.0.1 {port} 1\n\
             sentinel down-after-milliseconds school 500\n\
             sentinel failover-timeout school 3000\n"
        ))
        .await;
        until("the Sentinel knows the replica", async || {
            let all = format!("{:?}", sentinel.ask(&["SENTINEL", "REPLICAS", "school"]).await);
            all.contains("master-link-status") && all.contains(&replica.port.to_string())
        })
        .await;
        until("the replica follows", async || {
            replica.ask_text(&["INFO", "replication"]).await.contains("master_link_status:up")
        })
        .await;
        Some(Self { master, replica, sentinel })
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+sentinel://127.0.0.1:{}/school", self.sentinel.port)
    }
}
