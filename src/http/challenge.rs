//! `WWW-Authenticate`: how an access token is shown here, and what was wrong with the one that was
//! (RFC 6750 §3, RFC 9449 §7.1).

use crate::auth::oidc::dpop::ALGORITHMS;

/// How a request shows its access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Bearer,
    /// With a proof that the sender holds the key that the token is bound to.
    Dpop,
}

pub(crate) const INVALID_TOKEN: &str = "invalid_token";
pub(crate) const INVALID_PROOF: &str = "invalid_dpop_proof";

/// Who shows nothing is told how to, and no more (RFC 6750 §3.1).
pub(crate) fn bare() -> [String; 2] {
    ["Bearer".to_owned(), format!("DPoP algs=\"{ALGORITHMS}\"")]
}

/// Who was refused is answered in the scheme that she used. `why` is for developers: printable ASCII
/// without quotes and backslashes.
pub(crate) fn refused(scheme: Scheme, error: &str, why: &str) -> String {
    match scheme {
        Scheme::Bearer => format!("Bearer error=\"{error}\", error_description=\"{why}\""),
        Scheme::Dpop => {
            format!("DPoP error=\"{error}\", error_description=\"{why}\", algs=\"{ALGORITHMS}\"")
        }
    }
}
