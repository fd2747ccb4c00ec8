//! The signed links of mails: a JWT with a key that signs nothing else (`auth-api.md` §4,
//! verify-email).

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::{AuthError, secret::Secret};
use crate::domain::{
    clock::{HOUR, Millis, SECOND},
    ids::{SessionId, UserId},
};

/// How long a link in a mail is good for.
pub(super) const LINK_LIFE: i64 = HOUR;
const TYPE: &str = "verify-email+jwt";
const MAX_LENGTH: usize = 4 * 1_024;

/// Why a link does nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("the link is not one of ours, or was used")]
    Invalid,
    #[error("the link is older than an hour")]
    Expired,
    #[error(transparent)]
    Auth(#[from] AuthError),
}

/// Signs links.
pub(super) struct Links {
    signer: EncodingKey,
    verifier: DecodingKey,
}

/// What a link says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The account's address when it was signed.
    pub email: String,
    #[serde(rename = "userId")]
    pub user: UserId,
    iat: i64,
    exp: i64,
    /// None: the address itself is verified.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

/// One step of moving an account to another address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    #[serde(rename = "updateTo")]
    pub to: String,
    #[serde(rename = "requestType")]
    pub step: Step,
    /// Known to the store by its hash, and used up there.
    #[serde(rename = "jti")]
    pub secret: String,
    /// Who asked for it: this sign-in outlives the change.
    #[serde(rename = "sid")]
    pub session: SessionId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    /// The old address is asked.
    ChangeEmailConfirmation,
    /// The new one is.
    ChangeEmailVerification,
}

impl Links {
    pub(super) fn new(secret: &Secret) -> Self {
        let key = secret.key_for("verify-email links v1");
        Self { signer: EncodingKey::from_secret(&key), verifier: DecodingKey::from_secret(&key) }
    }

    pub(super) fn sign(
        &self,
        (user, email): (&UserId, &str),
        change: Option<Change>,
        now: Millis,
    ) -> Result<String, AuthError> {
        let claims = Claims {
            email: email.to_owned(),
            user: user.clone(),
            iat: now.0 / SECOND,
            exp: now.plus(LINK_LIFE).0 / SECOND,
            change,
        };
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TYPE.to_owned());
        jsonwebtoken::encode(&header, &claims, &self.signer)
            .map_err(|error| AuthError::Broken(format!("a link cannot be signed: {error}")))
    }

    pub(super) fn open(&self, token: &str, now: Millis) -> Result<Claims, LinkError> {
        if token.len() > MAX_LENGTH {
            return Err(LinkError::Invalid);
        }
        let mut rules = Validation::new(Algorithm::HS256);
        rules.validate_exp = false;
        let opened = jsonwebtoken::decode::<Claims>(token, &self.verifier, &rules)
            .map_err(|_| LinkError::Invalid)?;
        if opened.header.typ.as_deref() != Some(TYPE) || opened.header.crit.is_some() {
            return Err(LinkError::Invalid);
        }
        if Millis(opened.claims.exp.saturating_mul(SECOND)) <= now {
            return Err(LinkError::Expired);
        }
        Ok(opened.claims)
    }
}
