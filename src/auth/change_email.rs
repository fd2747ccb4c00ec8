//! Another address for an account (attack A19): the old address is asked first, if it is verified,
//! then the new one; then the account moves, other sign-ins end, and the old address is told.

use super::{
    Auth, AuthError, Identity, hash_token,
    links::{Change, Claims, LINK_LIFE, LinkError, Step},
    outbox::to,
    sessions::Device,
    verify::link_error,
};
use crate::{
    domain::{email::Email, ids::UserId, return_url::ReturnUrl},
    mail::{Mail, To},
    store::{
        StoreError,
        auth_events::AuthEventKind,
        change_email::MoveEmail,
        users::User,
        verifications::{NewProof, Verification},
    },
};

const KIND: &str = "change-email";
const SECRET_LENGTH: usize = 32;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeEmailError {
    #[error("it is the account's address already")]
    Same,
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl Auth {
    /// Mails the first link. Of an address that somebody has, nothing is mailed and nobody is told:
    /// the same is written and answered.
    pub(crate) async fn change_email(
        &self,
        who: &Identity,
        new: &Email,
        back: &ReturnUrl,
        device: &Device,
    ) -> Result<(), ChangeEmailError> {
        if who.user.email == new.as_str() {
            return Err(ChangeEmailError::Same);
        }
        let user = self.store.user(&who.user.id).await.map_err(AuthError::from)?;
        let taken = match self.store.user_by_email(new.as_str()).await {
            Ok(_) => true,
            Err(StoreError::NotFound) => false,
            Err(error) => return Err(AuthError::from(error).into()),
        };
        let step = if user.email_verified {
            Step::ChangeEmailConfirmation
        } else {
            Step::ChangeEmailVerification
        };
        let change = Change {
            to: new.as_str().to_owned(),
            step,
            secret: self.ids.token(SECRET_LENGTH),
            session: who.session.clone(),
        };
        let (proof, mail) = self.next_step(&user, change, back, device)?;
        let row = self.mailer.row(mail)?.filter(|_| !taken);
        let event = self.event(AuthEventKind::EmailChangeRequested, device);
        let event = event.of(&user.id, &user.email);
        let proof = NewProof { proof, mail: row };
        self.store.insert_verification(proof, event).await.map_err(AuthError::from)?;
        self.mailer.told();
        Ok(())
    }

    /// The proof and the mail of a step.
    fn next_step(
        &self,
        user: &User,
        change: Change,
        back: &ReturnUrl,
        device: &Device,
    ) -> Result<(Verification, Mail), AuthError> {
        let now = self.clock.now();
        let proof = self.proof(identifier(&change.secret), &user.id, LINK_LIFE);
        let (step, new) = (change.step, change.to.clone());
        let token = self.links.sign((&user.id, &user.email), Some(change), now)?;
        let link = self.verify_link(&token, back);
        let mail = match step {
            Step::ChangeEmailConfirmation => {
                Mail::change_email_confirmation(to(user, device), &new, &link)
            }
            Step::ChangeEmailVerification => {
                let there = To { address: &new, name: &user.name, locale: device.locale };
                Mail::change_email_verification(there, &link)
            }
        };
        Ok((proof, mail))
    }

    pub(super) fn proof(&self, identifier: String, of: &UserId, life: i64) -> Verification {
        let now = self.clock.now();
        Verification {
            id: self.ids.token(32),
            identifier,
            value: of.as_str().to_owned(),
            expires_at: now.plus(life).0,
            created_at: now.0,
            updated_at: now.0,
        }
    }

    /// The old address has agreed: the new one is asked.
    pub(super) async fn confirm_change(
        &self,
        claims: &Claims,
        change: Change,
        back: &ReturnUrl,
        device: &Device,
    ) -> Result<(), LinkError> {
        let spent = identifier(&change.secret);
        let user = self.owner(claims).await?;
        let step = Step::ChangeEmailVerification;
        let next = Change { step, secret: self.ids.token(SECRET_LENGTH), ..change };
        let (proof, mail) = self.next_step(&user, next, back, device)?;
        let next = NewProof { proof, mail: self.mailer.row(mail)? };
        let event = self.event(AuthEventKind::EmailChangeRequested, device);
        let event = event.of(&user.id, &user.email);
        self.store.replace_verification(&spent, next, event).await.map_err(link_error)?;
        self.mailer.told();
        Ok(())
    }

    /// The new address has agreed: the account moves.
    pub(super) async fn move_email(
        &self,
        claims: &Claims,
        change: Change,
        device: &Device,
    ) -> Result<(), LinkError> {
        let user = self.owner(claims).await?;
        let notice = Mail::email_changed(to(&user, device), &change.to);
        let notice = if user.email_verified { self.mailer.row(notice)? } else { None };
        let event = self.event(AuthEventKind::EmailChanged, device).of(&user.id, &user.email);
        let moved = MoveEmail {
            user: user.id,
            from: claims.email.clone(),
            proof: identifier(&change.secret),
            to: change.to,
            kept: change.session,
            notice,
        };
        match self.store.move_email(moved, event).await {
            // Somebody took the address meanwhile; who that is concerns nobody.
            Err(StoreError::Conflict(_)) => return Err(LinkError::Invalid),
            moved => moved.map_err(link_error)?,
        }
        self.mailer.told();
        Ok(())
    }

    /// Whether a step can still be taken.
    pub(super) async fn check_change(&self, change: &Change) -> Result<(), LinkError> {
        let found = self.store.verification(&identifier(&change.secret), self.clock.now()).await;
        found.map(|_| ()).map_err(link_error)
    }

    /// Whose link it is, if her address is what it was.
    async fn owner(&self, claims: &Claims) -> Result<User, LinkError> {
        let user = self.store.user(&claims.user).await.map_err(link_error)?;
        if user.email == claims.email { Ok(user) } else { Err(LinkError::Invalid) }
    }
}

/// The secret itself is stored nowhere.
fn identifier(secret: &str) -> String {
    format!("{KIND}:{}", hash_token(secret))
}
