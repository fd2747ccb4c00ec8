//! Apps: who may register, see, change and remove which, and what is written down of it.
//!
//! The operator and admins see all of them and choose what the operator chooses; an instructor has
//! her own and no others (each call finds an app together with whoever asks); an app that
//! registered itself has itself, by its registration token.

use serde_json::{Map, Value, json};

use crate::{
    auth::{Auth, AuthError, admin::By, hash_token, sessions::Device},
    config::Registration,
    domain::{
        ids::{ClientId, CourseId},
        oidc::{
            client::{AuthMethod, Metadata},
            register::{self, Fault, Rules},
        },
    },
    store::{
        StoreError,
        auth_events::AuthEventKind,
        oauth_clients::{ClientEdit, ClientQuery, ClientRow},
        user_admin::Records,
    },
};

/// Characters of an app's id, secret and registration token.
const ID_LENGTH: usize = 32;
const SECRET_LENGTH: usize = 43;
/// Apps that one instructor has.
const MOST_OWNED: i64 = 50;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// There is none of this name, or it is somebody else's.
    #[error("there is no such app")]
    NotFound,
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("the app was changed meanwhile: look again, then change it")]
    Changed,
    #[error("you have 50 apps: remove one first")]
    TooMany,
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl From<StoreError> for ClientError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            StoreError::Conflict(_) => Self::Changed,
            error => Self::Auth(error.into()),
        }
    }
}

/// By whose hand something happens to an app.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hand<'a> {
    /// On the command line.
    Operator,
    /// An admin, or an instructor with apps of her own.
    Staff(By<'a>),
    /// The app itself, from there.
    App(&'a Device),
}

impl Hand<'_> {
    /// Whether it is the operator's or an admin's.
    pub(crate) fn is_trusted(self) -> bool {
        match self {
            Self::Operator => true,
            Self::Staff(by) => by.admin.is_admin(),
            Self::App(_) => false,
        }
    }
}

/// An app as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Registered {
    pub row: ClientRow,
    pub metadata: Metadata,
    /// Its new secret; shown this once.
    pub secret: Option<String>,
    /// The token by which it manages itself; shown this once.
    pub token: Option<String>,
}

impl Registered {
    pub(crate) fn read(row: ClientRow) -> Result<Self, AuthError> {
        let metadata = super::client::Client::read(row.clone())?.metadata;
        Ok(Self { row, metadata, secret: None, token: None })
    }

    /// As RFC 7591 §3.2.1 writes it. `all`: the operator's choices too.
    pub(crate) fn to_json(&self, all: bool) -> Map<String, Value> {
        let Self { row, metadata, secret, .. } = self;
        let mut map = register::write(metadata, all);
        map.insert("client_id".to_owned(), row.id.as_str().into());
        map.insert("client_id_issued_at".to_owned(), (row.created_at / 1_000).into());
        map.insert("disabled".to_owned(), row.disabled.into());
        if let Some(secret) = secret {
            map.insert("client_secret".to_owned(), secret.as_str().into());
        }
        if row.secret_hash.is_some() {
            map.insert("client_secret_expires_at".to_owned(), 0.into());
        }
        map
    }
}

/// How what is given goes with what stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// What is not named stays.
    Some,
    /// What is not named is as if never registered (RFC 7592 §2.2).
    All,
}

impl Auth {
    /// Registers an app. Its secret, if it has one, is in the answer and nowhere else.
    pub(crate) async fn register_client(
        &self,
        hand: Hand<'_>,
        given: &Map<String, Value>,
    ) -> Result<Registered, ClientError> {
        let mut metadata = register::read(given, self.rules(hand, None))?;
        if hand.is_trusted() {
            metadata.ours.verified = true;
            self.read_ours(given, &mut metadata).await?;
        }
        let owner_id = match hand {
            Hand::Staff(by) if !hand.is_trusted() => Some(by.admin.user.id.clone()),
            _ => None,
        };
        if let Some(owner) = &owner_id {
            let hers = ClientQuery {
                owner: Some(owner.clone()),
                limit: MOST_OWNED,
                ..ClientQuery::default()
            };
            let full = i64::try_from(self.store.clients(&hers).await?.len());
            if full.is_ok_and(|count| count >= MOST_OWNED) {
                return Err(ClientError::TooMany);
            }
        }
        let id = ClientId::new(self.ids.token(ID_LENGTH));
        let secret = has_secret(&metadata).then(|| self.ids.token(SECRET_LENGTH));
        let token = matches!(hand, Hand::App(_)).then(|| self.ids.token(SECRET_LENGTH));
        let now = self.clock.now().0;
        let row = ClientRow {
            name: name_of(&metadata, &id),
            id,
            secret_hash: secret.as_deref().map(hash_token),
            registration_hash: token.as_deref().map(hash_token),
            owner_id,
            disabled: hand.is_trusted() && disabled(given)?.unwrap_or(false),
            metadata: stored(&metadata)?,
            created_at: now,
            updated_at: now,
            unused_since: self.may_go(hand).then_some(now),
        };
        let records = self.client_records(hand, AuthEventKind::ClientCreated, &row, &json!({}));
        self.store.insert_client(row.clone(), records).await?;
        Ok(Registered { row, metadata, secret, token })
    }

