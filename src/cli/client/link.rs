//! One live socket: text frames in and out, heartbeats, and how it was lost.

use std::{collections::VecDeque, io, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream, lookup_host},
    time::{Instant, timeout_at},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async_tls_with_config,
    tungstenite::{
        Error, Message, Utf8Bytes,
        client::IntoClientRequest,
        http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
        protocol::WebSocketConfig,
    },
};
use url::Url;

use super::retry::{Advice, advice};
use crate::domain::live::limits::SUBPROTOCOL;

/// Until `welcome` names the server's own rhythm.
const HEARTBEAT: Duration = Duration::from_secs(25);
/// Silence beyond the heartbeat after which the server is given up.
const GRACE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(15);
/// Bytes read at once. The crate's own measure, 128 KiB, is held by each socket.
const READ: usize = 8 * 1024;

pub(crate) struct Link {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    lines: VecDeque<String>,
    heartbeat: Duration,
    heard: Instant,
    beaten: Instant,
}

/// The socket is gone, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct Lost {
    pub(crate) advice: Advice,
    /// Of the server's Close frame; none if the connection just broke.
    pub(crate) code: Option<u16>,
    pub(crate) reason: String,
}

impl Lost {
    /// It broke without a word of the server.
    pub(crate) fn broken(reason: &impl ToString) -> Self {
        Self { advice: advice(None), code: None, reason: reason.to_string() }
    }
}

impl Link {
    pub(crate) async fn open(url: &Url) -> Result<Self, Lost> {
        Self::open_narrow(url, None).await
    }

    /// With a receive buffer of so many bytes in the kernel, so that a reader who stops is felt
    /// soon at the other end.
    pub(crate) async fn open_narrow(url: &Url, receive: Option<u32>) -> Result<Self, Lost> {
        let mut request =
            url.as_str().into_client_request().map_err(|error| Lost::broken(&error))?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        let opening = Box::pin(async {
            let stream = connect(url, receive).await.map_err(|error| Lost::broken(&error))?;
            let config = WebSocketConfig::default().read_buffer_size(READ).write_buffer_size(0);
            let opened = client_async_tls_with_config(request, stream, Some(config), None).await;
            opened.map_err(|error| Lost::broken(&error))
        });
        let (socket, _) = timeout_at(Instant::now() + CONNECT, opening)
            .await
            .map_err(|_| Lost::broken(&"the server did not answer"))??;
        let now = Instant::now();
        let lines = VecDeque::new();
        Ok(Self { socket, lines, heartbeat: HEARTBEAT, heard: now, beaten: now })
    }

    pub(crate) const fn set_heartbeat(&mut self, rhythm: Duration) {
        self.heartbeat = rhythm;
    }

    pub(crate) async fn say(&mut self, frame: &Value) -> Result<(), Lost> {
        self.socket
            .send(Message::text(frame.to_string()))
            .await
            .map_err(|error| Lost::broken(&error))
    }

    /// Bytes that are no frame of this client, for tests of what a server makes of them.
    pub(crate) async fn say_raw(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        let stream = self.socket.get_mut();
        stream.write_all(bytes).await.map_err(|error| Lost::broken(&error))?;
        stream.flush().await.map_err(|error| Lost::broken(&error))
    }

    /// When something was last read.
    pub(crate) const fn heard(&self) -> Instant {
        self.heard
    }

    /// The next line. May be dropped while it waits: nothing is lost.
    pub(crate) async fn next(&mut self) -> Result<String, Lost> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Ok(line);
            }
            let message = self.message().await?;
            self.lines.extend(message.as_str().lines().map(str::to_owned));
        }
    }

    /// The next text, of one or several lines. May be dropped while it waits: nothing is lost.
    pub(crate) async fn message(&mut self) -> Result<Utf8Bytes, Lost> {
        loop {
            let quiet_since = self.heard.max(self.beaten);
            match timeout_at(quiet_since + self.heartbeat, self.socket.next()).await {
                Ok(message) => {
                    if let Some(text) = self.hear(message)? {
                        return Ok(text);
                    }
                }
                Err(_) if self.heard.elapsed() >= self.heartbeat + GRACE => {
                    return Err(Lost::broken(&"the server has gone silent"));
                }
                Err(_) => {
                    // The next look comes when the silence is long enough to give up.
                    self.beaten = self.heard + GRACE;
                    self.say(&json!({ "type": "heartbeat" })).await?;
                }
            }
        }
    }

    fn hear(&mut self, message: Option<Result<Message, Error>>) -> Result<Option<Utf8Bytes>, Lost> {
        self.heard = Instant::now();
        match message {
            Some(Ok(Message::Text(text))) => Ok(Some(text)),
            Some(Ok(Message::Close(frame))) => {
                let code = frame.as_ref().map(|frame| u16::from(frame.code));
                let reason = frame.map(|frame| frame.reason.to_string()).unwrap_or_default();
                let shown = code.map_or_else(|| "no code".to_owned(), |code| code.to_string());
                let reason = format!("the server closed: {shown} {reason}");
                Err(Lost { advice: advice(code), code, reason })
            }
            Some(Ok(_)) => Ok(None),
            Some(Err(error)) => Err(Lost::broken(&error)),
            None => Err(Lost::broken(&"the connection broke off")),
        }
    }

    pub(crate) async fn close(mut self) {
        // The person is leaving; a server that is gone already needs no good-bye.
        let _ = self.socket.close(None).await;
    }
}

async fn connect(url: &Url, receive: Option<u32>) -> io::Result<TcpStream> {
    let no_server = || io::Error::other(format!("{url} is no address of a server"));
    let host = url.host_str().ok_or_else(no_server)?.trim_matches(['[', ']']);
    let port = url.port_or_known_default().ok_or_else(no_server)?;
    let mut failed = no_server();
    for address in lookup_host((host, port)).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(bytes) = receive {
            socket.set_recv_buffer_size(bytes)?;
        }
        match socket.connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}
