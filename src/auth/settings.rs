//! What the operator chose about accounts.

use std::{net::IpAddr, path::PathBuf};

use super::{Posting, Secret, SecretError, issuer, oidc};
use crate::{
    config::{Config, Limits, PasswordPolicy, Social},
    domain::{clock::MINUTE, ids::Ids, lockout::Rule, password::Policy},
};

/// Which session tokens `Authorization: Bearer` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearers {
    Any,
    /// With their signature alone.
    Signed,
}

/// What the operator chose.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Where people reach us, `http(s)://host[:port]`; the only source of links and of the issuer.
    pub public_url: String,
    /// Other origins whose pages may send the cookie.
    pub allowed_origins: Vec<String>,
    pub secret: Secret,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Demo mode: mail is shown, demo accounts exist, loopback has no address limits.
    pub demo: bool,
    pub data_dir: PathBuf,
    /// Milliseconds that an unused session lives.
    pub session_life: i64,
    /// Milliseconds that an access token lives at most.
    pub token_life: i64,
    pub hash_threads: usize,
    pub hash_queue: usize,
    pub allow_sign_up: bool,
    /// Signing up with a taken address looks like success.
    pub hide_existing: bool,
    pub failures_per_minute: u32,
    pub sign_ups_per_minute: u32,
    pub posting: Posting,
    /// Mails that one address is sent by calls that ask for one.
    pub mails_per_minute: u32,
    /// Requests of apps from one address that wait for their person, and those that apps push.
    pub held_per_minute: u32,
    pub pushed_per_minute: u32,
    /// Wrong passwords until an account is locked, and for how long.
    pub lockout: Rule,
    pub password_policy: Policy,
    /// How many sessions are kept in memory.
    pub session_cache: usize,
    pub bearers: Bearers,
    /// Who else vouches for people.
    pub issuer: Option<issuer::Settings>,
    /// Providers with whose accounts people sign in.
    pub social: Social,
    pub oidc: oidc::Settings,
}

impl Settings {
    /// The sections of the configuration that are about accounts. `public_url` is the one that
    /// holds once the port is known ([`Config::public_url_for`]).
    pub(crate) fn from_config(
        config: &Config,
        public_url: String,
        demo: bool,
        ids: &dyn Ids,
    ) -> Result<Self, SecretError> {
        let (server, auth, accounts) = (&config.server, &config.auth, &config.accounts);
        Ok(Self {
            public_url,
            issuer: issuer::Settings::read(&config.issuer),
            social: config.social.clone(),
            oidc: oidc::Settings::read(&config.oidc, demo),
            allowed_origins: server.allowed_origins.clone(),
            secret: Secret::load(auth.secret.reveal(), &config.data.dir, ids)?,
            trusted_proxies: server.trusted_proxies.clone(),
            demo,
            data_dir: config.data.dir.clone(),
            session_life: auth.session_ms(),
            token_life: auth.access_token_ms(),
            hash_threads: auth.hash_threads,
            hash_queue: auth.hash_queue,
            allow_sign_up: accounts.allow_sign_up,
            hide_existing: accounts.hide_existing,
            failures_per_minute: config.limits.sign_in_failures_per_minute,
            sign_ups_per_minute: config.limits.sign_ups_per_minute,
            // Outside demo mode what nothing takes waits for another transport.
            posting: Posting { leaves: config.mail.leaves() || !demo, shown: demo },
            mails_per_minute: config.limits.mails_per_minute,
            held_per_minute: config.limits.held_requests_per_minute,
            pushed_per_minute: config.limits.pushed_requests_per_minute,
            lockout: lockout(&config.limits),
            password_policy: policy(accounts.password_policy),
            session_cache: auth.session_cache,
            bearers: if auth.signed_bearer_only { Bearers::Signed } else { Bearers::Any },
        })
    }
}

fn lockout(limits: &Limits) -> Rule {
    let locked_for = i64::from(limits.lockout_minutes) * MINUTE;
    Rule { tries: i32::from(limits.sign_in_tries), locked_for }
}

const fn policy(chosen: PasswordPolicy) -> Policy {
    match chosen {
        PasswordPolicy::Classic => Policy::Classic,
        PasswordPolicy::Nist => Policy::Nist,
    }
}
