//! What each client saw and did, as JSON Lines that a checker reads. `loadtest/HISTORY.md` is the
//! format; what is said there holds for every field here.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};
use url::Url;

use crate::domain::{
    clock::Millis,
    event::hex,
    ids::{ConnectionId, Epoch, ItemId, NodeId, StayId, ThreadId, TurnId, UserId},
};

/// The version of the format.
const VERSION: u32 = 1;
/// Chunks on their way to the file; a full queue makes the clients wait, nothing is lost.
const CHUNKS: usize = 256;
/// Bytes that a client gathers before they go there.
const CHUNK: usize = 16 * 1024;

/// One line: what happened, to whom, when.
#[derive(Serialize)]
struct Line<'a> {
    t: f64,
    client: u32,
    connection: u32,
    #[serde(flatten)]
    entry: &'a Entry<'a>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Entry<'a> {
    Run {
        version: u32,
        mode: &'a str,
        users: usize,
        /// The first of `urls`.
        url: &'a str,
        urls: Vec<&'a str>,
        started_ms: Millis,
    },
    Connect {
        url: &'a str,
    },
    /// No socket came of it.
    Unreachable {
        reason: &'a str,
    },
    Hello {
        id: u32,
        session: Option<&'a StayId>,
        thread: Option<&'a ThreadId>,
        epoch: Option<&'a Epoch>,
        seq: Option<i64>,
    },
    Welcome {
        user: &'a UserId,
        session: &'a StayId,
        connection_id: &'a ConnectionId,
        node: &'a NodeId,
    },
    Request(Request<'a>),
    Ok {
        id: u32,
        thread: Option<&'a ThreadId>,
        epoch: Option<&'a Epoch>,
        item: Option<&'a ItemId>,
        turn: Option<&'a TurnId>,
        seq: Option<i64>,
        duplicate: bool,
        status: Option<&'a str>,
        quota_remaining: Option<i64>,
    },
    Error {
        id: Option<u32>,
        thread: Option<&'a ThreadId>,
        code: &'a str,
        message: &'a str,
    },
    Resumed {
        thread: &'a ThreadId,
        mode: &'a str,
        epoch: Option<&'a Epoch>,
        first: Option<i64>,
        seq: Option<i64>,
        reason: Option<&'a str>,
    },
    Snapshot {
        thread: &'a ThreadId,
        epoch: &'a Epoch,
        seq: i64,
        turn: Option<RunningText<'a>>,
        ended: Vec<EndedText<'a>>,
        items: Vec<ItemText<'a>>,
    },
    Event(Event<'a>),
    End(End<'a>),
    Ephemeral {
        r#type: &'a str,
        seq: Option<&'a serde_json::Value>,
    },
    Closed {
        by: By,
        code: Option<u16>,
        reason: &'a str,
    },
    Reconnect {
        attempt: u32,
        wait_ms: u64,
    },
    /// What the client itself found wrong.
    Fault {
        what: &'a str,
    },
    Left,
    /// From here on it takes no byte from its socket.
    Stopped,
    ReadsOn,
    /// What a server's process takes, of client 0.
    Server {
        pid: u32,
        rss_bytes: u64,
        cpu_ms: u64,
        connections: u64,
    },
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Request<'a> {
    pub(crate) id: u32,
    pub(crate) r#type: &'a str,
    pub(crate) message_id: Option<&'a str>,
    pub(crate) thread: Option<&'a ThreadId>,
    pub(crate) turn: Option<&'a TurnId>,
    pub(crate) length: Option<usize>,
    pub(crate) sha256: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct RunningText<'a> {
    pub(crate) turn: &'a TurnId,
    pub(crate) attempt: i32,
    pub(crate) length: i64,
    pub(crate) sha256: String,
    pub(crate) text: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct EndedText<'a> {
    pub(crate) turn: &'a TurnId,
    pub(crate) status: &'a str,
    pub(crate) item: Option<&'a ItemId>,
    pub(crate) length: i64,
    pub(crate) sha256: &'a str,
}

#[derive(Debug, Serialize)]
pub(crate) struct ItemText<'a> {
    pub(crate) item: &'a ItemId,
    pub(crate) role: &'static str,
    pub(crate) length: i64,
    pub(crate) sha256: String,
}

/// An event of a thread's log but `end`, after it was applied or refused.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Event<'a> {
    pub(crate) thread: &'a str,
    pub(crate) epoch: Option<&'a Epoch>,
    pub(crate) first: i64,
    pub(crate) seq: i64,
    pub(crate) r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) item: Option<ItemId>,
    /// The message in whose place this one stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replaces: Option<ItemId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) turn: Option<TurnId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attempt: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) drop_from: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) length: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    pub(crate) applied: bool,
}

/// The `end` of a turn as stated, and what this client has.
#[derive(Debug, Serialize)]
pub(crate) struct End<'a> {
    pub(crate) thread: &'a str,
    pub(crate) epoch: Option<&'a Epoch>,
    pub(crate) first: i64,
    pub(crate) seq: i64,
    pub(crate) turn: &'a TurnId,
    pub(crate) attempt: i32,
    pub(crate) status: &'a str,
    pub(crate) length: i64,
    pub(crate) sha256: &'a str,
    pub(crate) item: Option<&'a ItemId>,
    pub(crate) item_length: Option<i64>,
    pub(crate) item_sha256: Option<String>,
    pub(crate) applied: bool,
    pub(crate) applied_length: Option<i64>,
    pub(crate) applied_sha256: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum By {
    /// A Close frame of the server.
    Server,
    /// Neither said a word.
    Network,
    Client,
}

