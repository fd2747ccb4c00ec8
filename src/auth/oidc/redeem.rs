//! Codes become grants, refresh tokens become others. Everything is looked at and signed first; then
//! one transaction says whether it counts.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::{
    client::Client,
    code::{self, Code},
    issue::{IssueError, Making, Tokens, over, require_key, within},
};
use crate::{
    auth::{Auth, AuthError, hash_token, sessions::Device},
    domain::{
        clock::{Millis, SECOND},
        ids::SessionId,
        oidc::{
            client::GrantType,
            granted::Granted,
            scope::{self, Scopes},
        },
    },
    store::{
        StoreError,
        auth_events::AuthEventKind,
        oauth_grants::{Exchange, GrantRow, Held, NewGrant, Redeemed, RefreshRow},
        sessions::Session,
        users::User,
    },
};

const TOKEN_LENGTH: usize = 43;
/// Before it, in hexadecimal digits: when the token was made, in milliseconds.
const TIME_LENGTH: usize = 12;
/// Somebody else may win once; then the token is used.
const TRIES: usize = 3;

/// A code as an app shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Redemption<'a> {
    pub code: &'a str,
    pub redirect_uri: &'a str,
    pub verifier: Option<&'a str>,
}

/// What a request for tokens says of them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked<'a> {
    /// Less than was granted; none: all of it.
    pub scope: Option<&'a str>,
    pub resources: &'a [String],
    /// Thumbprint of the key that the sender has proved to hold.
    pub jkt: Option<&'a str>,
}

/// What a grant begins from.
pub(super) struct Ground {
    /// The session that it will be.
    pub id: SessionId,
    /// The sign-in in the browser, and its person.
    pub browser: Session,
    pub user: User,
    /// The code that is used up by it.
    pub code: Option<Redeemed>,
}

impl Auth {
    pub(crate) async fn redeem_code(
        &self,
        client: &Client,
        shown: Redemption<'_>,
        asked: &Asked<'_>,
        device: &Device,
    ) -> Result<Tokens, IssueError> {
        if !client.metadata.may_use(GrantType::AuthorizationCode) {
            let why = "This client may not redeem codes.";
            return Err(IssueError::UnauthorizedClient(why));
        }
        let code = self.open_code(&client.id, shown.code).ok_or_else(unknown_code)?;
        match Box::pin(self.redeem_opened(client, (&code, shown), asked, device)).await {
            // It may be since it was redeemed before.
            Err(IssueError::InvalidGrant(why)) => {
                if self.clock.now().since(Millis(code.expires_at)) < code::SUSPICIOUS {
                    self.end_reused(&code.grant, device).await?;
                }
                Err(IssueError::InvalidGrant(why))
            }
            redeemed => redeemed,
        }
    }

