//! Floor 2, accounts: who somebody is, and whether that still holds.
//!
//! [`Auth`] is built once in `app.rs`. It knows no HTTP type; `http/extract.rs` and `ws/` ask it.

use std::{fmt::Write, net::IpAddr, path::PathBuf, sync::Arc};

use aws_lc_rs::hmac;
use sha2::{Digest, Sha256};

use crate::{
    domain::{
        address,
        clock::{MINUTE, Millis, SharedClock},
        ids::{SessionId, SharedIds, UserId},
        origin::{Origin, Origins},
        password::Policy,
        role::Role,
    },
    store::{Store, StoreError, sessions::Session, users::User},
};

mod access;
pub(crate) mod admin;
pub(crate) mod change_email;
pub(crate) mod change_password;
pub(crate) mod cookie;
mod delete_user;
mod delivery;
mod demo;
mod events;
pub(crate) mod factors;
mod foreign;
mod hash_memory;
mod hashing;
pub(crate) mod impersonate;
mod imported;
mod issuer;
mod jwt;
mod key_sets;
mod keys;
mod known_device;
pub(crate) mod limits;
pub(crate) mod links;
mod memory;
pub(crate) mod oidc;
mod opened;
mod outbox;
pub(crate) mod outward;
mod people;
mod reset;
mod sealing;
mod secret;
pub(crate) mod sessions;
mod settings;
pub(crate) mod sign_in;
pub(crate) mod sign_up;
pub(crate) mod social;
mod stays;
mod ticket;
mod verify;

pub(crate) use delete_user::DeletionError;
pub(crate) use delivery::{Delivery, Tried};
pub(crate) use demo::{DemoAccount, random_password};
pub(crate) use foreign::LogoutError;
#[cfg(test)]
pub(crate) use imported::tests::{BY_BCRYPT, BY_BETTER_AUTH};
pub(crate) use links::LinkError;
pub(crate) use outbox::Posting;
pub(crate) use people::NewPerson;
pub(crate) use secret::{Secret, SecretError};
pub(crate) use settings::{Bearers, Settings};
pub(crate) use stays::Stays;
pub(crate) use ticket::{TICKET_LIFE, TicketError};

use limits::Allowance;

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthError {
    /// No session, or one that has ended.
    #[error("not signed in")]
    NotSignedIn,
    /// An access token that opens nothing here.
    #[error("the token is not valid here")]
    BadToken,
    /// Another issuer's token, whose keys cannot be had just now.
    #[error("whoever issued the token does not answer")]
    IssuerAway,
    #[error("this account is banned")]
    Banned,
    /// Too many passwords wait to be checked: worth another try soon.
    #[error("too many passwords wait to be checked")]
    Overloaded,
    #[error(transparent)]
    Store(StoreError),
    /// A defect of ours, or settings that cannot work.
    #[error("{0}")]
    Broken(String),
}

impl From<StoreError> for AuthError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// How long a proof is good for what a stolen session must not do: other addresses, factors, links
/// (attack A19).
const FRESH: i64 = 5 * MINUTE;

/// A person as the rest of the program sees her. Fresh from the store with each look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub id: UserId,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub email_verified: bool,
    /// Messages a day, where it is not the role's.
    pub quota_limit: Option<i32>,
}

impl From<User> for Person {
    fn from(user: User) -> Self {
        let User { id, name, email, role, email_verified, quota_limit, .. } = user;
        Self { id, name, email, role, email_verified, quota_limit }
    }
}

/// Somebody who has proved who she is, and by which sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub user: Person,
    pub session: SessionId,
    /// When this proof ends: the session's end, or the access token's if that is sooner.
    pub expires: Millis,
    pub signed_in_at: Millis,
    /// When the session's holder last proved to be its person, by a password or a second factor.
    pub proved_at: Millis,
    /// The admin who acts as this person.
    pub impersonated_by: Option<UserId>,
    /// Whether staff rights count: yes for a first-party session, for an access token only with
    /// scope `admin`. Says nothing about the role.
    pub may_administer: bool,
}

impl Identity {
    /// Instructors and admins, where staff rights count.
    pub(crate) fn is_staff(&self) -> bool {
        self.may_administer && self.user.role.is_staff()
    }

    /// Whether the person proved within [`FRESH`] that she is who she is.
    pub(crate) fn is_fresh(&self, now: Millis) -> bool {
        now <= self.proved_at.plus(FRESH)
    }

    /// Admins alone, where staff rights count.
    pub(crate) fn is_admin(&self) -> bool {
        self.may_administer && self.user.role == Role::Admin
    }
}

