//! What an app registered about itself (RFC 7591 §2, OpenID Connect Registration §2), and what the
//! operator chose for it.

use serde::{Deserialize, Serialize};

use super::{alg::SigningAlg, scope::Scopes};

/// How an app proves at the token endpoint that it is itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// A public client: it has nothing to prove itself with.
    None,
    #[default]
    ClientSecretBasic,
    ClientSecretPost,
    /// A JWT signed with its own key (RFC 7523).
    PrivateKeyJwt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GrantType {
    #[serde(rename = "authorization_code")]
    AuthorizationCode,
    #[serde(rename = "refresh_token")]
    RefreshToken,
    #[serde(rename = "client_credentials")]
    ClientCredentials,
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationType {
    #[default]
    Web,
    /// On the person's own device (RFC 8252): loopback redirects at any port, schemes of its own.
    Native,
}

/// All of it. Absent fields have the defaults of the standards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "the standards' fields")]
pub struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    pub redirect_uris: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    pub backchannel_logout_session_required: bool,
    pub application_type: ApplicationType,
    pub grant_types: Vec<GrantType>,
    pub response_types: Vec<String>,
    /// What it may ask for. Empty: all but `admin`.
    pub scope: Scopes,
    pub token_endpoint_auth_method: AuthMethod,
    /// The one algorithm of its assertions. None: any that we take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<String>,
    /// Its public keys: here, or at a URL; not both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    pub id_token_signed_response_alg: SigningAlg,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<String>,
    pub require_signed_request_object: bool,
    pub require_pushed_authorization_requests: bool,
    pub dpop_bound_access_tokens: bool,
    /// In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<i64>,
    pub require_auth_time: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub default_acr_values: Vec<String>,
    /// The operator's choices; nobody registers them.
    #[serde(flatten)]
    pub ours: Ours,
}

/// What the operator alone chooses for an app.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ours {
    /// The school's own app: nobody is asked whether she trusts it.
    pub skip_consent: bool,
    /// FAPI 2.0 Security Profile: pushed requests alone, sender-constrained tokens, `aud` of
    /// assertions is the issuer, nothing signed with RS256.
    pub fapi: bool,
    /// The operator knows who runs it. Of others people are told that nobody has checked the name.
    pub verified: bool,
    /// The course that it is bound to: its tokens say the person's stage there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub course: Option<String>,
    /// The API that it is: it may ask about tokens that are for it (RFC 7662 §4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// What it may ask for in its own name. Empty: nothing.
    #[serde(skip_serializing_if = "Scopes::is_empty")]
    pub client_credentials_scopes: Scopes,
}

impl Default for Metadata {
    fn default() -> Self {
        Self {
            client_name: None,
            client_uri: None,
            logo_uri: None,
            tos_uri: None,
            policy_uri: None,
            contacts: Vec::new(),
            software_id: None,
            software_version: None,
            initiate_login_uri: None,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            backchannel_logout_session_required: false,
            application_type: ApplicationType::Web,
            grant_types: vec![GrantType::AuthorizationCode],
            response_types: vec!["code".to_owned()],
            scope: Scopes::default(),
            token_endpoint_auth_method: AuthMethod::default(),
            token_endpoint_auth_signing_alg: None,
            jwks: None,
            jwks_uri: None,
            id_token_signed_response_alg: SigningAlg::default(),
            request_object_signing_alg: None,
            require_signed_request_object: false,
            require_pushed_authorization_requests: false,
            dpop_bound_access_tokens: false,
            default_max_age: None,
            require_auth_time: false,
            default_acr_values: Vec::new(),
            ours: Ours::default(),
        }
    }
}

impl Metadata {
    pub fn may_use(&self, grant: GrantType) -> bool {
        self.grant_types.contains(&grant)
    }

    /// Whether it has nothing to prove itself with.
    pub fn is_public(&self) -> bool {
        self.token_endpoint_auth_method == AuthMethod::None
    }

    /// Whether it may ask for this scope in a person's name.
    pub fn may_ask(&self, scope: &str) -> bool {
        if self.scope.is_empty() { scope != super::scope::ADMIN } else { self.scope.has(scope) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_registered_has_the_standards_defaults() {
        let least: Metadata =
            serde_json::from_str(r#"{"redirect_uris":["https://a.example/cb"]}"#).unwrap();

        assert_eq!(least.token_endpoint_auth_method, AuthMethod::ClientSecretBasic);
        assert_eq!(least.grant_types, [GrantType::AuthorizationCode]);
        assert_eq!(least.response_types, ["code"]);
        assert!(least.may_ask("tutor") && !least.may_ask("admin"));
        let again = serde_json::to_string(&least).unwrap();
        assert_eq!(serde_json::from_str::<Metadata>(&again).unwrap(), least);
    }
}
