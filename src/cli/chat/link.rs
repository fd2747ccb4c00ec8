//! One live socket: text frames in and out, heartbeats, and how it was lost.

use std::{collections::VecDeque, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
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
    pub(crate) reason: String,
}

impl Lost {
    /// It broke without a word of the server.
    pub(crate) fn broken(reason: &impl ToString) -> Self {
        Self { advice: advice(None), reason: reason.to_string() }
    }
}

impl Link {
    pub(crate) async fn open(url: &Url) -> Result<Self, Lost> {
        let mut request =
            url.as_str().into_client_request().map_err(|error| Lost::broken(&error))?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        let opening = Box::pin(connect_async_with_config(request, None, true));
        let opened = timeout_at(Instant::now() + CONNECT, opening).await;
        let (socket, _) = opened
            .map_err(|_| Lost::broken(&"the server did not answer"))?
            .map_err(|error| Lost::broken(&error))?;
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

    /// The next line. May be dropped while it waits: nothing is lost.
    pub(crate) async fn next(&mut self) -> Result<String, Lost> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Ok(line);
            }
            let quiet_since = self.heard.max(self.beaten);
            match timeout_at(quiet_since + self.heartbeat, self.socket.next()).await {
                Ok(message) => self.hear(message)?,
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

    fn hear(&mut self, message: Option<Result<Message, Error>>) -> Result<(), Lost> {
        self.heard = Instant::now();
        match message {
            Some(Ok(Message::Text(text))) => {
                self.lines.extend(text.as_str().lines().map(str::to_owned));
                Ok(())
            }
            Some(Ok(Message::Close(frame))) => {
                let code = frame.as_ref().map(|frame| u16::from(frame.code));
                let reason = frame.map(|frame| frame.reason.to_string()).unwrap_or_default();
                let shown = code.map_or_else(|| "no code".to_owned(), |code| code.to_string());
                let reason = format!("the server closed: {shown} {reason}");
                Err(Lost { advice: advice(code), reason })
            }
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(Lost::broken(&error)),
            None => Err(Lost::broken(&"the connection broke off")),
        }
    }

    pub(crate) async fn close(mut self) {
        // The person is leaving; a server that is gone already needs no good-bye.
        let _ = self.socket.close(None).await;
    }
}
