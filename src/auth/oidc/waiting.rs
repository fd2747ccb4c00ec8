//! Authorization requests that wait: pushed by an app (RFC 9126), or for their person.
//!
//! Between two pages a request travels as a handle, so that no page holds what was asked for. A
//! pushed one is used up when its authorization completes, not when it is first opened: what waits
//! for the person is a request of our own that remembers which one it came of.

use std::net::IpAddr;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::client::Client;
use crate::{
    auth::{Auth, AuthError, hash_token, limits::Limited},
    domain::clock::{MINUTE, Millis, SECOND},
    store::{StoreError, oauth_requests::RequestRow},
};

/// RFC 9126 §2.2.
const PUSHED: &str = "urn:ietf:params:oauth:request_uri:";
const OWN: &str = "urn:intellistack:request:";
const HANDLE: usize = 40;
/// How long an app has to send the browser after it has pushed a request.
pub(crate) const PUSHED_LIFE: i64 = 90 * SECOND;
/// How long somebody may take to sign in and to agree.
const OWN_LIFE: i64 = 15 * MINUTE;
/// What the query of a page is signed for.
const PAGES: &str = "authorization pages v1";

/// What is stored of a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    /// Its parameters, as a query.
    query: String,
    /// The pushed one that it came of, by hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pushed: Option<String>,
    /// The sign-in that the person chose to go on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    selected: Option<String>,
}

