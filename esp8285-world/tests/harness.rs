//! The harness, proved with a backend that needs no modem: the modem's own host, directly,
//! on the clock of the board. Whatever case fails on the driver is then not the world's fault.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use esp8285_sim::Version;
use esp8285_world::{Board, Kit, KitNetwork, Mode, SOCKETS, Settings, Stack, World, caps, network};
use usocket_conformance::net::MAX_DATAGRAM;
use usocket_conformance::{Caps, Coverage, Failure, cases};
use usocket_core::spi::{
    Answer, Backend, EventSource, Handle, Link, Opt, OptName, Platform, RecvFlags, RecvInfo,
    Shutdown, SockType, Wait, WaitKey,
};
use usocket_core::{Error, Events, Family, Instant, Result, SockAddr};

/// What the modem's stack stands on, as a backend on the board.
struct Direct<'n> {
    world: World<Stack<'n>>,
    board: Board<Stack<'n>>,
}

impl<'n> Direct<'n> {
    fn new(kit: &Kit<'n>, thread: bool) -> Self {
        let world = kit.world().clone();
        let board = if thread { world.thread() } else { world.board() };
        // Once booted, the modem has taken the link down; nobody asks it to join.
        world.pass(Duration::from_secs(1));
        world.with_net(|stack, _| stack.host().set_link(Link::Up));
        Self { world, board }
    }

    /// The host, at the time of the world.
    fn host(&self) -> impl Backend + 'n {
        self.world.with_net(|stack, now| {
            stack.set_now(now);
            *stack.host()
        })
    }
}

/// Methods that ask the host.
macro_rules! ask {
    ($(fn $name:ident(&self $(, $arg:ident: $type:ty)*) $(-> $answer:ty)?;)*) => {
        $(fn $name(&self $(, $arg: $type)*) $(-> $answer)? {
            self.host().$name($($arg),*)
        })*
    };
}

impl EventSource for Direct<'_> {
    ask! {
        fn drive(&self, now: Instant) -> Option<Instant>;
        fn pending(&self) -> bool;
        fn readiness(&self, handle: Handle) -> Events;
        fn register(&self, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey>;
        fn unregister(&self, key: WaitKey);
    }
}

impl Backend for Direct<'_> {
    fn platform(&self) -> &dyn Platform {
        &self.board
    }

    ask! {
        fn open(&self, family: Family, kind: SockType) -> Result<Handle>;
        fn alive(&self, handle: Handle) -> Result<()>;
        fn bind(&self, handle: Handle, address: SockAddr) -> Result<()>;
        fn listen(&self, handle: Handle, backlog: u32) -> Result<()>;
        fn try_accept(&self, handle: Handle) -> Result<(Handle, SockAddr)>;
        fn try_connect(&self, handle: Handle, address: SockAddr) -> Result<()>;
        fn connect_result(&self, handle: Handle) -> Result<()>;
        fn try_send(&self, handle: Handle, data: &[u8]) -> Result<usize>;
        fn try_send_to(&self, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize>;
        fn try_send_from(&self, handle: Handle, data: &[u8], from: IpAddr, to: SockAddr)
            -> Result<usize>;
        fn try_recv(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize>;
        fn try_recv_info(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags)
            -> Result<RecvInfo>;
        fn shutdown(&self, handle: Handle, how: Shutdown) -> Result<()>;
        fn close(&self, handle: Handle) -> Result<()>;
        fn abort(&self, handle: Handle) -> Result<()>;
        fn lingering(&self) -> usize;
        fn set_option(&self, handle: Handle, option: &Opt) -> Result<()>;
        fn option(&self, handle: Handle, name: OptName) -> Result<Opt>;
        fn take_error(&self, handle: Handle) -> Result<Option<Error>>;
        fn local_addr(&self, handle: Handle) -> Result<SockAddr>;
        fn peer_addr(&self, handle: Handle) -> Result<SockAddr>;
        fn start_query(&self, name: &str, family: Option<Family>, canonname: bool)
            -> Result<Handle>;
        fn start_reverse(&self, ip: IpAddr) -> Result<Handle>;
        fn try_answer(&self, query: Handle, answer: &mut Answer) -> Result<()>;
        fn end_query(&self, query: Handle);
        fn link(&self) -> Link;
        fn has_address(&self, ip: IpAddr) -> bool;
        fn route(&self, ip: IpAddr) -> Option<u8>;
        fn has_device(&self, name: &str) -> bool;
    }
}

fn direct_caps() -> Caps {
    Caps {
        ipv6: true,
        server: true,
        udp: true,
        multicast: true,
        broadcast: true,
        half_close: true,
        reset: true,
        time_wait: true,
        reuse_addr: true,
        linger: true,
        client_port: true,
        empty_datagrams: true,
        keep_alive: true,
        no_delay: true,
        port_unreachable: true,
        fileno: false,
        local_address: true,
        max_datagram: MAX_DATAGRAM,
        max_sockets: Some(SOCKETS),
    }
}

#[test]
fn every_case_holds_without_a_modem_between() {
    for thread in [false, true] {
        run_kit(thread);
    }
}

#[expect(clippy::print_stdout, reason = "the coverage is what this test is for")]
fn run_kit(thread: bool) {
    let only = std::env::var("CASE").ok();
    let mut coverage = Coverage::new();
    let (mut number, mut more) = (0, true);
    while more {
        let network: Box<KitNetwork> = network(number as u64 + 1);
        let kit = Kit::new(&network, Settings::default()).unwrap();
        let net = Direct::new(&kit, thread);
        let harness = kit.harness(net, direct_caps());
        let mut index = 0;
        cases::visit(&mut |case| {
            if index == number && only.as_ref().is_none_or(|only| only == case.name) {
                let run = AssertUnwindSafe(|| (case.run)(&harness));
                let outcome = catch_unwind(run).unwrap_or_else(|_| Err(Failure::new("panicked")));
                coverage.note(case, outcome);
            }
            index += 1;
        });
        more = number < index;
        number += 1;
    }
    println!("{coverage}");
    assert_eq!(coverage.failed(), 0, "see the table above");
}

#[test]
fn abilities_differ_by_firmware_and_mode() {
    let all = [
        (Version::V1_5, Mode::Active, [true, false, false, false]),
        (Version::V1_7_6, Mode::Passive, [true, false, false, false]),
        (Version::V2_2, Mode::Active, [true, true, true, true]),
        (Version::V2_2, Mode::Passive, [false, false, false, true]),
    ];
    for (version, mode, want) in all {
        let caps = caps(version, mode, 8);
        assert_eq!([caps.udp, caps.multicast, caps.broadcast, caps.no_delay], want, "{version:?}");
        assert_eq!(caps.max_sockets, Some(8));
    }
}
