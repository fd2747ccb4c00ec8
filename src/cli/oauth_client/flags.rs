//! A flag for each member of an app's metadata, under the member's own name.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::cli::Failure;

/// What the flags say. What is absent is not meant; an empty text takes a member away.
#[derive(Debug, Default, clap::Args, Serialize)]
pub(super) struct Flags {
    /// What people are told.
    #[arg(long = "name", value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    client_name: Option<String>,
    /// Where the browser is sent back to. May stand several times, as all flags of lists may.
    #[arg(long = "redirect-uri", value_name = "URI")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    redirect_uris: Vec<String>,
    /// Where people may be sent after they signed out.
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    post_logout_redirect_uris: Vec<String>,
    /// web, or native: on the person's own device.
    #[arg(long = "type", value_name = "TYPE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    application_type: Option<String>,
    /// `none`, `client_secret_basic`, `client_secret_post` or `private_key_jwt`.
    #[arg(long = "auth-method", value_name = "METHOD")]
    #[serde(skip_serializing_if = "Option::is_none")]
    token_endpoint_auth_method: Option<String>,
    /// The one algorithm of its assertions.
    #[arg(long = "auth-signing-alg", value_name = "ALG")]
    #[serde(skip_serializing_if = "Option::is_none")]
    token_endpoint_auth_signing_alg: Option<String>,
    /// `authorization_code`, `refresh_token`, `client_credentials`, or the device grant's URN.
    #[arg(long = "grant-type", value_name = "TYPE")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    grant_types: Vec<String>,
    #[arg(long = "response-type", value_name = "TYPE")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    response_types: Vec<String>,
    /// What it may ask people for, with spaces between; all but admin if absent.
    #[arg(long, value_name = "SCOPES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// A file with its public keys (JSON Web Key Set).
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    #[serde(skip)]
    jwks: Option<PathBuf>,
    /// Where its public keys are.
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
    /// RS256, ES256 or `EdDSA`.
    #[arg(long = "id-token-alg", value_name = "ALG")]
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token_signed_response_alg: Option<String>,
    #[arg(long = "request-object-alg", value_name = "ALG")]
    #[serde(skip_serializing_if = "Option::is_none")]
    request_object_signing_alg: Option<String>,
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    require_signed_request_object: Option<bool>,
    #[arg(long = "require-par", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    require_pushed_authorization_requests: Option<bool>,
    /// Its tokens are bound to a key of its own (`DPoP`).
    #[arg(long = "dpop", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    dpop_bound_access_tokens: Option<bool>,
    /// Seconds after which people prove themselves again.
    #[arg(long, value_name = "S")]
    #[serde(skip_serializing_if = "Option::is_none")]
    default_max_age: Option<i64>,
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    require_auth_time: Option<bool>,
    #[arg(long = "acr", value_name = "VALUE")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    default_acr_values: Vec<String>,
    /// Where it is told that somebody signed out.
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    backchannel_logout_uri: Option<String>,
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    backchannel_logout_session_required: Option<bool>,
    /// Where a sign-in by another site begins.
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    initiate_login_uri: Option<String>,
    /// Its own page.
    #[arg(long = "uri", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    client_uri: Option<String>,
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    logo_uri: Option<String>,
    /// Its terms of service.
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    tos_uri: Option<String>,
    /// What it does with people's data.
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_uri: Option<String>,
    /// The address of somebody who answers for it.
    #[arg(long = "contact", value_name = "EMAIL")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contacts: Vec<String>,
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    software_id: Option<String>,
    #[arg(long, value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    software_version: Option<String>,
    /// The school's own app: nobody is asked whether she trusts it.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    skip_consent: Option<bool>,
    /// You know who runs it (true for those made here). Of others people are warned.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
    /// The rules of FAPI 2.0: pushed requests alone, tokens bound to a key, nothing signed with RS256.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    fapi: Option<bool>,
    /// The course that it is bound to: its tokens say the person's stage there.
    #[arg(long, value_name = "ID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    course: Option<String>,
    /// The API that it is, one of oidc.resources: it may ask about tokens that are for it.
    #[arg(long, value_name = "URI")]
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    /// What it may ask for in its own name.
    #[arg(long = "client-credentials-scope", value_name = "SCOPE")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    client_credentials_scopes: Vec<String>,
    /// Shut out from the beginning.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled: Option<bool>,
}

impl Flags {
    /// As members of RFC 7591's metadata.
    pub(super) fn read(self) -> Result<Map<String, Value>, Failure> {
        let mut members = match serde_json::to_value(&self)? {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        for value in members.values_mut() {
            let empty = match value {
                Value::String(text) => text.is_empty(),
                Value::Array(list) => list.iter().all(|it| it.as_str() == Some("")),
                _ => false,
            };
            if empty {
                *value = Value::Null;
            }
        }
        if let Some(path) = &self.jwks {
            let cannot = |error: &dyn std::fmt::Display| {
                Failure::new(format!("{} is no JSON Web Key Set: {error}", path.display()))
            };
            let text = std::fs::read_to_string(path).map_err(|error| cannot(&error))?;
            let keys: Value = serde_json::from_str(&text).map_err(|error| cannot(&error))?;
            members.insert("jwks".to_owned(), keys);
        }
        Ok(members)
    }
}
