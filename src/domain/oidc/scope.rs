//! Sets of scopes (RFC 6749 §3.3): words with spaces between, each once, in the order that they
//! were asked for.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Signs somebody in: an ID token is issued.
pub const OPENID: &str = "openid";
pub const PROFILE: &str = "profile";
pub const EMAIL: &str = "email";
/// A refresh token, and a grant that outlives the sign-in in the browser.
pub const OFFLINE_ACCESS: &str = "offline_access";
/// The tutor's API: lessons, threads, the live socket.
pub const TUTOR: &str = "tutor";
/// Staff rights count.
pub const ADMIN: &str = "admin";

/// All that there are, but for those of further resources.
pub const ALL: [&str; 6] = [OPENID, PROFILE, EMAIL, OFFLINE_ACCESS, TUTOR, ADMIN];

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(Vec<String>);

/// A scope has a character that none may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope holds printable ASCII without spaces, quotes and backslashes")]
pub struct BadScope;

impl Scopes {
    /// Reads a list as it comes over the wire. Repeated words and spaces count once.
    pub fn parse(text: &str) -> Result<Self, BadScope> {
        let mut scopes = Self::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let sound = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            if !word.bytes().all(sound) {
                return Err(BadScope);
            }
            scopes.add(word);
        }
        Ok(scopes)
    }

    pub fn add(&mut self, word: &str) {
        if !self.has(word) {
            self.0.push(word.to_owned());
        }
    }

    pub fn has(&self, word: &str) -> bool {
        self.0.iter().any(|own| own == word)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether each of these is in `others` too.
    pub fn is_within(&self, others: &Self) -> bool {
        self.iter().all(|word| others.has(word))
    }

    /// Those that `keep` says.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|word| keep(word)).cloned().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_count_once_in_their_order_and_odd_characters_are_refused() {
        let scopes = Scopes::parse("openid  email openid").unwrap();

        assert_eq!(scopes.to_string(), "openid email");
        assert!(scopes.is_within(&Scopes::parse("email tutor openid").unwrap()));
        assert!(!scopes.is_within(&Scopes::parse("openid").unwrap()));
        for odd in ["a\"b", "a\\b", "a\tb", "\u{e4}", "a\0"] {
            assert_eq!(Scopes::parse(odd), Err(BadScope), "{odd:?}");
        }
    }
}
