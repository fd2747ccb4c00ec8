//! How we ask a URL that a stranger gave us: a client's `jwks_uri`, where it wants to be told of a
//! logout (attack D13). Its name is looked up once, here; none but public addresses are connected
//! to; no redirect is followed; time and size are bounded. What the operator configures (`issuer`,
//! `social`) is asked under rules of its own.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use reqwest::{
    Client, RequestBuilder, Response, StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
    header,
    redirect::Policy,
};
use url::{Host, Url, form_urlencoded};

use crate::domain::{origin::Origin, special_use::is_public};

/// For all of it: the look-up, the connection, the whole answer.
const TIME: Duration = Duration::from_secs(5);
const MOST: usize = 64 * 1_024;
const NAME: &str = "IntelliStack";
const FORM: &str = "application/x-www-form-urlencoded";

/// Why there is no answer. Says what the client's developer would want to know, and nothing of what
/// is inside our network.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutwardError {
    #[error("{0:?} is no https URL without user and password")]
    Unsafe(String),
    #[error("{0} does not lead to a public address")]
    NotPublic(String),
    #[error("{0} cannot be reached")]
    Silent(String),
    #[error("{0} did not answer within 5 seconds")]
    Late(String),
    #[error("{url} answers with status {status}")]
    Status { url: String, status: u16 },
    #[error("{0} answers with more than 64 KiB")]
    TooLong(String),
    /// A defect of ours.
    #[error("no HTTP client can be made: {0}")]
    Broken(String),
}

/// Asks the URLs of strangers.
pub(crate) struct Outward {
    names: Arc<dyn Resolve>,
    time: Duration,
    allow_loopback: bool,
    /// For https: public addresses, and this machine's own where that is allowed.
    secure: OnceLock<Client>,
    /// For http to this machine, where that is allowed.
    plain: OnceLock<Client>,
}

impl Outward {
    /// `allow_loopback`: http and https to this machine itself, for tests and demonstrations.
    pub(crate) fn new(allow_loopback: bool) -> Self {
        Self::with(allow_loopback, Arc::new(System), TIME)
    }

    fn with(allow_loopback: bool, names: Arc<dyn Resolve>, time: Duration) -> Self {
        let (secure, plain) = (OnceLock::new(), OnceLock::new());
        Self { names, time, allow_loopback, secure, plain }
    }

    /// What is found there: the body of an answer that says success.
    pub(crate) async fn get(&self, url: &str, accept: &str) -> Result<Bytes, OutwardError> {
        let url = self.checked(url)?;
        let request = self.client(&url)?.get(url.clone()).header(header::ACCEPT, accept);
        self.in_time(&url, async {
            let answer = sent(request, &url).await?;
            if !answer.status().is_success() {
                let status = answer.status().as_u16();
                return Err(OutwardError::Status { url: shown(&url), status });
            }
            body(answer, &url).await
        })
        .await
    }

    /// Posts a form, and tells with what status it was taken. What else is answered is not read.
    pub(crate) async fn post_form(
        &self,
        url: &str,
        form: &[(&str, &str)],
    ) -> Result<StatusCode, OutwardError> {
        let url = self.checked(url)?;
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.client(&url)?.post(url.clone());
        let request = request.header(header::CONTENT_TYPE, FORM).body(form);
        self.in_time(&url, async { Ok(sent(request, &url).await?.status()) }).await
    }

    /// The URL, if it may be asked as far as can be seen from it. An address in it is connected to
    /// as it stands, so it is looked at here; names are when they are resolved.
    fn checked(&self, text: &str) -> Result<Url, OutwardError> {
        let refused = || OutwardError::Unsafe(text.chars().take(200).collect());
        let mut url = Url::parse(text).map_err(|_| refused())?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused());
        }
        url.set_fragment(None);
        let here = Origin::of(&url).ok_or_else(refused)?.is_loopback();
        if url.scheme() != "https" && !(here && self.allow_loopback) {
            return Err(refused());
        }
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) | None => None,
        };
        if address.is_some_and(|address| !self.reach(&url).allows(address)) {
            return Err(OutwardError::NotPublic(shown(&url)));
        }
        Ok(url)
    }

    fn reach(&self, url: &Url) -> Reach {
        Reach { public: url.scheme() == "https", loopback: self.allow_loopback }
    }

    /// Made when it is first needed: most servers ask nobody.
    fn client(&self, url: &Url) -> Result<&Client, OutwardError> {
        let made = if url.scheme() == "https" { &self.secure } else { &self.plain };
        if let Some(client) = made.get() {
            return Ok(client);
        }
        let guarded = Guarded { reach: self.reach(url), names: Arc::clone(&self.names) };
        let client = client(guarded).map_err(|error| OutwardError::Broken(error.to_string()))?;
        Ok(made.get_or_init(|| client))
    }

    async fn in_time<T>(
        &self,
        url: &Url,
        asking: impl Future<Output = Result<T, OutwardError>>,
    ) -> Result<T, OutwardError> {
        let late = |_| Err(OutwardError::Late(shown(url)));
        tokio::time::timeout(self.time, asking).await.unwrap_or_else(late)
    }
}

fn client(names: Guarded) -> Result<Client, reqwest::Error> {
    Client::builder()
        .dns_resolver(names)
        .redirect(Policy::none())
        .no_proxy()
        .referer(false)
        .user_agent(NAME)
        // Nobody's connection is kept for somebody else's URL.
        .pool_max_idle_per_host(0)
        .build()
}

async fn sent(request: RequestBuilder, url: &Url) -> Result<Response, OutwardError> {
    request.send().await.map_err(|error| {
        if is_refusal(&error) {
            return OutwardError::NotPublic(shown(url));
        }
        tracing::debug!(error = %error.without_url(), "a client's URL cannot be reached");
        OutwardError::Silent(shown(url))
    })
}

async fn body(mut answer: Response, url: &Url) -> Result<Bytes, OutwardError> {
    let mut body = BytesMut::new();
    while let Some(piece) = answer.chunk().await.map_err(|_| OutwardError::Silent(shown(url)))? {
        if body.len() + piece.len() > MOST {
            return Err(OutwardError::TooLong(shown(url)));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}

/// Without what may be secret.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

/// Where a connection may lead.
#[derive(Debug, Clone, Copy)]
struct Reach {
    public: bool,
    loopback: bool,
}

impl Reach {
    fn allows(self, address: IpAddr) -> bool {
        (self.public && is_public(address)) || (self.loopback && address.is_loopback())
    }
}

/// No address that a name has may be connected to.
#[derive(Debug, thiserror::Error)]
#[error("the name has no public address")]
struct NotPublic;

fn is_refusal(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Looks a name up once and gives what may be connected to. Whoever asks the name again gets the
/// answer that was checked, for there is no other look (DNS rebinding).
struct Guarded {
    reach: Reach,
    names: Arc<dyn Resolve>,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, found) = (self.reach, self.names.resolve(name));
        Box::pin(async move {
            let allowed: Vec<SocketAddr> =
                found.await?.filter(|address| reach.allows(address.ip())).collect();
            if allowed.is_empty() {
                return Err(NotPublic.into());
            }
            let allowed: Addrs = Box::new(allowed.into_iter());
            Ok(allowed)
        })
    }
}

/// The names as this machine knows them.
struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port of the URL takes the place of this one.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}

#[cfg(test)]
pub(super) mod tests;
