//! What a program needs in scope: `use usocket_core::prelude::*`.

pub use crate::poll::{ONE_SHOT, Poll, Pollable, UserWake, select};
pub use crate::spi::{Backend, Shutdown};
pub use crate::{
    AF_INET, AF_INET6, Error, ErrorKind, Events, Hints, POLLERR, POLLHUP, POLLIN, POLLNVAL,
    POLLOUT, Result, SOCK_DGRAM, SOCK_STREAM, SockAddr, Socket, Timeout, Usocket,
};
