//! The whole kit on the driver, over each firmware: every row is proved, or answered with
//! the documented errno.
//!
//! `cargo test -p usocket-backend-esp8285-at --test conformance -- --nocapture` prints the
//! coverage per profile. `CASE=name` runs one case, `TRACE=1` shows the wire.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use esp8285_sim::Version;
use esp8285_world::{KEY, Kit, Mode, SSID, Settings, caps, network};
use support::{Memory, Net, Wire, trace};
use usocket_backend_esp8285_at::{Config, Receive};
use usocket_conformance::{Caps, Coverage, Failure, Harness, cases};

/// Sockets of [`Memory`].
const SOCKETS: usize = 16;

/// Each case in a world of its own.
#[expect(clippy::print_stdout, reason = "the coverage is what this test is for")]
fn kit(version: Version, mode: Mode, thread: bool, least: usize) {
    let only = std::env::var("CASE").ok();
    let mut coverage = Coverage::new();
    let (mut number, mut more) = (0, true);
    while more {
        let network = network(1);
        let mut memory = Box::new(Memory::new());
        let kit = Kit::new(&network, Settings { version, ..Settings::default() }).unwrap();
        let world = kit.world().clone();
        // Nothing else can be said to the modem while it waits for a host that is silent,
        // so it must give up within the patience of the cases.
        world.with_net(|stack, _| stack.connect_limit = Duration::from_secs(6));
        let receive = if mode == Mode::Active { Receive::Active } else { Receive::Auto };
        let config = Config::new().receive(receive);
        let net: Net<'_> = Net::with_config(Wire(world.port()), world.board(), &mut memory, config);
        net.connect(SSID, KEY).unwrap();
        let ipv6 = cfg!(feature = "ipv6") && version == Version::V2_2;
        let abilities = Caps { ipv6, ..caps(version, mode, SOCKETS) };
        let harness = kit.harness(net, abilities);
        if ipv6 {
            // Its addresses come some seconds after the other one.
            harness.pass(Duration::from_secs(5));
        }
        let mut index = 0;
        cases::visit(&mut |case| {
            if index == number && only.as_ref().is_none_or(|only| only == case.name) {
                harness.net().set_trace(Some(trace));
                let run = AssertUnwindSafe(|| (case.run)(&harness));
                let outcome = catch_unwind(run).unwrap_or_else(|_| Err(Failure::new("panicked")));
                coverage.note(case, outcome);
            }
            index += 1;
        });
        number += 1;
        more = number < index;
    }
    let how = if thread { "a thread with a waker" } else { "one context" };
    println!("== firmware {version:?}, {mode:?}, {how}\n{coverage}");
    assert_eq!(coverage.failed(), 0, "see the table above");
    if only.is_none() {
        assert!(coverage.proved() >= least, "only {} rows are proved", coverage.proved());
    }
}

#[test]
fn firmware_1_5() {
    kit(Version::V1_5, Mode::Active, false, 170);
}

#[test]
fn firmware_1_7_6() {
    kit(Version::V1_7_6, Mode::Passive, false, 170);
}

#[test]
fn firmware_2_2_passive() {
    kit(Version::V2_2, Mode::Passive, false, 130);
}

#[test]
fn firmware_2_2_active() {
    kit(Version::V2_2, Mode::Active, false, 170);
}

/// Sleeping until a waker is used, not at every interrupt.
#[test]
fn firmware_1_7_6_as_a_thread() {
    kit(Version::V1_7_6, Mode::Passive, true, 170);
}
