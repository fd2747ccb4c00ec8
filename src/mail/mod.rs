//! Floor 1, mail: what is written to people, and the port through which it leaves.
//!
//! A mail is written down in the outbox table first. [`Mailer`] is what takes it from there:
//! an SMTP server or Resend's HTTP API; in demo mode nothing does, and `/dev/mail` shows it.

use futures_util::future::BoxFuture;

mod render;
pub(crate) mod resend;
mod retry;
pub(crate) mod smtp;
mod words;

pub(crate) use render::{Notice, To};
pub(crate) use retry::Patience;

/// What a mail is about; its name is what `/dev/mail.json?kind=` filters by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    VerifyEmail,
    ResetPassword,
    /// Somebody asked for another password of an account that has none.
    NoPassword,
    /// A code that ends a sign-in.
    SignInCode,
    /// Somebody signed up with an address that has an account.
    AccountExists,
    /// To the old address: whether the account may move to another.
    ChangeEmailConfirmation,
    /// To the new address: whether its mail is read.
    ChangeEmailVerification,
    /// To the old address, when the account has moved.
    EmailChanged,
    PasswordChanged,
    AccountLocked,
    DeleteAccount,
    /// A factor, a passkey or a sign-in at another provider was added or removed.
    SecurityNotice,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify-email",
            Self::ResetPassword => "reset-password",
            Self::NoPassword => "no-password",
            Self::SignInCode => "sign-in-code",
            Self::AccountExists => "account-exists",
            Self::ChangeEmailConfirmation => "change-email-confirmation",
            Self::ChangeEmailVerification => "change-email-verification",
            Self::EmailChanged => "email-changed",
            Self::PasswordChanged => "password-changed",
            Self::AccountLocked => "account-locked",
            Self::DeleteAccount => "delete-account",
            Self::SecurityNotice => "security-notice",
        }
    }
}

/// One mail to one person, in plain text and in HTML that says the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mail {
    pub kind: Kind,
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// What it asks the reader to open, if anything. It is a secret.
    pub link: Option<String>,
}

/// A mail on its way. Its links are secrets.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    /// The same for every try, so that whoever takes it can tell a second try from a second mail.
    pub id: String,
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Why a letter was not taken. Says what an operator would want to know, without the letter's
/// content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Undelivered {
    /// Worth another try: nobody answers, or not now, or not with these settings.
    #[error("{0}")]
    Later(String),
    /// This letter will not be taken.
    #[error("{0}")]
    Never(String),
}

/// Takes letters to where their readers have their mail. Each call ends in a bounded time.
pub(crate) trait Mailer: Send + Sync {
    fn deliver<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<(), Undelivered>>;
}

/// The settings do not make a mailer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct MailerError(pub(crate) String);

/// What a server said, at a length for a log and a table, on one line.
fn in_short(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}
