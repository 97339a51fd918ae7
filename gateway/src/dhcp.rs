//! A DHCP server with one address to give.

use std::net::{Ipv4Addr, SocketAddrV4};

use smoltcp::wire::{DhcpMessageType, DhcpPacket, DhcpRepr};

use crate::place::{BOARD, HOST, NAMES, PREFIX};

/// The server's port, and the client's.
pub(crate) const SERVER: u16 = 67;
const CLIENT: u16 = 68;

/// A day: longer than any test, so that it is renewed only where somebody waits for it.
const LEASE: u32 = 86_400;

/// Answers a client, if there is something to say; also says to whom.
pub(crate) fn answer(request: &[u8]) -> Option<(SocketAddrV4, Vec<u8>)> {
    let packet = DhcpPacket::new_checked(request).ok()?;
    let request = DhcpRepr::parse(&packet).ok()?;
    if request.server_identifier.is_some_and(|server| server != HOST) {
        return None;
    }
    let wanted = request.requested_ip.unwrap_or(request.client_ip);
    let message_type = match request.message_type {
        DhcpMessageType::Discover => DhcpMessageType::Offer,
        DhcpMessageType::Request if wanted == BOARD => DhcpMessageType::Ack,
        DhcpMessageType::Request => DhcpMessageType::Nak,
        _ => return None,
    };
    let gives = message_type != DhcpMessageType::Nak;
    let answer = DhcpRepr {
        message_type,
        transaction_id: request.transaction_id,
        secs: 0,
        client_hardware_address: request.client_hardware_address,
        client_ip: Ipv4Addr::UNSPECIFIED,
        your_ip: if gives { BOARD } else { Ipv4Addr::UNSPECIFIED },
        server_ip: HOST,
        router: gives.then_some(HOST),
        subnet_mask: gives.then(|| Ipv4Addr::from_bits(u32::MAX << (32 - PREFIX))),
        relay_agent_ip: Ipv4Addr::UNSPECIFIED,
        broadcast: request.broadcast,
        requested_ip: None,
        client_identifier: None,
        server_identifier: Some(HOST),
        parameter_request_list: None,
        dns_servers: gives.then(|| [NAMES].into_iter().collect()),
        max_size: None,
        lease_duration: gives.then_some(LEASE),
        renew_duration: None,
        rebind_duration: None,
        additional_options: &[],
    };
    let mut bytes = vec![0; answer.buffer_len()];
    answer.emit(&mut DhcpPacket::new_unchecked(&mut bytes)).ok()?;
    // Whoever has no address yet hears broadcasts, and a refusal is for such a one.
    let renews = gives && request.client_ip == BOARD && !request.broadcast;
    let to = if renews { BOARD } else { Ipv4Addr::BROADCAST };
    Some((SocketAddrV4::new(to, CLIENT), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    use smoltcp::wire::EthernetAddress;

    fn ask(message_type: DhcpMessageType, wanted: Option<Ipv4Addr>) -> Option<DhcpMessageType> {
        let mut request = DhcpRepr {
            message_type,
            transaction_id: 77,
            secs: 0,
            client_hardware_address: EthernetAddress([2, 0, 0, 0, 0, 1]),
            client_ip: Ipv4Addr::UNSPECIFIED,
            your_ip: Ipv4Addr::UNSPECIFIED,
            server_ip: Ipv4Addr::UNSPECIFIED,
            router: None,
            subnet_mask: None,
            relay_agent_ip: Ipv4Addr::UNSPECIFIED,
            broadcast: false,
            requested_ip: wanted,
            client_identifier: None,
            server_identifier: None,
            parameter_request_list: None,
            dns_servers: None,
            max_size: None,
            lease_duration: None,
            renew_duration: None,
            rebind_duration: None,
            additional_options: &[],
        };
        let asked = |request: &DhcpRepr<'_>| {
            let mut bytes = vec![0; request.buffer_len()];
            request.emit(&mut DhcpPacket::new_unchecked(&mut bytes)).unwrap();
            let (to, answer) = super::answer(&bytes)?;
            assert_eq!(to, SocketAddrV4::new(Ipv4Addr::BROADCAST, 68));
            let packet = DhcpPacket::new_checked(&answer).unwrap();
            let answer = DhcpRepr::parse(&packet).unwrap();
            assert_eq!(answer.transaction_id, 77);
            Some((answer.message_type, answer.your_ip, answer.router, answer.subnet_mask))
        };
        let answer = asked(&request);
        // Of another server it is none of our business.
        request.server_identifier = Some(Ipv4Addr::new(10, 0, 2, 9));
        assert_eq!(asked(&request), None);
        let (kind, ip, router, mask) = answer?;
        if kind == DhcpMessageType::Nak {
            assert_eq!((ip, router, mask), (Ipv4Addr::UNSPECIFIED, None, None));
        } else {
            let mask_24 = Ipv4Addr::new(255, 255, 255, 0);
            assert_eq!((ip, router, mask), (BOARD, Some(HOST), Some(mask_24)));
        }
        Some(kind)
    }

    #[test]
    fn one_address_and_no_other() {
        use DhcpMessageType::{Ack, Discover, Inform, Nak, Offer, Request};

        assert_eq!(ask(Discover, None), Some(Offer));
        assert_eq!(ask(Request, Some(BOARD)), Some(Ack));
        assert_eq!(ask(Request, Some(Ipv4Addr::new(10, 0, 2, 16))), Some(Nak));
        assert_eq!(ask(Inform, None), None);
        assert_eq!(answer(b"no such packet"), None);
    }
}