/// A request that waits.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub uri: String,
    hash: String,
    kept: Kept,
    pub jkt: Option<String>,
    /// Whether it is as the app pushed it; otherwise it waits for its person.
    pub pushed: bool,
    pub created_at: Millis,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WaitingError {
    /// Unknown, another app's, expired, or answered.
    #[error("no such request waits")]
    Gone,
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl Waiting {
    /// What was asked for, as a query.
    pub(crate) fn query(&self) -> &str {
        &self.kept.query
    }

    pub(crate) fn selected(&self) -> Option<&str> {
        self.kept.selected.as_deref()
    }

    /// What is used up when it is answered.
    pub(super) fn hashes(&self) -> Vec<String> {
        std::iter::once(&self.hash).chain(&self.kept.pushed).cloned().collect()
    }
}

/// Whether a `request_uri` is one that we gave.
pub(crate) fn is_ours(uri: &str) -> bool {
    uri.starts_with(PUSHED) || uri.starts_with(OWN)
}

impl Auth {
    /// Keeps what an app pushed. Gives the request's URI. Limited an address.
    pub(crate) async fn push_request(
        &self,
        client: &Client,
        query: String,
        jkt: Option<String>,
        address: Option<IpAddr>,
    ) -> Result<String, Limited> {
        self.limits.pushed(address).await?;
        let kept = Kept { query, pushed: None, selected: None };
        Ok(self.keep_request(client, kept, jkt, true).await?)
    }

    /// Keeps a request while its person signs in or agrees. Gives its URI. Limited an address, so
    /// that nobody fills the table without an account.
    pub(crate) async fn hold_request(
        &self,
        client: &Client,
        query: String,
        pushed: Option<&Waiting>,
        address: Option<IpAddr>,
    ) -> Result<String, Limited> {
        self.limits.held(address).await?;
        let jkt = pushed.and_then(|it| it.jkt.clone());
        let kept = Kept { query, pushed: pushed.map(|it| it.hash.clone()), selected: None };
        Ok(self.keep_request(client, kept, jkt, false).await?)
    }

    async fn keep_request(
        &self,
        client: &Client,
        kept: Kept,
        jkt: Option<String>,
        pushed: bool,
    ) -> Result<String, AuthError> {
        let (start, life) = if pushed { (PUSHED, PUSHED_LIFE) } else { (OWN, OWN_LIFE) };
        let uri = format!("{start}{}", self.ids.token(HANDLE));
        let now = self.clock.now();
        let row = RequestRow {
            hash: hash_token(&uri),
            client_id: client.id.clone(),
            pushed,
            params: written(&kept)?,
            jkt,
            expires_at: now.plus(life).0,
            created_at: now.0,
            used_at: None,
        };
        self.store.insert_request(row).await?;
        Ok(uri)
    }

    /// The request of this URI, if it waits and is this app's.
    pub(crate) async fn waiting(
        &self,
        client: &Client,
        uri: &str,
    ) -> Result<Waiting, WaitingError> {
        let row = match self.store.request(&hash_token(uri)).await {
            Err(StoreError::NotFound) => return Err(WaitingError::Gone),
            found => found.map_err(AuthError::from)?,
        };
        let over = row.expires_at <= self.clock.now().0 || row.used_at.is_some();
        if over || row.client_id != client.id {
            return Err(WaitingError::Gone);
        }
        let kept = serde_json::from_str(&row.params)
            .map_err(|error| AuthError::Broken(format!("a request is damaged: {error}")))?;
        let RequestRow { hash, jkt, pushed, created_at, .. } = row;
        let created_at = Millis(created_at);
        Ok(Waiting { uri: uri.to_owned(), hash, kept, jkt, pushed, created_at })
    }

    /// Notes that the person goes on with the sign-in that she has.
    pub(crate) async fn select_account(
        &self,
        waiting: &Waiting,
        token: &str,
    ) -> Result<(), AuthError> {
        let identity = self.by_session_token(token).await?;
        let selected = Some(identity.session.as_str().to_owned());
        let kept = Kept { selected, ..waiting.kept.clone() };
        Ok(self.store.set_request(&waiting.hash, written(&kept)?).await?)
    }

    /// The query of a page for a request that waits, signed: what Better-Auth's client sends back as
    /// `oauth_query` (it keeps the names that stand in `ba_param`).
    pub(crate) fn page_query(&self, client: &str, uri: &str) -> String {
        let now = self.clock.now();
        let (exp, iat) = (now.plus(OWN_LIFE).0 / SECOND, now.0);
        let (exp, iat) = (exp.to_string(), iat.to_string());
        let signed = [
            ("client_id", client),
            ("request_uri", uri),
            ("exp", exp.as_str()),
            ("ba_iat", iat.as_str()),
        ];
        let tag = hmac::sign(&self.pages_key(), to_sign(&signed).as_bytes());
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(signed);
        query.extend_pairs(signed.iter().map(|(name, _)| ("ba_param", *name)));
        query.append_pair("ba_param", "ba_param");
        query.append_pair("sig", &STANDARD.encode(tag.as_ref()));
        query.finish()
    }

    /// The app and the request's URI in a page's query, if we signed it and it is not too old.
    pub(crate) fn open_page_query(&self, query: &str) -> Option<(String, String)> {
        let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
        let only = |name: &str| {
            let mut found = pairs.iter().filter(|(own, _)| own == name).map(|(_, it)| it.as_ref());
            let first = found.next()?;
            found.next().is_none().then_some(first)
        };
        let (client, uri, exp) = (only("client_id")?, only("request_uri")?, only("exp")?);
        let signed = [
            ("client_id", client),
            ("request_uri", uri),
            ("exp", exp),
            ("ba_iat", only("ba_iat")?),
        ];
        let tag = STANDARD.decode(only("sig")?).ok()?;
        hmac::verify(&self.pages_key(), to_sign(&signed).as_bytes(), &tag).ok()?;
        let timely = exp.parse::<i64>().ok()?.saturating_mul(SECOND) > self.clock.now().0;
        timely.then(|| (client.to_owned(), uri.to_owned()))
    }

    /// What a form must show that changes something for a request: no other site, and no other
    /// session, can know it (RFC 9700 §4.7).
    pub(crate) fn form_token(&self, session: &str, uri: &str) -> String {
        let tag = hmac::sign(&self.pages_key(), to_sign(&[(session, uri)]).as_bytes());
        STANDARD.encode(tag.as_ref())
    }

    pub(crate) fn is_form_token(&self, shown: &str, session: &str, uri: &str) -> bool {
        let ours = self.form_token(session, uri);
        aws_lc_rs::constant_time::verify_slices_are_equal(ours.as_bytes(), shown.as_bytes()).is_ok()
    }

    fn pages_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.secret.key_for(PAGES))
    }
}

fn written(kept: &Kept) -> Result<String, AuthError> {
    serde_json::to_string(kept).map_err(|error| AuthError::Broken(error.to_string()))
}

/// A list in JSON has one reading, whatever stands in its parts.
fn to_sign(pairs: &[(&str, &str)]) -> String {
    serde_json::json!(pairs).to_string()
}
