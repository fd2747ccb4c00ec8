//! Passkeys (`WebAuthn` level 3): added, named, taken away. The authenticator must verify its holder,
//! so that one counts as both factors.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;
use webauthn_rs::prelude::RegisterPublicKeyCredential;
use webauthn_rs::{
    Webauthn, WebauthnBuilder,
    prelude::{DiscoverableAuthentication, Passkey as Credential, PasskeyRegistration, Uuid},
};

use super::SERVICE;
use crate::{
    auth::{Auth, AuthError, Identity, hash_token, sessions::Device},
    domain::{clock::MINUTE, ids::UserId, origin::Origins},
    mail::Notice,
    store::{
        StoreError, auth_events::AuthEventKind, passkeys::Passkey, verifications::Verification,
    },
};

/// How long an authenticator may take.
pub(crate) const CEREMONY_LIFE: i64 = 5 * MINUTE;
const NAME_LENGTH: usize = 32;
/// Passkeys that a person may have.
const MOST: usize = 50;
const MAX_NAME: usize = 100;

#[derive(Debug, thiserror::Error)]
pub(crate) enum PasskeyError {
    /// The public URL has an address in place of a name.
    #[error("there are no passkeys under an address of numbers")]
    NoDomain,
    /// Unknown, used or too old.
    #[error("no such ceremony is under way")]
    NoChallenge,
    /// Not what the authenticator was asked for, or not signed by it.
    #[error("the authenticator's answer does not hold: {0}")]
    Refused(String),
    #[error("no such passkey")]
    NotFound,
    #[error("the passkey is registered already")]
    Known,
    #[error("a person has at most {MOST} passkeys")]
    TooMany,
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl From<StoreError> for PasskeyError {
    fn from(error: StoreError) -> Self {
        Self::Auth(error.into())
    }
}

/// What a ceremony must end with; kept in the store, for one use.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Ceremony {
    Registration { owner: UserId, name: Option<String>, state: PasskeyRegistration },
    Authentication { state: DiscoverableAuthentication },
}

/// None where the public URL has no name.
pub(super) fn verifier(origins: &Origins) -> Result<Option<Webauthn>, AuthError> {
    let broken = |error: String| AuthError::Broken(format!("passkeys: {error}"));
    let own = Url::parse(&origins.own().to_string()).map_err(|error| broken(error.to_string()))?;
    let Some(domain) = own.domain() else { return Ok(None) };
    let mut builder = WebauthnBuilder::new(domain, &own)
        .map_err(|error| broken(error.to_string()))?
        .rp_name(SERVICE);
    for other in origins.others().iter().filter_map(|it| Url::parse(&it.to_string()).ok()) {
        if other.domain() == Some(domain) {
            builder = builder.append_allowed_origin(&other);
        }
    }
    builder.build().map(Some).map_err(|error| broken(error.to_string()))
}

