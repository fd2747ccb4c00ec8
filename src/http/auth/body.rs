//! The fields of a call, from JSON or a form, checked one by one with Better-Auth's words.

use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    error::PayloadError,
    http::{StatusCode, header},
    web::Bytes,
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use super::error::Refusal;
use crate::{
    auth::Auth,
    domain::{email::Email, password::Password, return_url::ReturnUrl},
    store::users::Image,
};

/// What a caller sent. Every field is taken out by name; [`Fields::finish`] refuses the rest.
#[derive(Debug)]
pub(crate) struct Fields {
    map: Map<String, Value>,
    issues: Vec<String>,
}

impl FromRequest for Fields {
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refusal>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        let bytes = Bytes::from_request(request, payload);
        Box::pin(async move {
            let bytes = bytes.await.map_err(|error| match error.as_error::<PayloadError>() {
                Some(PayloadError::Overflow) | None => Refusal::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "PAYLOAD_TOO_LARGE",
                    "The body is too large",
                ),
                Some(other) => Refusal::bad("INVALID_REQUEST", other.to_string()),
            })?;
            Self::parse(kind.as_deref(), &bytes)
        })
    }
}

impl Fields {
    fn parse(kind: Option<&str>, bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.is_empty() {
            let message = "[body] Invalid input: expected object, received undefined";
            return Err(Refusal::validation(message));
        }
        let mut twice = Vec::new();
        let value = match kind {
            Some("application/json") => {
                let read: Read = serde_json::from_slice(bytes)
                    .map_err(|_| Refusal::bad("INVALID_JSON", "Invalid JSON in request body"))?;
                twice = read.twice;
                read.value
            }
            Some("application/x-www-form-urlencoded") => {
                let pairs = url::form_urlencoded::parse(bytes);
                let mut map = Map::new();
                for (name, text) in pairs {
                    let text = Value::from(text.into_owned());
                    if map.insert(name.clone().into_owned(), text).is_some() {
                        twice.push(name.into_owned());
                    }
                }
                Value::Object(map)
            }
            other => return Err(unsupported(other)),
        };
        match value {
            Value::Object(map) => {
                let issue = |name: &String| format!("[body] Invalid input: {name:?} stands twice");
                Ok(Self { map, issues: twice.iter().map(issue).collect() })
            }
            other => Err(Refusal::validation(format!(
                "[body] Invalid input: expected object, received {}",
                kind_of(Some(&other))
            ))),
        }
    }

    /// A field that must be there.
    pub(crate) fn text(&mut self, name: &str) -> String {
        match self.map.remove(name) {
            Some(Value::String(text)) => self.without_controls(name, text),
            other => self.wrong(name, "string", other.as_ref()),
        }
    }

