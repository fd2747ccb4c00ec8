//! A code is looked at. Each look is counted in the store before it is taken, so that no wave of
//! guesses gets more looks than there are (attack A17).

use super::{FactorError, codes};
use crate::{
    auth::{Auth, AuthError, Identity, hash_token, sessions::Device, sign_up::Started},
    domain::clock::Millis,
    store::{
        StoreError,
        auth_events::AuthEventKind,
        two_factors::{After, Means, Try, TwoFactor},
        users::User,
    },
};

/// What somebody shows.
#[derive(Clone, Copy)]
pub(crate) enum Code<'a> {
    Totp(&'a str),
    Recovery(&'a str),
}

/// Who shows it.
#[derive(Clone, Copy)]
pub(crate) enum Prover<'a> {
    /// The name of a sign-in that waits.
    Challenge(&'a str),
    /// Somebody with a session: for the first code, or to prove once more who she is.
    Session(&'a Identity),
}

#[derive(Debug)]
pub(crate) enum Proved {
    /// A session begins.
    In { started: Box<Started>, remember: bool },
    /// The session there is holds on, and is fresh.
    Fresh(Box<User>),
}

impl Auth {
    pub(crate) async fn prove(
        &self,
        who: Prover<'_>,
        code: Code<'_>,
        device: Device,
    ) -> Result<Proved, FactorError> {
        let now = self.clock.now();
        let (owner, remember, tried) = match who {
            Prover::Challenge(name) => {
                let found = self.store.try_challenge(&hash_token(name), now).await;
                let (challenge, tried) = found.map_err(no_challenge)?;
                (challenge.user_id, challenge.remember, tried)
            }
            Prover::Session(identity) => {
                let owner = identity.user.id.clone();
                let tried =
                    self.store.try_factor(&owner, now).await.map_err(|error| match error {
                        StoreError::NotFound => FactorError::NotEnabled,
                        error => error.into(),
                    })?;
                (owner, true, tried)
            }
        };
        let factor = match tried {
            Try::Go(factor) => factor,
            Try::Locked(until) => return Err(FactorError::Locked(until.since(now))),
            Try::UsedUp => return Err(FactorError::UsedUp),
        };
        let user = self.store.user(&owner).await?;
        if user.is_banned(now) {
            return Err(AuthError::Banned.into());
        }
        let Some(means) = self.means(&factor, &user, code, now)? else {
            return Err(self.wrong(&user, &device).await);
        };
        self.use_means(who, means, (user, factor.verified, remember), device).await
    }

    /// What a code is worth: nothing if it is wrong.
    fn means(
        &self,
        factor: &TwoFactor,
        user: &User,
        code: Code<'_>,
        now: Millis,
    ) -> Result<Option<Means>, FactorError> {
        match code {
            Code::Totp(code) => {
                let secret = self.factors.open_secret(&factor.secret_sealed, &factor.user_id)?;
                let totp = codes::totp(&secret, &user.email, codes::service(None))?;
                Ok(codes::step_of(&totp, code, now).map(Means::Step))
            }
            Code::Recovery(_) if !factor.verified => Err(FactorError::NotEnabled),
            Code::Recovery(code) => {
                Ok(Some(Means::Code(self.factors.hash_code(&factor.user_id, code))))
            }
        }
    }

    async fn use_means(
        &self,
        who: Prover<'_>,
        means: Means,
        (user, verified, remember): (User, bool, bool),
        device: Device,
    ) -> Result<Proved, FactorError> {
        let by_recovery = matches!(means, Means::Code(_));
        let (session, token) = self.new_session(&user.id, remember, device.clone());
        let (after, kind) = match who {
            Prover::Challenge(name) => {
                let challenge = hash_token(name);
                (After::SignIn { challenge, session }, AuthEventKind::SignIn)
            }
            Prover::Session(_) if !verified => {
                (After::Activate(session), AuthEventKind::MfaEnabled)
            }
            Prover::Session(identity) => {
                (After::Prove(identity.session.clone()), AuthEventKind::MfaProved)
            }
        };
        let begins = !matches!(after, After::Prove(_));
        let kind = if by_recovery { AuthEventKind::MfaCodeUsed } else { kind };
        let event = self.event(kind, &device).of(&user.id, &user.email);
        let fresh = self.store.prove_factor(&user.id, means, after, event).await;
        if !fresh.map_err(no_challenge)? {
            return Err(self.wrong(&user, &device).await);
        }
        if kind == AuthEventKind::MfaEnabled {
            let what = "A second factor was set up: from now on a code of your authenticator app \
                        is asked for.";
            self.mail_notice(&user.email, &user.name, what).await;
        }
        if by_recovery {
            self.mail_notice(&user.email, &user.name, "A recovery code was used.").await;
        }
        // As it stands now: the factor may just have begun to count.
        let user = self.store.user(&user.id).await?;
        Ok(if begins {
            Proved::In { started: Box::new(Started { user, token }), remember }
        } else {
            Proved::Fresh(Box::new(user))
        })
    }

    async fn wrong(&self, user: &User, device: &Device) -> FactorError {
        let event = self.event(AuthEventKind::MfaFailed, device);
        self.note(event.of(&user.id, &user.email)).await;
        FactorError::WrongCode
    }
}

fn no_challenge(error: StoreError) -> FactorError {
    match error {
        StoreError::NotFound => FactorError::NoChallenge,
        error => error.into(),
    }
}
