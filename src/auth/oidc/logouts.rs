//! Tells apps that a sign-in has ended (OpenID Connect Back-Channel Logout 1.0): what the store has
//! queued is claimed, so that no other node sends it too, signed, sent, and sent again later if need
//! be. At least once: a node that dies between the app's answer and our note leaves it to be sent
//! again.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use crate::{
    auth::{Auth, AuthError, outward::OutwardError},
    domain::{
        clock::{MINUTE, SECOND},
        ids::{SessionId, UserId},
        oidc::alg::SigningAlg,
    },
    mail::Patience,
    store::oauth_logouts::LogoutRow,
};

const TYPE: &str = "logout+jwt";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// For how long a token is good, in seconds (§2.4: at most two minutes).
const LIFE_S: i64 = 2 * MINUTE / SECOND;
/// A try takes five seconds at most. It is given up so much later than the app was: nobody else sends the token meanwhile.
const LEASE: i64 = 10 * SECOND;
/// Two seconds, then ever longer, for about three and a half hours.
const PATIENCE: Patience = Patience { tries: 11, first: 2 * SECOND };

#[derive(Debug, Serialize)]
struct Claims {
    iss: String,
    sub: UserId,
    aud: String,
    iat: i64,
    exp: i64,
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
    events: serde_json::Value,
}

/// How one try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Yes,
    /// It waits for another try.
    Later,
    /// Given up, or the app does not want to hear of it any more.
    Never,
}

/// Why an app was not told.
#[derive(Debug, thiserror::Error)]
enum Untold {
    #[error("it answers with status {0}")]
    Status(u16),
    #[error(transparent)]
    Away(#[from] OutwardError),
}

/// Sends logout tokens.
pub(crate) struct Logouts {
    auth: Arc<Auth>,
}

impl Logouts {
    pub(crate) const fn new(auth: Arc<Auth>) -> Self {
        Self { auth }
    }

    /// Takes up to `most` tokens that are due.
    pub(crate) async fn claim(&self, most: usize) -> Result<Vec<LogoutRow>, AuthError> {
        let (store, now) = (&self.auth.store, self.auth.clock.now());
        if !store.has_logouts(now).await? {
            return Ok(Vec::new());
        }
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        Ok(store.claim_logouts(most, LEASE, now).await?)
    }

    /// Tries to send what [`Self::claim`] gave.
    pub(crate) async fn attempt(&self, row: &LogoutRow) -> Result<Told, AuthError> {
        let store = &self.auth.store;
        let app = self.auth.client(row.client_id.as_str()).await?;
        let told = app.as_ref().and_then(|app| {
            let metadata = &app.metadata;
            let url = metadata.backchannel_logout_uri.as_deref()?;
            Some((url, metadata.id_token_signed_response_alg))
        });
        let Some((url, alg)) = told else {
            store.end_logout(row).await?;
            return Ok(Told::Never);
        };
        let token = self.sign(row, alg)?;
        let Err(why) = self.deliver(url, &token).await else {
            store.end_logout(row).await?;
            return Ok(Told::Yes);
        };
        let (client, tries) = (&row.client_id, row.tries);
        let so_often = u32::try_from(tries).unwrap_or(u32::MAX);
        if let Some(wait_ms) = PATIENCE.after(so_often, self.chance()) {
            store.postpone_logout(row, wait_ms, self.auth.clock.now()).await?;
            tracing::warn!(%client, tries, wait_ms, %why, "an app was not told of a sign-out");
            return Ok(Told::Later);
        }
        store.end_logout(row).await?;
        tracing::error!(%client, tries, %why, "an app is told of a sign-out no more");
        Ok(Told::Never)
    }

    fn sign(&self, row: &LogoutRow, alg: SigningAlg) -> Result<String, AuthError> {
        let now = self.auth.clock.now().0 / SECOND;
        let claims = Claims {
            iss: self.auth.issuer(),
            sub: row.subject.clone(),
            aud: row.client_id.as_str().to_owned(),
            iat: now,
            exp: now + LIFE_S,
            jti: self.auth.ids.token(22),
            sid: row.browser_sid.clone(),
            events: json!({ EVENT: {} }),
        };
        self.auth.sign(alg, Some(TYPE), &claims)
    }

    /// Posts the token to the app, behind the guard (attack D13).
    async fn deliver(&self, url: &str, token: &str) -> Result<(), Untold> {
        let outward = &self.auth.provider.outward;
        let status = outward.post_form(url, &[("logout_token", token)]).await?;
        if status.is_success() { Ok(()) } else { Err(Untold::Status(status.as_u16())) }
    }

    fn chance(&self) -> u16 {
        let mut bytes = [0; 2];
        self.auth.ids.fill(&mut bytes);
        u16::from_le_bytes(bytes)
    }
}
