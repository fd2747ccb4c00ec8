//! GitHub: OAuth 2 with PKCE, and its API for who somebody is.

use openidconnect::{HttpRequest, http};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use url::{Url, form_urlencoded::Serializer};

use super::{Answer, Ask, Profile, ProviderError, Tokens, wire::Wire};
use crate::config::Social as Settings;

const SCOPES: [&str; 2] = ["read:user", "user:email"];
const MOST_PARAMETER: usize = 4_096;

pub(super) struct GitHub {
    client_id: String,
    client_secret: String,
    url: String,
    api: String,
    wire: Wire,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<String>,
    refresh_token: Option<String>,
    expires_in: Option<u64>,
    refresh_token_expires_in: Option<u64>,
    scope: Option<String>,
    /// GitHub answers 200 to a refusal too.
    error: Option<String>,
}

#[derive(Deserialize)]
struct Address {
    email: String,
    primary: bool,
    verified: bool,
}

impl GitHub {
    pub(super) fn new(settings: &Settings) -> Result<Self, reqwest::Error> {
        let trimmed = |url: &str| url.trim_end_matches('/').to_owned();
        Ok(Self {
            client_id: settings.github_client_id.clone(),
            client_secret: settings.github_client_secret.reveal().to_owned(),
            url: trimmed(&settings.github_url),
            api: trimmed(&settings.github_api_url),
            wire: Wire::new(&settings.github_url)?,
        })
    }

    pub(super) fn ask(&self, ask: &Ask<'_>) -> Result<Url, ProviderError> {
        let mut url = Url::parse(&format!("{}/login/oauth/authorize", self.url))
            .map_err(|error| ProviderError::Away(error.to_string()))?;
        let scopes: Vec<_> =
            SCOPES.into_iter().chain(ask.scopes.iter().map(String::as_str)).collect();
        let challenge = ask.challenge();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("state", ask.state)
            .append_pair("scope", &scopes.join(" "))
            .append_pair("redirect_uri", ask.redirect)
            .append_pair("code_challenge_method", "S256")
            .append_pair("code_challenge", challenge.as_str());
        if let Some(hint) = ask.login_hint {
            url.query_pairs_mut().append_pair("login", hint);
        }
        Ok(url)
    }

    /// GitHub names no issuer; where it does some day, it is this.
    pub(super) fn is_from(&self, iss: Option<&str>) -> bool {
        iss.is_none_or(|iss| iss == format!("{}/login/oauth", self.url))
    }

    pub(super) async fn redeem(
        &self,
        answer: &Answer<'_>,
    ) -> Result<(Profile, Tokens), ProviderError> {
        let tokens = self
            .token(&[
                ("grant_type", "authorization_code"),
                ("code", answer.code),
                ("code_verifier", answer.verifier),
                ("redirect_uri", answer.redirect),
            ])
            .await?;
        let access = tokens.access.as_deref().unwrap_or_default();
        Ok((self.profile(access).await?, tokens))
    }

    pub(super) async fn renew(&self, refresh: &str) -> Result<Tokens, ProviderError> {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await
    }

    /// GitHub is asked for the primary address, and whether it has seen mail read there. It runs
    /// nobody's mailbox.
    pub(super) async fn profile(&self, access: &str) -> Result<Profile, ProviderError> {
        let user: Value = self.get("/user", access).await?;
        let addresses: Vec<Address> = self.get("/user/emails", access).await.unwrap_or_default();
        let primary = addresses.into_iter().find(|it| it.primary);
        let text = |name: &str| {
            user.get(name).and_then(Value::as_str).filter(|it| !it.is_empty()).map(str::to_owned)
        };
        // A number that never changes, unlike the login.
        let subject = user
            .get("id")
            .and_then(Value::as_u64)
            .ok_or_else(|| ProviderError::Away("the user has no id".to_owned()))?
            .to_string();
        let (email, email_verified) = match primary {
            Some(it) => (Some(it.email), it.verified),
            None => (text("email"), false),
        };
        Ok(Profile {
            subject,
            name: text("name").or_else(|| text("login")),
            email,
            email_verified,
            authoritative: false,
            image: text("avatar_url"),
            raw: user,
        })
    }

    async fn token(&self, fields: &[(&str, &str)]) -> Result<Tokens, ProviderError> {
        if fields.iter().any(|(_, value)| value.len() > MOST_PARAMETER) {
            return Err(ProviderError::Refused("a code or token is too long".to_owned()));
        }
        let form = Serializer::new(String::new())
            .extend_pairs(fields)
            .append_pair("client_id", &self.client_id)
            .append_pair("client_secret", &self.client_secret)
            .finish();
        let request = http::Request::post(format!("{}/login/oauth/access_token", self.url))
            .header("accept", "application/json")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.into_bytes());
        let answer: TokenAnswer = self.send(request).await?;
        if let Some(error) = answer.error {
            return Err(ProviderError::Refused(error));
        }
        let access =
            answer.access_token.filter(|it| it.is_ascii() && !it.contains(char::is_control));
        if access.is_none() {
            return Err(ProviderError::Away("there is no access_token".to_owned()));
        }
        let scopes = answer.scope.map(|text| text.split([',', ' ']).map(str::to_owned).collect());
        Ok(Tokens {
            access,
            refresh: answer.refresh_token,
            id: None,
            access_life: answer.expires_in,
            refresh_life: answer.refresh_token_expires_in,
            scopes,
        })
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, access: &str) -> Result<T, ProviderError> {
        let request = http::Request::get(format!("{}{path}", self.api))
            .header("accept", "application/vnd.github+json")
            .header("authorization", format!("Bearer {access}"))
            .body(Vec::new());
        self.send(request).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: Result<HttpRequest, http::Error>,
    ) -> Result<T, ProviderError> {
        let away = |error: String| ProviderError::Away(error);
        let request = request.map_err(|error| away(error.to_string()))?;
        let path = request.uri().path().to_owned();
        let answer = self.wire.send(request).await.map_err(|error| away(error.to_string()))?;
        let status = answer.status();
        if status.is_client_error() {
            return Err(ProviderError::Refused(format!("{path} answers {status}")));
        }
        if !status.is_success() {
            return Err(away(format!("{path} answers {status}")));
        }
        serde_json::from_slice(answer.body()).map_err(|error| away(format!("{path}: {error}")))
    }
}
