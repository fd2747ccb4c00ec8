//! What a person let an app do, on its way from the authorization request over the code into the
//! grant.

use serde::{Deserialize, Serialize};

use super::scope::Scopes;
use crate::domain::clock::{Millis, SECOND};

/// Authentication context classes: one factor, and two.
const ONE: &str = "1";
const TWO: &str = "2";

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    pub scopes: Scopes,
    /// Resources that were asked for by name (RFC 8707), each an absolute URI.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// The `claims` parameter as it came (OpenID Connect Core §5.5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// When the person proved who she is, in seconds since the epoch.
    pub auth_time: i64,
    /// Authentication context class: "1" one factor, "2" two.
    pub acr: String,
    /// Methods by which she did (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// SHA-256 thumbprint of the key that the tokens are bound to (RFC 9449 §6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<String>,
}

impl Granted {
    /// Nothing yet, by somebody who proved who she is at `at` by these methods (RFC 8176), with
    /// spaces between.
    pub fn proved(amr: &str, at: Millis) -> Self {
        Self {
            auth_time: at.0 / SECOND,
            acr: acr(amr).to_owned(),
            amr: amr.split_whitespace().map(str::to_owned).collect(),
            ..Self::default()
        }
    }
}

/// The authentication context class of a sign-in by these methods: how it was made counts, and not
/// what its person has set up by now.
pub fn acr(amr: &str) -> &'static str {
    if amr.split_whitespace().any(|method| method == "mfa") { TWO } else { ONE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_factors_are_the_higher_class_and_an_unknown_sign_in_is_the_lower() {
        for (amr, class) in [("", "1"), ("pwd", "1"), ("otp mfa", "2"), ("swk user mfa", "2")] {
            assert_eq!(acr(amr), class, "{amr}");
        }
        let granted = Granted::proved("otp mfa", Millis(5_999));
        assert_eq!((granted.auth_time, granted.acr.as_str()), (5, "2"));
        assert_eq!(granted.amr, ["otp", "mfa"]);
    }
}
