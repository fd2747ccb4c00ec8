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

/// What a security notice tells, a sentence each.
pub(super) struct Notices {
    pub app_added: &'static str,
    pub mail_codes_added: &'static str,
    pub factors_removed: &'static str,
    pub codes_made: &'static str,
    pub code_used: &'static str,
    pub passkey_added: &'static str,
    pub passkey_removed: &'static str,
    /// `{provider}` stands for its name.
    pub linked: &'static str,
}

/// Ways to sign in other than a password, behind "with".
pub(super) struct Ways {
    pub passkey: &'static str,
    /// Somebody else vouches for the account, or only its school knows.
    pub school: &'static str,
}

/// All mails in one language, and what they have in common.
pub(super) struct Words {
    /// `{name}` stands for the reader's name.
    pub hello: &'static str,
    pub hello_nobody: &'static str,
    pub automatic: &'static str,
    pub verify_email: Said,
    pub reset_password: Said,
    pub no_password: Said,
    pub sign_in_code: Said,
    pub account_exists: Said,
    pub change_email_confirmation: Said,
    pub change_email_verification: Said,
    pub email_changed: Said,
    pub password_changed: Said,
    pub account_locked: Said,
    pub delete_account: Said,
    pub security_notice: Said,
    pub notices: Notices,
    pub ways: Ways,
}

impl Words {
    pub(super) const fn said(&self, kind: Kind) -> &Said {
        match kind {
            Kind::VerifyEmail => &self.verify_email,
            Kind::ResetPassword => &self.reset_password,
            Kind::NoPassword => &self.no_password,
            Kind::SignInCode => &self.sign_in_code,
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