    /// A page of the apps that somebody sees, newest first.
    pub(crate) async fn list_clients(
        &self,
        hand: Hand<'_>,
        search: Option<String>,
        before: Option<(i64, String)>,
        limit: i64,
    ) -> Result<Vec<Registered>, ClientError> {
        let owner = match hand {
            _ if hand.is_trusted() => None,
            Hand::Staff(by) => Some(by.admin.user.id.clone()),
            Hand::Operator | Hand::App(_) => return Ok(Vec::new()),
        };
        let rows = self.store.clients(&ClientQuery { search, owner, before, limit }).await?;
        Ok(rows.into_iter().map(Registered::read).collect::<Result<_, _>>()?)
    }

    /// The app of this name, if whoever asks may see it.
    pub(crate) async fn find_client(
        &self,
        hand: Hand<'_>,
        id: &str,
    ) -> Result<Registered, ClientError> {
        let row = self.store.client(&ClientId::new(id)).await?;
        let hers = match hand {
            _ if hand.is_trusted() => true,
            Hand::Staff(by) => row.owner_id.as_ref() == Some(&by.admin.user.id),
            Hand::Operator | Hand::App(_) => false,
        };
        if hers { Ok(Registered::read(row)?) } else { Err(ClientError::NotFound) }
    }

    /// Changes an app that [`Auth::find_client`] or its registration token has found.
    pub(crate) async fn change_client(
        &self,
        hand: Hand<'_>,
        found: Registered,
        given: &Map<String, Value>,
        how: Change,
    ) -> Result<Registered, ClientError> {
        let Registered { row, metadata: before, .. } = found;
        let whole = match how {
            Change::All => given.clone(),
            Change::Some => merged(&before, given),
        };
        let mut metadata = register::read(&whole, self.rules(hand, Some(&before)))?;
        let mut edit = ClientEdit::default();
        if hand.is_trusted() {
            self.read_ours(given, &mut metadata).await?;
            edit.disabled = disabled(given)?.filter(|disabled| *disabled != row.disabled);
            // Somebody looks after it.
            edit.unused_since = Some(None);
        } else if metadata.client_name != before.client_name {
            // What was checked was the old name.
            metadata.ours.verified = false;
        }
        let secret = match (has_secret(&metadata), &row.secret_hash) {
            (true, None) => Some(self.ids.token(SECRET_LENGTH)),
            (false, Some(_)) => {
                edit.secret_hash = Some(None);
                None
            }
            (true, Some(_)) | (false, None) => None,
        };
        if let Some(secret) = &secret {
            edit.secret_hash = Some(Some(hash_token(secret)));
        }
        edit.name = Some(name_of(&metadata, &row.id));
        edit.metadata = Some(stored(&metadata)?);
        let mut detail = json!({ "changed": changed(&before, &metadata) });
        if let (Some(disabled), Some(detail)) = (edit.disabled, detail.as_object_mut()) {
            detail.insert("disabled".to_owned(), disabled.into());
        }
        let records = self.client_records(hand, AuthEventKind::ClientChanged, &row, &detail);
        let row = self.store.edit_client(&row, edit, records).await?;
        Ok(Registered { row, metadata, secret, token: None })
    }

    /// Another secret. The old one is good for nothing from now on.
    pub(crate) async fn rotate_client_secret(
        &self,
        hand: Hand<'_>,
        found: Registered,
    ) -> Result<Registered, ClientError> {
        let Registered { row, metadata, .. } = found;
        if !has_secret(&metadata) {
            let why = "it has no secret: it proves itself otherwise, or not at all";
            return Err(Fault::new("token_endpoint_auth_method", why).into());
        }
        let secret = self.ids.token(SECRET_LENGTH);
        let hash = Some(Some(hash_token(&secret)));
        let edit = ClientEdit { secret_hash: hash, ..ClientEdit::default() };
        let detail = json!({ "changed": ["client_secret"] });
        let records = self.client_records(hand, AuthEventKind::ClientChanged, &row, &detail);
        let row = self.store.edit_client(&row, edit, records).await?;
        Ok(Registered { row, metadata, secret: Some(secret), token: None })
    }

