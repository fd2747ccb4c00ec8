//! `[mail]`: how mail leaves.

use std::{path::PathBuf, time::Duration};

use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::{
    Secret,
    check::{ConfigError, invalid, is_loopback},
};

/// What a server of the wrong kind would be tried for too long or too often.
const MOST_TRIES: u32 = 50;

/// How mail leaves, and how hard that is tried.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    pub transport: MailTransport,
    pub from: String,
    pub reply_to: String,
    pub smtp_host: String,
    pub smtp_port: u16,
    pub smtp_security: SmtpSecurity,
    pub smtp_user: String,
    pub smtp_password: Secret,
    pub smtp_ca_file: PathBuf,
    pub smtp_allow_plain: bool,
    pub resend_url: String,
    pub resend_key: Secret,
    pub at_once: usize,
    timeout_s: u64,
    pub tries: u32,
    retry_s: u32,
    keep_days: u32,
}

/// What takes mail to its readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTransport {
    /// Nothing: it stays in the database; demo mode shows it at `/dev/mail`.
    Outbox,
    Smtp,
    /// Resend's HTTP API.
    Resend,
}

/// How an SMTP server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpSecurity {
    /// In clear for a moment, then TLS or nothing.
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// In clear.
    Plain,
}

impl Mail {
    /// Whether mail goes anywhere.
    pub fn leaves(&self) -> bool {
        self.transport != MailTransport::Outbox
    }

    /// For one letter, whatever the server does.
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_s)
    }

    /// Milliseconds from the first try to the second.
    pub fn retry_ms(&self) -> i64 {
        i64::from(self.retry_s) * 1_000
    }

    /// Milliseconds that a mail is kept.
    pub fn keep_ms(&self) -> i64 {
        i64::from(self.keep_days) * 86_400_000
    }

    /// Who writes, and who gets the answers if it is somebody else.
    pub fn senders(&self) -> Result<(Mailbox, Option<Mailbox>), ConfigError> {
        let reply_to = match self.reply_to.as_str() {
            "" => None,
            text => Some(mailbox("mail.reply_to", text)?),
        };
        Ok((mailbox("mail.from", &self.from)?, reply_to))
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let positive = [
            ("mail.at_once", self.at_once > 0),
            ("mail.timeout_s", self.timeout_s > 0),
            ("mail.tries", self.tries > 0),
            ("mail.retry_s", self.retry_s > 0),
            ("mail.keep_days", self.keep_days > 0),
        ];
        if let Some((key, _)) = positive.into_iter().find(|(_, positive)| !positive) {
            return invalid(key, "must be at least 1");
        }
        if self.tries > MOST_TRIES {
            return invalid("mail.tries", "must be at most 50: each wait is longer than the last");
        }
        match self.transport {
            MailTransport::Outbox => Ok(()),
            MailTransport::Smtp => self.senders().and_then(|_| self.check_smtp()),
            MailTransport::Resend => self.senders().and_then(|_| self.check_resend()),
        }
    }

    fn check_smtp(&self) -> Result<(), ConfigError> {
        if self.smtp_host.is_empty() {
            return invalid(
                "mail.smtp_host",
                "must be set for mail.transport = \"smtp\": the server that takes your mail, such \
                 as smtp.school.example",
            );
        }
        if self.smtp_user.is_empty() != self.smtp_password.is_empty() {
            return invalid("mail.smtp_password", "goes with mail.smtp_user: set both or neither");
        }
        let here = Host::parse(&self.smtp_host)
            .or_else(|_| Host::parse(&format!("[{}]", self.smtp_host)))
            .is_ok_and(|host| {
                Url::parse(&format!("http://{host}")).is_ok_and(|url| is_loopback(&url))
            });
        if self.smtp_security == SmtpSecurity::Plain && !here && !self.smtp_allow_plain {
            return invalid(
                "mail.smtp_security",
                "= \"plain\" sends links that let people in, and the password, in clear: write \
                 \"starttls\" or \"tls\"; or mail.smtp_allow_plain = true if nobody else can be on \
                 that line",
            );
        }
        Ok(())
    }

    fn check_resend(&self) -> Result<(), ConfigError> {
        let safe = Url::parse(&self.resend_url).is_ok_and(|url| match url.scheme() {
            "https" => true,
            "http" => is_loopback(&url),
            _ => false,
        });
        if !safe {
            return invalid(
                "mail.resend_url",
                "must be an https:// URL, such as https://api.resend.com (http:// on this machine \
                 alone)",
            );
        }
        if self.resend_key.is_empty() {
            return invalid(
                "mail.resend_key",
                "must be set for mail.transport = \"resend\": a key that may send",
            );
        }
        Ok(())
    }
}

