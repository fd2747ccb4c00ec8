//! Devices on which the second factor is not asked for, for 30 days after the last sign-in there.

use std::fmt::Write;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Challenge, Factors};
use crate::{
    auth::{
        Auth, AuthError, hash_token,
        sessions::{BY_PASSWORD, Device},
        sign_up::Started,
    },
    domain::{clock::DAY, ids::UserId},
    store::{StoreError, auth_events::AuthEventKind, two_factors::TrustedDevice, users::User},
};

pub(crate) const TRUST_LIFE: i64 = 30 * DAY;
const NAME_LENGTH: usize = 32;

impl Factors {
    /// The cookie's value: Better-Auth's form, a MAC that binds the device's name to the person.
    fn trust_value(&self, owner: &UserId, name: &str) -> String {
        let tag = hmac::sign(&self.trust, format!("{owner}!{name}").as_bytes());
        format!("{}!{name}", STANDARD.encode(tag.as_ref()))
    }
}

impl Auth {
    /// Trusts the device that asks from now on. Gives the cookie's value.
    pub(crate) async fn trust_device(&self, user: &User) -> Result<String, AuthError> {
        let (row, value) = self.trusted(&user.id);
        self.store.trust_device(row).await?;
        Ok(value)
    }

    /// Lets a sign-in go on where the device's cookie is good. Gives the new cookie's value, and
    /// nothing for a device that is not trusted.
    pub(crate) async fn enter_by_trust(
        &self,
        challenge: &Challenge,
        cookie: &str,
        device: Device,
    ) -> Result<Option<(Started, String)>, AuthError> {
        let user = &challenge.user;
        let Some((_, name)) = cookie.split_once('!') else { return Ok(None) };
        if self.factors.trust_value(&user.id, name) != cookie {
            return Ok(None);
        }
        let (next, value) = self.trusted(&user.id);
        let event = self.event(AuthEventKind::SignIn, &device).of(&user.id, &user.email);
        let (mut session, token) = self.new_session(&user.id, challenge.remember, device);
        // The code was not asked for this time.
        BY_PASSWORD.clone_into(&mut session.amr);
        let after = (hash_token(&challenge.name), session);
        match self.store.enter_by_trust(&hash_token(name), next, after, event).await {
            Ok(true) => Ok(Some((Started { user: user.clone(), token }, value))),
            Ok(false) | Err(StoreError::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn trusted(&self, owner: &UserId) -> (TrustedDevice, String) {
        let name = format!("trust-device-{}", self.ids.token(NAME_LENGTH));
        let now = self.clock.now();
        let row = TrustedDevice {
            token_hash: hash_token(&name),
            user_id: owner.clone(),
            expires_at: now.plus(TRUST_LIFE).0,
            created_at: now.0,
        };
        let value = self.factors.trust_value(owner, &name);
        (row, value)
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
