//! The OpenID Provider's rules: which app may ask for what, who is asked, what is issued.
//!
//! What an app was granted is a session of ours (`client_id` in its row), so that all that ends
//! sessions ends it.

use std::sync::Arc;

use super::{AuthError, Secret, outward::Outward, sealing::Sealer};
use crate::domain::clock::SharedClock;

mod app_origins;
mod assertion;
pub(crate) mod authorize;
mod claims;
pub(crate) mod client;
pub(crate) mod client_keys;
pub(crate) mod clients;
pub(crate) mod code;
pub(crate) mod consents;
pub(crate) mod device;
pub(crate) mod dpop;
pub(crate) mod hint;
mod inspect;
pub(crate) mod issue;
pub(crate) mod jose;
mod logouts;
mod redeem;
pub(crate) mod registration;
mod request_object;
mod settings;
mod unused;
pub(crate) mod waiting;

pub(crate) use assertion::claimed_client;
pub(crate) use inspect::UserinfoError;
pub(crate) use issue::{IssueError, Tokens};
pub(crate) use logouts::{Logouts, Told};
pub(crate) use redeem::{Asked, Redemption};
pub(crate) use settings::Settings;

/// What the provider keeps in memory.
pub(crate) struct Provider {
    /// Calls the URLs that apps give us.
    outward: Arc<Outward>,
    client_keys: client_keys::ClientKeys,
    codes: Sealer,
    /// Seals answers that may be sent again.
    replays: Sealer,
    origins: app_origins::AppOrigins,
}

impl Provider {
    pub(super) fn new(
        secret: &Secret,
        outward: Arc<Outward>,
        clock: &SharedClock,
    ) -> Result<Self, AuthError> {
        let codes = Sealer::new(secret, "authorization codes v1")?;
        let replays = Sealer::new(secret, "refresh replays v1")?;
        let client_keys = client_keys::ClientKeys::new(Arc::clone(&outward), Arc::clone(clock));
        let origins = app_origins::AppOrigins::default();
        Ok(Self { outward, client_keys, codes, replays, origins })
    }
}