/// Accounts, sessions, tokens and tickets.
pub(crate) struct Auth {
    store: Arc<Store>,
    clock: SharedClock,
    ids: SharedIds,
    origins: Origins,
    secret: Secret,
    ticket_key: hmac::Key,
    stays: Stays,
    keys: keys::Keys,
    issuer: Option<issuer::Issuer>,
    links: links::Links,
    factors: factors::Factors,
    social: social::Social,
    oidc: oidc::Settings,
    provider: oidc::Provider,
    hasher: hashing::Hasher,
    limits: limits::Limits,
    mailer: outbox::Outbox,
    trusted_proxies: Vec<IpAddr>,
    demo: bool,
    data_dir: PathBuf,
    memory: memory::Memory,
    opened: opened::OpenedTokens,
    bearers: Bearers,
    password_policy: Policy,
    session_life: i64,
    token_life: i64,
    allow_sign_up: bool,
    hide_existing: bool,
}

impl Auth {
    /// Loads or makes the signing key. Fails on settings that cannot work.
    pub(crate) async fn open(
        settings: Settings,
        store: Arc<Store>,
        clock: SharedClock,
        ids: SharedIds,
    ) -> Result<Self, AuthError> {
        let origins = origins_of(&settings)?;
        let allowance = Allowance {
            failures_per_minute: settings.failures_per_minute,
            sign_ups_per_minute: settings.sign_ups_per_minute,
            mails_per_minute: settings.mails_per_minute,
            held_per_minute: settings.held_per_minute,
            pushed_per_minute: settings.pushed_per_minute,
            lockout: settings.lockout,
            loopback_is_free: settings.demo,
        };
        let secret = settings.secret;
        let outward = Arc::new(outward::Outward::new(settings.oidc.allow_loopback_urls));
        let issuer = settings
            .issuer
            .map(|it| issuer::Issuer::new(it, audience_of(&origins), Arc::clone(&clock)));
        let (threads, queue) = (settings.hash_threads, settings.hash_queue);
        let (clock_, ids_) = (Arc::clone(&clock), Arc::clone(&ids));
        let posting = settings.posting;
        let mailer = outbox::Outbox::new(Arc::clone(&store), clock_, ids_, &secret, posting)?;
        Ok(Self {
            memory: memory::Memory::new(settings.session_cache),
            opened: opened::OpenedTokens::new(settings.session_cache),
            bearers: settings.bearers,
            password_policy: settings.password_policy,
            keys: keys::Keys::open(Arc::clone(&store), &secret, &clock, &ids).await?,
            issuer: issuer.transpose()?,
            links: links::Links::new(&secret),
            factors: factors::Factors::new(&secret, &origins)?,
            social: social::Social::new(&settings.social, &secret, &clock)?,
            oidc: settings.oidc,
            provider: oidc::Provider::new(&secret, outward, &clock)?,
            stays: Stays::new(&secret),
            ticket_key: hmac::Key::new(hmac::HMAC_SHA256, &secret.key_for("live tickets v1")),
            hasher: hashing::Hasher::start(threads, queue, ids.as_ref()).await?,
            limits: limits::Limits::new(allowance, Arc::clone(&store), Arc::clone(&clock)),
            mailer,
            store,
            clock,
            ids,
            origins,
            secret,
            trusted_proxies: settings.trusted_proxies,
            demo: settings.demo,
            data_dir: settings.data_dir,
            session_life: settings.session_life,
            token_life: settings.token_life,
            allow_sign_up: settings.allow_sign_up,
            hide_existing: settings.hide_existing,
        })
    }

    /// Who holds this session token, as the store has her now: for what changes an account. An
    /// expired session, a banned person: refused.
    pub(crate) async fn by_session_token(&self, token: &str) -> Result<Identity, AuthError> {
        let (session, user) = self.session_by_token(token).await?;
        Ok(identity(session, user))
    }

    /// The rows behind [`Auth::by_session_token`].
    pub(crate) async fn session_by_token(&self, token: &str) -> Result<(Session, User), AuthError> {
        self.load(self.store.session_by_hash(&hash_token(token)).await).await
    }

    /// The identity behind a session as it is now; for a look after a change.
    pub(crate) async fn identity_of(&self, id: &SessionId) -> Result<Identity, AuthError> {
        let (session, user) = self.load(self.store.session(id).await).await?;
        Ok(identity(session, user))
    }

    /// `identity` as it is now. What its proof did not allow, it does not allow now.
    pub(crate) async fn refreshed(&self, identity: &Identity) -> Result<Identity, AuthError> {
        let (session, user) = match self.load(self.store.session(&identity.session).await).await {
            // A ban ends all sign-ins: whoever had one is told why.
            Err(AuthError::NotSignedIn) if self.is_banned(&identity.user.id).await? => {
                return Err(AuthError::Banned);
            }
            found => found?,
        };
        // A session of our own that is used lives on; one behind a token is no proof without it.
        let by_token = session.client_id.is_some() || foreign::is_foreign(&session.id);
        let mut fresh = self::identity(session, user);
        if !identity.may_administer || by_token {
            fresh.expires = fresh.expires.min(identity.expires);
        }
        fresh.may_administer = identity.may_administer;
        Ok(fresh)
    }

