//! Devices without a browser (RFC 8628): one asks for a code, its person types it in where she has a
//! browser and agrees, and the device, which has kept asking, gets what she agreed to. Once.

use std::sync::Arc;

use std::net::IpAddr;

use super::{
    client::Client,
    issue::{IssueError, Recipient, Tokens, require_key},
};
use crate::{
    auth::{Auth, AuthError, Identity, hash_token, limits::Limited, sessions::Device},
    domain::{
        clock::{MINUTE, SECOND},
        ids::{SessionId, UserId},
        oidc::{client::GrantType, granted::Granted, scope::Scopes},
    },
    store::{
        StoreError,
        auth_events::AuthEventKind,
        oauth_devices::{Approval, DeviceRow, NewDevice, Polled},
    },
};

/// How long a device waits for its person.
pub(crate) const LIFE: i64 = 10 * MINUTE;
/// How often it may ask.
pub(crate) const INTERVAL: i64 = 5 * SECOND;
const CODE_LENGTH: usize = 40;
/// Consonants alone: no words, nothing to mix up (RFC 8628 §6.1). Eight are 34 bits.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const USER_CODE_LENGTH: usize = 8;
/// Codes that are tried before it is taken for a defect that each is another's.
const DRAWS: usize = 5;
const MAX_ADDRESS: usize = 64;

/// What a device was given.
#[derive(Debug)]
pub(crate) struct Begun {
    pub device_code: String,
    /// As it is shown: `XXXX-XXXX`.
    pub user_code: String,
}

/// A device that waits for its person.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub client: Arc<Client>,
    /// As it is shown.
    pub user_code: String,
    pub scopes: Scopes,
    pub address: String,
    pub agent: Option<String>,
    row: DeviceRow,
}

/// Why a typed code leads to no device.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CodeError {
    /// There is none, or it is used or expired: the same answer.
    #[error("no device waits under this code")]
    Unknown,
    #[error(transparent)]
    Limited(#[from] Limited),
}

impl From<AuthError> for CodeError {
    fn from(error: AuthError) -> Self {
        Self::Limited(error.into())
    }
}

/// Who agreed, in which sign-in in the browser, to what.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Approved {
    pub user: UserId,
    pub browser_sid: SessionId,
    pub granted: Granted,
}

