//! Verified addresses: a signed link by mail, good for an hour (`auth-api.md` §4, verify-email).

use std::net::IpAddr;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::{Auth, AuthError, limits::TooMany, secret::Secret, sessions::Device};
use crate::{
    domain::{
        clock::{HOUR, Millis, SECOND},
        email::Email,
        ids::UserId,
        return_url::ReturnUrl,
    },
    mail::Mail,
    store::{StoreError, auth_events::AuthEventKind, users::User},
};

const LINK_LIFE: i64 = HOUR;
const TYPE: &str = "verify-email+jwt";
const MAX_LENGTH: usize = 4 * 1_024;

/// Why a link does nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("the link is not one of ours")]
    Invalid,
    #[error("the link is older than an hour")]
    Expired,
    #[error(transparent)]
    Auth(#[from] AuthError),
}

/// Signs links, with a key that signs nothing else.
pub(super) struct Links {
    signer: EncodingKey,
    verifier: DecodingKey,
}

impl Links {
    pub(super) fn new(secret: &Secret) -> Self {
        let key = secret.key_for("verify-email links v1");
        Self { signer: EncodingKey::from_secret(&key), verifier: DecodingKey::from_secret(&key) }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    email: String,
    #[serde(rename = "userId")]
    user: UserId,
    iat: i64,
    exp: i64,
}

impl Auth {
    /// Mails a link to the person's stored address.
    pub(super) async fn mail_verification(&self, user: &User, back: &ReturnUrl) {
        let now = self.clock.now();
        let claims = Claims {
            email: user.email.clone(),
            user: user.id.clone(),
            iat: now.0 / SECOND,
            exp: now.plus(LINK_LIFE).0 / SECOND,
        };
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TYPE.to_owned());
        match jsonwebtoken::encode(&header, &claims, &self.links.signer) {
            Ok(token) => {
                let back: String =
                    url::form_urlencoded::byte_serialize(back.as_str().as_bytes()).collect();
                let own = self.issuer();
                let link = format!("{own}/verify-email?token={token}&callbackURL={back}");
                self.post(Mail::verify_email(&user.email, &user.name, &link)).await;
            }
            Err(error) => tracing::error!(%error, "a verification link cannot be signed"),
        }
    }

    /// Whether somebody at this address may make us write another mail: counted as sign-ups are.
    pub(crate) fn may_mail(&self, address: Option<IpAddr>) -> Result<(), TooMany> {
        self.limits.sign_up(address)
    }

    /// Mails another link, if there is such an account and it needs one. Nobody is told.
    pub(crate) async fn mail_verification_again(
        &self,
        email: &Email,
        back: &ReturnUrl,
    ) -> Result<(), AuthError> {
        match self.store.user_by_email(email.as_str()).await {
            Ok(user) if !user.email_verified => self.mail_verification(&user, back).await,
            Ok(_) | Err(StoreError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Believes the link. Of an address that is verified already: as if it had worked.
    pub(crate) async fn verify_email(&self, token: &str, device: &Device) -> Result<(), LinkError> {
        let Claims { user, email, .. } = self.open_link(token)?;
        let event = self.event(AuthEventKind::EmailVerified, device).of(&user, &email);
        match self.store.set_verified(&user, &email, event).await {
            Ok(_) => Ok(()),
            Err(StoreError::NotFound) => Err(LinkError::Invalid),
            Err(error) => Err(AuthError::from(error).into()),
        }
    }

    /// Whether the link would be believed, without believing it: for a page with a button.
    pub(crate) fn check_link(&self, token: &str) -> Result<(), LinkError> {
        self.open_link(token).map(|_| ())
    }

    fn open_link(&self, token: &str) -> Result<Claims, LinkError> {
        if token.len() > MAX_LENGTH {
            return Err(LinkError::Invalid);
        }
        let mut rules = Validation::new(Algorithm::HS256);
        rules.validate_exp = false;
        let opened = jsonwebtoken::decode::<Claims>(token, &self.links.verifier, &rules)
            .map_err(|_| LinkError::Invalid)?;
        if opened.header.typ.as_deref() != Some(TYPE) || opened.header.crit.is_some() {
            return Err(LinkError::Invalid);
        }
        if Millis(opened.claims.exp.saturating_mul(SECOND)) <= self.clock.now() {
            return Err(LinkError::Expired);
        }
        Ok(opened.claims)
    }
}
