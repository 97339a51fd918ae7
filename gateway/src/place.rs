//! The addresses of the little network.

use std::net::{Ipv4Addr, SocketAddrV4};

use smoltcp::wire::EthernetAddress;

/// The address of the board.
pub const BOARD: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);

/// The router's address; behind it is this machine's 127.0.0.1.
pub const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

/// The address of the name server.
pub const NAMES: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 3);

/// The length of the network's prefix.
pub(crate) const PREFIX: u8 = 24;

/// The gateway's address on the wire.
pub(crate) const HARDWARE: EthernetAddress = EthernetAddress([0x52, 0x55, 10, 0, 2, 2]);

/// How this machine reaches what the board reaches at `ip`: for [`HOST`] and [`NAMES`] its
/// own loopback.
#[must_use]
pub fn from_board(ip: Ipv4Addr) -> Ipv4Addr {
    if ip == HOST || ip == NAMES { Ipv4Addr::LOCALHOST } else { ip }
}

/// How the board reaches what this machine reaches at `ip`: what is loopback here is
/// [`HOST`] there.
#[must_use]
pub fn from_host(ip: Ipv4Addr) -> Ipv4Addr {
    if ip.is_loopback() || ip.is_unspecified() { HOST } else { ip }
}

/// The place that this machine opens for what the board sends to `to`; `None`: nobody is there.
pub(crate) fn outward(to: SocketAddrV4) -> Option<SocketAddrV4> {
    let ip = *to.ip();
    let neighbour = ip.octets()[..3] == HOST.octets()[..3];
    let usable = !(ip.is_loopback() || ip.is_unspecified() || ip.is_broadcast());
    (usable && (!neighbour || ip == HOST || ip == NAMES))
        .then(|| SocketAddrV4::new(from_board(ip), to.port()))
}

/// The address that the board sees for one of this machine.
pub(crate) fn inward(from: SocketAddrV4) -> SocketAddrV4 {
    SocketAddrV4::new(from_host(*from.ip()), from.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_the_host_and_nothing_else_in_the_network_is_there() {
        let at = |a, b, c, d| SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), 80);
        assert_eq!(outward(at(10, 0, 2, 2)), Some(at(127, 0, 0, 1)));
        assert_eq!(outward(at(192, 0, 2, 7)), Some(at(192, 0, 2, 7)));
        for nobody in [at(10, 0, 2, 77), at(10, 0, 2, 255), at(127, 0, 0, 1), at(0, 0, 0, 0)] {
            assert_eq!(outward(nobody), None, "{nobody}");
        }
        assert_eq!(inward(at(127, 0, 0, 9)), at(10, 0, 2, 2));
        assert_eq!(inward(at(192, 0, 2, 7)), at(192, 0, 2, 7));
    }
}
