//! Where a page may be sent back to: a path of our own, or a page of an allowed origin.

use url::Url;

use super::origin::{Origin, Origins};

/// A `callbackURL` or `redirectTo` that leads nowhere foreign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnUrl(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("this address leads away from here")]
pub struct LeadsAway;

impl ReturnUrl {
    pub fn parse(text: &str, origins: &Origins) -> Result<Self, LeadsAway> {
        let odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
        if text.len() > 2_048 || text.contains(odd) {
            return Err(LeadsAway);
        }
        let fine =
            if text.starts_with('/') { is_own_path(text) } else { is_allowed(text, origins) };
        if fine { Ok(Self(text.to_owned())) } else { Err(LeadsAway) }
    }

    /// The start page.
    pub fn home() -> Self {
        Self("/".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same place with scheme and host.
    #[must_use]
    pub fn absolute(&self, origins: &Origins) -> Self {
        if self.0.starts_with('/') {
            Self(format!("{}{}", origins.own(), self.0))
        } else {
            self.clone()
        }
    }

    /// The same place with one more query parameter. `value` needs no escaping.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let (before, fragment) = match self.0.split_once('#') {
            Some((before, fragment)) => (before, format!("#{fragment}")),
            None => (self.0.as_str(), String::new()),
        };
        let mark = if before.contains('?') { '&' } else { '?' };
        Self(format!("{before}{mark}{name}={value}{fragment}"))
    }
}

fn is_own_path(text: &str) -> bool {
    let path = text.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let disguised = path.starts_with("//") || path.contains("%2f") || path.contains("%5c");
    let stays = Url::parse("http://stays.invalid")
        .and_then(|base| base.join(text))
        .is_ok_and(|url| url.host_str() == Some("stays.invalid") && !url.path().starts_with("//"));
    !disguised && stays
}

fn is_allowed(text: &str, origins: &Origins) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let plain = url.username().is_empty() && url.password().is_none();
        let spelled = text.starts_with(&format!("{}://", url.scheme()));
        plain && spelled && Origin::of(&url).is_some_and(|origin| origins.allow_origin(&origin))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins() -> Origins {
        let app = Origin::parse("https://app.example").unwrap();
        Origins::new(Origin::parse("https://school.example").unwrap(), vec![app])
    }

    /// Attack B6: an open redirect.
    #[test]
    fn a_return_address_leads_nowhere_foreign() {
        for bad in [
            "",
            "//evil",
            "///evil",
            "/\\evil",
            "\\/evil",
            "/%5cevil",
            "/%2Fevil",
            "/%2f/evil",
            "https:evil",
            "https:/evil",
            "https:school.example",
            "http://evil",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://school.example@evil",
            "https://school.example.evil",
            "https://user@school.example/",
            "http://school.example/",
            "https://school.example:444/",
            "/\tevil",
            "/\nevil",
            " /x",
            "evil",
            "./x",
            "/..//evil",
            "/x/..//evil",
            "myapp://x",
        ] {
            assert_eq!(ReturnUrl::parse(bad, &origins()), Err(LeadsAway), "{bad:?}");
        }
        for good in [
            "/",
            "/courses/rust?x=%2F#y",
            "https://school.example/welcome",
            "https://app.example/?next=/a",
            "/a/../b",
        ] {
            assert!(ReturnUrl::parse(good, &origins()).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_parameter_goes_before_the_fragment() {
        let at = |text| ReturnUrl::parse(text, &origins()).unwrap().with("error", "X");
        assert_eq!(at("/a").as_str(), "/a?error=X");
        assert_eq!(at("/a?b=1#c").as_str(), "/a?b=1&error=X#c");
    }
}
