//! Names, awaited.

use core::net::IpAddr;

use crate::asynch::{self, getaddrinfo};
use crate::spi::Backend;
use crate::{Hints, Result, resolve};

/// The first address of `host` in the family `af`, 0 for any.
pub(super) async fn address_of<B: Backend + ?Sized>(
    net: &B,
    host: &str,
    af: i32,
) -> Result<IpAddr> {
    let hints = Hints { af, ..Hints::stream() };
    Ok(getaddrinfo(net, host, 0_u16, hints).await?.first().sockaddr.ip())
}

/// The name of an address at the beginning of `result`, and its length.
pub(super) async fn name_of<B: Backend + ?Sized>(
    net: &B,
    ip: IpAddr,
    result: &mut [u8],
) -> Result<usize> {
    asynch::getnameinfo(net, ip, |name| resolve::copy_name(name, result)).await
}
