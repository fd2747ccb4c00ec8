//! A code is looked at. Each look is counted in the store before it is taken, so that no wave of
//! guesses gets more looks than there are (attack A17).

use super::{FactorError, codes};
use crate::{
    auth::{
        Auth, AuthError, Identity, hash_token,
        sessions::{BY_CODE, Device},
        sign_up::Started,
    },
    mail::Notice,
    store::{
        StoreError,
        auth_events::AuthEventKind,
        mailed_codes::Look,
        two_factors::{After, Means, Try, TwoFactor},
        users::User,
    },
};

/// What somebody shows.
#[derive(Clone, Copy)]
pub(crate) enum Code<'a> {
    Totp(&'a str),
    Recovery(&'a str),
    Mailed(&'a str),
}

/// Who shows it.
#[derive(Clone, Copy)]
pub(crate) enum Prover<'a> {
    /// The name of a sign-in that waits.
    Challenge(&'a str),
    /// Somebody with a session: for the first code, or to prove once more who she is.
    Session(&'a Identity),
}

impl Prover<'_> {
    /// Under which name a code is mailed to her.
    pub(super) fn name(self) -> String {
        match self {
            Self::Challenge(name) => hash_token(name),
            Self::Session(identity) => identity.session.as_str().to_owned(),
        }
    }
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
        if matches!(code, Code::Mailed(_)) {
            match self.store.look_at_code(&who.name(), now).await? {
                Look::Go => {}
                Look::Expired => return Err(FactorError::NoCode),
                Look::UsedUp => return Err(FactorError::UsedUp),
            }
        }
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
        let Some(means) = self.means(who, &factor, &user, code)? else {
            return Err(self.wrong(&user, &device).await);
        };
        let activates = !factor.verified && matches!(means, Means::Step(_));
        self.use_means(who, means, (user, activates, remember), device).await
    }

    /// What a code is worth: nothing if it is wrong.
    fn means(
        &self,
        who: Prover<'_>,
        factor: &TwoFactor,
        user: &User,
        code: Code<'_>,
    ) -> Result<Option<Means>, FactorError> {
        match code {
            // An app that is being set up lets nobody in yet.
            Code::Totp(_) if !factor.verified && matches!(who, Prover::Challenge(_)) => {
                Err(FactorError::NotEnabled)
            }
            Code::Totp(_) if factor.secret_sealed.is_empty() => Err(FactorError::NotEnabled),
            Code::Totp(code) => {
                let secret = self.factors.open_secret(&factor.secret_sealed, &factor.user_id)?;
                let totp = codes::totp(&secret, &user.email, codes::service(None))?;
                Ok(codes::step_of(&totp, code, self.clock.now()).map(Means::Step))
            }
            Code::Recovery(_) if !factor.protects() => Err(FactorError::NotEnabled),
            Code::Mailed(_) if !factor.by_mail => Err(FactorError::NotEnabled),
            Code::Recovery(code) => {
                Ok(Some(Means::Code(self.factors.hash_code(&factor.user_id, code))))
            }
            Code::Mailed(code) => {
                let name = who.name();
                let hash = self.factors.hash_mailed(&name, &factor.user_id, code);
                Ok(Some(Means::Mailed(name, hash)))
            }
        }
    }

    async fn use_means(
        &self,
        who: Prover<'_>,
        means: Means,
        (user, activates, remember): (User, bool, bool),
        device: Device,
    ) -> Result<Proved, FactorError> {
        let by_recovery = matches!(means, Means::Code(_));
        let (mut session, token) = self.new_session(&user.id, remember, device.clone());
        BY_CODE.clone_into(&mut session.amr);
        let (after, kind) = match who {
            Prover::Challenge(name) => {
                let challenge = hash_token(name);
                (After::SignIn { challenge, session }, AuthEventKind::SignIn)
            }
            Prover::Session(_) if activates => {
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
            self.mail_notice((&user.email, &user.name), Notice::AppAdded, &device).await;
        }
        if by_recovery {
            self.mail_notice((&user.email, &user.name), Notice::CodeUsed, &device).await;
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
