//! What settings must hold together, said in words that tell the operator what to do.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use url::{Host, Url};

use super::{Config, NodeRole, Redis, Registration, TutorModel};
use crate::link::Target;

/// In minutes.
const A_DAY: u16 = 1_440;
/// Milliseconds.
const MOST_REPLAY: i64 = 10_000;
const SHORTEST_TOKEN: usize = 16;
/// What the HTTP library takes.
const LARGEST_HEAD: usize = 128 * 1_024;

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("there is no settings file {}", .0.display())]
    NoFile(PathBuf),
    #[error("unknown setting {key}{place}: known here are {known}")]
    UnknownKey { key: String, place: String, known: String },
    #[error("{0} names no setting: INTELLISTACK__SECTION__KEY, see config.default.toml")]
    UnknownVariable(String),
    #[error("{name}: {error}")]
    Variable { name: String, error: String },
    #[error("the settings{place} cannot be read: {error}")]
    Unreadable { place: String, error: String },
    #[error("{key}{place}: {error}")]
    Value { key: String, place: String, error: String },
    #[error("{key} {problem}")]
    Invalid { key: &'static str, problem: String },
    #[error("the settings cannot be printed: {0}")]
    Unprintable(String),
}

/// What the settings are about to be used for: more is asked of a server than of a tool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purpose {
    /// Demo accounts and `/dev/mail`: on this machine alone.
    pub demo: bool,
    /// The made-up model is allowed: on this machine alone.
    pub test_model: bool,
}

impl Config {
    /// Refuses settings that contradict each other or would be unsafe. The first finding counts.
    pub fn check(&self, purpose: Purpose) -> Result<(), ConfigError> {
        self.check_server()?;
        self.check_numbers()?;
        self.check_databases()?;
        self.check_secret()?;
        self.check_issuer()?;
        self.check_oidc()?;
        self.mail.check()?;
        self.social.check()?;
        self.check_tutor(purpose)?;
        self.check_loopback(purpose)
    }

