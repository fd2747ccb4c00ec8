//! Codes by mail as a second factor: five minutes, five tries, one use. Only for those who chose it,
//! with their password: whoever reads somebody's mail can set her another password too, and must not
//! get past the app of somebody who has one (attack A18).

use std::net::IpAddr;

use super::{FactorError, Prover, codes, enrolment::not_enabled};
use crate::{
    auth::{
        Auth, AuthError, Identity, hash_token, limits::Limited, outbox::to, sessions::Device,
        sign_up::Started,
    },
    domain::{clock::MINUTE, ids::UserId, password::Password},
    mail::{Mail, Notice},
    store::{
        StoreError,
        auth_events::AuthEventKind,
        mailed_codes::MailedCode,
        two_factors::{TRIES, TwoFactor},
    },
};

/// How long a mailed code is good for.
const LIFE: i64 = 5 * MINUTE;

impl From<Limited> for FactorError {
    fn from(error: Limited) -> Self {
        match error {
            Limited::TooMany(too_many) => Self::TooMany(too_many),
            Limited::Auth(error) => error.into(),
        }
    }
}

impl Auth {
    /// Whether mail written here is read by anybody.
    pub(super) fn mails(&self) -> bool {
        self.mailer.is_read()
    }

    /// From now on a code may be mailed when she signs in. Her address must be verified, which shows
    /// that she reads its mail. All sessions end, and one begins.
    pub(crate) async fn enable_mailed_codes(
        &self,
        identity: &Identity,
        password: Option<Password>,
        from: (&Device, Option<IpAddr>),
    ) -> Result<Started, FactorError> {
        let (device, _) = from;
        self.confirm_password(identity, password, from).await?;
        if !self.mails() {
            return Err(FactorError::NoMail);
        }
        let user = self.store.user(&identity.user.id).await?;
        if !user.email_verified {
            return Err(FactorError::Unverified);
        }
        let now = self.clock.now().0;
        let row = TwoFactor {
            user_id: user.id.clone(),
            secret_sealed: String::new(),
            verified: false,
            last_step: 0,
            failures: 0,
            locked_until: 0,
            created_at: now,
            updated_at: now,
            by_mail: true,
        };
        let (session, token) = self.new_session(&user.id, true, device.clone());
        let event = self.event(AuthEventKind::MfaEnabled, device).of(&user.id, &user.email);
        match self.store.add_mailed_codes(row, session, event.with("method", "otp")).await {
            Ok(()) => {}
            Err(StoreError::Conflict(_)) => return Err(FactorError::AlreadyEnabled),
            Err(error) => return Err(error.into()),
        }
        self.mail_notice((&user.email, &user.name), Notice::MailCodesAdded, device).await;
        let user = self.store.user(&user.id).await?;
        Ok(Started { user, token })
    }

    /// Mails a code to the owner of a sign-in that waits, or to somebody with a session. The code
    /// before it is worth nothing from now on.
    pub(crate) async fn mail_code(
        &self,
        who: Prover<'_>,
        (device, address): (&Device, Option<IpAddr>),
    ) -> Result<(), FactorError> {
        let now = self.clock.now();
        let owner = self.addressee(who).await?;
        let factor = self.store.two_factor(&owner).await.map_err(not_enabled)?;
        if !factor.by_mail {
            return Err(FactorError::NotEnabled);
        }
        if !self.mails() {
            return Err(FactorError::NoMail);
        }
        if factor.locked_until > now.0 {
            return Err(FactorError::Locked(factor.locked_until - now.0));
        }
        let user = self.store.user(&owner).await?;
        if user.is_banned(now) {
            return Err(AuthError::Banned.into());
        }
        self.may_mail_to(&user.email, address).await?;
        let (name, code) = (who.name(), codes::mailed_code(self.ids.as_ref()));
        let row = MailedCode {
            code_hash: self.factors.hash_mailed(&name, &owner, &code),
            name,
            user_id: owner,
            tries: 0,
            expires_at: now.plus(LIFE).0,
        };
        let mail = self.mailer.row(Mail::sign_in_code(to(&user, device), &code))?;
        let event = self.event(AuthEventKind::MfaCodeMailed, device).of(&user.id, &user.email);
        self.store.mail_code(row, mail, event).await?;
        self.mailer.told();
        Ok(())
    }

    /// Whose code it is to be.
    async fn addressee(&self, who: Prover<'_>) -> Result<UserId, FactorError> {
        match who {
            Prover::Session(identity) => Ok(identity.user.id.clone()),
            Prover::Challenge(name) => {
                match self.store.challenge(&hash_token(name), self.clock.now()).await {
                    Ok(waits) if waits.tries >= TRIES => Err(FactorError::UsedUp),
                    Ok(waits) => Ok(waits.user_id),
                    Err(StoreError::NotFound) => Err(FactorError::NoChallenge),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }
}
