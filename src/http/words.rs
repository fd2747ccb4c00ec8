//! What the server's own pages say, a file a language: pages of links, and any other that works
//! without JavaScript. `{email}`, `{new}` and `{code}` stand for what is escaped and filled in.

use actix_web::{HttpRequest, http::header};

use crate::domain::locale::Locale;

mod ar;
pub(crate) mod consent;
mod de;
pub(crate) mod device;
mod en;
pub(crate) mod logout;
pub(crate) mod sign_in;

/// A page that asks for one click.
pub(crate) struct Ask {
    pub title: &'static str,
    pub lead: &'static str,
    pub button: &'static str,
}

/// A page that says what was done.
pub(crate) struct Done {
    pub title: &'static str,
    pub text: &'static str,
}

/// All words of one language.
pub(crate) struct Words {
    pub start_page: &'static str,
    /// To what somebody was about to do.
    pub go_on: &'static str,
    pub verify: Ask,
    pub verified: Done,
    /// The old address is asked whether the account may move.
    pub confirm_change: Ask,
    pub change_mailed: Done,
    /// The new address is.
    pub take_address: Ask,
    pub address_taken: Done,
    pub choose_password: Ask,
    pub new_password: &'static str,
    pub again: &'static str,
    pub rules: &'static str,
    pub differ: &'static str,
    pub too_short: &'static str,
    pub too_plain: &'static str,
    pub too_common: &'static str,
    pub too_long: &'static str,
    pub password_chosen: Done,
    pub delete: Ask,
    pub deleted: Done,
    pub last_admin: Done,
    pub sign_in_first: Done,
    pub expired: Done,
    pub invalid: Done,
    pub failed: Done,
}

pub(crate) const fn of(locale: Locale) -> &'static Words {
    match locale {
        Locale::English => &en::WORDS,
        Locale::German => &de::WORDS,
        Locale::Arabic => &ar::WORDS,
    }
}

/// In which language a browser wants to be answered.
pub(crate) fn locale(request: &HttpRequest) -> Locale {
    let header = request.headers().get(header::ACCEPT_LANGUAGE);
    header.and_then(|value| value.to_str().ok()).map(Locale::preferred).unwrap_or_default()
}
