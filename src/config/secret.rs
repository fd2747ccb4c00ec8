//! Values that must not reach a log, an error message or a screen.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

const MASK: &str = "***";

/// A key or a password from the settings. It prints and serialises as `***`; an empty one as
/// nothing, so that "not set" can be told.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The value itself, for the one place that uses it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn masked(&self) -> &'static str {
        if self.0.is_empty() { "" } else { MASK }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.masked())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.masked())
    }
}

/// The address of a server, whose password (and whose query, which may hold one) does not print.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The whole address with its password, for the client that connects.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn masked(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let Ok(mut url) = url::Url::parse(&self.0) else {
            return self.masked_list();
        };
        let hidden = url.password().is_none() || url.set_password(Some(MASK)).is_ok();
        if url.query().is_some() {
            url.set_query(Some(MASK));
        }
        if hidden { url.to_string() } else { MASK.to_owned() }
    }

    /// Several hosts, as `redis+cluster://` has them, are no URL by the book.
    fn masked_list(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else { return MASK.to_owned() };
        let (hosts, query) = match rest.split_once('?') {
            // Which of the two holds a password cannot be told.
            Some((_, behind)) if behind.contains('@') => return format!("{scheme}://{MASK}"),
            Some((hosts, _)) => (hosts, "?***"),
            None => (rest, ""),
        };
        let (login, hosts) =
            hosts.rsplit_once('@').map_or(("", hosts), |(_, hosts)| ("***@", hosts));
        format!("{scheme}://{login}{hosts}{query}")
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_and_serialises_as_stars() {
        let secret = Secret::new("hunter2");

        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(serde_json::to_string(&secret).unwrap(), r#""***""#);
        assert_eq!(serde_json::to_string(&Secret::default()).unwrap(), r#""""#);
    }

    #[test]
    fn an_address_prints_without_its_password_and_query() {
        let address = Address::new("postgres://ada:hunter2@db:5432/school?password=hunter2");

        let printed = format!("{address:?}");

        assert_eq!(printed, "postgres://ada:***@db:5432/school?***");
        assert_eq!(format!("{:?}", Address::new("hunter2 is no address")), "***");
        assert_eq!(format!("{:?}", Address::new("redis://:hunter2@r:6379")), "redis://:***@r:6379");
        let list = Address::new("redis+sentinel://:hunt@er2@a:1,b:2/m?sentinel_password=hunter2");
        assert_eq!(format!("{list:?}"), "redis+sentinel://***@a:1,b:2/m?***");
        let odd = Address::new("redis+sentinel://a:1,b:2/m?sentinel_password=hunt@er2");
        assert_eq!(format!("{odd:?}"), "redis+sentinel://***");
    }
}
