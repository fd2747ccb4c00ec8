//! A WebSocket client that can be told to be wrong: it writes the bytes that a test gives it, and
//! reads strictly what a server may send (RFC 6455).

use std::{io, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

const PATIENCE: Duration = Duration::from_secs(30);
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8A;

/// A masked frame. `first` is its first byte: FIN, reserved bits, opcode.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..=0xFFFF => {
            bytes.push(0x80 | 0x7E);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 0x7F);
            bytes.extend(u64::try_from(length).unwrap().to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// A Close frame with this code.
pub(crate) fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// What came from the server next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Text(String),
    Ping,
    Pong(Vec<u8>),
    Close(Option<u16>),
    /// The server's side of the TCP connection ended in good order.
    End,
    /// It was reset.
    Reset,
    /// The server says nothing more and leaves the connection open.
    Silence,
}

pub(crate) struct Raw {
    stream: TcpStream,
}

impl Raw {
    /// Connects and asks for the upgrade; gives the head of the answer too. `window` is the size of
    /// the receive buffer, for readers that stall.
    pub(crate) async fn open(
        url: &str,
        headers: &[(&str, &str)],
        window: Option<u32>,
    ) -> (Self, String) {
        let port = url.rsplit(':').next().unwrap();
        let address = format!("127.0.0.1:{port}");
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(window) = window {
            socket.set_recv_buffer_size(window).unwrap();
        }
        let stream = socket.connect(address.parse().unwrap()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut raw = Self { stream };
        raw.ask(&address, headers, b"").await;
        let head = raw.head().await;
        (raw, head)
    }

    /// Connects, and says something behind the request without waiting for its answer.
    pub(crate) async fn open_with(url: &str, headers: &[(&str, &str)], early: &[u8]) -> Self {
        let address = format!("127.0.0.1:{}", url.rsplit(':').next().unwrap());
        let mut raw = Self { stream: TcpStream::connect(&address).await.unwrap() };
        raw.ask(&address, headers, early).await;
        raw.head().await;
        raw
    }

    async fn ask(&mut self, address: &str, headers: &[(&str, &str)], early: &[u8]) {
        let more: String = headers
            .iter()
            .fold(String::new(), |lines, (name, value)| format!("{lines}{name}: {value}\r\n"));
        let request = format!(
            "GET /api/v1/live HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        );
        self.write(&[request.as_bytes(), early].concat()).await.unwrap();
    }

    /// The head of the answer.
    async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    /// So many bytes, whatever they are.
    pub(crate) async fn read(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).await.unwrap();
        bytes
    }

    /// A socket that has been welcomed.
    pub(crate) async fn live(url: &str, token: &str, window: Option<u32>) -> Self {
        Self::live_with(url, token, window, &[]).await
    }

    /// One that comes back to threads.
    pub(crate) async fn live_with(
        url: &str,
        token: &str,
        window: Option<u32>,
        resume: &[Value],
    ) -> Self {
        let headers =
            [("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Protocol", "tutor.v1.json")];
        let (mut raw, head) = Self::open(url, &headers, window).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let hello = json!({ "type": "hello", "id": 1, "token": token, "resume": resume });
        raw.say(&hello.to_string()).await;
        match raw.hear().await {
            Heard::Text(text) if text.contains("\"welcome\"") => raw,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.write(&frame(TEXT, text.as_bytes())).await.unwrap();
    }

    /// The next frame, or how the connection ended.
    pub(crate) async fn hear(&mut self) -> Heard {
        let next = tokio::time::timeout(PATIENCE, self.read_frame()).await;
        match next {
            Err(_) => Heard::Silence,
            Ok(Ok(heard)) => heard,
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Heard::End,
            Ok(Err(_)) => Heard::Reset,
        }
    }

    async fn read_frame(&mut self) -> io::Result<Heard> {
        let first = self.stream.read_u8().await?;
        let second = self.stream.read_u8().await?;
        assert_eq!(first & 0xF0, 0x80, "a server sends whole messages without reserved bits");
        assert_eq!(second & 0x80, 0, "a server does not mask");
        let length = match second {
            126 => u64::from(self.stream.read_u16().await?),
            127 => self.stream.read_u64().await?,
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).await?;
        Ok(match first {
            TEXT => Heard::Text(String::from_utf8(payload).unwrap()),
            PING => Heard::Ping,
            PONG => Heard::Pong(payload),
            CLOSE => {
                let code = payload.get(..2).map(|code| u16::from_be_bytes([code[0], code[1]]));
                std::str::from_utf8(payload.get(2..).unwrap_or_default()).unwrap();
                Heard::Close(code)
            }
            other => panic!("the server sent opcode {other:#x}"),
        })
    }
}
