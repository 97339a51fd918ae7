//! What the fault campaign has found, each as a test of its own.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use esp8285_sim::net::{Host, Script, Step, VirtualNet};
use esp8285_sim::uart::{Uart, UartConfig};
use esp8285_sim::{
    AccessPoint, Activity, Air, Instant as SimInstant, Knobs, Modem, ResultFault, SendOutcome,
    Version,
};
use esp8285_world::{Board, PortConfig, World};
use usocket_backend_esp8285_at::{Config, Esp8285, Receive, Resources, Transmit};
use usocket_core::prelude::*;
use usocket_core::spi::{Platform, wait_until};

const PEER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 9);
const ECHO: u16 = 7;
const PORT: u16 = 80;

esp8285_world::wire!(
    /// The wire of a world as the driver wants it.
    Wire
);

type Net<'r> = Esp8285<'r, Wire<VirtualNet>, Hooked, NoopRawMutex, 4>;
type Line = Uart<VirtualNet>;
type Hook = Box<dyn FnMut(&mut Line, SimInstant) -> bool>;

/// A platform that looks at the wire after each event, until its hook is done.
#[derive(Clone)]
struct Hooked {
    world: World<VirtualNet>,
    board: Board<VirtualNet>,
    hook: Rc<RefCell<Option<Hook>>>,
}

impl Platform for Hooked {
    fn now(&self) -> usocket_core::Instant {
        self.board.now()
    }

    fn seed(&self) -> u64 {
        self.board.seed()
    }

    fn idle(&self, until: Option<usocket_core::Instant>, ready: &mut dyn FnMut() -> bool) {
        self.board.idle(until, &mut || {
            let hook = self.hook.take();
            if let Some(mut hook) = hook
                && !self.world.with_uart(|uart, now| hook(uart, now))
            {
                self.hook.replace(Some(hook));
            }
            ready()
        });
    }

    fn waker(&self) -> Option<Waker> {
        None
    }
}

/// A world with an echo and with this script at [`PORT`].
fn world(version: Version, knobs: Knobs, script: Script) -> Hooked {
    let mut net = VirtualNet::new(1);
    net.add_host(PEER, Host::default().tcp(ECHO, Script::echo()).tcp(PORT, script));
    let air = Air::with(AccessPoint::new(b"net", b"password"));
    let modem = Modem::new(version, knobs, air, net);
    let world = World::new(Uart::new(modem, UartConfig::default()), 1);
    Hooked { board: world.board(), world, hook: Rc::default() }
}

impl Hooked {
    /// The hook is called after each event until it says true.
    fn when(&self, hook: impl FnMut(&mut Line, SimInstant) -> bool + 'static) {
        self.hook.replace(Some(Box::new(hook)));
    }

    fn has_struck(&self) -> bool {
        self.hook.borrow().is_none()
    }

    /// What the peer at a port has received of the connection of this number.
    fn received(&self, port: u16, number: usize) -> Vec<u8> {
        self.world.with_net(|net, _| {
            let mut conns = net.connections().filter(|(_, peer)| peer.port() == port);
            let conn = conns.nth(number).expect("it has connected").0;
            net.received(conn).to_vec()
        })
    }

    fn dial(&self, port: u16, script: Script) {
        let from = SocketAddr::new(PEER.into(), port);
        self.world.with_net(|net, now| net.dial(now, from, 4000, script)).expect("it listens");
    }
}

