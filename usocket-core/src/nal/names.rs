//! Names, awaited.

use core::net::IpAddr;

use crate::asynch::getaddrinfo;
use crate::spi::Backend;
use crate::{Hints, Result};

/// The first address of `host` in the family `af`, 0 for any.
pub(super) async fn address_of<B: Backend + ?Sized>(
    net: &B,
    host: &str,
    af: i32,
) -> Result<IpAddr> {
    let hints = Hints { af, ..Hints::stream() };
    Ok(getaddrinfo(net, host, 0_u16, hints).await?.first().sockaddr.ip())
}
