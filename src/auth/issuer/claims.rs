//! What a verified token says, read without trust in its shape: rules alone.

use serde_json::{Map, Value};

use super::Settings;
use crate::{
    domain::{
        clock::{Millis, SECOND},
        email::Email,
        role::Role,
    },
    store::foreign::LONGEST_TOKEN,
};

/// The longest name of a subject (OpenID Connect Core §2), taken for other names too.
const LONGEST_NAME: usize = 255;
const LONGEST_DISPLAY_NAME: usize = 100;
/// A person whose issuer tells no name.
const NAMELESS: &str = "Learner";
const ADMIN_SCOPE: &str = "admin";

/// Why a token opens nothing. For the log of whoever looks into it; the client learns no more than
/// that it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("it is no signed token, or one that asks for what we do not know")]
    Malformed,
    #[error("it is of another type")]
    Type,
    #[error("it names no key, or one that the issuer does not have")]
    Key,
    #[error("its algorithm is not that of the key")]
    Algorithm,
    #[error("its signature does not hold")]
    Signature,
    #[error("it is of another issuer")]
    Issuer,
    #[error("it is for another audience")]
    Audience,
    #[error("it lacks the scope")]
    Scope,
    #[error("it is bound to another key than was proved, or to none")]
    Bound,
    #[error("it has expired, or does not say when it does")]
    Expired,
    #[error("it is not valid yet")]
    NotYet,
    #[error("it does not say when it was issued")]
    IssuedAt,
    #[error("it names no subject that can be kept")]
    Subject,
    #[error("it is no word about a logout")]
    Event,
}

/// How a sign-in at the issuer is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SignIn {
    /// By the issuer (`sid`).
    Named(String),
    /// By us, after what it has that others have not.
    Unnamed(String),
}

/// What an access token vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vouched {
    pub subject: String,
    pub sign_in: SignIn,
    pub issued_at: Millis,
    pub expires: Millis,
    pub may_administer: bool,
    pub name: String,
    /// Only if the issuer has verified it.
    pub email: Option<Email>,
    /// `false` only if the issuer says so: whom it lets in without a word, it vouches for.
    pub verified: bool,
    pub role: Role,
}

/// What a logout token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoggedOut {
    pub subject: Option<String>,
    pub sign_in: Option<String>,
    pub issued_at: Millis,
    pub expires: Millis,
    pub name: String,
}

pub(super) struct Claims(pub(super) Map<String, Value>);

impl Claims {
    /// What everything rests on: issuer, audience, times.
    fn check(&self, settings: &Settings, audience: &str, now: Millis) -> Result<Times, Refused> {
        if self.text("iss") != Some(&settings.url) {
            return Err(Refused::Issuer);
        }
        if !self.texts("aud").any(|one| one == audience) {
            return Err(Refused::Audience);
        }
        let leeway = settings.leeway;
        let issued_at = self.time("iat").map_err(|()| Refused::IssuedAt)?;
        let issued_at = issued_at.ok_or(Refused::IssuedAt)?;
        let expires = self.time("exp").map_err(|()| Refused::Expired)?;
        let expires = expires.ok_or(Refused::Expired)?.min(issued_at.plus(LONGEST_TOKEN));
        let not_before = self.time("nbf").map_err(|()| Refused::NotYet)?.unwrap_or(issued_at);
        if expires.plus(leeway) <= now {
            return Err(Refused::Expired);
        }
        if issued_at.max(not_before) > now.plus(leeway) {
            return Err(Refused::NotYet);
        }
        Ok(Times { issued_at, expires })
    }

    /// Whether it serves whoever holds the key of this thumbprint, or shows none (RFC 9449 §7.1).
    /// What is bound in another way serves nobody, since we see no other proof (RFC 8705 §3).
    pub(super) fn is_held_by(&self, key: Option<&str>) -> bool {
        let Some(bound) = self.0.get("cnf") else { return key.is_none() };
        let only = bound.as_object().filter(|ways| ways.len() == 1);
        let jkt = only.and_then(|ways| ways.get("jkt")).and_then(Value::as_str);
        jkt.is_some() && jkt == key
    }

