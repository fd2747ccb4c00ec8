//! Signing in over HTTP, and the access token that opens the live socket.

use std::time::Duration;

use reqwest::{Client, Response, StatusCode, header::AUTHORIZATION};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::nodes::Nodes;
use crate::{cli::Failure, config::Secret};

const TIME_OUT: Duration = Duration::from_secs(30);
/// A node that takes longer to reach is away.
const CONNECT: Duration = Duration::from_secs(5);

/// A person at the server's door, who can sign in again when the session is gone. With several
/// nodes it goes on to the next when one does not answer: what one issues opens the others.
pub(crate) struct Door {
    http: Client,
    nodes: Nodes,
    /// The node that answered last.
    place: usize,
    email: String,
    password: Secret,
    session: Secret,
}

/// Why nobody came in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DoorError {
    /// The server says no; asking again is of no use.
    #[error("{0}")]
    Refused(String),
    /// The server does not answer, or not sensibly, just now.
    #[error("{0}")]
    Away(String),
}

impl From<reqwest::Error> for DoorError {
    fn from(error: reqwest::Error) -> Self {
        Self::Away(Failure::from(error).to_string())
    }
}

#[derive(Deserialize)]
struct SignedIn {
    token: String,
}

#[derive(Deserialize)]
struct AccessToken {
    token: String,
}

/// What doors ask through; many may share one.
pub(crate) fn http() -> Result<Client, DoorError> {
    Ok(Client::builder().timeout(TIME_OUT).connect_timeout(CONNECT).build()?)
}

/// The address of the live socket of a server.
pub(crate) fn live_url(server: &Url) -> Result<Url, DoorError> {
    let mut url = join(server, "api/v1/live")?;
    let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
    url.set_scheme(scheme)
        .map_err(|()| DoorError::Refused(format!("{url} is no address of a server")))?;
    Ok(url)
}

fn join(server: &Url, path: &str) -> Result<Url, DoorError> {
    server.join(path).map_err(|error| DoorError::Refused(error.to_string()))
}

impl Door {
    /// Signs in. `nodes` are addresses up to the port; the one at `place` is asked first.
    pub(crate) async fn sign_in(
        http: Client,
        (nodes, place): (Nodes, usize),
        email: &str,
        password: Secret,
    ) -> Result<Self, DoorError> {
        let session = Secret::default();
        let mut door = Self { http, nodes, place, email: email.to_owned(), password, session };
        let mut signed_in = door.renew_session().await;
        for _ in 1..door.nodes.count() {
            if !matches!(signed_in, Err(DoorError::Away(_))) {
                break;
            }
            door.place += 1;
            signed_in = door.renew_session().await;
        }
        signed_in.map(|()| door)
    }

    fn server(&self) -> &Url {
        self.nodes.at(self.place)
    }

    /// The address of the live socket.
    pub(crate) fn live_url(&self) -> Result<Url, DoorError> {
        live_url(self.server())
    }

    /// An access token for `hello` and `auth`, of whichever node answers. Signs in again if the
    /// session is gone.
    pub(crate) async fn token(&mut self) -> Result<Secret, DoorError> {
        let mut token = self.token_here().await;
        for _ in 1..self.nodes.count() {
            if !matches!(token, Err(DoorError::Away(_))) {
                break;
            }
            self.place += 1;
            token = self.token_here().await;
        }
        token
    }

    async fn token_here(&mut self) -> Result<Secret, DoorError> {
        let mut response = self.ask_for_token().await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            self.renew_session().await?;
            response = self.ask_for_token().await?;
        }
        let answer: AccessToken = expect_ok(response).await?.json().await?;
        Ok(Secret::new(answer.token))
    }

    async fn ask_for_token(&self) -> Result<Response, DoorError> {
        let bearer = format!("Bearer {}", self.session.reveal());
        let url = join(self.server(), "api/auth/token")?;
        Ok(self.http.get(url).header(AUTHORIZATION, bearer).send().await?)
    }

    async fn renew_session(&mut self) -> Result<(), DoorError> {
        let body = json!({ "email": self.email, "password": self.password.reveal() });
        let url = join(self.server(), "api/auth/sign-in/email")?;
        let response = self.http.post(url).json(&body).send().await?;
        let answer: SignedIn = expect_ok(response).await?.json().await?;
        self.session = Secret::new(answer.token);
        Ok(())
    }
}

/// The server's own words where it refuses.
async fn expect_ok(response: Response) -> Result<Response, DoorError> {
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let path = response.url().path().to_owned();
    let words = response.json::<Refusal>().await.map(|refusal| refusal.message);
    let text = words.map_or_else(
        |_| format!("{path}: {status}"),
        |words| format!("{path}: {words} ({status})"),
    );
    let later = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    Err(if later { DoorError::Away(text) } else { DoorError::Refused(text) })
}
