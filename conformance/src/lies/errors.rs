//! Lies about error numbers (R25).

use usocket_core::spi::{Backend, Handle, RecvFlags, Shutdown};
use usocket_core::{Error, Result, SockAddr, Socket, Usocket};

use super::lies;
use crate::cases::errors;
use crate::{Api, Lie};

lies! {
    backend RefusedIsReset breaks [], caught by errors::each_condition_has_its_error;
    backend PendingIsInvalid breaks [], caught by errors::each_condition_has_its_error;
    backend ShutdownIsQuiet breaks [], caught by errors::each_condition_has_its_error;
    backend AcceptIsInvalid breaks [], caught by errors::datagram_conditions_have_their_errors;
    backend QuietIsUnconnected breaks [], caught by errors::datagram_conditions_have_their_errors;
    api OddFamilyIsInvalid breaks [], caught by errors::a_missing_family_says_so;
    api NumbersOfAnotherSystem breaks [], caught by errors::errors_map_onto_embedded_io;
}

#[derive(Default)]
struct RefusedIsReset;

impl<B: Backend> Lie<B> for RefusedIsReset {
    fn connect_result(&self, net: &B, handle: Handle) -> Result<()> {
        match net.connect_result(handle) {
            Err(Error::ECONNREFUSED) => Err(Error::ECONNRESET),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct PendingIsInvalid;

impl<B: Backend> Lie<B> for PendingIsInvalid {
    fn try_connect(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        match net.try_connect(handle, address) {
            Err(Error::EALREADY) => Err(Error::EINVAL),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct ShutdownIsQuiet;

impl<B: Backend> Lie<B> for ShutdownIsQuiet {
    fn shutdown(&self, net: &B, handle: Handle, how: Shutdown) -> Result<()> {
        match net.shutdown(handle, how) {
            Err(Error::ENOTCONN) => Ok(()),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct AcceptIsInvalid;

impl<B: Backend> Lie<B> for AcceptIsInvalid {
    fn try_accept(&self, net: &B, handle: Handle) -> Result<(Handle, SockAddr)> {
        match net.try_accept(handle) {
            Err(Error::EOPNOTSUPP) => Err(Error::EINVAL),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct QuietIsUnconnected;

impl<B: Backend> Lie<B> for QuietIsUnconnected {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        match net.try_recv(handle, buf, flags) {
            Err(Error::EAGAIN) if net.peer_addr(handle).is_err() => Err(Error::ENOTCONN),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct OddFamilyIsInvalid;

impl<B: Backend> Api<B> for OddFamilyIsInvalid {
    fn socket<'b>(&self, net: &'b B, af: i32, ty: i32, proto: i32) -> Result<Socket<'b, B>> {
        net.socket_proto(af, ty, proto).map_err(|_| Error::EINVAL)
    }
}

#[derive(Default)]
struct NumbersOfAnotherSystem;

impl<B: Backend> Api<B> for NumbersOfAnotherSystem {
    fn constant(&self, honest: i32) -> i32 {
        if honest == 11 { 35 } else { honest }
    }
}
