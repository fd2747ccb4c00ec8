//! Accounts that people have elsewhere: Google and any OpenID Connect provider, GitHub.
//!
//! A person is known by provider and subject, never by an address (attack D9). The provider's
//! tokens are sealed at rest.

use std::{collections::BTreeMap, sync::Arc};

use openidconnect::{PkceCodeChallenge, PkceCodeVerifier};
use serde_json::Value;
use url::Url;

use super::{AuthError, Secret, sealing::Sealer};
use crate::{
    config::{LinkByEmail, Social as Settings},
    domain::clock::SharedClock,
};

mod begin;
mod github;
mod linking;
mod oidc;
mod returning;
mod state;
mod tokens;
mod wire;

pub(crate) use begin::{Begin, BeginError};
pub(crate) use returning::{Browser, ByIdToken, Failure, Outcome, Returned};
pub(crate) use state::STATE_LIFE;
pub(crate) use tokens::{Opened, TokenError};

use github::GitHub;
use oidc::Oidc;

const GOOGLE: &str = "google";
const GITHUB: &str = "github";

/// Why a provider vouches for nobody.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderError {
    /// It does not answer, or not as it should: worth another try later.
    #[error("the provider does not answer as it should: {0}")]
    Away(String),
    /// It answers that the code, the token or we ourselves are no good.
    #[error("the provider refuses: {0}")]
    Refused(String),
    /// What it says does not hold: signature, issuer, audience, nonce, time.
    #[error("the provider's word does not hold: {0}")]
    Invalid(String),
}

/// What a provider says of a person.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Profile {
    /// The person's name at the provider, which never changes.
    pub subject: String,
    pub name: Option<String>,
    pub email: Option<String>,
    /// The provider has seen that she reads mail there.
    pub email_verified: bool,
    /// The provider runs that mailbox's domain, so that its word on it counts (attack D8).
    pub authoritative: bool,
    pub image: Option<String>,
    /// As the provider wrote it.
    pub raw: Value,
}

/// What a provider gives to act for a person.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    access: Option<String>,
    refresh: Option<String>,
    id: Option<String>,
    /// Seconds that the access token and the refresh token live from now.
    access_life: Option<u64>,
    refresh_life: Option<u64>,
    scopes: Option<Vec<String>>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(…)")
    }
}

/// What an address to send a browser to is made of.
struct Ask<'a> {
    redirect: &'a str,
    state: &'a str,
    nonce: &'a str,
    verifier: &'a str,
    /// Beyond the usual ones.
    scopes: &'a [String],
    login_hint: Option<&'a str>,
}

impl Ask<'_> {
    /// S256 (RFC 7636 §4.2).
    fn challenge(&self) -> PkceCodeChallenge {
        PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(
            self.verifier.to_owned(),
        ))
    }
}

/// A code that came back, with what only its asker knows.
struct Answer<'a> {
    redirect: &'a str,
    code: &'a str,
    nonce: &'a str,
    verifier: &'a str,
}

enum Provider {
    Oidc(Box<Oidc>),
    GitHub(Box<GitHub>),
}

impl Provider {
    async fn ask(&self, ask: &Ask<'_>) -> Result<Url, ProviderError> {
        match self {
            Self::Oidc(it) => it.ask(ask).await,
            Self::GitHub(it) => it.ask(ask),
        }
    }

    async fn redeem(&self, answer: &Answer<'_>) -> Result<(Profile, Tokens), ProviderError> {
        match self {
            Self::Oidc(it) => it.redeem(answer).await,
            Self::GitHub(it) => it.redeem(answer).await,
        }
    }

    /// Whether an answer that names this `iss` may be this provider's (RFC 9207).
    async fn is_from(&self, iss: Option<&str>) -> Result<bool, ProviderError> {
        match self {
            Self::Oidc(it) => it.is_from(iss).await,
            Self::GitHub(it) => Ok(it.is_from(iss)),
        }
    }

    async fn renew(&self, refresh: &str) -> Result<Tokens, ProviderError> {
        match self {
            Self::Oidc(it) => it.renew(refresh).await,
            Self::GitHub(it) => it.renew(refresh).await,
        }
    }

    /// The person behind an access token. OpenID Connect wants to know whom to expect.
    async fn profile(&self, access: &str, subject: &str) -> Result<Profile, ProviderError> {
        match self {
            Self::Oidc(it) => it.profile(access, subject).await,
            Self::GitHub(it) => it.profile(access).await,
        }
    }
}

/// The providers that are offered.
pub(super) struct Social {
    providers: BTreeMap<String, Provider>,
    titles: Vec<(String, String)>,
    sealer: Sealer,
    link: LinkByEmail,
}

impl Social {
    pub(super) fn new(
        settings: &Settings,
        secret: &Secret,
        clock: &SharedClock,
    ) -> Result<Self, AuthError> {
        let broken = |error: reqwest::Error| AuthError::Broken(error.to_string());
        let mut providers = BTreeMap::new();
        let mut titles = Vec::new();
        if !settings.google_client_id.is_empty() {
            let google = Oidc::google(settings, Arc::clone(clock)).map_err(broken)?;
            providers.insert(GOOGLE.to_owned(), Provider::Oidc(Box::new(google)));
            titles.push((GOOGLE.to_owned(), "Google".to_owned()));
        }
        if !settings.github_client_id.is_empty() {
            let github = GitHub::new(settings).map_err(broken)?;
            providers.insert(GITHUB.to_owned(), Provider::GitHub(Box::new(github)));
            titles.push((GITHUB.to_owned(), "GitHub".to_owned()));
        }
        for (name, provider) in &settings.oidc {
            let further = Oidc::further(provider, Arc::clone(clock)).map_err(broken)?;
            providers.insert(name.clone(), Provider::Oidc(Box::new(further)));
            let title = if provider.title.is_empty() { name } else { &provider.title };
            titles.push((name.clone(), title.clone()));
        }
        let sealer = Sealer::new(secret, "provider tokens v1")?;
        Ok(Self { providers, titles, sealer, link: settings.link_by_email })
    }
}

impl super::Auth {
    /// Name and title of each provider that is offered.
    pub(crate) fn providers(&self) -> &[(String, String)] {
        &self.social.titles
    }

    /// How people call a provider.
    pub(in crate::auth) fn provider_title<'a>(&'a self, name: &'a str) -> &'a str {
        let titles = &self.social.titles;
        titles.iter().find(|(id, _)| id == name).map_or(name, |(_, title)| title)
    }

    fn provider(&self, name: &str) -> Option<&Provider> {
        self.social.providers.get(name)
    }

    /// Each provider has a redirect URI of its own, so that no answer of one is taken for another's
    /// (attack D6).
    fn redirect_uri(&self, provider: &str) -> String {
        format!("{}/callback/{provider}", self.issuer())
    }
}
