//! Signing in with a passkey. It asks neither for a password nor for a code, so an account whose
//! password is locked is still its owner's (attack A6).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use webauthn_rs::prelude::{AuthenticationResult, Passkey as Credential, PublicKeyCredential};

use super::{
    PasskeyError,
    passkeys::{Ceremony, broken, flag_of, handle, refused, text_of},
};
use crate::{
    auth::{
        Auth, AuthError,
        sessions::{BY_PASSKEY, Device},
        sign_up::Started,
    },
    store::{
        StoreError,
        auth_events::AuthEventKind,
        passkeys::{Passkey, Used},
    },
};

impl Auth {
    /// What the browser hands to the authenticator, and the name of the ceremony.
    pub(crate) async fn begin_passkey_sign_in(&self) -> Result<(Value, String), PasskeyError> {
        let started = self.webauthn()?.start_discoverable_authentication();
        let (options, state) = started.map_err(|error| broken(&error))?;
        let options = serde_json::to_value(options.public_key).map_err(|e| broken(&e))?;
        Ok((options, self.keep(&Ceremony::Authentication { state }).await?))
    }

    pub(crate) async fn finish_passkey_sign_in(
        &self,
        ceremony: &str,
        response: Value,
        device: Device,
        replaces: Option<String>,
    ) -> Result<Started, PasskeyError> {
        let Ceremony::Authentication { state } = self.take(ceremony).await? else {
            return Err(PasskeyError::NoChallenge);
        };
        let answer: PublicKeyCredential =
            serde_json::from_value(response).map_err(|error| refused(&error))?;
        let id = URL_SAFE_NO_PAD.encode(answer.get_credential_id());
        let known = match self.store.passkey_by_credential(&id).await {
            Err(StoreError::NotFound) => return Err(PasskeyError::NotFound),
            found => found?,
        };
        let mut credential: Credential =
            serde_json::from_str(&known.credential).map_err(|error| broken(&error))?;
        let verified = self
            .webauthn()?
            .finish_discoverable_authentication_v2(&answer, state, &credential)
            .map_err(|error| refused(&error))?;
        // Whose key the authenticator takes it for, and that it knew its holder.
        let holder = answer.get_user_unique_id();
        if holder != Some(handle(&known.user_id).as_bytes()) || !verified.user_verified() {
            return Err(PasskeyError::Refused("the holder was not verified".to_owned()));
        }
        credential.update_credential(&verified);
        let started = self.enter_by_passkey(known, &credential, &verified, device.clone()).await?;
        if let Some(old) = replaces {
            self.end_replaced(&old, &device).await?;
        }
        Ok(started)
    }

    async fn enter_by_passkey(
        &self,
        known: Passkey,
        credential: &Credential,
        verified: &AuthenticationResult,
        device: Device,
    ) -> Result<Started, PasskeyError> {
        let user = self.store.user(&known.user_id).await?;
        let event = self.event(AuthEventKind::SignIn, &device).of(&user.id, &user.email);
        if user.is_banned(self.clock.now()) {
            self.note(self.event(AuthEventKind::SignInFailed, &device).of(&user.id, &user.email))
                .await;
            return Err(AuthError::Banned.into());
        }
        let after = Used {
            id: known.id,
            counter_before: known.counter,
            counter: verified.counter().into(),
            credential: text_of(credential)?,
            backed_up: flag_of(credential, "backup_state"),
        };
        let (mut session, token) = self.new_session(&user.id, true, device);
        BY_PASSKEY.clone_into(&mut session.amr);
        match self.store.enter_by_passkey(after, session, event).await {
            Ok(()) => Ok(Started { user, token }),
            Err(StoreError::Conflict(why)) => Err(PasskeyError::Refused(why)),
            Err(error) => Err(error.into()),
        }
    }
}
