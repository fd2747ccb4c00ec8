//! Around every request: what no handler should have to refuse (attacks E4, E5). Methods that no
//! resource has, a head that is too large, a body in a coding that could unfold without end, and a
//! body that does not come.

use std::{
    cell::Cell,
    error::Error as StdError,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_http::ConnectionType;
use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse, ResponseError,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::PayloadError,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderValue},
    },
    middleware::Next,
    web::{Bytes, Data},
};
use futures_util::Stream;
use tokio::time::{Instant, Sleep};

use super::{
    auth::error::Refusal,
    error::ApiError,
    methods::Methods,
    oidc::error::OauthError,
    wire::{Patience, Watch},
};
use crate::config::Server;

/// What a request may take.
pub(crate) struct Bounds {
    pub patience: Patience,
    /// Time for its body, from the end of its head.
    body: Duration,
    methods: Methods,
}

impl Bounds {
    pub(crate) fn new(settings: &Server) -> Self {
        let patience = Patience { head: settings.head(), head_bytes: settings.head_bytes() };
        Self { patience, body: settings.body(), methods: Methods::new() }
    }
}

/// Answers behind which a client is not listened to any more: the rest of its body is not wanted.
const LAST: [StatusCode; 4] = [
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
];

pub(crate) async fn keep(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<Told>, Error> {
    let turn = Turn::begin(&request);
    let Some(bounds) = request.app_data::<Data<Bounds>>().cloned() else {
        let cause = ApiError::internal("the app was built without Data<Bounds>");
        return Ok(turn.told(request.into_response(cause.error_response())));
    };
    if let Some(refusal) = refusal(request.request(), &bounds) {
        return Ok(turn.told(request.into_response(refusal)));
    }
    let payload = request.take_payload();
    if !matches!(payload, Payload::None) {
        turn.body.set(Body::Unread);
        let timely = Timely {
            payload,
            until: Instant::now() + bounds.body,
            timer: None,
            state: Rc::clone(&turn.body),
        };
        request.set_payload(Payload::Stream { payload: Box::pin(timely) });
    }
    let response = next.call(request).await?.map_into_boxed_body();
    if turn.body.get() != Body::Late {
        return Ok(turn.told(response));
    }
    let text = "The body did not arrive in time. Send it again over a faster connection.";
    let late = said(response.request(), StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", text);
    Ok(turn.told(response.into_response(late)))
}

fn refusal(request: &HttpRequest, bounds: &Bounds) -> Option<HttpResponse> {
    if size(request) > bounds.patience.head_bytes {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        let text = "The request's headers are too large. Delete this site's cookies and try again.";
        return Some(said(request, status, "REQUEST_HEADER_FIELDS_TOO_LARGE", text));
    }
    let path = request.path();
    if bounds.methods.refuses(request.method(), path) {
        let text = "This method is not allowed here.";
        let mut refusal = said(request, StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", text);
        if let Some(allow) = bounds.methods.allow(path).and_then(|it| it.parse().ok()) {
            refusal.headers_mut().insert(header::ALLOW, allow);
        }
        return Some(refusal);
    }
    if !is_plain(request.headers()) {
        let text = "Send the body as it is, without a Content-Encoding.";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let mut refusal = said(request, status, "UNSUPPORTED_MEDIA_TYPE", text);
        // RFC 9110 §15.5.16.
        let identity = HeaderValue::from_static("identity");
        refusal.headers_mut().insert(header::ACCEPT_ENCODING, identity);
        return Some(refusal);
    }
    None
}

/// About as it came over the wire.
fn size(request: &HttpRequest) -> usize {
    let fields = request.headers().iter();
    let fields = fields.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    let uri = request.uri();
    let query = uri.query().map_or(0, |query| query.len() + "?".len());
    uri.path().len() + query + fields.sum::<usize>()
}

/// What the libraries below would unfold a coding of, a chunk at once, before they count it.
fn is_plain(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONTENT_ENCODING).all(|coding| {
        coding.to_str().is_ok_and(|text| text.trim().eq_ignore_ascii_case("identity"))
    })
}

/// A refusal in the dialect of the path.
fn said(
    request: &HttpRequest,
    status: StatusCode,
    code: &'static str,
    text: &'static str,
) -> HttpResponse {
    let path = request.path();
    if path.starts_with("/api/auth/oauth2/") {
        return OauthError::new(status, "invalid_request", text).error_response();
    }
    if path.starts_with("/api/auth/") {
        return Refusal::new(status, code, text).into_response();
    }
    ApiError::new(status, "bad_request", text).error_response()
}

/// How much of a body was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    /// All, or there was none.
    Whole,
    Unread,
    Late,
}

/// A request from the end of its head to the end of its answer; the connection hears of both.
struct Turn {
    watch: Option<Rc<Watch>>,
    body: Rc<Cell<Body>>,
    close: bool,
}

impl Turn {
    fn begin(request: &ServiceRequest) -> Self {
        let watch = request.conn_data::<Rc<Watch>>().map(Rc::clone);
        if let Some(watch) = &watch {
            watch.begin();
        }
        Self { watch, body: Rc::new(Cell::new(Body::Whole)), close: false }
    }

    fn told(mut self, mut response: ServiceResponse) -> ServiceResponse<Told> {
        if LAST.contains(&response.status()) {
            self.close = true;
            response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
        response.map_body(|_, body| Told { body, _turn: self })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            watch.end(self.body.get() == Body::Whole, self.close);
        }
    }
}

/// The body of an answer; with it the turn ends.
pub(crate) struct Told {
    body: BoxBody,
    _turn: Turn,
}

impl MessageBody for Told {
    type Error = Box<dyn StdError>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}

/// A body that fails when it is not there in time.
struct Timely {
    payload: Payload,
    until: Instant,
    /// Most bodies come with their heads and need none.
    timer: Option<Pin<Box<Sleep>>>,
    state: Rc<Cell<Body>>,
}

impl Stream for Timely {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Poll::Ready(next) = Pin::new(&mut this.payload).poll_next(context) {
            if next.is_none() {
                this.state.set(Body::Whole);
            }
            return Poll::Ready(next);
        }
        let until = this.until;
        let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        ready!(timer.as_mut().poll(context));
        this.state.set(Body::Late);
        Poll::Ready(Some(Err(PayloadError::Io(io::ErrorKind::TimedOut.into()))))
    }
}
