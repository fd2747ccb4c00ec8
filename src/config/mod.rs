//! Beside the floors: the settings. `config.default.toml` is the defaults and the manual.
//!
//! Parts of the program take the plain struct of their section as an argument; nothing below the
//! root reads a file or the environment.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

mod check;
mod issuer;
mod load;
mod mail;
mod roles;
mod secret;
mod sections;
mod social;

pub(crate) use check::is_loopback;
pub use check::{ConfigError, Purpose};
pub use issuer::{Issuer, PersonRole};
pub use load::{Overrides, load};
pub use mail::{Mail, MailTransport, SmtpSecurity};
pub use roles::{BadRoles, NodeRole, Roles};
pub use secret::{Address, Secret};
pub use sections::{
    Accounts, Auth, Data, Database, Limits, Live, Log, LogFormat, Oidc, PasswordPolicy, Qdrant,
    Redis, Registration, Server, Tutor, TutorApi, TutorModel,
};
pub use social::{LinkByEmail, OidcProvider, Social};

/// All that an operator can set, one field a section.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: Server,
    pub data: Data,
    pub database: Database,
    pub redis: Redis,
    pub qdrant: Qdrant,
    pub auth: Auth,
    pub issuer: Issuer,
    pub social: Social,
    pub oidc: Oidc,
    pub accounts: Accounts,
    pub mail: Mail,
    pub limits: Limits,
    pub tutor: Tutor,
    pub live: Live,
    pub log: Log,
}

impl Config {
    /// The address to bind. `check` has proven that it parses.
    pub fn listen_address(&self) -> Result<SocketAddr, ConfigError> {
        check::listen_address(&self.server.listen)
    }

    /// Under which URL people reach a server that listens on `port`: without a slash at the end.
    pub fn public_url_for(&self, port: u16) -> String {
        if self.server.public_url.is_empty() {
            format!("http://localhost:{port}")
        } else {
            self.server.public_url.trim_end_matches('/').to_owned()
        }
    }

    /// What an operator should know about settings that hold but do not do what they may expect.
    pub fn notes(&self) -> Vec<&'static str> {
        let mut notes = Vec::new();
        if !self.qdrant.url.is_empty() {
            notes.push("qdrant.url is set, but this version does not use Qdrant yet");
        }
        notes
    }

    /// The settings as a TOML file, with secrets masked.
    pub fn to_masked_toml(&self) -> Result<String, ConfigError> {
        toml::to_string(self).map_err(|error| ConfigError::Unprintable(error.to_string()))
    }
}
