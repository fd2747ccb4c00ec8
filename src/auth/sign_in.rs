//! Signing in with a password. An account that does not exist costs the same work and gets the
//! same answers as one that does.

use std::net::IpAddr;

use super::{Auth, AuthError, hash_token, limits::TooMany, sessions::Device, sign_up::Started};
use crate::domain::{email::Email, password::Password};

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
        let user = match found {
            Some((user, _)) if right => user,
            _ => {
                attempt.failed();
                return Err(SignInError::Wrong);
            }
        };
        attempt.succeeded();
        if user.is_banned(self.clock.now()) {
            return Err(AuthError::Banned.into());
        }
        let (session, token) = self.new_session(&user.id, remember, device);
        self.store.insert_session(session).await.map_err(AuthError::from)?;
        if let Some(old) = replaces {
            self.end_replaced(&old).await?;
        }
        Ok(Started { user, token })
    }

    async fn end_replaced(&self, token: &str) -> Result<(), AuthError> {
        match self.by_session_token(token).await {
            Ok(old) => self.sign_out(&old).await,
            Err(AuthError::NotSignedIn | AuthError::Banned) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
