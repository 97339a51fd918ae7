//! The network object, over every firmware: joining, addresses, scanning, its own access
//! point, pings, resets.

mod support;

use std::cell::{Cell, RefCell};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Duration;

use esp8285_sim::{AccessPoint, Version};
use esp8285_world::{KEY, Kit, SSID, Settings, network};
use support::{Memory, Net, Wire, trace};
use usocket_backend_esp8285_at::{Config, IfConfig, Trace};
use usocket_core::Events;
use usocket_core::prelude::*;
use usocket_core::spi::{Backend, EventSource, Handle, Link, Wait, wait_until};

thread_local! {
    static LINKS: RefCell<Vec<Link>> = const { RefCell::new(Vec::new()) };
    /// Command lines.
    static SENT: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Runs a test over each firmware, with the access points of the air that it asks for.
fn each(air: &[AccessPoint], test: impl Fn(Version, &Kit<'_>, &Net<'_>)) {
    for version in Version::ALL {
        let network = network(1);
        let mut memory = Box::new(Memory::new());
        let settings = Settings { version, air: air.to_vec(), ..Settings::default() };
        let kit = Kit::new(&network, settings).unwrap();
        let world = kit.world().clone();
        let net: Net<'_> =
            Net::with_config(Wire(world.port()), world.board(), &mut memory, Config::new());
        net.set_trace(Some(trace));
        test(version, &kit, &net);
    }
}

#[test]
fn a_join_says_why_it_failed_and_the_link_how_it_is() {
    each(&[], |version, _, net| {
        LINKS.with_borrow_mut(Vec::clear);
        net.on_link(Some(|link| LINKS.with_borrow_mut(|links| links.push(link))));
        assert_eq!(net.ifconfig(), IfConfig::NONE);
        assert_eq!(net.connect(SSID, "not the key"), Err(Error::EACCES), "{version:?}");
        assert_eq!(net.connect("nobody", KEY), Err(Error::ENOENT), "{version:?}");
        assert!(!net.isconnected());
        for bad in [&b""[..], b"a\rb", b"a\nb", b"a\0b", &[b'x'; 33]] {
            assert_eq!(net.connect(bad, KEY), Err(Error::EINVAL));
        }
        assert_eq!(net.connect(SSID, [b'x'; 65]), Err(Error::EINVAL));
        net.connect(SSID, KEY).unwrap();
        let config = net.ifconfig();
        assert_eq!(config.ip, Ipv4Addr::new(10, 0, 0, 1));
        assert_eq!(config.gateway, Ipv4Addr::new(10, 0, 0, 254));
        assert_eq!(config.netmask, Ipv4Addr::new(255, 255, 255, 0));
        assert!(net.firmware().is_some());
        net.disconnect().unwrap();
        assert_eq!((net.link(), net.ifconfig()), (Link::Down, IfConfig::NONE));
        assert_eq!(net.tcp().unwrap().connect(("10.0.0.2", 80)), Err(Error::ENETDOWN));
        let links = LINKS.with_borrow(Clone::clone);
        assert_eq!(links, [Link::NoAddress, Link::Up, Link::Down], "{version:?}");
    });
}

#[test]
fn a_scan_reads_any_name_and_the_strongest_come_first() {
    let point = |ssid: &[u8], rssi: i8| AccessPoint { rssi, ..AccessPoint::new(ssid, b"password") };
    let odd: [&[u8]; 5] = [b"x(y),z", b"a\",\"b", b"\xFF\xC3 \"", b")", b"+CWLAP:(3,\"net\""];
    let mut air: Vec<AccessPoint> =
        odd.iter().zip([-30, -40, -60, -70, -80]).map(|(ssid, rssi)| point(ssid, rssi)).collect();
    air.extend((0..20).map(|n| point(format!("weak {n}").as_bytes(), -90)));
    each(&air, |version, _, net| {
        net.start(Duration::from_secs(5)).unwrap();
        let found = net.scan().unwrap();
        assert_eq!(found.len(), 16, "{version:?}");
        for ssid in odd {
            assert!(found.iter().any(|point| point.ssid == ssid), "{version:?} {found:?}");
        }
        assert!(found.is_sorted_by_key(|point| -i16::from(point.rssi)), "{version:?}");
        // It is the same once more.
        assert_eq!(net.scan().unwrap().len(), 16);
    });
}

#[test]
fn settings_reach_the_modem() {
    each(&[], |version, kit, net| {
        net.start(Duration::from_secs(5)).unwrap();
        net.set_hostname("board").unwrap();
        assert_eq!(net.set_hostname("a\r\nAT+RST"), Err(Error::EINVAL));
        assert_eq!(net.set_hostname(&"x".repeat(33)), Err(Error::EINVAL));
        assert_eq!(net.rssi(), Err(Error::ENETDOWN));
        net.connect(SSID, KEY).unwrap();
        assert!((-100..0).contains(&net.rssi().unwrap()), "{version:?}");
        net.set_dns(&[Ipv4Addr::new(10, 0, 0, 53)]).unwrap();
        net.set_dns(&[]).unwrap();
        let fixed = IfConfig { gateway: Ipv4Addr::new(10, 0, 0, 9), ..net.ifconfig() };
        net.set_ifconfig(fixed).unwrap();
        kit.world().pass(Duration::from_millis(1));
        net.rssi().unwrap();
        assert_eq!(net.ifconfig(), fixed, "{version:?}");
        net.use_dhcp().unwrap();
        // Nothing of all that is in the modem's flash.
        let writes = kit.world().with_modem(|modem, _| modem.flash_writes());
        assert_eq!(writes, 0, "{version:?}");
    });
}

#[test]
fn an_access_point_of_its_own() {
    each(&[], |version, _, net| {
        net.connect(SSID, KEY).unwrap();
        for (ssid, key) in [("", KEY), ("own", "short"), ("own", "a\rbcdefgh")] {
            assert_eq!(net.enable_ap(ssid, key, 6), Err(Error::EINVAL));
        }
        assert_eq!(net.enable_ap("own", KEY, 15), Err(Error::EINVAL));
        net.enable_ap("own", KEY, 6).unwrap_or_else(|error| panic!("{version:?} {error:?}"));
        net.enable_ap("open", "", 1).unwrap();
        assert!(net.isconnected(), "the station goes on");
        net.disable_ap().unwrap();
        assert!(net.isconnected());
    });
}

/// Takes the commands so far, those that set something or join.
fn settings_sent() -> Vec<String> {
    SENT.with_borrow_mut(|sent| {
        let set = ["HOSTNAME=", "CIPSTA_CUR=", "CIPSTA=", "CIPDNS", "CWSAP", "CWJAP"];
        let of_interest = |line: &&String| set.iter().any(|word| line.contains(word));
        let found = sent.iter().filter(of_interest).cloned().collect();
        sent.clear();
        found
    })
}

#[test]
fn a_boot_undoes_no_setting() {
    each(&[], |version, kit, net| {
        SENT.with_borrow_mut(Vec::clear);
        net.set_trace(Some(|trace| {
            let Trace::Command(line) = trace else { return };
            let text = String::from_utf8_lossy(line).trim_end().to_owned();
            SENT.with_borrow_mut(|sent| sent.push(text));
        }));
        net.start(Duration::from_secs(5)).unwrap();
        net.set_hostname("board").unwrap();
        net.connect(SSID, KEY).unwrap();
        let fixed = IfConfig { gateway: Ipv4Addr::new(10, 0, 0, 9), ..net.ifconfig() };
        net.set_ifconfig(fixed).unwrap();
        net.set_dns(&[Ipv4Addr::new(10, 0, 0, 53)]).unwrap();
        net.enable_ap("own", KEY, 6).unwrap();
        let guest = [2, 0, 0, 0, 0, 9];
        let joins = || {
            kit.world().with_modem(|modem, now| {
                let joins = modem.softap_join(now, guest, Ipv4Addr::new(192, 168, 4, 2));
                modem.softap_leave(now, guest);
                joins
            })
        };
        assert!(joins(), "{version:?}");
        settings_sent();
        kit.world().with_modem(|modem, now| modem.crash(now));
        assert!(!joins(), "{version:?}");
        let deadline = Some(kit.world().now() + Duration::from_secs(30));
        wait_until(net, deadline, || net.stats().reboots == 1).unwrap();
        wait_until(net, deadline, || net.ifconfig() == fixed && net.isconnected()).unwrap();
        assert!(joins(), "{version:?}");
        let sent = settings_sent();
        let words = sent.iter().map(|line| line.split(['=', '_']).next().unwrap());
        let words: Vec<_> = words.filter(|word| !word.ends_with('?')).collect();
        let wanted = ["AT+CWHOSTNAME", "AT+CIPSTA", "AT+CIPDNS", "AT+CWSAP", "AT+CWJAP"];
        assert_eq!(words, wanted, "{version:?} {sent:?}");

        // What was taken back is not set again.
        net.use_dhcp().unwrap();
        net.set_dns(&[]).unwrap();
        net.disable_ap().unwrap();
        settings_sent();
        net.reset().unwrap();
        assert!(!joins(), "{version:?}");
        let sent = settings_sent();
        assert!(!sent.iter().any(|line| line.contains("CIPDNS") || line.contains("CWSAP")));
        assert!(sent.iter().any(|line| line.contains("HOSTNAME=\"board\"")), "{sent:?}");
    });
}

#[test]
fn pings() {
    each(&[], |version, _, net| {
        net.connect(SSID, KEY).unwrap();
        let time = net.ping("10.0.0.2").unwrap();
        assert!(
            time >= Duration::from_millis(9) && time < Duration::from_millis(20),
            "{version:?}"
        );
        assert_eq!(net.ping("10.0.0.66"), Err(Error::ETIMEDOUT), "{version:?}");
        assert_eq!(net.ping("a\"b\n"), Err(Error::EINVAL));
    });
}

#[test]
fn a_reset_ends_connections_and_joins_again() {
    each(&[], |version, kit, net| {
        net.connect(SSID, KEY).unwrap();
        let script = [usocket_conformance::Step::Listen(usocket_core::Family::V4, 4)];
        let actor = kit.start(&[&script[..], &[usocket_conformance::Step::Hold]].concat()).unwrap();
        let address = usocket_conformance::Peer::address(kit.peer(), actor).unwrap();
        let socket = net.tcp().unwrap();
        socket.connect(address).unwrap();
        net.reset().unwrap();
        assert_eq!(socket.recv(&mut [0; 4]), Err(Error::ECONNRESET), "{version:?}");
        assert_eq!(socket.recv(&mut [0; 4]), Ok(0));
        assert_eq!(socket.send("x"), Err(Error::EPIPE));
        // It comes back by itself.
        let until = net.platform().now() + Duration::from_secs(20);
        usocket_core::spi::wait_until(net, Some(until), || net.isconnected()).unwrap();
        net.tcp().unwrap().connect(address).unwrap();
    });
}

/// What another task asks, and whether it was its turn.
type Other = fn(&Net<'_>) -> bool;

thread_local! {
    static OTHER: Cell<Option<(&'static Net<'static>, Other)>> = const { Cell::new(None) };
    /// The modem's answer is being seen to.
    static DRIVEN: Cell<bool> = const { Cell::new(false) };
}

fn listen(net: &Net<'_>, handle: Handle, waker: &Waker) {
    net.register(None, Wait { handle, events: Events::NONE, deadline: None, waker }).unwrap();
}

/// Woken by a drive that has changed something: the next operation will wake a worker.
struct Changed;

impl Wake for Changed {
    fn wake(self: Arc<Self>) {
        let Some((net, _)) = OTHER.get() else { return };
        DRIVEN.set(true);
        // Something to do.
        drop(net.tcp().unwrap());
        listen(net, Handle::WORK, &Arc::new(Overtaking).into());
        listen(net, Handle::ANY, &self.into());
        DRIVEN.set(false);
    }
}

/// Woken by the operation that fetches an answer, when it has released the lock.
struct Overtaking;

impl Wake for Overtaking {
    fn wake(self: Arc<Self>) {
        if let Some((net, other)) = OTHER.get().filter(|_| !DRIVEN.get()) {
            OTHER.set(None);
            if !other(net) {
                OTHER.set(Some((net, other)));
            }
        }
    }
}

/// What `ask` gives where `other` is asked as soon as `ask` has released the lock.
fn overtaken<T>(ask: fn(&Net<'_>) -> T, other: Other) -> T {
    let network = Box::leak(network(1));
    let kit = Box::leak(Box::new(Kit::new(network, Settings::default()).unwrap()));
    let (wire, board) = (Wire(kit.world().port()), kit.world().board());
    let memory = Box::leak(Box::new(Memory::new()));
    let net = Box::leak(Box::new(Net::with_config(wire, board, memory, Config::new())));
    net.connect(SSID, KEY).unwrap();
    OTHER.set(Some((net, other)));
    listen(net, Handle::ANY, &Arc::new(Changed).into());
    let answer = ask(net);
    assert!(OTHER.get().is_none(), "it had its turn");
    answer
}

#[test]
fn an_answer_is_not_that_of_the_next_who_asks() {
    let rssi = overtaken(|net| net.rssi(), |net| net.ping("10.0.0.77") != Err(Error::EALREADY));
    assert!((-100..-1).contains(&rssi.unwrap()), "{rssi:?}");
    let ping = overtaken(|net| net.ping("10.0.0.2"), |net| net.rssi() != Err(Error::EALREADY));
    assert_ne!(ping, Err(Error::ETIMEDOUT));
    let scan = overtaken(|net| net.scan(), |net| net.scan() != Err(Error::EALREADY));
    assert_eq!(scan.map(|found| found.len()), Ok(1));
}
