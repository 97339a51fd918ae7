//! Lies about sections A and B.

use usocket_core::spi::{Backend, Handle, SockType};
use usocket_core::{Error, Family, Result, Socket, Usocket};

use super::lies;
use crate::cases::module;
use crate::{Api, Lie};

lies! {
    backend NoDatagrams breaks [2], caught by module::protocol_follows_the_type;
    api AnyProtocol breaks [4], caught by module::contradicting_protocol_is_refused;
}

#[derive(Default)]
struct NoDatagrams;

impl<B: Backend> Lie<B> for NoDatagrams {
    fn open(&self, net: &B, family: Family, kind: SockType) -> Result<Handle> {
        match kind {
            SockType::Stream => net.open(family, kind),
            SockType::Dgram => Err(Error::EPROTONOSUPPORT),
        }
    }
}

#[derive(Default)]
struct AnyProtocol;

impl<B: Backend> Api<B> for AnyProtocol {
    fn socket<'b>(&self, net: &'b B, af: i32, ty: i32, _proto: i32) -> Result<Socket<'b, B>> {
        net.socket(af, ty)
    }
}
