//! Signing in with a password. An account that does not exist costs the same work and gets the
//! same answers as one that does.

use std::net::IpAddr;

use super::{Auth, AuthError, hash_token, limits::TooMany, sessions::Device, sign_up::Started};
use crate::{
    domain::{email::Email, password::Password},
    store::{
        auth_events::{AuthEvent, AuthEventKind},
        users::User,
    },
};

#[derive(Debug, Clone)]
pub(crate) struct SignIn {
    pub email: Email,
    pub password: Password,
    pub remember: bool,
    /// The session token that the browser came with: it ends, so that no one who planted it
    /// shares the new one (attack C2).
    pub replaces: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInError {
    /// No such account, or another password: nobody is told which.
    #[error("wrong address or password")]
    Wrong,
    #[error("too many tries")]
    TooMany(TooMany),
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl Auth {
    pub(crate) async fn sign_in(
        &self,
        form: SignIn,
        device: Device,
        address: Option<IpAddr>,
    ) -> Result<Started, SignInError> {
        let SignIn { email, password, remember, replaces } = form;
        let key = hash_token(email.as_str());
        let attempt = self.limits.begin(key, address).await.map_err(SignInError::TooMany)?;
        let found = self.store.login_by_email(email.as_str()).await.map_err(AuthError::from)?;
        let hash = found.as_ref().and_then(|(_, hash)| hash.clone());
        let right = self.hasher.matches(password, hash).await?;
        let tried = |kind| {
            let user = found.as_ref().map(|(user, _)| user);
            self.tried(kind, &device, user, &email)
        };
        let user = match &found {
            Some((user, _)) if right => user.clone(),
            _ => {
                let locked = attempt.failed();
                self.note(tried(AuthEventKind::SignInFailed)).await;
                if locked {
                    self.note(tried(AuthEventKind::AccountLocked)).await;
                }
                return Err(SignInError::Wrong);
            }
        };
        attempt.succeeded();
        if user.is_banned(self.clock.now()) {
            self.note(tried(AuthEventKind::SignInFailed)).await;
            return Err(AuthError::Banned.into());
        }
        let (session, token) = self.new_session(&user.id, remember, device.clone());
        let event = tried(AuthEventKind::SignIn);
        self.store.insert_session(session, event).await.map_err(AuthError::from)?;
        if let Some(old) = replaces {
            self.end_replaced(&old, &device).await?;
        }
        Ok(Started { user, token })
    }

    /// An event with the address that was tried, and the account if it has one.
    fn tried(
        &self,
        kind: AuthEventKind,
        device: &Device,
        user: Option<&User>,
        email: &Email,
    ) -> AuthEvent {
        let user_id = user.map(|user| user.id.clone());
        AuthEvent { user_id, ..self.event(kind, device).tried(email.as_str()) }
    }

    async fn end_replaced(&self, token: &str, device: &Device) -> Result<(), AuthError> {
        match self.by_session_token(token).await {
            Ok(old) => self.sign_out(&old, device).await,
            Err(AuthError::NotSignedIn | AuthError::Banned) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
