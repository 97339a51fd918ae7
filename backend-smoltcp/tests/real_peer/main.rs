//! Against the TCP/IP of Linux and real servers, over TAP and AF_PACKET, in wall-clock time.
//!
//! Needs root and a network namespace of its own: `ci/jobs/linux-peer`.

#[path = "../support/keep.rs"]
mod keep;
mod rig;

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rig::{
    LINUX, LINUX_V6, OURS, OURS_V6, echo, fixed, on_packets, on_tap, pattern, run, through_echo,
    until_done,
};
use usocket_backend_smoltcp::Config;
use usocket_core::prelude::*;
use usocket_core::spi::EventSource;
use usocket_core::{Family, POLLIN, SockAddr};

#[test]
fn streams_to_linux_and_back() {
    on_tap(&fixed(), |net| streams(net));
}

#[test]
fn streams_over_a_packet_socket() {
    on_packets(&fixed(), |net| streams(net));
}

/// Both families, there and back.
fn streams<B: Backend>(net: &B) {
    for (af, bind) in [(AF_INET, "10.7.0.1:0"), (AF_INET6, "[fd07::1]:0")] {
        let listener = TcpListener::bind(bind).unwrap();
        let to = listener.local_addr().unwrap();
        let server = echo(listener, 4);
        for len in [0, 1, 5000, 4_000_000] {
            through_echo(net, af, to, len);
        }
        server.join().unwrap();
    }
    net.drain(10).unwrap();
}

#[test]
fn streams_with_loss() {
    on_tap(&fixed(), |net| {
        run(
            "nft add table inet t && nft add chain inet t i '{ type filter hook input priority 0; }' \
             && nft add rule inet t i tcp dport != 0 numgen random mod 100 '<' 3 drop \
             && nft add chain inet t o '{ type filter hook output priority 0; }' \
             && nft add rule inet t o oifname tap0 tcp dport != 0 numgen random mod 100 '<' 3 drop",
        );
        let listener = TcpListener::bind((LINUX, 0)).unwrap();
        let to = listener.local_addr().unwrap();
        let server = echo(listener, 3);
        for _ in 0..3 {
            through_echo(net, 2, to, 200_000);
        }
        run("nft delete table inet t");
        server.join().unwrap();
    });
}

#[test]
fn a_server_for_many_clients_of_linux() {
    on_tap(&fixed(), |net| {
        serve(net, AF_INET, (OURS.into(), LINUX.into()));
        serve(net, AF_INET6, (OURS_V6.into(), LINUX_V6.into()));
    });
}

#[test]
fn a_server_on_a_packet_socket() {
    on_packets(&fixed(), |net| {
        serve(net, AF_INET, (OURS.into(), LINUX.into()));
        serve(net, AF_INET6, (OURS_V6.into(), LINUX_V6.into()));
    });
}

