//! Email addresses in one canonical form, so that one mailbox is one account.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

const MAX_LENGTH: usize = 254;
const MAX_LOCAL: usize = 64;

/// The domain of addresses that stand for none: nothing can be mailed there (RFC 2606 §2).
pub const NOWHERE: &str = "nowhere.invalid";

/// Lower case, compatibility forms folded (NFKC), the domain in ASCII (IDNA). Two spellings that a
/// reader takes for one address are one value, or one of them is refused (attack A14).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an email address")]
pub struct NotAnEmail;

impl Email {
    pub fn parse(text: &str) -> Result<Self, NotAnEmail> {
        if text.len() > 2 * MAX_LENGTH || text.chars().any(char::is_control) {
            return Err(NotAnEmail);
        }
        let folded = text.nfkc().collect::<String>().to_lowercase();
        let (local, domain) = folded.split_once('@').ok_or(NotAnEmail)?;
        let domain = host(domain).ok_or(NotAnEmail)?;
        if !is_local(local) || local.len() + 1 + domain.len() > MAX_LENGTH {
            return Err(NotAnEmail);
        }
        Ok(Self(format!("{local}@{domain}")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The characters that the peer allows; others are legal by RFC 5321 and used by next to nobody.
fn is_local(local: &str) -> bool {
    (1..=MAX_LOCAL).contains(&local.len())
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local.bytes().all(|b| b.is_ascii_alphanumeric() || b"_'+-.".contains(&b))
}

fn host(domain: &str) -> Option<String> {
    let url::Host::Domain(ascii) = url::Host::parse(domain).ok()? else { return None };
    let top = ascii.rsplit_once('.')?.1;
    let named = ascii.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    });
    (named && top.len() >= 2 && !top.bytes().all(|b| b.is_ascii_digit())).then_some(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        Email::parse(text).ok().map(|email| email.to_string())
    }

    /// Attack A14: one mailbox in several spellings.
    #[test]
    fn spellings_of_one_address_are_one_value_or_refused() {
        let alice = Some("alice@example.com".to_owned());
        assert_eq!(parsed("alice@example.com"), alice);
        assert_eq!(parsed("Alice@EXAMPLE.com"), alice);
        assert_eq!(parsed("ａlice@example.com"), alice);
        assert_eq!(parsed("alice@example.com."), None);
        assert_eq!(parsed("al\u{131}ce@example.com"), None);
        assert_eq!(parsed("mar\u{212a}@example.com").as_deref(), Some("mark@example.com"));
        assert_eq!(parsed("ali\u{301}ce@example.com"), None);
        assert_eq!(parsed("a@bücher.example"), parsed("a@xn--bcher-kva.example"));
        assert!(parsed("a@bücher.example").is_some());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "@",
            "a@",
            "@b.example",
            "a@b",
            "a@b.1",
            "a b@c.example",
            "a@b..example",
            ".a@b.example",
            "a..b@c.example",
            "a@-b.example",
            "a@127.0.0.1",
            "a@[::1]",
            "a\u{0}@b.example",
            "a\r\nBcc: x@b.example",
            "<a@b.example>",
            "a@b.example,c@d.example",
            "' OR 1=1--@b.example",
            "a@b@c.example",
        ] {
            assert_eq!(parsed(bad), None, "{bad:?}");
        }
        assert_eq!(parsed(&format!("{}@b.example", "a".repeat(65))), None);
    }

    #[test]
    fn a_plus_and_an_apostrophe_are_allowed() {
        assert!(parsed("o'neil+school@b-c.example").is_some());
    }
}
