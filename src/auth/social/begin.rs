//! Setting out to a provider: to sign in, or to join its account to one's own.

use super::{
    Ask, ProviderError,
    state::{Journey, Ways},
};
use crate::{
    auth::{Auth, AuthError},
    domain::{ids::UserId, return_url::ReturnUrl},
};

const NONCE_LENGTH: usize = 32;
/// The longest that RFC 7636 §4.1 allows.
const VERIFIER_LENGTH: usize = 128;

/// Where somebody wants to go.
#[derive(Debug)]
pub(crate) struct Begin {
    pub provider: String,
    pub back: ReturnUrl,
    pub new_user: Option<ReturnUrl>,
    pub error: Option<ReturnUrl>,
    pub scopes: Vec<String>,
    pub login_hint: Option<String>,
    /// To join the account to this person's; otherwise to sign in.
    pub link: Option<UserId>,
}

/// Where the browser goes, and the state that it must still have when it comes back.
#[derive(Debug)]
pub(crate) struct SetOut {
    pub url: String,
    pub state: String,
}

/// Why nobody sets out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BeginError {
    #[error("there is no such provider")]
    NoProvider,
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl Auth {
    pub(crate) async fn set_out(&self, begin: Begin) -> Result<SetOut, BeginError> {
        let provider = self.provider(&begin.provider).ok_or(BeginError::NoProvider)?;
        let nonce = self.ids.token(NONCE_LENGTH);
        let verifier = self.ids.token(VERIFIER_LENGTH);
        let redirect = self.redirect_uri(&begin.provider);
        let journey = Journey {
            provider: begin.provider,
            nonce: nonce.clone(),
            verifier: verifier.clone(),
            ways: Ways { back: begin.back, new_user: begin.new_user, error: begin.error },
            link: begin.link,
        };
        let state = self.keep_journey(journey).await?;
        let ask = Ask {
            redirect: &redirect,
            state: &state,
            nonce: &nonce,
            verifier: &verifier,
            scopes: &begin.scopes,
            login_hint: begin.login_hint.as_deref(),
        };
        let url = provider.ask(&ask).await?.to_string();
        Ok(SetOut { url, state })
    }
}
