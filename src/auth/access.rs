//! Access tokens (RFC 9068): what `GET /api/auth/token` and the token endpoint give and what opens
//! `/api/v1` without a cookie. Worth nothing once the session behind them is gone.

use std::sync::Arc;

use jsonwebtoken::Validation;
use serde::{Deserialize, Serialize};

use super::{
    Auth, AuthError, Identity, jwt,
    memory::Known,
    opened::{Opened, OpenedTokens},
};
use crate::domain::{
    clock::{Millis, SECOND},
    ids::{ClientId, SessionId, UserId},
    oidc::alg::SigningAlg,
    role::Role,
};

/// The client of tokens that a first-party session gets for itself.
const FIRST_PARTY: &str = "intellistack";
const SCOPE: &str = "tutor";
const ADMIN_SCOPE: &str = "admin";
/// How far the clocks of two machines may differ.
const LEEWAY: i64 = 10 * SECOND;

/// What a token says. Times are seconds since the epoch.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    pub iss: String,
    pub sub: String,
    pub aud: Audience,
    pub client_id: String,
    pub scope: String,
    pub iat: i64,
    pub exp: i64,
    pub jti: String,
    /// The session behind it; none where an app has it in its own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// In the course that the app is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<u8>,
    /// What userinfo tells beside what the scopes say (OpenID Connect Core §5.5).
    #[serde(default, rename = "userinfo_claims", skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<String>,
    /// The key whose holder alone it serves (RFC 9449 §6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// The admin by whose hand `sub` acts (RFC 8693 §4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
}

impl Claims {
    pub(super) fn has_scope(&self, name: &str) -> bool {
        self.scope.split(' ').any(|scope| scope == name)
    }

    /// Whether it serves whoever holds the key of this thumbprint, or shows none.
    pub(super) fn is_held_by(&self, key: Option<&str>) -> bool {
        self.cnf.as_ref().map(|bound| bound.jkt.as_str()) == key
    }

    pub(super) fn expires(&self) -> Millis {
        Millis(self.exp.saturating_mul(SECOND))
    }

