//! Several nodes, and everything in the table "When something is away" of `turns.md`: each test
//! cuts the real part.

mod databases;
mod nodes;

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    live::{Live, Reader},
    nodes::Nodes,
    person::Person,
};

/// Three seconds, of which each test uses what it needs.
const ANSWER: &str = "/ck tokens 150 20";
const TOKENS: usize = 150;

fn whole() -> String {
    let words: Vec<String> = (0..TOKENS).map(|n| format!("tok{n} ")).collect();
    words.concat()
}

/// The same person at another node.
fn at(nodes: &Nodes, number: usize, person: &Person) -> Person {
    let (http, cookie) = (person.http.clone(), person.cookie.clone());
    Person { http, url: nodes.url(number), cookie }
}

/// Somebody who asked at one node and reads at another as well.
struct Pair {
    student: Person,
    here: Live,
    reader: Reader,
    there: Live,
    other: Reader,
}

impl Pair {
    async fn ask(nodes: &Nodes, question: &str) -> Box<Self> {
        Self::ask_beside(nodes, question, 1).await
    }

    /// Asks at the first node and reads at that other one.
    async fn ask_beside(nodes: &Nodes, question: &str, other: usize) -> Box<Self> {
        Box::pin(Self::begin(nodes, question, other)).await
    }

    async fn begin(nodes: &Nodes, question: &str, other: usize) -> Box<Self> {
        let student = nodes.person(0, "ada", "student").await;
        let (mut here, mut there) = (student.live().await, at(nodes, other, &student).live().await);
        let (_, reader) = crate::live::ask(&mut here, "m", question).await;
        let mut other = Reader { seq: 0, ..reader.clone() };
        there.send(json!({ "type": "open", "id": 3, "thread": reader.thread })).await;
        while other.modes.is_empty() {
            let frame = there.frame().await;
            other.apply(&frame);
        }
        Box::new(Self { student, here, reader, there, other })
    }

    /// Both read on to the end, and have the same.
    async fn finish(&mut self) {
        tokio::join!(self.reader.finish(&mut self.here), self.other.finish(&mut self.there));
        self.is_whole();
    }

    fn is_whole(&self) {
        for reader in [&self.reader, &self.other] {
            assert_eq!(reader.text, whole());
            assert_eq!(reader.ends.len(), 1);
            assert_eq!(reader.ends[0]["status"], "done");
        }
    }

    /// Nobody had to start afresh.
    fn went_on(&self) {
        let resets = |reader: &Reader| reader.modes.iter().any(|mode| mode == "reset");
        assert!(!resets(&self.reader), "{:?}", self.reader.modes);
        assert!(!resets(&self.other), "{:?}", self.other.modes);
    }
}

async fn wait(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// Sends, and gives the answer to that.
async fn answer(live: &mut Live, request: Value) -> Value {
    let id = request["id"].clone();
    live.send(request).await;
    loop {
        let frame = live.frame().await;
        if frame["id"] == id {
            return frame;
        }
    }
}
