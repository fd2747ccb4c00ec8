//! The end of an account, by its owner's will: by her password, a fresh proof, or a mailed link.

use super::{
    Auth, AuthError, Identity,
    change_password::{Caller, PasswordError},
    hash_token,
    links::{LINK_LIFE, LinkError},
    outbox::to,
    sessions::Device,
    verify::{escaped, link_error},
};
use crate::{
    domain::{password::Password, return_url::ReturnUrl},
    mail::Mail,
    store::{StoreError, auth_events::AuthEventKind, verifications::NewProof},
};

/// Why an account stays.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeletionError {
    #[error("no admin would be left")]
    LastAdmin,
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Link(#[from] LinkError),
}

const TOKEN_LENGTH: usize = 32;

impl Auth {
    pub(crate) async fn delete_by_password(
        &self,
        who: &Identity,
        password: Password,
        caller: &Caller,
    ) -> Result<(), DeletionError> {
        self.prove_password(who, password, caller).await?;
        self.delete(who, None, &caller.device).await
    }

    /// The caller has proved lately that she is who she is.
    pub(crate) async fn delete_fresh(
        &self,
        who: &Identity,
        device: &Device,
    ) -> Result<(), DeletionError> {
        self.delete(who, None, device).await
    }

    /// With the link that was mailed to the caller; nobody else's will do.
    pub(crate) async fn delete_by_link(
        &self,
        who: &Identity,
        token: &str,
        device: &Device,
    ) -> Result<(), DeletionError> {
        self.delete(who, Some(identifier(token)), device).await
    }

    /// Mails the link.
    pub(crate) async fn mail_deletion(
        &self,
        who: &Identity,
        back: &ReturnUrl,
        device: &Device,
    ) -> Result<(), AuthError> {
        let user = self.store.user(&who.user.id).await?;
        let token = self.ids.token(TOKEN_LENGTH);
        let link = format!(
            "{}/delete-user/callback?token={token}&callbackURL={}",
            self.issuer(),
            escaped(back)
        );
        let proof = self.proof(identifier(&token), &user.id, LINK_LIFE);
        let mail = self.mailer.row(Mail::delete_account(to(&user, device), &link))?;
        let event = self.event(AuthEventKind::DeletionRequested, device);
        let event = event.of(&user.id, &user.email);
        self.store.insert_verification(NewProof { proof, mail }, event).await?;
        self.mailer.told();
        Ok(())
    }

    /// Whether the link is the caller's and good still; it stays good.
    pub(crate) async fn check_deletion(
        &self,
        who: &Identity,
        token: &str,
    ) -> Result<(), LinkError> {
        let found = self.store.verification(&identifier(token), self.clock.now()).await;
        let owner = found.map_err(link_error)?;
        if owner == who.user.id.as_str() { Ok(()) } else { Err(LinkError::Invalid) }
    }

    async fn delete(
        &self,
        who: &Identity,
        proof: Option<String>,
        device: &Device,
    ) -> Result<(), DeletionError> {
        // Of the event nothing stays but that an account was deleted.
        let event = self.event(
            AuthEventKind::UserDeleted,
            &Device { address: String::new(), agent: None, ..device.clone() },
        );
        let deleted = self.store.delete_user(&who.user.id, proof, event).await;
        deleted.map_err(|error| match error {
            StoreError::Conflict(_) => DeletionError::LastAdmin,
            error => link_error(error).into(),
        })?;
        self.unlock(&who.user.email).await.map_err(LinkError::from)?;
        Ok(())
    }
}

/// The token itself is stored nowhere.
fn identifier(token: &str) -> String {
    format!("delete-user:{}", hash_token(token))
}
