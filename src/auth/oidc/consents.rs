//! What a person has let apps do: shown to her, narrowed and withdrawn by her.

use super::authorize::resources_of;
use crate::{
    auth::{Auth, AuthError, Identity, sessions::Device},
    domain::{ids::ClientId, oidc::scope::Scopes},
    store::{StoreError, auth_events::AuthEventKind, oauth_consents::ConsentRow},
};

/// One app's consent.
#[derive(Debug, Clone)]
pub(crate) struct Consent {
    pub id: String,
    pub client: ClientId,
    /// The app's name; none where only the consent itself was looked up.
    pub name: Option<String>,
    pub scopes: Scopes,
    pub resources: Vec<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// Why one is not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConsentError {
    /// None of hers.
    #[error("no such consent")]
    Unknown,
    /// More than she had agreed to: an app asks for that itself.
    #[error("a consent can only be narrowed")]
    Wider,
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl From<StoreError> for ConsentError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::Unknown,
            error => Self::Auth(error.into()),
        }
    }
}

fn read(row: ConsentRow, name: Option<String>) -> Consent {
    let resources = resources_of(&row);
    let scopes = Scopes::parse(&row.scope).unwrap_or_default();
    let ConsentRow { id, client_id, created_at, updated_at, .. } = row;
    Consent { id, client: client_id, name, scopes, resources, created_at, updated_at }
}

impl Auth {
    /// Newest first.
    pub(crate) async fn consents(&self, identity: &Identity) -> Result<Vec<Consent>, AuthError> {
        let rows = self.store.consents_of(&identity.user.id).await?;
        Ok(rows.into_iter().map(|(row, name)| read(row, Some(name))).collect())
    }

    /// Takes scopes out of a consent. What the app was granted ends: it asks again for what is left.
    pub(crate) async fn narrow_consent(
        &self,
        identity: &Identity,
        id: &str,
        scopes: &Scopes,
        device: &Device,
    ) -> Result<Consent, ConsentError> {
        let before = self.consents(identity).await?;
        let before = before.iter().find(|it| it.id == id).ok_or(ConsentError::Unknown)?;
        if !scopes.is_within(&before.scopes) {
            return Err(ConsentError::Wider);
        }
        let event = self
            .event_by(AuthEventKind::ConsentWithdrawn, identity, device)
            .with("client_id", before.client.as_str())
            .with("left", scopes.to_string());
        let user = &identity.user.id;
        let row = self.store.narrow_consent(user, id, scopes.to_string(), event).await?;
        Ok(read(row, before.name.clone()))
    }

    /// Ends all that the app was granted by her, at once and everywhere.
    pub(crate) async fn withdraw_consent(
        &self,
        identity: &Identity,
        id: &str,
        device: &Device,
    ) -> Result<(), ConsentError> {
        let before = self.consents(identity).await?;
        let before = before.iter().find(|it| it.id == id).ok_or(ConsentError::Unknown)?;
        let event = self
            .event_by(AuthEventKind::ConsentWithdrawn, identity, device)
            .with("client_id", before.client.as_str());
        Ok(self.store.withdraw_consent(&identity.user.id, id, event).await?)
    }
}
