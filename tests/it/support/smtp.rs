//! A real SMTP server in a process of its own (`scripts/smtp-server.mjs`), which tells what it took.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use serde_json::{Value, json};

use super::server::Home;

const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) struct Smtp {
    child: Child,
    orders: ChildStdin,
    said: Receiver<Value>,
    pub port: u16,
}

/// A letter that the server was given, and what it answered.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub code: u64,
    pub to: String,
    pub secure: bool,
    pub user: Option<String>,
    /// Head and body as they came.
    pub raw: String,
}

impl Given {
    /// A line of the head.
    pub(crate) fn head(&self, name: &str) -> &str {
        let (head, _) = self.raw.split_once("\r\n\r\n").unwrap();
        let start = format!("{}: ", name.to_lowercase());
        let line = head.lines().find(|line| line.to_lowercase().starts_with(&start));
        line.and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value)
    }
}

impl Smtp {
    /// None, said aloud, where npm's packages are not installed.
    #[expect(clippy::print_stdout, reason = "a skipped test must say so")]
    #[expect(clippy::disallowed_methods, reason = "the harness says whether all must run")]
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        if !root.join("web/node_modules/smtp-server").is_dir() {
            assert!(std::env::var("INTELLISTACK_TEST_ALL").is_err(), "run `npm ci` in web/");
            println!("skipped: web/node_modules has no smtp-server: run `npm ci` in web/");
            return None;
        }
        let mut child = Command::new("node")
            .arg("scripts/smtp-server.mjs")
            .args(arguments)
            .current_dir(root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let output = child.stdout.take().unwrap();
        let (tell, said) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let line = serde_json::from_str(&line.unwrap()).unwrap();
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        let mut server = Self { child, orders, said, port: 0 };
        let ready = server.said.recv_timeout(PATIENCE).unwrap();
        server.port = u16::try_from(ready["port"].as_u64().unwrap()).unwrap();
        Some(server)
    }

    /// The same, with TLS: by STARTTLS, or from the first byte.
    pub(crate) fn with_tls(more: &[&str]) -> Option<Self> {
        let (key, certificate) = (tls("localhost.key"), tls("localhost.pem"));
        Self::start(&[&["--tls", &key, &certificate], more].concat())
    }

    fn order(&mut self, order: &Value) {
        writeln!(self.orders, "{order}").unwrap();
        // What was given before is of no interest then.
        while self.said.recv_timeout(PATIENCE).unwrap().get("heard").is_none() {}
    }

    /// What it answers to the next letters; then it takes them again.
    pub(crate) fn answers(&mut self, codes: &[u16]) {
        self.order(&json!({ "answers": codes }));
    }

    /// Whether it takes letters and then says nothing.
    pub(crate) fn holds(&mut self, hold: bool) {
        self.order(&json!({ "hold": hold }));
    }

    pub(crate) fn next(&self) -> Given {
        let line = self.said.recv_timeout(PATIENCE).expect("no letter came");
        Given {
            code: line["code"].as_u64().unwrap(),
            to: line["to"][0].as_str().unwrap().to_owned(),
            secure: line["secure"].as_bool().unwrap(),
            user: line["user"].as_str().map(str::to_owned),
            raw: line["raw"].as_str().unwrap().to_owned(),
        }
    }

    /// Whether nothing comes within so long.
    pub(crate) fn is_silent(&self, time: Duration) -> bool {
        self.said.recv_timeout(time).is_err()
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of the tests' own certificate authority.
pub(crate) fn tls(name: &str) -> String {
    format!("{}/tests/it/support/tls/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A server whose mail leaves to `port`; tries follow each other soon.
pub(crate) fn home(port: u16, more: &[(&'static str, &str)]) -> Home {
    let port = port.to_string();
    let mut all = vec![
        ("INTELLISTACK__MAIL__TRANSPORT", "smtp"),
        ("INTELLISTACK__MAIL__FROM", "School <no-reply@school.example>"),
        ("INTELLISTACK__MAIL__SMTP_HOST", "localhost"),
        ("INTELLISTACK__MAIL__SMTP_PORT", &port),
        ("INTELLISTACK__MAIL__SMTP_SECURITY", "plain"),
        ("INTELLISTACK__MAIL__RETRY_S", "1"),
        ("INTELLISTACK__MAIL__TIMEOUT_S", "2"),
    ];
    all.retain(|(key, _)| !more.iter().any(|(other, _)| other == key));
    all.extend(more);
    Home::with(&all)
}
