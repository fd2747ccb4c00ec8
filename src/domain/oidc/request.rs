//! What an app asks for (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1): read once, refused at the
//! first thing that cannot be.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    client::{GrantType, Metadata},
    scope::{self, Scopes},
};

const LONGEST_NONCE: usize = 512;
const LONGEST_CLAIMS: usize = 8 * 1_024;
const LONGEST_HINT: usize = 512;
const MOST_RESOURCES: usize = 8;
/// BASE64URL of a SHA-256 (RFC 7636 §4.2, RFC 7638 §3).
const DIGEST: usize = 43;

/// What is wrong with a request, as the app is told: a code of the standards' registry, and printable
/// ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: &'static str,
    pub description: Cow<'static, str>,
}

impl Fault {
    pub fn new(code: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self { code, description: description.into() }
    }

    fn invalid(description: &'static str) -> Self {
        Self::new("invalid_request", description)
    }
}

/// What the person is to be asked (OpenID Connect Core §3.1.2.1, Prompt Create 1.0).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the standard's words, which go together")]
pub struct Prompt {
    /// Nothing: what cannot be answered without her is refused.
    pub none: bool,
    pub login: bool,
    pub consent: bool,
    pub select_account: bool,
    pub create: bool,
}

impl Prompt {
    fn read(text: &str) -> Result<Self, Fault> {
        let mut prompt = Self::default();
        let mut words = 0;
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let flag = match word {
                "none" => &mut prompt.none,
                "login" => &mut prompt.login,
                "consent" => &mut prompt.consent,
                "select_account" => &mut prompt.select_account,
                "create" => &mut prompt.create,
                _ => return Err(Fault::invalid("prompt holds a word that is not known.")),
            };
            *flag = true;
            words += 1;
        }
        if prompt.none && words > 1 {
            return Err(Fault::invalid("prompt none stands alone."));
        }
        Ok(prompt)
    }
}

/// What is offered here.
#[derive(Debug, Clone, Copy)]
pub struct Offered<'a> {
    pub client: &'a Metadata,
    /// What tokens may be for (RFC 8707), each an absolute URI.
    pub resources: &'a [String],
}

/// A sound request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthRequest {
    pub scopes: Scopes,
    pub resources: Vec<String>,
    pub claims: Option<Value>,
    pub nonce: Option<String>,
    pub prompt: Prompt,
    /// In seconds.
    pub max_age: Option<i64>,
    /// BASE64URL(SHA-256(verifier)).
    pub challenge: Option<String>,
    pub jkt: Option<String>,
    /// An ID token that we issued.
    pub id_token_hint: Option<String>,
    pub login_hint: Option<String>,
    pub ui_locales: Option<String>,
}

impl AuthRequest {
    /// Reads the parameters by name; where they are answered is [`super::reply::Reply`]'s.
    pub fn read<'a>(
        get: impl Fn(&str) -> Option<&'a str>,
        resources: &[String],
        offered: Offered<'_>,
    ) -> Result<Self, Fault> {
        check_kind(&get, offered.client)?;
        let scopes = scopes(get("scope"), offered.client)?;
        let max_age = match get("max_age") {
            None => offered.client.default_max_age,
            Some(text) => match text.parse::<i64>() {
                Ok(seconds) if seconds >= 0 => Some(seconds),
                _ => return Err(Fault::invalid("max_age is a number of seconds.")),
            },
        };
        let nonce = get("nonce").map(str::to_owned);
        if nonce.as_ref().is_some_and(|nonce| nonce.len() > LONGEST_NONCE) {
            return Err(Fault::invalid("nonce is too long."));
        }
        let jkt = get("dpop_jkt").map(str::to_owned);
        if jkt.as_ref().is_some_and(|jkt| !is_digest(jkt)) {
            return Err(Fault::invalid("dpop_jkt is no SHA-256 thumbprint."));
        }
        let short = |name| get(name).filter(|it| it.len() <= LONGEST_HINT).map(str::to_owned);
        Ok(Self {
            resources: checked_resources(resources, offered.resources)?,
            claims: claims(get("claims"), offered.client)?,
            nonce,
            prompt: Prompt::read(get("prompt").unwrap_or_default())?,
            max_age,
            challenge: challenge(&get, offered.client)?,
            jkt,
            id_token_hint: get("id_token_hint").map(str::to_owned),
            login_hint: short("login_hint"),
            ui_locales: short("ui_locales").or_else(|| short("claims_locales")),
            scopes,
        })
    }

    /// What the person agrees to: scopes, and those whose claims were asked for one by one.
    pub fn told(&self) -> Scopes {
        let mut told = self.scopes.clone();
        for name in self.claims.iter().flat_map(names) {
            if let Some(scope) = scope_of(name) {
                told.add(scope);
            }
        }
        told
    }

    /// Whether it says when or how the person must have proved to be herself.
    pub fn wants_proof(&self) -> bool {
        self.prompt.login || self.max_age.is_some() || self.essential_acr().is_some()
    }

    /// The classes of which one must be reached (OpenID Connect Core §5.5.1.1); none: any will do.
    pub fn essential_acr(&self) -> Option<Vec<String>> {
        let acr = self.claims.as_ref()?.get("id_token")?.get("acr")?;
        if acr.get("essential") != Some(&Value::Bool(true)) {
            return None;
        }
        let one = acr.get("value").and_then(Value::as_str).into_iter();
        let many = acr.get("values").and_then(Value::as_array).into_iter().flatten();
        let all: Vec<_> = one.chain(many.filter_map(Value::as_str)).map(str::to_owned).collect();
        (!all.is_empty()).then_some(all)
    }
}