    fn check_server(&self) -> Result<(), ConfigError> {
        let listen = self.listen_address()?;
        let server = &self.server;
        if server.public_url.is_empty() {
            if !listen.ip().is_loopback() {
                return invalid(
                    "server.public_url",
                    "must be set when server.listen is not this machine alone: \
                     the URL that people type, such as https://tutor.school.example",
                );
            }
        } else {
            let url = origin("server.public_url", &server.public_url)?;
            if url.scheme() == "http" && !is_loopback(&url) {
                return invalid(
                    "server.public_url",
                    "is http:// on a name that is not this machine: sign-in cookies would travel \
                     in clear. Put a TLS proxy in front and write https://",
                );
            }
        }
        for allowed in &server.allowed_origins {
            origin("server.allowed_origins", allowed)?;
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), ConfigError> {
        let (server, limits, live) = (&self.server, &self.limits, &self.live);
        let positive = [
            ("server.head_s", !server.head().is_zero()),
            ("server.head_kb", server.head_bytes() > 0),
            ("server.body_s", !server.body().is_zero()),
            ("database.pool", self.database.pool > 0),
            ("auth.session_days", self.auth.session_ms() > 0),
            ("auth.access_token_hours", self.auth.access_token_ms() > 0),
            ("auth.hash_threads", self.auth.hash_threads > 0),
            ("auth.hash_queue", self.auth.hash_queue > 0),
            ("auth.session_cache", self.auth.session_cache > 0),
            ("oidc.refresh_token_days", self.oidc.refresh_token_ms() > 0),
            ("oidc.grant_days", self.oidc.grant_ms() > 0),
            ("accounts.events_kept_days", self.accounts.events_kept_ms() > 0),
            ("limits.running_turns_student", limits.running_turns_student > 0),
            ("limits.running_turns_staff", limits.running_turns_staff > 0),
            ("limits.sign_in_failures_per_minute", limits.sign_in_failures_per_minute > 0),
            ("limits.sign_ups_per_minute", limits.sign_ups_per_minute > 0),
            ("limits.mails_per_minute", limits.mails_per_minute > 0),
            ("limits.held_requests_per_minute", limits.held_requests_per_minute > 0),
            ("limits.pushed_requests_per_minute", limits.pushed_requests_per_minute > 0),
            ("limits.sign_in_tries", limits.sign_in_tries > 0),
            ("limits.lockout_minutes", limits.lockout_minutes > 0),
            ("limits.frames_per_second", limits.frames_per_second > 0),
            ("limits.frame_burst", limits.frame_burst > 0),
            ("limits.open_threads", limits.open_threads > 0),
            ("tutor.first_token_s", !self.tutor.first_token().is_zero()),
            ("tutor.between_tokens_s", !self.tutor.between_tokens().is_zero()),
            ("tutor.max_passages", self.tutor.max_passages > 0),
            ("live.heartbeat_s", !live.heartbeat().is_zero()),
            ("live.hello_s", !live.hello().is_zero()),
            ("live.stall_s", !live.stall().is_zero()),
        ];
        if let Some((key, _)) = positive.into_iter().find(|(_, positive)| !positive) {
            return invalid(key, "must be at least 1");
        }
        if server.head_bytes() > LARGEST_HEAD {
            return invalid("server.head_kb", "must be at most 128");
        }
        if limits.lockout_minutes > A_DAY {
            return invalid("limits.lockout_minutes", "must be at most 1440, a day");
        }
        if live.silence() <= live.heartbeat() {
            return invalid("live.silence_s", "must be longer than live.heartbeat_s");
        }
        Ok(())
    }

    fn check_oidc(&self) -> Result<(), ConfigError> {
        let oidc = &self.oidc;
        if oidc.refresh_replay_ms() > MOST_REPLAY {
            return invalid("oidc.refresh_replay_s", "must be at most 10");
        }
        let short = oidc.registration_token.reveal().len() < SHORTEST_TOKEN;
        if oidc.registration == Registration::Token && short {
            return invalid("oidc.registration_token", "must have at least 16 characters");
        }
        let whole = |text: &String| Url::parse(text).is_ok_and(|url| url.fragment().is_none());
        if !oidc.resources.iter().all(whole) {
            return invalid("oidc.resources", "must be absolute URIs without a fragment");
        }
        Ok(())
    }

    fn check_databases(&self) -> Result<(), ConfigError> {
        let urls: [(&'static str, &str, &[&str]); 2] = [
            ("database.url", self.database.url.reveal(), &["postgres", "postgresql"]),
            ("qdrant.url", self.qdrant.url.reveal(), &["http", "https"]),
        ];
        for (key, text, schemes) in urls {
            let fits = Url::parse(text).is_ok_and(|url| schemes.contains(&url.scheme()));
            if !text.is_empty() && !fits {
                return invalid(
                    key,
                    &format!("must be empty or begin with {}://", schemes.join(":// or ")),
                );
            }
        }
        self.check_redis()
    }

    fn check_redis(&self) -> Result<(), ConfigError> {
        let Redis { url, prefix } = &self.redis;
        if !url.is_empty()
            && let Err(problem) = Target::parse(url.reveal())
        {
            return invalid(
                "redis.url",
                &format!(
                    "{problem}. Leave it empty or write redis://host:6379, \
                     redis+sentinel://host:26379,host2:26379/mymaster or \
                     redis+cluster://host:6379,host2:6379"
                ),
            );
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        if prefix.is_empty() || !prefix.chars().all(fits) {
            return invalid("redis.prefix", "must be made of letters, digits and - _ . : alone");
        }
        Ok(())
    }

    fn check_secret(&self) -> Result<(), ConfigError> {
        let length = self.auth.secret.reveal().chars().count();
        if (1..32).contains(&length) {
            return invalid(
                "auth.secret",
                "is too short: 32 characters or more, such as from `openssl rand -hex 32`; \
                 or leave it empty and one is made in the data folder",
            );
        }
        Ok(())
    }

    fn check_issuer(&self) -> Result<(), ConfigError> {
        self.issuer.check()?;
        let server = &self.server;
        let own = format!("{}/api/auth", server.public_url.trim_end_matches('/'));
        if server.roles.has(NodeRole::Auth) && self.issuer.url == own {
            return invalid(
                "issuer.url",
                "is this server itself: leave it empty. It knows its own tokens",
            );
        }
        Ok(())
    }

    fn check_tutor(&self, purpose: Purpose) -> Result<(), ConfigError> {
        let tutor = &self.tutor;
        match tutor.model {
            TutorModel::Scripted if !purpose.demo && !purpose.test_model => invalid(
                "tutor.model",
                "= \"scripted\" answers with made-up text: only with `serve --demo` or \
                 `serve --test-model`. For a school use \"extractive\" or \"openai\"",
            ),
            TutorModel::Openai if Url::parse(&tutor.base_url).is_err() => invalid(
                "tutor.base_url",
                "must be set for tutor.model = \"openai\": the API's address, such as \
                 https://api.openai.com/v1",
            ),
            TutorModel::Openai if tutor.model_name.is_empty() => invalid(
                "tutor.model_name",
                "must be set for tutor.model = \"openai\": the name that the API knows the model by",
            ),
            TutorModel::Extractive | TutorModel::Openai | TutorModel::Scripted => Ok(()),
        }
    }

    fn check_loopback(&self, purpose: Purpose) -> Result<(), ConfigError> {
        let scripted = self.tutor.model == TutorModel::Scripted;
        if (purpose.demo || purpose.test_model || scripted)
            && !self.listen_address()?.ip().is_loopback()
        {
            return invalid(
                "server.listen",
                "must be a loopback address (127.0.0.1 or [::1]) with --demo or --test-model: \
                 demo accounts and test mail are for this machine alone",
            );
        }
        Ok(())
    }
}

pub(super) fn listen_address(text: &str) -> Result<SocketAddr, ConfigError> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    numeric.as_deref().unwrap_or(text).parse().or_else(|_| {
        invalid(
            "server.listen",
            &format!("is {text:?}: write address and port, such as 127.0.0.1:8080"),
        )
    })
}

/// A scheme, a host and maybe a port; anything behind them would be ignored, so it is refused.
fn origin(key: &'static str, text: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(text).ok().filter(|url| {
        ["http", "https"].contains(&url.scheme())
            && url.host().is_some()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    url.map_or_else(
        || {
            invalid(
                key,
                &format!(
                    "has {text:?}: write scheme and host alone, such as https://school.example"
                ),
            )
        },
        Ok,
    )
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        None => false,
    }
}

pub(super) fn invalid<T>(key: &'static str, problem: &str) -> Result<T, ConfigError> {
    Err(ConfigError::Invalid { key, problem: problem.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, load};

    const DEMO: Purpose = Purpose { demo: true, test_model: false };
    const TEST_MODEL: Purpose = Purpose { demo: false, test_model: true };

    fn config(pairs: &[(&str, &str)]) -> Config {
        let variables =
            pairs.iter().map(|(key, text)| (format!("INTELLISTACK__{key}"), (*text).to_owned()));
        load(None, variables, &Overrides::default()).unwrap()
    }

    fn refusal(pairs: &[(&str, &str)], purpose: Purpose) -> String {
        config(pairs).check(purpose).map_or_else(|error| error.to_string(), |()| "accepted".into())
    }

    #[test]
    fn the_defaults_hold_for_every_purpose() {
        for purpose in [Purpose::default(), DEMO, TEST_MODEL] {
            config(&[]).check(purpose).unwrap();
        }
    }

    #[test]
    fn the_made_up_model_is_refused_outside_tests() {
        let scripted = [("TUTOR__MODEL", "scripted")];

        assert!(refusal(&scripted, Purpose::default()).contains("--test-model"));
        assert_eq!(refusal(&scripted, DEMO), "accepted");
        assert_eq!(refusal(&scripted, TEST_MODEL), "accepted");
    }

    #[test]
    fn demo_and_test_model_listen_on_loopback_alone() {
        let open =
            [("SERVER__LISTEN", "0.0.0.0:8080"), ("SERVER__PUBLIC_URL", "https://a.example")];

        assert!(refusal(&open, DEMO).contains("loopback"));
        assert!(refusal(&open, TEST_MODEL).contains("loopback"));
        assert_eq!(refusal(&open, Purpose::default()), "accepted");
    }

    #[test]
    fn a_public_name_needs_https() {
        let plain = [("SERVER__PUBLIC_URL", "http://tutor.school.example")];
        let here = [("SERVER__PUBLIC_URL", "http://127.0.0.1:9000")];
        let unnamed = [("SERVER__LISTEN", "0.0.0.0:8080")];

        assert!(refusal(&plain, Purpose::default()).contains("https://"));
        assert_eq!(refusal(&here, Purpose::default()), "accepted");
        assert!(refusal(&unnamed, Purpose::default()).contains("server.public_url"));
    }

    #[test]
    fn an_origin_has_no_path() {
        let path = [("SERVER__ALLOWED_ORIGINS", r#"["https://school.example/tutor"]"#)];

        assert!(refusal(&path, Purpose::default()).contains("server.allowed_origins"));
    }

    #[test]
    fn a_model_behind_an_api_needs_its_address_and_name() {
        let bare = [("TUTOR__MODEL", "openai")];
        let unnamed = [("TUTOR__MODEL", "openai"), ("TUTOR__BASE_URL", "http://127.0.0.1:1/v1")];

        assert!(refusal(&bare, Purpose::default()).contains("tutor.base_url"));
        assert!(refusal(&unnamed, Purpose::default()).contains("tutor.model_name"));
    }

    #[test]
    fn databases_are_named_by_their_scheme() {
        let wrong = [("DATABASE__URL", "mysql://db/school")];

        assert!(refusal(&wrong, Purpose::default()).contains("postgres://"));
        assert!(!refusal(&wrong, Purpose::default()).contains("school"));
    }

    #[test]
    fn redis_is_one_server_or_sentinels_or_a_cluster() {
        for url in ["redis://r", "rediss+cluster://a:1,b:2", "redis+sentinel://a,b/school"] {
            assert_eq!(refusal(&[("REDIS__URL", url)], Purpose::default()), "accepted");
        }
        let nameless = refusal(&[("REDIS__URL", "redis+sentinel://:hunter2@a")], DEMO);
        assert!(nameless.contains("/NAME") && !nameless.contains("hunter2"), "{nameless}");
        assert!(refusal(&[("REDIS__PREFIX", "{a}")], DEMO).contains("redis.prefix"));
    }

    #[test]
    fn a_short_secret_and_a_zero_are_refused() {
        assert!(refusal(&[("AUTH__SECRET", "short")], DEMO).contains("32 characters"));
        assert!(refusal(&[("LIMITS__OPEN_THREADS", "0")], DEMO).contains("limits.open_threads"));
        assert!(refusal(&[("LIVE__SILENCE_S", "25")], DEMO).contains("live.heartbeat_s"));
        assert!(refusal(&[("SERVER__HEAD_S", "0")], DEMO).contains("server.head_s"));
        assert!(refusal(&[("SERVER__HEAD_KB", "129")], DEMO).contains("server.head_kb"));
    }

    #[test]
    fn what_is_printed_can_be_read_again_and_hides_secrets() {
        let config = config(&[("TUTOR__API_KEY", "hunter2"), ("REDIS__URL", "redis://:hunter2@r")]);

        let printed = config.to_masked_toml().unwrap();

        assert!(!printed.contains("hunter2"), "{printed}");
        assert!(toml::from_str::<Config>(&printed).is_ok());
    }
}
