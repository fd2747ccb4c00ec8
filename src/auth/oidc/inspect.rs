//! What becomes of tokens after they were given: asked about (userinfo; RFC 7662) and given back
//! (RFC 7009).

use serde_json::{Map, Value, json};

use super::{claims, client::Client, redeem::hash_refresh};
use crate::{
    auth::{Auth, AuthError, access::Claims, sessions::Device},
    domain::{
        clock::SECOND,
        ids::SessionId,
        oidc::{
            granted::Granted,
            scope::{self, Scopes},
        },
    },
    store::{StoreError, auth_events::AuthEventKind, oauth_grants::Held},
};

/// Why userinfo tells nothing (RFC 6750 §3.1).
#[derive(Debug, thiserror::Error)]
pub(crate) enum UserinfoError {
    #[error("the token is not valid")]
    InvalidToken,
    #[error("the token signs nobody in")]
    InsufficientScope,
    #[error(transparent)]
    Auth(AuthError),
}

impl From<AuthError> for UserinfoError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::NotSignedIn | AuthError::BadToken | AuthError::Banned => Self::InvalidToken,
            error => Self::Auth(error),
        }
    }
}

impl Auth {
    /// What the bearer of a token may know of its person. `key`: the thumbprint of the key that the
    /// bearer has proved to hold.
    pub(crate) async fn userinfo(
        &self,
        token: &str,
        key: Option<&str>,
    ) -> Result<Map<String, Value>, UserinfoError> {
        let opened = self.open_access_token(token).await.ok_or(UserinfoError::InvalidToken)?;
        let claims = &opened.claims;
        if !claims.is_held_by(key) {
            return Err(UserinfoError::InvalidToken);
        }
        let known = match &claims.sid {
            Some(_) => Some(self.known_behind(claims).await?),
            None if self.machine_token_stands(claims).await? => None,
            None => return Err(UserinfoError::InvalidToken),
        };
        if !claims.has_scope(scope::OPENID) {
            return Err(UserinfoError::InsufficientScope);
        }
        let known = known.filter(|_| claims.aud.contains(&self.userinfo_url()));
        let known = known.ok_or(UserinfoError::InvalidToken)?;
        let scopes = Scopes::parse(&claims.scope).map_err(|_| UserinfoError::InvalidToken)?;
        let mut told = claims::about(&known.user, &scopes, &claims.asked);
        told.insert("sub".to_owned(), json!(known.user.id));
        // The token says the stage of then, and that its app is bound to a course.
        if claims.stage.is_some()
            && let Some(client) = self.client(&claims.client_id).await?
            && let Some(stage) = self.stage_for(&client, &known.user).await?
        {
            told.insert("stage".to_owned(), json!(stage));
        }
        Ok(told)
    }

    /// What `client` may know of a token (RFC 7662 §2.2). Nothing of one that is not its own, not
    /// even whether there is one (attack D24), unless it is the API that an access token is for.
    pub(crate) async fn introspect(
        &self,
        client: &Client,
        token: &str,
    ) -> Result<Map<String, Value>, AuthError> {
        let found = match self.open_access_token(token).await {
            Some(opened) => self.introspect_access(client, &opened.claims).await?,
            None => match self.held(token).await? {
                Some(held) => self.introspect_refresh(client, &held)?,
                None => None,
            },
        };
        let mut found = found.unwrap_or_default();
        found.insert("active".to_owned(), json!(found.contains_key("client_id")));
        Ok(found)
    }

