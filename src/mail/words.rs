//! What mails say, a file a language.

use super::Kind;
use crate::domain::locale::Locale;

mod ar;
mod de;
mod en;

/// One mail's words. `{detail}` stands for an address or for what happened.
pub(super) struct Said {
    pub subject: &'static str,
    pub lead: &'static str,
    /// Empty where there is nothing to open.
    pub button: &'static str,
    pub rest: &'static str,
}

/// All mails in one language, and what they have in common.
pub(super) struct Words {
    /// `{name}` stands for the reader's name.
    pub hello: &'static str,
    pub hello_nobody: &'static str,
    pub automatic: &'static str,
    pub verify_email: Said,
    pub reset_password: Said,
    pub account_exists: Said,
    pub change_email_confirmation: Said,
    pub change_email_verification: Said,
    pub email_changed: Said,
    pub password_changed: Said,
    pub account_locked: Said,
    pub delete_account: Said,
    pub security_notice: Said,
}

impl Words {
    pub(super) const fn said(&self, kind: Kind) -> &Said {
        match kind {
            Kind::VerifyEmail => &self.verify_email,
            Kind::ResetPassword => &self.reset_password,
            Kind::AccountExists => &self.account_exists,
            Kind::ChangeEmailConfirmation => &self.change_email_confirmation,
            Kind::ChangeEmailVerification => &self.change_email_verification,
            Kind::EmailChanged => &self.email_changed,
            Kind::PasswordChanged => &self.password_changed,
            Kind::AccountLocked => &self.account_locked,
            Kind::DeleteAccount => &self.delete_account,
            Kind::SecurityNotice => &self.security_notice,
        }
    }
}

pub(super) const fn of(locale: Locale) -> &'static Words {
    match locale {
        Locale::English => &en::WORDS,
        Locale::German => &de::WORDS,
        Locale::Arabic => &ar::WORDS,
    }
}
