//! The HTTP server: sockets with the right options, the areas mounted on it.

use std::{any::Any, io, net::SocketAddr, sync::Arc, time::Duration};

use actix_web::{
    App as Site, HttpServer,
    dev::{Extensions, Server},
    middleware::from_fn,
    web::{self, Data},
};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::net::TcpListener;

use super::{App, Ground};
use crate::{
    http::{self, observe},
    ws,
};

/// tokio's own 128 stalls a crowd that arrives at once for a second.
const BACKLOG: i32 = 4_096;
/// A peer that acknowledges nothing for so long is cut by the kernel.
const UNACKNOWLEDGED: Duration = Duration::from_secs(15);
/// The kernel otherwise buffers 4 MB for a reader that stalls.
const SEND_BUFFER: usize = 128 * 1024;

pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Serves until it is told to stop.
pub(crate) fn serve(app: &App, ground: &Ground, listener: TcpListener) -> io::Result<Server> {
    let hub = Data::from(Arc::clone(&app.hub));
    let auth = Data::from(Arc::clone(&app.auth));
    let store = Data::from(Arc::clone(&app.store));
    let courses = Data::from(Arc::clone(&app.courses));
    let metrics = Data::from(Arc::clone(&app.metrics));
    let source = Data::new(observe::Source {
        clock: Arc::clone(&ground.clock),
        ids: Arc::clone(&ground.ids),
    });
    let server = HttpServer::new(move || {
        Site::new()
            .app_data(hub.clone())
            .app_data(auth.clone())
            .app_data(store.clone())
            .app_data(courses.clone())
            .app_data(metrics.clone())
            .app_data(source.clone())
            .wrap(from_fn(observe::observe))
            .configure(ws::routes)
            .configure(http::routes)
            .default_service(web::to(http::pages::serve))
    });
    let server = match ground.config.server.workers {
        0 => server,
        workers => server.workers(workers),
    };
    let server = server
        .on_connect(tune)
        .tcp_nodelay(true)
        .backlog(u32::try_from(BACKLOG).unwrap_or(1_024))
        .h1_allow_half_closed(false)
        .disable_signals()
        .shutdown_timeout(2)
        .listen(listener)?;
    Ok(server.run())
}

fn tune(connection: &dyn Any, _: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<actix_rt::net::TcpStream>() else { return };
    let socket = SockRef::from(stream);
    // Each is an improvement only: a system without it serves all the same.
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    let _ = socket.set_send_buffer_size(SEND_BUFFER);
}
