//! What must be remembered while somebody is at a provider: for ten minutes, for one use, and only
//! by the browser that set out (attack D7).

use serde::{Deserialize, Serialize};

use crate::{
    auth::{Auth, AuthError, hash_token},
    domain::{clock::MINUTE, ids::UserId, return_url::ReturnUrl},
    store::{StoreError, verifications::Verification},
};

pub(crate) const STATE_LIFE: i64 = 10 * MINUTE;
const STATE_LENGTH: usize = 32;

/// Where somebody goes on when she is back.
#[derive(Debug, Clone)]
pub(crate) struct Ways {
    pub back: ReturnUrl,
    /// For the new; otherwise as `back`.
    pub new_user: Option<ReturnUrl>,
    /// For failures; otherwise a page of ours.
    pub error: Option<ReturnUrl>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    provider: String,
    nonce: String,
    verifier: String,
    back: String,
    new_user: Option<String>,
    error: Option<String>,
    link: Option<UserId>,
}

/// A way to a provider that somebody set out on.
#[derive(Debug)]
pub(super) struct Journey {
    pub provider: String,
    pub nonce: String,
    pub verifier: String,
    pub ways: Ways,
    /// The person to whom the account is to be joined.
    pub link: Option<UserId>,
}

impl Auth {
    /// Gives the `state`.
    pub(super) async fn keep_journey(&self, journey: Journey) -> Result<String, AuthError> {
        let Journey { provider, nonce, verifier, ways, link } = journey;
        let text = |url: ReturnUrl| url.as_str().to_owned();
        let kept = Kept {
            provider,
            nonce,
            verifier,
            back: text(ways.back),
            new_user: ways.new_user.map(text),
            error: ways.error.map(text),
            link,
        };
        let state = self.ids.token(STATE_LENGTH);
        let kept =
            serde_json::to_string(&kept).map_err(|error| AuthError::Broken(error.to_string()))?;
        let (identifier, now) = (identifier(&state), self.clock.now());
        let row = Verification {
            id: self.ids.token(STATE_LENGTH),
            value: self.social.sealer.seal(&kept, &identifier, self.ids.as_ref())?,
            identifier,
            expires_at: now.plus(STATE_LIFE).0,
            created_at: now.0,
            updated_at: now.0,
        };
        self.store.keep_proof(row).await?;
        Ok(state)
    }

    /// The journey of this `state`; none if it is unknown, used or too old.
    pub(super) async fn take_journey(&self, state: &str) -> Result<Option<Journey>, AuthError> {
        let identifier = identifier(state);
        let value = match self.store.take_proof(&identifier, self.clock.now()).await {
            Err(StoreError::NotFound) => return Ok(None),
            taken => taken?,
        };
        let kept = self.social.sealer.open(&value, &identifier)?;
        let kept: Kept =
            serde_json::from_str(&kept).map_err(|error| AuthError::Broken(error.to_string()))?;
        let url = |text: &str| ReturnUrl::parse(text, self.origins()).ok();
        let ways = Ways {
            back: url(&kept.back).unwrap_or_else(ReturnUrl::home),
            new_user: kept.new_user.as_deref().and_then(url),
            error: kept.error.as_deref().and_then(url),
        };
        let Kept { provider, nonce, verifier, link, .. } = kept;
        Ok(Some(Journey { provider, nonce, verifier, ways, link }))
    }
}

fn identifier(state: &str) -> String {
    format!("auth-state:{}", hash_token(state))
}