    /// Removes an app and ends all that people granted to it.
    pub(crate) async fn remove_client(
        &self,
        hand: Hand<'_>,
        found: &Registered,
    ) -> Result<(), ClientError> {
        let row = &found.row;
        let records = self.client_records(hand, AuthEventKind::ClientRemoved, row, &json!({}));
        Ok(self.store.remove_client(&row.id, records).await?)
    }

    /// Whether an app is removed if nobody uses it: one of whoever came by.
    fn may_go(&self, hand: Hand<'_>) -> bool {
        matches!(hand, Hand::App(_)) && self.oidc.registration == Registration::Open
    }

    fn rules<'a>(&self, hand: Hand<'_>, before: Option<&'a Metadata>) -> Rules<'a> {
        Rules {
            trusted: hand.is_trusted(),
            local: self.oidc.allow_loopback_urls,
            own_name: !matches!(hand, Hand::App(_)),
            before,
        }
    }

    async fn read_ours(
        &self,
        given: &Map<String, Value>,
        metadata: &mut Metadata,
    ) -> Result<(), ClientError> {
        register::read_ours(given, metadata)?;
        if let Some(course) = &metadata.ours.course {
            match self.store.course(&CourseId::new(course.clone())).await {
                Err(StoreError::NotFound) => {
                    return Err(Fault::new("course", format!("there is no course {course}")).into());
                }
                found => found.map(|_| ())?,
            }
        }
        if let Some(own) = &metadata.ours.resource
            && given.contains_key("resource")
            && !self.resources().contains(own)
        {
            let why = format!("no token is for {own}: add it to oidc.resources first");
            return Err(Fault::new("resource", why).into());
        }
        Ok(())
    }

    /// The event, and the entry of a deed of the staff.
    fn client_records(
        &self,
        hand: Hand<'_>,
        kind: AuthEventKind,
        row: &ClientRow,
        detail: &Value,
    ) -> Records {
        let mut event = match hand {
            Hand::Operator => self.event(kind, &Device::default()),
            Hand::Staff(by) => self.event_by(kind, by.admin, by.device),
            Hand::App(device) => self.event(kind, device),
        };
        event = event.with("client", row.id.as_str()).with("name", row.name.as_str());
        for (name, value) in detail.as_object().into_iter().flatten() {
            event = event.with(name, value.clone());
        }
        let entry = match hand {
            Hand::Staff(by) if hand.is_trusted() => {
                Some(self.audit_entry(by.admin, kind.as_str(), row.id.as_str(), detail))
            }
            _ => None,
        };
        Records { event, entry }
    }
}

const fn has_secret(metadata: &Metadata) -> bool {
    matches!(
        metadata.token_endpoint_auth_method,
        AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost
    )
}

/// What people are told: the name it gives itself, or the host that they come back to.
fn name_of(metadata: &Metadata, id: &ClientId) -> String {
    let host = || {
        let url = url::Url::parse(metadata.redirect_uris.first()?).ok()?;
        Some(url.host_str()?.to_owned())
    };
    metadata.client_name.clone().or_else(host).unwrap_or_else(|| id.as_str().to_owned())
}

fn stored(metadata: &Metadata) -> Result<String, AuthError> {
    serde_json::to_string(metadata)
        .map_err(|error| AuthError::Broken(format!("an app cannot be written: {error}")))
}

fn object(metadata: &Metadata) -> Map<String, Value> {
    match serde_json::to_value(metadata) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// What stands, with what is given over it. What follows from a member that is given is not held
/// against it.
fn merged(before: &Metadata, given: &Map<String, Value>) -> Map<String, Value> {
    let mut whole = object(before);
    for (one, other) in
        [("grant_types", "response_types"), ("jwks", "jwks_uri"), ("jwks_uri", "jwks")]
    {
        if given.get(one).is_some_and(|value| !value.is_null()) {
            whole.remove(other);
        }
    }
    whole.extend(given.clone());
    whole
}

/// The members that differ.
fn changed(before: &Metadata, after: &Metadata) -> Vec<String> {
    let (before, after) = (object(before), object(after));
    let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

fn disabled(given: &Map<String, Value>) -> Result<Option<bool>, Fault> {
    match given.get("disabled") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(disabled)) => Ok(Some(*disabled)),
        Some(_) => Err(Fault::new("disabled", "it must be true or false")),
    }
}

#[cfg(test)]
#[path = "clients_tests.rs"]
mod tests;
