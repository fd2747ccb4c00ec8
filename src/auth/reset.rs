//! A forgotten password: a link by mail, good for an hour and for one use. It ends all sessions.

use super::{Auth, AuthError, hash_token, sessions::Device, verify::LinkError};
use crate::{
    domain::{clock::HOUR, email::Email, password::Password, return_url::ReturnUrl},
    mail::Mail,
    store::{StoreError, auth_events::AuthEventKind, verifications::Verification},
};

const LINK_LIFE: i64 = HOUR;
const TOKEN_LENGTH: usize = 24;

impl Auth {
    /// Mails a link, if there is such an account. Nobody is told whether there is.
    pub(crate) async fn request_reset(
        &self,
        email: &Email,
        back: &ReturnUrl,
        device: &Device,
    ) -> Result<(), AuthError> {
        let login = self.store.login_by_email(email.as_str()).await?;
        // Whom another issuer vouches for has no password here that could be forgotten.
        let Some((user, Some(_))) = login else { return Ok(()) };
        let (token, now) = (self.ids.token(TOKEN_LENGTH), self.clock.now());
        let proof = Verification {
            id: self.ids.token(32),
            identifier: identifier(&token),
            value: user.id.as_str().to_owned(),
            expires_at: now.plus(LINK_LIFE).0,
            created_at: now.0,
            updated_at: now.0,
        };
        let event = self.event(AuthEventKind::PasswordResetRequested, device);
        self.store.insert_verification(proof, event.of(&user.id, &user.email)).await?;
        let back: String = url::form_urlencoded::byte_serialize(back.as_str().as_bytes()).collect();
        let link = format!("{}/reset-password/{token}?callbackURL={back}", self.issuer());
        self.post(Mail::reset_password(&user.email, &user.name, &link)).await;
        Ok(())
    }

    /// Whether the link is good still; it stays good.
    pub(crate) async fn check_reset(&self, token: &str) -> Result<(), LinkError> {
        let found = self.store.verification(&identifier(token), self.clock.now()).await;
        found.map(|_| ()).map_err(link_error)
    }

    /// Uses the link up. A password that the caller has not checked is not taken.
    pub(crate) async fn reset_password(
        &self,
        token: &str,
        password: Password,
        device: &Device,
    ) -> Result<(), LinkError> {
        // No work is spent on a password for a link that is no good.
        self.check_reset(token).await?;
        let hash = self.hasher.hash(password, self.ids.as_ref()).await?;
        let event = self.event(AuthEventKind::PasswordReset, device);
        let reset = self.store.reset_password(&identifier(token), hash, event).await;
        let owner = reset.map_err(link_error)?;
        let user = self.store.user(&owner).await.map_err(AuthError::from)?;
        self.limits.unlock(&hash_token(&user.email));
        Ok(())
    }
}

/// The token itself is stored nowhere.
fn identifier(token: &str) -> String {
    format!("reset-password:{}", hash_token(token))
}

fn link_error(error: StoreError) -> LinkError {
    match error {
        StoreError::NotFound => LinkError::Invalid,
        error => AuthError::from(error).into(),
    }
}
