//! PostgreSQL and Redis servers of a test's own, which it may stop, start and empty.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::postgres::fresh_schema;

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn shell(script: &str, argument: &Path) -> String {
    let script = format!(". scripts/lib.sh && . scripts/databases.sh && {script}");
    let output = Command::new("bash")
        .args(["-c", &script, "bash"])
        .arg(argument)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub(crate) struct Postgres {
    /// None: the server that the tests share, and a schema of this one's own.
    folder: Option<TempDir>,
    url: String,
}

impl Postgres {
    /// None, said aloud, where there is no such server.
    pub(crate) async fn schema() -> Option<Self> {
        Some(Self { folder: None, url: fresh_schema().await? })
    }

    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // PostgreSQL's own user must be able to pass through.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        std::fs::set_permissions(folder.path(), mode).unwrap();
        // What is committed outlives the process, if not the machine.
        let script = r#"start_postgres "$1" "-c synchronous_commit=on" &&
            echo "$INTELLISTACK_TEST_POSTGRES""#;
        let url = shell(script, &folder.path().join("pg"));
        Self { folder: Some(folder), url }
    }

    fn data(&self) -> PathBuf {
        self.folder.as_ref().expect("a server of its own").path().join("pg")
    }

    /// Crashes it and starts it again.
    pub(crate) fn restart(&self) {
        shell(r#"restart_postgres "$1""#, &self.data());
    }

    pub(crate) fn port(&self) -> u16 {
        let (_, host) = self.url.split_once('@').unwrap();
        host[..host.find('/').unwrap()].rsplit(':').next().unwrap().parse().unwrap()
    }

    /// The URL of the same database behind another port.
    pub(crate) fn url_at(&self, port: u16) -> String {
        self.url.replace(&format!(":{}/", self.port()), &format!(":{port}/"))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.folder.is_some() {
            shell(r#"stop_postgres "$1" || true"#, &self.data());
        }
    }
}

/// It keeps nothing on disk.
pub(crate) struct Redis {
    port: u16,
    child: Child,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let port = free_port();
        Self { port, child: Self::spawn(port) }
    }

    fn spawn(port: u16) -> Child {
        let port = port.to_string();
        let keep = ["--save", "", "--appendonly", "no", "--enable-debug-command", "yes"];
        let child = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1"])
            .args(keep)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while !cli(&port, &["ping"]).0 {
            assert!(began.elapsed() < PATIENCE, "redis-server does not answer");
        }
        child
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Kills it, and starts it again with nothing in it.
    pub(crate) fn restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = Self::spawn(self.port);
    }

    /// A command; gives what it answers.
    pub(crate) fn run(&self, command: &[&str]) -> String {
        let (done, answer) = cli(&self.port.to_string(), command);
        assert!(done, "redis: {answer}");
        answer
    }

    /// Does not wait for the answer.
    pub(crate) fn begin(&self, command: &[&str]) -> Child {
        let port = self.port.to_string();
        let mut cli = Command::new("redis-cli");
        cli.args(["-p", &port]).args(command).stdin(Stdio::null()).stdout(Stdio::null());
        cli.spawn().unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn cli(port: &str, command: &[&str]) -> (bool, String) {
    let output = Command::new("redis-cli").args(["-p", port]).args(command).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).trim().to_owned())
}
