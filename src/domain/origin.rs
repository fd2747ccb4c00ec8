//! Which web pages may act for a signed-in person: an exact list of origins.

use std::fmt;

use url::{Host, Url};

/// Scheme, host and port of a page, as browsers write them (RFC 6454 §6.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
    loopback: bool,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no origin: write http(s)://host[:port] and nothing behind it")]
pub struct NotAnOrigin(String);

impl Origin {
    /// Takes `scheme://host[:port]`; a path, query, user or other scheme is refused.
    pub fn parse(text: &str) -> Result<Self, NotAnOrigin> {
        let refused = || NotAnOrigin(text.to_owned());
        let url = Url::parse(text).map_err(|_| refused())?;
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && !text.contains(['\\', '@'])
            && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        if !bare {
            return Err(refused());
        }
        Self::of(&url).ok_or_else(refused)
    }

    /// The origin of any http or https URL.
    pub fn of(url: &Url) -> Option<Self> {
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let host = url.host()?;
        let loopback = match &host {
            Host::Domain(name) => *name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        let port = url.port_or_known_default()?;
        Some(Self { scheme: url.scheme().to_owned(), host: host.to_string(), port, loopback })
    }

    pub fn is_https(&self) -> bool {
        self.scheme == "https"
    }

    pub const fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        match (self.scheme.as_str(), self.port) {
            ("http", 80) | ("https", 443) => Ok(()),
            (_, port) => write!(f, ":{port}"),
        }
    }
}

/// The pages that may send a person's cookie along: our own and those the operator lists.
#[derive(Debug, Clone)]
pub struct Origins {
    own: Origin,
    others: Vec<Origin>,
}

impl Origins {
    pub const fn new(own: Origin, others: Vec<Origin>) -> Self {
        Self { own, others }
    }

    pub const fn own(&self) -> &Origin {
        &self.own
    }

    pub fn others(&self) -> &[Origin] {
        &self.others
    }

    /// Scheme, host and port must be equal. Where the public URL is on this machine, `localhost`,
    /// `127.0.0.1` and `[::1]` are one host (at the same scheme and port): people type either, and
    /// no other machine can serve a page from there.
    pub fn allow(&self, text: &str) -> bool {
        Origin::parse(text).is_ok_and(|origin| self.allow_origin(&origin))
    }

    pub fn allow_origin(&self, origin: &Origin) -> bool {
        self.is_own(origin) || self.others.contains(origin)
    }

    /// Whether it is this server itself, on this machine by any of its names.
    pub fn is_own(&self, origin: &Origin) -> bool {
        let same_machine = self.own.loopback
            && origin.loopback
            && (&self.own.scheme, self.own.port) == (&origin.scheme, origin.port);
        same_machine || *origin == self.own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(own: &str, others: &[&str]) -> Origins {
        let others = others.iter().map(|text| Origin::parse(text).unwrap()).collect();
        Origins::new(Origin::parse(own).unwrap(), others)
    }

    #[test]
    fn only_the_exact_scheme_host_and_port_are_allowed() {
        let list = origins("https://school.example", &["https://app.example:8443"]);

        assert!(list.allow("https://school.example"));
        assert!(list.allow("https://school.example:443"));
        assert!(list.allow("https://app.example:8443"));
        for foreign in [
            "http://school.example",
            "https://school.example:444",
            "https://school.example.evil",
            "https://evil.school.example",
            "https://school.example@evil",
            "https://school.example/path",
            "https://app.example",
            "null",
            "",
            "file://",
        ] {
            assert!(!list.allow(foreign), "{foreign}");
        }
    }

    #[test]
    fn localhost_and_its_addresses_are_one_host_on_a_loopback_server_only() {
        let local = origins("http://localhost:8080", &[]);
        assert!(local.allow("http://127.0.0.1:8080"));
        assert!(local.allow("http://[::1]:8080"));
        assert!(!local.allow("http://127.0.0.1:8081"));
        assert!(!local.allow("https://localhost:8080"));

        let public = origins("https://school.example", &[]);
        assert!(!public.allow("http://localhost:443"));
        assert!(!public.allow("https://localhost"));
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        assert_eq!(Origin::parse("HTTP://LocalHost:80").unwrap().to_string(), "http://localhost");
        assert_eq!(Origin::parse("http://[::1]:8080").unwrap().to_string(), "http://[::1]:8080");
    }
}