    pub(crate) fn optional_text(&mut self, name: &str) -> Option<String> {
        match self.map.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(self.without_controls(name, text)),
            other => Some(self.wrong(name, "string", other.as_ref())),
        }
    }

    pub(crate) fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.map.remove(name) {
            None | Some(Value::Null) => default,
            Some(Value::Bool(flag)) => flag,
            Some(Value::String(text)) if text == "true" || text == "false" => text == "true",
            other => {
                self.wrong(name, "boolean", other.as_ref());
                default
            }
        }
    }

    /// A list of texts; none where it is absent.
    pub(crate) fn texts(&mut self, name: &str) -> Vec<String> {
        let list = match self.map.remove(name) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(list)) => list,
            other => {
                self.wrong(name, "array", other.as_ref());
                return Vec::new();
            }
        };
        list.into_iter()
            .map(|value| match value {
                Value::String(text) => self.without_controls(name, text),
                other => self.wrong(name, "string", Some(&other)),
            })
            .collect()
    }

    /// Fields within a field.
    pub(crate) fn nested(&mut self, name: &str) -> Option<Self> {
        match self.map.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::Object(map)) => Some(Self { map, issues: Vec::new() }),
            other => {
                self.wrong(name, "object", other.as_ref());
                None
            }
        }
    }

    /// An object that somebody else reads.
    pub(crate) fn object(&mut self, name: &str) -> Value {
        match self.map.remove(name) {
            Some(value @ Value::Object(_)) => value,
            other => {
                self.wrong(name, "object", other.as_ref());
                Value::Null
            }
        }
    }

    /// Any characters, a NUL too; its length is checked before anything else is done with it.
    pub(crate) fn password(&mut self, name: &str) -> Result<Option<Password>, Refusal> {
        match self.map.remove(name) {
            Some(Value::String(text)) => Password::parse(&text)
                .map(Some)
                .map_err(|_| Refusal::bad("PASSWORD_TOO_LONG", "Password too long")),
            other => {
                self.wrong(name, "string", other.as_ref());
                Ok(None)
            }
        }
    }

    /// A password that may be left out.
    pub(crate) fn optional_password(&mut self, name: &str) -> Result<Option<Password>, Refusal> {
        match self.map.get(name) {
            None | Some(Value::Null) => {
                self.map.remove(name);
                Ok(None)
            }
            Some(_) => self.password(name),
        }
    }

    /// An address, or the issue that it is none.
    pub(crate) fn email(&mut self, name: &str) -> Option<Email> {
        let before = self.issues.len();
        let text = self.text(name);
        let email = Email::parse(&text).ok();
        if email.is_none() && self.issues.len() == before {
            self.issues.push(format!("[body.{name}] Invalid email address"));
        }
        email
    }

    /// Where to go in the end; `/` by default.
    pub(crate) fn callback(&mut self, auth: &Auth) -> Result<Option<ReturnUrl>, Refusal> {
        self.optional_text("callbackURL").map(|text| callback(&text, auth)).transpose()
    }

    /// Nothing where the field is absent; `null` takes the image away.
    pub(crate) fn image(&mut self, name: &str) -> Option<Image> {
        let there = self.map.contains_key(name);
        there.then(|| self.optional_text(name).map_or(Image::None, Image::At))
    }

    /// A field of any kind, as it came.
    pub(crate) fn value(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    /// Notes what is wrong with a field that was taken as it came.
    pub(crate) fn issue(&mut self, name: &str, expected: &str) {
        self.issues.push(format!("[body.{name}] Invalid input: expected {expected}"));
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// The names of fields that nobody took.
    pub(crate) fn left(&self) -> impl Iterator<Item = &str> {
        self.map.keys().map(String::as_str)
    }

    /// Refuses fields that nobody took: of a person, what she may not set herself.
    pub(crate) fn none_left(&self) -> Result<(), Refusal> {
        match self.map.keys().next() {
            None => Ok(()),
            Some(field) => Err(Refusal::bad(
                "FIELD_NOT_ALLOWED",
                format!("{} is not allowed to be set", field.escape_default()),
            )),
        }
    }

    /// All that was wrong, in one refusal.
    pub(crate) fn finish(mut self) -> Result<(), Refusal> {
        let left: Vec<_> = self.map.keys().map(|name| format!("{name:?}")).collect();
        if !left.is_empty() {
            let keys = if left.len() == 1 { "key" } else { "keys" };
            self.issues.push(format!("[body] Unrecognized {keys}: {}", left.join(", ")));
        }
        if self.issues.is_empty() {
            Ok(())
        } else {
            Err(Refusal::validation(self.issues.join("; ")))
        }
    }

    /// No name or address has control characters: they end headers, and PostgreSQL takes no NUL.
    fn without_controls(&mut self, name: &str, text: String) -> String {
        if text.chars().any(char::is_control) {
            self.issues.push(format!("[body.{name}] Invalid input: control characters"));
            return String::new();
        }
        text
    }

    fn wrong(&mut self, name: &str, expected: &str, found: Option<&Value>) -> String {
        let found = kind_of(found);
        self.issues
            .push(format!("[body.{name}] Invalid input: expected {expected}, received {found}"));
        String::new()
    }
}

/// JSON, and which keys its outermost object has twice: programs disagree on which of two counts, so
/// none does (attack A15).
#[derive(Default)]
struct Read {
    value: Value,
    twice: Vec<String>,
}

impl From<Value> for Read {
    fn from(value: Value) -> Self {
        Self { value, twice: Vec::new() }
    }
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Outermost;

        impl<'de> Visitor<'de> for Outermost {
            type Value = Read;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Read, A::Error> {
                let (mut map, mut twice) = (Map::new(), Vec::new());
                while let Some((key, value)) = entries.next_entry::<String, Value>()? {
                    if map.insert(key.clone(), value).is_some() {
                        twice.push(key);
                    }
                }
                Ok(Read { value: Value::Object(map), twice })
            }

            // What is no object is refused, whatever it holds.
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Read, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Value::Array(Vec::new()).into())
            }

            fn visit_str<E>(self, text: &str) -> Result<Read, E> {
                Ok(Value::from(text).into())
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Read, E> {
                Ok(Value::from(flag).into())
            }

            fn visit_u64<E>(self, number: u64) -> Result<Read, E> {
                Ok(Value::from(number).into())
            }

            fn visit_i64<E>(self, number: i64) -> Result<Read, E> {
                Ok(Value::from(number).into())
            }

            fn visit_f64<E>(self, number: f64) -> Result<Read, E> {
                Ok(Value::from(number).into())
            }

            fn visit_unit<E>(self) -> Result<Read, E> {
                Ok(Read::default())
            }
        }

        deserializer.deserialize_any(Outermost)
    }
}

/// The JSON object in a body; none if it is something else, or has a key twice.
pub(in crate::http) fn object_of(json: &[u8]) -> Option<Map<String, Value>> {
    let read: Read = serde_json::from_slice(json).ok()?;
    match read.value {
        Value::Object(map) if read.twice.is_empty() => Some(map),
        _ => None,
    }
}

pub(crate) fn callback(text: &str, auth: &Auth) -> Result<ReturnUrl, Refusal> {
    ReturnUrl::parse(text, auth.origins())
        .map_err(|_| Refusal::forbidden("INVALID_CALLBACK_URL", "Invalid callbackURL"))
}

fn unsupported(kind: Option<&str>) -> Refusal {
    let message = format!(
        "Content-Type \"{}\" is not allowed. Allowed types: application/json, \
         application/x-www-form-urlencoded",
        kind.unwrap_or_default().escape_default()
    );
    Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message)
}

fn kind_of(value: Option<&Value>) -> &'static str {
    match value {
        None => "undefined",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "boolean",
        Some(Value::Number(_)) => "number",
        Some(Value::String(_)) => "string",
        Some(Value::Array(_)) => "array",
        Some(Value::Object(_)) => "object",
    }
}