    /// `Authorization: Bearer`: an access token, or a session token, signed or raw.
    pub(crate) async fn by_bearer(&self, token: &str) -> Result<Identity, AuthError> {
        if token.matches('.').count() > 1 {
            return self.by_access_token(token).await;
        }
        let raw = self.session_bearer(token).ok_or(AuthError::BadToken)?;
        self.known_by_token(&raw).await
    }

    /// The session token that a bearer shows: with its signature, or raw where that is allowed.
    pub(crate) fn session_bearer(&self, token: &str) -> Option<String> {
        match token.matches('.').count() {
            0 => (self.bearers == Bearers::Any).then(|| token.to_owned()),
            1 => self.open_signed(token),
            _ => None,
        }
    }

    /// The session token in a cookie's (unescaped) value.
    pub(crate) fn open_signed(&self, signed: &str) -> Option<String> {
        cookie::open(&self.secret, signed)
    }

    /// Whether a page of this origin may act for a signed-in person: exactly the scheme, host and
    /// port of the public URL or of a configured origin. Where the public URL is on this machine,
    /// `http://localhost:P` and `http://127.0.0.1:P` are both our own.
    pub(crate) fn origin_allowed(&self, origin: &str) -> bool {
        self.origins.allow(origin)
    }

    pub(crate) fn origins(&self) -> &Origins {
        &self.origins
    }

    /// The address of whoever sent a request: `peer`, or what a trusted proxy says in the lines of
    /// `X-Forwarded-For`.
    pub(crate) fn client_address(
        &self,
        peer: IpAddr,
        forwarded: impl DoubleEndedIterator<Item: AsRef<str>>,
    ) -> IpAddr {
        address::client(peer, forwarded, &self.trusted_proxies)
    }

    /// To be compared with a later one: the same says that nobody changed in between.
    pub(crate) fn generation(&self) -> u64 {
        self.memory.generation()
    }

    /// What names stays.
    pub(crate) const fn stays(&self) -> &Stays {
        &self.stays
    }

    pub(crate) fn is_demo(&self) -> bool {
        self.demo
    }

    /// Whether the person proved lately that she is who she is.
    pub(crate) fn is_fresh(&self, identity: &Identity) -> bool {
        identity.is_fresh(self.clock.now())
    }

    /// `iss` of every token.
    pub(crate) fn issuer(&self) -> String {
        format!("{}/api/auth", self.origins.own())
    }

    /// Whether another issuer's keys are to be kept.
    pub(crate) fn has_issuer(&self) -> bool {
        self.issuer.is_some()
    }

    /// `aud` of access tokens for our own API.
    pub(crate) fn api_audience(&self) -> String {
        audience_of(&self.origins)
    }

    /// The JWK set, ready to send.
    pub(crate) fn jwks(&self) -> bytes::Bytes {
        self.keys.jwks()
    }

    /// After a change of kind `key`.
    pub(crate) async fn reload_keys(&self) -> Result<(), AuthError> {
        self.keys.reload().await?;
        self.memory.forget_tokens();
        Ok(())
    }

    /// How many passwords were compared.
    #[cfg(test)]
    pub(crate) fn password_checks(&self) -> u64 {
        self.hasher.checks()
    }

    async fn load(
        &self,
        found: Result<(Session, User), StoreError>,
    ) -> Result<(Session, User), AuthError> {
        let (session, user) = match found {
            Err(StoreError::NotFound) => return Err(AuthError::NotSignedIn),
            other => other?,
        };
        self.check(&session, &user)?;
        self.check_acting(&session, &user).await?;
        Ok((session, user))
    }

    fn check(&self, session: &Session, user: &User) -> Result<(), AuthError> {
        let now = self.clock.now();
        if session.expires_at <= now.0 {
            return Err(AuthError::NotSignedIn);
        }
        if user.is_banned(now) { Err(AuthError::Banned) } else { Ok(()) }
    }
}

fn audience_of(origins: &Origins) -> String {
    format!("{}/api", origins.own())
}

fn origins_of(settings: &Settings) -> Result<Origins, AuthError> {
    let parse =
        |text: &str| Origin::parse(text).map_err(|error| AuthError::Broken(error.to_string()));
    let own = parse(&settings.public_url)?;
    if !own.is_https() && !own.is_loopback() {
        return Err(AuthError::Broken(format!(
            "server.public_url {own} must be https: without it the sign-in cookie can be stolen"
        )));
    }
    let others =
        settings.allowed_origins.iter().map(|text| parse(text)).collect::<Result<_, _>>()?;
    Ok(Origins::new(own, others))
}

fn identity(session: Session, user: User) -> Identity {
    Identity {
        user: user.into(),
        session: session.id,
        expires: Millis(session.expires_at),
        signed_in_at: Millis(session.created_at),
        proved_at: Millis(session.proved_at),
        impersonated_by: session.impersonated_by.map(UserId::new),
        may_administer: true,
    }
}

/// What is stored of a session token: SHA-256, lower-case hex.
pub(crate) fn hash_token(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
pub(crate) mod tests;
