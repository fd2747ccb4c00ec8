//! The authenticator app set up and shown again; factors taken away. Each asks for the password; each
//! change is told to the owner by mail (attack A19).

use std::net::IpAddr;

use super::{FactorError, codes};
use crate::{
    auth::{Auth, Identity, sessions::Device},
    domain::password::Password,
    mail::Notice,
    store::{StoreError, auth_events::AuthEventKind, two_factors::TwoFactor},
};

/// What the person's app and her drawer get; shown once.
#[derive(Debug)]
pub(crate) struct Enrolled {
    pub uri: String,
    pub codes: Vec<String>,
}

impl Auth {
    /// Makes a secret and recovery codes. They count from the first right code on.
    pub(crate) async fn enable_totp(
        &self,
        identity: &Identity,
        password: Option<Password>,
        service: Option<&str>,
        from: (&Device, Option<IpAddr>),
    ) -> Result<Enrolled, FactorError> {
        self.confirm_password(identity, password, from).await?;
        let owner = &identity.user.id;
        let mut bytes = [0; codes::SECRET_BYTES];
        self.ids.fill(&mut bytes);
        let secret = totp_rs::Secret::new(bytes.to_vec().into()).to_base32();
        let uri = codes::totp(&secret, &identity.user.email, codes::service(service))?.to_url()?;
        let plain = codes::recovery_codes(self.ids.as_ref());
        let hashed = plain.iter().map(|code| self.factors.hash_code(owner, code)).collect();
        let now = self.clock.now().0;
        let row = TwoFactor {
            user_id: owner.clone(),
            secret_sealed: self.factors.seal_secret(&secret, owner, self.ids.as_ref())?,
            verified: false,
            last_step: 0,
            failures: 0,
            locked_until: 0,
            created_at: now,
            updated_at: now,
            by_mail: false,
        };
        match self.store.begin_two_factor(row, hashed).await {
            Ok(()) => Ok(Enrolled { uri, codes: plain }),
            Err(StoreError::Conflict(_)) => Err(FactorError::AlreadyEnabled),
            Err(error) => Err(error.into()),
        }
    }

    /// The `otpauth` address again.
    pub(crate) async fn totp_uri(
        &self,
        identity: &Identity,
        password: Option<Password>,
        from: (&Device, Option<IpAddr>),
    ) -> Result<String, FactorError> {
        self.confirm_password(identity, password, from).await?;
        let row = self.store.two_factor(&identity.user.id).await.map_err(not_enabled)?;
        if row.secret_sealed.is_empty() {
            return Err(FactorError::NotEnabled);
        }
        let secret = self.factors.open_secret(&row.secret_sealed, &row.user_id)?;
        Ok(codes::totp(&secret, &identity.user.email, codes::service(None))?.to_url()?)
    }

    /// New recovery codes; the old ones are worth nothing.
    pub(crate) async fn renew_recovery_codes(
        &self,
        identity: &Identity,
        password: Option<Password>,
        from: (&Device, Option<IpAddr>),
    ) -> Result<Vec<String>, FactorError> {
        let (device, _) = from;
        self.confirm_password(identity, password, from).await?;
        let user = &identity.user;
        let plain = codes::recovery_codes(self.ids.as_ref());
        let hashed = plain.iter().map(|code| self.factors.hash_code(&user.id, code)).collect();
        let event = self.event(AuthEventKind::MfaCodesMade, device).of(&user.id, &user.email);
        self.store.replace_codes(&user.id, hashed, event).await.map_err(not_enabled)?;
        self.mail_notice((&user.email, &user.name), Notice::CodesMade, device).await;
        Ok(plain)
    }

    /// Takes the factor away. All other sessions end.
    pub(crate) async fn disable_totp(
        &self,
        identity: &Identity,
        password: Option<Password>,
        from: (&Device, Option<IpAddr>),
    ) -> Result<(), FactorError> {
        let (device, _) = from;
        self.confirm_password(identity, password, from).await?;
        let user = &identity.user;
        let event = self.event(AuthEventKind::MfaDisabled, device).of(&user.id, &user.email);
        self.store
            .disable_two_factor(&user.id, &identity.session, event)
            .await
            .map_err(not_enabled)?;
        self.mail_notice((&user.email, &user.name), Notice::FactorsRemoved, device).await;
        Ok(())
    }
}

pub(super) fn not_enabled(error: StoreError) -> FactorError {
    match error {
        StoreError::NotFound => FactorError::NotEnabled,
        error => error.into(),
    }
}