/// Why a device gets nothing (RFC 8628 §3.5).
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeviceError {
    #[error("the person has not decided yet")]
    Pending,
    #[error("the device asks too often")]
    SlowDown,
    #[error("the person has declined")]
    Denied,
    #[error("the device has waited too long")]
    Expired,
    /// There is none, it is another client's, or it was taken.
    #[error("no device waits under this code")]
    Unknown,
    #[error(transparent)]
    Issue(#[from] IssueError),
    #[error(transparent)]
    Auth(#[from] AuthError),
}

/// Where somebody types a code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Typed<'a> {
    pub code: &'a str,
    pub address: Option<IpAddr>,
}

impl Auth {
    /// A device begins to wait. `device`: where it is. Limited an address.
    pub(crate) async fn begin_device(
        &self,
        client: &Client,
        asked: (Scopes, &[String]),
        device: &Device,
        address: Option<IpAddr>,
    ) -> Result<Begun, Limited> {
        self.limits.device(address).await?;
        let (scopes, resources) = asked;
        let detail = serde_json::to_string(resources)
            .map_err(|error| AuthError::Broken(error.to_string()))?;
        let now = self.clock.now();
        for _ in 0..DRAWS {
            let device_code = self.ids.token(CODE_LENGTH);
            let user_code = self.draw_user_code();
            let new = NewDevice {
                hash: hash_token(&device_code),
                user_code: user_code.clone(),
                client_id: client.id.clone(),
                scope: scopes.to_string(),
                detail: detail.clone(),
                address: device.address.chars().take(MAX_ADDRESS).collect(),
                agent: device.short_agent(),
                interval: INTERVAL,
                life: LIFE,
            };
            match self.store.insert_device(new, now).await {
                Err(StoreError::Conflict(_)) => {}
                Err(error) => return Err(AuthError::from(error).into()),
                Ok(()) => return Ok(Begun { device_code, user_code: shown(&user_code) }),
            }
        }
        Err(AuthError::Broken("each code for a device is another's".to_owned()).into())
    }

    /// The device that waits under a typed code. Wrong ones are limited an address (attack D23),
    /// and whoever has typed too many is not told of right ones either.
    pub(crate) async fn waiting_device(&self, typed: Typed<'_>) -> Result<Waiting, CodeError> {
        let counted = self.limits.code(typed.address).await?;
        let code = read_code(typed.code).ok_or(CodeError::Unknown)?;
        let row = match self.store.waiting_device(&code, self.clock.now()).await {
            Err(StoreError::NotFound) => return Err(CodeError::Unknown),
            found => found.map_err(AuthError::from)?,
        };
        let client = self.client(row.client_id.as_str()).await?.ok_or(CodeError::Unknown)?;
        self.limits.right_code(counted).await?;
        let scopes = Scopes::parse(&row.scope).map_err(damaged)?;
        Ok(Waiting {
            client,
            user_code: shown(&code),
            scopes,
            address: row.address.clone(),
            agent: row.agent.clone(),
            row,
        })
    }

    /// The person lets the device do what it asks for. [`CodeError::Unknown`] if it waits no more.
    pub(crate) async fn approve_device(
        &self,
        who: &Identity,
        waiting: &Waiting,
        device: &Device,
    ) -> Result<(), CodeError> {
        let (session, _) = self.load(self.store.session(&who.session).await).await?;
        let granted = Granted {
            scopes: waiting.scopes.clone(),
            resources: serde_json::from_str(&waiting.row.detail).map_err(damaged)?,
            ..Granted::proved(&session.amr, who.proved_at.max(who.signed_in_at))
        };
        let approval = Approval {
            user: who.user.id.clone(),
            browser_sid: who.session.clone(),
            granted: serde_json::to_string(&granted).map_err(damaged)?,
        };
        let event = self
            .event_by(AuthEventKind::ConsentGiven, who, device)
            .with("client", waiting.client.id.as_str())
            .with("scope", waiting.scopes.to_string())
            .with("device_address", waiting.address.as_str());
        self.note_use(&waiting.client).await?;
        let (code, now) = (&waiting.row.user_code, self.clock.now());
        let decided = self.store.decide_device(code, Some(approval), Some(event), now).await;
        if decided.map_err(AuthError::from)? { Ok(()) } else { Err(CodeError::Unknown) }
    }

    /// The device is to get nothing. [`CodeError::Unknown`] if it waits no more.
    pub(crate) async fn decline_device(&self, waiting: &Waiting) -> Result<(), CodeError> {
        let (code, now) = (&waiting.row.user_code, self.clock.now());
        let decided = self.store.decide_device(code, None, None, now).await;
        if decided.map_err(AuthError::from)? { Ok(()) } else { Err(CodeError::Unknown) }
    }
    /// Tokens for a device whose person has agreed. With `jkt` they are bound to that key.
    pub(crate) async fn redeem_device(
        &self,
        client: &Client,
        device_code: &str,
        jkt: Option<String>,
        device: &Device,
    ) -> Result<Tokens, DeviceError> {
        if !client.metadata.may_use(GrantType::DeviceCode) {
            let why = "This client may not ask as a device.";
            return Err(IssueError::UnauthorizedClient(why).into());
        }
        // What is agreed to is taken once: not by who could not use it.
        require_key(client, jkt.as_deref())?;
        let Approved { user, browser_sid, mut granted } =
            self.poll_device(client, device_code).await?;
        granted.jkt = jkt;
        let to = Recipient { user, browser_sid, granted };
        Ok(self.issue(client, to, device).await?)
    }

    /// What the person agreed to, told once to the app that asked. She must still be signed in where
    /// she did.
    pub(crate) async fn poll_device(
        &self,
        client: &Client,
        device_code: &str,
    ) -> Result<Approved, DeviceError> {
        let (hash, now) = (hash_token(device_code), self.clock.now());
        let polled = self.store.poll_device(&hash, &client.id, now).await;
        let Approval { user, browser_sid, granted } = match polled.map_err(AuthError::from)? {
            Polled::Approved(approval) => approval,
            Polled::Pending => return Err(DeviceError::Pending),
            Polled::SlowDown => return Err(DeviceError::SlowDown),
            Polled::Denied => return Err(DeviceError::Denied),
            Polled::Expired => return Err(DeviceError::Expired),
            Polled::Unknown => return Err(DeviceError::Unknown),
        };
        match self.identity_of(&browser_sid).await {
            Err(AuthError::NotSignedIn | AuthError::Banned) => return Err(DeviceError::Denied),
            found => found?,
        };
        let granted = serde_json::from_str(&granted).map_err(damaged)?;
        Ok(Approved { user, browser_sid, granted })
    }

    /// Letters of which each is as likely as any other.
    fn draw_user_code(&self) -> String {
        let mut code = String::with_capacity(USER_CODE_LENGTH);
        while code.len() < USER_CODE_LENGTH {
            let mut byte = [0];
            self.ids.fill(&mut byte);
            // 240 is the greatest multiple of 20 that a byte holds.
            let drawn = byte.iter().copied().filter(|byte| *byte < 240);
            code.extend(
                drawn.filter_map(|it| LETTERS.get(usize::from(it % 20))).map(|it| char::from(*it)),
            );
        }
        code
    }
}

/// `XXXX-XXXX`.
fn shown(code: &str) -> String {
    code.split_at_checked(USER_CODE_LENGTH / 2)
        .map_or_else(|| code.to_owned(), |(left, right)| format!("{left}-{right}"))
}

/// The letters of a typed code, in whatever case and with whatever between them.
fn read_code(typed: &str) -> Option<String> {
    let code: String = typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(USER_CODE_LENGTH + 1)
        .map(|letter| letter.to_ascii_uppercase())
        .collect();
    let sound = code.len() == USER_CODE_LENGTH && code.bytes().all(|it| LETTERS.contains(&it));
    sound.then_some(code)
}

fn damaged(error: impl std::fmt::Display) -> AuthError {
    AuthError::Broken(format!("what a device asked for cannot be read or written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_dashes_and_spaces_of_a_typed_code_do_not_matter() {
        for typed in ["BCDF-GHJK", "bcdfghjk", " bcdf ghjk ", "BC-DF-GH-JK"] {
            assert_eq!(read_code(typed).as_deref(), Some("BCDFGHJK"), "{typed}");
        }
        for odd in ["", "BCDF-GHJ", "BCDF-GHJKL", "AEIO-UYAE", "BCDF-GHJ1", "\u{412}CDF-GHJK"] {
            assert_eq!(read_code(odd), None, "{odd}");
        }
        assert_eq!(shown("BCDFGHJK"), "BCDF-GHJK");
    }
}
