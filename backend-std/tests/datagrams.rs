//! Datagrams on the loopback, directly on the SPI.

mod support;

use std::net::{IpAddr, Ipv4Addr};

use support::{datagrams, has_ipv6, net};
use usocket_core::spi::{Backend, Group, Opt, OptName, RecvFlags, SockType};
use usocket_core::{Error, Family, POLLIN, SockAddr};

const FLAGS: RecvFlags = RecvFlags { peek: false };

fn families() -> Vec<Family> {
    if has_ipv6() { vec![Family::V4, Family::V6] } else { vec![Family::V4] }
}

#[test]
fn whole_truncated_and_empty_datagrams() {
    for family in families() {
        let net = net();
        let [(a, from), (b, to)] = datagrams(&net, family);
        let mut buf = [0; 8];
        // Sent before the destination was first asked for.
        assert_eq!(net.try_send_to(a, b"0123456789", to), Ok(10));
        assert_eq!(net.try_send_to(a, b"", to), Ok(0));
        assert_eq!(net.try_send_to(a, b"next", to), Ok(4));
        net.wait(b, POLLIN, None).unwrap();
        let peeked = net.try_recv_info(b, &mut buf, RecvFlags { peek: true }).unwrap();
        let info = net.try_recv_info(b, &mut buf, FLAGS).unwrap();
        assert_eq!(peeked, info);
        assert_eq!((info.len, info.full_len, info.from), (8, 10, from));
        assert!(info.truncated());
        #[cfg(target_os = "linux")]
        assert_eq!(info.local, Some(to.ip()));
        assert_eq!(net.recv_info_wait(b, &mut buf).map(|info| info.full_len), Ok(0));
        // Takes a datagram, as an empty buffer does not on a stream.
        assert_eq!(net.try_recv(b, &mut [], FLAGS), Ok(0));
        assert_eq!(net.try_recv(b, &mut buf, FLAGS), Err(Error::EAGAIN));
        assert_eq!(net.try_recv_info(b, &mut buf, FLAGS), Err(Error::EAGAIN));
    }
}

#[test]
fn errors_of_sending() {
    for family in families() {
        let net = net();
        let [(a, _), (b, to)] = datagrams(&net, family);
        assert_eq!(net.try_send(a, b"x"), Err(Error::EDESTADDRREQ));
        assert_eq!(net.send_wait(a, b"x"), Err(Error::EDESTADDRREQ));
        assert_eq!(net.try_send_to(a, &[0; 70_000], to), Err(Error::EMSGSIZE));
        assert_eq!(net.try_connect(a, to), Ok(()));
        assert_eq!(net.try_send(a, &[0; 70_000]), Err(Error::EMSGSIZE));
        assert_eq!(net.try_send(a, b""), Ok(0));
        assert_eq!(net.try_recv(b, &mut [0; 4], FLAGS), Ok(0));
        assert_eq!(net.listen(a, 1), Err(Error::EOPNOTSUPP));
        assert_eq!(net.try_accept(a), Err(Error::EOPNOTSUPP));
        assert_eq!(net.accept_wait(a), Err(Error::EOPNOTSUPP));
        assert_eq!(net.set_option(a, &Opt::NoDelay(true)), Err(Error::ENOPROTOOPT));
        // Nobody is there, which is told once.
        assert_eq!(net.connect_wait(a, support::refusing(family)), Ok(()));
        assert_eq!(net.try_send(a, b"x"), Ok(1));
        net.wait(a, POLLIN, None).unwrap();
        assert_eq!(net.try_recv(a, &mut [0; 4], FLAGS), Err(Error::ECONNREFUSED));
        assert_eq!(net.try_recv(a, &mut [0; 4], FLAGS), Err(Error::EAGAIN));
    }
}

#[test]
fn broadcast_is_asked_for() {
    let net = net();
    let [(a, _), (_, to)] = datagrams(&net, Family::V4);
    for ip in [[127, 255, 255, 255], [255; 4]] {
        let everybody = SockAddr::new(Ipv4Addr::from(ip).into(), to.port());
        net.set_option(a, &Opt::Broadcast(false)).unwrap();
        assert_eq!(net.try_send_to(a, b"x", everybody), Err(Error::EACCES), "{everybody}");
        net.set_option(a, &Opt::Broadcast(true)).unwrap();
        let sent = net.try_send_to(a, b"x", everybody);
        // The limited broadcast needs an interface that is not the loopback.
        assert!(matches!(sent, Ok(1) | Err(Error::ENETUNREACH)), "{sent:?}");
    }
}

#[test]
fn groups() {
    let net = net();
    let group = Ipv4Addr::new(239, 255, 1, 2);
    let member = net.open(Family::V4, SockType::Dgram).unwrap();
    net.bind(member, SockAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0)).unwrap();
    let place = Group::V4 { group, interface: Ipv4Addr::LOCALHOST };
    assert_eq!(net.set_option(member, &Opt::Leave(place)), Err(Error::EADDRNOTAVAIL));
    assert_eq!(net.set_option(member, &Opt::Join(place)), Ok(()));
    assert_eq!(net.set_option(member, &Opt::Join(place)), Err(Error::EADDRINUSE));
    let [(sender, _), _] = datagrams(&net, Family::V4);
    net.set_option(sender, &Opt::MulticastInterface(Ipv4Addr::LOCALHOST)).unwrap();
    net.set_option(sender, &Opt::MulticastTtl(0)).unwrap();
    assert_eq!(net.option(sender, OptName::MulticastTtl), Ok(Opt::MulticastTtl(0)));
    assert_eq!(net.option(sender, OptName::MulticastLoop), Ok(Opt::MulticastLoop(true)));
    let to = SockAddr::new(group.into(), net.local_addr(member).unwrap().port());
    assert_eq!(net.try_send_to(sender, b"all", to), Ok(3));
    let info = net.recv_info_wait(member, &mut [0; 4]).unwrap();
    assert_eq!((info.len, info.local), (3, Some(IpAddr::V4(group))));
    assert_eq!(net.set_option(member, &Opt::Leave(place)), Ok(()));
    let nowhere = Group::V4 { group, interface: Ipv4Addr::new(192, 0, 2, 1) };
    assert_eq!(net.set_option(member, &Opt::Join(nowhere)), Err(Error::ENODEV));
    let stream = net.open(Family::V4, SockType::Stream).unwrap();
    assert_eq!(net.set_option(stream, &Opt::Join(place)), Err(Error::ENOPROTOOPT));
}

