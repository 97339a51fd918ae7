//! Lies about error numbers (R25).

use usocket_core::spi::{Backend, Handle, RecvFlags};
use usocket_core::{Error, Result, Socket, Usocket};

use super::{lies, retold};
use crate::cases::errors;
use crate::{Api, Lie};

lies! {
    backend RefusalLaterIsReset breaks [], caught by errors::each_condition_has_its_error;
    backend PendingIsInvalid breaks [], caught by errors::each_condition_has_its_error;
    backend ShutdownUnconnectedWorks breaks [], caught by errors::each_condition_has_its_error;
    backend AcceptIsInvalid breaks [], caught by errors::datagram_conditions_have_their_errors;
    backend QuietIsUnconnected breaks [], caught by errors::datagram_conditions_have_their_errors;
    api OddFamilyIsInvalid breaks [], caught by errors::a_missing_family_says_so;
    api NumbersOfAnotherSystem breaks [], caught by errors::errors_map_onto_embedded_io;
}

retold! {
    api NumbersOfAnotherSystem: constant { 11 => 35 }
    backend RefusalLaterIsReset: connect_result {
        Err(Error::ECONNREFUSED) => Err(Error::ECONNRESET)
    }
    backend PendingIsInvalid: try_connect { Err(Error::EALREADY) => Err(Error::EINVAL) }
    backend ShutdownUnconnectedWorks: shutdown { Err(Error::ENOTCONN) => Ok(()) }
    backend AcceptIsInvalid: try_accept { Err(Error::EOPNOTSUPP) => Err(Error::EINVAL) }
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
