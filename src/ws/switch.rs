//! From HTTP to WebSocket. A request that asks for the upgrade is answered by the site as every
//! other; if it was accepted, the connection leaves HTTP behind and moves frames.

use std::rc::Rc;

use actix_codec::{AsyncRead, AsyncWrite, Framed};
use actix_http::{
    ConnectionType, Request, Response,
    body::{self, BodySize, MessageBody},
    h1,
};
use actix_rt::net::TcpStream;
use actix_service::{Service, ServiceFactory, fn_factory, fn_service};
use actix_web::{
    Error,
    dev::{AppConfig, ServiceResponse},
};
use futures_util::{SinkExt, future::LocalBoxFuture};

use super::{connection::Connection, upgrade::Accepted};

type Upgrade<T> = (Request, Framed<T, h1::Codec>);

/// The service for connections that ask to leave HTTP; `site` says whether they may. `T` is what
/// HTTP made of the connection.
pub(crate) fn switch<T, S, B>(
    site: S,
) -> impl ServiceFactory<Upgrade<T>, Config = (), Response = (), Error = Error, InitError = ()>
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    Option<TcpStream>: From<T>,
    S: ServiceFactory<
            Request,
            Config = AppConfig,
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    fn_factory(move || {
        let site = site.new_service(AppConfig::default());
        async move {
            let site = Rc::new(site.await?);
            Ok(fn_service(move |upgrade: Upgrade<T>| -> LocalBoxFuture<'static, _> {
                let site = Rc::clone(&site);
                Box::pin(async move {
                    // In a box of its own: it is gone while the connection lives.
                    if let Some(connection) = Box::pin(accept(site, upgrade)).await {
                        connection.run().await;
                    }
                    Ok(())
                })
            }))
        }
    })
}

async fn accept<T, S, B>(site: Rc<S>, (request, mut framed): Upgrade<T>) -> Option<Connection>
where
    T: AsyncRead + AsyncWrite + Unpin,
    Option<TcpStream>: From<T>,
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    let mut answer = match site.call(request).await {
        Ok(answer) => answer.map_into_boxed_body().into_parts().1,
        Err(error) => error.error_response(),
    };
    let accepted = answer.extensions_mut().remove::<Accepted>();
    let mut answer = Response::from(answer);
    let Some(accepted) = accepted else {
        answer.head_mut().set_connection_type(ConnectionType::Close);
        let (answer, body) = answer.into_parts();
        let answer = answer.set_body(body::to_bytes(body).await.ok()?);
        // A client that went away needs no answer.
        let mut framed = h1::SendResponse::new(framed, answer).await.ok()?;
        SinkExt::<h1::Message<(Response<()>, BodySize)>>::close(&mut framed).await.ok()?;
        return None;
    };
    framed.send(h1::Message::Item((answer.drop_body(), BodySize::None))).await.ok()?;
    let parts = framed.into_parts();
    let io = Option::<TcpStream>::from(parts.io)?;
    Some(Connection::new(io, &parts.read_buf, accepted))
}
