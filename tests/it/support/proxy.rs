//! A liar between a client and the server: it passes everything on, but changes one line of the
//! live socket.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_tungstenite::{
    accept_hdr_async, connect_async,
    tungstenite::{
        Message,
        client::IntoClientRequest,
        handshake::server::{Request, Response},
        http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
    },
};

const LIVE: &[u8] = b"GET /api/v1/live ";
const PROTOCOL: HeaderValue = HeaderValue::from_static("tutor.v1.json");

/// What becomes of a line: none, the same, or several. Tells whether it has lied.
pub(crate) type Lie = fn(&Value) -> Option<Vec<Value>>;

/// Lies once, then passes everything on.
pub(crate) struct Proxy {
    pub url: String,
    /// Ends with this.
    _serving: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn start(server: &str, lie: Lie) -> Self {
        let server: SocketAddr = server.parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let lie = Arc::new(Mutex::new(Some(lie)));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                connections.spawn(pass_on(client, server, Arc::clone(&lie)));
            }
        });
        Self { url, _serving: serving }
    }
}

async fn pass_on(mut client: TcpStream, server: SocketAddr, lie: Arc<Mutex<Option<Lie>>>) {
    let mut head = [0; LIVE.len()];
    while let Ok(bytes) = client.peek(&mut head).await {
        if bytes == head.len() {
            break;
        }
        if bytes == 0 || !LIVE.starts_with(&head[..bytes]) {
            break;
        }
    }
    if head != LIVE {
        let mut server = TcpStream::connect(server).await.unwrap();
        // Whoever hangs up first ends it.
        let _ = copy_bidirectional(&mut client, &mut server).await;
        return;
    }
    #[expect(clippy::result_large_err, reason = "the crate's own signature")]
    let echo = |_: &Request, mut response: Response| {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, PROTOCOL);
        Ok(response)
    };
    let client = accept_hdr_async(client, echo).await.unwrap();
    let mut request = format!("ws://{server}/api/v1/live").into_client_request().unwrap();
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, PROTOCOL);
    let (server, _) = connect_async(request).await.unwrap();
    let (mut to_client, mut from_client) = client.split();
    let (mut to_server, mut from_server) = server.split();
    let up = async {
        while let Some(Ok(message)) = from_client.next().await {
            if to_server.send(message).await.is_err() {
                break;
            }
        }
    };
    let down = async {
        while let Some(Ok(message)) = from_server.next().await {
            let message = match message {
                Message::Text(text) => Message::text(doctored(text.as_str(), &lie)),
                other => other,
            };
            // Of a message that held the dropped line alone nothing is left.
            let empty = message.is_text() && message.is_empty();
            if !empty && to_client.send(message).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

fn doctored(text: &str, lie: &Mutex<Option<Lie>>) -> String {
    let mut lie = lie.lock().unwrap();
    let mut lines = Vec::new();
    for line in text.lines() {
        let frame: Value = serde_json::from_str(line).unwrap();
        match lie.and_then(|lie| lie(&frame)) {
            Some(instead) => {
                *lie = None;
                lines.extend(instead.iter().map(Value::to_string));
            }
            None => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}