/// Serves more clients at once than there are pairs of buffers.
fn serve<B: Backend>(net: &B, af: i32, (ours, linux): (IpAddr, IpAddr)) {
    let listener = net.socket(af, SOCK_STREAM).unwrap();
    listener.bind(SockAddr::new(ours, 80)).unwrap();
    listener.listen(4).unwrap();
    let clients = thread::spawn(move || {
        let clients: Vec<_> = (0..40u8)
            .map(|n| {
                thread::spawn(move || {
                    let mut stream = TcpStream::connect((ours, 80)).unwrap();
                    stream.write_all(&[n; 100]).unwrap();
                    stream.shutdown(std::net::Shutdown::Write).unwrap();
                    let mut answer = Vec::new();
                    stream.read_to_end(&mut answer).unwrap();
                    assert_eq!(answer, [n; 100]);
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().unwrap());
    });
    for _ in 0..40 {
        listener.settimeout(30).unwrap();
        let (stream, peer) = listener.accept().unwrap();
        assert_eq!(peer.ip(), linux);
        stream.settimeout(10).unwrap();
        let mut buf = [0; 200];
        assert_eq!(stream.read(&mut buf), Ok(Some(100)));
        stream.sendall(&buf[..100]).unwrap();
    }
    until_done(net, clients);
    drop(listener);
    net.drain(10).unwrap();
}

#[test]
fn curl_and_ping() {
    on_tap(&fixed(), |net| {
        let ping =
            thread::spawn(|| run("ping -q -c 3 -i 0.2 10.7.0.2 && ping -q -c 2 -i 0.2 fd07::2"));
        until_done(net, ping);
        let listener = net.tcp().unwrap();
        listener.bind(("", 80)).unwrap();
        listener.listen(None).unwrap();
        let curl = thread::spawn(|| {
            let output =
                Command::new("curl").args(["-sS", "http://10.7.0.2/page"]).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            output.stdout
        });
        let (stream, _) = listener.accept().unwrap();
        let mut line = [0; 128];
        let len = stream.readline(&mut line).unwrap().unwrap();
        assert_eq!(&line[..len], b"GET /page HTTP/1.1\r\n");
        while stream.readline(&mut line).unwrap() != Some(2) {}
        stream.sendall("HTTP/1.0 200 OK\r\n\r\n").unwrap();
        stream.sendall(&pattern(300_000)[..]).unwrap();
        drop(stream);
        assert_eq!(until_done(net, curl), pattern(300_000));
        net.drain(10).unwrap();
    });
}

#[test]
fn refusals_resets_and_datagrams() {
    on_tap(&fixed(), |net| {
        assert_eq!(net.tcp().unwrap().connect((LINUX, 9)), Err(Error::ECONNREFUSED));
        // A reset behind data.
        let listener = TcpListener::bind((LINUX, 0)).unwrap();
        let to = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(&[1; 3000]).unwrap();
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            // Bytes of ours are left unread: Linux resets.
            thread::sleep(Duration::from_millis(100));
        });
        let stream = net.tcp().unwrap();
        stream.settimeout(5).unwrap();
        stream.connect(to).unwrap();
        stream.sendall("four").unwrap();
        until_done(net, server);
        net.drive(net.platform().now());
        let mut buf = [0; 4000];
        assert_eq!(
            stream.read(&mut buf).map_err(|e| (e.kind(), e.transferred())),
            Err((usocket_core::ErrorKind::ConnectionReset, 3000))
        );
        assert_eq!(stream.recv(&mut buf), Ok(0));
        // Datagrams both ways, and to a closed port.
        let linux = UdpSocket::bind((LINUX, 0)).unwrap();
        let socket = net.udp().unwrap();
        socket.settimeout(5).unwrap();
        socket.sendto(&pattern(1472)[..], linux.local_addr().unwrap()).unwrap();
        let (len, from) = linux.recv_from(&mut buf).unwrap();
        assert_eq!((&buf[..len], from.ip()), (&pattern(1472)[..], OURS.into()));
        linux.send_to(b"back", from).unwrap();
        assert_eq!(socket.recvfrom(&mut buf).unwrap(), (4, linux.local_addr().unwrap().into()));
        socket.connect((LINUX, 9)).unwrap();
        socket.send("nobody").unwrap();
        assert_eq!(socket.recv(&mut buf), Err(Error::ECONNREFUSED));
        assert!(!socket.readiness().contains(POLLIN));
    });
}

/// dnsmasq on Linux's end; it ends with the test, however that ends.
struct Dnsmasq(Child);

impl Dnsmasq {
    fn start(options: &[&str]) -> Self {
        let child = Command::new("dnsmasq")
            .args(["--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null"])
            .args(["--interface=tap0", "--bind-interfaces", "--user=root", "--pid-file="])
            .args(["--dhcp-leasefile=/dev/null", "--no-ping"])
            .args(options)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self(child);
        while TcpStream::connect((LINUX, 53)).is_err() {
            thread::sleep(Duration::from_millis(10));
        }
        server
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_address_from_dnsmasq_and_names() {
    on_tap(&Config::ethernet([2, 0, 0, 0, 7, 2]).dhcp(), |net| {
        let _server = Dnsmasq::start(&[
            "--dhcp-range=10.7.0.50,10.7.0.60,120",
            "--local=/test/",
            "--host-record=two.test,10.7.0.1,fd07::1",
        ]);
        net.wait_up(30).unwrap();
        let ip = net.ip(Family::V4).unwrap();
        assert!(ip.to_string().starts_with("10.7.0.5"), "{ip}");
        let list = net.getaddrinfo("two.test", 80, Hints::stream()).unwrap();
        let found: Vec<_> = list.iter().map(|info| info.sockaddr.ip().to_string()).collect();
        assert_eq!(found, ["10.7.0.1", "fd07::1"]);
        let nobody = net.getaddrinfo("nobody.test", 80, ()).unwrap_err();
        assert_eq!(nobody, Error::EAI_NONAME);
        let listener = TcpListener::bind((LINUX, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = echo(listener, 1);
        let stream = net.dial(("two.test", port), 5).unwrap();
        stream.sendall("hello").unwrap();
        let mut buf = [0; 5];
        assert_eq!(stream.read(&mut buf), Ok(Some(5)));
        server.join().unwrap();
    });
}

#[cfg(feature = "slaac")]
#[test]
fn an_address_from_the_router_advertisements_of_dnsmasq() {
    on_tap(&Config::ethernet([2, 0, 0, 0, 7, 2]).slaac(), |net| {
        let _server = Dnsmasq::start(&["--enable-ra", "--dhcp-range=fd07::,ra-only"]);
        net.wait_up(30).unwrap();
        let own: Ipv6Addr = "fd07::ff:fe00:702".parse().unwrap();
        assert_eq!(net.ip(Family::V6), Some(own.into()));
        // On the link, and beyond it: Linux is the router, and its own other address is there.
        run("ip addr add fd99::1/128 dev lo");
        for far in ["[fd07::1]:0", "[fd99::1]:0"] {
            let listener = TcpListener::bind(far).unwrap();
            let to = listener.local_addr().unwrap();
            let server = echo(listener, 1);
            through_echo(net, AF_INET6, to, 100_000);
            server.join().unwrap();
        }
        run("ip addr del fd99::1/128 dev lo");
        net.drain(10).unwrap();
    });
}
