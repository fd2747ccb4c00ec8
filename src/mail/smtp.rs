//! Delivers by SMTP (RFC 5321): STARTTLS or TLS with a checked certificate, or in clear where the
//! operator allows it.
//!
//! Connections are kept here and not in lettre's pool: that one has no time-out for a server that
//! stops answering, and takes a connection back that was given up in the middle of a letter.

use std::{
    fs,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use lettre::{
    Message,
    message::{
        Mailbox, MultiPart,
        header::{Header, HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        extension::ClientId,
    },
};
use tokio::time::{Instant, timeout};

use super::{Letter, Mailer, MailerError, Undelivered, in_short};
use crate::config::{self, SmtpSecurity};

/// A server hangs up on those who keep silent, after five minutes at the earliest (RFC 5321
/// §4.5.3.2.7); many do so sooner.
const IDLE: Duration = Duration::from_secs(30);

pub(crate) struct Smtp {
    host: String,
    port: u16,
    security: SmtpSecurity,
    tls: TlsParameters,
    credentials: Option<Credentials>,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    /// For one letter, from the connection to the last answer.
    time: Duration,
    most_idle: usize,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl Smtp {
    pub(crate) fn new(mail: &config::Mail) -> Result<Self, MailerError> {
        let mut tls = TlsParameters::builder(mail.smtp_host.clone());
        if !mail.smtp_ca_file.as_os_str().is_empty() {
            let bad = |why: String| {
                MailerError(format!("mail.smtp_ca_file {}: {why}", mail.smtp_ca_file.display()))
            };
            let pem = fs::read(&mail.smtp_ca_file).map_err(|error| bad(error.to_string()))?;
            let root = Certificate::from_pem(&pem).map_err(|error| bad(error.to_string()))?;
            tls = tls.add_root_certificate(root);
        }
        let tls = tls.build_rustls().map_err(|error| MailerError(format!("mail: {error}")))?;
        let credentials = (!mail.smtp_user.is_empty()).then(|| {
            Credentials::new(mail.smtp_user.clone(), mail.smtp_password.reveal().to_owned())
        });
        let (from, reply_to) = mail.senders().map_err(|error| MailerError(error.to_string()))?;
        Ok(Self {
            host: mail.smtp_host.clone(),
            port: mail.smtp_port,
            security: mail.smtp_security,
            tls,
            credentials,
            from,
            reply_to,
            time: mail.timeout(),
            most_idle: mail.at_once,
            idle: Mutex::default(),
        })
    }

    async fn send(&self, letter: &Letter) -> Result<(), Undelivered> {
        let message = self.message(letter).map_err(|why| Undelivered::Never(in_short(&why)))?;
        let (envelope, bytes) = (message.envelope().clone(), message.formatted());
        let sending = async {
            let mut connection = self.connection().await?;
            connection.send(&envelope, &bytes).await?;
            Ok(connection)
        };
        // Whatever breaks off takes its connection with it.
        let sent: Result<AsyncSmtpConnection, lettre::transport::smtp::Error> =
            timeout(self.time, sending).await.map_err(|_| {
                Undelivered::Later(format!("{} does not answer in time", self.host))
            })?;
        self.keep(sent.map_err(|error| verdict(&error))?);
        Ok(())
    }

    async fn connection(&self) -> Result<AsyncSmtpConnection, lettre::transport::smtp::Error> {
        while let Some(mut kept) = self.kept() {
            if kept.test_connected().await {
                return Ok(kept);
            }
        }
        let hello = ClientId::default();
        let wrapped = (self.security == SmtpSecurity::Tls).then(|| self.tls.clone());
        let address = (self.host.as_str(), self.port);
        let mut new =
            AsyncSmtpConnection::connect_tokio1(address, Some(self.time), &hello, wrapped, None)
                .await?;
        if self.security == SmtpSecurity::Starttls {
            new.starttls(self.tls.clone(), &hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            new.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(new)
    }

    fn kept(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        idle.pop().map(|(connection, _)| connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.most_idle && !connection.has_broken() {
            idle.push((connection, Instant::now()));
        }
    }

    fn message(&self, letter: &Letter) -> Result<Message, String> {
        let to = letter.to.parse().map_err(|error| format!("the address: {error}"))?;
        let domain = self.from.email.domain();
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject.clone())
            // Who gets a second try of a letter can tell it by this.
            .message_id(Some(format!("<{}@{domain}>", letter.id)))
            .header(Automatic);
        if let Some(reply_to) = &self.reply_to {
            message = message.reply_to(reply_to.clone());
        }
        let both = MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone());
        message.multipart(both).map_err(|error| error.to_string())
    }
}

impl Mailer for Smtp {
    fn deliver<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<(), Undelivered>> {
        self.send(letter).boxed()
    }
}

/// Absent people's machines do not answer such mail (RFC 3834 §5).
#[derive(Clone)]
struct Automatic;

impl Header for Automatic {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// A 5xx refuses the letter; but one that refuses us (RFC 4954 §6) is for the operator to mend, and
/// no reason to give up all mail.
fn verdict(error: &lettre::transport::smtp::Error) -> Undelivered {
    let code = error.status().map(|code| code.to_string());
    let refuses_us = matches!(code.as_deref(), Some("530" | "534" | "535" | "538"));
    let why = in_short(&error.to_string());
    if error.is_permanent() && !refuses_us {
        Undelivered::Never(why)
    } else {
        Undelivered::Later(why)
    }
}
