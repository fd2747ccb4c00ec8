//! Floor 1, mail: what is written to people, and the port through which it leaves.
//!
//! In this form mail goes to the outbox table, which demo mode shows at `/dev/mail`. Delivery by
//! SMTP or an HTTP API is a further twin of [`Mailer`].

use futures_util::future::BoxFuture;

/// What a mail is about; its name is what `/dev/mail.json?kind=` filters by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    VerifyEmail,
    ResetPassword,
    /// Somebody signed up with an address that has an account.
    AccountExists,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify-email",
            Self::ResetPassword => "reset-password",
            Self::AccountExists => "account-exists",
        }
    }
}

/// One mail to one person, in plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mail {
    pub kind: Kind,
    pub to: String,
    pub subject: String,
    pub body: String,
}

#[derive(Debug, thiserror::Error)]
#[error("the mail cannot be taken: {0}")]
pub(crate) struct MailError(pub(crate) String);

/// Takes mail. When it answers, the mail is kept and will be tried to deliver.
pub(crate) trait Mailer: Send + Sync {
    fn post(&self, mail: Mail) -> BoxFuture<'_, Result<(), MailError>>;
}

impl Mail {
    pub(crate) fn verify_email(to: &str, name: &str, link: &str) -> Self {
        let body = format!(
            "Hello {name},\n\nopen this link within an hour to verify your email address:\n\n\
             {link}\n\nIf you did not sign up, you need do nothing.\n"
        );
        Self {
            kind: Kind::VerifyEmail,
            to: to.to_owned(),
            subject: "Verify your email address".to_owned(),
            body,
        }
    }

    pub(crate) fn reset_password(to: &str, name: &str, link: &str) -> Self {
        let body = format!(
            "Hello {name},\n\nopen this link within an hour to choose a new password:\n\n{link}\n\n\
             If you did not ask for it, you need do nothing: your password stands.\n"
        );
        Self {
            kind: Kind::ResetPassword,
            to: to.to_owned(),
            subject: "Choose a new password".to_owned(),
            body,
        }
    }

    pub(crate) fn account_exists(to: &str, name: &str, sign_in: &str) -> Self {
        let body = format!(
            "Hello {name},\n\nsomebody tried to sign up with your address. You have an account \
             already; sign in here:\n\n{sign_in}\n\nIf it was not you, you need do nothing.\n"
        );
        Self {
            kind: Kind::AccountExists,
            to: to.to_owned(),
            subject: "You have an account already".to_owned(),
            body,
        }
    }

    /// The links in the body, in order.
    pub(crate) fn links(&self) -> Vec<&str> {
        self.body
            .split_whitespace()
            .filter(|word| word.starts_with("http://") || word.starts_with("https://"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_of_a_mail_is_pulled_out_whole() {
        let link = "https://school.example/api/auth/verify-email?token=a.b.c&callbackURL=%2F";

        let mail = Mail::verify_email("ada@school.example", "Ada", link);

        assert_eq!(mail.links(), [link]);
    }
}
