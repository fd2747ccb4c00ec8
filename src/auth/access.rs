//! Access tokens for our own API (RFC 9068): what `GET /api/auth/token` gives and what opens
//! `/api/v1` without a cookie. Worth nothing once the session behind them is gone.

use jsonwebtoken::Validation;
use serde::{Deserialize, Serialize};

use super::{Auth, AuthError, Identity, jwt};
use crate::domain::{
    clock::{Millis, SECOND},
    ids::{SessionId, UserId},
    oidc::alg::SigningAlg,
    role::Role,
};

/// The client of tokens that a first-party session gets for itself.
const FIRST_PARTY: &str = "intellistack";
const SCOPE: &str = "tutor";
const ADMIN_SCOPE: &str = "admin";
/// How far the clocks of two machines may differ.
const LEEWAY: i64 = 10 * SECOND;

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    client_id: String,
    scope: String,
    /// Seconds since the epoch, as all times here.
    iat: i64,
    exp: i64,
    jti: String,
    sid: SessionId,
    auth_time: i64,
    role: Role,
    email_verified: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    /// The admin by whose hand `sub` acts (RFC 8693 §4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    act: Option<Actor>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Actor {
    sub: UserId,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn contains(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Many(many) => many.iter().any(|one| one == name),
        }
    }
}

impl Auth {
    /// A token for the person's own programs, with scope `tutor` and no more.
    pub(crate) fn issue_access_token(&self, identity: &Identity) -> Result<String, AuthError> {
        let now = self.clock.now();
        let expires = now.plus(self.token_life).min(identity.expires);
        let claims = Claims {
            iss: self.issuer(),
            sub: identity.user.id.as_str().to_owned(),
            aud: Audience::One(self.api_audience()),
            client_id: FIRST_PARTY.to_owned(),
            scope: SCOPE.to_owned(),
            iat: now.0 / SECOND,
            exp: expires.0 / SECOND,
            jti: self.ids.token(22),
            sid: identity.session.clone(),
            auth_time: identity.signed_in_at.0 / SECOND,
            role: identity.user.role,
            email_verified: identity.user.email_verified,
            nbf: None,
            act: identity.impersonated_by.clone().map(|sub| Actor { sub }),
        };
        self.sign(SigningAlg::default(), Some(jwt::ACCESS), &claims)
    }

    /// Who shows this token: signature, issuer, audience, type, scope, times; and its session must
    /// still stand. Role and the rest are the person's as they are now, not as the token has them.
    /// One that says it is of the configured issuer is checked with that issuer's keys alone.
    pub(crate) async fn by_access_token(&self, jwt: &str) -> Result<Identity, AuthError> {
        if let Some(issuer) = &self.issuer
            && jwt::claimed_issuer(jwt).as_ref() == Some(&issuer.settings.url)
        {
            return self.by_foreign_token(issuer, jwt).await;
        }
        let claims = self.open_access_token(jwt).await.ok_or(AuthError::BadToken)?;
        let expires = Millis(claims.exp.saturating_mul(SECOND));
        let mut identity = match self.known_identity(&claims.sid).await {
            Ok(identity) if identity.user.id.as_str() == claims.sub => identity,
            Ok(_) | Err(AuthError::NotSignedIn) => return Err(AuthError::BadToken),
            Err(error) => return Err(error),
        };
        identity.expires = identity.expires.min(expires);
        identity.may_administer = claims.scope.split(' ').any(|scope| scope == ADMIN_SCOPE);
        Ok(identity)
    }

    async fn open_access_token(&self, jwt: &str) -> Option<Claims> {
        let header = jwt::header(jwt)?;
        if jwt::type_of(&header).as_deref() != Some(jwt::ACCESS) {
            return None;
        }
        // The algorithm is the key's. A header that says another is refused.
        let (algorithm, key) = self.keys.find(header.kid.as_deref()?).await?;
        let mut rules = Validation::new(algorithm);
        // Times are checked below, against the clock that everything else goes by.
        rules.validate_exp = false;
        rules.validate_aud = false;
        let claims = jsonwebtoken::decode::<Claims>(jwt, &key, &rules).ok()?.claims;
        let now = self.clock.now();
        let at = |seconds: i64| Millis(seconds.saturating_mul(SECOND));
        let timely = at(claims.exp).plus(LEEWAY) > now
            && at(claims.iat) <= now.plus(LEEWAY)
            && claims.nbf.is_none_or(|nbf| at(nbf) <= now.plus(LEEWAY));
        let ours = claims.iss == self.issuer()
            && claims.aud.contains(&self.api_audience())
            && claims.scope.split(' ').any(|scope| scope == SCOPE);
        (timely && ours).then_some(claims)
    }
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