fn with_net(hooked: &Hooked, config: Config, test: impl FnOnce(&Net<'_>)) {
    let mut memory = Box::new(Resources::<6, 5, 512, 512>::new());
    let port = Wire(hooked.world.port());
    let net: Net<'_> = Net::with_config(port, hooked.clone(), &mut memory, config);
    net.connect("net", "password").unwrap();
    test(&net);
}

fn connect<'n, 'r>(net: &'n Net<'r>, port: u16) -> Result<Socket<'n, Net<'r>>> {
    let socket = net.tcp()?;
    socket.settimeout(20)?;
    socket.connect(SockAddr::new(PEER.into(), port))?;
    Ok(socket)
}

/// All five links can be used.
fn echoes_on_all(net: &Net<'_>) {
    net.drain(90).unwrap();
    wait_until(net, Some(net.platform().now() + Duration::from_secs(60)), || net.isconnected())
        .unwrap();
    let sockets: Vec<_> = (0..5).map(|_| connect(net, ECHO).unwrap()).collect();
    for (number, socket) in sockets.iter().enumerate() {
        let word = [b'a' + u8::try_from(number).unwrap(); 50];
        socket.sendall(word).unwrap();
        let mut buf = [0; 50];
        assert_eq!(socket.read(&mut buf), Ok(Some(50)));
        assert_eq!(buf, word);
    }
}

fn pass(net: &Net<'_>, millis: u64) {
    let until = net.platform().now() + Duration::from_millis(millis);
    let _ = wait_until(net, Some(until), || false);
}

#[test]
fn a_lost_prompt_costs_no_byte_and_none_is_put_in() {
    for version in [Version::V1_5, Version::V1_7_6, Version::V2_2] {
        for len in [2, 300] {
            let world = world(version, Knobs::default(), Script::sink());
            with_net(&world, Config::new().transmit(Transmit::Plain), |net| {
                let socket = connect(net, PORT).unwrap();
                world.when(|uart, now| {
                    let prompted = uart.modem(now).activity() == Activity::Payload;
                    if prompted {
                        // The prompt is on its way.
                        uart.garble_next(now);
                    }
                    prompted
                });
                let data: Vec<u8> = (0..len).map(|n| u8::try_from(n % 251).unwrap()).collect();
                let sent = socket.sendall(&data);
                pass(net, 20_000);
                assert!(sent.is_ok() && world.has_struck());
                let got = world.received(PORT, 0);
                assert!(data.starts_with(&got), "{version:?}: {}", got.escape_ascii());
                if version != Version::V1_5 {
                    assert_eq!(got, data, "{version:?}");
                }
                drop(socket);
                echoes_on_all(net);
            });
        }
    }
}

#[test]
fn a_doubled_result_is_not_that_of_the_next_command() {
    for version in [Version::V1_7_6, Version::V2_2] {
        let world = world(version, Knobs::default(), Script::sink());
        with_net(&world, Config::new(), |net| {
            let sockets: Vec<_> = (0..2).map(|_| net.tcp().unwrap()).collect();
            let echo = SockAddr::new(PEER.into(), ECHO);
            for socket in &sockets {
                socket.setblocking(false).unwrap();
                assert_eq!(socket.connect(echo), Err(Error::EINPROGRESS));
            }
            world.when(|uart, now| {
                uart.modem(now).fault_next_result(ResultFault::Twice);
                true
            });
            for socket in &sockets {
                socket.settimeout(10).unwrap();
                pass(net, 500);
                socket.sendall("hello").unwrap();
                let mut buf = [0; 5];
                assert_eq!(socket.read(&mut buf), Ok(Some(5)), "{version:?}");
            }
            drop(sockets);
            echoes_on_all(net);
        });
    }
}

#[test]
fn buffers_outlive_a_socket_that_fails_before_its_prompt() {
    let world = world(Version::V1_7_2, Knobs::default(), Script::sink());
    with_net(&world, Config::new(), |net| {
        let socket = connect(net, PORT).unwrap();
        socket.sendall("x".repeat(100)).unwrap();
        world.when(|uart, now| {
            let prompt = uart.modem(now).activity() == Activity::Prompt;
            if prompt {
                uart.modem(now).set_access_point(now, b"net", false);
            }
            prompt
        });
        let mut buf = [0; 1];
        assert_eq!(socket.recv(&mut buf), Err(Error::ENETDOWN));
        drop(socket);
        let idles = world.world.idles();
        pass(net, 1000);
        assert!(world.world.idles() - idles < 1000, "it spins");
        world.world.with_modem(|modem, now| modem.set_access_point(now, b"net", true));
        echoes_on_all(net);
    });
}

#[test]
fn a_modem_that_is_off_is_looked_for_without_spinning() {
    for enable_pin in [false, true] {
        let hooked = world(Version::V2_2, Knobs::default(), Script::sink());
        hooked.world.with_modem(|modem, now| modem.set_enabled(now, false));
        let mut memory = Box::new(Resources::<2, 1, 64, 64>::new());
        let config = PortConfig { enable_pin, ..PortConfig::default() };
        let wire = Wire(hooked.world.port_with(config));
        let net: Net<'_> = Net::with_config(wire, hooked.clone(), &mut memory, Config::new());
        if !enable_pin {
            assert_eq!(net.connect("net", "password"), Err(Error::ETIMEDOUT));
        } else {
            assert_eq!(net.start(Duration::from_secs(60)), Ok(()));
        }
        assert!(hooked.world.idles() < 30_000, "{} idles", hooked.world.idles());
    }
}

fn listen<'n, 'r>(net: &'n Net<'r>) -> Socket<'n, Net<'r>> {
    let listener = net.tcp().unwrap();
    listener.settimeout(10).unwrap();
    listener.bind(("", 4000)).unwrap();
    listener.listen(5).unwrap();
    pass(net, 100);
    listener
}

#[test]
fn clients_that_come_during_a_status_keep_their_address() {
    let world = world(Version::V1_5, Knobs::default(), Script::sink());
    with_net(&world, Config::new(), |net| {
        let listener = listen(net);
        for port in [5001, 5002, 5003] {
            world.dial(port, Script::sink());
            pass(net, 6);
        }
        let clients: Vec<_> = (0..3).map(|_| listener.accept().unwrap()).collect();
        let ports: Vec<u16> = clients.iter().map(|(_, peer)| peer.port()).collect();
        assert_eq!(ports, [5001, 5002, 5003]);
    });
}

#[test]
fn a_client_whose_data_overflow_before_it_is_accepted_has_no_gap() {
    let world = world(Version::V1_5, Knobs::default(), Script::sink());
    with_net(&world, Config::new(), |net| {
        let listener = listen(net);
        let data: Vec<u8> = (0..1600_u16).map(|n| u8::try_from(n / 7).unwrap()).collect();
        let wait = Step::Wait(Duration::from_secs(1));
        let steps = [Step::Send(data[..1000].into()), wait, Step::Send(data[1000..].into())];
        world.dial(5001, Script::new(steps));
        pass(net, 500);
        listener.settimeout(3).unwrap();
        let Ok((client, _)) = listener.accept() else { return };
        client.settimeout(3).unwrap();
        let (mut got, mut buf) = (Vec::new(), [0; 200]);
        while let Ok(len @ 1..) = client.recv(&mut buf) {
            got.extend(&buf[..len]);
        }
        assert!(data.starts_with(&got), "a gap after {} bytes", got.len());
    });
}

#[test]
fn a_stream_that_ends_while_its_port_is_asked_for_has_an_end() {
    let script = Script::send_and_close(b"all of it");
    let knobs = Knobs { command_latency: Duration::from_millis(40), ..Knobs::default() };
    let world = world(Version::V1_5, knobs, script);
    with_net(&world, Config::new(), |net| {
        let socket = connect(net, PORT).unwrap();
        let mut buf = [0; 50];
        assert_eq!(socket.read(&mut buf), Ok(Some(9)));
        assert_eq!(socket.recv(&mut buf), Ok(0));
    });
}

#[test]
fn what_is_pushed_before_the_result_of_an_open_is_kept() {
    let script = Script::send_and_close(b"early data");
    let world = world(Version::V1_7_0, Knobs::default(), script);
    with_net(&world, Config::new(), |net| {
        world.when(|uart, now| {
            let late = ResultFault::Late(Duration::from_millis(300));
            let begun = uart.modem(now).activity() == Activity::Command;
            if begun {
                uart.modem(now).fault_next_result(late);
            }
            begun
        });
        let socket = connect(net, PORT).unwrap();
        let mut buf = [0; 50];
        assert_eq!(socket.read(&mut buf), Ok(Some(10)));
        assert_eq!(&buf[..10], b"early data");
    });
}

#[test]
fn a_pushed_payload_that_stops_ends_its_stream_and_nothing_is_put_in() {
    let data = vec![b'd'; 400];
    let steps = [Step::Expect(1), Step::Send(data.clone())];
    let world = world(Version::V1_5, Knobs::default(), Script::new(steps));
    let config = Config::new();
    with_net(&world, config, |net| {
        let socket = connect(net, PORT).unwrap();
        world.when(move |uart, now| {
            // So near its end that `ready` would fill it up.
            let left = uart.modem(now).tx_len();
            let hit = uart.activity() == Activity::Reply && (3..9).contains(&left);
            if hit {
                uart.modem(now).crash(now);
            }
            hit
        });
        socket.sendall("!").unwrap();
        let (mut got, mut buf) = (0, [0; 100]);
        let end = loop {
            match socket.recv(&mut buf) {
                Ok(len @ 1..) => {
                    assert_eq!(buf[..len], data[..len]);
                    got += len;
                }
                end => break end,
            }
        };
        assert!(world.has_struck() && got < 400);
        assert_eq!(end, Err(Error::EIO));
        drop(socket);
        // Until the boot has been noticed.
        pass(net, 3000);
        echoes_on_all(net);
    });
}

#[test]
fn replies_shorter_than_asked_are_followed_by_reads() {
    let knobs = Knobs { read_max: Some(3), ..Knobs::default() };
    let script = Script::new([Step::Send(vec![b'r'; 400])]);
    let world = world(Version::V1_7_2, knobs, script);
    with_net(&world, Config::new(), |net| {
        let socket = connect(net, PORT).unwrap();
        let began = net.platform().now();
        let mut buf = [0; 400];
        assert_eq!(socket.read(&mut buf), Ok(Some(400)));
        let took = net.platform().now().saturating_since(began);
        assert!(took < Duration::from_secs(5), "{took:?}");
    });
}

#[test]
fn a_version_that_was_hurt_is_asked_for_again() {
    let hooked = world(Version::V1_7_6, Knobs::default(), Script::sink());
    let said = Cell::new(0);
    hooked.when(move |uart, now| {
        // `ready`, the echo of ATE0, then the answer to GMR.
        said.set(said.get() + u32::from(uart.modem(now).activity() == Activity::Command));
        let tx = uart.modem(now).tx_len();
        let version = tx > 100;
        if version {
            uart.garble_next(now);
        }
        version
    });
    with_net(&hooked, Config::new(), |net| {
        assert!(hooked.has_struck());
        assert!(net.platform().now() < usocket_core::Instant::from_micros(30_000_000));
        assert!(net.firmware().is_some());
    });
}

#[test]
fn after_a_failed_send_of_a_closed_socket_nothing_more_is_sent() {
    let world = world(Version::V2_2, Knobs::default(), Script::sink());
    with_net(&world, Config::new().receive(Receive::Active), |net| {
        let socket = connect(net, PORT).unwrap();
        socket.setblocking(false).unwrap();
        world.when(|uart, now| {
            uart.modem(now).fault_next_send(SendOutcome::Fail);
            true
        });
        assert_eq!(socket.send("1".repeat(400)), Ok(400));
        pass(net, 15);
        let _ = socket.send("2".repeat(112));
        drop(socket);
        net.drain(30).unwrap();
        assert!(world.has_struck());
        assert_eq!(world.received(PORT, 0), b"");
    });
}

/// The bound of a close runs from the close, not from when somebody drove last.
#[test]
fn what_was_sent_before_a_close_goes_out_however_long_nobody_drove() {
    let world = world(Version::V1_7_6, Knobs::default(), Script::sink());
    with_net(&world, Config::new(), |net| {
        let socket = connect(net, PORT).unwrap();
        let data = [b'd'; 400];
        socket.sendall(data).unwrap();
        let later = net.platform().now() + Duration::from_secs(3600);
        while net.platform().now() < later {
            net.platform().idle(Some(later), &mut || false);
        }
        drop(socket);
        net.drain(30).unwrap();
        assert_eq!(world.received(PORT, 0), data);
        echoes_on_all(net);
    });
}
