//! What a person let an app do, on its way from the authorization request over the code into the
//! grant.

use serde::{Deserialize, Serialize};

use super::scope::Scopes;

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
