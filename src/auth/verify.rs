//! Verified addresses: a signed link by mail, good for an hour (`auth-api.md` §4, verify-email).

use super::{
    Auth, AuthError,
    links::{Claims, LinkError, Step},
    outbox::to,
    sessions::Device,
};
use crate::{
    domain::{email::Email, return_url::ReturnUrl},
    mail::Mail,
    store::{StoreError, auth_events::AuthEventKind, users::User},
};

impl Auth {
    /// Mails a link to the person's stored address.
    pub(super) async fn mail_verification(&self, user: &User, back: &ReturnUrl, device: &Device) {
        match self.links.sign((&user.id, &user.email), None, self.clock.now()) {
            Ok(token) => {
                let link = self.verify_link(&token, back);
                self.post(Mail::verify_email(to(user, device), &link)).await;
            }
            Err(error) => tracing::error!(%error, "a verification link cannot be signed"),
        }
    }

    pub(super) fn verify_link(&self, token: &str, back: &ReturnUrl) -> String {
        format!("{}/verify-email?token={token}&callbackURL={}", self.issuer(), escaped(back))
    }

    /// Mails another link, if there is such an account and it needs one. Nobody is told.
    pub(crate) async fn mail_verification_again(
        &self,
        email: &Email,
        back: &ReturnUrl,
        device: &Device,
    ) -> Result<(), AuthError> {
        match self.store.user_by_email(email.as_str()).await {
            Ok(user) if !user.email_verified => self.mail_verification(&user, back, device).await,
            Ok(_) | Err(StoreError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Believes the link. Of an address that is verified already: as if it had worked.
    pub(crate) async fn verify_email(
        &self,
        token: &str,
        back: &ReturnUrl,
        device: &Device,
    ) -> Result<Option<Step>, LinkError> {
        let claims = self.links.open(token, self.clock.now())?;
        if let Some(change) = claims.change.clone() {
            let step = change.step;
            match step {
                Step::ChangeEmailConfirmation => {
                    self.confirm_change(&claims, change, back, device).await?;
                }
                Step::ChangeEmailVerification => self.move_email(&claims, change, device).await?,
            }
            return Ok(Some(step));
        }
        let Claims { user, email, .. } = claims;
        let event = self.event(AuthEventKind::EmailVerified, device).of(&user, &email);
        match self.store.set_verified(&user, &email, event).await {
            Ok(_) => Ok(None),
            Err(StoreError::NotFound) => Err(LinkError::Invalid),
            Err(error) => Err(AuthError::from(error).into()),
        }
    }

    /// What the link would do, without doing it: for a page with a button.
    pub(crate) async fn check_link(&self, token: &str) -> Result<Claims, LinkError> {
        let claims = self.links.open(token, self.clock.now())?;
        if let Some(change) = &claims.change {
            self.check_change(change).await?;
        }
        Ok(claims)
    }
}

pub(super) fn escaped(back: &ReturnUrl) -> String {
    url::form_urlencoded::byte_serialize(back.as_str().as_bytes()).collect()
}

/// A proof that is not there was used, replaced, or has expired.
pub(super) fn link_error(error: StoreError) -> LinkError {
    match error {
        StoreError::NotFound => LinkError::Invalid,
        error => AuthError::from(error).into(),
    }
}
