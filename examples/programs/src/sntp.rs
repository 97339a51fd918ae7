//! The time of the Internet: `sntpc`.

use core::net::SocketAddr;

use edge_nal::{UdpConnect, UdpReceive, UdpSend};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use sntpc::{NtpContext, NtpResult, NtpTimestampGenerator, NtpUdpSocket, get_time};

/// Why there is no time.
#[derive(Debug)]
pub enum Failure<E> {
    /// No socket.
    Connect(E),
    /// The server, or what it said.
    Sntp(sntpc::Error),
}

/// Asks `server` once. `clock` tells our own time, and the answer by how much it is wrong.
///
/// # Errors
/// [`Failure`].
pub async fn ask<U: UdpConnect, C: NtpTimestampGenerator + Copy>(
    udp: &U,
    server: SocketAddr,
    clock: C,
) -> Result<NtpResult, Failure<U::Error>> {
    let any = SocketAddr::from(([0, 0, 0, 0], 0));
    let socket = udp.connect(any, server).await.map_err(Failure::Connect)?;
    let socket = Shared(Mutex::new(socket));
    get_time(server, &socket, NtpContext::new(clock)).await.map_err(Failure::Sntp)
}

/// A socket that `sntpc` asks for by a shared reference.
struct Shared<S>(Mutex<NoopRawMutex, S>);

impl<S: UdpSend + UdpReceive> NtpUdpSocket for Shared<S> {
    async fn send_to(&self, buf: &[u8], to: SocketAddr) -> sntpc::Result<usize> {
        let sent = self.0.lock().await.send(to, buf).await;
        sent.map(|()| buf.len()).map_err(|_| sntpc::Error::Network)
    }

    async fn recv_from(&self, buf: &mut [u8]) -> sntpc::Result<(usize, SocketAddr)> {
        self.0.lock().await.receive(buf).await.map_err(|_| sntpc::Error::Network)
    }
}
