//! The community's traits on the driver, over each firmware: their cases, each in a world of
//! its own, and a thousand schedules of dropped futures.
//!
//! `cargo test -p usocket-backend-esp8285-at --test nal -- --nocapture`. `CASE=name` runs
//! one case, `TRACE=1` shows the wire.

mod support;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use esp8285_sim::Version;
use esp8285_world::{KEY, Kit, KitHarness, Mode, SSID, Settings, caps, network};
use support::{Memory, Net, Wire, trace};
use usocket_backend_esp8285_at::{Config, Receive};
use usocket_conformance::{Caps, Coverage, Failure, Harness, Outcome, nal};

/// Sockets of [`Memory`].
const SOCKETS: usize = 16;

/// Calls `run` with a driver that has joined, in a fresh world.
fn world<T>(
    version: Version,
    mode: Mode,
    seed: u64,
    run: impl FnOnce(&KitHarness<'_, Net<'_>>) -> T,
) -> T {
    let network = network(seed);
    let mut memory = Box::new(Memory::new());
    let kit = Kit::new(&network, Settings { version, ..Settings::default() }).unwrap();
    let world = kit.world().clone();
    // A connect that waits for a silent host holds all else up: give up within the
    // patience of the cases.
    world.with_net(|stack, _| stack.connect_limit = Duration::from_secs(6));
    let receive = if mode == Mode::Active { Receive::Active } else { Receive::Auto };
    let config = Config::new().receive(receive);
    let net: Net<'_> = Net::with_config(Wire(world.port()), world.board(), &mut memory, config);
    net.connect(SSID, KEY).unwrap();
    let ipv6 = cfg!(feature = "ipv6") && version == Version::V2_2;
    let harness = kit.harness(net, Caps { ipv6, ..caps(version, mode, SOCKETS) });
    if ipv6 {
        // Its addresses come some seconds after the other one.
        harness.pass(Duration::from_secs(5));
    }
    harness.net().set_trace(Some(trace));
    run(&harness)
}

fn caught(run: impl FnOnce() -> Outcome) -> Outcome {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(Failure::new("panicked")))
}

#[expect(clippy::print_stdout, reason = "the coverage is what this test is for")]
fn cases(version: Version, mode: Mode) {
    let only = std::env::var("CASE").ok();
    let mut coverage = Coverage::new();
    let (mut number, mut more) = (0, true);
    while more {
        more = world(version, mode, 1, |harness| {
            let mut index = 0;
            nal::visit(&mut |case| {
                if index == number && only.as_ref().is_none_or(|only| only == case.name) {
                    coverage.note(case, caught(|| (case.run)(harness)));
                }
                index += 1;
            });
            number < index
        });
        number += 1;
    }
    println!("== firmware {version:?}, {mode:?}\n{coverage}");
    assert_eq!(coverage.failed(), 0, "see the table above");
}

/// A hundred schedules in each of these worlds.
fn schedules(version: Version, mode: Mode, parts: Range<u32>) {
    for part in parts {
        let seeds = part * 100..(part + 1) * 100;
        let moment = Duration::from_millis(1);
        let outcome = world(version, mode, u64::from(part) + 1, |harness| {
            caught(|| nal::dropped_futures(harness, seeds, moment))
        });
        if let Err(failure) = outcome {
            panic!("{version:?}, {mode:?}, part {part}: {failure}");
        }
    }
}

#[test]
fn firmware_1_5() {
    cases(Version::V1_5, Mode::Active);
}

#[test]
fn firmware_1_7_6() {
    cases(Version::V1_7_6, Mode::Passive);
}

#[test]
fn firmware_2_2_passive() {
    cases(Version::V2_2, Mode::Passive);
}

#[test]
fn firmware_2_2_active() {
    cases(Version::V2_2, Mode::Active);
}

#[test]
fn dropped_futures_lose_nothing_on_firmware_1_7_6() {
    schedules(Version::V1_7_6, Mode::Passive, 0..10);
}

#[test]
fn dropped_futures_lose_nothing_on_firmware_2_2() {
    schedules(Version::V2_2, Mode::Active, 10..20);
}