/// Every address of 127.0.0.0/8 is ours on Linux.
#[cfg(target_os = "linux")]
#[test]
fn replies_leave_from_the_address_that_was_asked() {
    let net = net();
    let server = net.open(Family::V4, SockType::Dgram).unwrap();
    net.bind(server, SockAddr::new(Family::V4.unspecified(), 0)).unwrap();
    let port = net.local_addr(server).unwrap().port();
    let [(client, _), _] = datagrams(&net, Family::V4);
    for last in [1, 2, 77] {
        let asked = SockAddr::new(Ipv4Addr::new(127, 0, 0, last).into(), port);
        assert_eq!(net.try_send_to(client, b"?", asked), Ok(1));
        let info = net.recv_info_wait(server, &mut [0; 4]).unwrap();
        assert_eq!(info.local, Some(asked.ip()));
        assert_eq!(net.try_send_from(server, b"!", asked.ip(), info.from), Ok(1));
        assert_eq!(net.recv_from_wait(client, &mut [0; 4]), Ok((1, asked)));
    }
}

#[test]
fn groups_of_ipv6() {
    if !has_ipv6() {
        let refused = net().open(Family::V6, SockType::Dgram);
        assert!(matches!(refused, Ok(_) | Err(Error::EAFNOSUPPORT)), "{refused:?}");
        return;
    }
    let net = net();
    let [(member, _), _] = datagrams(&net, Family::V6);
    let place = Group::V6 { group: "ff02::1:77".parse().unwrap(), interface: 1 };
    assert_eq!(net.set_option(member, &Opt::Leave(place)), Err(Error::EADDRNOTAVAIL));
    assert_eq!(net.set_option(member, &Opt::Join(place)), Ok(()));
    assert_eq!(net.set_option(member, &Opt::Join(place)), Err(Error::EADDRINUSE));
    assert_eq!(net.set_option(member, &Opt::Leave(place)), Ok(()));
    let nowhere = Group::V6 { group: "ff02::1:77".parse().unwrap(), interface: 9_999 };
    assert_eq!(net.set_option(member, &Opt::Join(nowhere)), Err(Error::ENODEV));
}

#[test]
fn options_read_back() {
    let net = net();
    let stream = net.open(Family::V4, SockType::Stream).unwrap();
    let options = [
        Opt::ReuseAddr(true),
        Opt::Broadcast(true),
        Opt::KeepAlive(true),
        Opt::Linger(Some(3)),
        Opt::Linger(None),
        Opt::NoDelay(true),
        Opt::KeepIdle(7),
        Opt::KeepInterval(8),
        Opt::KeepCount(9),
        Opt::Ttl(33),
    ];
    for option in options {
        assert_eq!(net.set_option(stream, &option), Ok(()), "{option:?}");
        assert_eq!(net.option(stream, option.name()), Ok(option));
    }
    assert_eq!(net.option(stream, OptName::Type), Ok(Opt::Type(SockType::Stream)));
    assert_eq!(net.set_option(stream, &Opt::Listening(true)), Err(Error::ENOPROTOOPT));
    assert_eq!(net.set_option(stream, &Opt::SendBuffer(20_000)), Ok(()));
    let size = net.option(stream, OptName::SendBuffer).unwrap();
    assert!(matches!(size, Opt::SendBuffer(20_000..)), "{size:?}");
    #[cfg(target_os = "linux")]
    {
        let lo = "lo".try_into().unwrap();
        assert_eq!(net.set_option(stream, &Opt::Device(lo)), Ok(()));
        let name = net.option(stream, OptName::Device);
        assert_eq!(name, Ok(Opt::Device("lo".try_into().unwrap())));
        let none = "none-such".try_into().unwrap();
        let other = net.open(Family::V4, SockType::Stream).unwrap();
        assert_eq!(net.set_option(other, &Opt::Device(none)), Err(Error::ENODEV));
    }
}

#[test]
fn link_local_addresses_name_their_interface() {
    if !has_ipv6() {
        return;
    }
    let net = net();
    let unknown: std::net::SocketAddr = "[fe80::1%9999]:9".parse().unwrap();
    let udp = net.open(Family::V6, SockType::Dgram).unwrap();
    assert_eq!(net.bind(udp, unknown.into()), Err(Error::ENODEV));
    assert_eq!(net.try_send_to(udp, b"x", unknown.into()), Err(Error::ENODEV));
    assert_eq!(net.try_connect(udp, unknown.into()), Err(Error::ENODEV));
    let tcp = net.open(Family::V6, SockType::Stream).unwrap();
    assert_eq!(net.bind(tcp, unknown.into()), Err(Error::ENODEV));
    assert_eq!(net.try_connect(tcp, unknown.into()), Err(Error::ENODEV));
}
