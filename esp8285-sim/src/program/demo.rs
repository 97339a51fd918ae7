//! The virtual network of the program, for sessions without any network.

use std::net::Ipv4Addr;

use esp8285_sim::net::{Host, Script, Step, UdpService, VirtualNet};

/// One host, `demo.test`, as the help text describes it.
pub(crate) fn net(seed: u64) -> VirtualNet {
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
    net.add_host(ADDRESS, host);
    net.add_name("demo.test", ADDRESS);
    net
}

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