fn mailbox(key: &'static str, text: &str) -> Result<Mailbox, ConfigError> {
    text.parse().or_else(|_| {
        invalid(
            key,
            &format!(
                "is {text:?}: write an address, such as \"School <no-reply@school.example>\". \
                 Mail needs a sender"
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::config::{Overrides, Purpose, load};

    fn refusal(pairs: &[(&str, &str)]) -> String {
        let variables = pairs
            .iter()
            .map(|(key, text)| (format!("INTELLISTACK__MAIL__{key}"), (*text).to_owned()));
        let config = load(None, variables, &Overrides::default()).unwrap();
        let checked = config.check(Purpose::default());
        checked.map_or_else(|error| error.to_string(), |()| "accepted".to_owned())
    }

    #[test]
    fn a_transport_needs_a_sender_and_a_place() {
        let from = ("FROM", "School <no-reply@school.example>");
        let smtp = ("TRANSPORT", "smtp");
        let resend = ("TRANSPORT", "resend");

        assert!(refusal(&[smtp]).contains("mail.from"));
        assert!(refusal(&[smtp, from]).contains("mail.smtp_host"));
        assert_eq!(refusal(&[smtp, from, ("SMTP_HOST", "smtp.school.example")]), "accepted");
        assert!(refusal(&[resend, from]).contains("mail.resend_key"));
        assert_eq!(refusal(&[resend, from, ("RESEND_KEY", "re_1")]), "accepted");
        let plain = ("RESEND_URL", "http://api.example");
        assert!(refusal(&[resend, from, ("RESEND_KEY", "re_1"), plain]).contains("https"));
        assert!(refusal(&[smtp, ("FROM", "School")]).contains("\"School\""));
        let lines = "a@b.example\r\nBcc: c@d.example";
        assert!(refusal(&[smtp, ("FROM", lines)]).contains("mail.from"));
        assert!(refusal(&[smtp, from, ("REPLY_TO", "x")]).contains("mail.reply_to"));
        assert!(refusal(&[("TRIES", "0")]).contains("mail.tries"));
    }

    #[test]
    fn mail_in_clear_stays_on_this_machine_unless_the_operator_says_so() {
        let with = |host: &str, more: &[(&str, &str)]| {
            let mut pairs = vec![
                ("TRANSPORT", "smtp"),
                ("FROM", "a@b.example"),
                ("SMTP_SECURITY", "plain"),
                ("SMTP_HOST", host),
            ];
            pairs.extend(more);
            refusal(&pairs)
        };
        for here in ["127.0.0.1", "localhost", "::1"] {
            assert_eq!(with(here, &[]), "accepted", "{here}");
        }
        for there in ["smtp.school.example", "10.0.0.1", "127.0.0.1.evil.example"] {
            assert!(with(there, &[]).contains("in clear"), "{there}");
            assert_eq!(with(there, &[("SMTP_ALLOW_PLAIN", "true")]), "accepted", "{there}");
        }
        assert!(with("127.0.0.1", &[("SMTP_USER", "ada")]).contains("smtp_password"));
    }

    #[test]
    fn a_password_does_not_print() {
        let variables = [("SMTP_PASSWORD", "s3cret-word"), ("RESEND_KEY", "re_s3cret")]
            .map(|(key, text)| (format!("INTELLISTACK__MAIL__{key}"), text.to_owned()));
        let config = load(None, variables, &Overrides::default()).unwrap();

        let printed = config.to_masked_toml().unwrap();
        assert!(!printed.contains("s3cret"), "{printed}");
        assert!(!format!("{config:?}").contains("s3cret"));
    }
}