/// Lower-case hexadecimal SHA-256 of a text.
pub(crate) fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// The file, and the thread that writes it.
pub(crate) struct Journal {
    sender: mpsc::Sender<Vec<u8>>,
    writer: JoinHandle<io::Result<()>>,
    path: PathBuf,
    texts: bool,
    began: Instant,
}

impl Journal {
    /// `place` is a file, or a folder that gets a file of this run.
    pub(crate) fn open(place: &Path, mode: &str, texts: bool) -> io::Result<Self> {
        let path = if place.is_dir() {
            place.join(format!("{mode}-{}.jsonl", std::process::id()))
        } else {
            place.to_owned()
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::create(&path)?;
        let (sender, mut chunks) = mpsc::channel::<Vec<u8>>(CHUNKS);
        let writer = tokio::task::spawn_blocking(move || {
            while let Some(chunk) = chunks.blocking_recv() {
                file.write_all(&chunk)?;
            }
            file.flush()
        });
        Ok(Self { sender, writer, path, texts, began: Instant::now() })
    }

    pub(crate) fn trail(&self, client: u32) -> Trail {
        Trail {
            pen: Some(Pen { sender: self.sender.clone(), texts: self.texts, began: self.began }),
            client,
            connection: 0,
            buffer: Vec::new(),
        }
    }

    /// The head of the file: what ran.
    pub(crate) async fn head(&self, mode: &str, users: usize, urls: &[Url], now: Millis) {
        let mut trail = self.trail(0);
        let version = VERSION;
        let urls: Vec<&str> = urls.iter().map(Url::as_str).collect();
        let url = urls.first().copied().unwrap_or_default();
        let run = Entry::Run { version, mode, users, url, urls, started_ms: now };
        trail.note(self.began, &run);
        trail.flush().await;
    }

    /// Waits until all is in the file; the clients' trails must be gone.
    pub(crate) async fn close(self) -> io::Result<PathBuf> {
        drop(self.sender);
        self.writer.await.map_err(io::Error::other)??;
        Ok(self.path)
    }
}

struct Pen {
    sender: mpsc::Sender<Vec<u8>>,
    texts: bool,
    began: Instant,
}

/// A client's own lines. Without a journal it writes nothing.
#[derive(Default)]
pub(crate) struct Trail {
    pen: Option<Pen>,
    client: u32,
    connection: u32,
    buffer: Vec<u8>,
}

impl Trail {
    pub(crate) const fn is_on(&self) -> bool {
        self.pen.is_some()
    }

    /// Texts are recorded too, not only their lengths and hashes.
    pub(crate) fn has_texts(&self) -> bool {
        self.pen.as_ref().is_some_and(|pen| pen.texts)
    }

    /// What follows is of the client's next connection.
    pub(crate) const fn next_connection(&mut self) {
        self.connection += 1;
    }

    pub(crate) fn note(&mut self, at: Instant, entry: &Entry) {
        let Some(pen) = &self.pen else { return };
        let t = thousandths(at.saturating_duration_since(pen.began));
        let line = Line { t, client: self.client, connection: self.connection, entry };
        // Writing to memory cannot fail, and every key is a string.
        if serde_json::to_writer(&mut self.buffer, &line).is_ok() {
            self.buffer.push(b'\n');
        }
    }

    pub(crate) async fn flush_if_full(&mut self) {
        if self.buffer.len() >= CHUNK {
            self.flush().await;
        }
    }

    pub(crate) async fn flush(&mut self) {
        let Some(pen) = &self.pen else { return };
        if !self.buffer.is_empty() {
            // Fails only if the writer has failed, which is told when the journal closes.
            let _ = pen.sender.send(std::mem::take(&mut self.buffer)).await;
        }
    }
}

/// Milliseconds, to the microsecond.
fn thousandths(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[tokio::test]
    async fn lines_of_several_clients_are_whole_and_in_order_a_client() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), "chat", false).unwrap();
        let began = journal.began;
        journal.head("chat", 2, &["http://127.0.0.1:1".parse().unwrap()], Millis(5)).await;
        for client in 1..=2 {
            let mut trail = journal.trail(client);
            trail.next_connection();
            for wait_ms in 0..400 {
                let at = began + Duration::from_micros(1_500);
                trail.note(at, &Entry::Reconnect { attempt: 1, wait_ms });
                trail.flush_if_full().await;
            }
            trail.flush().await;
        }

        let path = journal.close().await.unwrap();

        let text = fs::read_to_string(path).unwrap();
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines[0],
            json!({"t": 0.0, "client": 0, "connection": 0, "kind": "run", "version": 1,
                "mode": "chat", "users": 2, "url": "http://127.0.0.1:1/", "urls": ["http://127.0.0.1:1/"],
                "started_ms": 5})
        );
        for client in 1..=2 {
            let own: Vec<_> = lines.iter().filter(|line| line["client"] == client).collect();
            assert_eq!(own.len(), 400);
            assert!((0..).zip(&own).all(|(number, line)| line["wait_ms"] == number));
            assert_eq!((&own[0]["t"], &own[0]["connection"]), (&json!(1.5), &json!(1)));
        }
    }

    #[test]
    fn a_client_without_a_journal_writes_nothing() {
        let mut trail = Trail::default();
        trail.note(Instant::now(), &Entry::Left);
        assert!(trail.buffer.is_empty() && !trail.is_on());
    }
}
