//! What a person has let apps do: shown to her, narrowed and withdrawn by her.

use super::{authorize::resources_of, client::Client};
use crate::{
    auth::{Auth, AuthError, Identity, sessions::Device},
    domain::{
        ids::ClientId,
        oidc::{granted::Granted, scope::Scopes},
    },
    store::{
        StoreError, auth_events::AuthEventKind, oauth_clients::ClientRow,
        oauth_consents::ConsentRow, oauth_grants::GrantRow, sessions::Session,
    },
};

/// How access is called that an app holds without a consent: this, and the app's id. The id of a
/// consent has no such sign in it.
const HELD: &str = "grants:";

/// One app's access.
#[derive(Debug, Clone)]
pub(crate) struct Consent {
    pub id: String,
    pub client: ClientId,
    /// The app's name; none where only the consent itself was looked up.
    pub name: Option<String>,
    pub scopes: Scopes,
    pub resources: Vec<String>,
    /// The school lets the app in without asking anybody.
    pub by_school: bool,
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
    /// She did not agree to it on a page of consents, so there is nothing to narrow.
    #[error("this access can only be ended")]
    NotAgreed,
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
    Consent {
        id,
        client: client_id,
        name,
        scopes,
        resources,
        by_school: false,
        created_at,
        updated_at,
    }
}

/// What an app holds, out of all that it was granted: the oldest first.
fn put(
    held: &mut Vec<Consent>,
    (session, grant): (&Session, &GrantRow),
    app: ClientRow,
) -> Result<(), AuthError> {
    let granted: Granted = serde_json::from_str(&grant.granted).unwrap_or_default();
    if let Some(known) = held.iter_mut().find(|it| it.client == app.id) {
        for word in granted.scopes.iter() {
            known.scopes.add(word);
        }
        let new = granted.resources.into_iter().filter(|it| !known.resources.contains(it));
        let new: Vec<_> = new.collect();
        known.resources.extend(new);
        known.updated_at = session.created_at;
        return Ok(());
    }
    let app = Client::read(app)?;
    held.push(Consent {
        id: format!("{HELD}{}", app.id),
        client: app.id,
        name: Some(app.name),
        scopes: granted.scopes,
        resources: granted.resources,
        by_school: app.metadata.ours.skip_consent,
        created_at: session.created_at,
        updated_at: session.created_at,
    });
    Ok(())
}

impl Consent {
    fn is_agreed(&self) -> bool {
        !self.id.starts_with(HELD)
    }
}

impl Auth {
    /// What she agreed to, and what apps hold that she was not asked for or let in as devices. Newest
    /// first.
    pub(crate) async fn consents(&self, identity: &Identity) -> Result<Vec<Consent>, AuthError> {
        let user = &identity.user.id;
        let mut held = Vec::new();
        let now = self.clock.now();
        for (session, grant, app) in self.store.grants_without_consent(user, now).await? {
            put(&mut held, (&session, &grant), app)?;
        }
        let rows = self.store.consents_of(user).await?;
        held.extend(rows.into_iter().map(|(row, name)| read(row, Some(name))));
        held.sort_by_key(|it| std::cmp::Reverse(it.updated_at));
        Ok(held)
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
        if !before.is_agreed() {
            return Err(ConsentError::NotAgreed);
        }
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
        let user = &identity.user.id;
        if before.is_agreed() {
            return Ok(self.store.withdraw_consent(user, id, event).await?);
        }
        Ok(self.store.end_grants_of(user, &before.client, event).await?)
    }
}
