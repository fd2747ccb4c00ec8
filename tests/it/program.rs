//! The program as people run it: processes of the real binary, each with a data folder of its own.

use std::{
    io::{BufRead, BufReader, Lines},
    path::Path,
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use serde_json::Value;

/// A command of the program on the data folder `dir`. Nothing of this process's environment that
/// is ours gets through.
pub(crate) fn intellistack(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_intellistack"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("INTELLISTACK_") {
            command.env_remove(name);
        }
    }
    command.arg("--data-dir").arg(dir).args(arguments).stdin(Stdio::null());
    command
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A demo server on loopback. Killed, not asked, when it goes out of scope.
pub(crate) struct Server {
    child: Child,
    /// Kept open: what the server says later must have somewhere to go.
    _said: Lines<BufReader<ChildStdout>>,
    pub(crate) ready: Value,
}

impl Server {
    /// Starts it and waits until it says that it serves.
    pub(crate) fn start(dir: &Path, listen: &str) -> Self {
        let file = dir.join("ready.json");
        let mut child = intellistack(dir, &["serve", "--demo", "--listen", listen, "--ready-file"])
            .arg(&file)
            .env("INTELLISTACK__LOG__FILTER", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = said.next().expect("the server starts").unwrap();
        assert!(line.contains("ready"), "{line}");
        let ready = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        Self { child, _said: said, ready }
    }

    pub(crate) fn url(&self) -> String {
        self.ready["url"].as_str().unwrap().to_owned()
    }

    /// `127.0.0.1:<port>`, to start the next server at the same place.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.url().rsplit(':').next().unwrap())
    }

    /// SIGKILL: no drain, no good-bye.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, as a supervisor sends it; the exit code when all is done.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }

    /// A terminal client, signed in as the demo student.
    pub(crate) fn chat(&self, dir: &Path, arguments: &[&str]) -> Command {
        let student = &self.ready["accounts"][0];
        let mut command = intellistack(dir, &["chat", "--url", &self.url()]);
        command
            .args(["--email", student["email"].as_str().unwrap()])
            .args(arguments)
            .env("INTELLISTACK_PASSWORD", student["password"].as_str().unwrap());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already; what counts is that none is left behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running `chat --json`: the server's frames one by one.
pub(crate) struct Chat {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub(crate) frames: Vec<Value>,
}

impl Chat {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.arg("--json").stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, frames: Vec::new() }
    }

    /// Reads on until a frame of this type.
    pub(crate) fn until(&mut self, kind: &str) -> &Value {
        loop {
            let line = self.lines.next().unwrap_or_else(|| panic!("no {kind}: {:?}", self.kinds()));
            self.frames.push(serde_json::from_str(&line.unwrap()).unwrap());
            if self.frames.last().unwrap()["type"] == kind {
                return self.frames.last().unwrap();
            }
        }
    }

    /// Reads the rest; the exit code.
    pub(crate) fn finish(&mut self) -> Option<i32> {
        for line in self.lines.by_ref() {
            self.frames.push(serde_json::from_str(&line.unwrap()).unwrap());
        }
        self.child.wait().unwrap().code()
    }

    pub(crate) fn of(&self, kind: &str) -> Vec<&Value> {
        self.frames.iter().filter(|frame| frame["type"] == kind).collect()
    }

    fn kinds(&self) -> Vec<&Value> {
        self.frames.iter().map(|frame| &frame["type"]).collect()
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
