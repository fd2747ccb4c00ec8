//! `[social]`: providers with whose accounts people sign in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    check::{ConfigError, invalid, is_loopback},
    secret::Secret,
};

/// Google, GitHub, and any further OpenID Connect providers.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Social {
    /// Empty: not offered; so for the others.
    pub google_client_id: String,
    pub google_client_secret: Secret,
    pub google_issuer: String,
    pub github_client_id: String,
    pub github_client_secret: Secret,
    pub github_url: String,
    pub github_api_url: String,
    pub link_by_email: LinkByEmail,
    /// By name, which is the last part of the redirect URI.
    pub oidc: BTreeMap<String, OidcProvider>,
}

/// When an address joins an account at a provider to one that is here already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkByEmail {
    Authoritative,
    Verified,
    Never,
}

/// A provider that speaks OpenID Connect.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OidcProvider {
    pub issuer: String,
    pub client_id: String,
    #[serde(default)]
    pub client_secret: Secret,
    /// What its button says; empty: its name.
    #[serde(default)]
    pub title: String,
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// On whose addresses its word counts.
    #[serde(default)]
    pub email_domains: Vec<String>,
    /// Whether it is asked to send its answer as a form.
    #[serde(default)]
    pub form_post: bool,
}

fn scopes() -> Vec<String> {
    ["openid", "email", "profile"].map(str::to_owned).to_vec()
}

impl Social {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let clients = [
            ("social.google_client_secret", &self.google_client_id, &self.google_client_secret),
            ("social.github_client_secret", &self.github_client_id, &self.github_client_secret),
        ];
        for (key, id, secret) in clients {
            if id.is_empty() != secret.is_empty() {
                return invalid(
                    key,
                    "and the client_id beside it are set together, or neither: the provider gives \
                     both",
                );
            }
        }
        let urls = [
            ("social.google_issuer", &self.google_issuer),
            ("social.github_url", &self.github_url),
            ("social.github_api_url", &self.github_api_url),
        ];
        for (key, url) in urls {
            check_url(key, url)?;
        }
        for (name, provider) in &self.oidc {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            let taken = ["google", "github", "credential"].contains(&name.as_str());
            if name.is_empty() || name.len() > 32 || taken || !name.chars().all(plain) {
                return invalid(
                    "social.oidc",
                    &format!(
                        "has the name {name:?}: write small letters, digits and - alone, not \
                         google, github or credential"
                    ),
                );
            }
            check_url("social.oidc", &provider.issuer)?;
            if provider.client_id.is_empty() {
                return invalid("social.oidc", &format!("{name} has no client_id"));
            }
            if !provider.scopes.iter().any(|scope| scope == "openid") {
                return invalid("social.oidc", &format!("{name}: scopes must hold \"openid\""));
            }
        }
        Ok(())
    }
}

/// People are sent there and its word is believed.
fn check_url(key: &'static str, text: &str) -> Result<(), ConfigError> {
    let safe = Url::parse(text).is_ok_and(|url| {
        let plain = url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        plain && (url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url))
    });
    if safe {
        return Ok(());
    }
    invalid(key, &format!("has {text:?}: write an https:// URL (http:// on this machine alone)"))
}

#[cfg(test)]
mod tests {
    use crate::config::{Overrides, Purpose, load};

    fn refusal(pairs: &[(&str, &str)]) -> String {
        let variables = pairs
            .iter()
            .map(|(key, text)| (format!("INTELLISTACK__SOCIAL__{key}"), (*text).to_owned()));
        load(None, variables, &Overrides::default())
            .unwrap()
            .check(Purpose::default())
            .map_or_else(|error| error.to_string(), |()| "accepted".to_owned())
    }

    #[test]
    fn a_provider_has_a_client_id_and_a_secret() {
        assert!(refusal(&[("GOOGLE_CLIENT_ID", "us")]).contains("social.google_client_secret"));
        assert!(refusal(&[("GITHUB_CLIENT_SECRET", "x")]).contains("social.github_client_secret"));
        let both = [("GITHUB_CLIENT_ID", "us"), ("GITHUB_CLIENT_SECRET", "x")];
        assert_eq!(refusal(&both), "accepted");
    }

    #[test]
    fn providers_are_reached_by_https_or_on_this_machine() {
        for bad in ["http://github.com", "github.com", "https://a@github.com", "ftp://x"] {
            assert!(refusal(&[("GITHUB_URL", bad)]).contains("social.github_url"), "{bad}");
        }
        assert_eq!(refusal(&[("GITHUB_API_URL", "http://127.0.0.1:9/api/v3")]), "accepted");
    }

    #[test]
    fn a_further_provider_has_a_plain_name_of_its_own() {
        let with = |name: &str, more: &str| {
            let json =
                format!(r#"{{"{name}":{{"issuer":"https://id.example","client_id":"us"{more}}}}}"#);
            refusal(&[("OIDC", &json)])
        };

        assert_eq!(with("school", ""), "accepted");
        for bad in ["google", "credential", "School", "a/b", ""] {
            assert!(with(bad, "").contains("social.oidc"), "{bad}");
        }
        assert!(with("school", r#","scopes":["email"]"#).contains("openid"));
    }
}
