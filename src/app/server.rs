//! The HTTP server: sockets with the right options, the areas mounted on it.

use std::{io, net::SocketAddr, net::TcpListener, sync::Arc, time::Duration};

use actix_http::HttpService;
use actix_rt::net::TcpStream;
use actix_service::{IntoServiceFactory, Service, apply_fn_factory, map_config};
use actix_web::{
    App as Site,
    dev::{AppConfig, Server},
    middleware::from_fn,
    web::Data,
};
use futures_util::FutureExt;
use socket2::{Domain, SockRef, Socket, Type};

use super::{App, Ground, roles};
use crate::{
    http::{
        bounds::{self, Bounds},
        observe,
        wire::{Watch, Wire},
    },
    ws,
};

/// tokio's own 128 stalls a crowd that arrives at once for a second.
const BACKLOG: i32 = 4_096;
/// The kernel cuts a peer that acknowledges nothing so much later than we would have, who can say
/// why.
const SECOND_LINE: Duration = Duration::from_secs(5);
/// The kernel otherwise buffers 4 MB for a reader that stalls.
const SEND_BUFFER: usize = 128 * 1024;
/// Time for the last words of a connection that is closed.
const GOODBYE: Duration = Duration::from_secs(1);
/// Time that requests get to finish when the server stops.
const SHUTDOWN_S: u64 = 2;

pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket =
        Socket::new(Domain::for_address(address), Type::STREAM, Some(socket2::Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Serves until it is told to stop. It is built as `actix_web::HttpServer` builds it, with one part
/// more: connections that ask for a WebSocket leave HTTP behind (ADR 0003).
pub(crate) fn serve(app: &App, ground: &Ground, listener: TcpListener) -> io::Result<Server> {
    let hub = Data::from(Arc::clone(&app.hub));
    let auth = Data::from(Arc::clone(&app.auth));
    let store = Data::from(Arc::clone(&app.store));
    let courses = Data::from(Arc::clone(&app.courses));
    let metrics = Data::from(Arc::clone(&app.metrics));
    let duties = ground.config.server.roles;
    let source = Data::new(observe::Source {
        clock: Arc::clone(&ground.clock),
        ids: Arc::clone(&ground.ids),
    });
    let bounds = Data::new(Bounds::new(&ground.config.server));
    let patience = bounds.patience;
    let ground_of_all = move || {
        Site::new()
            .app_data(hub.clone())
            .app_data(metrics.clone())
            .app_data(source.clone())
            .app_data(bounds.clone())
            .wrap(from_fn(bounds::keep))
            .wrap(from_fn(observe::observe))
    };
    let sockets = {
        let site = ground_of_all.clone();
        move || site().configure(roles::sockets(duties))
    };
    let site = move || {
        ground_of_all()
            .app_data(auth.clone())
            .app_data(store.clone())
            .app_data(courses.clone())
            .configure(roles::site(duties))
    };
    let unacknowledged = ground.config.live.stall() + SECOND_LINE;
    let server = Server::build().disable_signals().shutdown_timeout(SHUTDOWN_S);
    let workers = ground.config.server.workers;
    let server = if workers == 0 { server } else { server.workers(workers) };
    let stopping = server.graceful_shutdown_signal();
    let server = server.listen("http", listener, move || {
        let stopping = stopping.clone();
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .client_request_timeout(patience.head)
            .client_disconnect_timeout(GOODBYE)
            .on_connect_ext(|wire: &Wire, data| drop(data.insert(wire.watch())))
            // Else a closed event stream is seen only at the next failing write.
            .h1_allow_half_closed(false)
            .upgrade(ws::switch(sockets().into_factory()))
            .h1(map_config(site().into_factory(), |()| AppConfig::default()));
        apply_fn_factory(http, move |connection: TcpStream, http| {
            tune(&connection, unacknowledged);
            let peer = connection.peer_addr().ok();
            let wire = Wire::new(connection, patience);
            let watch = wire.watch();
            // In a box: a connection does not keep the place for it while it lives.
            http.call((wire, peer))
                .then(move |result| Box::pin(Watch::part(watch).map(|()| result)))
        })
    })?;
    Ok(server.run())
}

/// Each is an improvement only: a system without it serves all the same.
fn tune(connection: &TcpStream, unacknowledged: Duration) {
    // Else a token waits up to 40 ms for the acknowledgement of the one before.
    let _ = connection.set_nodelay(true);
    let socket = SockRef::from(connection);
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(unacknowledged));
    let _ = socket.set_send_buffer_size(SEND_BUFFER);
}
