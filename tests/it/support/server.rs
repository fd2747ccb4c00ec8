//! `intellistack serve --demo` on a free port and a private folder, stopped by process id.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde::Deserialize;
use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_intellistack");
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Account {
    pub email: String,
    pub password: String,
    pub role: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Ready {
    pub url: String,
    pub pid: u32,
    pub accounts: Vec<Account>,
}

/// The data of a server, which outlives its process.
pub(crate) struct Home {
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
}

impl Home {
    /// A server whose answers come without pause between the words.
    pub(crate) fn quick() -> Self {
        Self::with(&[("INTELLISTACK__TUTOR__PACE_MS", "0")])
    }

    /// A server whose answers take a few seconds: something can happen meanwhile.
    pub(crate) fn slow() -> Self {
        Self::with(&[
            ("INTELLISTACK__TUTOR__MODEL", "scripted"),
            ("INTELLISTACK__TUTOR__PACE_MS", "5"),
        ])
    }

    pub(crate) fn with(settings: &[(&'static str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        Self { folder, settings }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A command of the program on this data.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("--data-dir").arg(self.data()).args(arguments);
        command.envs(self.settings.iter().map(|(key, value)| (*key, value)));
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Starts the server on a free port and waits until it answers.
    pub(crate) fn start(&self) -> Server {
        self.start_at("127.0.0.1:0")
    }

    pub(crate) fn start_at(&self, address: &str) -> Server {
        self.serve(&["--listen", address])
    }

    /// The same on a free port, with further arguments.
    pub(crate) fn start_with(&self, arguments: &[&str]) -> Server {
        self.serve(&[&["--listen", "127.0.0.1:0"], arguments].concat())
    }

    #[expect(clippy::disallowed_methods, reason = "a file of another process announces nothing")]
    fn serve(&self, arguments: &[&str]) -> Server {
        let ready = self.path().join("ready.json");
        let _ = std::fs::remove_file(&ready);
        let log = std::fs::File::create(self.path().join("server.log")).unwrap();
        let mut command = self.command(&["serve", "--demo"]);
        command.args(arguments);
        command.arg("--ready-file").arg(&ready);
        command.stdout(Stdio::null()).stderr(log);
        let mut child = command.spawn().unwrap();
        let began = Instant::now();
        loop {
            if let Ok(text) = std::fs::read(&ready) {
                return Server { child, ready: serde_json::from_slice(&text).unwrap() };
            }
            let log = || std::fs::read_to_string(self.path().join("server.log")).unwrap();
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the server ended with {status}:\n{}", log());
            }
            assert!(began.elapsed() < PATIENCE, "the server does not get ready:\n{}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Killed when dropped, so that no test leaves one behind.
pub(crate) struct Server {
    child: Child,
    pub ready: Ready,
}

impl Server {
    pub(crate) fn url(&self) -> &str {
        &self.ready.url
    }

    /// `127.0.0.1:<port>`, to start the next server at the same place.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.url().rsplit(':').next().unwrap())
    }

    pub(crate) fn account(&self, role: &str) -> &Account {
        self.ready.accounts.iter().find(|account| account.role == role).unwrap()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; the server drains in its own time.
    pub(crate) fn terminate(&self) {
        let pid = self.ready.pid.to_string();
        let status = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(status.success());
    }

    pub(crate) fn wait(mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
