//! Signing up: an account, a session and a mail with a link.

use std::net::IpAddr;

use super::{
    Auth, AuthError,
    limits::{Limited, TooMany},
    people::NewPerson,
    sessions::{BY_PASSWORD, Device},
};
use crate::{
    domain::{
        email::Email,
        password::{Password, Weakness},
        return_url::ReturnUrl,
        role::Role,
    },
    mail::Mail,
    store::{StoreError, auth_events::AuthEventKind, users::User},
};

/// What a person fills in.
#[derive(Debug, Clone)]
pub(crate) struct SignUp {
    pub name: String,
    pub email: Email,
    pub password: Password,
    pub image: Option<String>,
    pub remember: bool,
    /// Where the mailed link leads in the end.
    pub back: ReturnUrl,
}

/// A person with a session that has just begun. The token is nowhere else.
#[derive(Debug)]
pub(crate) struct Started {
    pub user: User,
    pub token: String,
}

#[derive(Debug)]
pub(crate) enum SignedUp {
    In(Box<Started>),
    /// Addresses are kept secret (`accounts.hide_existing`): whether the account is new is told by
    /// mail alone. The user is as a new one would look.
    Neutral(Box<User>),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum SignUpError {
    #[error("signing up is closed")]
    Closed,
    #[error(transparent)]
    Weak(Weakness),
    #[error("the address is taken")]
    Taken,
    #[error("too many new accounts")]
    TooMany(TooMany),
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl From<Limited> for SignUpError {
    fn from(error: Limited) -> Self {
        match error {
            Limited::TooMany(too_many) => Self::TooMany(too_many),
            Limited::Auth(error) => Self::Auth(error),
        }
    }
}

impl Auth {
    /// Whether it may be somebody's new password here (`accounts.password_policy`).
    pub(crate) fn check_password(&self, password: &Password) -> Result<(), Weakness> {
        password.check(self.password_policy)
    }

    /// Always makes a student, whose address is not verified.
    pub(crate) async fn sign_up(
        &self,
        form: SignUp,
        device: Device,
        address: Option<IpAddr>,
    ) -> Result<SignedUp, SignUpError> {
        if !self.allow_sign_up {
            return Err(SignUpError::Closed);
        }
        self.check_password(&form.password).map_err(SignUpError::Weak)?;
        self.limits.sign_up(address).await?;
        let SignUp { name, email, password, image, remember, back } = form;
        let hash = self.hasher.hash(password, self.ids.as_ref()).await?;
        let person = NewPerson { email, name, role: Role::Student, verified: false };
        let (mut user, login) = self.rows(person, hash);
        user.image = image;
        let event = self.event(AuthEventKind::SignUp, &device).of(&user.id, &user.email);
        let (mut session, token) = self.new_session(&user.id, remember, device.clone());
        BY_PASSWORD.clone_into(&mut session.amr);
        let begun = (!self.hide_existing).then_some(session);
        match self.store.sign_up(user.clone(), login, begun, Some(event)).await {
            Ok(()) => self.mail_verification(&user, &back, &device).await,
            Err(StoreError::Conflict(_)) if self.hide_existing => {
                self.mail_account_exists(&user.email, &device).await;
            }
            Err(StoreError::Conflict(_)) => return Err(SignUpError::Taken),
            Err(error) => return Err(AuthError::from(error).into()),
        }
        if self.hide_existing {
            return Ok(SignedUp::Neutral(Box::new(user)));
        }
        Ok(SignedUp::In(Box::new(Started { user, token })))
    }

    /// To the stored name and address, never to what was typed.
    async fn mail_account_exists(&self, email: &str, device: &Device) {
        if let Ok(owner) = self.store.user_by_email(email).await {
            let sign_in = format!("{}/sign-in", self.origins.own());
            self.post(Mail::account_exists(super::outbox::to(&owner, device), &sign_in)).await;
        }
    }

    /// A mail that cannot be kept does not undo what it is about: the person can ask for another.
    pub(super) async fn post(&self, mail: Mail) {
        let kind = mail.kind.as_str();
        if let Err(error) = self.mailer.post(mail).await {
            tracing::error!(kind, %error, "a mail was lost");
        }
    }
}
