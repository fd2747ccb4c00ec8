//! Where and how an authorization request is answered (RFC 6749 §4.1.2, OAuth 2.0 Multiple Response
//! Types §2.1, OAuth 2.0 Form Post Response Mode).

use super::{client::Metadata, redirect};

/// The longest state that is sent back; a longer one is refused, never cut.
const LONGEST_STATE: usize = 4_096;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResponseMode {
    #[default]
    Query,
    /// A page whose form is sent to the app.
    FormPost,
}

/// An address that is known to be the app's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub redirect_uri: String,
    pub state: Option<String>,
    pub mode: ResponseMode,
}

/// Why nobody but the person before the browser is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoReply {
    #[error("the address to go back to is missing")]
    Missing,
    #[error("the address to go back to is not one that the app registered")]
    NotRegistered,
    #[error("the app's state is too long")]
    StateTooLong,
}

impl Reply {
    /// Reads the parameters by name. A mode that we do not know counts as the default here: the
    /// answer that refuses it must go somewhere.
    pub fn read<'a>(
        get: impl Fn(&str) -> Option<&'a str>,
        client: &Metadata,
    ) -> Result<Self, NoReply> {
        let asked = get("redirect_uri").ok_or(NoReply::Missing)?;
        if !redirect::matches(&client.redirect_uris, asked, client.application_type) {
            return Err(NoReply::NotRegistered);
        }
        let state = get("state").map(str::to_owned);
        if state.as_ref().is_some_and(|state| state.len() > LONGEST_STATE) {
            return Err(NoReply::StateTooLong);
        }
        let mode = match get("response_mode") {
            Some("form_post") => ResponseMode::FormPost,
            _ => ResponseMode::Query,
        };
        Ok(Self { redirect_uri: asked.to_owned(), state, mode })
    }

    /// The address with `params` behind it; everything in them is percent-encoded.
    pub fn url(&self, params: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(params);
        let mark = if self.redirect_uri.contains('?') { '&' } else { '?' };
        format!("{}{mark}{}", self.redirect_uri, query.finish())
    }

    /// What a policy of contents calls the place: its origin, or the scheme of a native app's own.
    pub fn source(&self) -> Option<String> {
        source(&self.redirect_uri)
    }

    /// Its host, for people.
    pub fn host(&self) -> String {
        let host = url::Url::parse(&self.redirect_uri)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned));
        host.unwrap_or_else(|| self.redirect_uri.split(':').next().unwrap_or_default().to_owned())
    }
}

fn source(uri: &str) -> Option<String> {
    let url = url::Url::parse(uri).ok()?;
    match url.scheme() {
        "http" | "https" => Some(url.origin().ascii_serialization()),
        scheme => Some(format!("{scheme}:")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(redirect_uri: &str) -> Reply {
        Reply { redirect_uri: redirect_uri.to_owned(), state: None, mode: ResponseMode::Query }
    }

    /// Attack E2.
    #[test]
    fn what_is_sent_back_is_encoded_behind_the_registered_query() {
        let url = reply("https://a.example/cb?x=1").url(&[("state", "a\r\nb&c=d")]);

        assert_eq!(url, "https://a.example/cb?x=1&state=a%0D%0Ab%26c%3Dd");
    }

    #[test]
    fn a_policy_names_an_origin_or_a_scheme() {
        assert_eq!(reply("http://localhost:8/cb").source().unwrap(), "http://localhost:8");
        assert_eq!(reply("com.example.app:/cb").source().unwrap(), "com.example.app:");
        assert_eq!(reply("com.example.app:/cb").host(), "com.example.app");
    }
}
