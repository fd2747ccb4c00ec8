//! `GET /api/v1/live`: who may open a socket, and with what proof (`live.md` §1).

use actix::{Actor, Addr};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::Data,
};

use super::socket::handshake;
use crate::{
    actors::{
        Hub,
        session::{Outlet, Proof, Session, Transport, queue},
    },
    auth::{AuthError, TicketError, oidc::dpop::Call},
    domain::{close::Close, live::limits},
};

/// A client that may come in: its session, and what the session says.
pub(super) struct Accepted {
    pub(super) session: Addr<Session>,
    pub(super) outlet: Outlet,
}

/// Where HTTP goes on, there is nothing to see.
pub(super) async fn refuse() -> HttpResponse {
    HttpResponse::build(StatusCode::UPGRADE_REQUIRED)
        .insert_header((header::SEC_WEBSOCKET_VERSION, "13"))
        .insert_header((header::UPGRADE, "websocket"))
        .body("This is a WebSocket: upgrade with version 13.")
}

pub(super) async fn live(
    request: HttpRequest,
    hub: Data<Hub>,
) -> Result<HttpResponse, actix_web::Error> {
    let version = request.headers().get(header::SEC_WEBSOCKET_VERSION);
    if version.is_none_or(|version| version != "13") {
        return Ok(refuse().await);
    }
    let origin = text(&request, &header::ORIGIN);
    let foreign = match origin {
        Some(origin) => !hub.auth.origin_allowed(origin),
        // A browser always names its page; a cookie without one is somebody else's idea.
        None => request.headers().contains_key(header::COOKIE),
    };
    if foreign {
        return Ok(HttpResponse::Forbidden().body("This page's origin is not allowed."));
    }
    let offered = offered(&request);
    let mut answer = handshake(&request, offered.contains(&limits::SUBPROTOCOL))?;
    let proof = prove(&request, &hub, (&offered, origin)).await;
    let (outbox, outlet) = queue();
    let forwarded = request.headers().get_all("x-forwarded-for");
    let forwarded: Vec<&str> = forwarded.filter_map(|line| line.to_str().ok()).collect();
    let address =
        request.peer_addr().map(|peer| hub.auth.client_address(peer.ip(), forwarded.into_iter()));
    let session =
        Session::new(hub.into_inner(), address, Transport::WebSocket, proof, outbox).start();
    answer.extensions_mut().insert(Accepted { session, outlet });
    Ok(answer)
}

/// The subprotocols that the client offers, the ticket among them.
fn offered(request: &HttpRequest) -> Vec<&str> {
    let lines = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let lines = lines.filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).collect()
}

/// Browsers cannot see a status, so every refusal from here on is a close code.
async fn prove(
    request: &HttpRequest,
    hub: &Hub,
    (offered, origin): (&[&str], Option<&str>),
) -> Proof {
    if !offered.contains(&limits::SUBPROTOCOL) {
        return Proof::Refused(Close::UnsupportedVersion);
    }
    let ticket = offered.iter().find_map(|name| name.strip_prefix(limits::TICKET_PREFIX));
    if let Some(ticket) = ticket {
        return match hub.auth.redeem_ticket(ticket, origin).await {
            Ok(identity) => Proof::Known(Box::new(identity)),
            Err(TicketError::Auth(error)) => Proof::Refused(close_for(&error)),
            Err(error) => {
                tracing::debug!(%error, "a ticket was refused");
                Proof::Refused(Close::TicketUsed)
            }
        };
    }
    let Some((scheme, token)) =
        text(request, &header::AUTHORIZATION).and_then(|value| value.split_once(' '))
    else {
        return Proof::None;
    };
    let token = token.trim();
    let shown = if scheme.eq_ignore_ascii_case("bearer") {
        hub.auth.by_bearer(token).await
    } else if scheme.eq_ignore_ascii_case("dpop") {
        let mut proofs = request.headers().get_all("dpop");
        let proof = proofs.next().and_then(|value| value.to_str().ok());
        let call = Call { method: request.method().as_str(), path: request.path() };
        match (proof, proofs.next()) {
            (Some(proof), None) => {
                hub.auth.by_dpop(token, proof, call).await.map_err(AuthError::from)
            }
            _ => Err(AuthError::BadToken),
        }
    } else {
        return Proof::None;
    };
    match shown {
        Ok(identity) => Proof::Known(Box::new(identity)),
        Err(error) => Proof::Refused(close_for(&error)),
    }
}

fn close_for(error: &AuthError) -> Close {
    match error {
        AuthError::Banned => Close::Banned,
        AuthError::NotSignedIn | AuthError::BadToken => Close::TokenInvalid,
        AuthError::Overloaded => Close::Overloaded,
        AuthError::Store(_) | AuthError::IssuerAway | AuthError::Broken(_) => {
            Close::StoreUnavailable
        }
    }
}

fn text<'a>(request: &'a HttpRequest, name: &header::HeaderName) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}
