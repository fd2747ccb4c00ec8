//! Several nodes of one service, each behind roads of its own to the databases that they share.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    databases::{Postgres, Redis, free_port},
    person::Person,
    road::Road,
    server::PROGRAM,
};

const PATIENCE: Duration = Duration::from_mins(1);
const SECRET: &str = "a secret that the nodes of this test share with each other";

pub(crate) struct Nodes {
    pub postgres: Postgres,
    pub redis: Redis,
    pub all: Vec<Node>,
    folder: TempDir,
    program: PathBuf,
    settings: Vec<(String, String)>,
}

pub(crate) struct Node {
    pub to_redis: Road,
    pub to_postgres: Road,
    port: u16,
    home: PathBuf,
    child: Option<Child>,
    /// What it calls itself.
    pub name: String,
}

impl Nodes {
    /// None where there is no PostgreSQL server for tests.
    pub(crate) async fn start(count: usize, settings: &[(&str, &str)]) -> Option<Self> {
        let postgres = Postgres::schema().await?;
        Some(Self::on(postgres, PROGRAM.as_ref(), count, settings).await)
    }

    pub(crate) async fn on(
        postgres: Postgres,
        program: &Path,
        count: usize,
        settings: &[(&str, &str)],
    ) -> Self {
        let redis = Redis::start();
        let folder = tempfile::tempdir().unwrap();
        let mut all_nodes = Vec::new();
        for number in 0..count {
            let home = folder.path().join(format!("node-{number}"));
            fs::create_dir(&home).unwrap();
            all_nodes.push(Node {
                to_redis: Road::to(redis.port()).await,
                to_postgres: Road::to(postgres.port()).await,
                port: free_port(),
                home,
                child: None,
                name: String::new(),
            });
        }
        // One service under one name, and pages that come from each of its nodes.
        let origins: Vec<String> = all_nodes.iter().map(Node::url).collect();
        let set = |key: &str, value: &str| (format!("INTELLISTACK__{key}"), value.to_owned());
        let mut all = vec![
            set("AUTH__SECRET", SECRET),
            set("SERVER__PUBLIC_URL", &origins[0]),
            set("SERVER__ALLOWED_ORIGINS", &serde_json::to_string(&origins).unwrap()),
            set("TUTOR__MODEL", "scripted"),
            set("LIMITS__MESSAGES_PER_DAY", "100000"),
        ];
        all.extend(settings.iter().map(|(key, value)| set(key, value)));
        let program = program.to_owned();
        let mut nodes = Self { postgres, redis, all: all_nodes, folder, program, settings: all };
        for number in 0..count {
            nodes.start_node(number);
        }
        nodes
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn url(&self, number: usize) -> String {
        self.all[number].url()
    }

    /// A command of the program, as on a node but past all roads.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--data-dir").arg(self.folder.path().join("cli")).args(arguments);
        command.envs(self.settings.iter().cloned());
        let url = self.postgres.url_at(self.postgres.port());
        command.env("INTELLISTACK__DATABASE__URL", url);
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// A file with so many fresh students.
    pub(crate) fn accounts(&self, count: usize) -> PathBuf {
        let made = self.run(&["user", "create", "--count", &count.to_string(), "--json"]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let path = self.folder.path().join("accounts.jsonl");
        fs::write(&path, made.stdout).unwrap();
        path
    }

    /// A verified person, signed in at that node.
    pub(crate) async fn person(&self, number: usize, name: &str, role: &str) -> Person {
        let email = format!("{name}@school.example");
        let made = self.run(&["user", "create", &email, "--role", role, "--verified", "--json"]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let account: Value = serde_json::from_slice(&made.stdout).unwrap();
        let password = account["password"].as_str().unwrap();
        Person::sign_in(&self.url(number), &email, password).await
    }

    /// Starts a node at its address, or starts it again.
    #[expect(clippy::disallowed_methods, reason = "a file of another process announces nothing")]
    pub(crate) fn start_node(&mut self, number: usize) {
        let node = &mut self.all[number];
        let ready = node.home.join("ready.json");
        let _ = fs::remove_file(&ready);
        let log = fs::File::options().create(true).append(true).open(node.log()).unwrap();
        let mut command = Command::new(&self.program);
        command.arg("--data-dir").arg(node.home.join("data")).envs(self.settings.iter().cloned());
        command.args(["serve", "--test-model", "--listen", &format!("127.0.0.1:{}", node.port)]);
        command.arg("--ready-file").arg(&ready);
        let database = self.postgres.url_at(node.to_postgres.port());
        command.env("INTELLISTACK__DATABASE__URL", database);
        let redis = format!("redis://127.0.0.1:{}", node.to_redis.port());
        command.env("INTELLISTACK__REDIS__URL", redis);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut child = command.spawn().unwrap();
        let began = Instant::now();
        let text = loop {
            if let Ok(text) = fs::read(&ready) {
                break text;
            }
            let log = || fs::read_to_string(node.log()).unwrap();
            if let Some(status) = child.try_wait().unwrap() {
                panic!("node {number} ended with {status}:\n{}", log());
            }
            assert!(began.elapsed() < PATIENCE, "node {number} does not get ready:\n{}", log());
            std::thread::sleep(Duration::from_millis(20));
        };
        let ready: Value = serde_json::from_slice(&text).unwrap();
        ready["node"].as_str().unwrap().clone_into(&mut node.name);
        node.child = Some(child);
    }
}

impl Node {
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.home.join("server.log")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for one that was told to go.
    pub(crate) fn wait(&mut self) {
        assert!(self.child.take().unwrap().wait().unwrap().success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
