//! Apps that anybody may register are removed if nobody uses them.

use super::client::Client;
use crate::{
    auth::{Auth, AuthError, sessions::Device},
    store::auth_events::AuthEventKind,
};

/// Apps that are removed in one transaction; the next follow at the next sweep.
const AT_ONCE: i64 = 100;

impl Auth {
    /// Before somebody lets an app in for the first time.
    pub(super) async fn note_use(&self, client: &Client) -> Result<(), AuthError> {
        if client.unused {
            self.store.keep_client(&client.id, self.clock.now()).await?;
        }
        Ok(())
    }

    /// Removes some of the apps whose time is over. Says how many.
    pub(crate) async fn remove_unused_clients(&self) -> Result<usize, AuthError> {
        let Some(life) = self.oidc.unused_life else { return Ok(0) };
        let before = self.clock.now().plus(-life);
        let unused = self.store.unused_clients(before, AT_ONCE).await?;
        if unused.is_empty() {
            return Ok(0);
        }
        let event = |row: &crate::store::oauth_clients::ClientRow| {
            self.event(AuthEventKind::ClientRemoved, &Device::default())
                .with("client", row.id.as_str())
                .with("name", row.name.as_str())
                .with("reason", "unused")
        };
        let apps = unused.into_iter().map(|row| (row.id.clone(), event(&row))).collect();
        Ok(self.store.remove_unused_clients(apps).await?)
    }
}
