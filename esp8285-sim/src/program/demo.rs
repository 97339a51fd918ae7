//! The virtual network of the program, for sessions without any network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use esp8285_sim::Instant;
use esp8285_sim::net::{Host, Script, Step, UdpService, VirtualNet};

/// One host, `demo.test`, as the help text describes it.
pub(crate) fn net(seed: u64, clients: &[(Instant, u16)]) -> VirtualNet {
    let mut net = VirtualNet::new(seed);
    let page = [
        Step::Until(b"\r\n\r\n".to_vec()),
        Step::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n".to_vec()),
        Step::Fin,
    ];
    let host = Host::default()
        .tcp(7, Script::echo())
        .tcp(9, Script::sink())
        .tcp(80, Script::new(page))
        .udp(7, UdpService::Echo);
    for address in [IpAddr::V4(ADDRESS), IpAddr::V6(ADDRESS6)] {
        net.add_host(address, host.clone());
        net.add_name("demo.test", address);
    }
    for (at, port) in clients {
        net.dial_later(*at, (ADDRESS, CLIENT), *port, Script::echo());
    }
    net
}

/// Where clients come from.
const CLIENT: u16 = 50_000;

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const ADDRESS6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