    async fn introspect_access(
        &self,
        client: &Client,
        claims: &Claims,
    ) -> Result<Option<Map<String, Value>>, AuthError> {
        let for_it =
            client.metadata.ours.resource.as_ref().is_some_and(|own| claims.aud.contains(own));
        if claims.client_id != client.id.as_str() && !for_it {
            return Ok(None);
        }
        let stands = if claims.sid.is_some() {
            match self.known_behind(claims).await {
                Ok(_) => true,
                Err(AuthError::BadToken | AuthError::NotSignedIn | AuthError::Banned) => false,
                Err(error) => return Err(error),
            }
        } else {
            self.machine_token_stands(claims).await?
        };
        if !stands || claims.exp <= self.clock.now().0 / SECOND {
            return Ok(None);
        }
        let shown = serde_json::to_value(claims)
            .map_err(|error| AuthError::Broken(format!("a token cannot be shown: {error}")))?;
        let Value::Object(mut shown) = shown else { return Ok(None) };
        shown.remove("userinfo_claims");
        shown.insert("azp".to_owned(), json!(claims.client_id));
        let kind = if claims.cnf.is_some() { "DPoP" } else { "Bearer" };
        shown.insert("token_type".to_owned(), json!(kind));
        Ok(Some(shown))
    }

    fn introspect_refresh(
        &self,
        client: &Client,
        held: &Held,
    ) -> Result<Option<Map<String, Value>>, AuthError> {
        let Held { token, grant, session, user } = held;
        let live = token.used_at.is_none() && token.expires_at > self.clock.now().0;
        if !held.is_of(&client.id) || !live || self.check(session, user).is_err() {
            return Ok(None);
        }
        let granted: Granted = serde_json::from_str(&grant.granted)
            .map_err(|error| AuthError::Broken(format!("a grant cannot be read: {error}")))?;
        let mut shown = Map::new();
        for (name, value) in [
            ("iss", json!(self.issuer())),
            ("client_id", json!(client.id)),
            ("azp", json!(client.id)),
            ("sub", json!(user.id)),
            ("sid", json!(session.id)),
            ("exp", json!(token.expires_at / SECOND)),
            ("iat", json!(token.created_at / SECOND)),
            ("scope", json!(granted.scopes)),
        ] {
            shown.insert(name.to_owned(), value);
        }
        if let Some(jkt) = granted.jkt {
            shown.insert("cnf".to_owned(), json!({ "jkt": jkt }));
        }
        Ok(Some(shown))
    }

    /// Ends what a token stands for (RFC 7009 §2.1), if it is this app's: on every node within a
    /// second, and when this returns here. Another's, or none at all, is left alone without a word.
    pub(crate) async fn revoke_token(
        &self,
        client: &Client,
        token: &str,
        device: &Device,
    ) -> Result<(), AuthError> {
        if let Some(opened) = self.open_access_token(token).await {
            let claims = &opened.claims;
            if claims.client_id != client.id.as_str() {
                return Ok(());
            }
            let Some(sid) = &claims.sid else {
                let until = claims.expires().plus(super::jose::LEEWAY);
                self.store.spend_nonce(&machine_token(claims), until).await?;
                return Ok(());
            };
            return self.end_own_grant(client, sid, device).await;
        }
        match self.held(token).await? {
            Some(held) if held.is_of(&client.id) => {
                self.end_own_grant(client, &held.session.id, device).await
            }
            _ => Ok(()),
        }
    }

    async fn end_own_grant(
        &self,
        client: &Client,
        grant: &SessionId,
        device: &Device,
    ) -> Result<(), AuthError> {
        let (session, user) = match self.store.session(grant).await {
            Err(StoreError::NotFound) => return Ok(()),
            found => found?,
        };
        if session.client_id.as_ref() == Some(&client.id) {
            let event = self.event(AuthEventKind::TokenRevoked, device).of(&user.id, &user.email);
            self.store.end_grant(grant, event.with("client", client.id.as_str())).await?;
            self.catch_up().await;
        }
        Ok(())
    }

    async fn held(&self, token: &str) -> Result<Option<Held>, AuthError> {
        match self.store.refresh_token(&hash_refresh(token)).await {
            Err(StoreError::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
            Ok(held) => Ok(Some(held)),
        }
    }

    /// A token that an app has in its own name is good while the app is, and until it is given back.
    async fn machine_token_stands(&self, claims: &Claims) -> Result<bool, AuthError> {
        let client = self.client(&claims.client_id).await?;
        Ok(client.is_some() && !self.store.is_nonce_spent(&machine_token(claims)).await?)
    }
}

fn machine_token(claims: &Claims) -> String {
    format!("machine-token-{}", claims.jti)
}
