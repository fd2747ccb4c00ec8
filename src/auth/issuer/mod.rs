//! An issuer that is not this server: its keys, and what its tokens must hold. That it is away logs
//! nobody out.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jsonwebtoken::Validation;
use tokio::sync::{Notify, watch};

use super::{
    AuthError, jwt,
    key_sets::{
        cache::{Cache, Look, News},
        key_set::{Key, KeySet},
    },
};
use crate::{
    config::{self, PersonRole},
    domain::{clock::SharedClock, role::Role},
};

mod claims;
mod fetch;

pub(crate) use claims::{LoggedOut, Refused, SignIn, Vouched};

use claims::Claims;
use fetch::{FetchError, Fetcher};

/// The type of a logout token (Back-Channel Logout 1.0 §2.4).
const LOGOUT: &str = "logout+jwt";
/// How often whoever keeps the keys looks at the clock.
const TICK: Duration = Duration::from_secs(1);
/// Time that a request waits for keys: one try of the issuer, and a bit.
const PATIENCE: Duration = Duration::from_secs(6);
/// A request looks so often: at first, after the try that was under way, after its own.
const LOOKS: usize = 3;

/// What the operator says of the issuer.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub url: String,
    pub audience: String,
    pub client_id: String,
    /// The issuer's people and sign-ins are rows of our own database.
    pub shared_accounts: bool,
    pub scope: String,
    pub roles_claim: String,
    pub roles: BTreeMap<String, Role>,
    pub leeway: i64,
}

impl Settings {
    /// None if there is no issuer but this server.
    pub(super) fn read(settings: &config::Issuer) -> Option<Self> {
        let role = |role: &PersonRole| match role {
            PersonRole::Student => Role::Student,
            PersonRole::Instructor => Role::Instructor,
            PersonRole::Admin => Role::Admin,
        };
        settings.is_set().then(|| Self {
            url: settings.url.clone(),
            client_id: settings.client_id.clone(),
            audience: settings.audience.clone(),
            shared_accounts: settings.shared_accounts,
            scope: settings.scope.clone(),
            roles_claim: settings.roles_claim.clone(),
            roles: settings.roles.iter().map(|(name, it)| (name.clone(), role(it))).collect(),
            leeway: settings.leeway_ms(),
        })
    }

    /// Fills in what was left empty; `audience` is our own API's.
    fn completed(mut self, audience: String) -> Self {
        if self.audience.is_empty() {
            self.audience = audience;
        }
        if self.client_id.is_empty() {
            self.client_id.clone_from(&self.audience);
        }
        self
    }

    fn role_of(&self, value: &str) -> Option<Role> {
        if self.roles.is_empty() { value.parse().ok() } else { self.roles.get(value).copied() }
    }
}

/// Why a token was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    Refused(Refused),
    /// The issuer does not answer, and the key is none of those that it gave us before.
    Away,
}

impl From<Refused> for Unread {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

pub(crate) struct Issuer {
    pub(super) settings: Settings,
    clock: SharedClock,
    fetcher: Fetcher,
    cache: Mutex<Cache<KeySet>>,
    /// Wakes whoever keeps the keys.
    wanted: Notify,
    /// Rises with each try that has ended.
    tries: watch::Sender<u64>,
}

impl Issuer {
    /// `audience` is our own API's, for where none is configured.
    pub(super) fn new(
        settings: Settings,
        audience: String,
        clock: SharedClock,
    ) -> Result<Self, AuthError> {
        let settings = settings.completed(audience);
        let fetcher = Fetcher::new(&settings.url).map_err(|error| {
            AuthError::Broken(format!("no HTTP client for issuer.url can be made: {error}"))
        })?;
        Ok(Self {
            settings,
            clock,
            fetcher,
            cache: Mutex::default(),
            wanted: Notify::new(),
            tries: watch::channel(0).0,
        })
    }

    /// Who an access token vouches for. `key`: the thumbprint of the key that whoever shows it has
    /// proved to hold.
    pub(super) async fn access(&self, token: &str, key: Option<&str>) -> Result<Vouched, Unread> {
        let claims = self.verified(token, |typ| typ == Some(jwt::ACCESS)).await?;
        if !claims.is_held_by(key) {
            return Err(Refused::Bound.into());
        }
        Ok(claims.access(&self.settings, self.clock.now())?)
    }

    /// Whose sign-in is over.
    pub(super) async fn logout(&self, token: &str) -> Result<LoggedOut, Unread> {
        let claims = self.verified(token, |typ| typ.is_none_or(|typ| typ == LOGOUT)).await?;
        Ok(claims.logout(&self.settings, self.clock.now())?)
    }

    async fn verified(
        &self,
        token: &str,
        typed: impl FnOnce(Option<&str>) -> bool,
    ) -> Result<Claims, Unread> {
        let header = jwt::header(token).ok_or(Refused::Malformed)?;
        if !typed(jwt::type_of(&header).as_deref()) {
            return Err(Refused::Type.into());
        }
        let key = self.key(header.kid.as_deref().ok_or(Refused::Key)?).await?;
        if !key.fits(header.alg) {
            return Err(Refused::Algorithm.into());
        }
        let mut rules = Validation::new(header.alg);
        // Times and audience are checked against our clock and settings, see `Claims`.
        rules.required_spec_claims.clear();
        (rules.validate_exp, rules.validate_aud) = (false, false);
        jsonwebtoken::decode(token, &key.verifier, &rules)
            .map(|data| Claims(data.claims))
            .map_err(|_| Refused::Signature.into())
    }

    /// The issuer's key of this name. Waits for the issuer where there is reason to.
    async fn key(&self, name: &str) -> Result<Key, Unread> {
        for _ in 0..LOOKS {
            let mut tries = self.tries.subscribe();
            match self.cache().look(self.clock.now(), |keys| keys.get(name).cloned()) {
                Look::Found(key) => return Ok(key),
                Look::Unknown => return Err(Refused::Key.into()),
                Look::Away => return Err(Unread::Away),
                Look::Wait => {}
            }
            self.wanted.notify_one();
            if tokio::time::timeout(PATIENCE, tries.changed()).await.is_err() {
                return Err(Unread::Away);
            }
        }
        Err(Refused::Key.into())
    }

    /// Asks the issuer for its keys if it is time; else waits until it may be. To be called over
    /// and over, by one caller.
    pub(super) async fn keep_keys(&self) {
        let now = self.clock.now();
        if !self.cache().is_due(now) {
            // Woken or not, the caller comes again.
            let _ = tokio::time::timeout(TICK, self.wanted.notified()).await;
            return;
        }
        self.cache().begin(now);
        let (keys, error) = match self.fetcher.keys().await {
            Ok(keys) => (Some(keys), None),
            Err(error) => (None, Some(error)),
        };
        let news = self.cache().finish(keys);
        self.tell(news, error.as_ref());
        self.tries.send_modify(|tries| *tries += 1);
    }

    fn tell(&self, news: Option<News>, error: Option<&FetchError>) {
        let issuer = &self.settings.url;
        match (news, error) {
            (Some(News::Lost), Some(error)) => tracing::warn!(
                %error, issuer,
                "the issuer's keys cannot be had; those that are known hold until it is back"
            ),
            (Some(News::Back), _) => {
                tracing::info!(issuer, "the issuer's keys are to be had again");
            }
            _ => {}
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache<KeySet>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod tests;
