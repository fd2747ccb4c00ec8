//! Apps that register themselves (RFC 7591) and manage what they registered (RFC 7592).

use std::net::IpAddr;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::clients::Registered;
use crate::{
    auth::{Auth, AuthError, hash_token, limits::Limited},
    config::Registration,
    domain::ids::ClientId,
    store::StoreError,
};

/// Why an app may not register itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistrationError {
    #[error("apps do not register themselves here")]
    Off,
    #[error("the registration token is missing or wrong")]
    Token,
    #[error(transparent)]
    Limited(#[from] Limited),
}

impl Auth {
    /// Counts a registration from this address, with the token that it shows.
    pub(crate) async fn may_register(
        &self,
        address: Option<IpAddr>,
        token: Option<&str>,
    ) -> Result<(), RegistrationError> {
        if self.oidc.registration == Registration::Off {
            return Err(RegistrationError::Off);
        }
        self.limits.registration(address).await?;
        if self.oidc.registration == Registration::Open {
            return Ok(());
        }
        // Hashes are of one length, whatever is shown.
        let kept = hash_token(self.oidc.registration_token.reveal());
        let shown = hash_token(token.unwrap_or_default());
        verify_slices_are_equal(kept.as_bytes(), shown.as_bytes())
            .map_err(|_| RegistrationError::Token)
    }

    /// The app that this registration token manages; none if it is another's, or disabled.
    pub(crate) async fn client_by_token(
        &self,
        id: &str,
        token: &str,
    ) -> Result<Option<Registered>, AuthError> {
        let row = match self.store.client(&ClientId::new(id)).await {
            Err(StoreError::NotFound) => return Ok(None),
            found => found?,
        };
        let shown = hash_token(token);
        let fits = row
            .registration_hash
            .as_ref()
            .is_some_and(|kept| verify_slices_are_equal(kept.as_bytes(), shown.as_bytes()).is_ok());
        if fits && !row.disabled { Registered::read(row).map(Some) } else { Ok(None) }
    }
}
