//! Authorization codes (RFC 6749 §4.1.2). One holds, sealed, all that it stands for, so that nothing
//! is written before it is redeemed; what is written then is the session that it names.

use serde::{Deserialize, Serialize};

use crate::{
    auth::{Auth, AuthError},
    domain::{
        clock::{HOUR, MINUTE},
        ids::{ClientId, SessionId},
        oidc::{granted::Granted, scope::Scopes},
    },
};

pub(super) const LIFE: i64 = MINUTE;
/// One that comes once more within this time after its end still ends the grant that it became.
pub(super) const SUSPICIOUS: i64 = HOUR;

/// What a code stands for. The app is not in it: it opens with that app's name alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Code {
    /// The session that its grant will be.
    #[serde(rename = "id")]
    pub grant: SessionId,
    /// The sign-in in the browser in which it was issued; worth nothing without it.
    #[serde(rename = "sid")]
    pub browser_sid: SessionId,
    #[serde(rename = "uri")]
    pub redirect_uri: String,
    /// BASE64URL(SHA-256(verifier)) (RFC 7636 §4.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<String>,
    /// What the person must still agree to when it is redeemed; none where nobody asks her.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<Scopes>,
    pub granted: Granted,
    #[serde(rename = "exp")]
    pub expires_at: i64,
}

impl Auth {
    pub(crate) fn seal_code(&self, client: &ClientId, code: &Code) -> Result<String, AuthError> {
        let text =
            serde_json::to_string(code).map_err(|error| AuthError::Broken(error.to_string()))?;
        self.provider.codes.seal_for_url(&text, client.as_str(), &*self.ids)
    }

    /// What a code of this app's stands for, be it expired or used; none if we did not seal it.
    pub(crate) fn open_code(&self, client: &ClientId, code: &str) -> Option<Code> {
        let text = self.provider.codes.open_from_url(code, client.as_str()).ok()?;
        serde_json::from_str(&text).ok()
    }
}
