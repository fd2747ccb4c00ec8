//! What a password must be like before it is hashed.

use std::{cmp::Ordering, fmt};

use unicode_normalization::UnicodeNormalization;

/// At least so many characters.
pub const MIN_CHARS: usize = 12;
/// At most so many bytes: more is refused before any work is spent on it.
pub const MAX_BYTES: usize = 1_024;

/// Sorted by bytes. Its licence and origin are in `common_passwords.LICENSE`.
const COMMON: &str = include_str!("common_passwords.txt");

/// What somebody typed as a password, in Unicode's NFKC, so that it is the same from every
/// keyboard. Does not print.
#[derive(Clone)]
pub struct Password(String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// More than [`MAX_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password is longer than {MAX_BYTES} bytes")]
pub struct TooLong;

/// Why a new password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    #[error("use at least {MIN_CHARS} characters")]
    TooShort,
    #[error("use an upper-case letter, a lower-case letter, a digit and another character")]
    TooPlain,
    #[error("this is one of the passwords that are tried first")]
    Common,
}

impl Password {
    /// For comparing: an old password may break today's rules, but not the limit.
    pub fn parse(text: &str) -> Result<Self, TooLong> {
        let folded: String =
            if text.len() > MAX_BYTES { return Err(TooLong) } else { text.nfkc().collect() };
        if folded.len() > MAX_BYTES { Err(TooLong) } else { Ok(Self(folded)) }
    }

    /// The `classic` policy: 12 characters, four kinds of them, and none that is tried first.
    pub fn check_classic(&self) -> Result<(), Weakness> {
        let is = |kind: fn(char) -> bool| self.0.chars().any(kind);
        if self.0.chars().count() < MIN_CHARS {
            return Err(Weakness::TooShort);
        }
        let mixed = is(char::is_uppercase)
            && is(char::is_lowercase)
            && is(char::is_numeric)
            && is(|c| !c.is_alphanumeric());
        if !mixed {
            return Err(Weakness::TooPlain);
        }
        if is_common(&self.0) { Err(Weakness::Common) } else { Ok(()) }
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Whether it is on the list as it stands, or is a word of the list with digits and signs put
/// around it, as people do to please a policy: `Password123!` is as easy to guess as `password`.
fn is_common(password: &str) -> bool {
    let lower = password.to_lowercase();
    let core = lower.trim_matches(|c: char| !c.is_alphabetic());
    is_listed(&lower) || is_listed(core)
}

fn is_listed(word: &str) -> bool {
    let mut rest = COMMON;
    while !rest.is_empty() {
        let (before, after) = rest.split_at(rest.floor_char_boundary(rest.len() / 2));
        let (left, head) = before.rsplit_once('\n').map_or(("", before), |(l, h)| (l, h));
        let (tail, right) = after.split_once('\n').unwrap_or((after, ""));
        match word.bytes().cmp(head.bytes().chain(tail.bytes())) {
            Ordering::Equal => return !word.is_empty(),
            Ordering::Less => rest = left,
            Ordering::Greater => rest = right,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), Weakness> {
        Password::parse(text).unwrap().check_classic()
    }

    #[test]
    fn a_classic_password_has_twelve_characters_of_four_kinds() {
        assert_eq!(check("Owl-Lamp-7 road"), Ok(()));
        assert_eq!(check("Übung-Lampe-7"), Ok(()));
        assert_eq!(check("Sh0rt!aaaaa"), Err(Weakness::TooShort));
        for plain in ["owl-lamp-7-road", "OWL-LAMP-7-ROAD", "Owl-Lamp-x-road", "OwlLamp7road1"] {
            assert_eq!(check(plain), Err(Weakness::TooPlain), "{plain}");
        }
    }

    /// Attack A16: the passwords that are tried first.
    #[test]
    fn a_common_password_in_a_policys_disguise_is_refused() {
        for common in ["Password123!", "!!Football2026", "Dragon-123456"] {
            assert_eq!(check(common), Err(Weakness::Common), "{common}");
        }
    }

    #[test]
    fn every_line_of_the_list_is_found_and_nothing_else() {
        for line in COMMON.lines() {
            assert!(is_listed(line), "{line}");
            assert!(!is_listed(&format!("{line}\u{1}")), "{line}");
        }
        assert!(!is_listed(""));
    }

    /// Attack A11: a password of a megabyte; at least 64 characters are allowed.
    #[test]
    fn length_is_limited_before_any_work_and_generously() {
        assert_eq!(Password::parse(&"a".repeat(1_000_000)).unwrap_err(), TooLong);
        assert_eq!(Password::parse(&"a".repeat(1_025)).unwrap_err(), TooLong);
        // One character that folds to eighteen.
        assert_eq!(Password::parse(&"\u{fdfa}".repeat(300)).unwrap_err(), TooLong);
        assert_eq!(check(&format!("Aa1!{}", "x".repeat(1_020))), Ok(()));
    }

    /// Attack A12: nothing is cut off at a NUL.
    #[test]
    fn a_nul_is_a_character_like_others_and_nothing_prints() {
        let password = Password::parse("Owl\0Lamp-7-road").unwrap();
        assert_eq!(password.as_bytes().len(), 15);
        assert_eq!(format!("{password:?}"), "Password(…)");
    }
}
