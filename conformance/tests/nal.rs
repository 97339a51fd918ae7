//! The community's traits on the tutorial backend: their cases, each in a world of its own,
//! and a thousand schedules of dropped futures.
//!
//! `cargo test -p usocket-conformance --features nal --test nal -- --nocapture`

mod worlds;

use std::time::Duration;

use usocket_conformance::net::{MemHarness, Network, Virtual};
use usocket_conformance::{Coverage, nal};

#[test]
#[expect(clippy::print_stdout, reason = "the coverage is what this test is for")]
fn every_case_holds() {
    let mut coverage = Coverage::new();
    let only = std::env::var("CASE").ok();
    worlds::each(|harness, number| {
        let mut index = 0;
        nal::visit(&mut |case| {
            if index == number && only.as_ref().is_none_or(|only| only == case.name) {
                coverage.note(case, worlds::caught(|| (case.run)(harness)));
            }
            index += 1;
        });
        number < index
    });
    println!("{coverage}");
    assert_eq!(coverage.failed(), 0, "see the table above");
}

#[test]
fn dropped_futures_lose_nothing() {
    for world in 0..10 {
        let network = Box::new(Network::new(Virtual::new(world + 1)));
        let harness: MemHarness<'_, Virtual> = MemHarness::new(&network).unwrap();
        let first = u32::try_from(world).unwrap() * 100;
        let run = || nal::dropped_futures(&harness, first..first + 100, Duration::from_millis(1));
        if let Err(failure) = worlds::caught(run) {
            panic!("seeds from {first}: {failure}");
        }
        let held = network.held();
        assert_eq!((held.sockets, held.queries, held.scripts), (0, 0, 0), "{first}: {held:?}");
    }
}
