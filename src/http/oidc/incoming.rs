//! A request for authorization as it comes in: by which app, answered where, asking for what. It is
//! in the URL, in a form, signed in a JWT (RFC 9101), or was pushed before (RFC 9126).

use std::sync::Arc;

use actix_web::http::StatusCode;
use serde_json::Value;

use super::{error::OauthError, params::Params, sheet::PageFault};
use crate::{
    auth::{
        Auth, AuthError,
        oidc::{
            authorize::Asking,
            client::Client,
            waiting::{Waiting, WaitingError, is_ours},
        },
    },
    domain::oidc::{
        reply::{NoReply, Reply},
        request::{AuthRequest, Fault, Offered},
    },
};

/// A request whose app and address are known.
pub(super) struct Incoming {
    pub client: Arc<Client>,
    pub reply: Reply,
    /// What it asks for, or what the app is told.
    pub request: Result<AuthRequest, Fault>,
    /// As they count: out of a JWT or out of the store.
    pub params: Params,
    pub waiting: Option<Waiting>,
}

/// Why the app is not answered.
#[derive(Debug)]
pub(super) enum Unanswered {
    Page(PageFault),
    Error(OauthError),
}

impl From<AuthError> for Unanswered {
    fn from(error: AuthError) -> Self {
        Self::Error(error.into())
    }
}

impl From<PageFault> for Unanswered {
    fn from(fault: PageFault) -> Self {
        Self::Page(fault)
    }
}

impl From<WaitingError> for Unanswered {
    fn from(error: WaitingError) -> Self {
        match error {
            WaitingError::Gone => Self::Page(PageFault::Gone),
            WaitingError::Auth(error) => error.into(),
        }
    }
}

impl From<NoReply> for PageFault {
    fn from(error: NoReply) -> Self {
        match error {
            NoReply::Missing | NoReply::NotRegistered => Self::BadAddress,
            NoReply::StateTooLong => Self::BadRequest(StatusCode::BAD_REQUEST, error.to_string()),
        }
    }
}

impl Incoming {
    /// Whoever asks for nothing that can be answered at the app gets a page instead (attack D1).
    pub(super) async fn read(auth: &Auth, params: Params) -> Result<Self, Unanswered> {
        let id = params.get("client_id").ok_or(PageFault::UnknownApp)?;
        let client = auth.client(id).await?.ok_or(PageFault::UnknownApp)?;
        match params.get("request_uri") {
            Some(uri) if is_ours(uri) => {
                let waiting = auth.waiting(&client, uri).await?;
                let params = Params::parse(waiting.query().as_bytes())
                    .map_err(|error| AuthError::Broken(error.to_string()))?;
                Self::of(auth, client, params, Some(waiting))
            }
            _ => Self::fresh(auth, client, params).await,
        }
    }

    /// One that has not been kept yet.
    async fn fresh(auth: &Auth, client: Arc<Client>, outside: Params) -> Result<Self, Unanswered> {
        match unfolded(auth, &client, &outside).await {
            Ok(inside) => Self::of(auth, client, inside.unwrap_or(outside), None),
            Err(fault) => {
                // What a request object names is not believed before its signature is.
                let Ok(reply) = reply(&outside, &client) else {
                    let text = format!("{}: {}", fault.code, fault.description);
                    return Err(PageFault::BadRequest(StatusCode::BAD_REQUEST, text).into());
                };
                Ok(Self { client, reply, request: Err(fault), params: outside, waiting: None })
            }
        }
    }

    fn of(
        auth: &Auth,
        client: Arc<Client>,
        params: Params,
        waiting: Option<Waiting>,
    ) -> Result<Self, Unanswered> {
        let reply = reply(&params, &client)?;
        let request = match waiting {
            None => must_be_pushed(&client).and_then(|()| asked(auth, &client, &params)),
            Some(_) => asked(auth, &client, &params),
        };
        Ok(Self { client, reply, request, params, waiting })
    }

    /// For the rules. `request` is this one's, or a narrower one.
    pub(super) fn asking<'a>(&'a self, request: &'a AuthRequest, agreed: bool) -> Asking<'a> {
        Asking {
            client: &self.client,
            request,
            redirect_uri: &self.reply.redirect_uri,
            waiting: self.waiting.as_ref(),
            agreed,
        }
    }
}

fn reply(params: &Params, client: &Client) -> Result<Reply, PageFault> {
    Ok(Reply::read(|name| params.get(name), &client.metadata)?)
}

/// What the parameters ask for.
pub(super) fn asked(auth: &Auth, client: &Client, params: &Params) -> Result<AuthRequest, Fault> {
    let resources = auth.resources();
    let offered = Offered { client: &client.metadata, resources: &resources };
    AuthRequest::read(|name| params.get(name), params.resources(), offered)
}

fn must_be_pushed(client: &Client) -> Result<(), Fault> {
    let metadata = &client.metadata;
    if metadata.require_pushed_authorization_requests || metadata.ours.fapi {
        let text = "This app pushes its requests first (RFC 9126).";
        return Err(Fault::new("invalid_request", text));
    }
    Ok(())
}

/// The parameters that count in place of those outside: those within a request object, where there is
/// one.
pub(super) async fn unfolded(
    auth: &Auth,
    client: &Client,
    outside: &Params,
) -> Result<Option<Params>, Fault> {
    let object = match (outside.get("request"), outside.get("request_uri")) {
        (_, Some(_)) => {
            let text = "A request_uri is one that this server gave.";
            return Err(Fault::new("request_uri_not_supported", text));
        }
        (None, None) if client.metadata.require_signed_request_object => {
            let text = "This app signs its requests (RFC 9101).";
            return Err(Fault::new("invalid_request", text));
        }
        (None, None) => return Ok(None),
        (Some(object), None) => object,
    };
    let mut inside = Params::default();
    for (name, value) in auth.open_request_object(client, object).await? {
        put(&mut inside, &name, value);
    }
    inside.set("client_id", client.id.as_str());
    // OpenID Connect wants these two outside as well (Core §6.1).
    for name in ["response_type", "scope"] {
        match (inside.get(name), outside.get(name)) {
            (None, Some(value)) => inside.set(name, value),
            (Some(own), Some(value)) if name == "response_type" && own != value => {
                let text = "The response_type within the request object is another.";
                return Err(Fault::new("invalid_request_object", text));
            }
            _ => {}
        }
    }
    Ok(Some(inside))
}

fn put(params: &mut Params, name: &str, value: Value) {
    match (name, value) {
        ("resource", Value::String(one)) => params.set_resources(vec![one]),
        ("resource", Value::Array(all)) => {
            let texts = all.iter().filter_map(Value::as_str).map(str::to_owned);
            params.set_resources(texts.collect());
        }
        (_, Value::Null) => {}
        (name, Value::String(text)) if text.is_empty() => params.remove(name),
        (name, Value::String(text)) => params.set(name, &text),
        (name, other) => params.set(name, &other.to_string()),
    }
}
