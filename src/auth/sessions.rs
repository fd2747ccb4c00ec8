//! Sign-ins: begun, listed, ended. An end is known to every node within a second.

use super::{Auth, AuthError, Identity, hash_token};
use crate::{
    domain::{
        clock::{DAY, Millis},
        ids::{SessionId, UserId},
        locale::Locale,
    },
    store::{
        accounts::{Unlinked, Way, Which},
        auth_events::{AuthEvent, AuthEventKind},
        sessions::Session,
        users::Profile,
    },
};

pub(crate) use crate::store::sessions::{BY_CODE, BY_PASSKEY, BY_PASSWORD};

/// A session is renewed at the first use after this part of its life.
const RENEWED_AFTER: i64 = 7;
/// A session whose cookie ends with the browser.
pub(crate) const SHORT_LIFE: i64 = DAY;
const TOKEN_LENGTH: usize = 32;
const MAX_AGENT: usize = 400;

/// Where a request came from, as far as is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Device {
    pub address: String,
    pub agent: Option<String>,
    /// In which its person wants to be written to.
    pub locale: Locale,
}

impl Device {
    /// A browser's name for itself, at the length that is stored.
    pub(super) fn short_agent(&self) -> Option<String> {
        self.agent.as_ref().map(|agent| agent.chars().take(MAX_AGENT).collect())
    }
}

impl Auth {
    /// A session that is not stored yet, and its token, which is nowhere else.
    pub(crate) fn new_session(
        &self,
        owner: &UserId,
        remember: bool,
        device: Device,
    ) -> (Session, String) {
        let token = self.ids.token(TOKEN_LENGTH);
        let now = self.clock.now();
        let life = if remember { self.session_life } else { SHORT_LIFE.min(self.session_life) };
        let agent = device.short_agent();
        let session = Session {
            id: self.new_session_id(),
            token_hash: hash_token(&token),
            user_id: owner.clone(),
            expires_at: now.plus(life).0,
            remember,
            ip_address: device.address,
            user_agent: agent,
            impersonated_by: None,
            parent_id: None,
            client_id: None,
            amr: String::new(),
            proved_at: now.0,
            created_at: now.0,
            updated_at: now.0,
        };
        (session, token)
    }

    /// One of now sorts after those of before.
    pub(super) fn new_session_id(&self) -> SessionId {
        SessionId::new(self.ids.uuid(self.clock.now()).simple().to_string())
    }

    /// The session's token with its signature: the cookie's value and the signed bearer token.
    pub(crate) fn signed(&self, token: &str) -> String {
        super::cookie::sign(&self.secret, token)
    }

    /// The live sessions of the person, newest first, each with the name of the app that it was
    /// granted to, if it was.
    pub(crate) async fn sessions(
        &self,
        identity: &Identity,
    ) -> Result<Vec<(Session, Option<String>)>, AuthError> {
        Ok(self.store.sessions_with_apps(&identity.user.id, self.clock.now()).await?)
    }

    pub(crate) async fn sign_out(
        &self,
        identity: &Identity,
        device: &Device,
    ) -> Result<(), AuthError> {
        if identity.impersonated_by.is_some() {
            return self.sign_out_both(identity, device).await;
        }
        let Identity { user, session, .. } = identity;
        let event = self.event(AuthEventKind::SignOut, device).of(&user.id, &user.email);
        self.store.revoke_session(&user.id, session.as_str(), "", event).await?;
        Ok(())
    }

    /// Ends one of the person's own sessions, named by its handle (its id) or its real token.
    /// Another's or an unknown one is left alone without a word.
    pub(crate) async fn revoke(
        &self,
        identity: &Identity,
        name: &str,
        device: &Device,
    ) -> Result<(), AuthError> {
        let (owner, event) = (&identity.user.id, self.revoked(identity, device));
        self.store.revoke_session(owner, name, &hash_token(name), event).await?;
        Ok(())
    }

    pub(crate) async fn revoke_all(
        &self,
        identity: &Identity,
        device: &Device,
    ) -> Result<(), AuthError> {
        let event = self.revoked(identity, device);
        Ok(self.store.revoke_sessions(&identity.user.id, event).await?)
    }

    pub(crate) async fn revoke_others(
        &self,
        identity: &Identity,
        device: &Device,
    ) -> Result<(), AuthError> {
        let Identity { user, session, .. } = identity;
        let event = self.revoked(identity, device);
        Ok(self.store.revoke_other_sessions(&user.id, session, event).await?)
    }

    /// Changes what the person says of herself. Gives the session as it stands.
    pub(crate) async fn update_profile(
        &self,
        identity: &Identity,
        changes: Profile,
    ) -> Result<Session, AuthError> {
        let now = self.clock.now();
        self.store.set_profile(&identity.user.id, changes, now).await?;
        Ok(self.store.session(&identity.session).await?.0)
    }

    /// The ways in which the person can sign in.
    pub(crate) async fn ways(&self, identity: &Identity) -> Result<Vec<Way>, AuthError> {
        Ok(self.store.ways_of(&identity.user.id).await?)
    }

    pub(crate) async fn unlink(
        &self,
        identity: &Identity,
        which: Which,
    ) -> Result<Unlinked, AuthError> {
        Ok(self.store.unlink(&identity.user.id, which, self.clock.now()).await?)
    }

    fn revoked(&self, identity: &Identity, device: &Device) -> AuthEvent {
        self.event_by(AuthEventKind::SessionRevoked, identity, device)
    }

    /// How long a remembered session lives after its last renewal, in milliseconds.
    pub(crate) fn session_life(&self) -> i64 {
        self.session_life
    }

    /// Whether it is remembered and was not prolonged for a day (a seventh of its life).
    pub(super) fn is_due_for_renewal(&self, session: &Session, now: Millis) -> bool {
        let due = session.expires_at - self.session_life + self.session_life / RENEWED_AFTER;
        session.remember && session.impersonated_by.is_none() && now.0 >= due
    }
}
