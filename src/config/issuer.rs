//! `[issuer]`: whose access tokens a node accepts beside its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

use super::check::{ConfigError, invalid, is_loopback};

/// No clock of a machine that anybody watches is further off.
const MAX_LEEWAY_S: u32 = 300;

/// Who vouches for people, and how its tokens are read.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Empty: nobody but this server.
    pub url: String,
    pub audience: String,
    pub client_id: String,
    pub shared_accounts: bool,
    pub scope: String,
    pub roles_claim: String,
    leeway_s: u32,
    pub roles: BTreeMap<String, PersonRole>,
}

/// What a person may do here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PersonRole {
    Student,
    Instructor,
    Admin,
}

impl Issuer {
    pub fn is_set(&self) -> bool {
        !self.url.is_empty()
    }

    pub fn leeway_ms(&self) -> i64 {
        i64::from(self.leeway_s) * 1_000
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !self.is_set() {
            if self.shared_accounts {
                return invalid(
                    "issuer.shared_accounts",
                    "is true, but issuer.url is empty: a server that issues its own tokens has no \
                     other accounts. Set issuer.url, or write false",
                );
            }
            return Ok(());
        }
        let url = Url::parse(&self.url).ok().filter(|url| {
            url.host().is_some()
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        });
        let safe = url.is_some_and(|url| match url.scheme() {
            "https" => true,
            "http" => is_loopback(&url),
            _ => false,
        });
        if !safe {
            return invalid(
                "issuer.url",
                "must be the issuer as it stands in its tokens, an https:// URL such as \
                 https://id.school.example (http:// on this machine alone)",
            );
        }
        if self.leeway_s > MAX_LEEWAY_S {
            return invalid("issuer.leeway_s", "must be at most 300: set the clocks right instead");
        }
        if self.roles_claim.is_empty() && !self.roles.is_empty() {
            return invalid("issuer.roles", "is set, but issuer.roles_claim names no claim");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Overrides, Purpose, load};

    #[test]
    fn a_server_that_signs_people_in_is_not_its_own_foreign_issuer() {
        let own = |roles: &str| {
            let variables = [
                ("SERVER__PUBLIC_URL", "https://tutor.example/"),
                ("SERVER__ROLES", roles),
                ("ISSUER__URL", "https://tutor.example/api/auth"),
            ];
            let variables =
                variables.map(|(key, text)| (format!("INTELLISTACK__{key}"), text.to_owned()));
            load(None, variables, &Overrides::default()).unwrap().check(Purpose::default())
        };

        assert!(own(r#"["auth","chat"]"#).unwrap_err().to_string().contains("itself"));
        own(r#"["chat"]"#).unwrap();
    }

    fn config(pairs: &[(&str, &str)]) -> Config {
        let variables = pairs
            .iter()
            .map(|(key, text)| (format!("INTELLISTACK__ISSUER__{key}"), (*text).to_owned()));
        load(None, variables, &Overrides::default()).unwrap()
    }

    #[test]
    fn an_issuer_is_https_or_on_this_machine() {
        for good in ["https://id.example", "https://id.example/realms/a/", "http://127.0.0.1:9/x"] {
            config(&[("URL", good)]).check(Purpose::default()).unwrap();
        }
        for bad in ["http://id.example", "id.example", "ftp://id.example", "https://a@b/"] {
            let refused = config(&[("URL", bad)]).check(Purpose::default()).unwrap_err();
            assert!(refused.to_string().contains("issuer.url"), "{bad}: {refused}");
        }
    }

    #[test]
    fn shared_accounts_and_a_map_of_roles_need_what_they_rest_on() {
        for (pairs, key) in [
            (vec![("SHARED_ACCOUNTS", "true")], "issuer.shared_accounts"),
            (vec![("URL", "https://id.example"), ("LEEWAY_S", "301")], "issuer.leeway_s"),
            (
                vec![
                    ("URL", "https://id.example"),
                    ("ROLES_CLAIM", ""),
                    ("ROLES", r#"{"teacher":"instructor"}"#),
                ],
                "issuer.roles",
            ),
        ] {
            let refused = config(&pairs).check(Purpose::default()).unwrap_err();
            assert!(refused.to_string().contains(key), "{refused}");
        }
    }
}
