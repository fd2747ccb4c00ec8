//! Asks an issuer for its keys: discovery, then the key set. Bounded in time and size; no redirect
//! is followed (attack D13).

use std::time::Duration;

use reqwest::{Client, redirect::Policy};
use serde::Deserialize;
use url::Url;

use crate::{auth::key_sets::key_set::KeySet, domain::origin::Origin};

const DISCOVERY: &str = "/.well-known/openid-configuration";
const TIME: Duration = Duration::from_secs(5);
const MOST: usize = 64 * 1_024;

/// Why there are no keys. Says what the issuer's operator would want to know.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{url} does not answer: {source}")]
    Silent { url: String, source: reqwest::Error },
    #[error("{url} answers with status {status}")]
    Status { url: String, status: u16 },
    #[error("{0} answers with more than 64 KiB")]
    TooLong(String),
    #[error("{0} is no discovery document")]
    NoDiscovery(String),
    #[error("the discovery document is of the issuer {0:?}, which is not issuer.url")]
    OtherIssuer(String),
    #[error("jwks_uri {0:?} is neither https nor on this machine")]
    UnsafeKeys(String),
    #[error("{0} holds no key that can be used")]
    NoKeys(String),
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

pub(super) struct Fetcher {
    issuer: String,
    http: Client,
}

impl Fetcher {
    pub(super) fn new(issuer: &str) -> Result<Self, reqwest::Error> {
        let http = Client::builder().timeout(TIME).connect_timeout(TIME).redirect(Policy::none());
        let here = Url::parse(issuer).is_ok_and(|url| is_here(&url));
        let http = if here { http.no_proxy() } else { http };
        Ok(Self { issuer: issuer.to_owned(), http: http.build()? })
    }

    pub(super) async fn keys(&self) -> Result<KeySet, FetchError> {
        let url = format!("{}{DISCOVERY}", self.issuer.trim_end_matches('/'));
        let discovery: Discovery = serde_json::from_slice(&self.get(&url).await?)
            .map_err(|_| FetchError::NoDiscovery(url))?;
        if discovery.issuer != self.issuer {
            return Err(FetchError::OtherIssuer(discovery.issuer));
        }
        let url = discovery.jwks_uri;
        if !Url::parse(&url).is_ok_and(|url| url.scheme() == "https" || is_here(&url)) {
            return Err(FetchError::UnsafeKeys(url));
        }
        let set = self.get(&url).await?;
        KeySet::read_named(&set).ok_or(FetchError::NoKeys(url))
    }

    async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let silent = |source| FetchError::Silent { url: url.to_owned(), source };
        let mut answer = self.http.get(url).send().await.map_err(silent)?;
        let status = answer.status();
        if !status.is_success() {
            return Err(FetchError::Status { url: url.to_owned(), status: status.as_u16() });
        }
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(silent)? {
            if body.len() + piece.len() > MOST {
                return Err(FetchError::TooLong(url.to_owned()));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }
}

fn is_here(url: &Url) -> bool {
    Origin::of(url).is_some_and(|origin| origin.is_loopback())
}

#[cfg(test)]
mod tests;
