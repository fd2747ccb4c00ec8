//! People of another issuer: their tokens open sessions of ours, which end as all sessions do, or
//! at the issuer's word.
//!
//! A person is known by issuer and subject, never by an address (attacks D8, D9). Her session is
//! kept under a name made of issuer and `sid`, so that every node finds the same.

use super::{
    Auth, AuthError, Identity, hash_token, identity,
    issuer::{Issuer, LoggedOut, SignIn, Unread, Vouched},
    jwt,
    people::ID_LENGTH,
    sessions::Device,
};
use crate::{
    domain::{
        clock::SECOND,
        email::NOWHERE,
        ids::{SessionId, UserId},
    },
    store::{
        StoreError,
        auth_events::{AuthEvent, AuthEventKind},
        foreign::{Arrival, Claimed, Ended, Ending, Subject},
        sessions::Session,
        users::User,
    },
};

/// How session ids begin of sign-ins that the issuer names, and of those that it does not.
const NAMED: &str = "ext-";
const UNNAMED: &str = "exu-";
/// Two requests of a person whom we see for the first time get in each other's way once.
const TRIES: usize = 3;

/// Why a logout token is not obeyed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogoutError {
    /// There is no issuer that could send one.
    #[error("this server takes no logout tokens")]
    NoIssuer,
    #[error("{0}")]
    Refused(&'static str),
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl From<StoreError> for LogoutError {
    fn from(error: StoreError) -> Self {
        Self::Auth(error.into())
    }
}

/// The names of a sign-in in our store.
struct Names {
    session: SessionId,
    /// What may have closed it: its own name, the subject's, and that of the subject's sign-ins
    /// without a name.
    closing: Vec<String>,
}

fn key(kind: &str, issuer: &str, parts: &[&str]) -> String {
    // A list in JSON has one reading, whatever stands in its parts.
    let text = serde_json::json!([issuer, parts]).to_string();
    format!("{kind}{}", hash_token(&text))
}

fn named(issuer: &str, sid: &str) -> String {
    key(NAMED, issuer, &[sid])
}

fn all_of(issuer: &str, subject: &str) -> String {
    key("sub-", issuer, &[subject])
}

fn unnamed_of(issuer: &str, subject: &str) -> String {
    key("sub-unnamed-", issuer, &[subject])
}

fn names(issuer: &str, vouched: &Vouched) -> Names {
    let subject = &vouched.subject;
    let mut closing = vec![all_of(issuer, subject)];
    let session = match &vouched.sign_in {
        SignIn::Named(sid) => named(issuer, sid),
        SignIn::Unnamed(own) => {
            closing.push(unnamed_of(issuer, subject));
            key(UNNAMED, issuer, &[subject, own])
        }
    };
    closing.push(session.clone());
    Names { session: SessionId::new(session), closing }
}

impl Auth {
    /// Keeps the issuer's keys up to date; to be called over and over by one caller. Without an
    /// issuer there is nothing to do, ever.
    pub(crate) async fn keep_issuer_keys(&self) {
        match &self.issuer {
            Some(issuer) => issuer.keep_keys().await,
            None => std::future::pending().await,
        }
    }

    /// The configured issuer, if a token says that it is of it. Proves nothing yet.
    pub(super) fn issuer_of(&self, token: &str) -> Option<&Issuer> {
        let issuer = self.issuer.as_ref()?;
        (jwt::claimed_issuer(token)? == issuer.settings.url).then_some(issuer)
    }

    /// Who shows this token of the issuer. `key`: the thumbprint of the key that she has proved to
    /// hold.
    pub(super) async fn by_foreign_token(
        &self,
        issuer: &Issuer,
        token: &str,
        key: Option<&str>,
    ) -> Result<Identity, AuthError> {
        let vouched = issuer.access(token, key).await.map_err(|error| match error {
            Unread::Refused(why) => {
                tracing::debug!(%why, "a token of the issuer was refused");
                AuthError::BadToken
            }
            Unread::Away => AuthError::IssuerAway,
        })?;
        let found = if issuer.settings.shared_accounts {
            self.shared_identity(&vouched).await
        } else {
            self.foreign_identity(&issuer.settings.url, &vouched).await
        };
        let mut identity = match found {
            Err(AuthError::NotSignedIn) => return Err(AuthError::BadToken),
            found => found?,
        };
        identity.expires = identity.expires.min(vouched.expires);
        identity.may_administer = vouched.may_administer;
        Ok(identity)
    }

    /// The issuer's people and sign-ins are ours.
    async fn shared_identity(&self, vouched: &Vouched) -> Result<Identity, AuthError> {
        let SignIn::Named(sid) = &vouched.sign_in else { return Err(AuthError::BadToken) };
        let identity = self.identity_of(&SessionId::new(sid)).await?;
        let hers = identity.user.id.as_str() == vouched.subject;
        if hers { Ok(identity) } else { Err(AuthError::BadToken) }
    }

    /// The session that stands for the sign-in, begun if this is the first that we see of it.
    async fn foreign_identity(&self, url: &str, vouched: &Vouched) -> Result<Identity, AuthError> {
        let names = names(url, vouched);
        let who = Subject { issuer: url.to_owned(), subject: vouched.subject.clone() };
        let mut closed = false;
        for _ in 0..TRIES {
            let now = self.clock.now();
            match self.store.foreign_session(&names.session, &who).await {
                Ok((session, user, believed)) if session.expires_at > now.0 => {
                    let news = vouched.issued_at.0 > believed && differs(&user, vouched);
                    if news {
                        self.believe(&who, &user, vouched).await?;
                    }
                    self.prolong(&session).await?;
                    if news {
                        return self.identity_of(&names.session).await;
                    }
                    let (session, user) = self.load(Ok((session, user))).await?;
                    return Ok(identity(session, user));
                }
                Ok(_) | Err(StoreError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
            // It was ended, here or there; or it is somebody else's.
            if closed {
                return Err(AuthError::BadToken);
            }
            let arrival = self.arrival(&who, vouched, &names);
            match self.store.begin_foreign_session(arrival, now).await {
                Ok(begun) => closed = !begun,
                Err(StoreError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AuthError::BadToken)
    }

    async fn believe(
        &self,
        who: &Subject,
        user: &User,
        vouched: &Vouched,
    ) -> Result<(), AuthError> {
        let event = self.event(AuthEventKind::RoleChanged, &Device::default());
        let claimed = Claimed {
            who: who.clone(),
            user: user.id.clone(),
            issued_at: vouched.issued_at.0,
            name: vouched.name.clone(),
            role: vouched.role,
            verified: vouched.verified,
            event: (user.role != vouched.role).then(|| event.of(&user.id, &user.email)),
        };
        Ok(self.store.believe_claims(claimed, self.clock.now()).await?)
    }

    /// A sign-in that is used lives on, as with our own.
    async fn prolong(&self, session: &Session) -> Result<(), AuthError> {
        let now = self.clock.now();
        if self.is_due_for_renewal(session, now) {
            let end = now.plus(self.session_life);
            self.store.extend_foreign_session(&session.id, end, now).await?;
        }
        Ok(())
    }

    fn arrival(&self, who: &Subject, vouched: &Vouched, names: &Names) -> Arrival {
        let now = self.clock.now();
        let spare_email = format!("{}@{NOWHERE}", self.ids.token(ID_LENGTH).to_lowercase());
        let email = vouched.email.as_ref().map(ToString::to_string);
        let person = User {
            id: UserId::new(self.ids.token(ID_LENGTH)),
            name: vouched.name.clone(),
            email: email.unwrap_or_else(|| spare_email.clone()),
            email_verified: vouched.verified,
            image: None,
            role: vouched.role,
            banned: false,
            ban_reason: None,
            ban_expires: None,
            two_factor_enabled: false,
            quota_limit: None,
            version: 1,
            created_at: now.0,
            updated_at: now.0,
        };
        let (mut session, _) = self.new_session(&person.id, true, Device::default());
        session.id = names.session.clone();
        // No token opens it: what is stored here is no hash of anything.
        names.session.as_str().clone_into(&mut session.token_hash);
        Arrival {
            who: who.clone(),
            issued_at: vouched.issued_at.0,
            person,
            spare_email,
            session,
            account_id: self.ids.token(ID_LENGTH),
            names: names.closing.clone(),
            event: self.event(AuthEventKind::SignIn, &Device::default()),
        }
    }

    /// Ends what a logout token names, on every node within a second. It counts once.
    pub(crate) async fn end_at_issuers_word(
        &self,
        token: &str,
        device: &Device,
    ) -> Result<(), LogoutError> {
        let issuer = self.issuer.as_ref().filter(|issuer| !issuer.settings.shared_accounts);
        let issuer = issuer.ok_or(LogoutError::NoIssuer)?;
        let over = issuer.logout(token).await.map_err(|error| match error {
            Unread::Refused(why) => {
                tracing::info!(%why, "a logout token was refused");
                LogoutError::Refused("the logout token is not valid here")
            }
            Unread::Away => AuthError::IssuerAway.into(),
        })?;
        let event = self.event(AuthEventKind::SignOut, device);
        let leeway = issuer.settings.leeway;
        let ending = ending(&issuer.settings.url, over, event, leeway);
        match self.store.end_foreign_sessions(ending).await? {
            Ended::Sessions(sessions) => {
                tracing::info!(sessions, "the issuer ended sign-ins");
                Ok(())
            }
            Ended::Heard => Err(LogoutError::Refused("the logout token was used before")),
        }
    }
}

fn ending(issuer: &str, over: LoggedOut, event: AuthEvent, leeway: i64) -> Ending {
    let LoggedOut { subject, sign_in, issued_at, expires, name } = over;
    let mut closing = Vec::new();
    match (&subject, &sign_in) {
        (Some(subject), None) => {
            closing.extend([all_of(issuer, subject), unnamed_of(issuer, subject)]);
        }
        (Some(subject), Some(_)) => closing.push(unnamed_of(issuer, subject)),
        (None, _) => {}
    }
    let session = sign_in.map(|sid| named(issuer, &sid));
    closing.extend(session.clone());
    Ending {
        nonce: key("logout-", issuer, &[&name]),
        nonce_expires: expires.plus(leeway),
        issuer: issuer.to_owned(),
        subject,
        session: session.map(SessionId::new),
        unnamed: UNNAMED,
        names: closing,
        // Times in tokens are whole seconds: one of the same second was issued before.
        closes_at: issued_at.plus(SECOND).0,
        event,
    }
}

/// Whether a session stands for a sign-in at the issuer; none of ours has such a name.
pub(super) fn is_foreign(session: &SessionId) -> bool {
    session.as_str().starts_with(NAMED) || session.as_str().starts_with(UNNAMED)
}

fn differs(user: &User, vouched: &Vouched) -> bool {
    (&user.name, user.role, user.email_verified) != (&vouched.name, vouched.role, vouched.verified)
}

#[cfg(test)]
mod tests;
