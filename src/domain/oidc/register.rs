//! Reads what an app says of itself (RFC 7591 §2, OpenID Connect Registration §2) into
//! [`Metadata`]. What we do not know is ignored, as the RFC wants it; what we know and cannot keep
//! is refused by its name.

use serde_json::{Map, Value};

use super::{
    client::{ApplicationType, AuthMethod, GrantType, Metadata},
    fields::Fields,
    redirect,
    scope::{self, Scopes},
};

/// Algorithms of what apps sign: assertions, request objects, proofs. `Ed25519` is RFC 9864's name
/// of what was `EdDSA`.
pub const APP_ALGS: [&str; 5] = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"];

/// The token endpoint's words for its flows, as they are registered.
const CODE: &str = "code";

const MOST_URIS: usize = 50;
const MOST_KEYS: usize = 20;
/// Bytes of inline keys.
const MOST_JWKS: usize = 16 * 1_024;
/// A day more than ten years, in seconds.
const MOST_AGE: i64 = 316_000_000;

/// What cannot be registered, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct Fault {
    /// The member of the metadata.
    pub field: String,
    pub why: String,
}

impl Fault {
    pub fn new(field: &str, why: impl Into<String>) -> Self {
        Self { field: field.to_owned(), why: why.into() }
    }

    /// The code of RFC 7591 §3.2.2.
    pub fn code(&self) -> &'static str {
        match self.field.as_str() {
            "redirect_uris" => "invalid_redirect_uri",
            "software_statement" => "unapproved_software_statement",
            _ => "invalid_client_metadata",
        }
    }
}

/// What whoever registers may register.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules<'a> {
    /// An operator's word: a web app on this machine, the scope `admin`.
    pub trusted: bool,
    /// Whether the server calls an app's addresses on this machine.
    pub local: bool,
    /// Whether the app may act in its own name.
    pub own_name: bool,
    /// What stands already: it was allowed once, by whomever.
    pub before: Option<&'a Metadata>,
}

/// Reads all that an app says of itself. The operator's choices are never in it.
pub fn read(given: &Map<String, Value>, rules: Rules<'_>) -> Result<Metadata, Fault> {
    refuse_unkept(given)?;
    let fields = Fields(given);
    let standard = Metadata::default();
    let application_type = fields.one_of("application_type")?.unwrap_or(ApplicationType::Web);
    let method = fields.one_of("token_endpoint_auth_method")?.unwrap_or_default();
    let local = rules.trusted || rules.local;
    let url = |name: &str| fields.url(name, local);
    let mut metadata = Metadata {
        client_name: fields.text("client_name")?,
        client_uri: url("client_uri")?,
        logo_uri: url("logo_uri")?,
        tos_uri: url("tos_uri")?,
        policy_uri: url("policy_uri")?,
        contacts: fields.texts("contacts", 10)?.unwrap_or_default(),
        software_id: fields.text("software_id")?,
        software_version: fields.text("software_version")?,
        initiate_login_uri: url("initiate_login_uri")?,
        redirect_uris: fields.texts("redirect_uris", MOST_URIS)?.unwrap_or_default(),
        post_logout_redirect_uris: fields
            .texts("post_logout_redirect_uris", MOST_URIS)?
            .unwrap_or_default(),
        backchannel_logout_uri: url("backchannel_logout_uri")?,
        backchannel_logout_session_required: fields.flag("backchannel_logout_session_required")?,
        application_type,
        grant_types: fields.known("grant_types")?.unwrap_or(standard.grant_types),
        response_types: fields.texts("response_types", 10)?.unwrap_or_default(),
        scope: fields.scopes("scope")?.unwrap_or_default(),
        token_endpoint_auth_method: method,
        token_endpoint_auth_signing_alg: fields.alg("token_endpoint_auth_signing_alg")?,
        jwks: keys(given.get("jwks"))?,
        jwks_uri: url("jwks_uri")?,
        id_token_signed_response_alg: fields
            .one_of("id_token_signed_response_alg")?
            .unwrap_or_default(),
        request_object_signing_alg: fields.alg("request_object_signing_alg")?,
        require_signed_request_object: fields.flag("require_signed_request_object")?,
        require_pushed_authorization_requests: fields
            .flag("require_pushed_authorization_requests")?,
        dpop_bound_access_tokens: fields.flag("dpop_bound_access_tokens")?,
        default_max_age: fields.seconds("default_max_age", MOST_AGE)?,
        require_auth_time: fields.flag("require_auth_time")?,
        default_acr_values: fields.texts("default_acr_values", 10)?.unwrap_or_default(),
        ours: rules.before.map(|before| before.ours.clone()).unwrap_or_default(),
    };
    check_uris(&metadata, rules)?;
    let named = given.get("response_types").is_some_and(|it| !it.is_null());
    settle_flows(&mut metadata, named, rules)?;
    check_keys(&metadata)?;
    check_scope(&metadata.scope, rules)?;
    Ok(metadata)
}

