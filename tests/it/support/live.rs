//! A client of the live protocol that believes nothing: it checks that seqs are continuous and
//! that every `end` tells the truth about the text.

use std::{collections::VecDeque, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message, client::IntoClientRequest, http::HeaderValue, protocol::CloseFrame,
    },
};

const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) struct Live {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    waiting: VecDeque<Value>,
    pub welcome: Value,
    /// What the server's Close frame said beside the code.
    pub goodbye: String,
}

/// What came from the server next.
#[derive(Debug)]
pub(crate) enum Came {
    Frame(Value),
    Closed(Option<u16>),
}

impl Live {
    /// Opens a socket; `Err` holds the HTTP status of a refused upgrade.
    pub(crate) async fn open(
        url: &str,
        ticket: Option<&str>,
        origin: Option<&str>,
    ) -> Result<Self, u16> {
        let ticket = ticket.map(|ticket| format!(", tutor.ticket.{ticket}")).unwrap_or_default();
        let mut headers = vec![("sec-websocket-protocol", format!("tutor.v1.json{ticket}"))];
        headers.extend(origin.map(|origin| ("origin", origin.to_owned())));
        Self::open_with(url, &headers).await
    }

    pub(crate) async fn open_with(
        url: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Self, u16> {
        Self::open_at(&format!("{url}/api/v1/live"), headers).await
    }

    /// At an address of the test's own making.
    pub(crate) async fn open_at(
        address: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Self, u16> {
        let url = address.replacen("http", "ws", 1);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => {
                let (waiting, goodbye) = (VecDeque::new(), String::new());
                Ok(Self { socket, waiting, welcome: Value::Null, goodbye })
            }
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_message(Message::text(frame.to_string())).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        // The server may have closed already; what it said is read by the test.
        let _ = self.socket.send(message).await;
    }

    pub(crate) async fn next(&mut self) -> Came {
        loop {
            if let Some(frame) = self.waiting.pop_front() {
                return Came::Frame(frame);
            }
            let message = tokio::time::timeout(PATIENCE, self.socket.next())
                .await
                .expect("the server said nothing for 40 s");
            match message {
                Some(Ok(Message::Text(text))) => {
                    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
                    self.waiting.extend(lines);
                }
                Some(Ok(Message::Close(frame))) => {
                    self.goodbye =
                        frame.as_ref().map(|it| it.reason.to_string()).unwrap_or_default();
                    return Came::Closed(code(frame));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Came::Closed(None),
            }
        }
    }

    pub(crate) async fn frame(&mut self) -> Value {
        match self.next().await {
            Came::Frame(frame) => frame,
            Came::Closed(code) => panic!("closed with {code:?}"),
        }
    }

    /// The next frame of this type; frames of other types are passed over.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["type"] == kind {
                return frame;
            }
            assert_ne!(frame["type"], "error", "waiting for {kind}: {frame}");
        }
    }

    pub(crate) async fn error(&mut self) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["type"] == "error" {
                return frame;
            }
        }
    }

    /// The code with which the server closes.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Came::Closed(code) = self.next().await {
                return code;
            }
        }
    }
}

fn code(frame: Option<CloseFrame>) -> Option<u16> {
    frame.map(|frame| frame.code.into())
}

/// A thread as a client has it: applies an event only if it continues what is there.
#[derive(Debug, Default, Clone)]
pub(crate) struct Reader {
    pub thread: String,
    pub epoch: String,
    pub seq: i64,
    pub turn: String,
    pub text: String,
    pub ends: Vec<Value>,
    pub modes: Vec<String>,
    /// How often it had to forget what it was shown: another epoch, or it was ahead. (A log that does
    /// not reach back to it is a reset too, and takes nothing back.)
    pub rewinds: usize,
    pub statuses: Vec<String>,
}

impl Reader {
    pub(crate) fn of(ok: &Value) -> Self {
        Self {
            thread: ok["thread"].as_str().unwrap().to_owned(),
            epoch: ok["epoch"].as_str().unwrap().to_owned(),
            seq: ok["seq"].as_i64().unwrap() - 1,
            turn: ok["turn"].as_str().unwrap().to_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn have(&self) -> Value {
        serde_json::json!([{ "thread": self.thread, "epoch": self.epoch, "seq": self.seq }])
    }

    pub(crate) fn apply(&mut self, frame: &Value) {
        if frame["thread"] != self.thread.as_str() {
            return;
        }
        match frame["type"].as_str().unwrap() {
            "resumed" => {
                self.modes.push(frame["mode"].as_str().unwrap().to_owned());
                let reset = frame["mode"] == "reset";
                self.rewinds += usize::from(reset && frame["reason"] != "trimmed");
                frame["epoch"].as_str().unwrap().clone_into(&mut self.epoch);
            }
            "snapshot" => self.take_snapshot(frame),
            _ => {}
        }
        // What is said about the log is no event of it.
        let about = ["resumed", "snapshot", "ok", "error"].map(Value::from);
        let Some(seq) = frame["seq"].as_i64().filter(|_| !about.contains(&frame["type"])) else {
            return;
        };
        let first = frame["first"].as_i64().unwrap_or(seq);
        assert_eq!(first, self.seq + 1, "a gap or a repeat at {frame}");
        self.seq = seq;
        if frame["turn"] != self.turn.as_str() {
            return;
        }
        match frame["type"].as_str().unwrap() {
            "turn" => {
                let status = frame["status"].as_str().unwrap();
                self.statuses.push(status.to_owned());
                if status == "restarted" {
                    self.text.clear();
                }
            }
            "delta" => self.text.push_str(frame["text"].as_str().unwrap()),
            "end" => {
                assert_eq!(frame["sha256"], hash(&self.text), "the end lies about the text");
                assert_eq!(frame["length"], self.text.chars().count());
                self.ends.push(frame.clone());
            }
            _ => {}
        }
    }

    fn take_snapshot(&mut self, frame: &Value) {
        self.seq = frame["seq"].as_i64().unwrap();
        self.text.clear();
        if frame["turn"]["id"] == self.turn.as_str() {
            frame["turn"]["text"].as_str().unwrap().clone_into(&mut self.text);
        }
        let ended = frame["ended"].as_array().unwrap();
        for end in ended.iter().filter(|end| end["turn"] == self.turn.as_str()) {
            let items = frame["items"].as_array().unwrap();
            let item = items.iter().find(|item| item["id"] == end["item"]).unwrap();
            item["content"][0]["text"].as_str().unwrap().clone_into(&mut self.text);
            assert_eq!(end["sha256"], hash(&self.text), "the snapshot lies about the text");
            self.ends.push(end.clone());
        }
    }

    /// Reads on until the turn has ended.
    pub(crate) async fn finish(&mut self, live: &mut Live) {
        while self.ends.is_empty() {
            let frame = live.frame().await;
            self.apply(&frame);
        }
    }

    /// Reads on until at least so many characters have come.
    pub(crate) async fn read(&mut self, live: &mut Live, characters: usize) {
        while self.text.chars().count() < characters {
            assert!(self.ends.is_empty(), "the answer ended before {characters} characters");
            let frame = live.frame().await;
            self.apply(&frame);
        }
    }
}

pub(crate) fn hash(text: &str) -> String {
    use std::fmt::Write;
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}
