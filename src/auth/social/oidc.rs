//! OpenID Connect providers, found by discovery. Their documents and keys are kept while they are
//! away, and asked for anew at most once a minute (attack D14).

use std::sync::{Arc, Mutex, PoisonError};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use openidconnect::{
    AccessToken, AdditionalProviderMetadata, AuthType, AuthorizationCode, ClientId, ClientSecret,
    CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, LoginHint, Nonce,
    OAuth2TokenResponse, PkceCodeVerifier, ProviderMetadata, RedirectUrl, RefreshToken,
    RequestTokenError, Scope, SubjectIdentifier, TokenResponse, UserInfoError,
    core::{
        CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient,
        CoreClientAuthMethod, CoreGrantType, CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
        CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType, CoreTokenResponse,
        CoreUserInfoClaims,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::{Answer, Ask, Profile, ProviderError, Tokens, wire::Wire};
use crate::{
    config::{OidcProvider, Social as Settings},
    domain::clock::{MINUTE, Millis, SECOND, SharedClock},
};

/// Documents are asked for anew after this time.
const FRESH: i64 = 5 * MINUTE;
/// After a failure they are asked for again so much later.
const PAUSE: i64 = 5 * SECOND;
/// A token that does not hold makes us ask at most this often.
const AGAIN: i64 = MINUTE;
/// By which clocks may differ.
const LEEWAY: i64 = 10 * SECOND;
/// Signatures that are believed: never one by a shared secret.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// RFC 9207 §3.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct SaysIss {
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for SaysIss {}

type Metadata = ProviderMetadata<
    SaysIss,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// On whose addresses the provider's word counts.
enum Authority {
    /// Google says of its Workspace customers which they are (`hd`), and runs gmail.com.
    Google,
    Domains(Vec<String>),
}

#[derive(Default)]
struct Known {
    metadata: Option<Arc<Metadata>>,
    tried_at: Option<Millis>,
    failing: bool,
}

pub(super) struct Oidc {
    issuer: String,
    client_id: String,
    client_secret: String,
    scopes: Vec<String>,
    /// Parameters that this provider wants besides.
    extra: Vec<(&'static str, &'static str)>,
    authority: Authority,
    wire: Wire,
    clock: SharedClock,
    known: Mutex<Known>,
    /// One asks, the others wait for the answer.
    asking: tokio::sync::Mutex<()>,
}

impl Oidc {
    pub(super) fn google(settings: &Settings, clock: SharedClock) -> Result<Self, reqwest::Error> {
        Ok(Self {
            issuer: settings.google_issuer.clone(),
            client_id: settings.google_client_id.clone(),
            client_secret: settings.google_client_secret.reveal().to_owned(),
            scopes: vec!["email".to_owned(), "profile".to_owned()],
            extra: vec![("access_type", "offline"), ("include_granted_scopes", "true")],
            authority: Authority::Google,
            wire: Wire::new(&settings.google_issuer)?,
            clock,
            known: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        })
    }

    pub(super) fn further(
        provider: &OidcProvider,
        clock: SharedClock,
    ) -> Result<Self, reqwest::Error> {
        let scopes = provider.scopes.iter().filter(|scope| *scope != "openid").cloned().collect();
        let domains = provider.email_domains.iter().map(|it| it.to_lowercase()).collect();
        Ok(Self {
            issuer: provider.issuer.clone(),
            client_id: provider.client_id.clone(),
            client_secret: provider.client_secret.reveal().to_owned(),
            scopes,
            extra: if provider.form_post {
                vec![("response_mode", "form_post")]
            } else {
                Vec::new()
            },
            authority: Authority::Domains(domains),
            wire: Wire::new(&provider.issuer)?,
            clock,
            known: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        })
    }

    pub(super) async fn ask(&self, ask: &Ask<'_>) -> Result<Url, ProviderError> {
        let metadata = self.metadata().await?;
        let client = self.client(&metadata, Some(ask.redirect))?;
        let (state, nonce) = (ask.state.to_owned(), ask.nonce.to_owned());
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                || CsrfToken::new(state),
                || Nonce::new(nonce),
            )
            .add_scopes(self.scopes.iter().chain(ask.scopes).cloned().map(Scope::new))
            .set_pkce_challenge(ask.challenge());
        for (name, value) in &self.extra {
            request = request.add_extra_param(*name, *value);
        }
        if let Some(hint) = ask.login_hint {
            request = request.set_login_hint(LoginHint::new(hint.to_owned()));
        }
        Ok(request.url().0)
    }

    /// An answer that names another issuer is another's; one that names none is refused where the
    /// provider says that it always does.
    pub(super) async fn is_from(&self, iss: Option<&str>) -> Result<bool, ProviderError> {
        if let Some(iss) = iss {
            return Ok(iss == self.issuer);
        }
        let metadata = self.metadata().await?;
        Ok(!metadata.additional_metadata().authorization_response_iss_parameter_supported)
    }

    pub(super) async fn redeem(
        &self,
        answer: &Answer<'_>,
    ) -> Result<(Profile, Tokens), ProviderError> {
        let metadata = self.metadata().await?;
        let client = self.client(&metadata, Some(answer.redirect))?;
        let response = client
            .exchange_code(AuthorizationCode::new(answer.code.to_owned()))
            .map_err(|error| away(&error))?
            .set_pkce_verifier(PkceCodeVerifier::new(answer.verifier.to_owned()))
            .request_async(&self.wire)
            .await
            .map_err(token_error)?;
        let id = response
            .id_token()
            .ok_or_else(|| ProviderError::Invalid("there is no id_token".to_owned()))?
            .to_string();
        let claims = self.verified(&id, Some(answer.nonce)).await?;
        let mut profile = self.profile_of(claims);
        if profile.email.is_none() && metadata.userinfo_endpoint().is_some() {
            let access = response.access_token().secret();
            profile = self.profile(access, &profile.subject).await?;
        }
        let tokens = tokens_of(&response, Some(id));
        Ok((profile, tokens))
    }

    /// A token that an app got from the provider itself.
    pub(super) async fn by_id_token(
        &self,
        token: &str,
        nonce: Option<&str>,
    ) -> Result<(Profile, Millis), ProviderError> {
        let claims = self.verified(token, nonce).await?;
        let seconds = claims.get("exp").and_then(Value::as_i64).unwrap_or_default();
        let expires = Millis(seconds.saturating_mul(SECOND)).plus(LEEWAY);
        Ok((self.profile_of(claims), expires))
    }

    pub(super) async fn renew(&self, refresh: &str) -> Result<Tokens, ProviderError> {
        let metadata = self.metadata().await?;
        let response = self
            .client(&metadata, None)?
            .exchange_refresh_token(&RefreshToken::new(refresh.to_owned()))
            .map_err(|error| away(&error))?
            .request_async(&self.wire)
            .await
            .map_err(token_error)?;
        let id = response.id_token().map(ToString::to_string);
        Ok(tokens_of(&response, id))
    }

    pub(super) async fn profile(
        &self,
        access: &str,
        subject: &str,
    ) -> Result<Profile, ProviderError> {
        let metadata = self.metadata().await?;
        let subject = SubjectIdentifier::new(subject.to_owned());
        let claims: CoreUserInfoClaims = self
            .client(&metadata, None)?
            .user_info(AccessToken::new(access.to_owned()), Some(subject))
            .map_err(|error| away(&error))?
            .request_async(&self.wire)
            .await
            .map_err(|error| match error {
                UserInfoError::ClaimsVerification(_) => ProviderError::Invalid(error.to_string()),
                UserInfoError::Response(status, ..) if status.is_client_error() => {
                    ProviderError::Refused(format!("userinfo answers {status}"))
                }
                error => away(&error),
            })?;
        match serde_json::to_value(claims) {
            Ok(Value::Object(claims)) => Ok(self.profile_of(claims)),
            _ => Err(ProviderError::Invalid("userinfo is no object".to_owned())),
        }
    }

    /// The claims of an ID token whose signature, issuer, audience, nonce and times hold. A key that
    /// we do not know makes us ask for the keys again.
    async fn verified(
        &self,
        token: &str,
        nonce: Option<&str>,
    ) -> Result<Map<String, Value>, ProviderError> {
        let parsed: CoreIdToken = serde_json::from_value(Value::from(token))
            .map_err(|error| ProviderError::Invalid(error.to_string()))?;
        let metadata = self.metadata().await?;
        if let Err(why) = self.check(&parsed, &metadata, nonce) {
            let newer = self.metadata_again().await;
            match newer {
                Some(newer) if !Arc::ptr_eq(&newer, &metadata) => {
                    self.check(&parsed, &newer, nonce).map_err(ProviderError::Invalid)?;
                }
                _ => return Err(ProviderError::Invalid(why)),
            }
        }
        // What was just verified, with the claims that the library has no field for.
        let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        payload
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .ok_or_else(|| ProviderError::Invalid("the claims are no object".to_owned()))
    }

    fn check(
        &self,
        token: &CoreIdToken,
        metadata: &Metadata,
        nonce: Option<&str>,
    ) -> Result<(), String> {
        let now = self.clock.now();
        // The library's type for a time is nameless here; it reads one from text.
        let text = Value::from(now.plus(-LEEWAY).to_rfc3339());
        let verifier = CoreIdTokenVerifier::new_public_client(
            ClientId::new(self.client_id.clone()),
            metadata.issuer().clone(),
            metadata.jwks().clone(),
        )
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || serde_json::from_value(text.clone()).unwrap_or_default())
        .set_issue_time_verifier_fn(move |issued| {
            let early = issued.timestamp_millis() > now.plus(LEEWAY).0;
            if early { Err("it was issued in the future".to_owned()) } else { Ok(()) }
        });
        let expected = nonce.map(|nonce| Nonce::new(nonce.to_owned()));
        let same = move |found: Option<&Nonce>| match (&expected, found) {
            (None, _) => Ok(()),
            (Some(expected), Some(found)) if expected.secret() == found.secret() => Ok(()),
            _ => Err("it has another nonce".to_owned()),
        };
        token.claims(&verifier, same).map(|_| ()).map_err(|error| error.to_string())
    }

    fn profile_of(&self, claims: Map<String, Value>) -> Profile {
        let text = |name: &str| {
            claims.get(name).and_then(Value::as_str).filter(|it| !it.is_empty()).map(str::to_owned)
        };
        let verified = match claims.get("email_verified") {
            Some(Value::Bool(verified)) => *verified,
            Some(Value::String(verified)) => verified == "true",
            _ => false,
        };
        let email = text("email");
        let authoritative = email.as_deref().is_some_and(|email| {
            let domain = email.rsplit_once('@').map(|(_, domain)| domain.to_lowercase());
            let domain = domain.unwrap_or_default();
            match &self.authority {
                Authority::Google => {
                    ["gmail.com", "googlemail.com"].contains(&domain.as_str())
                        || text("hd").is_some()
                }
                Authority::Domains(domains) => domains.contains(&domain),
            }
        });
        Profile {
            subject: text("sub").unwrap_or_default(),
            name: text("name").or_else(|| text("preferred_username")),
            email,
            email_verified: verified,
            authoritative,
            image: text("picture"),
            raw: Value::Object(claims),
        }
    }

    fn client(&self, metadata: &Metadata, redirect: Option<&str>) -> Result<Client, ProviderError> {
        let secret = Some(&self.client_secret).filter(|it| !it.is_empty());
        let client = CoreClient::from_provider_metadata(
            metadata.clone(),
            ClientId::new(self.client_id.clone()),
            secret.map(|it| ClientSecret::new(it.clone())),
        );
        // In the form, as Better-Auth has it, unless the provider takes the header alone.
        let methods = metadata.token_endpoint_auth_methods_supported();
        let post = methods.is_none_or(|all| all.contains(&CoreClientAuthMethod::ClientSecretPost));
        let client =
            client.set_auth_type(if post { AuthType::RequestBody } else { AuthType::BasicAuth });
        match redirect {
            Some(redirect) => {
                let url = RedirectUrl::new(redirect.to_owned()).map_err(|error| away(&error))?;
                Ok(client.set_redirect_uri(url))
            }
            None => Ok(client),
        }
    }

    /// The provider's documents: those that we have if they are fresh, or the provider is away.
    async fn metadata(&self) -> Result<Arc<Metadata>, ProviderError> {
        if let Some(held) = self.held() {
            return held;
        }
        let _asking = self.asking.lock().await;
        match self.held() {
            Some(held) => held,
            None => self.fetch().await,
        }
    }

    /// What is known without asking; none if it is time to ask.
    fn held(&self) -> Option<Result<Arc<Metadata>, ProviderError>> {
        let known = self.known();
        let age = self.clock.now().since(known.tried_at?);
        let holds = age >= 0 && age < if known.failing { PAUSE } else { FRESH };
        holds.then(|| {
            let metadata = known.metadata.clone();
            metadata.ok_or_else(|| ProviderError::Away("it did not answer just now".to_owned()))
        })
    }

    /// The documents once more, unless that was just done. The last good ones hold.
    async fn metadata_again(&self) -> Option<Arc<Metadata>> {
        let _asking = self.asking.lock().await;
        let now = self.clock.now();
        if self.known().tried_at.is_some_and(|at| now.since(at) < AGAIN) {
            return self.known().metadata.clone();
        }
        self.fetch().await.ok()
    }

    async fn fetch(&self) -> Result<Arc<Metadata>, ProviderError> {
        let issuer = IssuerUrl::new(self.issuer.clone()).map_err(|error| away(&error))?;
        let fetched = Metadata::discover_async(issuer, &self.wire).await;
        let mut known = self.known();
        (known.tried_at, known.failing) = (Some(self.clock.now()), fetched.is_err());
        match fetched {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                known.metadata = Some(Arc::clone(&metadata));
                Ok(metadata)
            }
            Err(error) => {
                tracing::warn!(issuer = self.issuer, %error, "a provider cannot be asked");
                known.metadata.clone().ok_or_else(|| away(&error))
            }
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tokens_of(response: &CoreTokenResponse, id: Option<String>) -> Tokens {
    Tokens {
        access: Some(response.access_token().secret().clone()),
        refresh: response.refresh_token().map(|it| it.secret().clone()),
        id,
        access_life: response.expires_in().map(|it| it.as_secs()),
        refresh_life: None,
        scopes: response.scopes().map(|all| all.iter().map(|it| it.to_string()).collect()),
    }
}

fn away(error: &dyn std::fmt::Display) -> ProviderError {
    ProviderError::Away(error.to_string())
}

fn token_error<RE: std::error::Error, T: openidconnect::ErrorResponse>(
    error: RequestTokenError<RE, T>,
) -> ProviderError {
    match error {
        RequestTokenError::ServerResponse(answer) => ProviderError::Refused(format!("{answer:?}")),
        RequestTokenError::Parse(error, _) => ProviderError::Invalid(error.to_string()),
        RequestTokenError::Request(error) => away(&error),
        other @ RequestTokenError::Other(_) => away(&other),
    }
}

#[cfg(test)]
mod tests;
