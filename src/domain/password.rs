//! What a password must be like before it is hashed.

use std::{cmp::Ordering, fmt};

use unicode_normalization::UnicodeNormalization;

/// At least so many characters.
pub const MIN_CHARS: usize = 12;
/// At most so many under [`Policy::Nist`].
pub const MOST_CHARS: usize = 256;
/// At most so many bytes: more is refused before any work is spent on it.
pub const MAX_BYTES: usize = 1_024;

/// Sorted by bytes. Its licence and origin are in `common_passwords.LICENSE`.
const COMMON: &str = include_str!("common_passwords.txt");

/// What somebody typed as a password, in Unicode's NFKC, so that it is the same from every
/// keyboard. Does not print.
#[derive(Clone)]
pub struct Password {
    folded: String,
    /// What was typed, where that is not the same: hashes of other programs may be of it.
    typed: Option<String>,
}

/// What a new password must be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Twelve characters of four kinds.
    Classic,
    /// Twelve to 256 characters of any kind (NIST SP 800-63B).
    Nist,
}

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
    #[error("use at most {MOST_CHARS} characters")]
    TooLong,
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
        if folded.len() > MAX_BYTES {
            return Err(TooLong);
        }
        let typed = (folded != text).then(|| text.to_owned());
        Ok(Self { folded, typed })
    }

    /// Whether it may be somebody's new password: long enough, of the kinds that the policy asks
    /// for, and none that is tried first.
    pub fn check(&self, policy: Policy) -> Result<(), Weakness> {
        let chars = self.folded.chars().count();
        if chars < MIN_CHARS {
            return Err(Weakness::TooShort);
        }
        match policy {
            Policy::Classic if !self.is_mixed() => return Err(Weakness::TooPlain),
            Policy::Nist if chars > MOST_CHARS => return Err(Weakness::TooLong),
            Policy::Classic | Policy::Nist => {}
        }
        if is_common(&self.folded) { Err(Weakness::Common) } else { Ok(()) }
    }

    /// [`Self::check`] by the policy that a server has unless it is told otherwise.
    pub fn check_classic(&self) -> Result<(), Weakness> {
        self.check(Policy::Classic)
    }

    fn is_mixed(&self) -> bool {
        let is = |kind: fn(char) -> bool| self.folded.chars().any(kind);
        is(char::is_uppercase)
            && is(char::is_lowercase)
            && is(char::is_numeric)
            && is(|c| !c.is_alphanumeric())
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.folded.as_bytes()
    }

    /// As it was typed: for hashes of programs that fold nothing.
    pub fn as_typed(&self) -> &[u8] {
        self.typed.as_ref().unwrap_or(&self.folded).as_bytes()
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

    #[test]
    fn a_nist_password_is_long_and_of_any_kind_but_not_a_common_one() {
        let check = |text: &str| Password::parse(text).unwrap().check(Policy::Nist);
        assert_eq!(check("owl lamp road"), Ok(()));
        assert_eq!(check(&"x".repeat(256)), Ok(()));
        assert_eq!(check(&"x".repeat(257)), Err(Weakness::TooLong));
        assert_eq!(check("owl lamp 77"), Err(Weakness::TooShort));
        assert_eq!(check("password12345"), Err(Weakness::Common));
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
        assert_eq!(password.as_typed(), password.as_bytes());
        assert_eq!(format!("{password:?}"), "Password(…)");
    }
}
