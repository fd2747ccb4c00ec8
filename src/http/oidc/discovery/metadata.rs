//! What stands in the discovery document.

use serde::Serialize;

use crate::domain::oidc::alg::SigningAlg;

type List = Vec<&'static str>;

/// With a secret, or with a key of the client's own.
const CONFIDENTIAL: [&str; 3] = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
/// How clients may sign: what FAPI 2.0 asks for, and RS256, which everybody has.
const BY_CLIENTS: [&str; 5] = ["ES256", "PS256", "RS256", "EdDSA", "Ed25519"];

/// What this OpenID Provider offers and where, as OpenID Connect Discovery 1.0, RFC 8414 and what
/// was registered since name it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Discovery)]
#[expect(clippy::struct_excessive_bools, reason = "the standards' own members")]
pub(super) struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    /// Only where clients may register themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_endpoint: Option<String>,
    introspection_endpoint: String,
    revocation_endpoint: String,
    end_session_endpoint: String,
    pushed_authorization_request_endpoint: String,
    device_authorization_endpoint: String,
    scopes_supported: List,
    response_types_supported: List,
    response_modes_supported: List,
    grant_types_supported: List,
    token_endpoint_auth_methods_supported: List,
    token_endpoint_auth_signing_alg_values_supported: List,
    introspection_endpoint_auth_methods_supported: List,
    introspection_endpoint_auth_signing_alg_values_supported: List,
    revocation_endpoint_auth_methods_supported: List,
    revocation_endpoint_auth_signing_alg_values_supported: List,
    code_challenge_methods_supported: List,
    authorization_response_iss_parameter_supported: bool,
    subject_types_supported: List,
    id_token_signing_alg_values_supported: List,
    claim_types_supported: List,
    claims_supported: List,
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    require_request_uri_registration: bool,
    request_object_signing_alg_values_supported: List,
    require_pushed_authorization_requests: bool,
    prompt_values_supported: List,
    dpop_signing_alg_values_supported: List,
    backchannel_logout_supported: bool,
    backchannel_logout_session_supported: bool,
    acr_values_supported: List,
    display_values_supported: List,
    ui_locales_supported: List,
}

impl Metadata {
    /// `registration`: whether clients may register themselves.
    pub(super) fn new(issuer: &str, registration: bool) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        let any = || [&["none"], &CONFIDENTIAL[..]].concat();
        Self {
            authorization_endpoint: at("/oauth2/authorize"),
            token_endpoint: at("/oauth2/token"),
            userinfo_endpoint: at("/oauth2/userinfo"),
            jwks_uri: at("/jwks"),
            registration_endpoint: registration.then(|| at("/oauth2/register")),
            introspection_endpoint: at("/oauth2/introspect"),
            revocation_endpoint: at("/oauth2/revoke"),
            end_session_endpoint: at("/oauth2/end-session"),
            pushed_authorization_request_endpoint: at("/oauth2/par"),
            device_authorization_endpoint: at("/oauth2/device"),
            issuer: issuer.to_owned(),
            scopes_supported: scopes(),
            response_types_supported: vec!["code"],
            response_modes_supported: vec!["query", "form_post"],
            grant_types_supported: grants(),
            token_endpoint_auth_methods_supported: any(),
            token_endpoint_auth_signing_alg_values_supported: BY_CLIENTS.to_vec(),
            introspection_endpoint_auth_methods_supported: CONFIDENTIAL.to_vec(),
            introspection_endpoint_auth_signing_alg_values_supported: BY_CLIENTS.to_vec(),
            revocation_endpoint_auth_methods_supported: any(),
            revocation_endpoint_auth_signing_alg_values_supported: BY_CLIENTS.to_vec(),
            code_challenge_methods_supported: vec!["S256"],
            authorization_response_iss_parameter_supported: true,
            subject_types_supported: vec!["public"],
            id_token_signing_alg_values_supported: SigningAlg::ALL.map(SigningAlg::as_str).to_vec(),
            claim_types_supported: vec!["normal"],
            claims_supported: claims(),
            claims_parameter_supported: true,
            request_parameter_supported: true,
            request_uri_parameter_supported: false,
            require_request_uri_registration: false,
            request_object_signing_alg_values_supported: BY_CLIENTS.to_vec(),
            require_pushed_authorization_requests: false,
            prompt_values_supported: vec!["none", "login", "consent", "select_account", "create"],
            dpop_signing_alg_values_supported: BY_CLIENTS.to_vec(),
            backchannel_logout_supported: true,
            backchannel_logout_session_supported: true,
            // One factor, two factors.
            acr_values_supported: vec!["1", "2"],
            display_values_supported: vec!["page", "popup"],
            ui_locales_supported: vec!["en", "de", "ar"],
        }
    }
}

fn scopes() -> List {
    vec!["openid", "profile", "email", "offline_access", "tutor", "admin"]
}

fn grants() -> List {
    vec![
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:device_code",
    ]
}

/// In ID tokens or at userinfo. Not all, the standard says: a client may ask for what is not here.
fn claims() -> List {
    vec![
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "nonce",
        "acr",
        "amr",
        "at_hash",
        "sid",
        "name",
        "given_name",
        "family_name",
        "picture",
        "updated_at",
        "email",
        "email_verified",
        "role",
        "stage",
    ]
}
