//! Live tickets: what a page shows instead of its cookie when it opens a socket (`live.md` §1).
//!
//! Thirty seconds, one use, bound to user, session and the page's origin. The text is base64url of
//! a JSON object and an HMAC-SHA-256 over it, so it fits a WebSocket subprotocol.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{Auth, AuthError, Identity};
use crate::{
    domain::{
        clock::{Millis, SECOND},
        ids::{SessionId, UserId},
    },
    store::StoreError,
};

/// How long a ticket is good for.
pub(crate) const TICKET_LIFE: i64 = 30 * SECOND;
const TAG: usize = 32;
const MAX_LENGTH: usize = 2_048;

/// Why a ticket opens nothing. For the client all but the last are 4104.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TicketError {
    #[error("the ticket is not one of ours")]
    Unknown,
    #[error("the ticket is older than 30 seconds")]
    Expired,
    #[error("the ticket was used before")]
    Used,
    #[error("the ticket was given to another origin")]
    OtherOrigin,
    #[error("the sign-in behind the ticket is gone")]
    SessionGone,
    /// Nobody can say just now.
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl From<StoreError> for TicketError {
    fn from(error: StoreError) -> Self {
        Self::Auth(error.into())
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    #[serde(rename = "n")]
    nonce: String,
    #[serde(rename = "e")]
    expires: Millis,
    #[serde(rename = "u")]
    user: UserId,
    #[serde(rename = "s")]
    session: SessionId,
    #[serde(rename = "o")]
    origin: Option<String>,
    /// Until when the identity holds that asked for it, and whether staff rights count.
    #[serde(rename = "x")]
    identity_expires: Millis,
    #[serde(rename = "a")]
    may_administer: bool,
}

impl Auth {
    /// A ticket for `identity`, good for one socket opened by a page of `origin` (none: by a
    /// program that sends no Origin).
    pub(crate) fn issue_ticket(&self, identity: &Identity, origin: Option<&str>) -> String {
        let claims = Claims {
            nonce: self.ids.token(22),
            expires: self.clock.now().plus(TICKET_LIFE),
            user: identity.user.id.clone(),
            session: identity.session.clone(),
            origin: origin.map(str::to_owned),
            identity_expires: identity.expires,
            may_administer: identity.may_administer,
        };
        let mut bytes = serde_json::to_vec(&claims).unwrap_or_default();
        let tag = hmac::sign(&self.ticket_key, &bytes);
        bytes.extend_from_slice(tag.as_ref());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Uses the ticket up. Another origin's attempt does not: it must not burn a page's ticket.
    pub(crate) async fn redeem_ticket(
        &self,
        ticket: &str,
        origin: Option<&str>,
    ) -> Result<Identity, TicketError> {
        let claims = self.open_ticket(ticket).ok_or(TicketError::Unknown)?;
        if claims.expires <= self.clock.now() {
            return Err(TicketError::Expired);
        }
        if claims.origin.as_deref() != origin {
            return Err(TicketError::OtherOrigin);
        }
        if !self.store.spend_nonce(&claims.nonce, claims.expires).await? {
            return Err(TicketError::Used);
        }
        let mut identity = match self.identity_of(&claims.session).await {
            Ok(identity) if identity.user.id == claims.user => identity,
            Ok(_) | Err(AuthError::NotSignedIn | AuthError::Banned) => {
                return Err(TicketError::SessionGone);
            }
            Err(error) => return Err(error.into()),
        };
        identity.expires = identity.expires.min(claims.identity_expires);
        identity.may_administer &= claims.may_administer;
        Ok(identity)
    }

    fn open_ticket(&self, ticket: &str) -> Option<Claims> {
        if ticket.len() > MAX_LENGTH {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(ticket).ok()?;
        let (payload, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG)?)?;
        hmac::verify(&self.ticket_key, payload, tag).ok()?;
        serde_json::from_slice(payload).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        auth::{sessions::Device, tests::Bench},
        domain::role::Role,
    };

    const PAGE: Option<&str> = Some("http://localhost:8080");

    #[tokio::test(flavor = "multi_thread")]
    async fn a_ticket_opens_one_socket_and_no_second() {
        let bench = Bench::new().await;
        let ada = bench.signed_in("ada", Role::Student).await;

        let ticket = bench.auth.issue_ticket(&ada, PAGE);
        assert!(ticket.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        let opened = bench.auth.redeem_ticket(&ticket, PAGE).await.unwrap();
        assert_eq!((opened.user.id, opened.session), (ada.user.id, ada.session));

        let again = bench.auth.redeem_ticket(&ticket, PAGE).await;
        assert!(matches!(again, Err(TicketError::Used)));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_ticket_of_another_origin_is_refused_and_not_used_up() {
        let bench = Bench::new().await;
        let ada = bench.signed_in("ada", Role::Student).await;
        let ticket = bench.auth.issue_ticket(&ada, PAGE);

        for origin in [Some("http://evil.example"), None] {
            let result = bench.auth.redeem_ticket(&ticket, origin).await;
            assert!(matches!(result, Err(TicketError::OtherOrigin)), "{origin:?}");
        }
        assert!(bench.auth.redeem_ticket(&ticket, PAGE).await.is_ok());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_ticket_is_refused_after_thirty_seconds_and_after_sign_out() {
        let bench = Bench::new().await;
        let ada = bench.signed_in("ada", Role::Student).await;

        let old = bench.auth.issue_ticket(&ada, PAGE);
        bench.clock.advance(TICKET_LIFE);
        let result = bench.auth.redeem_ticket(&old, PAGE).await;
        assert!(matches!(result, Err(TicketError::Expired)));

        let orphan = bench.auth.issue_ticket(&ada, PAGE);
        bench.auth.sign_out(&ada, &Device::default()).await.unwrap();
        let result = bench.auth.redeem_ticket(&orphan, PAGE).await;
        assert!(matches!(result, Err(TicketError::SessionGone)));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_forged_ticket_is_unknown() {
        let bench = Bench::new().await;
        let ada = bench.signed_in("ada", Role::Student).await;
        let ticket = bench.auth.issue_ticket(&ada, PAGE);
        let flipped = if ticket.starts_with('A') { "B" } else { "A" };
        let changed = format!("{flipped}{}", &ticket[1..]);

        for bad in [changed.as_str(), "", "x", "!!", &"A".repeat(5_000)] {
            let result = bench.auth.redeem_ticket(bad, PAGE).await;
            assert!(matches!(result, Err(TicketError::Unknown)), "{bad:?}");
        }
    }
}
