//! An app as the rules see it.

use crate::{
    auth::{Auth, AuthError, hash_token},
    domain::{
        ids::{ClientId, UserId},
        oidc::client::Metadata,
    },
    store::oauth_clients::ClientRow,
};

/// An app that people sign in to with their account here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    pub id: ClientId,
    pub name: String,
    pub owner: Option<UserId>,
    pub metadata: Metadata,
    /// Nobody has let it in yet, and it goes if nobody does.
    pub unused: bool,
    secret_hash: Option<String>,
}

impl Client {
    /// Fails on a row that we did not write.
    pub(crate) fn read(row: ClientRow) -> Result<Self, AuthError> {
        let metadata = serde_json::from_str(&row.metadata).map_err(|error| {
            AuthError::Broken(format!("what the app {} registered is damaged: {error}", row.id))
        })?;
        let ClientRow { id, name, owner_id, secret_hash, unused_since, .. } = row;
        let unused = unused_since.is_some();
        Ok(Self { id, name, owner: owner_id, metadata, unused, secret_hash })
    }

    /// Whether this is its secret. One without a secret has none that could be right.
    pub(crate) fn is_secret(&self, secret: &str) -> bool {
        let shown = hash_token(secret);
        self.secret_hash.as_ref().is_some_and(|kept| {
            aws_lc_rs::constant_time::verify_slices_are_equal(kept.as_bytes(), shown.as_bytes())
                .is_ok()
        })
    }
}

impl Auth {
    /// What tokens may be for by name (RFC 8707): our API, the userinfo endpoint, and what the
    /// operator added.
    pub(crate) fn resources(&self) -> Vec<String> {
        let own = [self.api_audience(), format!("{}/oauth2/userinfo", self.issuer())];
        own.into_iter().chain(self.oidc.resources.iter().cloned()).collect()
    }

    pub(crate) const fn oidc(&self) -> &super::Settings {
        &self.oidc
    }
}