/// The authenticator's name for a person: says nothing about her, and is the same for each of her
/// passkeys.
pub(super) fn handle(owner: &UserId) -> Uuid {
    let digest = Sha256::digest(format!("passkey holder {owner}").as_bytes());
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

impl Auth {
    pub(super) fn webauthn(&self) -> Result<&Webauthn, PasskeyError> {
        self.factors.passkeys.as_ref().ok_or(PasskeyError::NoDomain)
    }

    /// What the browser hands to the authenticator, and the name of the ceremony (a cookie's value).
    pub(crate) async fn begin_passkey(
        &self,
        identity: &Identity,
        name: Option<String>,
    ) -> Result<(Value, String), PasskeyError> {
        let user = &identity.user;
        let known = self.store.passkeys_of(&user.id).await?;
        if known.len() >= MOST {
            return Err(PasskeyError::TooMany);
        }
        let known = known
            .iter()
            .filter_map(|key| URL_SAFE_NO_PAD.decode(&key.credential_id).ok())
            .collect();
        let (options, state) = self
            .webauthn()?
            .start_passkey_registration(handle(&user.id), &user.email, &user.name, Some(known))
            .map_err(|error| broken(&error))?;
        let mut options = serde_json::to_value(options.public_key).map_err(|e| broken(&e))?;
        // A passkey is found without an address being typed.
        if let Some(wanted) = options.get_mut("authenticatorSelection") {
            wanted["residentKey"] = "required".into();
            wanted["requireResidentKey"] = true.into();
        }
        let ceremony = Ceremony::Registration { owner: user.id.clone(), name, state };
        Ok((options, self.keep(&ceremony).await?))
    }

    /// Keeps the new passkey, if the authenticator's answer holds.
    pub(crate) async fn finish_passkey(
        &self,
        identity: &Identity,
        ceremony: &str,
        answer: (Value, Option<String>),
        device: &Device,
    ) -> Result<Passkey, PasskeyError> {
        let (response, wanted_name) = answer;
        let Ceremony::Registration { owner, name, state } = self.take(ceremony).await? else {
            return Err(PasskeyError::NoChallenge);
        };
        if owner != identity.user.id {
            return Err(PasskeyError::NoChallenge);
        }
        let response: RegisterPublicKeyCredential =
            serde_json::from_value(response).map_err(|error| refused(&error))?;
        let transports = response
            .response
            .transports
            .as_ref()
            .map(|list| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
        let credential = self
            .webauthn()?
            .finish_passkey_registration(&response, &state)
            .map_err(|error| refused(&error))?;
        let now = self.clock.now().0;
        let name = wanted_name.or(name).map(|name| short(&name)).filter(|name| !name.is_empty());
        let row = Passkey {
            id: self.ids.token(NAME_LENGTH),
            user_id: owner.clone(),
            name,
            credential_id: URL_SAFE_NO_PAD.encode(credential.cred_id()),
            credential: text_of(&credential)?,
            counter: 0,
            transports,
            backed_up: flag_of(&credential, "backup_state"),
            created_at: now,
            updated_at: now,
        };
        let user = &identity.user;
        let event = self.event(AuthEventKind::PasskeyAdded, device).of(&owner, &user.email);
        match self.store.add_passkey(row.clone(), event).await {
            Ok(()) => {}
            Err(StoreError::Conflict(_)) => return Err(PasskeyError::Known),
            Err(error) => return Err(error.into()),
        }
        self.mail_notice((&user.email, &user.name), Notice::PasskeyAdded, device).await;
        Ok(row)
    }

    pub(crate) async fn passkeys(&self, identity: &Identity) -> Result<Vec<Passkey>, PasskeyError> {
        Ok(self.store.passkeys_of(&identity.user.id).await?)
    }

    pub(crate) async fn rename_passkey(
        &self,
        identity: &Identity,
        id: &str,
        name: &str,
    ) -> Result<Passkey, PasskeyError> {
        let now = self.clock.now();
        let renamed = self.store.rename_passkey(&identity.user.id, id, &short(name), now).await;
        renamed.map_err(not_found)
    }

    /// All other sessions end.
    pub(crate) async fn remove_passkey(
        &self,
        identity: &Identity,
        id: &str,
        device: &Device,
    ) -> Result<(), PasskeyError> {
        let user = &identity.user;
        let event = self.event(AuthEventKind::PasskeyRemoved, device).of(&user.id, &user.email);
        self.store.remove_passkey(&user.id, id, event).await.map_err(not_found)?;
        // Whoever signed in with it elsewhere is out.
        self.revoke_others(identity, device).await?;
        self.mail_notice((&user.email, &user.name), Notice::PasskeyRemoved, device).await;
        Ok(())
    }

    pub(super) async fn keep(&self, ceremony: &Ceremony) -> Result<String, PasskeyError> {
        let (name, now) = (self.ids.token(NAME_LENGTH), self.clock.now());
        let row = Verification {
            id: self.ids.token(NAME_LENGTH),
            identifier: identifier(&name),
            value: text_of(ceremony)?,
            expires_at: now.plus(CEREMONY_LIFE).0,
            created_at: now.0,
            updated_at: now.0,
        };
        self.store.keep_proof(row).await?;
        Ok(name)
    }

    pub(super) async fn take(&self, name: &str) -> Result<Ceremony, PasskeyError> {
        let kept = self.store.take_proof(&identifier(name), self.clock.now()).await;
        match kept {
            Ok(text) => serde_json::from_str(&text).map_err(|error| broken(&error)),
            Err(StoreError::NotFound) => Err(PasskeyError::NoChallenge),
            Err(error) => Err(error.into()),
        }
    }
}

fn identifier(name: &str) -> String {
    format!("passkey:{}", hash_token(name))
}

fn short(name: &str) -> String {
    name.trim().chars().take(MAX_NAME).collect()
}

/// A field of the stored credential that the library has no accessor for.
pub(super) fn flag_of(credential: &Credential, name: &str) -> bool {
    serde_json::to_value(credential)
        .ok()
        .and_then(|it| it.pointer(&format!("/cred/{name}")).and_then(Value::as_bool))
        .unwrap_or_default()
}

pub(super) fn text_of(value: &impl Serialize) -> Result<String, PasskeyError> {
    serde_json::to_string(value).map_err(|error| broken(&error))
}

pub(super) fn refused(error: &dyn std::fmt::Display) -> PasskeyError {
    PasskeyError::Refused(error.to_string())
}

pub(super) fn broken(error: &dyn std::fmt::Display) -> PasskeyError {
    AuthError::Broken(format!("passkeys: {error}")).into()
}

fn not_found(error: StoreError) -> PasskeyError {
    match error {
        StoreError::NotFound => PasskeyError::NotFound,
        error => error.into(),
    }
}
