//! The conformance kit as firmware: the same rows as the same kit on this machine.
//!
//! Each case in a world of its own: a board that boots, and a modem on the kit's network.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::Duration;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use esp8285_sim::{AccessPoint, Air, Instant, Knobs, Modem, Version};
use esp8285_world::{Board, KEY, Kit, Mode, SSID, Settings, Stack, caps, network};
use k210_emulator::{Answer, Cost, Ending, Machine, World};
use maix_remote::{Asked, Reader, Wire, Writer};
use usocket_backend_esp8285_at::{Esp8285, Resources};
use usocket_conformance::net::{MemHarness, Network, Virtual};
use usocket_conformance::{Coverage, Failure, Harness, Outcome, Peer, ROWS, Status, cases};
use usocket_core::Family;

use crate::support::image;

/// Nothing else can be said to the modem while it waits for a host that is silent, so it must
/// give up within the patience of the cases.
const CONNECT_LIMIT: Duration = Duration::from_secs(6);

/// Sockets of the driver's memory, in the image as well.
const SOCKETS: usize = 16;

#[test]
fn the_same_rows_are_proved_on_the_board_as_on_a_host() {
    let (board, host) = (on_the_board(), on_the_host());
    println!("== the kit on the board\n{board}");
    assert_eq!(board.failed(), 0, "{board}");
    for row in 1..=u16::try_from(ROWS).unwrap() {
        assert_eq!(board.status(row), host.status(row), "row {row}, board and host");
    }
    assert!(board.proved() >= 170, "only {} rows are proved", board.proved());
}

fn on_the_board() -> Coverage {
    let mut coverage = Coverage::new();
    let net: Network<Virtual> = Network::new(Virtual::new(1));
    let any = MemHarness::new(&net).unwrap();
    for number in 0.. {
        let Some(outcome) = case_on_the_board(number) else { break };
        note(&any, &mut coverage, number, outcome);
    }
    coverage
}

/// Which rows a case names does not depend on the harness.
fn note<H: Harness>(_: &H, coverage: &mut Coverage, number: u32, outcome: Outcome) {
    let mut index = 0;
    cases::visit::<H>(&mut |case| {
        if index == number {
            if let Err(failure) = &outcome {
                println!("{}: {failure:?}", case.name);
            }
            coverage.note(case, outcome);
        }
        index += 1;
    });
}

/// Boots the board for one case; `None` if there is none of this number.
fn case_on_the_board(number: u32) -> Option<Outcome> {
    let network = &*Box::leak(network(1));
    network.set_latency(Settings::default().round_trip / 2);
    let hosts = MemHarness::new(network).unwrap();
    let peer = usocket_conformance::net::MemPeer::new(*hosts.peer_host());
    let mut stack = Stack::new(*hosts.net());
    stack.connect_limit = CONNECT_LIMIT;
    let world = World::default();
    let Some(IpAddr::V4(address)) = hosts.ip(Family::V4) else { panic!("no address") };
    let air = Air::with(AccessPoint {
        address,
        gateway: Ipv4Addr::new(10, 0, 0, 254),
        ..AccessPoint::new(world.ssid.as_bytes(), world.key.as_bytes())
    });
    let modem = Rc::new(RefCell::new(Modem::new(Version::V1_7_6, Knobs::default(), air, stack)));
    let found = Rc::new(RefCell::new(Some(Err(Failure::new("the board said nothing")))));

    let mut machine = Machine::new(image("conformance"), Cost::default(), Box::new(modem.clone()));
    let result = found.clone();
    let answer: Answer = Box::new(move |now: Instant, question| {
        {
            // The network's clock follows the modem.
            let mut modem = modem.borrow_mut();
            modem.advance(now);
            modem.net_mut().set_now(now);
        }
        let mut back = [0; 256];
        let mut to = Writer::new(&mut back);
        let asked = Asked::get(&mut Reader::new(question, keep)).expect("a question");
        match asked {
            Asked::Case => number.put(&mut to),
            Asked::Start((steps, len)) => {
                let steps: Vec<_> = steps[..len].iter().flatten().copied().collect();
                peer.start(&steps).put(&mut to);
            }
            Asked::Address(actor) => peer.address_now(actor).put(&mut to),
            Asked::Report(actor) => peer.report(actor).put(&mut to),
            Asked::Settled(actor) => peer.settled(actor).put(&mut to),
            Asked::Stop(actor) => peer.stop(actor).put(&mut to),
            Asked::Refusing(family) => peer.refusing(family).put(&mut to),
            Asked::Silent(family) => peer.silent(family).put(&mut to),
            Asked::Outcome(outcome) => *result.borrow_mut() = Some(outcome),
            Asked::NoMore => *result.borrow_mut() = None,
        }
        to.message().to_vec()
    });
    machine.set_answer(answer);
    let ending = machine.run(Duration::from_secs(600), |_| false);
    let said = machine.console();
    assert!(ending == Ending::Halted, "case {number}: {ending:?}: {said}");
    if !said.is_empty() && said != "passed\n" {
        println!("case {number}: {said}");
    }
    found.take()
}

fn keep(bytes: &[u8]) -> &'static [u8] {
    Box::leak(bytes.to_vec().into_boxed_slice())
}

type Memory = Resources<SOCKETS, 8, 4096, 4096>;
type Net<'n> = Esp8285<'n, Line<Stack<'n>>, Board<Stack<'n>>, NoopRawMutex, 24>;

fn on_the_host() -> Coverage {
    let mut coverage = Coverage::new();
    let (mut number, mut more) = (0, true);
    while more {
        let network = network(1);
        let mut memory = Box::new(Memory::new());
        let kit = Kit::new(&network, Settings::default()).unwrap();
        let world = kit.world().clone();
        world.with_net(|stack, _| stack.connect_limit = CONNECT_LIMIT);
        let net: Net<'_> = Net::new(Line(world.port()), world.board(), &mut memory);
        net.connect(SSID, KEY).unwrap();
        let harness = kit.harness(net, caps(Version::V1_7_6, Mode::Passive, SOCKETS));
        let mut index = 0;
        cases::visit(&mut |case| {
            if index == number {
                coverage.note(case, (case.run)(&harness));
            }
            index += 1;
        });
        number += 1;
        more = number < index;
    }
    assert!((1..=220).any(|row| coverage.status(row) == Status::Proved));
    coverage
}

esp8285_world::wire!(
    /// The wire of a world as the driver wants it.
    Line
);
