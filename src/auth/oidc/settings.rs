//! What the operator chose about apps.

use crate::config::{Oidc, Registration, Secret};

/// What the operator chose.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub registration: Registration,
    /// What registration asks for, where it asks for something.
    pub registration_token: Secret,
    /// Milliseconds that a refresh token lives.
    pub refresh_life: i64,
    /// Milliseconds that a grant lives, however often it is refreshed.
    pub grant_life: i64,
    /// Milliseconds for which a used refresh token brings the same answer again.
    pub replay: i64,
    /// Milliseconds after which an app is removed that registered itself and that nobody uses; none:
    /// never.
    pub unused_life: Option<i64>,
    /// Whether an app's URLs may be on this machine.
    pub allow_loopback_urls: bool,
    /// APIs that tokens may be for, beside ours.
    pub resources: Vec<String>,
}

impl Settings {
    /// In demo mode apps are this machine's, and register themselves.
    pub(crate) fn read(section: &Oidc, demo: bool) -> Self {
        Self {
            registration: if demo { Registration::Open } else { section.registration },
            registration_token: section.registration_token.clone(),
            refresh_life: section.refresh_token_ms(),
            grant_life: section.grant_ms(),
            replay: section.refresh_replay_ms(),
            unused_life: section.unused_clients_ms(),
            allow_loopback_urls: demo || section.allow_loopback_urls,
            resources: section.resources.clone(),
        }
    }
}
