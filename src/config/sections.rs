//! One struct a section of `config.default.toml`, which says what each key means. No defaults
//! here: the file has them.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    roles::Roles,
    secret::{Address, Secret},
};

/// What the server does, where it listens, under which name people reach it, and whom it trusts.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub roles: Roles,
    pub listen: String,
    pub public_url: String,
    pub allowed_origins: Vec<String>,
    pub trusted_proxies: Vec<IpAddr>,
    pub workers: usize,
    head_s: u64,
    head_kb: u16,
    body_s: u64,
    drain_s: u64,
}

impl Server {
    /// How long a request's head may take.
    pub const fn head(&self) -> Duration {
        Duration::from_secs(self.head_s)
    }

    /// How large it may be.
    pub fn head_bytes(&self) -> usize {
        usize::from(self.head_kb) * 1_024
    }

    /// How long its body may take, behind the head.
    pub const fn body(&self) -> Duration {
        Duration::from_secs(self.body_s)
    }

    /// How long running answers may go on after the server was told to stop.
    pub const fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_s)
    }
}

/// The folder that holds everything which must outlive the process.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    pub dir: PathBuf,
}

/// Which database holds accounts, courses and conversations.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Empty means SQLite in the data folder.
    pub url: Address,
    pub pool: usize,
}

/// What joins the memory of several nodes.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// Empty means a node that is alone.
    pub url: Address,
    /// What the names of all keys and channels begin with.
    pub prefix: String,
}

/// A search index outside the process; not used yet.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Qdrant {
    pub url: Address,
}

/// How sign-ins are kept and how long they last.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// Empty means a file in the data folder, made at the first start.
    pub secret: Secret,
    session_days: u32,
    access_token_hours: u32,
    pub hash_threads: usize,
    pub hash_queue: usize,
    pub session_cache: usize,
    pub signed_bearer_only: bool,
}

impl Auth {
    pub fn session_ms(&self) -> i64 {
        i64::from(self.session_days) * 24 * 3_600_000
    }

    pub fn access_token_ms(&self) -> i64 {
        i64::from(self.access_token_hours) * 3_600_000
    }
}

/// What apps may do that people sign in to with their account here.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    pub registration: Registration,
    /// The token that registration asks for, where it asks for one.
    pub registration_token: Secret,
    refresh_token_days: u32,
    grant_days: u32,
    refresh_replay_s: u32,
    unused_clients_days: u32,
    pub allow_loopback_urls: bool,
    pub resources: Vec<String>,
}

impl Oidc {
    pub fn refresh_token_ms(&self) -> i64 {
        i64::from(self.refresh_token_days) * 24 * 3_600_000
    }

    pub fn grant_ms(&self) -> i64 {
        i64::from(self.grant_days) * 24 * 3_600_000
    }

    pub fn refresh_replay_ms(&self) -> i64 {
        i64::from(self.refresh_replay_s) * 1_000
    }

    /// None: they stay.
    pub fn unused_clients_ms(&self) -> Option<i64> {
        let days = i64::from(self.unused_clients_days);
        (days > 0).then_some(days * 24 * 3_600_000)
    }
}

/// Who may register an app over HTTP (RFC 7591).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    Off,
    /// Whoever shows `oidc.registration_token`.
    Token,
    Open,
}

/// Who may make an account.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    pub hide_existing: bool,
    pub allow_sign_up: bool,
    pub password_policy: PasswordPolicy,
    pub events_kept_days: u32,
}

impl Accounts {
    pub fn events_kept_ms(&self) -> i64 {
        i64::from(self.events_kept_days) * 24 * 3_600_000
    }
}

/// What a new password must be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PasswordPolicy {
    /// Twelve characters of four kinds.
    Classic,
    /// Twelve to 256 characters of any kind.
    Nist,
}

/// How much one person, one address or one socket may ask of the server.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub messages_per_day: u32,
    pub running_turns_student: u32,
    pub running_turns_staff: u32,
    pub sign_in_failures_per_minute: u32,
    pub sign_ups_per_minute: u32,
    pub mails_per_minute: u32,
    pub held_requests_per_minute: u32,
    pub pushed_requests_per_minute: u32,
    pub sign_in_tries: u16,
    pub lockout_minutes: u16,
    pub sockets_without_hello_per_address: usize,
    pub frames_per_second: u32,
    pub frame_burst: u32,
    pub open_threads: usize,
}

/// Who answers, and how fast.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tutor {
    pub model: TutorModel,
    pub api: TutorApi,
    pub pace_ms: u64,
    pub base_url: String,
    pub api_key: Secret,
    pub model_name: String,
    first_token_s: u64,
    between_tokens_s: u64,
    pub max_passages: usize,
}

impl Tutor {
    pub const fn pace(&self) -> Duration {
        Duration::from_millis(self.pace_ms)
    }

    pub const fn first_token(&self) -> Duration {
        Duration::from_secs(self.first_token_s)
    }

    pub const fn between_tokens(&self) -> Duration {
        Duration::from_secs(self.between_tokens_s)
    }
}

/// What writes the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TutorModel {
    /// The passage guide: quotes the lessons and asks. Not an AI model.
    Extractive,
    /// A model behind an OpenAI-compatible API.
    Openai,
    /// Made-up text, for tests.
    Scripted,
}

/// How a model behind an OpenAI-compatible API is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TutorApi {
    /// Chat completions, which every such server has.
    Chat,
    /// The Responses API, in the background: an answer survives the node that asked for it.
    Responses,
}

/// The rhythm of a WebSocket.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    coalesce_ms: u64,
    pub heartbeat_s: u64,
    silence_s: u64,
    hello_s: u64,
    stall_s: u64,
}

impl Live {
    pub const fn coalesce(&self) -> Duration {
        Duration::from_millis(self.coalesce_ms)
    }

    pub const fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.heartbeat_s)
    }

    pub const fn silence(&self) -> Duration {
        Duration::from_secs(self.silence_s)
    }

    pub const fn hello(&self) -> Duration {
        Duration::from_secs(self.hello_s)
    }

    pub const fn stall(&self) -> Duration {
        Duration::from_secs(self.stall_s)
    }
}

/// What is written to the log, and how.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub format: LogFormat,
    pub filter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object a line, for machines.
    Json,
}
