//! The community's network traits, on every backend.
//!
//! HTTP, MQTT, TLS and time clients are written for traits, not for us. Here those traits
//! are implemented once, over the interface of backends, so that each client runs on
//! each backend:
//!
//! | feature | traits | on |
//! |---|---|---|
//! | `embedded-nal-async` | `embedded_nal_async` 0.9: `TcpConnect`, `UdpStack`, `Dns` | [`Stack`] |
//! | `edge-nal` | `edge_nal` 0.7: `TcpConnect`, `TcpBind`, `UdpConnect`, `UdpBind`, `Dns` | [`Stack`] |
//! | `embedded-nal` | `embedded_nal` 0.9: `TcpFullStack`, `UdpFullStack`, `Dns` | `NbStack` |
//!
#![cfg_attr(
    feature = "embedded-nal-async",
    doc = r#"
```no_run
use core::net::SocketAddr;
use embedded_io_async::{Read, Write};
use embedded_nal_async::TcpConnect;
use usocket_core::nal::Stack;
use usocket_core::prelude::*;

/// Knows nothing of usocket.
async fn ask<T: TcpConnect>(stack: &T, to: SocketAddr) -> Result<usize, T::Error> {
    let mut connection = stack.connect(to).await?;
    connection.write_all(b"hello\n").await?;
    let mut answer = [0; 80];
    connection.read(&mut answer).await
}

fn greet<B: Backend>(net: &B) -> Result<usize> {
    let stack = Stack::new(net);
    net.block_on(ask(&stack, ([192, 0, 2, 1], 7).into()))
}
```
"#
)]
//! A stack is a reference and two settings: make as many as there are clients. What it
//! makes ([`TcpStream`], [`TcpListener`], [`UdpSocket`]) owns a [`Socket`](crate::Socket), so that options
//! and whatever the traits lack are one call away: `stream.socket()`.
//!
//! The futures need somebody who drives the backend: [`block_on`](crate::Usocket::block_on),
//! or a task with [`run`](crate::Usocket::run). The std backend needs nobody.
//!
//! # What is supported where
//!
//! | | std | smoltcp | modem, firmware 1.x | modem, 2.x | tutorial backend |
//! |---|---|---|---|---|---|
//! | TCP client, server, peer address | yes | yes | yes | yes | yes |
//! | close of one direction | yes | yes | `EOPNOTSUPP` | `EOPNOTSUPP` | yes |
//! | UDP, connected and bound | yes | yes | yes | yes | yes |
//! | full length of a datagram cut short | yes | yes | yes | yes | yes |
//! | local address of each datagram | yes | yes | one for all | one for all | yes |
//! | reply from the address that was asked | yes | yes | yes | yes | yes |
//! | groups | yes | yes | `ENOPROTOOPT` | from 2.2 | yes |
//! | name to address | yes | yes | yes | yes | yes |
//! | address to name | yes | `EOPNOTSUPP` | `EOPNOTSUPP` | `EOPNOTSUPP` | yes |
//!
//! The kit of `usocket-conformance` asserts each cell on each backend.
//!
//! # Errors
//!
//! The error of every trait is [`Error`](crate::Error) itself, with its errno: nothing is lost in
//! translation. As far as a trait has kinds they are derived from it:
//!
//! | outcome of a read | `embedded_io::ErrorKind` | `embedded_nal::TcpErrorKind` |
//! |---|---|---|
//! | end of stream | `Ok(0)` | `Ok(0)` |
//! | reset | `ConnectionReset` | `PipeClosed` |
//! | timeout | `TimedOut` | does not happen |
//! | would block | does not happen, it waits | `nb::Error::WouldBlock` |
//! | closed by ourselves | `NotConnected` | by type: `close` takes the socket |
//!
//! # Closing
//!
//! Dropping a stream closes it in order: the peer gets everything that was written, and
//! then the end of the stream, in the background. [`drain`](crate::Usocket::drain) waits for
//! it before a program ends. Unread received bytes make it a reset, as everywhere.
//!
//! # Cancellation
//!
//! Each future may be dropped at any await point. None leaks a socket, a query or a place
//! among the waiters, and none leaves a modem in the middle of a command.
//!
//! | operation | when dropped |
//! |---|---|
//! | `TcpConnect::connect`, `UdpStack::*`, `TcpBind::bind`, `UdpBind::bind`, `UdpConnect::connect` | the attempt is given up and its socket closed |
//! | `accept` | no connection is lost: the next `accept` returns it |
//! | `read`, `receive`, `receive_into`, `readable` | nothing was taken |
//! | `write`, `send` | nothing was sent |
//! | `read_exact`, `write_all` (of `embedded-io-async`) | not cancel-safe: a part may be done |
//! | `TcpShutdown::close` | what was closed stays closed; received bytes may be discarded |
//! | `join`, `leave` | the group is joined or left all the same |
//! | `get_host_by_name`, `get_host_by_address` | the query is freed |

#[cfg(feature = "edge-nal")]
mod edge;
#[cfg(feature = "embedded-nal-async")]
mod embedded_async;
#[cfg(any(feature = "embedded-nal-async", feature = "edge-nal"))]
mod names;
#[cfg(feature = "embedded-nal")]
mod nb;
#[cfg(any(feature = "embedded-nal-async", feature = "edge-nal"))]
mod stack;
#[cfg(any(feature = "embedded-nal-async", feature = "edge-nal"))]
mod stream;
#[cfg(any(feature = "embedded-nal-async", feature = "edge-nal"))]
mod udp;

#[cfg(feature = "edge-nal")]
pub use edge::{Joiner, ReadHalf, ReceiveHalf, SendHalf, TcpListener, WriteHalf};
#[cfg(feature = "embedded-nal")]
pub use nb::{NbStack, NbTcpSocket, NbUdpSocket};
#[cfg(any(feature = "embedded-nal-async", feature = "edge-nal"))]
pub use stack::Stack;
#[cfg(any(feature = "embedded-nal-async", feature = "edge-nal"))]
pub use stream::TcpStream;
#[cfg(any(feature = "embedded-nal-async", feature = "edge-nal"))]
pub use udp::UdpSocket;
