//! A name in the local network, `.local`: `edge-mdns`.

use core::net::{Ipv4Addr, Ipv6Addr};

use edge_mdns::HostAnswersMdnsHandler;
use edge_mdns::buf::VecBufAccess;
use edge_mdns::domain::base::Ttl;
use edge_mdns::host::Host;
use edge_mdns::io::{IPV4_DEFAULT_SOCKET, Mdns, MdnsIoError, bind};

use edge_nal::{UdpBind, UdpSplit};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use rand_core::Rng;

/// Answers who asks for `name`.local with `address`, on the interface that has the address
/// `interface`, for ever.
///
/// # Errors
/// Those of the socket; a backend without groups says so at once.
pub async fn respond<U: UdpBind>(
    udp: &U,
    name: &str,
    address: Ipv4Addr,
    interface: Ipv4Addr,
    random: impl Rng,
) -> Result<(), MdnsIoError<U::Error>> {
    let mut socket = bind(udp, IPV4_DEFAULT_SOCKET, Some(interface), None).await?;
    let (receive, send) = socket.split();
    let incoming = VecBufAccess::<NoopRawMutex, 1500>::new();
    let outgoing = VecBufAccess::<NoopRawMutex, 1500>::new();
    let changed = Signal::<NoopRawMutex, ()>::new();
    let responder =
        Mdns::new(Some(interface), None, receive, send, &incoming, &outgoing, random, &changed);
    let ttl = Ttl::from_secs(60);
    let host = Host { hostname: name, ipv4: address, ipv6: Ipv6Addr::UNSPECIFIED, ttl };
    responder.run(HostAnswersMdnsHandler::new(&host)).await
}
