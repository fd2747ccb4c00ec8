//! Delivers through Resend's HTTP API, or one that speaks like it.

use std::time::Duration;

use futures_util::{FutureExt, future::BoxFuture};
use reqwest::{Client, StatusCode, redirect::Policy};
use serde_json::{Value, json};
use url::Url;

use super::{Letter, Mailer, MailerError, Undelivered, in_short};
use crate::config::{self, Secret};

/// Of an answer that is read.
const MOST: usize = 16 * 1_024;

pub(crate) struct Resend {
    http: Client,
    url: String,
    key: Secret,
    from: String,
    reply_to: Option<String>,
}

impl Resend {
    pub(crate) fn new(mail: &config::Mail) -> Result<Self, MailerError> {
        let (from, reply_to) = mail.senders().map_err(|error| MailerError(error.to_string()))?;
        let time: Duration = mail.timeout();
        let http = Client::builder().timeout(time).connect_timeout(time).redirect(Policy::none());
        // What is on this machine is not behind a proxy.
        let here = Url::parse(&mail.resend_url).is_ok_and(|url| config::is_loopback(&url));
        let http = if here { http.no_proxy() } else { http };
        Ok(Self {
            http: http.build().map_err(|error| MailerError(format!("mail: {error}")))?,
            url: format!("{}/emails", mail.resend_url.trim_end_matches('/')),
            key: mail.resend_key.clone(),
            from: from.to_string(),
            reply_to: reply_to.map(|it| it.to_string()),
        })
    }

    async fn send(&self, letter: &Letter) -> Result<(), Undelivered> {
        let mut body = json!({
            "from": self.from,
            "to": [letter.to],
            "subject": letter.subject,
            "text": letter.text,
            "html": letter.html,
            "headers": { "Auto-Submitted": "auto-generated" },
        });
        if let (Some(reply_to), Some(body)) = (&self.reply_to, body.as_object_mut()) {
            body.insert("reply_to".to_owned(), Value::from(reply_to.clone()));
        }
        let later = |error: reqwest::Error| Undelivered::Later(in_short(&error.to_string()));
        let answer = self
            .http
            .post(&self.url)
            .bearer_auth(self.key.reveal())
            .header("Idempotency-Key", &letter.id)
            .json(&body)
            .send()
            .await
            .map_err(later)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let why = in_short(&format!("{status}: {}", said(answer).await));
        if is_final(status) { Err(Undelivered::Never(why)) } else { Err(Undelivered::Later(why)) }
    }
}

impl Mailer for Resend {
    fn deliver<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<(), Undelivered>> {
        self.send(letter).boxed()
    }
}

/// Whether the letter is refused, and not us (a wrong key), not now, and not this try of it.
fn is_final(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 413 | 422)
}

/// The `message` of an error, without more of an answer than needs be.
async fn said(mut answer: reqwest::Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(piece)) = answer.chunk().await {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MOST {
            break;
        }
    }
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    body.get("message").and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