    /// A token of an app's own; the caller adds what there is to say of a person.
    pub(super) fn of_app(auth: &Auth, client: &ClientId, subject: &str, expires: Millis) -> Self {
        Self {
            iss: auth.issuer(),
            sub: subject.to_owned(),
            aud: Audience::Many(Vec::new()),
            client_id: client.as_str().to_owned(),
            scope: String::new(),
            iat: auth.clock.now().0 / SECOND,
            exp: expires.0 / SECOND,
            jti: auth.ids.token(22),
            sid: None,
            auth_time: None,
            acr: None,
            role: None,
            email_verified: None,
            stage: None,
            asked: Vec::new(),
            cnf: None,
            nbf: None,
            act: None,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Confirmation {
    /// SHA-256 thumbprint.
    pub jkt: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Actor {
    pub sub: UserId,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    pub(super) fn contains(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Many(many) => many.iter().any(|one| one == name),
        }
    }
}

impl Auth {
    /// A token for the person's own programs, with scope `tutor` and no more.
    pub(crate) fn issue_access_token(&self, identity: &Identity) -> Result<String, AuthError> {
        let expires = self.clock.now().plus(self.token_life).min(identity.expires);
        let client = ClientId::new(FIRST_PARTY);
        let claims = Claims {
            aud: Audience::One(self.api_audience()),
            scope: SCOPE.to_owned(),
            sid: Some(identity.session.clone()),
            auth_time: Some(identity.signed_in_at.0 / SECOND),
            role: Some(identity.user.role),
            email_verified: Some(identity.user.email_verified),
            act: identity.impersonated_by.clone().map(|sub| Actor { sub }),
            ..Claims::of_app(self, &client, identity.user.id.as_str(), expires)
        };
        self.sign(SigningAlg::default(), Some(jwt::ACCESS), &claims)
    }

    /// Who shows this token: signature, issuer, audience, type, scope, times; and its session must
    /// still stand. Role and the rest are the person's as they are now, not as the token has them.
    /// One that says it is of the configured issuer is checked with that issuer's keys alone.
    pub(crate) async fn by_access_token(&self, jwt: &str) -> Result<Identity, AuthError> {
        if let Some(issuer) = self.issuer_of(jwt) {
            return self.by_foreign_token(issuer, jwt, None).await;
        }
        self.by_own_token(jwt, None).await
    }

    /// As [`Auth::by_access_token`], by somebody who has proved to hold this key.
    pub(crate) async fn by_token_of_key(
        &self,
        jwt: &str,
        key: &str,
    ) -> Result<Identity, AuthError> {
        if let Some(issuer) = self.issuer_of(jwt) {
            return self.by_foreign_token(issuer, jwt, Some(key)).await;
        }
        self.by_own_token(jwt, Some(key)).await
    }

    async fn by_own_token(&self, jwt: &str, key: Option<&str>) -> Result<Identity, AuthError> {
        let opened = self.open_access_token(jwt).await.ok_or(AuthError::BadToken)?;
        let claims = &opened.claims;
        let for_us = claims.aud.contains(&self.api_audience()) && claims.has_scope(SCOPE);
        if !for_us || !claims.is_held_by(key) {
            return Err(AuthError::BadToken);
        }
        let mut identity = self.known_behind(claims).await?.identity();
        identity.expires = identity.expires.min(claims.expires());
        identity.may_administer = claims.has_scope(ADMIN_SCOPE);
        Ok(identity)
    }

    /// The session behind a token, and its person, as they are now; none of an app that is disabled.
    pub(super) async fn known_behind(&self, claims: &Claims) -> Result<Arc<Known>, AuthError> {
        let sid = claims.sid.as_ref().ok_or(AuthError::BadToken)?;
        let known = match self.known_by_id(sid).await {
            Err(AuthError::NotSignedIn) => return Err(AuthError::BadToken),
            known => known?,
        };
        let client = known.session.client_id.as_ref().map_or(FIRST_PARTY, ClientId::as_str);
        let hers = known.user.id.as_str() == claims.sub && client == claims.client_id;
        let stands = match &known.session.client_id {
            Some(app) => self.client(app.as_str()).await?.is_some(),
            None => true,
        };
        if hers && stands { Ok(known) } else { Err(AuthError::BadToken) }
    }

    /// What a token says, if we signed it as an access token and it is of now. Whether it is for
    /// whoever asks, and whether what it stands for still holds, is another question.
    pub(super) async fn open_access_token(&self, jwt: &str) -> Option<Arc<Opened>> {
        let fingerprint = OpenedTokens::fingerprint(jwt);
        let known = self.opened.get(&fingerprint).filter(|it| self.keys.believes(&it.kid));
        let opened = if let Some(opened) = known {
            opened
        } else {
            let opened = Arc::new(self.check_signature(jwt).await?);
            self.opened.insert(fingerprint, Arc::clone(&opened));
            opened
        };
        let (claims, now) = (&opened.claims, self.clock.now());
        let at = |seconds: i64| Millis(seconds.saturating_mul(SECOND));
        let timely = claims.expires().plus(LEEWAY) > now
            && at(claims.iat) <= now.plus(LEEWAY)
            && claims.nbf.is_none_or(|nbf| at(nbf) <= now.plus(LEEWAY));
        timely.then_some(opened)
    }

    async fn check_signature(&self, jwt: &str) -> Option<Opened> {
        let header = jwt::header(jwt)?;
        if jwt::type_of(&header).as_deref() != Some(jwt::ACCESS) {
            return None;
        }
        let kid = header.kid?;
        // The algorithm is the key's. A header that says another is refused.
        let (algorithm, key) = self.keys.find(&kid).await?;
        let mut rules = Validation::new(algorithm);
        // Times are another question, answered by the clock that everything else goes by.
        rules.validate_exp = false;
        rules.validate_aud = false;
        let claims = jsonwebtoken::decode::<Claims>(jwt, &key, &rules).ok()?.claims;
        (claims.iss == self.issuer()).then_some(Opened { kid, claims })
    }
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
