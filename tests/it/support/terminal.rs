//! The terminal client as a process, signed in as the demo student.

use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use serde_json::Value;

use super::server::{Home, Server};

pub(crate) fn chat(home: &Home, server: &Server, arguments: &[&str]) -> Command {
    let student = server.account("student");
    let mut command = home.command(&["chat", "--url", server.url(), "--email", &student.email]);
    command.args(arguments).env("INTELLISTACK_PASSWORD", &student.password);
    command
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A running `chat --json`: the server's frames one by one.
pub(crate) struct Chat {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub frames: Vec<Value>,
}

impl Chat {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.arg("--json").stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, frames: Vec::new() }
    }

    /// Reads on until a frame of this type.
    pub(crate) fn until(&mut self, kind: &str) -> Value {
        for line in self.lines.by_ref() {
            let frame: Value = serde_json::from_str(&line.unwrap()).unwrap();
            self.frames.push(frame.clone());
            if frame["type"] == kind {
                return frame;
            }
        }
        panic!("it ended without {kind}: {:?}", self.frames)
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
}

impl Drop for Chat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
