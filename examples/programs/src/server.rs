//! An HTTP and WebSocket server: `edge-http`, `edge-ws`.

use core::fmt::{Debug, Display};
use core::net::SocketAddr;

use edge_http::Method;
use edge_http::io::Error;
use edge_http::io::server::{Connection, Handler, Server};
use edge_http::ws::MAX_BASE64_KEY_RESPONSE_LEN;
use edge_nal::TcpBind;
use edge_ws::{FrameHeader, FrameType};
use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use embedded_io_async::{Read, Write};

/// Clients that are served at once.
const CLIENTS: usize = 2;

/// Serves `page` at `/` and echoes WebSocket messages at `/echo`, until somebody asks for
/// `/stop`.
///
/// # Errors
/// Those of binding and accepting.
pub async fn serve<T: TcpBind>(
    tcp: &T,
    at: SocketAddr,
    page: &[u8],
) -> Result<(), Error<T::Error>> {
    let acceptor = tcp.bind(at).await.map_err(Error::Io)?;
    let stop = Signal::new();
    let mut server = Server::<CLIENTS, 1024, 16>::new();
    let site = Site { page, stop: &stop };
    match select(server.run(None, acceptor, site), stop.wait()).await {
        Either::First(ended) => ended,
        Either::Second(()) => Ok(()),
    }
}

struct Site<'s> {
    page: &'s [u8],
    stop: &'s Signal<NoopRawMutex, ()>,
}

/// Why a client is not served any further.
#[derive(Debug)]
enum Failure<E> {
    Http(#[allow(dead_code, reason = "for the journal of the server")] Error<E>),
    Ws(#[allow(dead_code, reason = "for the journal of the server")] edge_ws::Error<E>),
}

impl<E> From<Error<E>> for Failure<E> {
    fn from(error: Error<E>) -> Self {
        Self::Http(error)
    }
}

impl<E> From<edge_ws::Error<E>> for Failure<E> {
    fn from(error: edge_ws::Error<E>) -> Self {
        Self::Ws(error)
    }
}

impl Handler for Site<'_> {
    type Error<E>
        = Failure<E>
    where
        E: Debug;

    async fn handle<T: Read + Write, const N: usize>(
        &self,
        _: impl Display + Clone,
        connection: &mut Connection<'_, T, N>,
    ) -> Result<(), Failure<T::Error>> {
        let headers = connection.headers()?;
        match (headers.method, headers.path) {
            (Method::Get, "/echo") if connection.is_ws_upgrade_request()? => {
                return echo(connection).await;
            }
            (Method::Get, "/") => {
                let kind = [("Content-Type", "application/octet-stream")];
                connection.initiate_response(200, Some("OK"), &kind).await?;
                connection.write_all(self.page).await?;
            }
            (Method::Get, "/stop") => {
                connection.initiate_response(200, Some("OK"), &[]).await?;
                connection.write_all(b"bye").await?;
                connection.complete().await?;
                self.stop.signal(());
            }
            (Method::Get, _) => {
                connection.initiate_response(404, Some("Not Found"), &[]).await?;
            }
            _ => connection.initiate_response(405, Some("Method Not Allowed"), &[]).await?,
        }
        Ok(())
    }
}

/// Sends each message back until the client closes.
async fn echo<T: Read + Write, const N: usize>(
    connection: &mut Connection<'_, T, N>,
) -> Result<(), Failure<T::Error>> {
    let mut key = [0; MAX_BASE64_KEY_RESPONSE_LEN];
    connection.initiate_ws_upgrade_response(&mut key).await?;
    connection.complete().await?;
    let mut socket = connection.unbind()?;
    let mut buf = [0; 1024];
    loop {
        let mut header = FrameHeader::recv(&mut socket).await?;
        let payload = header.recv_payload(&mut socket, &mut buf).await?;
        // A server does not mask.
        header.mask_key = None;
        if matches!(header.frame_type, FrameType::Ping) {
            header.frame_type = FrameType::Pong;
        }
        header.send(&mut socket).await?;
        header.send_payload(&mut socket, payload).await?;
        if matches!(header.frame_type, FrameType::Close) {
            return Ok(());
        }
    }
}