fn check_kind<'a>(get: &impl Fn(&str) -> Option<&'a str>, client: &Metadata) -> Result<(), Fault> {
    if get("registration").is_some() {
        let text = "Apps do not register with a request.";
        return Err(Fault::new("registration_not_supported", text));
    }
    match get("response_type") {
        None => return Err(Fault::invalid("The parameter response_type is missing.")),
        Some("code") => {}
        Some(_) => {
            let text = "The only response_type is code.";
            return Err(Fault::new("unsupported_response_type", text));
        }
    }
    if !client.may_use(GrantType::AuthorizationCode) {
        let text = "This app did not register for authorization codes.";
        return Err(Fault::new("unauthorized_client", text));
    }
    match get("response_mode") {
        None | Some("query" | "form_post") => Ok(()),
        Some(_) => Err(Fault::invalid("The response_mode is query or form_post.")),
    }
}

/// What is not known is left out (OpenID Connect Core §3.1.2.1); what is known and not the app's to
/// ask for is refused.
fn scopes(text: Option<&str>, client: &Metadata) -> Result<Scopes, Fault> {
    let wrong = |description| Fault::new("invalid_scope", description);
    let asked = Scopes::parse(text.unwrap_or(scope::OPENID))
        .map_err(|_| wrong("A scope has a character that none may have."))?;
    let known = asked.only(|word| scope::ALL.contains(&word));
    if known.is_empty() {
        return Err(wrong("None of the scopes is known here."));
    }
    if known.iter().all(|word| client.may_ask(word)) {
        Ok(known)
    } else {
        Err(wrong("The app did not register for one of these scopes."))
    }
}

/// PKCE (RFC 7636): S256 alone, and without it only for apps that have a secret (attack D3).
fn challenge<'a>(
    get: &impl Fn(&str) -> Option<&'a str>,
    client: &Metadata,
) -> Result<Option<String>, Fault> {
    match (get("code_challenge"), get("code_challenge_method")) {
        (None, None) if client.is_public() || client.ours.fapi => {
            Err(Fault::invalid("A code_challenge is required (PKCE, S256)."))
        }
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Fault::invalid("The parameter code_challenge is missing.")),
        (Some(text), Some("S256")) if is_digest(text) => Ok(Some(text.to_owned())),
        (Some(_), Some("S256")) => Err(Fault::invalid("The code_challenge is no SHA-256.")),
        (Some(_), _) => Err(Fault::invalid("The code_challenge_method is S256.")),
    }
}

fn is_digest(text: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() == DIGEST && text.bytes().all(sound)
}

fn checked_resources(asked: &[String], offered: &[String]) -> Result<Vec<String>, Fault> {
    let mut all: Vec<String> = Vec::new();
    for uri in asked {
        if !offered.contains(uri) {
            let text = "One of the resources is not known here.";
            return Err(Fault::new("invalid_target", text));
        }
        if !all.contains(uri) {
            all.push(uri.clone());
        }
    }
    if all.len() > MOST_RESOURCES {
        return Err(Fault::invalid("These are too many resources."));
    }
    Ok(all)
}

