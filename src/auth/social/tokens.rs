//! The tokens that providers gave to act for people: sealed where they are kept, handed out to their
//! owner alone, renewed when they are old.

use super::{Profile, ProviderError, Tokens};
use crate::{
    auth::{Auth, AuthError, Identity, people::ID_LENGTH},
    domain::{
        clock::{Millis, SECOND},
        ids::UserId,
    },
    store::{
        StoreError,
        provider_accounts::{ProviderAccount, ProviderTokens},
    },
};

/// A token that ends within this time is renewed.
const NEARLY_OVER: i64 = 5 * SECOND;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("no such account")]
    NoAccount,
    #[error("the provider gave no refresh token")]
    NoRefreshToken,
    #[error("the provider is no longer offered")]
    NoProvider,
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl From<StoreError> for TokenError {
    fn from(error: StoreError) -> Self {
        Self::Auth(error.into())
    }
}

/// A provider's tokens, in clear, for their owner.
#[derive(Clone)]
pub(crate) struct Opened {
    pub account: ProviderAccount,
    pub access: Option<String>,
    pub refresh: Option<String>,
    pub id: Option<String>,
}

impl Opened {
    pub(crate) fn scopes(&self) -> Vec<&str> {
        let scopes = self.account.scope.as_deref().unwrap_or_default();
        scopes.split(',').filter(|scope| !scope.is_empty()).collect()
    }
}

impl Auth {
    /// The access token of one of the person's accounts; a new one if it is nearly over.
    pub(crate) async fn provider_token(
        &self,
        identity: &Identity,
        named: (Option<&str>, Option<&str>),
    ) -> Result<Opened, TokenError> {
        let opened = self.opened(identity, named).await?;
        let end = opened.account.access_token_expires_at;
        let over = end.is_some_and(|at| self.clock.now().plus(NEARLY_OVER).0 >= at);
        if over && opened.refresh.is_some() { self.renew_tokens(opened).await } else { Ok(opened) }
    }

    /// A new access token of one of the person's accounts.
    pub(crate) async fn renew_provider_token(
        &self,
        identity: &Identity,
        named: (Option<&str>, Option<&str>),
    ) -> Result<Opened, TokenError> {
        let opened = self.opened(identity, named).await?;
        self.renew_tokens(opened).await
    }

    /// What the provider says of her now.
    pub(crate) async fn provider_profile(
        &self,
        identity: &Identity,
        named: (Option<&str>, Option<&str>),
    ) -> Result<(Profile, ProviderAccount), TokenError> {
        let Opened { account, access, .. } = self.provider_token(identity, named).await?;
        let provider = self.provider(&account.provider_id).ok_or(TokenError::NoProvider)?;
        let access = access.ok_or(TokenError::NoRefreshToken)?;
        let profile = provider.profile(&access, &account.account_id).await?;
        Ok((profile, account))
    }

    /// `named`: provider and account, the latter as our row is named or as the provider names it.
    async fn opened(
        &self,
        identity: &Identity,
        (provider, account): (Option<&str>, Option<&str>),
    ) -> Result<Opened, TokenError> {
        let found = self.store.provider_accounts(&identity.user.id).await?.into_iter().find(|it| {
            let right = provider.is_none_or(|name| name == it.provider_id);
            let this =
                account.is_none_or(|id| id == it.id || (provider.is_some() && id == it.account_id));
            right && this && (provider.is_some() || account.is_some())
        });
        let account = found.ok_or(TokenError::NoAccount)?;
        let open = |sealed: &Option<String>, field| {
            let opened =
                sealed.as_ref().map(|it| self.social.sealer.open(it, &place(&account.id, field)));
            opened.transpose()
        };
        Ok(Opened {
            access: open(&account.access_token, "access")?,
            refresh: open(&account.refresh_token, "refresh")?,
            id: open(&account.id_token, "id")?,
            account,
        })
    }

    async fn renew_tokens(&self, opened: Opened) -> Result<Opened, TokenError> {
        let Opened { mut account, refresh, id, .. } = opened;
        let provider = self.provider(&account.provider_id).ok_or(TokenError::NoProvider)?;
        let refresh = refresh.ok_or(TokenError::NoRefreshToken)?;
        let tokens = provider.renew(&refresh).await?;
        let kept = self.sealed(&account.id, &tokens)?;
        account.access_token_expires_at = kept.access_token_expires_at;
        account.refresh_token_expires_at =
            kept.refresh_token_expires_at.or(account.refresh_token_expires_at);
        account.scope = kept.scope.clone().or(account.scope);
        self.store.keep_provider_tokens(&account.id, kept).await?;
        Ok(Opened {
            account,
            access: tokens.access,
            refresh: tokens.refresh.or(Some(refresh)),
            id: tokens.id.or(id),
        })
    }

    /// The row of an account at a provider.
    pub(super) fn login(
        &self,
        provider: &str,
        subject: &str,
        owner: &UserId,
        tokens: &Tokens,
    ) -> Result<ProviderAccount, AuthError> {
        let id = self.ids.token(ID_LENGTH);
        let kept = self.sealed(&id, tokens)?;
        Ok(ProviderAccount {
            id,
            account_id: subject.to_owned(),
            provider_id: provider.to_owned(),
            user_id: owner.clone(),
            access_token: kept.access_token,
            refresh_token: kept.refresh_token,
            id_token: kept.id_token,
            access_token_expires_at: kept.access_token_expires_at,
            refresh_token_expires_at: kept.refresh_token_expires_at,
            scope: kept.scope,
            created_at: kept.updated_at,
            updated_at: kept.updated_at,
        })
    }

    pub(super) async fn keep_tokens(&self, id: &str, tokens: &Tokens) -> Result<(), AuthError> {
        let kept = self.sealed(id, tokens)?;
        Ok(self.store.keep_provider_tokens(id, kept).await?)
    }

    fn sealed(&self, id: &str, tokens: &Tokens) -> Result<ProviderTokens, AuthError> {
        let now = self.clock.now();
        let seal = |text: &Option<String>, field| {
            let sealed = text
                .as_ref()
                .map(|it| self.social.sealer.seal(it, &place(id, field), self.ids.as_ref()));
            sealed.transpose()
        };
        Ok(ProviderTokens {
            access_token: seal(&tokens.access, "access")?,
            refresh_token: seal(&tokens.refresh, "refresh")?,
            id_token: seal(&tokens.id, "id")?,
            access_token_expires_at: tokens.access_life.map(|life| end(now, life)),
            refresh_token_expires_at: tokens.refresh_life.map(|life| end(now, life)),
            scope: tokens.scopes.as_ref().map(|all| all.join(",")),
            updated_at: now.0,
        })
    }
}

fn end(now: Millis, seconds: u64) -> i64 {
    now.plus(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(SECOND)).0
}

fn place(id: &str, field: &str) -> String {
    format!("{id} {field}")
}