    async fn redeem_opened(
        &self,
        client: &Client,
        (code, shown): (&Code, Redemption<'_>),
        asked: &Asked<'_>,
        device: &Device,
    ) -> Result<Tokens, IssueError> {
        if code.expires_at <= self.clock.now().0 {
            return Err(unknown_code());
        }
        check_shown(code, shown)?;
        let mut granted = code.granted.clone();
        check_key(granted.jkt.as_deref(), asked.jkt)?;
        granted.jkt = asked.jkt.map(str::to_owned);
        // The transaction asks again whether the sign-in stands.
        let known = match self.known_by_id(&code.browser_sid).await {
            Err(AuthError::NotSignedIn | AuthError::Banned) => return Err(over()),
            known => known?,
        };
        let (browser, user) = (known.session.clone(), known.user.clone());
        let redeemed = Redeemed { expires_at: code.expires_at, agreed: code.agreed.clone() };
        let ground = Ground { id: code.grant.clone(), browser, user, code: Some(redeemed) };
        self.begin_grant(client, (granted, asked), ground, device).await
    }

    /// A grant in place of a code, or out of nothing.
    pub(super) async fn begin_grant(
        &self,
        client: &Client,
        (mut granted, asked): (Granted, &Asked<'_>),
        ground: Ground,
        device: &Device,
    ) -> Result<Tokens, IssueError> {
        let Ground { id, browser, user, code } = ground;
        match self.check(&browser, &user) {
            Err(AuthError::NotSignedIn | AuthError::Banned) => return Err(over()),
            checked => checked?,
        }
        // An admin who acts as somebody lets no app do so (attack C10).
        if browser.impersonated_by.is_some() {
            return Err(over());
        }
        require_key(client, granted.jkt.as_deref())?;
        if !client.metadata.may_use(GrantType::RefreshToken) {
            granted.scopes = granted.scopes.only(|scope| scope != scope::OFFLINE_ACCESS);
        }
        let offline = granted.scopes.has(scope::OFFLINE_ACCESS);
        let now = self.clock.now();
        let ends = if offline {
            now.plus(self.oidc.refresh_life.min(self.oidc.grant_life))
        } else {
            now.plus(self.token_life).min(Millis(browser.expires_at))
        };
        let making = Making {
            client,
            user: &user,
            session: &id,
            browser_sid: &browser.id,
            granted: &granted,
            scopes: granted.scopes.clone(),
            asked,
            jkt: granted.jkt.as_deref(),
            ends,
        };
        let mut tokens = self.make_tokens(&making).await?;
        let (token, refresh) = offline.then(|| self.refresh_row(&id, ends)).unzip();
        tokens.refresh_token = token;
        let session = Session {
            // No token opens it: this is no hash.
            token_hash: format!("grant {id}"),
            id,
            user_id: user.id,
            expires_at: ends.0,
            remember: false,
            ip_address: device.address.clone(),
            user_agent: device.short_agent(),
            impersonated_by: None,
            parent_id: (!offline).then(|| browser.id.clone()),
            client_id: Some(client.id.clone()),
            amr: String::new(),
            proved_at: granted.auth_time.saturating_mul(SECOND),
            created_at: now.0,
            updated_at: now.0,
        };
        let granted = serde_json::to_string(&granted).map_err(damaged)?;
        let grant = GrantRow { browser_sid: browser.id, granted };
        let new = NewGrant { session, grant, refresh };
        if self.store.begin_grant(code, new, now).await? { Ok(tokens) } else { Err(over()) }
    }

    fn refresh_row(&self, grant: &SessionId, ends: Millis) -> (String, RefreshRow) {
        let now = self.clock.now();
        let token = format!("{:0TIME_LENGTH$x}{}", now.0, self.ids.token(TOKEN_LENGTH));
        let row = RefreshRow {
            hash: hash_refresh(&token),
            session_id: grant.clone(),
            expires_at: ends.0,
            created_at: now.0,
            used_at: None,
            replay: None,
            replay_until: None,
        };
        (token, row)
    }

    /// Gives a refresh token for another. One that was used before ends the grant, unless it comes
    /// so soon that the same answer may be sent again.
    pub(crate) async fn refresh(
        &self,
        client: &Client,
        token: &str,
        asked: &Asked<'_>,
        device: &Device,
    ) -> Result<Tokens, IssueError> {
        if !client.metadata.may_use(GrantType::RefreshToken) {
            let why = "This client may not use refresh tokens.";
            return Err(IssueError::UnauthorizedClient(why));
        }
        let unknown =
            || IssueError::InvalidGrant("The refresh token is unknown, was used, or has expired.");
        for _ in 0..TRIES {
            let held = match self.store.refresh_token(&hash_refresh(token)).await {
                Err(StoreError::NotFound) => return Err(unknown()),
                found => found?,
            };
            if !held.is_of(&client.id) {
                return Err(unknown());
            }
            let granted: Granted = serde_json::from_str(&held.grant.granted).map_err(damaged)?;
            check_key(granted.jkt.as_deref(), asked.jkt)?;
            if held.token.used_at.is_some() {
                if let Some(tokens) = self.answer_again(&held)? {
                    return Ok(tokens);
                }
                self.end_reused(&held.session.id, device).await?;
                return Err(unknown());
            }
            if held.token.expires_at <= self.clock.now().0 {
                return Err(unknown());
            }
            if let Some(tokens) = self.exchange(client, &held, &granted, asked).await? {
                return Ok(tokens);
            }
        }
        Err(unknown())
    }

    /// Nothing if somebody else was faster.
    async fn exchange(
        &self,
        client: &Client,
        held: &Held,
        granted: &Granted,
        asked: &Asked<'_>,
    ) -> Result<Option<Tokens>, IssueError> {
        match self.check(&held.session, &held.user) {
            Err(AuthError::NotSignedIn | AuthError::Banned) => return Err(over()),
            checked => checked?,
        }
        require_key(client, asked.jkt)?;
        let scopes: Scopes = within(&granted.scopes, asked.scope)?;
        let now = self.clock.now();
        let last = Millis(held.session.created_at).plus(self.oidc.grant_life);
        let ends = now.plus(self.oidc.refresh_life).min(last);
        if ends <= now {
            return Err(over());
        }
        let making = Making {
            client,
            user: &held.user,
            session: &held.session.id,
            browser_sid: &held.grant.browser_sid,
            granted,
            scopes,
            asked,
            jkt: asked.jkt,
            ends,
        };
        let mut tokens = self.make_tokens(&making).await?;
        let (token, next) = self.refresh_row(&held.session.id, ends);
        tokens.refresh_token = Some(token);
        let replay = if self.oidc.replay > 0 {
            let text = serde_json::to_string(&tokens).map_err(damaged)?;
            let sealed = self.provider.replays.seal(&text, &held.token.hash, &*self.ids)?;
            Some((sealed, now.plus(self.oidc.replay)))
        } else {
            None
        };
        let exchange = Exchange { used: held.token.hash.clone(), replay, next };
        Ok(self.store.exchange_refresh(exchange, now).await?.then_some(tokens))
    }

    /// The answer that a used token got, as long as it may be sent again.
    fn answer_again(&self, held: &Held) -> Result<Option<Tokens>, IssueError> {
        let RefreshRow { hash, replay, replay_until, .. } = &held.token;
        let timely = replay_until.is_some_and(|until| self.clock.now().0 < until);
        let Some(sealed) = replay.as_ref().filter(|_| timely) else { return Ok(None) };
        let text = self.provider.replays.open(sealed, hash)?;
        Ok(Some(serde_json::from_str(&text).map_err(damaged)?))
    }

    /// Whoever uses a code or a refresh token twice may have stolen it: what was granted ends.
    async fn end_reused(&self, grant: &SessionId, device: &Device) -> Result<(), AuthError> {
        let user = match self.store.session(grant).await {
            Err(StoreError::NotFound) => return Ok(()),
            found => found?.1,
        };
        let event = self.event(AuthEventKind::TokenReused, device).of(&user.id, &user.email);
        if self.store.end_grant(grant, event.with("grant", grant.as_str())).await? {
            tracing::warn!(%grant, "a code or a refresh token was used twice: its grant has ended");
            self.catch_up().await;
        }
        Ok(())
    }
}

/// What a refresh token is stored under: its time, and the hash of it all. By the time new ones stand
/// side by side in the index, and one commit writes one page of it for several.
pub(super) fn hash_refresh(token: &str) -> String {
    let hash = hash_token(token);
    match token.split_at_checked(TIME_LENGTH) {
        Some((time, secret))
            if secret.len() == TOKEN_LENGTH && time.bytes().all(|it| it.is_ascii_hexdigit()) =>
        {
            format!("{time}{hash}")
        }
        // One of an earlier version has no time, and what is none of ours may be anything.
        _ => hash,
    }
}

const fn unknown_code() -> IssueError {
    IssueError::InvalidGrant("The code is unknown, was used, or has expired.")
}

/// Where it is redeemed, and by whom it was asked for (RFC 7636 §4.6; attacks D3, D4).
fn check_shown(code: &Code, shown: Redemption<'_>) -> Result<(), IssueError> {
    if code.redirect_uri != shown.redirect_uri {
        let why = "The redirect_uri is not the one that the code was sent to.";
        return Err(IssueError::InvalidGrant(why));
    }
    let good = match (code.challenge.as_deref(), shown.verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => {
            let made = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
            is_verifier(verifier)
                && verify_slices_are_equal(made.as_bytes(), challenge.as_bytes()).is_ok()
        }
        _ => false,
    };
    let why = "The code_verifier does not belong to the code.";
    if good { Ok(()) } else { Err(IssueError::InvalidGrant(why)) }
}

/// 43 to 128 characters that stand for themselves in a URL (RFC 7636 §4.1).
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-._~".contains(&it))
}

/// What is bound to a key stays bound to that key.
fn check_key(bound: Option<&str>, shown: Option<&str>) -> Result<(), IssueError> {
    let why = "This is bound to another key than that of the DPoP proof.";
    if bound.is_none_or(|bound| shown == Some(bound)) {
        Ok(())
    } else {
        Err(IssueError::InvalidGrant(why))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn damaged(error: serde_json::Error) -> IssueError {
    AuthError::Broken(format!("what an app was granted cannot be read: {error}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_token_is_stored_as_a_hash_with_its_time_in_front() {
        let token = format!("0192f3a4b5c6{}", "x".repeat(TOKEN_LENGTH));
        assert_eq!(hash_refresh(&token), format!("0192f3a4b5c6{}", hash_token(&token)));

        // Of an earlier version, and of nobody.
        for other in ["y".repeat(TOKEN_LENGTH), format!("\0{token}"), token.replacen('0', "\0", 1)]
        {
            assert_eq!(hash_refresh(&other), hash_token(&other));
        }
    }
}
