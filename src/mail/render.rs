//! Writes mails: the words of a language, a person's name and a link, as text and as HTML.
//!
//! Names are what strangers typed. They stand in the greeting alone, escaped, and not at all where
//! they could pass for a link: a mail of ours must not carry somebody else's message.

use askama::Template;

use super::{
    Kind, Mail,
    words::{self, Said, Words},
};
use crate::domain::locale::Locale;

const LONGEST_NAME: usize = 64;
const LONGEST_DETAIL: usize = 200;

/// Whom a mail is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct To<'a> {
    pub address: &'a str,
    pub name: &'a str,
    pub locale: Locale,
}

/// What changed in how somebody signs in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Notice<'a> {
    /// Codes of an authenticator app are asked for from now on.
    AppAdded,
    /// So are codes by mail.
    MailCodesAdded,
    /// A password alone signs in.
    FactorsRemoved,
    CodesMade,
    CodeUsed,
    PasskeyAdded,
    PasskeyRemoved,
    /// An account at this provider signs in.
    Linked(&'a str),
}

impl Notice<'_> {
    fn said(self, words: &Words) -> String {
        let notices = &words.notices;
        let said = match self {
            Self::AppAdded => notices.app_added,
            Self::MailCodesAdded => notices.mail_codes_added,
            Self::FactorsRemoved => notices.factors_removed,
            Self::CodesMade => notices.codes_made,
            Self::CodeUsed => notices.code_used,
            Self::PasskeyAdded => notices.passkey_added,
            Self::PasskeyRemoved => notices.passkey_removed,
            Self::Linked(provider) => return notices.linked.replace("{provider}", provider),
        };
        said.to_owned()
    }
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    letter: &'a Parts<'a>,
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct Text<'a> {
    letter: &'a Parts<'a>,
}

struct Parts<'a> {
    locale: Locale,
    subject: &'a str,
    greeting: String,
    lead: String,
    button: &'a str,
    link: &'a str,
    rest: &'a str,
    automatic: &'a str,
}

impl Mail {
    pub(crate) fn verify_email(to: To<'_>, link: &str) -> Self {
        write(Kind::VerifyEmail, to, "", Some(link))
    }

    pub(crate) fn reset_password(to: To<'_>, link: &str) -> Self {
        write(Kind::ResetPassword, to, "", Some(link))
    }

    /// To somebody who signs in with these providers, or a passkey, and has no password.
    pub(crate) fn no_password(
        to: To<'_>,
        (providers, passkey): (&[&str], bool),
        sign_in: &str,
    ) -> Self {
        let words = &words::of(to.locale).ways;
        let mut ways = providers.to_vec();
        ways.extend(passkey.then_some(words.passkey));
        if ways.is_empty() {
            ways.push(words.school);
        }
        write(Kind::NoPassword, to, &ways.join(", "), Some(sign_in))
    }

    pub(crate) fn sign_in_code(to: To<'_>, code: &str) -> Self {
        write(Kind::SignInCode, to, code, None)
    }

    pub(crate) fn account_exists(to: To<'_>, sign_in: &str) -> Self {
        write(Kind::AccountExists, to, "", Some(sign_in))
    }

    /// To the old address.
    pub(crate) fn change_email_confirmation(to: To<'_>, new_address: &str, link: &str) -> Self {
        write(Kind::ChangeEmailConfirmation, to, new_address, Some(link))
    }

    /// To the new address.
    pub(crate) fn change_email_verification(to: To<'_>, link: &str) -> Self {
        write(Kind::ChangeEmailVerification, to, to.address, Some(link))
    }

    /// To the old address.
    pub(crate) fn email_changed(to: To<'_>, new_address: &str) -> Self {
        write(Kind::EmailChanged, to, new_address, None)
    }

    pub(crate) fn password_changed(to: To<'_>) -> Self {
        write(Kind::PasswordChanged, to, "", None)
    }

    pub(crate) fn account_locked(to: To<'_>) -> Self {
        write(Kind::AccountLocked, to, "", None)
    }

    pub(crate) fn delete_account(to: To<'_>, link: &str) -> Self {
        write(Kind::DeleteAccount, to, "", Some(link))
    }

    pub(crate) fn security_notice(to: To<'_>, what: Notice<'_>) -> Self {
        write(Kind::SecurityNotice, to, &what.said(words::of(to.locale)), None)
    }
}

fn write(kind: Kind, to: To<'_>, detail: &str, link: Option<&str>) -> Mail {
    let words = words::of(to.locale);
    let &Said { subject, lead, button, rest } = words.said(kind);
    let greeting = match greetable(to.name) {
        Some(name) => words.hello.replace("{name}", &name),
        None => words.hello_nobody.to_owned(),
    };
    let letter = Parts {
        locale: to.locale,
        subject,
        greeting,
        lead: lead.replace("{detail}", &on_one_line(detail, LONGEST_DETAIL)),
        button,
        link: link.unwrap_or_default(),
        rest,
        automatic: words.automatic,
    };
    Mail {
        kind,
        to: to.address.to_owned(),
        subject: subject.to_owned(),
        text: rendered(&Text { letter: &letter }),
        html: rendered(&Html { letter: &letter }),
        link: link.map(str::to_owned),
    }
}

