//! What an app is given: access tokens (RFC 9068), ID tokens (OpenID Connect Core §2), in a person's
//! name or in its own.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256, Sha512};

use super::{
    claims,
    client::Client,
    redeem::{Asked, Ground},
};
use crate::{
    auth::{
        Auth, AuthError,
        access::{Audience, Claims, Confirmation},
        jwt,
        sessions::Device,
    },
    domain::{
        clock::{HOUR, Millis, SECOND},
        ids::{SessionId, UserId},
        oidc::{
            alg::SigningAlg,
            client::GrantType,
            granted::Granted,
            scope::{self, Scopes},
        },
    },
    store::{StoreError, users::User},
};

const ID_TOKEN_LIFE: i64 = HOUR;

/// Why an app is given nothing; each by the name of its code in OAuth.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IssueError {
    #[error("{0}")]
    InvalidGrant(&'static str),
    #[error("{0}")]
    InvalidScope(&'static str),
    #[error("{0}")]
    InvalidTarget(&'static str),
    #[error("{0}")]
    InvalidProof(&'static str),
    #[error("{0}")]
    UnauthorizedClient(&'static str),
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl From<StoreError> for IssueError {
    fn from(error: StoreError) -> Self {
        Self::Auth(error.into())
    }
}

/// The answer of the token endpoint (RFC 6749 §5.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tokens {
    pub access_token: String,
    /// `Bearer` or `DPoP`.
    pub token_type: String,
    /// Seconds.
    pub expires_in: i64,
    /// Seconds since the epoch.
    pub expires_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    pub scope: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
}

/// Somebody who lets an app do something.
#[derive(Debug, Clone)]
pub(crate) struct Recipient {
    pub user: UserId,
    /// Her sign-in in the browser.
    pub browser_sid: SessionId,
    pub granted: Granted,
}

/// What tokens in a person's name are made of.
pub(super) struct Making<'a> {
    pub client: &'a Client,
    pub user: &'a User,
    /// The grant's.
    pub session: &'a SessionId,
    pub browser_sid: &'a SessionId,
    pub granted: &'a Granted,
    /// Of those that were granted.
    pub scopes: Scopes,
    pub asked: &'a Asked<'a>,
    /// The key that the access token is bound to.
    pub jkt: Option<&'a str>,
    /// When the grant ends, if nobody moves that on.
    pub ends: Millis,
}

impl Auth {
    /// Begins a grant outside of a code, as for a device (RFC 8628). With `granted.jkt` the tokens
    /// are bound to that key.
    pub(crate) async fn issue(
        &self,
        client: &Client,
        to: Recipient,
        device: &Device,
    ) -> Result<Tokens, IssueError> {
        let (session, user) = match self.store.session(&to.browser_sid).await {
            Err(StoreError::NotFound) => return Err(over()),
            found => found?,
        };
        if user.id != to.user {
            return Err(over());
        }
        let id = self.new_session_id();
        let ground = Ground { id, browser: session, user, code: None };
        self.begin_grant(client, (to.granted, &Asked::default()), ground, device).await
    }

    /// A token in the app's own name (RFC 6749 §4.4).
    pub(crate) fn issue_machine_token(
        &self,
        client: &Client,
        asked: &Asked<'_>,
    ) -> Result<Tokens, IssueError> {
        let metadata = &client.metadata;
        let own = &metadata.ours.client_credentials_scopes;
        if metadata.is_public() || !metadata.may_use(GrantType::ClientCredentials) || own.is_empty()
        {
            let why = "This client may not ask for tokens in its own name.";
            return Err(IssueError::UnauthorizedClient(why));
        }
        let scopes = within(own, asked.scope)?;
        let known = |it: &String| self.oidc.resources.contains(it) || *it == self.api_audience();
        if !asked.resources.iter().all(known) {
            return Err(unknown_target());
        }
        require_key(client, asked.jkt)?;
        let aud =
            if asked.resources.is_empty() { vec![self.issuer()] } else { asked.resources.to_vec() };
        let expires = self.clock.now().plus(self.token_life);
        let claims = Claims {
            aud: Audience::Many(aud),
            scope: scopes.to_string(),
            cnf: asked.jkt.map(|jkt| Confirmation { jkt: jkt.to_owned() }),
            ..Claims::of_app(self, &client.id, client.id.as_str(), expires)
        };
        Ok(self.tokens(&claims, scopes.to_string())?)
    }

    /// An access token, and an ID token if the app signs somebody in. The refresh token is the
    /// caller's.
    pub(super) async fn make_tokens(&self, making: &Making<'_>) -> Result<Tokens, IssueError> {
        let claims = self.access_claims(making).await?;
        let mut tokens = self.tokens(&claims, making.scopes.to_string())?;
        if making.scopes.has(scope::OPENID) {
            tokens.id_token = Some(self.id_token(making, &tokens.access_token)?);
        }
        Ok(tokens)
    }

    fn tokens(&self, claims: &Claims, scope: String) -> Result<Tokens, AuthError> {
        let access_token = self.sign(SigningAlg::default(), Some(jwt::ACCESS), claims)?;
        let kind = if claims.cnf.is_some() { "DPoP" } else { "Bearer" };
        Ok(Tokens {
            access_token,
            token_type: kind.to_owned(),
            expires_in: claims.exp - claims.iat,
            expires_at: claims.exp,
            refresh_token: None,
            scope,
            id_token: None,
        })
    }

    async fn access_claims(&self, making: &Making<'_>) -> Result<Claims, IssueError> {
        let Making { client, user, granted, scopes, asked, .. } = making;
        let expires = self.clock.now().plus(self.token_life).min(making.ends);
        let told = |by: &[&str]| by.iter().any(|name| scopes.has(name));
        let stage = if told(&[scope::TUTOR]) { self.stage_for(client, user).await? } else { None };
        let userinfo = told(&[scope::OPENID])
            .then(|| claims::asked(granted.claims.as_ref(), &claims::Place::Userinfo));
        Ok(Claims {
            aud: Audience::Many(self.audience(granted, scopes, asked.resources)?),
            scope: scopes.to_string(),
            sid: Some(making.session.clone()),
            auth_time: Some(granted.auth_time),
            acr: Some(granted.acr.clone()),
            role: told(&[scope::TUTOR, scope::PROFILE]).then_some(user.role),
            email_verified: told(&[scope::TUTOR, scope::EMAIL]).then_some(user.email_verified),
            stage,
            asked: userinfo.unwrap_or_default(),
            cnf: making.jkt.map(|jkt| Confirmation { jkt: jkt.to_owned() }),
            ..Claims::of_app(self, &client.id, user.id.as_str(), expires)
        })
    }

    /// Whom a token is for: all that was granted, or of that what was asked for by name (RFC 8707
    /// §2.2). Userinfo is always among it where somebody is signed in.
    fn audience(
        &self,
        granted: &Granted,
        scopes: &Scopes,
        asked: &[String],
    ) -> Result<Vec<String>, IssueError> {
        let userinfo = self.userinfo_url();
        let mut all = granted.resources.clone();
        let api = self.api_audience();
        if scopes.has(scope::TUTOR) && !all.contains(&api) {
            all.push(api);
        }
        if scopes.has(scope::OPENID) && !all.contains(&userinfo) {
            all.push(userinfo.clone());
        }
        if !asked.iter().all(|resource| all.contains(resource)) {
            return Err(unknown_target());
        }
        if !asked.is_empty() {
            all.retain(|it| asked.contains(it) || *it == userinfo);
        }
        if all.is_empty() {
            all.push(userinfo);
        }
        Ok(all)
    }

    pub(super) fn userinfo_url(&self) -> String {
        format!("{}/oauth2/userinfo", self.issuer())
    }

    fn id_token(&self, making: &Making<'_>, access_token: &str) -> Result<String, AuthError> {
        let Making { client, user, granted, .. } = making;
        let alg = client.metadata.id_token_signed_response_alg;
        let asked = claims::asked(granted.claims.as_ref(), &claims::Place::IdToken);
        let mut claims: Map<String, Value> = claims::about(user, &Scopes::default(), &asked);
        let now = self.clock.now();
        let mut say = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        say("iss", json!(self.issuer()));
        say("sub", json!(user.id));
        say("aud", json!(client.id));
        say("azp", json!(client.id));
        say("iat", json!(now.0 / SECOND));
        say("exp", json!(now.plus(ID_TOKEN_LIFE).0 / SECOND));
        say("auth_time", json!(granted.auth_time));
        say("acr", json!(granted.acr));
        say("sid", json!(making.browser_sid));
        say("at_hash", json!(half_hash(alg, access_token)));
        if !granted.amr.is_empty() {
            say("amr", json!(granted.amr));
        }
        if let Some(nonce) = &granted.nonce {
            say("nonce", json!(nonce));
        }
        self.sign(alg, Some("JWT"), &claims)
    }
}

/// The left half of the hash that belongs to the algorithm (OpenID Connect Core §3.1.3.6).
fn half_hash(alg: SigningAlg, token: &str) -> String {
    let hash = match alg {
        SigningAlg::Rs256 | SigningAlg::Es256 => Sha256::digest(token.as_bytes()).to_vec(),
        SigningAlg::EdDsa => Sha512::digest(token.as_bytes()).to_vec(),
    };
    URL_SAFE_NO_PAD.encode(hash.get(..hash.len() / 2).unwrap_or_default())
}

/// Of `granted` what is asked for; all of it if nothing is.
pub(super) fn within(granted: &Scopes, asked: Option<&str>) -> Result<Scopes, IssueError> {
    let Some(text) = asked else { return Ok(granted.clone()) };
    let why = "The scope asks for more than was granted, or is none.";
    match Scopes::parse(text) {
        Ok(scopes) if scopes.is_within(granted) && !scopes.is_empty() => Ok(scopes),
        _ => Err(IssueError::InvalidScope(why)),
    }
}

/// An app whose tokens must be bound to a key shows one.
pub(super) fn require_key(client: &Client, jkt: Option<&str>) -> Result<(), IssueError> {
    let metadata = &client.metadata;
    if jkt.is_none() && (metadata.dpop_bound_access_tokens || metadata.ours.fapi) {
        let why = "This client's tokens are bound to a key: send a DPoP proof.";
        return Err(IssueError::InvalidProof(why));
    }
    Ok(())
}

pub(super) const fn over() -> IssueError {
    let why = "It was used before, or the sign-in or the consent that it comes from is over.";
    IssueError::InvalidGrant(why)
}

const fn unknown_target() -> IssueError {
    IssueError::InvalidTarget("A resource was not granted, or is not known.")
}
