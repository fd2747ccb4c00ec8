//! Where the model is and how long to wait for it.

use std::time::Duration;

use reqwest::{header::HeaderValue, redirect::Policy};
use url::{Host, Url};

use crate::config::{self, Secret};

#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidSettings {
    #[error("tutor.api_key holds characters that cannot stand in an HTTP header")]
    ApiKey,
    #[error("tutor.base_url must be an http or https URL such as https://api.openai.com/v1")]
    BaseUrl,
    #[error("the HTTP client for the tutor's model cannot be made: {0}")]
    Client(#[from] reqwest::Error),
}

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    base_url: Url,
    api_key: Secret,
    pub model: String,
    /// From the question to the first token, retries included.
    pub first_token: Duration,
    pub between_tokens: Duration,
    /// Further tries before the first token.
    pub retries: u32,
    /// The server goes on from an assistant message at the end (vLLM, llama.cpp). Off, an answer
    /// that was cut off starts over.
    pub prefill: bool,
}

impl Settings {
    /// Of the settings; with two retries and no prefill.
    pub(crate) fn read(settings: &config::Tutor) -> Result<Self, InvalidSettings> {
        let mut read = Self::new(&settings.base_url, &settings.api_key, &settings.model_name)?;
        read.first_token = settings.first_token();
        read.between_tokens = settings.between_tokens();
        Ok(read)
    }

    /// 20 s to the first token, 30 s between tokens, two retries, no prefill. The key may be empty.
    pub(super) fn new(
        base_url: &str,
        api_key: &Secret,
        model: &str,
    ) -> Result<Self, InvalidSettings> {
        let base_url = Url::parse(base_url.trim()).map_err(|_| InvalidSettings::BaseUrl)?;
        if !matches!(base_url.scheme(), "http" | "https") || base_url.host().is_none() {
            return Err(InvalidSettings::BaseUrl);
        }
        // The client library would panic on such a key at the first question.
        HeaderValue::from_str(api_key.reveal()).map_err(|_| InvalidSettings::ApiKey)?;
        Ok(Self {
            base_url,
            api_key: api_key.clone(),
            model: model.to_owned(),
            first_token: Duration::from_secs(20),
            between_tokens: Duration::from_secs(30),
            retries: 2,
            prefill: false,
        })
    }

    pub(crate) fn base_url(&self) -> &str {
        self.base_url.as_str().trim_end_matches('/')
    }

    pub(super) const fn api_key(&self) -> &Secret {
        &self.api_key
    }

    pub(super) fn http_client(&self) -> Result<reqwest::Client, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            // The key goes nowhere but to the configured address.
            .redirect(Policy::none());
        let client = if self.is_loopback() { client.no_proxy() } else { client };
        client.build()
    }

    fn is_loopback(&self) -> bool {
        match self.base_url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_not_print_and_must_fit_a_header() {
        let settings = |key| Settings::new("http://127.0.0.1:1/v1", &Secret::new(key), "m");

        assert!(!format!("{:?}", settings("sk-hunter2").unwrap()).contains("hunter2"));
        assert!(matches!(settings("sk\nhunter2"), Err(InvalidSettings::ApiKey)));
    }

    #[test]
    fn only_an_http_address_is_taken() {
        let settings = |url| Settings::new(url, &Secret::default(), "m");

        assert_eq!(settings("http://127.0.0.1:1/v1/").unwrap().base_url(), "http://127.0.0.1:1/v1");
        for url in ["", "127.0.0.1:1", "file:///etc/passwd", "ftp://127.0.0.1"] {
            assert!(matches!(settings(url), Err(InvalidSettings::BaseUrl)), "{url}");
        }
    }
}
