//! Signing in with a password. An account that does not exist costs the same work and gets the
//! same answers as one that does.

use std::net::IpAddr;

use super::{
    Auth, AuthError,
    factors::Challenge,
    hash_token, hashing,
    limits::{Limited, TooMany},
    sessions::{BY_PASSWORD, Device},
    sign_up::Started,
};
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
    /// The signed cookie of a device on which somebody has signed in before.
    pub known_device: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInError {
    /// No such account, or another password: nobody is told which.
    #[error("wrong address or password")]
    Wrong,
    #[error("too many tries")]
    TooMany(TooMany),
    /// The password is right, and not enough: there is no session yet (attack A18).
    #[error("a second factor is asked for")]
    SecondFactor(Box<Challenge>),
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl From<Limited> for SignInError {
    fn from(error: Limited) -> Self {
        match error {
            Limited::TooMany(too_many) => Self::TooMany(too_many),
            Limited::Auth(error) => Self::Auth(error),
        }
    }
}

impl Auth {
    pub(crate) async fn sign_in(
        &self,
        form: SignIn,
        device: Device,
        address: Option<IpAddr>,
    ) -> Result<Started, SignInError> {
        let SignIn { email, password, remember, replaces, known_device } = form;
        let account = self.counted_as(hash_token(email.as_str()), known_device.as_deref());
        let attempt = self.limits.begin(account, address).await?;
        let found = self.store.login_by_email(email.as_str()).await.map_err(AuthError::from)?;
        let hash = found.as_ref().and_then(|(_, hash)| hash.clone());
        let right = self.hasher.matches(password.clone(), hash.clone()).await?;
        let tried = |kind| {
            let user = found.as_ref().map(|(user, _)| user);
            self.tried(kind, &device, user, &email)
        };
        let user = match &found {
            Some((user, _)) if right => user.clone(),
            _ => {
                let (failed, locks) =
                    (tried(AuthEventKind::SignInFailed), tried(AuthEventKind::AccountLocked));
                let locked = attempt.failed(failed, locks).await?;
                if let (true, Some((user, _))) = (locked, &found) {
                    self.tell_locked(user, &device).await;
                }
                return Err(SignInError::Wrong);
            }
        };
        let account = attempt.succeeded();
        if user.is_banned(self.clock.now()) {
            self.store.guess_succeeded(&account).await.map_err(AuthError::from)?;
            self.note(tried(AuthEventKind::SignInFailed)).await;
            return Err(AuthError::Banned.into());
        }
        let user = self.without_old_ban(user).await?;
        if user.two_factor_enabled {
            if let Some(old) = replaces {
                self.end_replaced(&old, &device).await?;
            }
            self.store.guess_succeeded(&account).await.map_err(AuthError::from)?;
            let challenge = self.ask_second_factor(user, remember).await?;
            return Err(SignInError::SecondFactor(Box::new(challenge)));
        }
        let (mut session, token) = self.new_session(&user.id, remember, device.clone());
        BY_PASSWORD.clone_into(&mut session.amr);
        let event = tried(AuthEventKind::SignIn);
        self.store.begin_session(&account, session, event).await.map_err(AuthError::from)?;
        if let Some(hash) = hash {
            self.modernise(&user, password, hash).await;
        }
        if let Some(old) = replaces {
            self.end_replaced(&old, &device).await?;
        }
        Ok(Started { user, token })
    }

    /// A hash that another program made becomes one of ours, unless the password was changed
    /// meanwhile. What does not succeed is tried again at the next sign-in.
    async fn modernise(&self, user: &User, password: Password, old: String) {
        if hashing::is_ours(&old) {
            return;
        }
        let renewed = async {
            let hash = self.hasher.hash(password, self.ids.as_ref()).await?;
            Ok::<_, AuthError>(
                self.store.replace_password(&user.id, &old, hash, self.clock.now()).await?,
            )
        };
        if let Err(error) = renewed.await {
            tracing::warn!(%error, "an imported password hash was not renewed");
        }
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

    pub(super) async fn end_replaced(&self, token: &str, device: &Device) -> Result<(), AuthError> {
        match self.by_session_token(token).await {
            Ok(old) => {
                self.sign_out(&old, device).await?;
                self.catch_up().await;
                Ok(())
            }
            Err(AuthError::NotSignedIn | AuthError::Banned) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
