//! The algorithms that we sign with (RFC 7518 §3.1, RFC 8037 §3.1).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How a token of ours is signed. RS256 unless a client asks for another: it is what every client
/// can check (OpenID Connect Core 1.0 §15.1).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum SigningAlg {
    #[default]
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of RS256, ES256 and EdDSA")]
pub struct NotASigningAlg(String);

impl SigningAlg {
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// The name in JOSE.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl fmt::Display for SigningAlg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for SigningAlg {
    type Err = NotASigningAlg;

    fn from_str(name: &str) -> Result<Self, NotASigningAlg> {
        let mut all = Self::ALL.into_iter();
        all.find(|alg| alg.as_str() == name).ok_or_else(|| NotASigningAlg(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_algorithm_has_one_name_everywhere() {
        for alg in SigningAlg::ALL {
            assert_eq!(alg.as_str().parse(), Ok(alg));
            assert_eq!(serde_json::to_value(alg).unwrap(), alg.as_str());
        }
        for other in ["none", "HS256", "rs256", "ES256K", ""] {
            assert!(other.parse::<SigningAlg>().is_err(), "{other}");
        }
    }
}