/// What we could only pretend to do.
fn refuse_unkept(given: &Map<String, Value>) -> Result<(), Fault> {
    let there = |name: &&str| given.get(*name).is_some_and(|value| !value.is_null());
    if there(&"software_statement") {
        return Err(Fault::new("software_statement", "software statements are not taken"));
    }
    if let Some(kind) = given.get("subject_type").filter(|kind| !kind.is_null())
        && kind.as_str() != Some("public")
    {
        return Err(Fault::new("subject_type", "public is the only one"));
    }
    let unkept = [
        "id_token_encrypted_response_alg",
        "id_token_encrypted_response_enc",
        "userinfo_signed_response_alg",
        "userinfo_encrypted_response_alg",
        "userinfo_encrypted_response_enc",
        "request_object_encryption_alg",
        "request_object_encryption_enc",
        "introspection_signed_response_alg",
        "introspection_encrypted_response_alg",
        "authorization_signed_response_alg",
        "authorization_encrypted_response_alg",
    ];
    match unkept.iter().find(|name| there(name)) {
        Some(name) => Err(Fault::new(name, "such answers are not made here: leave it out")),
        None => Ok(()),
    }
}

fn check_uris(metadata: &Metadata, rules: Rules<'_>) -> Result<(), Fault> {
    let kind = metadata.application_type;
    for (field, uris, of_before) in [
        ("redirect_uris", &metadata.redirect_uris, rules.before.map(|it| &it.redirect_uris)),
        (
            "post_logout_redirect_uris",
            &metadata.post_logout_redirect_uris,
            rules.before.map(|it| &it.post_logout_redirect_uris),
        ),
    ] {
        let same_kind = rules.before.is_some_and(|it| it.application_type == kind);
        for uri in uris {
            let stands = same_kind && of_before.is_some_and(|before| before.contains(uri));
            if !stands {
                redirect::check(uri, kind, rules.trusted).map_err(|why| Fault::new(field, why))?;
            }
        }
    }
    let needed = metadata.may_use(GrantType::AuthorizationCode);
    if needed && metadata.redirect_uris.is_empty() {
        return Err(Fault::new("redirect_uris", "name at least one, to which people come back"));
    }
    Ok(())
}

/// Flows and answers must fit together (RFC 7591 §2.1).
fn settle_flows(metadata: &mut Metadata, named: bool, rules: Rules<'_>) -> Result<(), Fault> {
    let with_code = metadata.may_use(GrantType::AuthorizationCode);
    if !named && with_code {
        metadata.response_types = vec![CODE.to_owned()];
    }
    if metadata.response_types.iter().any(|it| it != CODE) {
        return Err(Fault::new("response_types", "code is the only one"));
    }
    if metadata.response_types.is_empty() == with_code {
        let why = "code belongs to the grant type authorization_code, and that to it";
        return Err(Fault::new("response_types", why));
    }
    metadata.response_types.truncate(1);
    let fault = |why: &str| Err(Fault::new("grant_types", why));
    if metadata.grant_types.is_empty() {
        return fault("name at least one");
    }
    let for_people = with_code || metadata.may_use(GrantType::DeviceCode);
    if metadata.may_use(GrantType::RefreshToken) && !for_people {
        return fault("refresh_token goes with authorization_code or the device's grant");
    }
    if metadata.may_use(GrantType::ClientCredentials) {
        if metadata.is_public() {
            return fault("client_credentials needs a way to prove who it is");
        }
        let stands = rules.before.is_some_and(|it| it.may_use(GrantType::ClientCredentials));
        if !rules.own_name && !stands {
            return fault("client_credentials is for apps that somebody of the school registers");
        }
    }
    Ok(())
}

