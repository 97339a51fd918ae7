//! What a program needs in scope: `use usocket_core::prelude::*`.

pub use crate::poll::{ONE_SHOT, Poll, Pollable, UserWake, select};
pub use crate::spi::{Backend, Shutdown};
pub use crate::{
    AF_INET, AF_INET6, Error, ErrorKind, Events, Hints, IPPROTO_TCP, IPPROTO_UDP, IntoTimeout,
    POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, Result, SO_BROADCAST, SO_REUSEADDR, SOCK_DGRAM,
    SOCK_STREAM, SOL_SOCKET, SockAddr, Socket, TCP_NODELAY, Timeout, ToSockAddr, Usocket,
};
