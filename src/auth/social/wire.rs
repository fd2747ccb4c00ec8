//! How providers are asked: bounded in time and size; no redirect is followed, and nothing is sent
//! in clear but to this machine (attacks D13, D14).

use std::{future::Future, pin::Pin, time::Duration};

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, http};
use reqwest::{Client, redirect::Policy};
use url::Url;

use crate::domain::origin::Origin;

const TIME: Duration = Duration::from_secs(5);
const MOST: usize = 256 * 1_024;
const NAME: &str = "IntelliStack";

#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    #[error("{0} is neither https nor on this machine")]
    Unsafe(String),
    #[error("{url}: {source}")]
    Silent { url: String, source: reqwest::Error },
    #[error("{url} answers with status {status}")]
    Status { url: String, status: u16 },
    #[error("{0} answers with more than 256 KiB")]
    TooLong(String),
    #[error(transparent)]
    Http(#[from] http::Error),
}

/// A client for one provider.
pub(super) struct Wire {
    http: Client,
    /// The provider is on this machine itself: a test, or a school's own.
    here: bool,
}

impl Wire {
    pub(super) fn new(provider: &str) -> Result<Self, reqwest::Error> {
        let http = Client::builder()
            .timeout(TIME)
            .connect_timeout(TIME)
            .redirect(Policy::none())
            .user_agent(NAME);
        let here = Url::parse(provider).is_ok_and(|url| is_here(&url));
        let http = if here { http.no_proxy() } else { http };
        Ok(Self { http: http.build()?, here })
    }

    pub(super) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, WireError> {
        let url = request.uri().to_string();
        if !self.may_ask(&url) {
            return Err(WireError::Unsafe(shown(&url)));
        }
        let silent = |source: reqwest::Error| WireError::Silent {
            url: shown(&url),
            source: source.without_url(),
        };
        let request = reqwest::Request::try_from(request).map_err(silent)?;
        let mut answer = self.http.execute(request).await.map_err(silent)?;
        if answer.status().is_server_error() {
            let status = answer.status().as_u16();
            return Err(WireError::Status { url: shown(&url), status });
        }
        let mut response = http::Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            response = response.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(silent)? {
            if body.len() + piece.len() > MOST {
                return Err(WireError::TooLong(shown(&url)));
            }
            body.extend_from_slice(&piece);
        }
        Ok(response.body(body)?)
    }

    /// A provider elsewhere cannot make us ask this machine.
    fn may_ask(&self, url: &str) -> bool {
        Url::parse(url)
            .is_ok_and(|url| if is_here(&url) { self.here } else { url.scheme() == "https" })
    }
}

impl<'c> AsyncHttpClient<'c> for Wire {
    type Error = WireError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, WireError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

fn is_here(url: &Url) -> bool {
    Origin::of(url).is_some_and(|origin| origin.is_loopback())
}

/// Without what may be secret.
fn shown(url: &str) -> String {
    url.split('?').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attack D13: a provider that names an address of this machine, or one in clear.
    #[test]
    fn a_provider_elsewhere_makes_us_ask_nothing_here_and_nothing_in_clear() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let far = Wire::new("https://id.example").unwrap();
        let here = Wire::new("http://127.0.0.1:9/x").unwrap();

        assert!(far.may_ask("https://keys.example/jwks"));
        for bad in [
            "http://keys.example/jwks",
            "https://127.0.0.1/jwks",
            "https://localhost:1/",
            "http://[::1]/",
            "file:///etc/passwd",
            "nonsense",
        ] {
            assert!(!far.may_ask(bad), "{bad}");
        }
        assert!(here.may_ask("http://127.0.0.1:9/jwks"));
        assert!(!here.may_ask("http://keys.example/jwks"));
    }
}