/// The `claims` parameter (OpenID Connect Core §5.5), without what the app may not ask for.
fn claims(text: Option<&str>, client: &Metadata) -> Result<Option<Value>, Fault> {
    let Some(text) = text else { return Ok(None) };
    let wrong = || Fault::invalid("The parameter claims is not as OpenID Connect has it.");
    if text.len() > LONGEST_CLAIMS {
        return Err(wrong());
    }
    let Ok(Value::Object(mut all)) = serde_json::from_str(text) else { return Err(wrong()) };
    for place in ["id_token", "userinfo"] {
        match all.get_mut(place) {
            None | Some(Value::Null) => {}
            Some(Value::Object(claims)) => {
                if !claims.values().all(|it| it.is_null() || it.is_object()) {
                    return Err(wrong());
                }
                claims.retain(|name, _| scope_of(name).is_none_or(|it| client.may_ask(it)));
            }
            Some(_) => return Err(wrong()),
        }
    }
    Ok(Some(Value::Object(all)))
}

fn names(claims: &Value) -> impl Iterator<Item = &str> {
    ["id_token", "userinfo"]
        .into_iter()
        .filter_map(|place| claims.get(place)?.as_object())
        .flat_map(|claims| claims.keys().map(String::as_str))
}

/// The scope that brings a claim too (OpenID Connect Core §5.4).
fn scope_of(claim: &str) -> Option<&'static str> {
    match claim {
        "email" | "email_verified" => Some(scope::EMAIL),
        "name" | "given_name" | "family_name" | "middle_name" | "nickname" | "picture"
        | "preferred_username" | "profile" | "website" | "gender" | "birthdate" | "zoneinfo"
        | "locale" | "updated_at" => Some(scope::PROFILE),
        "role" | "stage" => Some(scope::TUTOR),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::client::AuthMethod, *};

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn read(extra: &[(&str, &str)]) -> Result<AuthRequest, Fault> {
        let client =
            Metadata { token_endpoint_auth_method: AuthMethod::None, ..Metadata::default() };
        let least = [
            ("response_type", "code"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let get = |name: &str| {
            let all = extra.iter().chain(&least);
            all.into_iter().find(|(own, _)| *own == name).map(|(_, it)| *it)
        };
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        AuthRequest::read(get, &[], Offered { client: &client, resources: &[] })
    }

    fn code(extra: &[(&str, &str)]) -> &'static str {
        read(extra).unwrap_err().code
    }

    /// Attack D3.
    #[test]
    fn a_public_app_sends_a_sha_256_challenge() {
        assert_eq!(read(&[]).unwrap().challenge.as_deref(), Some(CHALLENGE));
        for wrong in [
            [("code_challenge", ""), ("code_challenge_method", "")],
            [("code_challenge", CHALLENGE), ("code_challenge_method", "plain")],
            [("code_challenge", CHALLENGE), ("code_challenge_method", "")],
            [("code_challenge", ""), ("code_challenge_method", "S256")],
            [("code_challenge", "short"), ("code_challenge_method", "S256")],
        ] {
            assert_eq!(code(&wrong), "invalid_request", "{wrong:?}");
        }
    }

    #[test]
    fn what_cannot_be_has_the_standards_codes() {
        for (name, value, expected) in [
            ("response_type", "", "invalid_request"),
            ("response_type", "token", "unsupported_response_type"),
            ("response_type", "code id_token", "unsupported_response_type"),
            ("response_mode", "fragment", "invalid_request"),
            ("prompt", "none login", "invalid_request"),
            ("prompt", "sometimes", "invalid_request"),
            ("max_age", "-1", "invalid_request"),
            ("max_age", "soon", "invalid_request"),
            ("registration", "{}", "registration_not_supported"),
            ("claims", "[]", "invalid_request"),
            ("claims", r#"{"id_token":{"acr":1}}"#, "invalid_request"),
            ("scope", "openid admin", "invalid_scope"),
            ("scope", "phone", "invalid_scope"),
            ("dpop_jkt", "x", "invalid_request"),
        ] {
            assert_eq!(code(&[(name, value)]), expected, "{name}={value}");
        }
        assert_eq!(code(&[("nonce", &"n".repeat(513))]), "invalid_request");
        assert!(read(&[("nonce", &"n".repeat(512))]).is_ok());
    }

    #[test]
    fn claims_that_are_asked_for_one_by_one_are_told_as_their_scope_and_essential_ones_are_known() {
        let asked = read(&[
            ("scope", "openid address"),
            ("claims", r#"{"userinfo":{"email":null},"id_token":{"acr":{"essential":true,"values":["2"]}}}"#),
        ])
        .unwrap();

        assert_eq!(asked.scopes.to_string(), "openid");
        assert_eq!(asked.told().to_string(), "openid email");
        assert_eq!(asked.essential_acr(), Some(vec!["2".to_owned()]));
    }
}
