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

/// What all mails of one language have in common.
pub(super) struct Words {
    /// `{name}` stands for the reader's name.
    pub hello: &'static str,
    pub hello_nobody: &'static str,
    pub automatic: &'static str,
    pub say: fn(Kind) -> Said,
}

pub(super) const fn of(locale: Locale) -> &'static Words {
    match locale {
        Locale::English => &en::WORDS,
        Locale::German => &de::WORDS,
        Locale::Arabic => &ar::WORDS,
    }
}