fn check_keys(metadata: &Metadata) -> Result<(), Fault> {
    if metadata.jwks.is_some() && metadata.jwks_uri.is_some() {
        return Err(Fault::new("jwks_uri", "keys stand here or there, not in both places"));
    }
    let keyless = metadata.jwks.is_none() && metadata.jwks_uri.is_none();
    if keyless && metadata.token_endpoint_auth_method == AuthMethod::PrivateKeyJwt {
        return Err(Fault::new("jwks", "private_key_jwt needs the public key: jwks or jwks_uri"));
    }
    let signs = metadata.require_signed_request_object;
    if keyless && (signs || metadata.request_object_signing_alg.is_some()) {
        return Err(Fault::new("jwks", "signed requests need the public key: jwks or jwks_uri"));
    }
    Ok(())
}

fn check_scope(scopes: &Scopes, rules: Rules<'_>) -> Result<(), Fault> {
    for word in scopes.iter() {
        if !scope::ALL.contains(&word) {
            return Err(Fault::new("scope", format!("there is no {word}")));
        }
    }
    let stands = rules.before.is_some_and(|it| it.scope.has(scope::ADMIN));
    if scopes.has(scope::ADMIN) && !rules.trusted && !stands {
        return Err(Fault::new("scope", "an admin alone gives the scope admin"));
    }
    Ok(())
}

/// Public keys; with a private or a symmetric one among them, none.
fn keys(given: Option<&Value>) -> Result<Option<Value>, Fault> {
    let fault = |why: &str| Err(Fault::new("jwks", why));
    let Some(set) = given.filter(|value| !value.is_null()) else { return Ok(None) };
    let Some(Value::Array(keys)) = set.as_object().and_then(|set| set.get("keys")) else {
        return fault("a JSON Web Key Set has a list of keys");
    };
    if keys.is_empty() || keys.len() > MOST_KEYS || set.to_string().len() > MOST_JWKS {
        return fault("there are none, or too many");
    }
    for key in keys {
        let Some(key) = key.as_object() else { return fault("each key is an object") };
        if !matches!(key.get("kty").and_then(Value::as_str), Some("RSA" | "EC" | "OKP")) {
            return fault("keys are RSA, EC or OKP; a shared one is no public key");
        }
        let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];
        if private.iter().any(|name| key.contains_key(*name)) {
            return fault("it has a private key, which must never leave the app: make a new one");
        }
    }
    Ok(Some(set.clone()))
}

/// Reads the operator's choices; what is not there stays as it was.
pub fn read_ours(given: &Map<String, Value>, metadata: &mut Metadata) -> Result<(), Fault> {
    let fields = Fields(given);
    let ours = &mut metadata.ours;
    for (name, own) in [
        ("skip_consent", &mut ours.skip_consent),
        ("fapi", &mut ours.fapi),
        ("verified", &mut ours.verified),
    ] {
        if given.contains_key(name) {
            *own = fields.flag(name)?;
        }
    }
    if given.contains_key("course") {
        ours.course = fields.text("course")?;
    }
    if given.contains_key("resource") {
        ours.resource = fields.text("resource")?;
    }
    let machine = "client_credentials_scopes";
    if given.contains_key(machine) {
        ours.client_credentials_scopes = fields.scopes(machine)?.unwrap_or_default();
    }
    for word in ours.client_credentials_scopes.iter() {
        let of_people = [scope::OPENID, scope::PROFILE, scope::EMAIL, scope::OFFLINE_ACCESS];
        if !scope::ALL.contains(&word) || of_people.contains(&word) {
            return Err(Fault::new(machine, format!("{word} is nothing that an app has itself")));
        }
    }
    Ok(())
}

/// Metadata as it is sent, with each default said. `all`: the operator's choices too.
pub fn write(metadata: &Metadata, all: bool) -> Map<String, Value> {
    let mut map = match serde_json::to_value(metadata) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    };
    let scope = if metadata.scope.is_empty() {
        scope::ALL.into_iter().filter(|word| metadata.may_ask(word)).collect::<Vec<_>>().join(" ")
    } else {
        metadata.scope.to_string()
    };
    map.insert("scope".to_owned(), scope.into());
    map.insert("subject_type".to_owned(), "public".into());
    if !all {
        for name in OURS {
            map.remove(name);
        }
    }
    map
}

/// The members that are the operator's.
pub const OURS: [&str; 6] =
    ["skip_consent", "fapi", "verified", "course", "resource", "client_credentials_scopes"];

#[cfg(test)]
#[path = "register_tests.rs"]
mod tests;