    pub(super) fn access(&self, settings: &Settings, now: Millis) -> Result<Vouched, Refused> {
        let Times { issued_at, expires } = self.check(settings, &settings.audience, now)?;
        let scopes = || self.text("scope").unwrap_or_default().split(' ');
        if !settings.scope.is_empty() && !scopes().any(|scope| scope == settings.scope) {
            return Err(Refused::Scope);
        }
        let subject = self.name("sub").map_err(|()| Refused::Subject)?.ok_or(Refused::Subject)?;
        let sign_in = match self.name("sid").map_err(|()| Refused::Subject)? {
            Some(sid) => SignIn::Named(sid),
            None => SignIn::Unnamed(self.own_name(issued_at)),
        };
        let verified = self.0.get("email_verified").and_then(Value::as_bool);
        let email = self.text("email").filter(|_| verified == Some(true));
        Ok(Vouched {
            subject,
            sign_in,
            issued_at,
            expires,
            may_administer: scopes().any(|scope| scope == ADMIN_SCOPE),
            name: self.display_name(),
            email: email.and_then(|email| Email::parse(email).ok()),
            verified: verified.unwrap_or(true),
            role: self.role(settings),
        })
    }

    /// OpenID Connect Back-Channel Logout 1.0 §2.6, but for the token's being new.
    pub(super) fn logout(&self, settings: &Settings, now: Millis) -> Result<LoggedOut, Refused> {
        const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
        let Times { issued_at, expires } = self.check(settings, &settings.client_id, now)?;
        let event = self.0.get("events").and_then(|events| events.get(EVENT));
        // With a nonce it could be taken for an ID token, and the other way round.
        if !event.is_some_and(Value::is_object) || self.0.contains_key("nonce") {
            return Err(Refused::Event);
        }
        let subject = self.name("sub").map_err(|()| Refused::Subject)?;
        let sign_in = self.name("sid").map_err(|()| Refused::Subject)?;
        if subject.is_none() && sign_in.is_none() {
            return Err(Refused::Subject);
        }
        let name = self.name("jti").map_err(|()| Refused::Event)?.ok_or(Refused::Event)?;
        Ok(LoggedOut { subject, sign_in, issued_at, expires, name })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A text, or each text of a list.
    fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        texts(self.0.get(name))
    }

    /// A name that can be kept: neither empty nor endless, and without control characters (a NUL
    /// would not even pass PostgreSQL). One that is there and cannot be kept is an error.
    fn name(&self, name: &str) -> Result<Option<String>, ()> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => {
                let good =
                    (1..=LONGEST_NAME).contains(&text.len()) && !text.chars().any(char::is_control);
                if good { Ok(Some(text.clone())) } else { Err(()) }
            }
            Some(_) => Err(()),
        }
    }

    /// Seconds since the epoch; parts of one do not count.
    fn time(&self, name: &str) -> Result<Option<Millis>, ()> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let number = value.as_number().ok_or(())?.to_string();
        let whole = number.split('.').next().unwrap_or_default();
        let seconds: i64 = whole.parse().map_err(|_| ())?;
        Ok(Some(Millis(seconds.saturating_mul(SECOND))))
    }

    /// Tokens without a `sid` are of one sign-in if it began at one time; else each is its own.
    fn own_name(&self, issued_at: Millis) -> String {
        match (self.0.get("auth_time"), self.text("jti")) {
            (Some(Value::Number(time)), _) => format!("auth_time {time}"),
            (_, Some(jti)) => format!("jti {jti}"),
            _ => format!("iat {}", issued_at.0),
        }
    }

    fn display_name(&self) -> String {
        let named = self.text("name").or_else(|| self.text("preferred_username"));
        let plain: String = named
            .unwrap_or_default()
            .trim()
            .chars()
            .filter(|c| !c.is_control())
            .take(LONGEST_DISPLAY_NAME)
            .collect();
        if plain.is_empty() { NAMELESS.to_owned() } else { plain }
    }

    fn role(&self, settings: &Settings) -> Role {
        let path = settings.roles_claim.as_str();
        let inner = || {
            let mut steps = path.split('.');
            let first = self.0.get(steps.next()?)?;
            steps.try_fold(first, |value, step| value.get(step))
        };
        let found = self.0.get(path).or_else(inner);
        let roles = texts(found).filter_map(|text| settings.role_of(text));
        roles.max().unwrap_or(Role::Student)
    }
}

struct Times {
    issued_at: Millis,
    expires: Millis,
}

fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let one = value.and_then(Value::as_str);
    let many = value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    one.into_iter().chain(many)
}