/// Templates are checked when they are compiled; writing to memory does not fail.
fn rendered(template: &impl Template) -> String {
    template.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a mail's template cannot be filled");
        String::new()
    })
}

/// A name as it may be greeted by: on one line, not long, and with nothing that a mail program
/// would turn into a link.
fn greetable(name: &str) -> Option<String> {
    let name = on_one_line(name, LONGEST_NAME);
    let link_like = name.contains(['/', '\\', ':', '@', '<', '>'])
        || name.match_indices('.').any(|(at, _)| {
            let after = name.get(at + 1..).unwrap_or_default();
            after.chars().take_while(|c| c.is_alphanumeric()).count() >= 2
        });
    (!name.is_empty() && !link_like).then_some(name)
}

/// Without line ends, controls and marks that turn the direction of writing.
fn on_one_line(text: &str, longest: usize) -> String {
    let turns = |c: char| matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}'..='\u{2029}');
    let plain = text.chars().map(|c| if c.is_control() || turns(c) { ' ' } else { c });
    plain.take(longest).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://school.example/api/auth/verify-email?token=a.b&callbackURL=%2F";

    fn ada(name: &str, locale: Locale) -> To<'_> {
        To { address: "ada@school.example", name, locale }
    }

    fn all(to: To<'_>) -> Vec<Mail> {
        vec![
            Mail::verify_email(to, LINK),
            Mail::reset_password(to, LINK),
            Mail::account_exists(to, LINK),
            Mail::change_email_confirmation(to, "new@school.example", LINK),
            Mail::change_email_verification(to, LINK),
            Mail::email_changed(to, "new@school.example"),
            Mail::password_changed(to),
            Mail::account_locked(to),
            Mail::delete_account(to, LINK),
            Mail::no_password(to, (&["Google", "GitHub"], true), LINK),
            Mail::no_password(to, (&[], false), LINK),
            Mail::sign_in_code(to, "012345"),
            Mail::security_notice(to, Notice::AppAdded),
            Mail::security_notice(to, Notice::MailCodesAdded),
            Mail::security_notice(to, Notice::FactorsRemoved),
            Mail::security_notice(to, Notice::CodesMade),
            Mail::security_notice(to, Notice::CodeUsed),
            Mail::security_notice(to, Notice::PasskeyAdded),
            Mail::security_notice(to, Notice::PasskeyRemoved),
            Mail::security_notice(to, Notice::Linked("Google")),
        ]
    }

    #[test]
    fn every_mail_says_the_same_in_text_and_html_in_each_language() {
        for locale in Locale::ALL {
            for mail in all(ada("Ada", locale)) {
                let what = format!("{} {}", mail.kind.as_str(), locale.tag());
                let html = mail.html.replace("&#38;", "&").replace("&amp;", "&");
                for text in [&mail.text, &html] {
                    assert!(text.contains("Ada"), "{what}: {text}");
                    assert!(!text.contains('{') || text.contains("style"), "{what}: {text}");
                    if let Some(link) = &mail.link {
                        assert!(text.contains(link.as_str()), "{what}: {text}");
                    }
                }
                assert!(html.contains(&format!(r#"lang="{}""#, locale.tag())), "{what}");
                assert!(html.contains(&format!(r#"dir="{}""#, locale.direction())), "{what}");
                assert!(!mail.subject.is_empty() && mail.text.ends_with('\n'), "{what}");
                // Nothing is loaded from anywhere.
                assert!(!html.contains("<img") && !html.contains("<link"), "{what}");
            }
        }
    }

    /// Attacks E2 and A14: a name that is markup, a header or a message of its own.
    #[test]
    fn a_name_is_neither_markup_nor_header_nor_link() {
        for name in [
            "Win a prize at http://evil.example",
            "visit evil.example now",
            "Ada\r\nBcc: x@evil.example",
            "<script>alert(1)</script>",
            "\u{202e}evil\u{202c}\r\n.\r\nQUIT",
            "",
        ] {
            for mail in all(ada(name, Locale::English)) {
                let text = mail.text.replace("new@school.example", "");
                assert!(!text.contains("evil.example") && !text.contains("script"), "{text}");
                assert!(!mail.html.contains("evil.example") && !mail.html.contains("<script"));
                assert!(!mail.subject.contains("Ada") && !mail.text.contains('\r'), "{text}");
                assert!(!text.lines().any(|line| line.trim() == "."), "{text}");
            }
        }
        assert_eq!(greetable("J. R. R. O'Brien-Müller").unwrap(), "J. R. R. O'Brien-Müller");
        let long = greetable(&"x".repeat(10_000)).unwrap();
        assert_eq!(long.len(), LONGEST_NAME);
        let quoted = Mail::verify_email(ada("\"Ada\" & Eve", Locale::English), LINK);
        assert!(quoted.html.contains("&#38; Eve"), "{}", quoted.html);
        let linked = Notice::Linked("<b>\r\n.\r\nx");
        let notice = Mail::security_notice(ada("Ada", Locale::German), linked);
        assert!(!notice.html.contains("<b>") && !notice.text.contains("\n."));
    }
}
