//! Passwords of those who are signed in: proved again, and changed.

use std::net::IpAddr;

use super::{
    Auth, AuthError, Identity, hash_token,
    limits::{Limited, TooMany},
    outbox::to,
    sessions::{BY_PASSWORD, Device},
};
use crate::{
    domain::password::{Password, Weakness},
    mail::Mail,
    store::{auth_events::AuthEventKind, change_password::ChangePassword, users::User},
};

/// Where a call comes from, with the address that is counted.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub device: Device,
    pub address: Option<IpAddr>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
    #[error("the password is wrong")]
    Wrong,
    /// She signs in otherwise.
    #[error("the account has no password")]
    None,
    #[error(transparent)]
    Weak(Weakness),
    #[error("too many tries")]
    TooMany(TooMany),
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl From<Limited> for PasswordError {
    fn from(error: Limited) -> Self {
        match error {
            Limited::TooMany(too_many) => Self::TooMany(too_many),
            Limited::Auth(error) => Self::Auth(error),
        }
    }
}

impl Auth {
    /// Proves that the caller is who she is: her session is fresh from now on. Wrong passwords count
    /// for the lockout, as at sign-in.
    pub(crate) async fn verify_password(
        &self,
        who: &Identity,
        password: Password,
        caller: &Caller,
    ) -> Result<(), PasswordError> {
        self.prove_password(who, password, caller).await?;
        let now = self.clock.now();
        self.store.prove_session(&who.session, now).await.map_err(AuthError::from)?;
        Ok(())
    }

    /// Gives the person's row if the password is hers.
    pub(super) async fn prove_password(
        &self,
        who: &Identity,
        password: Password,
        Caller { device, address }: &Caller,
    ) -> Result<User, PasswordError> {
        let email = &who.user.email;
        let attempt = self.limits.begin(hash_token(email), *address).await?;
        let login = self.store.login_by_email(email).await.map_err(AuthError::from)?;
        let Some((user, Some(hash))) = login else { return Err(PasswordError::None) };
        if self.hasher.matches(password, Some(hash)).await? {
            let account = attempt.succeeded();
            self.store.guess_succeeded(&account).await.map_err(AuthError::from)?;
            return Ok(user);
        }
        let event = |kind| self.event(kind, device).of(&user.id, &user.email);
        let (failed, locks) =
            (event(AuthEventKind::ProofFailed), event(AuthEventKind::AccountLocked));
        if attempt.failed(failed, locks).await? {
            self.tell_locked(&user, device).await;
        }
        Err(PasswordError::Wrong)
    }

    /// Changes the password. Other sign-ins end, and mailed links are worth nothing (attack A19).
    /// With `renew` this sign-in ends too, and a new one begins: its token is given, and whether it
    /// is remembered.
    pub(crate) async fn change_password(
        &self,
        who: &Identity,
        (old, new): (Password, Password),
        renew: bool,
        caller: &Caller,
    ) -> Result<(User, Option<(String, bool)>), PasswordError> {
        self.check_password(&new).map_err(PasswordError::Weak)?;
        let user = self.prove_password(who, old, caller).await?;
        let hash = self.hasher.hash(new, self.ids.as_ref()).await?;
        let device = &caller.device;
        let begun = if renew {
            let (current, _) = self.store.session(&who.session).await.map_err(AuthError::from)?;
            let remember = current.remember;
            let (mut new, token) = self.new_session(&user.id, remember, device.clone());
            BY_PASSWORD.clone_into(&mut new.amr);
            Some((new, (token, remember)))
        } else {
            None
        };
        let (instead, token) = begun.unzip();
        let change = ChangePassword {
            user: user.id.clone(),
            hash,
            kept: who.session.clone(),
            instead,
            notice: self.mailer.row(Mail::password_changed(to(&user, device)))?,
        };
        let event = self.event(AuthEventKind::PasswordChanged, device).of(&user.id, &user.email);
        self.store.change_password(change, event).await.map_err(AuthError::from)?;
        self.mailer.told();
        Ok((user, token))
    }
}
