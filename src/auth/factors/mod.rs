//! Second factors: an authenticator app or mailed codes, recovery codes, devices that are trusted,
//! passkeys.
//!
//! No session exists before the second factor is proved (attack A18): a right password makes a
//! [`Challenge`], which opens nothing but the calls that prove.

use std::net::IpAddr;

use aws_lc_rs::hmac;
use totp_rs::TotpError;
use webauthn_rs::Webauthn;

use super::{
    Auth, AuthError, Identity, Secret,
    change_password::{Caller, PasswordError},
    limits::TooMany,
    sealing::Sealer,
    sessions::Device,
};
use crate::{
    domain::{origin::Origins, password::Password},
    mail::{Mail, Notice, To},
    store::StoreError,
};

mod challenge;
mod codes;
mod enrolment;
mod mailed;
mod passkey_sign_in;
mod passkeys;
mod proving;
mod trust;

pub(crate) use challenge::{CHALLENGE_LIFE, Challenge, Entered};
pub(crate) use passkeys::{CEREMONY_LIFE, PasskeyError};
pub(crate) use proving::{Code, Proved, Prover};
pub(crate) use trust::TRUST_LIFE;

/// How authenticator apps name this server.
const SERVICE: &str = "IntelliStack";

/// Why a factor is not proved or changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FactorError {
    /// Wrong, or used before.
    #[error("the code is wrong")]
    WrongCode,
    /// No sign-in waits, or it waited too long.
    #[error("no sign-in waits for a code")]
    NoChallenge,
    #[error("this sign-in has had its tries")]
    UsedUp,
    /// No code was mailed, or it is too old.
    #[error("no mailed code waits")]
    NoCode,
    /// No mail leaves this server.
    #[error("no mail is sent here")]
    NoMail,
    /// Whether she reads the mail of her address is not known.
    #[error("the address is not verified")]
    Unverified,
    /// No code is looked at for so many milliseconds.
    #[error("too many wrong codes")]
    Locked(i64),
    #[error("there is no second factor")]
    NotEnabled,
    #[error("there is a second factor already")]
    AlreadyEnabled,
    #[error("wrong password")]
    WrongPassword,
    /// There is no password to ask for, and the session was proved too long ago.
    #[error("the session is not fresh")]
    NotFresh,
    #[error("too many tries")]
    TooMany(TooMany),
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl From<StoreError> for FactorError {
    fn from(error: StoreError) -> Self {
        Self::Auth(error.into())
    }
}

impl From<TotpError> for FactorError {
    fn from(error: TotpError) -> Self {
        Self::Auth(AuthError::Broken(error.to_string()))
    }
}

/// The keys that factors are kept with.
pub(super) struct Factors {
    sealer: Sealer,
    codes: hmac::Key,
    mailed: hmac::Key,
    trust: hmac::Key,
    /// None where people reach the server by an address instead of a name: browsers have no
    /// passkeys there.
    passkeys: Option<Webauthn>,
}

impl Factors {
    pub(super) fn new(secret: &Secret, origins: &Origins) -> Result<Self, AuthError> {
        let key = |purpose| hmac::Key::new(hmac::HMAC_SHA256, &secret.key_for(purpose));
        Ok(Self {
            sealer: Sealer::new(secret, "totp secrets v1")?,
            codes: key("recovery codes v1"),
            mailed: key("mailed codes v1"),
            trust: key("trusted devices v1"),
            passkeys: passkeys::verifier(origins)?,
        })
    }
}

impl From<PasswordError> for FactorError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::TooMany(too_many) => Self::TooMany(too_many),
            PasswordError::Auth(error) => error.into(),
            PasswordError::None => Self::NotFresh,
            PasswordError::Wrong | PasswordError::Weak(_) => Self::WrongPassword,
        }
    }
}

impl Auth {
    /// Asks for the password again; wrong ones count towards the lockout. Who has none must have
    /// signed in within five minutes.
    async fn confirm_password(
        &self,
        identity: &Identity,
        password: Option<Password>,
        (device, address): (&Device, Option<IpAddr>),
    ) -> Result<(), FactorError> {
        let login = self.store.login_by_email(&identity.user.email).await?;
        if login.and_then(|(_, hash)| hash).is_none() {
            return if self.is_fresh(identity) { Ok(()) } else { Err(FactorError::NotFresh) };
        }
        let password = password.ok_or(FactorError::WrongPassword)?;
        let caller = Caller { device: device.clone(), address };
        self.prove_password(identity, password, &caller).await?;
        Ok(())
    }

    /// Tells the owner what happened to her account, so that she notices what she did not do.
    pub(super) async fn mail_notice(
        &self,
        (address, name): (&str, &str),
        what: Notice<'_>,
        device: &Device,
    ) {
        let to = To { address, name, locale: device.locale };
        self.post(Mail::security_notice(to, what)).await;
    }

    /// As if the account had seen no wrong password.
    #[cfg(test)]
    pub(crate) async fn forget_failures(&self, email: &str) {
        self.unlock(email).await.unwrap();
    }
}
